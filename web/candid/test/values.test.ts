// For every type: form, value, bytes, JSON and text agree, and the bytes are those of types written by hand.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { IDL } from "@icp-sdk/core/candid";
import { Principal } from "@icp-sdk/core/principal";
import { parse } from "../src/did/parse";
import { blank, choose, filled, read, type Draft, type Problem } from "../src/draft";
import { Builder } from "../src/idl";
import { argumentsFromJson, fromJson, toJson, type Json, type Value } from "../src/json";
import { argumentsToText, toText } from "../src/text";

const ID = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
const principal = Principal.fromText(ID);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Interfaces, values as text and their bytes, for the reference library (tests/candid.rs). */
const told: [string, string, string][] = [];
after(() => process.env.CANDID_TOLD && writeFileSync(`${process.env.CANDID_TOLD}/values.json`, JSON.stringify(told)));

/** A type by its text, the same by hand, a value, and what it is as JSON and as Candid's text. */
function check(did: string, idl: IDL.Type, value: Value, json: Json, text: string): void {
  const [defined, used] = did.includes(";;") ? did.split(";;") as [string, string] : ["", did];
  const source = `${defined} service : { it : (${used}) -> () }`;
  const book = parse(source);
  const type = book.methods()[0]!.args[0]!.type;
  const built = new Builder(book).type(type);
  const bytes = IDL.encode([built], [value]);
  assert.equal(hex(bytes), hex(IDL.encode([idl], [value])), `${did}: bytes`);
  const decoded = IDL.decode([built], bytes)[0];
  assert.deepEqual(toJson(book, type, decoded), json, `${did}: JSON`);
  assert.equal(toText(book, type, decoded), text, `${did}: text`);
  told.push([source, text, hex(bytes)]);
  const problems: Problem[] = [];
  const again = (it: Value) => hex(IDL.encode([built], [it]));
  assert.equal(again(read(filled(book, type, decoded), problems)), hex(bytes), `${did}: form`);
  assert.equal(again(fromJson(book, type, JSON.parse(JSON.stringify(json)))), hex(bytes), `${did}: from JSON`);
  assert.deepEqual(problems, []);
}

test("numbers", () => {
  check("nat", IDL.Nat, 2n ** 70n, "1180591620717411303424", "1_180_591_620_717_411_303_424 : nat");
  check("int", IDL.Int, -12_345n, "-12345", "-12_345");
  check("nat8", IDL.Nat8, 255, 255, "255 : nat8");
  check("nat16", IDL.Nat16, 65_535, 65_535, "65_535 : nat16");
  check("nat32", IDL.Nat32, 4_294_967_295, 4_294_967_295, "4_294_967_295 : nat32");
  check("nat64", IDL.Nat64, 2n ** 64n - 1n, "18446744073709551615", "18_446_744_073_709_551_615 : nat64");
  check("int8", IDL.Int8, -128, -128, "-128 : int8");
  check("int16", IDL.Int16, -32_768, -32_768, "-32_768 : int16");
  check("int32", IDL.Int32, -1, -1, "-1 : int32");
  check("int64", IDL.Int64, -(2n ** 63n), "-9223372036854775808", "-9_223_372_036_854_775_808 : int64");
  check("float32", IDL.Float32, 0.5, 0.5, "0.5 : float32");
  check("float64", IDL.Float64, 1e300, 1e300, "1e+300 : float64");
  check("float64", IDL.Float64, 3, 3, "3.0 : float64");
});

