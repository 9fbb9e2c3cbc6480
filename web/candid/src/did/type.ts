// What an interface says: types, and methods with the types that they take and give.

export const NUMBERS = [
  "nat", "nat8", "nat16", "nat32", "nat64", "int", "int8", "int16", "int32", "int64", "float32", "float64",
] as const;
export type NumberKind = (typeof NUMBERS)[number];
export const SIMPLE = [...NUMBERS, "bool", "text", "null", "reserved", "empty"] as const;
export type Simple = (typeof SIMPLE)[number] | "principal";
export type Mode = "query" | "composite_query" | "oneway";

export interface Field {
  id: number;
  /** Absent where the interface has the number only. */
  name?: string;
  type: Type;
  docs: string;
}

export interface Argument {
  name?: string;
  type: Type;
}

export interface Func {
  kind: "func";
  args: Argument[];
  results: Argument[];
  mode?: Mode;
}

export interface Method {
  name: string;
  /** A function, or the name of one. */
  type: Type;
  docs: string;
}

export type Type =
  | { kind: Simple }
  | { kind: "opt" | "vec"; of: Type }
  | { kind: "record" | "variant"; fields: Field[] }
  | Func
  | { kind: "service"; methods: Method[] }
  | { kind: "name"; name: string };

/** A type that is not the name of another. */
export type Real = Exclude<Type, { kind: "name" }>;

/** The number that stands for a field's name on the wire. */
export function fieldId(name: string): number {
  return new TextEncoder().encode(name).reduce((hash, byte) => (Math.imul(hash, 223) + byte) >>> 0, 0);
}

/** Whether fields, in the order in which the interface has them, are numbered from nothing on, as those of a tuple are. */
export const isTuple = (fields: Field[]): boolean =>
  fields.length > 0 && fields.every(({ id, name }, index) => id === index && name === undefined);

export interface Called extends Func {
  name: string;
  docs: string;
}

export class Interface {
  constructor(readonly types: Map<string, Type>, readonly init: Argument[], private readonly actor: Type | undefined) {}

  /** What a type is, whatever names it has. Cycles of names were refused when the text was read. */
  real(type: Type): Real {
    let found = type;
    while (found.kind === "name") found = this.types.get(found.name)!;
    return found;
  }

  /** The methods, by name. */
  methods(): Called[] {
    const actor = this.actor && this.real(this.actor);
    if (actor?.kind !== "service") return [];
    return actor.methods.map(({ name, type, docs }) => ({ ...(this.real(type) as Func), name, docs }));
  }

  isBlob(type: Type): boolean {
    const real = this.real(type);
    return real.kind === "vec" && this.real(real.of).kind === "nat8";
  }
}

const WORD = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
export const KEYWORDS = new Set([
  "null", "vec", "record", "variant", "func", "service", "oneway", "query", "composite_query", "blob", "type", "import", "opt", "principal",
  "true", "false",
]);

/** A name as Candid writes it: in quotes where it is no word. */
export const spelt = (name: string): string => (WORD.test(name) && !KEYWORDS.has(name) ? name : quoted(name));

/** A text in quotes. */
export function quoted(text: string): string {
  const escapes: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", '"': '\\"' };
  const escaped = (letter: string) => escapes[letter] ?? `\\u{${letter.codePointAt(0)!.toString(16)}}`;
  return `"${text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029"\\]/g, escaped)}"`;
}

/** A type in a few words; what is in records and variants is left to their forms. */
export function brief(type: Type): string {
  switch (type.kind) {
    case "name": return type.name;
    case "opt": return `opt ${brief(type.of)}`;
    case "vec": return type.of.kind === "nat8" ? "blob" : `vec ${brief(type.of)}`;
    case "record": return type.fields.length === 0 ? "record {}" : isTuple(type.fields) ? "tuple" : "record";
    case "func": return type.mode ? `func ${type.mode}` : "func";
    default: return type.kind;
  }
}

/** What a method takes or gives, in a few words. */
export const signature = (list: Argument[]): string =>
  `(${list.map(({ name, type }) => (name === undefined ? "" : `${spelt(name)}: `) + brief(type)).join(", ")})`;
