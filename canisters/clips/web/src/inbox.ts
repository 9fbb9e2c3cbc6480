// What happened to the user, and messages.
import { app, backend, isRefusal, reason, refreshMe } from "./app";
import { ago, h, replace } from "./dom";
import { avatar, button, empty, failed, loading, notice, pages } from "./ui";
import type { Message, News, Person, Thread } from "./types";

const ASK_AGAIN_MS = 4_000;

function told(news: News): string {
  const texts: Record<string, string> = {
    Followed: "follows you", Liked: "likes your clip", Superliked: "superlikes your clip", Commented: "said something about your clip",
    Tipped: `gave you ${news.points} points`, Viral: `A clip went viral: ${news.points} points for you`, Messaged: "wrote to you",
    Hidden: "A clip of yours was reported and is hidden until moderators have voted", Restored: "Moderators kept your clip: it is shown again",
    Removed: "Moderators removed a clip of yours", CommentRemoved: "Moderators removed a comment of yours", RoleChanged: `You are ${news.role} now`,
  };
  return texts[news.kind] ?? news.kind;
}

function newsLine(news: News): HTMLElement {
  const gone = news.kind === "Removed" || news.kind === "CommentRemoved";
  const target = news.kind === "Messaged" && news.from ? `/messages/${news.from.name}`
    : news.clip !== undefined && !gone ? `/c/${news.clip}` : news.from ? `/@${news.from.name}` : "/inbox";
  return h("a", { class: `line news ${news.unread ? "unread" : ""}`, href: target },
    news.from ? avatar(news.from) : h("img", { class: "avatar", src: "/icon.svg", alt: "" }),
    h("span", { class: "names" }, h("span", {}, news.from && h("strong", {}, news.from.display), " ", told(news)), h("small", {}, ago(news.at))));
}

function threadLine(thread: Thread): HTMLElement {
  return h("a", { class: `line news ${thread.unread ? "unread" : ""}`, href: `/messages/${thread.with.name}` }, avatar(thread.with),
    h("span", { class: "names" }, h("strong", {}, thread.with.display), h("small", { class: "cut" }, thread.last.own && "You: ", thread.last.text)),
    h("small", {}, ago(thread.last.at)));
}

export function inbox(): HTMLElement {
  const content = h("div", {});
  const showNews = () => replace(content, pages<News, bigint>(async (before) => {
    const server = await backend();
    const page = await server.notifications(before);
    const first = page.items[0];
    if (before === undefined && first?.unread) void server.readNotifications(first.id).then(refreshMe, () => undefined);
    return page;
  }, newsLine, () => empty("Likes, comments and followers appear here.")));
  const showThreads = async () => {
    replace(content, loading());
    try {
      const threads = await (await backend()).conversations();
      replace(content, threads.length ? threads.map(threadLine) : empty("Write to somebody from their profile."));
    } catch (error) {
      replace(content, failed(error, () => void showThreads()));
    }
  };
  const choose = (which: string) => {
    tabs.forEach((tab) => tab.setAttribute("aria-selected", String(tab.dataset.tab === which)));
    if (which === "activity") showNews();
    else void showThreads();
  };
  const tabs = ["activity", "messages"].map((which) => h("button", { type: "button", role: "tab", "data-tab": which, onclick: () => choose(which) }, which[0]!.toUpperCase() + which.slice(1)));
  choose(app.me?.unreadMessages && !app.me.unreadNotifications ? "messages" : "activity");
  return h("section", { class: "page" }, h("h1", {}, "Inbox"), h("div", { class: "tablist", role: "tablist", "aria-label": "Inbox" }, tabs), content);
}

export async function conversation(name: string): Promise<HTMLElement> {
  const server = await backend();
  const other: Person = await server.profile(name);
  const list = h("div", { class: "letters", role: "log", "aria-label": "Messages" });
  let last = 0n;
  const bubble = (it: Message) => h("div", { class: `letter ${it.own ? "own" : ""}` }, h("p", {}, it.text), h("small", {}, ago(it.at)));
  const update = async () => {
    const page = await server.messages(other.id);
    const fresh = page.items.filter((it) => it.id > last).reverse();
    if (!fresh.length) return;
    list.querySelectorAll(".pending, .state").forEach((it) => it.remove());
    fresh.forEach((it) => list.append(bubble(it)));
    last = fresh[fresh.length - 1]!.id;
    list.lastElementChild?.scrollIntoView({ block: "end" });
    if (fresh.some((it) => !it.own)) void server.readMessages(other.id).then(refreshMe, () => undefined);
  };
  await update();
  if (!list.childElementCount) list.append(empty(`Say hello to ${other.display}.`));
  const timer = window.setInterval(() => {
    if (!list.isConnected) clearInterval(timer);
    else if (!document.hidden) void update().catch(() => undefined);
  }, ASK_AGAIN_MS);
  const input = h("textarea", { rows: 1, maxlength: 1000, placeholder: "Write a message", "aria-label": "Write a message" });
  const form = h("form", { class: "write", onsubmit: (event: Event) => { event.preventDefault(); void send(); } }, input, button("send", "Send", () => form.requestSubmit()));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  const send = async (text = input.value.trim(), order?: bigint): Promise<void> => {
    if (!text) return;
    const { randomOrder } = await import("./backend");
    order ??= randomOrder();
    input.value = "";
    const draft = bubble({ id: 0n, at: Date.now(), own: true, text });
    draft.classList.add("pending");
    list.append(draft);
    draft.scrollIntoView({ block: "end" });
    try {
      await server.sendMessage(other.id, text, order);
      await update();
    } catch (error) {
      draft.remove();
      input.value = text;
      notice(reason(error), isRefusal(error) ? undefined : { title: "Try again", run: () => void send(text, order) });
    }
  };
  return h("section", { class: "page talk" }, h("header", { class: "who" }, h("a", { class: "button icon", href: "/inbox", "aria-label": "Back to the inbox" }, "‹"), avatar(other), h("h1", {}, h("a", { href: `/@${other.name}` }, other.display))), list, form);
}
