// Methods as they are drawn, in a browser's document without a browser: what is filled in, called and shown.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { beforeEach, test } from "node:test";
import { IDL } from "@icp-sdk/core/candid";
import { Principal } from "@icp-sdk/core/principal";
import { JSDOM, VirtualConsole } from "jsdom";
import { parse } from "../src/did/parse";
import { Builder } from "../src/idl";
import { fragment, target } from "../src/link";
import { Method } from "../src/method";
import type { Network, Outcome } from "../src/network";
import { interfaces } from "./interfaces";

const ID = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
const require = createRequire(import.meta.url);
const page = readFileSync(new URL("../src/index.html", import.meta.url), "utf8");
const every = interfaces.find(([path]) => path.endsWith("every.did"))![1];
let window: JSDOM["window"];
let said: string[];

beforeEach(() => {
  said = [];
  const virtualConsole = new VirtualConsole();
  virtualConsole.on("jsdomError", (error) => said.push(error.message));
  ({ window } = new JSDOM(page, { url: `http://candid-page.localhost/?id=${ID}`, virtualConsole, runScripts: "outside-only" }));
  window.Element.prototype.scrollIntoView = () => {};
  const { document, Node, location, history } = window;
  Object.assign(globalThis, { window, document, Node, location, history });
});

const soon = () => new Promise((resolve) => { setTimeout(resolve, 20); });

/** The methods of an interface, drawn; calls are answered by `answer`. */
function drawn(source: string, answer: (name: string, arg: Uint8Array, ofSubnet: boolean) => Partial<Outcome>) {
  const book = parse(source);
  const network = {
    call: async (_: unknown, { name }: { name: string }, arg: Uint8Array, ofSubnet: boolean) => ({ ms: 12.3, ...answer(name, arg, ofSubnet) }),
  } as unknown as Network;
  const known = { canister: Principal.fromText(ID), book, builder: new Builder(book), network };
  const list = book.methods().map((called) => new Method(known, called));
  window.document.getElementById("methods")!.append(window.document.createElement("h2"), ...list.map(({ element }) => element));
  window.document.querySelector("h2")!.textContent = "Methods";
  return Object.fromEntries(list.map((method) => [method.called.name, method]));
}

const all = <T extends Element = HTMLElement>(method: Method, selector: string) => [...method.element.querySelectorAll<T & Element>(selector)];
const status = (method: Method) => method.element.querySelector(".status")!.textContent;
const shown = (method: Method) => method.element.querySelector(".result")!.textContent!;
const press = (method: Method, text: string) => all<HTMLButtonElement>(method, "button").find((it) => it.textContent === text)!.click();

async function submit(method: Method): Promise<void> {
  method.element.querySelector("form")!.dispatchEvent(new window.Event("submit", { cancelable: true }));
  await soon();
}

function type(element: Element, text: string): void {
  (element as HTMLInputElement).value = text;
  element.dispatchEvent(new window.Event(element.tagName === "SELECT" ? "change" : "input"));
}

const values = [["1", "-2", 3, 4, 5, "6", -7, -8, -9, "-10", 1.5, 2.5], [{ head: "5", tail: [{ head: "6", tail: [] }] }],
  { node: { left: { leaf: null }, right: { leaf: null }, "a value": "0x00ff" } }, { next: [{ next: [], _7_: "seven" }] }];

