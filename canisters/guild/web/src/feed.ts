// Posts: the home feed, one post, reactions, and writing one.
import { app, backend, isRefusal, listen, media, reason } from "./app";
import { needUser } from "./account";
import { commentsOf } from "./comments";
import { ago, count, h, icon, replace } from "./dom";
import { fillDegrees } from "./ties";
import { avatar, button, confirmSheet, empty, fill, form, isMe, notice, optimistic, pages, personLink, rich, sheet } from "./ui";
import { REACTIONS, type Page, type Picture, type Post, type PostList, type Reaction } from "./types";

const LENGTH = 3_000;
const FOLD = 600;

/** The posts of the certified first page: shown before the app has asked the canister for anything. */
export async function firstPosts(): Promise<Post[]> {
  const response = await fetch("/first.json");
  if (!response.ok) return [];
  const posts = await response.json() as { id: string; author: Omit<Post["author"], "picture"> & { picture: string | null }; text: string; picture: string | null; created: string }[];
  return posts.map((it) => ({
    id: BigInt(it.id), text: it.text, picture: it.picture === null ? undefined : BigInt(it.picture), created: Number(BigInt(it.created) / 1_000_000n),
    author: { ...it.author, picture: it.author.picture === null ? undefined : BigInt(it.author.picture), tie: "Stranger" },
    reactions: [], comments: 0, partial: true,
  }));
}

const authors = (posts: Post[]) => void fillDegrees(posts.map((it) => it.author));

export function postList(list: PostList, nothing: () => Node): HTMLElement {
  return pages<Post>(async (before) => (await backend()).posts(list, before), (it) => postCard(it), nothing, "posts", authors);
}

/** A list whose first page may be shown before the canister answers. */
export function everyone(first: Promise<Post[]>): HTMLElement {
  const load = async (before?: bigint): Promise<Page<Post>> => (await backend()).posts({ Everyone: null }, before);
  const box = h("div", {});
  const show = () => replace(box, pages<Post>(load, (it) => postCard(it), () => empty("Nobody has posted anything yet."), "posts", authors));
  void first.catch(() => [] as Post[]).then((posts) => {
    if (!posts.length) return show();
    const early = h("div", { class: "posts" }, posts.map((it) => postCard(it)));
    replace(box, early);
    // the canister's answer brings the counts; the posts stay where they are
    void load().then((page) => {
      const after = page.next;
      const cards = page.items.map((it) => postCard(it));
      const rest = pages<Post>(async (before) => (await backend()).posts({ Everyone: null }, before ?? after), (it) => postCard(it), () => document.createTextNode(""), "posts", authors);
      replace(box, h("div", { class: "posts" }, cards), after !== undefined && rest);
      authors(page.items);
    }, (error) => {
      box.append(h("div", { class: "state", role: "alert" }, h("p", {}, reason(error)), h("button", { type: "button", onclick: show }, "Try again")));
    });
  });
  return box;
}

export function homePage(first: Promise<Post[]>): HTMLElement {
  const content = h("div", {});
  const choose = (which: "Network" | "Everyone") => {
    presses.forEach((press) => press.setAttribute("aria-pressed", String(press.dataset.list === which)));
    const nothing = () => empty("Posts of people you are connected with appear here.", h("a", { class: "button primary", href: "/network" }, "Find people"));
    replace(content, which === "Network" ? postList({ Network: null }, nothing) : everyone(first));
  };
  const presses = (["Everyone", "Network"] as const).map((which) =>
    h("button", { type: "button", "data-list": which, onclick: () => choose(which) }, which === "Network" ? "My network" : "Everyone"));
  const bar = h("div", { class: "toggle", role: "group", "aria-label": "Posts of", hidden: !app.me }, presses);
  choose("Everyone");
  const write = composer((post, ask) => {
    const list = content.querySelector(".posts");
    const card = postCard(post);
    list?.prepend(card);
    content.querySelector(".end .state")?.remove();
    return ask.then((it) => card.replaceWith(postCard(it)), (error) => { card.remove(); throw error; });
  });
  listen("me", bar, () => { bar.hidden = !app.me; });
  return h("div", { class: "columns" },
    h("section", { class: "page" }, h("h1", { class: "unseen" }, "Home"), write, bar, content), aside());
}

