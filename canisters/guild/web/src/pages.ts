// Which page a path shows.
import { app, refreshMe } from "./app";
import { needUser } from "./account";
import { h } from "./dom";
import { go } from "./router";
import { empty } from "./ui";

const number = (text: string) => (/^\d{1,19}$/.test(text) ? BigInt(text) : 0n);

export async function page(path: string, query: URLSearchParams): Promise<HTMLElement> {
  const [, first = "", second = ""] = path.split("/");
  if (first.startsWith("@")) return (await import("./people")).profilePage(decodeURIComponent(first.slice(1)));
  switch (first) {
    case "p": return (await import("./feed")).postPage(number(second));
    case "people": return await known(async () => (await import("./search")).searchPage(query));
    case "jobs": return await known(async () => (await import("./jobs")).jobsPage());
    case "j": return await known(async () => (await import("./jobs")).jobPage(number(second)));
    case "network": return await signedIn("Network", async () => (await import("./network")).networkPage());
    case "inbox": return await signedIn("Inbox", async () => (await import("./inbox")).inbox());
    case "messages": return await signedIn("Messages", async () => (await import("./inbox")).conversation(decodeURIComponent(second)));
    case "views": return await signedIn("Views", async () => (await import("./people")).viewsPage());
    case "edit": return await signedIn("Edit profile", async () => (await import("./edit")).editPage());
    case "data": return await signedIn("My data", async () => (await import("./data")).dataPage());
    case "me": return await signedIn("Me", async () => (await import("./people")).profilePage(app.me!.profile.name));
    default: return h("section", { class: "page nowhere" }, h("h1", {}, "There is no such page"), empty("Perhaps the link is broken.", h("a", { class: "button primary", href: "/" }, "To the posts")));
  }
}

/** A page that shows more to users. */
async function known(show: () => Promise<HTMLElement>): Promise<HTMLElement> {
  if (!app.known) await refreshMe();
  return await show();
}

/** A page for users; guests are asked to sign in, and told what for. */
async function signedIn(title: string, show: () => Promise<HTMLElement>): Promise<HTMLElement> {
  if (!app.known) await refreshMe();
  if (app.me) return await show();
  const again = async () => { if (await needUser()) go(location.pathname, true); };
  return h("section", { class: "page" }, h("h1", {}, title), empty("Sign in with one tap to see what is yours. Reading needs no account.",
    h("button", { type: "button", class: "primary", onclick: () => void again() }, "Sign in"),
    h("button", { type: "button", onclick: () => dispatchEvent(new Event("open-hosted")) }, "How is this hosted?")));
}
