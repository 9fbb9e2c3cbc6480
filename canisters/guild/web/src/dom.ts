// Elements. Text is only ever text: nothing here reads HTML.
type Child = Node | string | number | bigint | false | undefined | Child[];
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
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, String(value));
  }
  children.forEach((child) => append(element, child));
  return element;
}

export function replace(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  children.forEach((child) => append(parent, child));
}

const paths: Record<string, string> = {
  home: "M4 11.2 12 4l8 7.2V20h-5.5v-5.5h-5V20H4z",
  search: "M10.5 4a6.5 6.5 0 1 0 4.1 11.5l4.9 4.9 1.4-1.4-4.9-4.9A6.5 6.5 0 0 0 10.5 4zm0 2a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9z",
  plus: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  inbox: "M4 5h16v12H9l-5 4zm2 2v9.8L8.3 15H18V7z",
  person: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.5 20c.4-3.9 3.6-6 7.5-6s7.1 2.1 7.5 6z",
  network: "M8.5 5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM2 19.5c.3-3.6 3.1-5.5 6.5-5.5s6.2 1.9 6.5 5.5zM16.5 6.5a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6zm.2 7.300c2.9 0 5 1.6 5.300 4.700h-5c-.2-1.9-1-3.4-2.2-4.4.6-.2 1.2-.3 1.9-.3z",
  jobs: "M9 4h6a1 1 0 0 1 1 1v2h4v12H4V7h4V5a1 1 0 0 1 1-1zm1 3h4V6h-4zM6 12v5h12v-5h-4.5v1.5h-3V12z",
  like: "M2.5 10h4v10h-4zM8 10.5l4-7.5c1.6 0 2.6 1 2.6 2.5L14 9h5.300c1.300 0 2.2 1.1 1.9 2.4l-1.6 6.9c-.2 1-1 1.700-2.1 1.700H8z",
  celebrate: "m12 3.2 2.700 5.6 6.1.8-4.5 4.300 1.1 6.1-5.4-3-5.4 3 1.1-6.1L3.2 9.6l6.1-.8z",
  support: "M12 20.300 4.700 13a4.9 4.9 0 0 1 0-6.9 4.9 4.9 0 0 1 6.9 0l.4.4.4-.4a4.9 4.9 0 0 1 6.9 6.9z",
  insightful: "M12 3a6.5 6.5 0 0 1 3.700 11.8c-.5.4-.7.9-.7 1.4V17H9v-.8c0-.5-.2-1-.7-1.4A6.5 6.5 0 0 1 12 3zM9.5 18.5h5V20h-1l-.5 1.5h-2l-.5-1.5h-1z",
  funny: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM8.8 8.300a1.4 1.4 0 1 0 0 2.8 1.4 1.4 0 0 0 0-2.8zm6.4 0a1.4 1.4 0 1 0 0 2.8 1.4 1.4 0 0 0 0-2.8zM7 13.300c.6 2.700 2.5 4.2 5 4.2s4.4-1.5 5-4.2z",
  comment: "M12 4c5 0 9 3.300 9 7.5S17 19 12 19c-1 0-2-.1-2.9-.4L4.5 21l1-3.700C3.9 15.9 3 13.8 3 11.5 3 7.300 7 4 12 4z",
  close: "m6.4 5 5.6 5.6L17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4z",
  check: "M9.5 18.5 3.8 12.8l1.5-1.5 4.2 4.2 9.2-9.2 1.5 1.5z",
  shield: "M12 3l7.5 3v5.5c0 4.5-3 7.8-7.5 9.5-4.5-1.700-7.5-5-7.5-9.5V6zm-1.1 12.700 5.5-5.5L15 8.8l-4.1 4.1-1.9-1.9-1.4 1.4z",
  trash: "M9 4h6l1 2h4v2H4V6h4zM6 9.5h12L17.2 20H6.8z",
  send: "M3.5 4 21 12 3.5 20v-6.2L14 12 3.5 10.2z",
  eye: "M12 6c4.5 0 8 3 9.5 6-1.5 3-5 6-9.5 6s-8-3-9.5-6C4 9 7.5 6 12 6zm0 2.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z",
  picture: "M4 5h16v14H4zm2 10.5V17h12v-2l-3.5-4-3.5 4-2-2zM8.5 7.5a1.700 1.700 0 1 0 0 3.4 1.700 1.700 0 0 0 0-3.4z",
};

export function icon(name: keyof typeof paths | string): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[name] ?? "");
  svg.append(path);
  return svg;
}

export function count(number: number | bigint): string {
  return Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 }).format(number);
}

export function ago(time: number): string {
  const seconds = Math.max(0, (Date.now() - time) / 1000);
  for (const [unit, size] of [["y", 31_536_000], ["w", 604_800], ["d", 86_400], ["h", 3_600], ["min", 60]] as const) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return "now";
}
