// Values as JSON, and back: the shapes of `@icp-sdk/core`, with numbers beyond 2^53 and principals as texts, blobs in
// hexadecimal digits after `0x`.
import { Principal } from "@icp-sdk/core/principal";
import { fromHex, toHex } from "./bytes";
import { NUMBERS, isTuple, type Argument, type Field, type Interface, type NumberKind, type Real, type Type } from "./did/type";
import { key } from "./idl";
import { isBig, isFloat, number } from "./number";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
/** A value as the library has it. */
export type Value = any;

const isNumber = (kind: string): kind is NumberKind => (NUMBERS as readonly string[]).includes(kind);
const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60);

export function toJson(book: Interface, type: Type, value: Value): Json {
  const real = book.real(type);
  if (isNumber(real.kind)) return isBig(real.kind) || !Number.isFinite(value) ? String(value) : value;
  switch (real.kind) {
    case "opt": return Array.from(value as Value[], (it) => toJson(book, real.of, it));
    case "vec": return book.isBlob(real) ? `0x${toHex(value)}` : Array.from(value as Value[], (it) => toJson(book, real.of, it));
    case "record": return isTuple(real.fields)
      ? real.fields.map((field, index) => toJson(book, field.type, value[index]))
      : Object.fromEntries(real.fields.map((field) => [key(field), toJson(book, field.type, value[key(field)])]));
    case "variant": {
      const field = chosen(real.fields, value);
      return { [key(field)]: toJson(book, field.type, value[key(field)]) };
    }
    case "principal": case "service": return value.toText();
    case "func": return [value[0].toText(), value[1]];
    case "null": case "reserved": case "empty": return null;
    default: return value;
  }
}

/** Which of a variant's fields a value is. */
export function chosen(fields: Field[], value: object): Field {
  const found = fields.find((field) => Object.hasOwn(value, key(field)));
  if (!found) throw new Error(`None of ${fields.map(key).join(", ")}: ${shown(Object.keys(value))}`);
  return found;
}

const list = (json: Json, what: string): Json[] => {
  if (!Array.isArray(json)) throw new Error(`Not ${what}: ${shown(json)}`);
  return json;
};

const object = (json: Json, what: string): { [name: string]: Json } => {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new Error(`Not ${what}: ${shown(json)}`);
  return json;
};

const text = (json: Json, what: string): string => {
  if (typeof json !== "string") throw new Error(`Not ${what}: ${shown(json)}`);
  return json;
};

function numeric(kind: NumberKind, json: Json): bigint | number {
  if (typeof json === "number" && (isFloat(kind) || Number.isSafeInteger(json))) return isFloat(kind) ? json : number(kind, String(BigInt(json)));
  return number(kind, text(json, `a ${kind}`));
}

function record(book: Interface, fields: Field[], json: Json): Value {
  if (isTuple(fields)) {
    const items = list(json, "a tuple");
    if (items.length !== fields.length) throw new Error(`Not ${fields.length} values: ${shown(json)}`);
    return fields.map((field, index) => fromJson(book, field.type, items[index]!));
  }
  const found = object(json, "a record");
  const unknown = Object.keys(found).find((name) => !fields.some((field) => key(field) === name));
  if (unknown !== undefined) throw new Error(`This record has no ${shown(unknown)}.`);
  return Object.fromEntries(fields.map((field) => {
    const name = key(field);
    const isOpt = book.real(field.type).kind === "opt";
    if (!Object.hasOwn(found, name) && !isOpt) throw new Error(`The record's ${name} is missing.`);
    return [name, fromJson(book, field.type, found[name] ?? (isOpt ? [] : null))];
  }));
}

function variant(book: Interface, fields: Field[], json: Json): Value {
  const found = object(json, "a variant");
  if (Object.keys(found).length !== 1) throw new Error(`Not one of a variant's values: ${shown(json)}`);
  const field = chosen(fields, found);
  return { [key(field)]: fromJson(book, field.type, found[key(field)]!) };
}

function other(book: Interface, real: Real, json: Json): Value {
  switch (real.kind) {
    case "opt": {
      const items = list(json, "an opt, which is [] or [value]");
      if (items.length > 1) throw new Error(`More than one value for an opt: ${shown(json)}`);
      return items.map((it) => fromJson(book, real.of, it));
    }
    case "vec": return book.isBlob(real) && typeof json === "string"
      ? fromHex(json)
      : list(json, "a vec").map((it) => fromJson(book, real.of, it));
    case "record": return record(book, real.fields, json);
    case "variant": return variant(book, real.fields, json);
    case "func": {
      const [canister, method] = list(json, "a function, which is [canister, method]");
      return [Principal.fromText(text(canister ?? null, "a canister")), text(method ?? null, "a method")];
    }
    case "principal": case "service": return Principal.fromText(text(json, "a principal"));
    case "text": return text(json, "a text");
    case "bool":
      if (typeof json !== "boolean") throw new Error(`Neither true nor false: ${shown(json)}`);
      return json;
    case "empty": throw new Error("There is no value of the type empty.");
    default: return null;
  }
}

/**
 * The value that JSON means.
 *
 * @throws {Error} that says why it means none.
 */
export function fromJson(book: Interface, type: Type, json: Json): Value {
  const real = book.real(type);
  return isNumber(real.kind) ? numeric(real.kind, json) : other(book, real, json);
}

/** The values that a list of JSON means. */
export function argumentsFromJson(book: Interface, types: Argument[], json: Json): Value[] {
  const items = list(json, "a list of arguments");
  if (items.length !== types.length) throw new Error(`${items.length} arguments, not ${types.length}`);
  return types.map(({ type }, index) => fromJson(book, type, items[index]!));
}
