// What happened to the user, and messages.
import { app, backend, isRefusal, reason, refreshMe } from "./app";
import { ago, h } from "./dom";
import { avatar, button, empty, fill, notice, pages, sendOnEnter, tablist } from "./ui";
import { STATES, type Message, type News, type Person, type Thread } from "./types";

const ASK_AGAIN_MS = 4_000;

function told(news: News): string {
  const texts: Record<string, string> = {
    Invited: "invites you to connect", Connected: "is connected with you now", Reacted: `reacts to your post: ${news.reaction}`,
    Commented: "said something about your post", Endorsed: `endorses you for ${news.skill}`, Messaged: "wrote to you", Applied: "applied for your job",
    Answered: `answered your application: ${news.state ? STATES[news.state] : ""}`,
  };
  return texts[news.kind] ?? news.kind;
}

function targetOf(news: News): string {
  if (news.kind === "Invited") return "/network";
  if (news.kind === "Messaged" && news.from) return `/messages/${news.from.name}`;
  if (news.post !== undefined) return `/p/${news.post}`;
  if (news.job !== undefined) return `/j/${news.job}`;
  if (news.kind === "Endorsed") return "/me";
  return news.from ? `/@${news.from.name}` : "/inbox";
}

function newsLine(news: News): HTMLElement {
  return h("a", { class: `line news ${news.unread ? "unread" : ""}`, href: targetOf(news) },
    news.from ? avatar(news.from) : h("img", { class: "avatar", src: "/icon.svg", alt: "" }),
    h("span", { class: "names" }, h("span", {}, h("strong", {}, news.from?.display ?? "Somebody who left"), " ", told(news)), h("small", {}, ago(news.at))));
}

function threadLine(thread: Thread): HTMLElement {
  return h("a", { class: `line news ${thread.unread ? "unread" : ""}`, href: `/messages/${thread.with.name}` }, avatar(thread.with),
    h("span", { class: "names" }, h("strong", {}, thread.with.display), h("small", { class: "cut" }, thread.last.own && "You: ", thread.last.text)),
    h("small", {}, ago(thread.last.at)));
}

export function inbox(): HTMLElement {
  const news = () => pages<News>(async (before) => {
    const server = await backend();
    const page = await server.notifications(before);
    const first = page.items[0];
    if (before === undefined && first?.unread) void server.readNotifications(first.id).then(refreshMe, () => undefined);
    return page;
  }, newsLine, () => empty("Invitations, reactions and comments appear here."));
  const threads = () => {
    const box = h("div", {});
    void fill(box, async () => {
      const all = await (await backend()).conversations();
      return all.length ? all.map(threadLine) : empty("Write to your connections from their profiles.");
    });
    return box;
  };
  const first = app.me?.unreadMessages && !app.me.unreadNotifications ? 1 : 0;
  return h("section", { class: "page" }, h("h1", {}, "Inbox"), tablist("Inbox", [["Activity", news], ["Messages", threads]], first));
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
  const input = h("textarea", { rows: 1, maxlength: 2000, placeholder: "Write a message", "aria-label": "Write a message" });
  const form = h("form", { class: "write", onsubmit: (event: Event) => { event.preventDefault(); void send(); } }, input, button("send", "Send", () => form.requestSubmit()));
  sendOnEnter(input, () => form.requestSubmit());
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
