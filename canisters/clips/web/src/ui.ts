// Sheets, notices, small parts that many pages use.
import { needUser } from "./account";
import { app, backend, isRefusal, media, reason } from "./app";
import { h, icon, replace } from "./dom";
import type { Clip, Cursor, Page, Person } from "./types";

const NOTICE_MS = 5_000;
let notices: HTMLElement | undefined;

/** A notice at the edge of the screen, with something to do about it if there is. */
export function notice(text: string, action?: { title: string; run: () => void }): void {
  notices ??= document.body.appendChild(h("div", { class: "notices", role: "status", "aria-live": "polite" }));
  const close = () => box.remove();
  const box = h("div", { class: "notice" }, h("span", {}, text));
  if (action) {
    box.append(h("button", { type: "button", onclick: () => { close(); action.run(); } }, action.title));
  }
  notices.append(box);
  setTimeout(close, action ? 2 * NOTICE_MS : NOTICE_MS);
}

/** Shows at once what `change` does, asks the canister, and takes it back with a notice if that fails. */
export async function optimistic(change: () => void, undo: () => void, ask: () => Promise<unknown>): Promise<void> {
  change();
  try {
    await ask();
  } catch (error) {
    undo();
    const retry = { title: "Try again", run: () => void optimistic(change, undo, ask) };
    notice(reason(error), isRefusal(error) ? undefined : retry);
  }
}

/** A dialog over the page: a sheet from below on a phone, a card on a desk. */
export function sheet(title: string, content: Node[], options: { class?: string; onclose?: () => void } = {}): { close(): void; body: HTMLElement } {
  const body = h("div", { class: "sheet-body" }, ...content);
  const close = () => dialog.close();
  const heading = h("h2", { id: `sheet-${Date.now()}` }, title);
  const dialog = h("dialog", { class: `sheet ${options.class ?? ""}`, "aria-labelledby": heading.id },
    h("header", {}, heading, button("close", "Close", close)), body);
  dialog.addEventListener("click", (event) => event.target === dialog && close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    options.onclose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { close, body };
}

export function button(name: string, label: string, run: (event: Event) => void, attributes: Record<string, unknown> = {}): HTMLButtonElement {
  return h("button", { type: "button", class: "icon", "aria-label": label, title: label, onclick: run, ...attributes }, icon(name));
}

export function avatar(person: Pick<Person, "display" | "name" | "picture">, size = ""): HTMLElement {
  if (person.picture !== undefined) return h("img", { class: `avatar ${size}`, src: media(person.picture), alt: "", loading: "lazy" });
  const face = h("span", { class: `avatar ${size}`, "aria-hidden": "true" }, (person.display || person.name).slice(0, 1).toUpperCase());
  const hue = [...person.name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);
  face.style.setProperty("--hue", String(hue));
  return face;
}

export function personLink(person: Person, ...more: Node[]): HTMLElement {
  return h("a", { class: "person", href: `/@${person.name}` }, avatar(person),
    h("span", { class: "names" }, h("strong", {}, person.display), h("small", {}, `@${person.name}`)), ...more);
}

/** A text whose hashtags and names are links. */
export function rich(text: string): Node[] {
  return text.split(/([#@][\p{L}\p{N}_]+)/u).map((part, index) => {
    if (index % 2 === 0) return document.createTextNode(part);
    const target = part.startsWith("#") ? `/tag/${encodeURIComponent(part.slice(1).toLowerCase())}` : `/${part.toLowerCase()}`;
    return h("a", { href: target }, part);
  });
}

export const loading = () => h("div", { class: "state", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), "Loading…");
export const empty = (text: string, ...more: Node[]) => h("div", { class: "state" }, h("p", {}, text), ...more);

export function failed(error: unknown, again: () => void): HTMLElement {
  return h("div", { class: "state", role: "alert" }, h("p", {}, reason(error)),
    h("button", { type: "button", onclick: again }, "Try again"));
}

/** A list that loads page after page as it is scrolled. */
export function pages<T, C = Cursor>(load: (after?: C) => Promise<Page<T, C>>, show: (item: T) => Node, nothing: () => Node, kind = "list"): HTMLElement {
  const list = h("div", { class: kind });
  const end = h("div", { class: "end" });
  let after: C | undefined;
  let busy = false;
  const more = async () => {
    if (busy) return;
    busy = true;
    replace(end, loading());
    try {
      const page = await load(after);
      after = page.next;
      page.items.forEach((item) => list.append(show(item)));
      if (!list.childElementCount && !after) replace(end, nothing());
      else replace(end);
      if (!after) watcher.disconnect();
      else requestAnimationFrame(() => { watcher.unobserve(end); watcher.observe(end); });
    } catch (error) {
      replace(end, failed(error, () => void more()));
    } finally {
      busy = false;
    }
  };
  const watcher = new IntersectionObserver((entries) => entries.some((it) => it.isIntersecting) && void more(), { rootMargin: "400px" });
  watcher.observe(end);
  return h("div", {}, list, end);
}

export function tile(clip: Clip): HTMLElement {
  const picture = clip.poster === undefined
    ? h("video", { src: `${media(clip.video)}#t=0.1`, muted: true, preload: "metadata", playsinline: true, tabindex: "-1" })
    : h("img", { src: media(clip.poster), alt: "", loading: "lazy" });
  return h("a", { class: "tile", href: `/c/${clip.id}`, "aria-label": `${clip.hidden ? "Hidden. " : ""}${clip.views} views: ${clip.caption || `clip by ${clip.author.display}`}` },
    picture, h("span", { class: "tile-foot" }, icon("play"), String(clip.views)), clip.hidden && h("span", { class: "badge" }, "Hidden"));
}

export function confirmSheet(title: string, text: string, action: string, run: () => void): void {
  const box = sheet(title, [h("p", {}, text), h("div", { class: "row" },
    h("button", { type: "button", onclick: () => box.close() }, "Cancel"),
    h("button", { type: "button", class: "danger", onclick: () => { box.close(); run(); } }, action))]);
}

/** Follows somebody, or no longer. */
export function followButton(person: Person & { own?: boolean }): HTMLElement {
  const show = () => {
    toggle.textContent = person.followed ? "Following" : "Follow";
    toggle.classList.toggle("primary", !person.followed);
    toggle.setAttribute("aria-pressed", String(person.followed));
  };
  const toggle = h("button", { type: "button", class: "follow", onclick: async () => {
    if (!await needUser()) return;
    const on = !person.followed;
    const set = (value: boolean) => () => { person.followed = value; show(); };
    await optimistic(set(on), set(!on), async () => (await backend()).follow(person.id, on));
  } });
  show();
  if (app.me?.profile.id === person.id) toggle.hidden = true;
  return toggle;
}

