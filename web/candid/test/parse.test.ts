// Interfaces are read as the reference library reads them; what it refuses is refused, and why is said with the place.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "../src/did/parse";
import { DidError, TEXT_LENGTH_MAX } from "../src/did/token";
import { brief, fieldId, signature, type Interface } from "../src/did/type";
import { blank, read } from "../src/draft";
import { Builder } from "../src/idl";
import { canonical } from "./canonical";
import { interfaces } from "./interfaces";
import wrong from "./wrong.json";

test("every interface of the repository is read, and each of its methods has a form and types", () => {
  assert.ok(interfaces.length > 15);
  for (const [path, source] of interfaces) {
    const book = parse(source);
    const builder = new Builder(book);
    for (const { name, args, results } of book.methods()) {
      builder.types([...args, ...results]);
      args.forEach(({ type }) => read(blank(book, type), []));
      assert.ok(signature(args).startsWith("("), `${path} ${name}`);
    }
  }
});

test("the interfaces are written down for the reference library, which reads them too", () => {
  const folder = process.env.CANDID_TOLD;
  for (const [path, source] of interfaces) {
    const text = JSON.stringify(canonical(parse(source)));
    assert.ok(text.length > 10, path);
    if (folder) writeFileSync(`${folder}/${path.replaceAll("/", "~")}.json`, text);
  }
});

const method = (book: Interface, name: string) => book.methods().find((it) => it.name === name)!;

test("methods have their modes, their names and what is said of them", () => {
  const book = parse(interfaces.find(([path]) => path.endsWith("every.did"))![1]);
  const found = book.methods().map(({ name, mode, docs }) => [name, mode, docs]);
  assert.deepEqual(found, [
    ["echo", "query", "What comes in goes out.\nIn two lines."],
    ["references", "composite_query", ""],
    ['with spaces and "quotes"', undefined, ""],
    ["\u{1F600}\n", undefined, ""],
    ["tell", "oneway", ""],
    ["named", "query", ""],
  ]);
  assert.equal(signature(book.init), "(opt record, blob)");
  assert.equal(signature(method(book, "named").args), "(text, count: nat)");
  assert.equal(brief(method(book, "named").results[0]!.type), "List");
});

test("fields are numbered as Candid numbers them", () => {
  const fields = (text: string) => {
    const type = parse(`type T = ${text}`).types.get("T")!;
    return type.kind === "record" || type.kind === "variant" ? type.fields.map(({ id, name }) => [id, name]) : [];
  };
  assert.deepEqual(fields("record { nat; 5 : text; bool; 1 : null }"), [[0, undefined], [5, undefined], [6, undefined], [1, undefined]]);
  assert.deepEqual(fields("variant { ok; err }"), [[fieldId("ok"), "ok"], [fieldId("err"), "err"]]);
  assert.equal(fieldId("head"), 1_158_359_328);
});

function refused(source: string, reason: RegExp): void {
  assert.throws(() => parse(source), (error) => error instanceof DidError && reason.test(error.message), source.slice(0, 80));
}

test("what is wrong is named, with line and column", () => {
  assert.ok(wrong.length > 20);
  for (const [source, reason] of wrong) refused(source!, new RegExp(reason!, "u"));
});

test("no text makes the page read for ever or too deep", () => {
  refused(`type A = ${"opt ".repeat(500_000 / 4)}nat`, /more than 100 times/);
  refused(`type A = ${"record { a : ".repeat(10_000)}`, /more than 100 times/);
  refused(" ".repeat(TEXT_LENGTH_MAX + 1), /characters/);
  refused(Array.from({ length: 20_000 }, (_, n) => `type A${n}=A${n + 1};`).join(""), /more than 10000 types/);
  const doubling = Array.from({ length: 60 }, (_, n) => `type A${n} = record { A${n + 1}; A${n + 1} };`).join("");
  const book = parse(`${doubling} type A60 = nat; service : { a : (A0) -> () }`);
  assert.throws(() => new Builder(book).types(book.methods()[0]!.args), /too large/);
});

test("a type of which no value ends has a form that says so", () => {
  const book = parse("type A = record { again : A }; service : { a : (A, variant { only : A }) -> () }");
  const problems: { text: string }[] = [];
  book.methods()[0]!.args.forEach(({ type }) => read(blank(book, type), problems as never));
  assert.deepEqual(problems.map(({ text }) => /too deep/.test(text)), [true, true]);
});
