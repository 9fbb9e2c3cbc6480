// Elements. Text is only ever text: nothing here reads HTML.
export type Child = Node | string | number | bigint | false | undefined | Child[];
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

/** Shows a view: its heading becomes the page's title and is read out. */
export function show(title: string, ...children: Child[]): void {
  const main = document.getElementById("app")!;
  const heading = h("h1", { tabindex: "-1" }, title);
  document.title = `${title} · Identity`;
  replace(main, heading, ...children);
  heading.focus();
}

const paths: Record<string, string> = {
  key: "M8 6.500a5.500 5.500 0 1 1-.01 11A5.500 5.500 0 0 1 8 6.500zm0 2.500a3 3 0 1 0 .01 6A3 3 0 0 0 8 9zm5.200 1.750H22V16h-2.500v-2.700h-2V15H15v-1.700h-1.800z",
  device: "M4 5h16v11H4zm2 2v7h12V7zM2 18h20v1.800H2z",
  words: "M5 4h14v16H5zm2 2v12h10V6zm2 2h6v1.600H9zm0 3.200h6v1.600H9zm0 3.200h4V16H9z",
  link: "M9.500 14.500a4 4 0 0 1 0-5.700l3-3a4 4 0 1 1 5.700 5.700l-1.400 1.400-1.400-1.400 1.400-1.400a2 2 0 0 0-2.900-2.900l-3 3a2 2 0 0 0 0 2.900zm5-5a4 4 0 0 1 0 5.700l-3 3a4 4 0 1 1-5.700-5.700l1.400-1.400 1.400 1.400L7.200 13.900a2 2 0 0 0 2.900 2.900l3-3a2 2 0 0 0 0-2.900z",
};

export function icon(name: string): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[name] ?? "");
  svg.append(path);
  return svg;
}

export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Where a view says what went wrong. */
export const problem = () => h("p", { class: "problem", role: "alert" });

/** A button that does one thing at a time, and says in `trouble` why it could not. */
export function action(label: Child, work: () => Promise<void>, trouble: HTMLElement, attributes: Attributes = {}): HTMLButtonElement {
  const button = h("button", { type: "button", ...attributes, onclick: async () => {
    button.disabled = true;
    trouble.textContent = "";
    try {
      await work();
    } catch (error) {
      trouble.textContent = reason(error);
    } finally {
      button.disabled = false;
    }
  } }, label);
  return button;
}

/** A form that does one thing at a time. */
export function form(work: () => Promise<void>, trouble: HTMLElement, ...children: Child[]): HTMLFormElement {
  const element = h("form", { onsubmit: async (event: Event) => {
    event.preventDefault();
    const buttons = [...element.querySelectorAll("button")];
    buttons.forEach((it) => { it.disabled = true; });
    trouble.textContent = "";
    try {
      await work();
    } catch (error) {
      trouble.textContent = reason(error);
    } finally {
      buttons.forEach((it) => { it.disabled = false; });
    }
  } }, ...children);
  return element;
}
