// Values as people read them.
import type { Principal } from "@icp-sdk/core/principal";
import { asText, size, toHex } from "./bytes";
import { brief, isTuple, spelt, type Argument, type Field, type Interface, type Type } from "./did/type";
import { button, h, type Child } from "./dom";
import { key } from "./idl";
import { chosen, type Value } from "./json";

/** Items of a vec that are shown before somebody asks for more. */
const ITEMS_SHOWN = 50;
/** Values that one look shows; the rest can be read as text. */
const VALUES_MAX = 4_000;
const DEPTH_MAX = 40;
const BYTES_SHOWN = 256;

const soft = (text: string): HTMLElement => h("em", { class: "soft" }, text);
const isCanister = (id: Principal): boolean => id.toUint8Array().length === 10;

/** A principal; a canister's leads to its own methods. */
export function principal(id: Principal): HTMLElement {
  const text = h("code", {}, id.toText());
  return isCanister(id) ? h("a", { href: `/?id=${id.toText()}` }, text) : text;
}

function download(bytes: Uint8Array): HTMLElement {
  return button("Download", () => {
    const address = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]));
    h("a", { href: address, download: "reply.bin" }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }, { class: "small" });
}

function blob(bytes: Uint8Array): HTMLElement {
  const text = bytes.length > 0 && bytes.length <= 4 * BYTES_SHOWN ? asText(bytes) : undefined;
  const digits = toHex(bytes.subarray(0, BYTES_SHOWN)) + (bytes.length > BYTES_SHOWN ? "…" : "");
  return h("div", { class: "blob" }, h("p", { class: "soft" }, size(bytes.length), " ", bytes.length > 0 && download(bytes)),
    text !== undefined && h("p", { class: "text" }, text), bytes.length > 0 && h("code", {}, digits));
}

class View {
  private left = VALUES_MAX;

  constructor(private readonly book: Interface) {}

  show(type: Type, value: Value, depth = 0): Child {
    if (depth > DEPTH_MAX || --this.left < 0) return soft("… more than is shown here: read it as Candid or JSON");
    const real = this.book.real(type);
    switch (real.kind) {
      case "opt": return value.length === 0 ? soft("none") : this.show(real.of, value[0], depth + 1);
      case "vec": return this.book.isBlob(real) ? blob(Uint8Array.from(value)) : this.items(real.of, Array.from(value), depth);
      case "record": return this.record(real.fields, value, depth);
      case "variant": return this.variant(real.fields, value, depth);
      case "principal": case "service": return principal(value);
      case "func": return h("span", {}, principal(value[0]), ".", h("code", {}, spelt(value[1])));
      case "text": return value === "" ? soft("empty text") : h("span", { class: "text" }, value);
      case "bool": return h("span", {}, value ? "yes" : "no", " ", soft(String(value)));
      case "null": case "reserved": case "empty": return soft("null");
      default: return h("span", { class: "number" }, digits(value));
    }
  }

  private items(of: Type, values: Value[], depth: number): HTMLElement {
    if (values.length === 0) return soft("no items");
    const list = h("ol", { class: "list" });
    const more = (from: number) => {
      for (const value of values.slice(from, from + ITEMS_SHOWN)) list.append(h("li", {}, this.show(of, value, depth + 1)));
      const next = from + ITEMS_SHOWN;
      if (next >= values.length) return;
      const press = button(`Show more (${values.length - next} left)`, () => {
        this.left = VALUES_MAX;
        press.remove();
        more(next);
      }, { class: "small" });
      list.after(press);
    };
    const box = h("div", {}, h("p", { class: "soft" }, `${values.length} × ${brief(of)}`), list);
    more(0);
    return box;
  }

  private record(fields: Field[], value: Value, depth: number): HTMLElement {
    if (fields.length === 0) return soft("record without fields");
    return h("dl", {}, fields.map((field, index) => h("div", {},
      h("dt", {}, isTuple(fields) ? index + 1 : field.name ?? field.id),
      h("dd", {}, this.show(field.type, isTuple(fields) ? value[index] : value[key(field)], depth + 1)))));
  }

  private variant(fields: Field[], value: Value, depth: number): HTMLElement {
    const field = chosen(fields, value);
    const tag = h("span", { class: "tag" }, field.name ?? String(field.id));
    if (this.book.real(field.type).kind === "null") return tag;
    return h("div", { class: "variant" }, tag, h("div", {}, this.show(field.type, value[key(field)], depth + 1)));
  }
}

/** Digits in groups, whatever the language. */
function digits(value: bigint | number): string {
  const text = String(value);
  return /^-?\d{5,}$/.test(text) ? text.replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009") : text;
}

/** What a method gave. */
export function results(book: Interface, types: Argument[], values: Value[]): HTMLElement {
  if (types.length === 0) return h("p", {}, soft("The method gives nothing back; it went well."));
  const view = new View(book);
  const one = ({ type, name }: Argument, index: number) => h("div", { class: "value" },
    types.length > 1 && h("p", { class: "soft" }, name ?? `Result ${index + 1}`), view.show(type, values[index]));
  return h("div", { class: "values" }, types.map(one));
}
