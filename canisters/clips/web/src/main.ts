// The frame around all pages, and which page a path shows.
import { ended } from "./account";
import { app, backend, listen, reason, refreshMe } from "./app";
import { h, icon, replace } from "./dom";
import { Feed } from "./feed";
import { start } from "./router";
import { failed, loading, notice } from "./ui";

const TITLE = "Clips";
let feed: Feed | undefined;
const main = h("main", { id: "main", tabindex: "-1" });

function navigation(): HTMLElement {
  const items: [string, string, string][] = [
    ["/", "home", "Home"], ["/search", "search", "Discover"], ["/upload", "plus", "Publish"], ["/inbox", "inbox", "Inbox"], ["/me", "person", "Me"],
  ];
  const links = items.map(([path, symbol, name]) =>
    h("a", { href: path, class: symbol === "plus" ? "publish" : "", "data-path": path }, icon(symbol), h("span", {}, name), h("b", { class: "dot", hidden: true })));
  const moderation = h("a", { href: "/moderation", "data-path": "/moderation", class: "desk", hidden: true }, icon("shield"), h("span", {}, "Moderation"));
  const hosted = h("button", { type: "button", class: "desk hosted", onclick: () => void openHosted() }, icon("shield"), h("span", {}, "How is this hosted?"));
  const nav = h("nav", { class: "main", "aria-label": "Main" }, h("a", { class: "brand desk", href: "/" }, h("img", { src: "/icon.svg", alt: "", width: 32, height: 32 }), TITLE), links, moderation, hosted);
  listen("me", undefined, () => {
    const unread = (app.me?.unreadNotifications ?? 0) + (app.me?.unreadMessages ?? 0);
    const dot = links[3]!.querySelector<HTMLElement>(".dot")!;
    dot.hidden = unread === 0;
    replace(dot, unread > 99 ? "99+" : String(unread), h("span", { class: "unseen" }, " new"));
    moderation.hidden = !app.me || app.me.profile.role === "User";
  });
  return nav;
}

async function openHosted(): Promise<void> {
  (await import("./hosted")).openHosted();
}

function mark(path: string): void {
  document.querySelectorAll<HTMLElement>("nav.main [data-path]").forEach((link) => {
    const here = link.dataset.path === path || (link.dataset.path === "/" && (path === "/following" || path.startsWith("/c/")));
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
}

function showFeed(path: string): void {
  const first = path.match(/^\/c\/(\d{1,19})$/)?.[1];
  feed = new Feed({ tab: path === "/following" ? "Following" : "ForYou", first: first === undefined ? undefined : BigInt(first) });
  replace(main, feed.element);
  void feed.start();
}

async function showPage(path: string, query: URLSearchParams): Promise<void> {
  replace(main, loading());
  try {
    const pages = await import("./pages");
    const page = await pages.page(path, query);
    if (location.pathname !== path) return;
    replace(main, page);
    const title = main.querySelector("h1")?.textContent;
    document.title = title ? `${title} · ${TITLE}` : TITLE;
  } catch (error) {
    replace(main, failed(error, () => void showPage(path, query)));
  }
}

function show(path: string, query: URLSearchParams): void {
  feed?.stop();
  feed = undefined;
  document.title = TITLE;
  document.body.classList.toggle("watching", isFeed(path));
  mark(path);
  if (isFeed(path)) showFeed(path);
  else void showPage(path, query);
}

const isFeed = (path: string) => path === "/" || path === "/following" || path.startsWith("/c/");

function keys(event: KeyboardEvent): void {
  const target = event.target as Element;
  if (!feed || event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, dialog")) return;
  const does: Record<string, () => void> = {
    ArrowDown: () => feed!.step(1), ArrowUp: () => feed!.step(-1), j: () => feed!.step(1), k: () => feed!.step(-1),
    PageDown: () => feed!.step(1), PageUp: () => feed!.step(-1),
    m: () => feed!.switchSound(), l: () => feed!.press("like"), c: () => feed!.press("comment"), b: () => feed!.press("bookmark"), s: () => feed!.press("share"),
  };
  const run = event.key === " " && !target.closest("button, a") ? () => feed!.toggle() : does[event.key];
  if (!run) return;
  event.preventDefault();
  run();
}

const offline = h("p", { class: "offline", role: "status", hidden: navigator.onLine }, "You are offline. What is loaded keeps playing.");
addEventListener("offline", () => { offline.hidden = false; });
addEventListener("online", () => { offline.hidden = true; });
addEventListener("keydown", keys);
addEventListener("open-hosted", () => void openHosted());
listen("session-ended", undefined, () => void ended());

replace(document.getElementById("app")!, h("a", { class: "skip", href: "#main", onclick: (event: Event) => { event.preventDefault(); main.focus(); } }, "To the content"), offline, navigation(), main);
start(show);

// after the first clip has begun to load
async function greet(): Promise<void> {
  try {
    await backend();
    await refreshMe();
  } catch (error) {
    notice(reason(error), { title: "Try again", run: () => void greet() });
  }
}
void greet();