test("vecs of numbers, which are arrays of a kind of their own", () => {
  check("vec nat16", IDL.Vec(IDL.Nat16), [1, 65_535, 3], [1, 65_535, 3], "vec { 1 : nat16; 65_535 : nat16; 3 : nat16 }");
  check("vec nat32", IDL.Vec(IDL.Nat32), [1, 2 ** 32 - 1], [1, 2 ** 32 - 1], "vec { 1 : nat32; 4_294_967_295 : nat32 }");
  check("vec nat64", IDL.Vec(IDL.Nat64), [1n, 2n ** 63n], ["1", "9223372036854775808"], "vec { 1 : nat64; 9_223_372_036_854_775_808 : nat64 }");
  check("vec int8", IDL.Vec(IDL.Int8), [-1, 1], [-1, 1], "vec { -1 : int8; 1 : int8 }");
  check("vec int16", IDL.Vec(IDL.Int16), [-2, 300], [-2, 300], "vec { -2 : int16; 300 : int16 }");
  check("vec int32", IDL.Vec(IDL.Int32), [-2, 70_000], [-2, 70_000], "vec { -2 : int32; 70_000 : int32 }");
  check("vec int64", IDL.Vec(IDL.Int64), [-1n], ["-1"], "vec { -1 : int64 }");
});

test("bool, text, null, reserved, principals and references", () => {
  check("bool", IDL.Bool, true, true, "true");
  check("text", IDL.Text, "a \"b\"\n\u{1F600}\u0007", "a \"b\"\n\u{1F600}\u0007", '"a \\"b\\"\\n\u{1F600}\\u{7}"');
  check("null", IDL.Null, null, null, "null");
  check("reserved", IDL.Reserved, null, null, "null : reserved");
  check("principal", IDL.Principal, principal, ID, `principal "${ID}"`);
  check("principal", IDL.Principal, Principal.managementCanister(), "aaaaa-aa", 'principal "aaaaa-aa"');
  check("func (nat) -> (text) query", IDL.Func([IDL.Nat], [IDL.Text], ["query"]) as never, [principal, "a b"], [ID, "a b"], `func "${ID}"."a b"`);
  check("service { a : () -> () }", IDL.Service({ a: IDL.Func([], [], []) }) as never, principal, ID, `service "${ID}"`);
});

test("opt, vec, blob", () => {
  check("opt text", IDL.Opt(IDL.Text), [], [], "null");
  check("opt opt nat8", IDL.Opt(IDL.Opt(IDL.Nat8)), [[]], [[]], "opt null");
  check("opt opt nat8", IDL.Opt(IDL.Opt(IDL.Nat8)), [[7]], [[7]], "opt opt (7 : nat8)");
  check("vec text", IDL.Vec(IDL.Text), ["a", ""], ["a", ""], 'vec { "a"; "" }');
  check("vec text", IDL.Vec(IDL.Text), [], [], "vec {}");
  check("blob", IDL.Vec(IDL.Nat8), Uint8Array.of(0, 65, 34, 92, 255), "0x0041225cff", 'blob "\\00A\\22\\5c\\ff"');
  check("blob", IDL.Vec(IDL.Nat8), new TextEncoder().encode("hé\n"), "0x68c3a90a", 'blob "h\\c3\\a9\\0a"');
  check("type Byte = nat8; type Bytes = vec Byte;;Bytes", IDL.Vec(IDL.Nat8), Uint8Array.of(1), "0x01", 'blob "\\01"');
});

test("records, tuples, variants", () => {
  const person = IDL.Record({ name: IDL.Text, age: IDL.Opt(IDL.Nat8), "a b": IDL.Null });
  check("record { name : text; age : opt nat8; \"a b\" : null }", person, { name: "Ada", age: [36], "a b": null },
    { name: "Ada", age: [36], "a b": null }, 'record { name = "Ada"; age = opt (36 : nat8); "a b" = null }');
  check("record { text; nat }", IDL.Tuple(IDL.Text, IDL.Nat), ["a", 1n], ["a", "1"], 'record { "a"; 1 : nat }');
  check("record { 1 : text }", IDL.Record({ _1_: IDL.Text }), { _1_: "x" }, { _1_: "x" }, 'record { 1 = "x" }');
  check("record {}", IDL.Record({}), {}, {}, "record {}");
  const result = IDL.Variant({ Ok: IDL.Nat, Err: IDL.Null, _3_: IDL.Tuple(IDL.Bool, IDL.Bool) });
  const did = "variant { Ok : nat; Err; 3 : record { bool; bool } }";
  check(did, result, { Ok: 5n }, { Ok: "5" }, "variant { Ok = 5 : nat }");
  check(did, result, { Err: null }, { Err: null }, "variant { Err }");
  check(did, result, { _3_: [true, false] }, { _3_: [true, false] }, "variant { 3 = record { true; false } }");
  check("record { \"query\" : nat8 }", IDL.Record({ query: IDL.Nat8 }), { query: 1 }, { query: 1 }, 'record { "query" = 1 : nat8 }');
});