/** Beside the feed on a wide screen: people to know. */
function aside(): HTMLElement {
  const box = h("aside", { class: "aside", "aria-label": "People you may know" });
  const show = async () => {
    if (!app.me) {
      replace(box, h("div", { class: "card" }, h("h2", {}, "Guild"), h("p", {}, "People, their work and their connections, served by two canisters on Atoll. Reading needs no account."),
        h("button", { type: "button", class: "primary wide", onclick: () => void needUser() }, "Sign in")));
      return;
    }
    const { mayKnow } = await import("./network");
    replace(box, h("div", { class: "card" }, h("h2", {}, "People you may know"), mayKnow(5)));
  };
  void show();
  listen("me", box, () => void show());
  return box;
}

type Publish = (draft: Post, ask: Promise<Post>) => Promise<void>;

function composer(publish: Publish): HTMLElement {
  const open = async () => { if (await needUser()) openComposer(publish); };
  const face = h("span", {});
  const press = h("button", { type: "button", class: "ask", onclick: () => void open() }, "What is on your mind?");
  const box = h("div", { class: "card compose" }, face, press);
  const show = () => replace(face, app.me ? avatar(app.me.profile) : undefined);
  show();
  listen("me", box, show);
  return box;
}

function openComposer(publish: Publish): void {
  let picture: Picture | undefined;
  const left = h("small", {}, String(LENGTH));
  const text = h("textarea", { rows: 6, maxlength: LENGTH, placeholder: "What is on your mind?", "aria-label": "Post" });
  const preview = h("img", { class: "preview", alt: "The chosen picture", hidden: true });
  const input = h("input", { type: "file", accept: "image/*" });
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    preview.hidden = !file;
    if (file) preview.src = URL.createObjectURL(file);
  });
  text.addEventListener("input", () => { left.textContent = String(LENGTH - [...text.value].length); });
  const box = sheet("New post", [form([text, left, h("label", {}, "Picture", input), preview], "Publish", async () => {
    if (!text.value.trim() && !input.files?.[0]) return;
    const { small } = await import("./picture");
    picture = input.files?.[0] && await small(input.files[0], 1_280);
    const { randomOrder } = await import("./backend");
    const order = randomOrder();
    const said = text.value.trim();
    const draft: Post = { id: 0n, author: app.me!.profile, text: said, created: Date.now(), reactions: [], comments: 0, pending: true };
    box.close();
    const attempt = async (): Promise<void> => {
      try {
        await publish(draft, backend().then((server) => server.publish(said, picture, order)));
      } catch (error) {
        notice(reason(error), isRefusal(error) ? undefined : { title: "Try again", run: () => void attempt() });
      }
    };
    void attempt();
  })]);
  text.focus();
}

