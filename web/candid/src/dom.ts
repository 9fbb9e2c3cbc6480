// Elements. Text is only ever text: nothing here reads HTML.
export type Child = Node | string | number | false | undefined | Child[];
type Attributes = Record<string, unknown>;

function append(parent: Element, child: Child): void {
  if (child === false || child === undefined) return;
  if (Array.isArray(child)) child.forEach((it) => append(parent, it));
  else parent.append(child instanceof Node ? child : String(child));
}

/** An element. `onclick` and the like are listeners, true and false set or leave an attribute, the rest is text. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  children.forEach((child) => append(element, child));
  return element;
}

export function replace(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  children.forEach((child) => append(parent, child));
}

export const at = (id: string): HTMLElement => document.getElementById(id)!;

let last = 0;
/** An id that no other element has. */
export const fresh = (): string => `it-${++last}`;

export const badge = (text: string, tone: string): HTMLElement => h("span", { class: `badge ${tone}` }, text);

export const button = (text: string, work: (event: Event) => void, attributes: Attributes = {}): HTMLButtonElement =>
  h("button", { type: "button", onclick: work, ...attributes }, text);

/** A text that keeps its lines and scrolls by itself, also by keys. */
export const block = (label: string, text: string): HTMLElement => h("pre", { tabindex: "0", role: "group", "aria-label": label }, text);

/** Puts a text where it can be pasted from, and says so on the button for a moment. */
export function copying(label: string, text: () => string): HTMLButtonElement {
  const press = button(label, async () => {
    const done = await navigator.clipboard.writeText(text()).then(() => "Copied", () => "The browser does not allow it");
    press.textContent = done;
    setTimeout(() => { press.textContent = label; }, 1_500);
  }, { class: "small" });
  return press;
}