test("types that are in themselves", () => {
  const list = IDL.Rec();
  list.fill(IDL.Opt(IDL.Record({ head: IDL.Int, tail: list })));
  check("type List = opt record { head : int; tail : List };;List", list, [{ head: 1n, tail: [{ head: 2n, tail: [] }] }],
    [{ head: "1", tail: [{ head: "2", tail: [] }] }], "opt record { head = 1; tail = opt record { head = 2; tail = null } }");
  const tree = IDL.Rec();
  tree.fill(IDL.Variant({ leaf: IDL.Null, node: IDL.Vec(tree) }));
  check("type Tree = variant { leaf; node : vec Tree };;Tree", tree, { node: [{ leaf: null }, { node: [] }] },
    { node: [{ leaf: null }, { node: [] }] }, "variant { node = vec { variant { leaf }; variant { node = vec {} } } }");
});

test("names that JavaScript has a use for are only names", () => {
  const book = parse('service : { it : (record { "__proto__" : nat8; constructor : nat8; hasOwn : opt nat8; "_5_" : nat8 }) -> () }');
  const type = book.methods()[0]!.args[0]!.type;
  const built = new Builder(book).type(type);
  const value = fromJson(book, type, JSON.parse('{"_1186067025_":1,"constructor":2,"_2216064573_":3}'.replace("_1186067025_", keyOf("__proto__")).replace("_2216064573_", keyOf("_5_"))));
  const decoded = IDL.decode([built], IDL.encode([built], [value]))[0];
  assert.equal(toText(book, type, decoded).includes("constructor = 2 : nat8"), true);
  assert.match(toText(book, type, decoded), /_5_ = 3 : nat8/);
  assert.match(toText(book, type, decoded), /__proto__ = 1 : nat8/);
});

function keyOf(name: string): string {
  const hash = new TextEncoder().encode(name).reduce((sum, byte) => (Math.imul(sum, 223) + byte) >>> 0, 0);
  return `_${hash}_`;
}

test("a long value has a line for each of its parts", () => {
  const book = parse("service : { it : () -> (vec record { name : text; more : vec text }) }");
  const types = book.methods()[0]!.results;
  const text = argumentsToText(book, types, [[{ name: "n".repeat(60), more: ["m".repeat(60), "x"] }]]);
  assert.equal(text, `(
  vec {
    record {
      name = "${"n".repeat(60)}";
      more = vec { "${"m".repeat(60)}"; "x" };
    };
  },
)`);
});

const argument = (did: string) => {
  const book = parse(`service : { it : (${did}) -> () }`);
  return { book, type: book.methods()[0]!.args[0]!.type };
};

/** What is typed into a form of one line, and what it means or why it means nothing. */
function typed(did: string, text: string, expected: Value | RegExp): void {
  const { book, type } = argument(did);
  const draft = blank(book, type) as Draft & { kind: "line" };
  draft.text = text;
  const problems: Problem[] = [];
  const value = read(draft, problems);
  if (expected instanceof RegExp) assert.match(problems[0]?.text ?? `read as ${value}`, expected, `${did} ${text}`);
  else assert.deepEqual([value, problems], [expected, []], `${did} ${text}`);
}

