// What stands in a form, as data: a value that is not finished yet. What the page draws is drawn of this.
import { Principal } from "@icp-sdk/core/principal";
import { asText, fromHex, toHex } from "./bytes";
import { NUMBERS, isTuple, type Field, type Interface, type NumberKind, type Type } from "./did/type";
import { key } from "./idl";
import { chosen, type Value } from "./json";
import { number } from "./number";

/** Values in values: deeper nobody fills in a form. */
const DEPTH_MAX = 60;
/** Items of a vec in a form. */
export const ITEMS_MAX = 500;
/** Bytes that a call may carry, as the Internet Computer has it. */
export const BLOB_BYTES_MAX = 2 << 20;

export interface Picked {
  name: string;
  bytes: Uint8Array;
}

export type Draft =
  | { kind: "line"; of: NumberKind | "text" | "principal" | "service"; text: string }
  | { kind: "check"; on: boolean }
  | { kind: "nothing" }
  | { kind: "never"; why: string }
  | { kind: "opt"; of: Type; inner?: Draft }
  | { kind: "vec"; of: Type; items: Draft[] }
  | { kind: "blob"; from: "text" | "hex" | "file"; text: string; file?: Picked }
  | { kind: "record"; fields: Field[]; drafts: Draft[] }
  | { kind: "variant"; fields: Field[]; chosen?: number; inner?: Draft }
  | { kind: "func"; canister: string; method: string };

/** What is wrong with a form, and where. */
export interface Problem {
  draft: Draft;
  text: string;
}

/** An empty form. Where a type may be in itself, the form goes on only when somebody asks for it. */
export function blank(book: Interface, type: Type, depth = 0): Draft {
  const real = book.real(type);
  if (depth > DEPTH_MAX) return { kind: "never", why: "Values stand in each other too deep for a form." };
  switch (real.kind) {
    case "bool": return { kind: "check", on: false };
    case "null": case "reserved": return { kind: "nothing" };
    case "empty": return { kind: "never", why: "There is no value of the type empty." };
    case "opt": return { kind: "opt", of: real.of };
    case "vec": return book.isBlob(real) ? { kind: "blob", from: "text", text: "" } : { kind: "vec", of: real.of, items: [] };
    case "record": return { kind: "record", fields: real.fields, drafts: real.fields.map((field) => blank(book, field.type, depth + 1)) };
    case "variant": {
      const draft: Draft = { kind: "variant", fields: real.fields };
      if (real.fields.length === 1) choose(book, draft, 0, depth);
      return draft;
    }
    case "func": return { kind: "func", canister: "", method: "" };
    default: return { kind: "line", of: real.kind, text: "" };
  }
}

/** Decides which of its values a variant is. */
export function choose(book: Interface, draft: Draft & { kind: "variant" }, index: number | undefined, depth = 0): void {
  draft.chosen = index;
  draft.inner = index === undefined ? undefined : blank(book, draft.fields[index]!.type, depth + 1);
}

function line(draft: Draft & { kind: "line" }): Value {
  switch (draft.of) {
    case "text": return draft.text;
    case "principal": case "service": return principal(draft.text);
    default: return number(draft.of, draft.text);
  }
}

function principal(text: string): Principal {
  const trimmed = text.trim();
  if (trimmed === "") throw new Error("A principal is missing.");
  try {
    return Principal.fromText(trimmed);
  } catch {
    throw new Error(`This is no principal: ${trimmed.slice(0, 80)}`);
  }
}

function blob(draft: Draft & { kind: "blob" }): Uint8Array {
  if (draft.from === "file" && !draft.file) throw new Error("No file is chosen.");
  const bytes = draft.from === "file" ? draft.file!.bytes : draft.from === "hex" ? fromHex(draft.text) : new TextEncoder().encode(draft.text);
  if (bytes.length > BLOB_BYTES_MAX) throw new Error(`These are more bytes than a call may carry (${BLOB_BYTES_MAX}).`);
  return bytes;
}

/** The value of a form; what is wrong with it goes to `problems`, and then the value is none. */
export function read(draft: Draft, problems: Problem[]): Value {
  const trying = (work: () => Value) => {
    try {
      return work();
    } catch (error) {
      problems.push({ draft, text: error instanceof Error ? error.message : String(error) });
      return undefined;
    }
  };
  switch (draft.kind) {
    case "line": return trying(() => line(draft));
    case "blob": return trying(() => blob(draft));
    case "func": return trying(() => {
      if (draft.method === "") throw new Error("A method is missing.");
      return [principal(draft.canister), draft.method];
    });
    case "never": return trying(() => { throw new Error(draft.why); });
    case "check": return draft.on;
    case "nothing": return null;
    case "opt": return draft.inner ? [read(draft.inner, problems)] : [];
    case "vec": return draft.items.map((it) => read(it, problems));
    case "record": {
      const values = draft.drafts.map((it) => read(it, problems));
      return isTuple(draft.fields) ? values : Object.fromEntries(draft.fields.map((field, index) => [key(field), values[index]]));
    }
    case "variant": {
      if (draft.chosen === undefined || !draft.inner) return trying(() => { throw new Error("Nothing is chosen."); });
      return { [key(draft.fields[draft.chosen]!)]: read(draft.inner, problems) };
    }
  }
}

/** A form in which a value stands. */
export function filled(book: Interface, type: Type, value: Value): Draft {
  const real = book.real(type);
  if ((NUMBERS as readonly string[]).includes(real.kind)) return { kind: "line", of: real.kind as NumberKind, text: String(value) };
  switch (real.kind) {
    case "text": return { kind: "line", of: "text", text: value };
    case "principal": case "service": return { kind: "line", of: real.kind, text: value.toText() };
    case "bool": return { kind: "check", on: value };
    case "opt": return { kind: "opt", of: real.of, inner: value.length > 0 ? filled(book, real.of, value[0]) : undefined };
    case "vec": return book.isBlob(real) ? bytes(Uint8Array.from(value)) : items(book, real.of, Array.from(value));
    case "record": return {
      kind: "record", fields: real.fields,
      drafts: real.fields.map((field, index) => filled(book, field.type, isTuple(real.fields) ? value[index] : value[key(field)])),
    };
    case "variant": {
      const field = chosen(real.fields, value);
      return { kind: "variant", fields: real.fields, chosen: real.fields.indexOf(field), inner: filled(book, field.type, value[key(field)]) };
    }
    case "func": return { kind: "func", canister: value[0].toText(), method: value[1] };
    default: return blank(book, type);
  }
}

function bytes(value: Uint8Array): Draft {
  const text = asText(value);
  return text === undefined || text.includes("\r") ? { kind: "blob", from: "hex", text: toHex(value) } : { kind: "blob", from: "text", text };
}

function items(book: Interface, of: Type, values: Value[]): Draft {
  if (values.length > ITEMS_MAX) throw new Error(`A form has ${ITEMS_MAX} items of a vec at most; these are ${values.length}.`);
  return { kind: "vec", of, items: values.map((it) => filled(book, of, it)) };
}
