// The pages that are not the feed.
import { app, backend, isRefusal, listen, reason, refreshMe } from "./app";
import { leave, needUser } from "./account";
import { count, h, icon, replace } from "./dom";
import { inbox, conversation } from "./inbox";
import { moderation } from "./moderation";
import { go } from "./router";
import { avatar, confirmSheet, empty, failed, followButton, loading, notice, pages, personLink, sheet, tile } from "./ui";
import { uploadPage, uploadPicture } from "./upload";
import type { ClipList, PeopleList, Profile } from "./types";

const TYPING_MS = 250;

export async function page(path: string, query: URLSearchParams): Promise<HTMLElement> {
  const [, first = "", second = ""] = path.split("/");
  if (first.startsWith("@")) return profilePage(decodeURIComponent(first.slice(1)));
  switch (first) {
    case "search": return searchPage(query.get("q") ?? "");
    case "tag": return tagPage(decodeURIComponent(second));
    case "upload": return await signedIn("Publish", uploadPage);
    case "inbox": return await signedIn("Inbox", inbox);
    case "messages": return await signedIn("Messages", () => conversation(decodeURIComponent(second)));
    case "moderation": return await signedIn("Moderation", moderation);
    case "me": return await signedIn("Me", () => profilePage(app.me!.profile.name));
    default: return h("section", { class: "page nowhere" }, h("h1", {}, "There is no such page"), empty("Perhaps the link is broken.", h("a", { class: "button primary", href: "/" }, "To the clips")));
  }
}

/** A page for users; guests are asked to sign in, and told what for. */
async function signedIn(title: string, show: () => HTMLElement | Promise<HTMLElement>): Promise<HTMLElement> {
  if (!app.known) await refreshMe();
  if (app.me) return await show();
  const again = async () => { if (await needUser()) go(location.pathname, true); };
  return h("section", { class: "page" }, h("h1", {}, title), empty("Sign in with one tap to see what is yours. Watching needs no account.",
    h("button", { type: "button", class: "primary", onclick: () => void again() }, "Sign in"),
    h("button", { type: "button", onclick: () => dispatchEvent(new Event("open-hosted")) }, "How is this hosted?")));
}

const grid = (list: ClipList, nothing: string) =>
  pages(async (after) => (await backend()).clips(list, after), tile, () => empty(nothing), "grid");

async function profilePage(name: string): Promise<HTMLElement> {
  const it = await (await backend()).profile(name).catch((error) => {
    if (isRefusal(error)) return undefined;
    throw error;
  });
  if (!it) return h("section", { class: "page" }, h("h1", {}, `@${name}`), empty("Nobody has this name."));
  const number = (value: number | bigint, text: string, run?: () => void) =>
    h(run ? "button" : "span", { class: "number", type: run ? "button" : undefined, onclick: run }, h("strong", {}, count(value)), text);
  const lists = h("div", {});
  const choose = (which: string) => {
    tabs.forEach((tab) => tab.setAttribute("aria-selected", String(tab.dataset.tab === which)));
    replace(lists, which === "clips" ? grid({ Of: it.id }, it.own ? "You have published nothing yet." : "No clips yet.")
      : which === "liked" ? grid({ Liked: null }, "Clips that you like appear here. Only you see them.") : grid({ Bookmarked: null }, "Clips that you save appear here. Only you see them."));
  };
  const tabs = (it.own ? ["clips", "liked", "saved"] : ["clips"]).map((which) =>
    h("button", { type: "button", role: "tab", "data-tab": which, onclick: () => choose(which) }, which[0]!.toUpperCase() + which.slice(1)));
  choose("clips");
  return h("section", { class: "page profile" },
    h("header", { class: "who" }, avatar(it, "large"), h("div", {}, h("h1", {}, it.display), h("p", { class: "soft" }, `@${it.name}`, it.role !== "User" && ` · ${it.role}`))),
    h("div", { class: "numbers" }, number(it.clips, "clips"), number(it.followers, "followers", () => openPeople("Followers", { Followers: it.id })),
      number(it.following, "following", () => openPeople("Following", { FollowedBy: it.id })), number(it.likes, "likes")),
    it.bio && h("p", { class: "bio" }, it.bio), it.suspended && h("p", { class: "problem" }, "This account is suspended."),
    h("div", { class: "row" }, it.own ? ownButtons(it) : otherButtons(it)),
    h("div", { class: "tablist", role: "tablist", "aria-label": "Lists of clips" }, tabs), lists);
}