test("what people type is read, and what they cannot mean is explained", () => {
  typed("nat", " 1_000_000 ", 1_000_000n);
  typed("nat", "0xff", 255n);
  typed("nat", "", /missing/);
  typed("nat", "-1", /less than nothing/);
  typed("nat", "1.5", /no whole number/);
  typed("nat", "1".repeat(10_001), /10000 digits/);
  typed("int", "-5", -5n);
  typed("nat8", "256", /greatest nat8 is 255/);
  typed("int8", "-129", /least int8 is -128/);
  typed("nat64", "18446744073709551616", /greatest nat64/);
  typed("float64", "1_000.5e3", 1_000_500);
  typed("float64", "-inf", -Infinity);
  typed("float64", "one", /no number/);
  typed("float32", "1e39", /too large for a float32/);
  typed("principal", ` ${ID} `, principal);
  typed("principal", "rwlgt", /no principal/);
  typed("service {}", "", /missing/);
  typed("text", " kept as it is ", " kept as it is ");
});

test("what is missing in a form is said of each place at once", () => {
  const { book, type } = argument("record { a : nat; b : variant { x : nat8; y }; c : vec bool; d : func () -> (); e : opt empty }");
  const draft = blank(book, type) as Draft & { kind: "record" };
  const problems: Problem[] = [];
  read(draft, problems);
  assert.deepEqual(problems.map(({ text }) => text), ["A number is missing.", "Nothing is chosen.", "A method is missing."]);
  const variant = draft.drafts.find((it) => it.kind === "variant") as Draft & { kind: "variant" };
  choose(book, variant, 1);
  const again: Problem[] = [];
  read(draft, again);
  assert.equal(again.some(({ draft: it }) => it === variant), false);
});

test("blobs are typed as text, as hexadecimal digits or taken from a file", () => {
  const { book, type } = argument("blob");
  const check = (change: Partial<Draft & { kind: "blob" }>, expected: string | RegExp) => {
    const draft = Object.assign(blank(book, type), change);
    const problems: Problem[] = [];
    const value = read(draft, problems);
    if (expected instanceof RegExp) assert.match(problems[0]?.text ?? "no problem", expected);
    else assert.equal(hex(value), expected);
  };
  check({ text: "é" }, "c3a9");
  check({ from: "hex", text: "0x00 ff:10\n" }, "00ff10");
  check({ from: "hex", text: "0g" }, /not hexadecimal/);
  check({ from: "hex", text: "012" }, /digit is missing/);
  check({ from: "file" }, /No file/);
  check({ from: "file", file: { name: "f", bytes: Uint8Array.of(1, 2) } }, "0102");
  check({ from: "file", file: { name: "f", bytes: new Uint8Array((2 << 20) + 1) } }, /more bytes/);
});

test("JSON that does not fit is refused with what is wrong", () => {
  const check = (did: string, json: Json, reason: RegExp) => {
    const { book, type } = argument(did);
    assert.throws(() => fromJson(book, type, json), reason, `${did} ${JSON.stringify(json)}`);
  };
  check("nat8", 256, /greatest/);
  check("nat8", 1.5, /Not a nat8/);
  check("nat", null, /Not a nat/);
  check("text", 5, /Not a text/);
  check("bool", "true", /Neither/);
  check("opt nat", "5", /Not an opt/);
  check("opt nat", [1, 2], /More than one/);
  check("record { a : nat }", {}, /a is missing/);
  check("record { a : nat }", { a: 1, b: 2 }, /no "b"/);
  check("record { nat; nat }", [1], /Not 2/);
  check("variant { a; b }", { c: null }, /None of/);
  check("variant { a; b }", { a: null, b: null }, /Not one/);
  check("variant { a; b }", "a", /Not a variant/);
  check("principal", "x", /./);
  check("empty", null, /no value/);
  const { book } = argument("nat");
  assert.throws(() => argumentsFromJson(book, [], [1]), /1 arguments, not 0/);
});
