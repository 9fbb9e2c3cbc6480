// Elements, made without HTML in strings: what canisters answer is text and stays text.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const at = (id) => document.getElementById(id);

/** Puts these children in place of those that are there. Open details and the focus stay where they were. */
export function show(place, ...children) {
  const open = new Set([...place.querySelectorAll("details[open][data-key]")].map((it) => it.dataset.key));
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  place.replaceChildren(...children.flat(Infinity).filter(Boolean));
  for (const details of place.querySelectorAll("details[data-key]")) {
    if (open.has(details.dataset.key)) details.open = true;
  }
  if (focused) {
    const again = [...place.querySelectorAll("[data-key]")].find((it) => it.dataset.key === focused);
    (again?.matches("details") ? again.querySelector("summary") : again)?.focus({ preventScroll: true });
  }
}

/**
 * A table; `columns` of `{ name, cell(row), number, head, wide, minor }`. On narrow screens its rows are cards, in which
 * wide cells have a line and minor ones are left out; that is why roles are said. What is still too wide scrolls by
 * itself and can be reached by keys.
 */
export function table(caption, columns, rows, key) {
  const kind = ({ number, wide, minor }) => [number && "number", wide && "wide", minor && "minor"].filter(Boolean).join(" ");
  const head = columns.map((column) => h("th", { scope: "col", role: "columnheader", class: kind(column) }, column.name));
  const line = (row) => columns.map((column) => h(column.head ? "th" : "td", {
    scope: column.head && "row", role: column.head ? "rowheader" : "cell", class: kind(column), "data-name": column.name,
  }, column.cell(row)));
  const region = { tabindex: "0", role: "region", "aria-label": `Table: ${caption}`, "data-key": key ?? caption };
  return h("div", { class: "scroll", ...region },
    h("table", { role: "table" }, h("caption", { class: "hidden" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)),
      h("tbody", { role: "rowgroup" }, rows.map((row) => h("tr", { role: "row" }, line(row))))));
}

export const badge = (text, tone) => h("span", { class: `badge ${tone}` }, text);
export const note = (text, tone = "") => h("p", { class: `note ${tone}` }, text);

/** A number with its name, as the page's tiles and lists of facts show it. */
export const fact = (name, value, more) =>
  h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value, more && h("small", {}, more)));

/** A principal: short, whole as its description, copied by a click. */
export function id(principal, label) {
  const text = typeof principal === "string" ? principal : principal.toText();
  const parts = text.split("-");
  const short = parts.length > 5 ? `${parts[0]}-${parts[1]}…${parts.at(-1)}` : text;
  const copy = async (event) => {
    const button = event.currentTarget;
    await navigator.clipboard?.writeText(text).catch(() => undefined);
    button.classList.add("copied");
    setTimeout(() => button.classList.remove("copied"), 1200);
  };
  return h("button", { class: "id", type: "button", title: `Copy ${label ?? "id"} ${text}`,
    "data-key": `id ${label ?? ""} ${text}`, onclick: copy }, short);
}
