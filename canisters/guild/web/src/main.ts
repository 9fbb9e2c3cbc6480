// The frame around all pages, and which page a path shows.
import { ended } from "./account";
import { app, backend, listen, reason, refreshMe } from "./app";
import { h, icon, replace } from "./dom";
import { firstPosts, homePage } from "./feed";
import { start } from "./router";
import { failed, loading, notice } from "./ui";

const TITLE = "Guild";
const main = h("main", { id: "main", tabindex: "-1" });
let first: ReturnType<typeof firstPosts> | undefined;

function navigation(): HTMLElement {
  const items: [string, string, string][] = [
    ["/", "home", "Home"], ["/people", "search", "People"], ["/network", "network", "Network"], ["/jobs", "jobs", "Jobs"], ["/inbox", "inbox", "Inbox"], ["/me", "person", "Me"],
  ];
  const links = items.map(([path, symbol, name]) =>
    h("a", { href: path, "data-path": path }, icon(symbol), h("span", {}, name), h("b", { class: "dot", hidden: true })));
  const hosted = h("button", { type: "button", class: "desk hosted", onclick: () => void openHosted() }, icon("shield"), h("span", {}, "How is this hosted?"));
  const tell = (index: number, number: number) => {
    const dot = links[index]!.querySelector<HTMLElement>(".dot")!;
    dot.hidden = number === 0;
    replace(dot, number > 99 ? "99+" : String(number), h("span", { class: "unseen" }, " new"));
  };
  listen("me", undefined, () => {
    tell(2, app.me?.invitations ?? 0);
    tell(4, (app.me?.unreadNotifications ?? 0) + (app.me?.unreadMessages ?? 0));
  });
  return h("nav", { class: "main", "aria-label": "Main" }, h("a", { class: "brand desk", href: "/" }, h("img", { src: "/icon.svg", alt: "", width: 32, height: 32 }), TITLE), links, hosted);
}

async function openHosted(): Promise<void> {
  (await import("./hosted")).openHosted();
}

function mark(path: string): void {
  document.querySelectorAll<HTMLElement>("nav.main [data-path]").forEach((link) => {
    if (link.dataset.path === path) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
}

let turn = 0;

async function showPage(path: string, query: URLSearchParams): Promise<void> {
  const mine = ++turn;
  replace(main, loading());
  try {
    const { page } = await import("./pages");
    const shown = await page(path, query);
    if (mine !== turn) return;
    replace(main, shown);
    const title = main.querySelector("h1")?.textContent;
    document.title = title ? `${title} · ${TITLE}` : TITLE;
  } catch (error) {
    if (mine === turn) replace(main, failed(error, () => void showPage(path, query)));
  }
}

let shown: string | undefined;

function show(path: string, query: URLSearchParams): void {
  document.title = TITLE;
  mark(path);
  scrollTo(0, 0);
  // a reader of the screen is told that the page is another
  if (shown !== undefined && shown !== path) main.focus({ preventScroll: true });
  shown = path;
  if (path !== "/") return void showPage(path, query);
  turn += 1;
  const posts = first ?? firstPosts();
  // what was shown first is no longer the latest the second time
  first = undefined;
  replace(main, homePage(posts));
}

const offline = h("p", { class: "offline", role: "status", hidden: navigator.onLine }, "You are offline. What is loaded stays readable.");
addEventListener("offline", () => { offline.hidden = false; });
addEventListener("online", () => { offline.hidden = true; });
listen("session-ended", undefined, () => void ended());
addEventListener("open-hosted", () => void openHosted());

if (location.pathname === "/") first = firstPosts();
replace(document.getElementById("app")!, h("a", { class: "skip", href: "#main", onclick: (event: Event) => { event.preventDefault(); main.focus(); } }, "To the content"), offline, navigation(), main);
start(show);

// after the first posts have begun to load
async function greet(): Promise<void> {
  try {
    await backend();
    await refreshMe();
  } catch (error) {
    notice(reason(error), { title: "Try again", run: () => void greet() });
  }
}
void greet();