/** One post. */
export function postCard(post: Post, open = false): HTMLElement {
  const card = h("article", { class: `card post ${post.pending ? "pending" : ""}`, "aria-label": `Post by ${post.author.display}`, "data-post": post.id });
  const long = !open && post.text.length > FOLD;
  const text = h("p", { class: `text ${long ? "folded" : ""}` }, rich(post.text));
  const unfold = long && h("button", { type: "button", class: "link", onclick: (event: Event) => { text.classList.remove("folded"); (event.currentTarget as Element).remove(); } }, "Read all");
  const comments = h("div", { hidden: true });
  const facts = h("div", { class: "facts" });
  const remove = () => confirmSheet("Delete this post?", "Its comments and reactions go with it.", "Delete", () => {
    void optimistic(() => { card.hidden = true; }, () => { card.hidden = false; }, async () => (await backend()).deletePost(post.id), () => card.remove());
  });
  const when = post.pending ? "sending…" : ago(post.created);
  const head = h("header", {}, personLink(post.author), h("a", { class: "soft when", href: `/p/${post.id}`, "aria-label": `Posted ${when}: open` }, when),
    !post.pending && isMe(post.author) && button("trash", "Delete post", remove));
  const toggle = () => {
    comments.hidden = !comments.hidden;
    talk.setAttribute("aria-expanded", String(!comments.hidden));
    if (!comments.hidden && !comments.childElementCount) comments.append(commentsOf(post, show));
  };
  const talk = h("button", { type: "button", "data-do": "comment", "aria-expanded": "false", onclick: toggle }, icon("comment"), "Comment");
  const react = reactionButton(post, () => show());
  const show = () => {
    const total = post.reactions.reduce((sum, [, number]) => sum + number, 0);
    replace(facts, total > 0 && h("button", { type: "button", class: "link", onclick: () => void openReactions(post) },
      post.reactions.slice(0, 3).map(([kind]) => icon(kind.toLowerCase())), count(total), h("span", { class: "unseen" }, ` reaction${total === 1 ? "" : "s"}: who?`)),
    post.comments > 0 && h("button", { type: "button", class: "link", onclick: toggle }, `${count(post.comments)} comment${post.comments === 1 ? "" : "s"}`));
    react.show();
  };
  replace(card, head, text, unfold, post.picture !== undefined && h("img", { class: "picture", src: media(post.picture), alt: "", loading: "lazy" }), facts,
    !post.pending && h("footer", {}, react.element, talk), comments);
  show();
  if (open) toggle();
  return card;
}

function reactionButton(post: Post, changed: () => void): { element: HTMLElement; show: () => void } {
  const set = (reaction?: Reaction) => {
    const tally = new Map(post.reactions);
    if (post.mine) tally.set(post.mine, (tally.get(post.mine) ?? 1) - 1);
    if (reaction) tally.set(reaction, (tally.get(reaction) ?? 0) + 1);
    post.mine = reaction;
    post.reactions = [...tally].filter(([, number]) => number > 0).sort((a, b) => b[1] - a[1]);
    changed();
  };
  const react = async (reaction?: Reaction) => {
    menu.hidden = true;
    if (!await needUser()) return;
    const before = post.mine;
    await optimistic(() => set(reaction), () => set(before), async () => (await backend()).react(post.id, reaction),
      (it) => { Object.assign(post, { reactions: it.reactions, mine: it.mine, comments: it.comments, partial: false }); changed(); });
  };
  const main = h("button", { type: "button", "data-do": "like", onclick: () => void react(post.mine ? undefined : "Like") });
  const more = h("button", { type: "button", class: "icon small", "aria-label": "Other reactions", "aria-expanded": "false", onclick: () => { menu.hidden = !menu.hidden; more.setAttribute("aria-expanded", String(!menu.hidden)); } }, "⌄");
  const menu = h("span", { class: "reactions", role: "group", "aria-label": "Reactions", hidden: true },
    REACTIONS.map((kind) => button(kind.toLowerCase(), kind, () => void react(post.mine === kind ? undefined : kind), { "data-kind": kind })));
  const element = h("span", { class: "react" }, main, more, menu);
  element.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.hidden) {
      menu.hidden = true;
      more.setAttribute("aria-expanded", "false");
      more.focus();
    }
  });
  const show = () => {
    main.setAttribute("aria-pressed", String(post.mine !== undefined));
    main.dataset.kind = post.mine ?? "";
    replace(main, icon((post.mine ?? "Like").toLowerCase()), post.mine ?? "Like");
  };
  return { element, show };
}

async function openReactions(post: Post): Promise<void> {
  const box = sheet("Reactions", []);
  await fill(box.body, async () => {
    const people = await (await backend()).reactions(post.id);
    return people.map(([person, reaction]) => h("div", { class: "line" }, personLink(person), icon(reaction.toLowerCase()), h("span", { class: "unseen" }, reaction)));
  });
}

export async function postPage(id: bigint): Promise<HTMLElement> {
  const post = await (await backend()).post(id).catch((error) => {
    if (isRefusal(error)) return undefined;
    throw error;
  });
  if (!post) return h("section", { class: "page" }, h("h1", {}, "Post"), empty("This post is gone."));
  return h("section", { class: "page" }, h("h1", { class: "unseen" }, `Post by ${post.author.display}`), postCard(post, true));
}
