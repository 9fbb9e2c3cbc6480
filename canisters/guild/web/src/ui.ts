// Sheets, notices, small parts that many pages use.
import { app, isRefusal, media, reason } from "./app";
import { h, icon, replace } from "./dom";
import type { Page, Person } from "./types";

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
export async function optimistic<T>(change: () => void, undo: () => void, ask: () => Promise<T>, done: (answer: T) => void = () => undefined): Promise<void> {
  change();
  try {
    done(await ask());
  } catch (error) {
    undo();
    const retry = { title: "Try again", run: () => void optimistic(change, undo, ask, done) };
    notice(reason(error), isRefusal(error) ? undefined : retry);
  }
}

let sheets = 0;

/** A dialog over the page: a sheet from below on a phone, a card on a desk. */
export function sheet(title: string, content: Node[], options: { class?: string; onclose?: () => void } = {}): { close(): void; body: HTMLElement } {
  const body = h("div", { class: "sheet-body" }, ...content);
  const close = () => dialog.close();
  const heading = h("h2", { id: `sheet-${(sheets += 1)}` }, title);
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

const ORDINALS = ["", "1st", "2nd", "3rd"];

/** How far away somebody is, once it is known. */
export function degreeBadge(degree?: number): HTMLElement {
  const badge = h("span", { class: "degree", hidden: true });
  if (degree) showDegree(badge, degree);
  return badge;
}

export function showDegree(badge: HTMLElement, degree?: number): void {
  badge.hidden = !degree;
  replace(badge, degree ? [ORDINALS[degree] ?? "", h("span", { class: "unseen" }, degree === 1 ? " degree: connected" : " degree connection")] : undefined);
}

export function personLink(person: Person, detail?: string): HTMLElement {
  const badge = degreeBadge(person.tie === "Connected" ? 1 : undefined);
  badge.dataset.user = String(person.id);
  return h("a", { class: "person", href: `/@${person.name}` }, avatar(person),
    h("span", { class: "names" }, h("span", { class: "named" }, h("strong", {}, person.display), badge), h("small", {}, detail ?? (person.headline || `@${person.name}`))));
}

/** A text whose people's names (@name) and addresses of this app are links. */
export function rich(text: string): Node[] {
  return text.split(/(@[A-Za-z0-9_]{2,24})/u).map((part, index) =>
    index % 2 === 0 ? document.createTextNode(part) : h("a", { href: `/${part.toLowerCase()}` }, part));
}

export const loading = () => h("div", { class: "state", role: "status" }, h("span", { class: "spinner", "aria-hidden": "true" }), "Loading…");
export const empty = (text: string, ...more: Node[]) => h("div", { class: "state" }, h("p", {}, text), ...more);

export function failed(error: unknown, again: () => void): HTMLElement {
  return h("div", { class: "state", role: "alert" }, h("p", {}, reason(error)),
    h("button", { type: "button", onclick: again }, "Try again"));
}

/** Loads something into `box`, with its states. */
export async function fill(box: Element, load: () => Promise<Node | Node[]>): Promise<void> {
  replace(box, loading());
  try {
    replace(box, await load());
  } catch (error) {
    replace(box, failed(error, () => void fill(box, load)));
  }
}

/** A list that loads page after page as it is scrolled. `shown` is told what a page brought. */
export function pages<T, C = bigint>(
  load: (after?: C) => Promise<Page<T, C>>, show: (item: T) => Node, nothing: () => Node, kind = "list", shown: (items: T[]) => void = () => undefined,
): HTMLElement {
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
      shown(page.items);
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

export function confirmSheet(title: string, text: string, action: string, run: () => void): void {
  const box = sheet(title, [h("p", {}, text), h("div", { class: "row" },
    h("button", { type: "button", onclick: () => box.close() }, "Cancel"),
    h("button", { type: "button", class: "danger", onclick: () => { box.close(); run(); } }, action))]);
}

/** A form whose button waits for the answer and whose problems are told in it. */
export function form(fields: (Node | false | undefined)[], action: string, send: () => Promise<void>): HTMLFormElement {
  const problem = h("p", { class: "problem", role: "alert" });
  const press = h("button", { class: "primary wide" }, action);
  return h("form", { onsubmit: async (event: Event) => {
    event.preventDefault();
    press.disabled = true;
    problem.textContent = "";
    try {
      await send();
    } catch (error) {
      problem.textContent = error instanceof Error && error.name === "Problem" ? error.message : reason(error);
    } finally {
      press.disabled = false;
    }
  } }, ...fields.map((it) => it || undefined), problem, press);
}

/** Tabs that choose what stands below them. */
export function tablist(label: string, tabs: [string, () => Node][], first = 0): HTMLElement {
  const content = h("div", { role: "tabpanel", tabindex: "-1" });
  const choose = (index: number) => {
    presses.forEach((press, at) => {
      press.setAttribute("aria-selected", String(at === index));
      press.tabIndex = at === index ? 0 : -1;
    });
    content.setAttribute("aria-label", tabs[index]![0]);
    replace(content, tabs[index]![1]());
  };
  const presses = tabs.map(([title], index) => h("button", { type: "button", role: "tab", onclick: () => choose(index) }, title));
  const step = (event: KeyboardEvent) => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!by) return;
    const at = (presses.findIndex((it) => it.tabIndex === 0) + by + presses.length) % presses.length;
    choose(at);
    presses[at]!.focus();
  };
  choose(first);
  return h("div", {}, h("div", { class: "tablist", role: "tablist", "aria-label": label, onkeydown: step }, presses), content);
}

/** Known before `me` is: the canister tells with each card what is between it and the caller. */
export const isMe = (person: Pick<Person, "id" | "tie">) => person.tie === "Own" || app.me?.profile.id === person.id;

/** Sends on Enter, makes a line on Shift and Enter. */
export function sendOnEnter(input: HTMLTextAreaElement, send: () => void): void {
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
  });
}
