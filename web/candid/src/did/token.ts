// An interface's text cut into words, texts and signs. What the reference library takes is taken, and nothing else.

export interface Token {
  kind: "word" | "text" | "number" | "sign" | "end";
  text: string;
  /** Where it begins. */
  at: number;
  /** The comment lines right above it. */
  docs: string;
}

/** What is wrong with a text, and where. */
export class DidError extends Error {
  constructor(reason: string, source: string, at: number) {
    const before = source.slice(0, at).split("\n");
    super(`Line ${before.length}, column ${before.at(-1)!.length + 1}: ${reason}.`);
  }
}

/** Metadata of a module are not longer than this on the Internet Computer. */
export const TEXT_LENGTH_MAX = 1 << 20;

const BLANK = /[ \t\r\n]+/y;
const LINE = /\/\/[^\n]*/y;
const WORD = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const HEX = /0[xX][0-9a-fA-F][_0-9a-fA-F]*/y;
const DECIMAL = /[0-9][_0-9]*/y;
const SIGN = /->|[=(){};,:]/y;
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", "\\": "\\", '"': '"', "'": "'" };

export class Tokens {
  private place = 0;
  private docs: string[] = [];
  /** Whether a comment would stand behind a token on the same line, about which it is. */
  private behind = false;

  constructor(readonly source: string) {
    if (source.length > TEXT_LENGTH_MAX) throw new DidError(`more than ${TEXT_LENGTH_MAX} characters`, "", 0);
  }

  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.place;
    const found = pattern.exec(this.source)?.[0];
    this.place += found?.length ?? 0;
    return found;
  }

  private fail(reason: string, at = this.place): never {
    throw new DidError(reason, this.source, at);
  }

  /** Blanks and comments; a blank line parts a comment from what follows. */
  private skip(): void {
    for (;;) {
      const blank = this.take(BLANK);
      if (blank !== undefined) {
        const lines = blank.split("\n").length - 1;
        if (lines > 0) this.behind = false;
        if (lines > 1) this.docs = [];
        continue;
      }
      const line = this.take(LINE);
      if (line !== undefined) {
        if (!this.behind) this.docs.push(line.replace(/^\/+/, "").trim());
        continue;
      }
      if (!this.source.startsWith("/*", this.place)) return;
      this.block();
    }
  }

  private block(): void {
    const begun = this.place;
    let depth = 0;
    do {
      if (this.place >= this.source.length) this.fail("this comment has no end", begun);
      const two = this.source.slice(this.place, this.place + 2);
      if (two === "/*") depth += 1;
      if (two === "*/") depth -= 1;
      this.place += two === "/*" || two === "*/" ? 2 : 1;
    } while (depth > 0);
  }

  private quoted(): string {
    const [begun, bytes] = [this.place, [] as number[]];
    const put = (text: string) => bytes.push(...new TextEncoder().encode(text));
    this.place += 1;
    for (;;) {
      const at = this.source.codePointAt(this.place);
      if (at === undefined) this.fail("this text has no end", begun);
      const letter = String.fromCodePoint(at);
      this.place += letter.length;
      if (letter === '"') break;
      if (letter !== "\\") {
        put(letter);
        continue;
      }
      const byte = this.take(/[0-9a-fA-F]{2}/y);
      if (byte !== undefined) {
        bytes.push(Number.parseInt(byte, 16));
        continue;
      }
      const point = this.take(/u\{[0-9a-fA-F][_0-9a-fA-F]*\}/y);
      if (point !== undefined) put(this.point(Number.parseInt(point.slice(2, -1).replaceAll("_", ""), 16)));
      else put(ESCAPES[this.take(/[nrt\\"']/y) ?? ""] ?? this.fail("there is no such escape"));
    }
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
    } catch {
      return this.fail("this text is no UTF-8", begun);
    }
  }

  private point(code: number): string {
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) this.fail("there is no such character");
    return String.fromCodePoint(code);
  }

  next(): Token {
    this.skip();
    const [at, docs] = [this.place, this.docs.join("\n")];
    const token = (kind: Token["kind"], text: string): Token => ({ kind, text, at, docs });
    this.docs = [];
    this.behind = true;
    if (at >= this.source.length) return token("end", "");
    if (this.source[at] === '"') return token("text", this.quoted());
    const word = this.take(WORD);
    if (word !== undefined) return token("word", word);
    const hex = this.take(HEX);
    if (hex !== undefined) return token("number", BigInt(hex.replaceAll("_", "")).toString());
    const decimal = this.take(DECIMAL);
    if (decimal !== undefined) return token("number", BigInt(decimal.replaceAll("_", "")).toString());
    return token("sign", this.take(SIGN) ?? this.fail(`"${String.fromCodePoint(this.source.codePointAt(at)!)}" means nothing here`));
  }
}