function ownButtons(it: Profile): HTMLElement[] {
  const text = (title: string, run: () => void) => h("button", { type: "button", onclick: run }, title);
  const points = h("span", { class: "points" }, icon("coin"), `${app.me?.points ?? 0} points`);
  listen("me", points, () => replace(points, icon("coin"), `${app.me?.points ?? 0} points`));
  return [points, text("Edit profile", () => openEdit(it)), text("Blocked", () => openPeople("Blocked by you", { Blocked: null })),
    text("Sign out", () => void leave().then(() => go("/"))), text("How is this hosted?", () => dispatchEvent(new Event("open-hosted"))),
    ...(it.role === "User" ? [] : [h("a", { class: "button", href: "/moderation" }, "Moderation")])];
}

function otherButtons(it: Profile): HTMLElement[] {
  const block = async () => {
    if (!await needUser()) return;
    try {
      await (await backend()).block(it.id, !it.blocked);
      go(location.pathname, true);
    } catch (error) {
      notice(reason(error));
    }
  };
  const ask = () => (it.blocked ? void block() : confirmSheet(`Block @${it.name}?`, "Neither of you sees or reaches the other.", "Block", () => void block()));
  return [followButton(it), h("a", { class: "button", href: `/messages/${it.name}` }, "Message"),
    h("button", { type: "button", onclick: ask }, it.blocked ? "Unblock" : "Block")];
}

function openPeople(title: string, list: PeopleList): void {
  sheet(title, [pages(async (after) => (await backend()).people(list, after), (it) => h("div", { class: "line" }, personLink(it), followButton(it)), () => empty("Nobody yet."))]);
}

function openEdit(it: Profile): void {
  const problem = h("p", { class: "problem", role: "alert" });
  const display = h("input", { required: true, maxlength: 40, value: it.display });
  const bio = h("textarea", { maxlength: 200, rows: 3 }, it.bio);
  const picture = h("input", { type: "file", accept: "image/*" });
  const press = h("button", { class: "primary wide" }, "Save");
  const form = h("form", { onsubmit: async (event: Event) => {
    event.preventDefault();
    press.disabled = true;
    try {
      const file = picture.files?.[0];
      const id = file && await uploadPicture(file, 256);
      await (await backend()).editProfile(display.value, bio.value, id);
      await refreshMe();
      box.close();
      go(location.pathname, true);
    } catch (error) {
      problem.textContent = reason(error);
      press.disabled = false;
    }
  } }, h("label", {}, "Name", display), h("label", {}, "About you", bio), h("label", {}, "Picture", picture), problem, press);
  const box = sheet("Edit profile", [form]);
}

function tagPage(tag: string): HTMLElement {
  return h("section", { class: "page" }, h("h1", {}, `#${tag}`), grid({ Tagged: tag }, "No clip has this hashtag yet."));
}

function searchPage(query: string): HTMLElement {
  const results = h("div", { "aria-live": "polite" });
  const input = h("input", { type: "search", placeholder: "Names, words, #hashtags", "aria-label": "Search", value: query, maxlength: 80, autocomplete: "off" });
  let timer = 0;
  let asked = 0;
  const search = async () => {
    const text = input.value.trim();
    const turn = ++asked;
    history.replaceState({}, "", text ? `/search?q=${encodeURIComponent(text)}` : "/search");
    replace(results, loading());
    try {
      const found = text ? await find(text) : await trends();
      if (turn === asked) replace(results, found);
    } catch (error) {
      if (turn === asked) replace(results, failed(error, () => void search()));
    }
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void search(), TYPING_MS);
  });
  void search();
  return h("section", { class: "page" }, h("h1", {}, "Discover"), h("form", { class: "search", role: "search", onsubmit: (event: Event) => { event.preventDefault(); void search(); } }, icon("search"), input), results);
}

const tagLine = ({ tag, clips }: { tag: string; clips: bigint }) =>
  h("a", { class: "chip", href: `/tag/${encodeURIComponent(tag)}` }, `#${tag}`, h("small", {}, count(clips)));

async function find(text: string): Promise<HTMLElement> {
  const found = await (await backend()).search(text);
  if (!found.people.length && !found.clips.length && !found.tags.length) return empty(`Nothing found for “${text}”.`);
  return h("div", {}, found.people.length > 0 && [h("h2", {}, "People"), found.people.map((it) => h("div", { class: "line" }, personLink(it), followButton(it)))],
    found.tags.length > 0 && [h("h2", {}, "Hashtags"), h("div", { class: "chips" }, found.tags.map(tagLine))],
    found.clips.length > 0 && [h("h2", {}, "Clips"), h("div", { class: "grid" }, found.clips.map(tile))]);
}

async function trends(): Promise<HTMLElement> {
  const server = await backend();
  const [tags, latest] = await Promise.all([server.trends(), server.feed("ForYou", undefined, 24)]);
  if (!latest.items.length) return empty("Nothing is published yet.");
  return h("div", {}, tags.length > 0 && [h("h2", {}, "Hashtags"), h("div", { class: "chips" }, tags.slice(0, 12).map(tagLine))], h("h2", {}, "Now"), h("div", { class: "grid" }, latest.items.map(tile)));
}
