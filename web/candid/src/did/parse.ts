// An interface's text read (the grammar of Candid's specification), and checked as the reference library checks it.
import { DidError, Tokens, type Token } from "./token";
import { Interface, KEYWORDS, SIMPLE, fieldId, type Argument, type Field, type Func, type Method, type Mode, type Simple, type Type } from "./type";

/** Types in types in types. */
const DEPTH_MAX = 100;
/** Types with names. */
const TYPES_MAX = 10_000;
const MODES = new Set(["query", "composite_query", "oneway"]);

class Parser {
  private readonly tokens: Tokens;
  private token: Token;
  private depth = 0;
  readonly types = new Map<string, Type>();
  /** Where a type was named that must be there in the end. */
  private readonly named: { name: string; at: number }[] = [];
  /** Where a name must be that of a function. */
  private readonly functions: { type: Type; method: string; at: number }[] = [];

  constructor(private readonly source: string) {
    this.tokens = new Tokens(source);
    this.token = this.tokens.next();
  }

  private fail(reason: string, at = this.token.at): never {
    throw new DidError(reason, this.source, at);
  }

  private next(): Token {
    const token = this.token;
    this.token = this.tokens.next();
    return token;
  }

  private is(text: string): boolean {
    return (this.token.kind === "sign" || this.token.kind === "word") && this.token.text === text;
  }

  private took(text: string): boolean {
    return this.is(text) && this.next() !== undefined;
  }

  private expect(text: string): void {
    if (!this.took(text)) this.fail(`"${text}" is missing${this.token.kind === "end" ? " at the end" : ` before "${this.token.text}"`}`);
  }

  /** A word that is none of the language's own. */
  private word(): string {
    if (this.token.kind !== "word" || KEYWORDS.has(this.token.text)) this.fail("a name is missing");
    return this.next().text;
  }

  private name(): string {
    return this.token.kind === "text" ? this.next().text : this.word();
  }

  private list<T>(begin: string, separator: string, end: string, item: () => T): T[] {
    const items: T[] = [];
    this.expect(begin);
    while (!this.is(end)) {
      items.push(item());
      if (!this.took(separator)) break;
    }
    this.expect(end);
    return items;
  }

  private type(): Type {
    if (++this.depth > DEPTH_MAX) this.fail(`types stand in each other more than ${DEPTH_MAX} times`);
    const type = this.anyType();
    this.depth -= 1;
    return type;
  }

  private anyType(): Type {
    const { kind, text, at } = this.token;
    if (kind !== "word") this.fail("a type is missing");
    switch (text) {
      case "opt": case "vec": this.next(); return { kind: text, of: this.type() };
      case "blob": this.next(); return { kind: "vec", of: { kind: "nat8" } };
      case "record": this.next(); return { kind: "record", fields: this.fields(true) };
      case "variant": this.next(); return { kind: "variant", fields: this.fields(false) };
      case "func": this.next(); return this.func();
      case "service": this.next(); return this.service();
      case "null": case "principal": this.next(); return { kind: text };
      default: return this.wordsType(this.word(), at);
    }
  }

  private wordsType(word: string, at: number): Type {
    if ((SIMPLE as readonly string[]).includes(word)) return { kind: word as Simple };
    this.named.push({ name: word, at });
    return { kind: "name", name: word };
  }

  /** A name that must be a type's. */
  private typeName(): string {
    const { at } = this.token;
    const name = this.word();
    this.named.push({ name, at });
    return name;
  }

  private fields(ofRecord: boolean): Field[] {
    let next = 0;
    const begun = this.token.at;
    const fields = this.list("{", ";", "}", (): Field => {
      const field = this.field(ofRecord, next);
      next = field.id + 1;
      return field;
    });
    const ids = new Set<number>();
    const twice = fields.find(({ id }) => ids.size === ids.add(id).size);
    if (twice) this.fail(`two fields are ${twice.name ?? twice.id}, or have one number`, begun);
    return fields;
  }

  /** `name : type`, `7 : type`, a type alone in a record, a name alone in a variant. */
  private field(ofRecord: boolean, next: number): Field {
    const first = this.token;
    const { docs } = first;
    if (first.kind === "number") {
      const id = Number(this.next().text);
      if (id >= 2 ** 32) this.fail("this number of a field is too large", first.at);
      if (ofRecord || this.is(":")) this.expect(":");
      else return { id, type: { kind: "null" }, docs };
      return { id, type: this.type(), docs };
    }
    if (first.kind === "text" || (first.kind === "word" && !KEYWORDS.has(first.text))) {
      const name = this.name();
      const id = fieldId(name);
      if (this.took(":")) return { id, name, type: this.type(), docs };
      if (!ofRecord) return { id, name, type: { kind: "null" }, docs };
      if (first.kind === "text") this.fail('":" is missing');
      return { id: this.numbered(next), type: this.wordsType(name, first.at), docs };
    }
    if (!ofRecord) this.fail("a name is missing");
    return { id: this.numbered(next), type: this.type(), docs };
  }

