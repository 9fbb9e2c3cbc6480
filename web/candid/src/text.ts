// Values as Candid writes them.
import type { Principal } from "@icp-sdk/core/principal";
import { NUMBERS, isTuple, quoted, spelt, type Argument, type Field, type Interface, type NumberKind, type Type } from "./did/type";
import { key } from "./idl";
import { chosen, type Value } from "./json";
import { isFloat } from "./number";

const label = ({ id, name }: Field): string => (name === undefined ? String(id) : spelt(name));

/** Bytes that are letters stand for themselves. */
function blob(bytes: Iterable<number>): string {
  const shown = (byte: number) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c ? String.fromCharCode(byte) : `\\${byte.toString(16).padStart(2, "0")}`;
  return `blob "${Array.from(bytes, shown).join("")}"`;
}

/** Digits in groups, as Candid may have them. */
const grouped = (digits: string): string => digits.replace(/\B(?=(\d{3})+(?!\d))/g, "_");

function number(kind: NumberKind, value: bigint | number): string {
  if (!isFloat(kind)) return kind === "int" ? grouped(String(value)) : `${grouped(String(value))} : ${kind}`;
  const text = Object.is(value, -0) ? "-0" : String(value);
  return `${/[.e]|N|I/.test(text) ? text : `${text}.0`} : ${kind}`;
}

/** An annotation belongs to the number alone. */
const bound = (text: string): string => (/^[^"\s]+ : \w+$/.test(text) ? `(${text})` : text);

/** `items` between braces: in one line, or in one each where that is long. */
function braces(word: string, items: string[], indent: string): string {
  if (items.length === 0) return `${word} {}`;
  const line = `${word} { ${items.join("; ")} }`;
  if (line.length + indent.length <= 100 && !line.includes("\n")) return line;
  return `${word} {\n${items.map((it) => `${indent}  ${it};\n`).join("")}${indent}}`;
}

export function toText(book: Interface, type: Type, value: Value, indent = ""): string {
  const real = book.real(type);
  const inner = `${indent}  `;
  switch (real.kind) {
    case "opt": return value.length === 0 ? "null" : `opt ${bound(toText(book, real.of, value[0], indent))}`;
    case "vec": return book.isBlob(real) ? blob(value) : braces("vec", Array.from(value as Value[], (it) => toText(book, real.of, it, inner)), indent);
    case "record": return braces("record", real.fields.map((field, index) => (isTuple(real.fields)
      ? toText(book, field.type, value[index], inner)
      : `${label(field)} = ${toText(book, field.type, value[key(field)], inner)}`)), indent);
    case "variant": {
      const field = chosen(real.fields, value);
      const isBare = book.real(field.type).kind === "null";
      return `variant { ${label(field)}${isBare ? "" : ` = ${toText(book, field.type, value[key(field)], indent)}`} }`;
    }
    case "principal": case "service": return `${real.kind} "${(value as Principal).toText()}"`;
    case "func": return `func "${(value[0] as Principal).toText()}".${spelt(value[1])}`;
    case "text": return quoted(value);
    case "bool": return String(value);
    case "null": case "reserved": case "empty": return real.kind === "reserved" ? "null : reserved" : "null";
    default: return NUMBERS.includes(real.kind) ? number(real.kind, value) : String(value);
  }
}

/** What a call takes or gives. */
export function argumentsToText(book: Interface, types: Argument[], values: Value[]): string {
  const items = types.map(({ type }, index) => toText(book, type, values[index], "  "));
  const line = `(${items.join(", ")})`;
  return line.length <= 100 && !line.includes("\n") ? line : `(\n${items.map((it) => `  ${it},\n`).join("")})`;
}