test("a call with a value of every shape is sent as it stands in the form, and its reply is shown in four ways", async () => {
  const methods = drawn(every, (_, arg) => ({ kind: "reply", bytes: arg, word: "replica" }));
  const echo = methods.echo!;
  echo.open(JSON.stringify(values));
  assert.equal(status(echo), "");
  await submit(echo);
  assert.equal(status(echo), "Replied in 12 ms.");
  assert.match(shown(echo), /One replica's word/);
  assert.match(shown(echo), /seven/);
  press(echo, "Candid");
  assert.match(shown(echo), /record \{ next = opt record \{ next = null; 7 = "seven" \} \}/);
  press(echo, "JSON");
  assert.deepEqual(JSON.parse(echo.element.querySelector(".shown pre")!.textContent!), values);
  press(echo, "Bytes");
  assert.match(echo.element.querySelector(".shown pre")!.textContent!, /^4449444c/);
  assert.equal(all(echo, ".switch [aria-pressed=true]").length, 1);
});

test("what is typed, added, removed, ticked and chosen is what is sent", async () => {
  let sent = new Uint8Array();
  const source = `service : { put : (name : text, list : vec nat16, more : opt record { a : bool; b : variant { x; y : principal } }, data : blob) -> () }`;
  const { put } = drawn(source, (_, arg) => { sent = arg as Uint8Array<ArrayBuffer>; return { kind: "reply", bytes: IDL.encode([], []), word: "subnet", certifiedAt: new Date() }; });
  const method = put!;
  method.open();
  type(all(method, "textarea")[0]!, "Ada");
  for (let count = 0; count < 3; count++) press(method, "Add to list");
  [1, 2, 3].forEach((number, index) => type(all(method, ".items input")[index]!, String(number)));
  all<HTMLButtonElement>(method, ".items button")[1]!.click();
  assert.deepEqual(all<HTMLInputElement>(method, ".items input").map(({ value }) => value), ["1", "3"]);
  all<HTMLInputElement>(method, "input[type=checkbox]")[0]!.click();
  all<HTMLInputElement>(method, ".inner input[type=checkbox]")[0]!.click();
  type(all(method, ".inner select")[0]!, "1");
  type(all(method, ".inner .inner input")[0]!, ID);
  const how = all<HTMLSelectElement>(method, "fieldset > select").at(-1)!;
  type(how, "hex");
  type(all(method, "textarea.code")[0]!, "00ff");
  await submit(method);
  assert.equal(status(method), "Replied in 12 ms.");
  assert.match(shown(method), /Certified/);
  assert.match(shown(method), /gives nothing back/);
  const inner = IDL.Record({ a: IDL.Bool, b: IDL.Variant({ x: IDL.Null, y: IDL.Principal }) });
  const types = [IDL.Text, IDL.Vec(IDL.Nat16), IDL.Opt(inner), IDL.Vec(IDL.Nat8)];
  const expected = ["Ada", [1, 3], [{ a: true, b: { y: Principal.fromText(ID) } }], Uint8Array.of(0, 255)];
  assert.deepEqual(Buffer.from(sent).toString("hex"), Buffer.from(IDL.encode(types, expected)).toString("hex"));
  press(method, "Clear");
  assert.equal((all(method, "textarea")[0] as HTMLTextAreaElement).value, "");
});

test("what is wrong is said beside its field, the first gets the focus, and nothing is called", async () => {
  let calls = 0;
  const { put } = drawn("service : { put : (a : nat8, b : principal, c : text) -> () }", () => { calls += 1; return { kind: "sent" }; });
  const method = put!;
  method.open();
  type(all(method, "input")[0]!, "300");
  await submit(method);
  assert.equal(status(method), "Not called: 2 fields need your attention.");
  assert.deepEqual(all(method, ".problem").map((it) => it.textContent).filter(Boolean), ["The greatest nat8 is 255.", "A principal is missing."]);
  const [first] = all(method, "input");
  assert.equal(window.document.activeElement, first);
  assert.equal(first!.getAttribute("aria-invalid"), "true");
  assert.equal(window.document.getElementById(first!.getAttribute("aria-describedby")!)!.textContent, "The greatest nat8 is 255.");
  type(first!, "3");
  type(all(method, "input")[1]!, ID);
  await submit(method);
  assert.deepEqual([calls, all(method, "[aria-invalid]").length], [1, 0]);
});

/** What is said of an outcome. */
async function told(outcome: Partial<Outcome>, ...expected: RegExp[]): Promise<void> {
  const { it } = drawn("service : { it : () -> (nat) }", () => outcome);
  it!.open();
  await submit(it!);
  const text = `${status(it!)} ${shown(it!)}`;
  for (const words of expected) assert.match(text, words);
  it!.element.remove();
}

test("rejects, failures and bytes that are not what was promised are told as they are", async () => {
  const message = "the canister trapped: <b>no</b>";
  await told({ kind: "reject", word: "subnet", reject: { code: 5, message, error: "IC0503" } }, /Rejected in 12 ms/, /Certified/, /code 5, CANISTER_ERROR, IC0503/, /<b>no<\/b>/);
  await told({ kind: "reject", word: "replica", reject: { code: 3, message: "" } }, /One replica's word/, /DESTINATION_INVALID/, /no message/);
  await told({ kind: "failed", reason: "the signature does not hold", isUnsure: true }, /No answer that holds/, /signature/, /look before you call again/);
  await told({ kind: "sent" }, /Nobody answers a oneway method/);
  await told({ kind: "reply", word: "subnet", bytes: Uint8Array.of(1, 2) }, /not what the interface promises/, /0102/);
  await told({ kind: "reply", word: "subnet", bytes: IDL.encode([IDL.Text], ["x"]) }, /not what the interface promises/);
});

test("a query can be asked of the whole subnet", async () => {
  const asked: boolean[] = [];
  const methods = drawn("service : { q : () -> () query; c : () -> () composite_query; u : () -> () }", (_, __, ofSubnet) => { asked.push(ofSubnet); return { kind: "sent" }; });
  for (const method of Object.values(methods)) method.open();
  const box = all<HTMLInputElement>(methods.q!, "input[type=checkbox]");
  await submit(methods.q!);
  box[0]!.click();
  await submit(methods.q!);
  assert.deepEqual(asked, [false, true]);
  assert.equal(all(methods.c!, "input").length + all(methods.u!, "input").length, 0);
});

test("links name a canister, a method and its arguments, and the page says which do not fit", async () => {
  assert.deepEqual(target({ search: `?id=${ID}`, hash: fragment("a b&c", '["é"]') }), { canister: ID, method: "a b&c", args: '["é"]' });
  assert.deepEqual(target({ search: "", hash: "" }), { canister: "", method: undefined, args: undefined });
  const methods = drawn("service : { put : (nat8, text) -> () }", () => ({ kind: "sent" }));
  methods.put!.open('[7, "x"]');
  await soon();
  assert.equal(window.location.hash, "#call=put");
  assert.equal((all(methods.put!, "input")[0] as HTMLInputElement).value, "7");
  methods.put!.open('[700, "x"]');
  assert.match(status(methods.put!)!, /do not fit this method: The greatest nat8/);
  methods.put!.open("not JSON");
  assert.match(status(methods.put!)!, /do not fit/);
});

test("a long reply is shown in parts, and a deep one to where it can be read", async () => {
  const source = "type L = opt record { nat8; L }; service : { many : () -> (vec nat16) query; deep : () -> (L) query }";
  const list = IDL.Rec();
  list.fill(IDL.Opt(IDL.Tuple(IDL.Nat8, list)));
  let value: unknown[] = [];
  for (let count = 0; count < 300; count++) value = [[count % 256, value]];
  const replies: Record<string, Uint8Array> = { many: IDL.encode([IDL.Vec(IDL.Nat16)], [Array.from({ length: 120 }, (_, n) => n)]), deep: IDL.encode([list], [value]) };
  const methods = drawn(source, (name) => ({ kind: "reply", word: "replica", bytes: replies[name]! }));
  for (const method of Object.values(methods)) {
    method.open();
    await submit(method);
  }
  assert.equal(all(methods.many!, ".list > li").length, 50);
  press(methods.many!, "Show more (70 left)");
  press(methods.many!, "Show more (20 left)");
  assert.equal(all(methods.many!, ".list > li").length, 120);
  assert.match(shown(methods.deep!), /more than is shown here/);
});

test("every method of every interface is drawn, and axe finds nothing serious", async () => {
  for (const [, source] of interfaces) {
    const methods = drawn(source, (_, arg) => ({ kind: "reply", bytes: arg, word: "subnet" }));
    for (const method of Object.values(methods)) method.open();
  }
  await soon();
  for (const select of window.document.querySelectorAll("select")) type(select, select.options[select.options.length - 1]!.value);
  for (const add of window.document.querySelectorAll<HTMLButtonElement>("fieldset > button")) add.click();
  for (const box of window.document.querySelectorAll<HTMLInputElement>("input[type=checkbox]")) box.click();
  const everyMethod = drawn(every, (_, arg) => ({ kind: "reply", bytes: arg, word: "subnet" })).echo!;
  everyMethod.open(JSON.stringify(values));
  await submit(everyMethod);
  assert.deepEqual(said, []);
  [...window.document.querySelectorAll("details")].slice(0, -12).forEach((it) => it.remove());
  window.eval(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  // colours are looked at in a real browser
  const rules = { "color-contrast": { enabled: false } };
  const { violations } = await (window as never as { axe: typeof import("axe-core") }).axe.run(window.document as never, { rules, resultTypes: ["violations"] });
  const serious = Array.from(violations).filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes[0]!.html.slice(0, 200)}`), []);
});
