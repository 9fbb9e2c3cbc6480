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
  person: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.5 20c.4-3.9 3.600-6 7.500-6s7.100 2.100 7.500 6z",
  heart: "M12 20.300 4.700 13a4.900 4.900 0 0 1 0-6.900 4.900 4.900 0 0 1 6.900 0l.4.4.4-.4a4.900 4.900 0 0 1 6.900 6.900z",
  comment: "M12 4c5 0 9 3.300 9 7.500S17 19 12 19c-1 0-2-.1-2.900-.4L4.500 21l1-3.700C3.900 15.900 3 13.800 3 11.500 3 7.300 7 4 12 4z",
  bookmark: "M6 3.500h12v17l-6-4.500-6 4.500z",
  star: "m12 3.200 2.700 5.600 6.100.8-4.500 4.300 1.100 6.100-5.400-3-5.400 3 1.100-6.100L3.200 9.600l6.100-.8z",
  coin: "M12 3.500a8.500 8.500 0 1 1 0 17 8.500 8.500 0 0 1 0-17zm0 3.200L8 12l4 5.300 4-5.300z",
  share: "M13.500 4.500 21 11l-7.500 6.500v-4C8.500 13.500 5.500 15 3 19c.5-6.500 4-10 10.500-10.500z",
  more: "M6 10.200a1.800 1.800 0 1 1 0 3.600 1.800 1.800 0 0 1 0-3.600zm6 0a1.800 1.800 0 1 1 0 3.600 1.800 1.800 0 0 1 0-3.600zm6 0a1.800 1.800 0 1 1 0 3.600 1.800 1.800 0 0 1 0-3.600z",
  sound: "M4 9.500h3.500L12 5.500v13l-4.500-4H4zM14.500 8.200c2.300 1.700 2.300 5.900 0 7.600v-1.900c.9-1 .9-2.800 0-3.800zm0-3.700c5.300 2.100 5.300 12.900 0 15v-2c3.400-2.200 3.400-8.800 0-11z",
  mute: "M4 9.500h3.500L12 5.500v13l-4.500-4H4zm10.200.7 1.300-1.300 2 2 2-2 1.300 1.300-2 2 2 2-1.300 1.300-2-2-2 2-1.300-1.300 2-2z",
  play: "M7 4.500v15l13-7.500z",
  close: "m6.400 5 5.600 5.600L17.600 5 19 6.400 13.400 12l5.600 5.600-1.400 1.400-5.600-5.600L6.400 19 5 17.600l5.600-5.600L5 6.400z",
  back: "m14.500 5 1.400 1.400L10.300 12l5.600 5.600-1.400 1.400L7.500 12z",
  shield: "M12 3l7.500 3v5.500c0 4.500-3 7.800-7.500 9.500-4.500-1.700-7.500-5-7.500-9.500V6zm-1.100 12.700 5.500-5.500L15 8.800l-4.100 4.100-1.900-1.900-1.400 1.400z",
  trash: "M9 4h6l1 2h4v2H4V6h4zM6 9.500h12L17.200 20H6.800z",
  flag: "M6 3.500h12l-2.500 4.500L18 12.500H8V21H6z",
  send: "M3.500 4 21 12 3.500 20v-6.200L14 12 3.500 10.200z",
  eye: "M12 6c4.500 0 8 3 9.500 6-1.500 3-5 6-9.500 6s-8-3-9.500-6C4 9 7.500 6 12 6zm0 2.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7z",
  flame: "M12.500 3c.5 3.500 5 5.500 5 10.500a5.500 5.500 0 0 1-11 0c0-2 1-3.500 2-4.500.2 1.500 1 2.300 1.800 2.500C10 8.500 10.500 5.500 12.500 3z",
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