  private numbered(next: number): number {
    return next < 2 ** 32 ? next : this.fail("there is no number left for this field");
  }

  private arguments(): Argument[] {
    const begun = this.token.at;
    const found = this.list("(", ",", ")", (): Argument => {
      const first = this.token;
      if (first.kind === "text" || (first.kind === "word" && !KEYWORDS.has(first.text))) {
        const name = this.name();
        if (this.took(":")) return { name, type: this.type() };
        if (first.kind === "text") this.fail('":" is missing');
        return { type: this.wordsType(name, first.at) };
      }
      return { type: this.type() };
    });
    const names = found.flatMap(({ name }) => (name === undefined ? [] : [name]));
    if (new Set(names).size < names.length) this.fail("two of these have one name", begun);
    return found;
  }

  private func(): Func {
    const at = this.token.at;
    const args = this.arguments();
    this.expect("->");
    const results = this.arguments();
    const modes: Mode[] = [];
    while (this.token.kind === "word" && MODES.has(this.token.text)) modes.push(this.next().text as Mode);
    if (modes.length > 1) this.fail("a function has one mode at most", at);
    if (modes[0] === "oneway" && results.length > 0) this.fail("a oneway function gives nothing", at);
    return { kind: "func", args, results, mode: modes[0] };
  }

  private service(): Type {
    const begun = this.token.at;
    const methods = this.list("{", ";", "}", (): Method => {
      const { docs, at } = this.token;
      const name = this.name();
      this.expect(":");
      if (this.is("(")) return { name, type: this.func(), docs };
      const type = { kind: "name" as const, name: this.typeName() };
      this.functions.push({ type, method: name, at });
      return { name, type, docs };
    });
    const names = methods.map(({ name }) => name);
    if (new Set(names).size < names.length) this.fail("two methods have one name", begun);
    return { kind: "service", methods };
  }

  private definition(): void {
    if (this.is("import")) this.fail("what this imports is elsewhere; put it in place of the import");
    this.expect("type");
    const at = this.token.at;
    const name = this.word();
    this.expect("=");
    if (this.types.has(name)) this.fail(`${name} is defined twice`, at);
    if (this.types.size === TYPES_MAX) this.fail(`more than ${TYPES_MAX} types`, at);
    this.types.set(name, this.type());
  }

  private actor(): Type {
    return this.is("{") ? this.service() : { kind: "name", name: this.typeName() };
  }

  program(): Interface {
    while (this.is("type") || this.is("import")) {
      this.definition();
      if (!this.took(";")) break;
    }
    let [init, actor, at]: [Argument[], Type | undefined, number] = [[], undefined, this.token.at];
    if (this.took("service")) {
      if (!this.is(":")) this.word();
      this.expect(":");
      if (this.is("(")) {
        init = this.arguments();
        this.expect("->");
      }
      at = this.token.at;
      actor = this.actor();
      this.took(";");
    }
    if (this.token.kind !== "end") this.fail(`"${this.token.text}" is not expected here`);
    const found = new Interface(this.types, init, actor);
    this.check(found);
    if (actor && found.real(actor).kind !== "service") this.fail("this is no service", at);
    return found;
  }

  private check(found: Interface): void {
    for (const { name, at } of this.named) if (!this.types.has(name)) this.fail(`there is no type ${name}`, at);
    const fine = new Set<string>();
    for (const [name, type] of this.types) {
      const seen = new Set([name]);
      for (let it = type; it.kind === "name" && !fine.has(it.name); it = this.types.get(it.name)!) {
        if (seen.has(it.name)) throw new DidError(`${name} is the name of itself`, this.source, 0);
        seen.add(it.name);
      }
      seen.forEach((it) => fine.add(it));
    }
    for (const { type, method, at } of this.functions) {
      if (found.real(type).kind !== "func") this.fail(`the method ${method} is no function`, at);
    }
  }
}

/**
 * Reads an interface.
 *
 * @throws {DidError} that says where the text is wrong.
 */
export const parse = (source: string): Interface => new Parser(source).program();
