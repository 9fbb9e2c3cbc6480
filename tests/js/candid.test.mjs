// The Candid page in a real browser, through the gateway: any canister's methods, called and shown; on a phone and on a desk,
// light and dark (two of the four in CI), by keys alone.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { connect } from "./clients.mjs";
import { hosts, module, status } from "./network.mjs";

/** Why CI leaves some looks out. */
const FEW = process.env.ATOLL_FULL !== "1" && "only with ATOLL_FULL=1";
const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.ATOLL_SCREENSHOTS;
const door = `http://localhost:${status.gateway_port}/_/candid`;
const origin = `http://candid-page.localhost:${status.gateway_port}`;
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const DESK = { viewport: { width: 1280, height: 800 } };
/** Bytes that a visit loads before it asks the subnet, unpacked. */
const PAGE_BYTES_MAX = 300_000;
const ANSWER_MS = 30_000;
const ID = "rwlgt-iiaaa-aaaaa-aaaaa-cai";

const SOURCE = `import Prim "mo:⛔";
persistent actor {
  type List = ?(Int, List);
  type Tree = { #leaf; #node : { left : Tree; right : Tree } };
  type All = {
    nat : Nat; int : Int; nat8 : Nat8; nat64 : Nat64; int32 : Int32; float : Float; yes : Bool; text : Text; owner : Principal; data : Blob;
    maybe : ?Text; many : [Nat16]; pair : (Text, Nat); tree : Tree; list : List;
    call : shared query () -> async Text; shop : actor { ping : () -> async () };
  };
  var last = "nothing";
  public query func echo(all : All) : async All { all };
  public query func told() : async Text { last };
  public composite query func asked() : async Text { await told() };
  public shared query ({ caller }) func whoami() : async Principal { caller };
  public func tell(text : Text) : () { last := text };
  public func say(text : Text) : async Text { last := text; text };
  public func fail() : async () { Prim.trap("so be it") };
  public func refuse() : async () { throw Prim.error("not <b>today</b>") };
}`;
const METHODS = ["asked", "echo", "fail", "refuse", "say", "tell", "told", "whoami"];
const VALUES = [{
  nat: "123456789012345678901234567890", int: "-5", nat8: 255, nat64: "18446744073709551615", int32: -1, float: 1.5, yes: true, text: 'h\u00e9llo\n"x"',
  owner: ID, data: "0x00ff", maybe: ["m"], many: [1, 65_535], pair: ["a", "7"], tree: { node: { left: { leaf: null }, right: { leaf: null } } },
  list: [["1", [["2", []]]]], call: [ID, "told"], shop: ID,
}];

function compile(isPublic) {
  const compiler = require("motoko").default;
  compiler.write("Candid.mo", SOURCE);
  compiler.setPublicMetadata(isPublic ? ["candid:service"] : []);
  return Uint8Array.from(compiler.wasm("Candid.mo", "ic").wasm);
}

let browser;
let told;
let hidden;
let silent;

before(async () => {
  const client = await connect("@icp-sdk/core", hosts[0]);
  [told, hidden, silent] = [await client.deploy(compile(true)), await client.deploy(compile(false)), await client.deploy(module("probe"))].map(String);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});
after(() => browser?.close());

/** A new browser's visit; what the console complained of, what was asked elsewhere, what was loaded. */
async function visit(id, { device = DESK, colorScheme = "light", hash = "" } = {}) {
  const context = await browser.newContext({ ...device, colorScheme });
  const page = await context.newPage();
  const seen = { problems: [], foreign: [], loaded: [] };
  page.on("console", (message) => message.type() === "error" && seen.problems.push(message.text()));
  page.on("pageerror", (error) => seen.problems.push(String(error)));
  page.on("request", (request) => {
    if (![origin, new URL(door).origin].includes(new URL(request.url()).origin)) seen.foreign.push(request.url());
  });
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (!pathname.startsWith("/api/")) seen.loaded.push({ response, size: response.body().then(({ length }) => length, () => 0) });
  });
  await page.goto(`${door}?id=${id}${hash}`);
  await page.waitForFunction(() => document.body.dataset.ready, undefined, { timeout: ANSWER_MS });
  return { page, seen, close: () => context.close() };
}

const called = (name, values) => `#${new URLSearchParams({ call: name, ...(values && { args: JSON.stringify(values) }) })}`;
const method = (page, name) => page.locator("details.method", { has: page.locator("h3", { hasText: new RegExp(`^${name}$`, "u") }) });

/** Presses the button of a method that is open, and waits for what comes of it. */
async function answer(page, name, press) {
  const it = method(page, name);
  await it.getByRole("button", { name: press, exact: true }).click();
  const status = it.locator(".status");
  await page.waitForFunction((element) => !["", "Calling…"].includes(element.textContent), await status.elementHandle(), { timeout: ANSWER_MS });
  return { status: await status.innerText(), result: await it.locator(".result").innerText() };
}

async function open(page, name) {
  await method(page, name).locator("summary").click();
  await method(page, name).locator("form").waitFor();
}

async function serious(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ").slice(0, 400)}`);
}

async function looks(page, name) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wide <= room, `${name}: the page is ${wide} wide in a window of ${room}`);
  assert.deepEqual(await serious(page), [], name);
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `candid-${name}.png`), fullPage: true });
}

async function look(name, device, colorScheme) {
  const { page, seen, close } = await visit(told, { device, colorScheme });
  assert.equal(new URL(page.url()).origin, origin);
  assert.deepEqual(await page.locator("details.method h3").allInnerTexts(), METHODS);
  assert.match(await page.locator("#facts").innerText(), /Certified/u);
  await looks(page, `${name}-methods`);
  for (const it of METHODS) await open(page, it);
  for (const box of await page.locator("details.method input[type=checkbox]").all()) await box.check();
  for (const add of await page.getByRole("button", { name: /^Add to/u }).all()) await add.click();
  await answer(page, "echo", "Query");
  assert.ok(await page.locator(".problem:not(:empty)").count() > 3, "what is missing is said");
  await answer(page, "refuse", "Call");
  await looks(page, `${name}-forms`);
  await page.locator("#who").click();
  await looks(page, `${name}-callers`);
  assert.deepEqual([seen.problems, seen.foreign], [[], []]);
  await close();
}

test("the page shows a canister's methods on a phone, in the dark", () => look("phone-dark", PHONE, "dark"));
test("the page shows a canister's methods on a desk, in the light", () => look("desk-light", DESK, "light"));
test("the page shows a canister's methods on a phone, in the light", { skip: FEW }, () => look("phone-light", PHONE, "light"));
test("the page shows a canister's methods on a desk, in the dark", { skip: FEW }, () => look("desk-dark", DESK, "dark"));

test("a value of every type goes out by a link's form and comes back", async () => {
  const { page, seen, close } = await visit(told, { device: PHONE, colorScheme: "dark", hash: called("echo", VALUES) });
  const { status: line, result } = await answer(page, "echo", "Query");
  assert.match(line, /^Replied in/u);
  assert.match(result, /One replica's word/u);
  await looks(page, "phone-dark-reply");
  await method(page, "echo").getByRole("button", { name: "JSON", exact: true }).click();
  assert.deepEqual(JSON.parse(await method(page, "echo").locator(".shown pre").innerText()), VALUES);
  assert.deepEqual([seen.problems, seen.foreign], [[], []]);
  await close();
});

test("an update is certified, a oneway call is sent, and a query sees what they did", async () => {
  const { page, seen, close } = await visit(told);
  await open(page, "say");
  await method(page, "say").getByRole("textbox").fill("said by a page");
  const said = await answer(page, "say", "Call");
  assert.match(said.status, /^Replied in/u);
  assert.match(said.result, /Certified[\s\S]*quorum[\s\S]*said by a page/u);
  await open(page, "told");
  assert.match((await answer(page, "told", "Query")).result, /said by a page/u);
  await method(page, "told").getByRole("checkbox").check();
  assert.match((await answer(page, "told", "Query")).result, /Certified[\s\S]*said by a page/u);
  await open(page, "asked");
  assert.match((await answer(page, "asked", "Query")).result, /said by a page/u);
  await open(page, "tell");
  await method(page, "tell").getByRole("textbox").fill("told by a page");
  assert.match((await answer(page, "tell", "Call")).status, /^Sent in/u);
  await method(page, "told").getByRole("checkbox").uncheck();
  for (const end = Date.now() + ANSWER_MS; !(await answer(page, "told", "Query")).result.includes("told by a page");) assert.ok(Date.now() < end, "it arrives");
  assert.deepEqual([seen.problems, seen.foreign], [[], []]);
  await close();
});

test("a trap and a refusal are shown with their code and their words, which are text", async () => {
  const { page, close } = await visit(told, { hash: called("fail") });
  const failed = await answer(page, "fail", "Call");
  assert.match(failed.status, /^Rejected in/u);
  assert.match(failed.result, /Certified[\s\S]*code 5, CANISTER_ERROR[\s\S]*so be it/u);
  await open(page, "refuse");
  assert.match((await answer(page, "refuse", "Call")).result, /code 4, CANISTER_REJECT[\s\S]*not <b>today<\/b>/u);
  await looks(page, "desk-rejects");
  await close();
});

test("keys alone are enough", async () => {
  const { page, close } = await visit(told);
  await method(page, "say").locator("summary").focus();
  await page.keyboard.press("Enter");
  await method(page, "say").locator("form").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.type("typed");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await method(page, "say").locator(".status", { hasText: /^Replied/u }).waitFor({ timeout: ANSWER_MS });
  assert.match(await method(page, "say").locator(".result").innerText(), /typed/u);
  await page.locator("#who").focus();
  await page.keyboard.press("Enter");
  await page.locator("dialog[open]").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("dialog[open]").count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.id), "who");
  await close();
});

test("calls are nobody's at first, and a key's that the browser keeps if one wishes", async () => {
  const { page, close } = await visit(told, { hash: called("whoami") });
  assert.match((await answer(page, "whoami", "Query")).result, /2vxsx-fae/u);
  await page.locator("#who").click();
  await page.getByRole("button", { name: "A key of this browser" }).click();
  await page.locator("#who", { hasText: /as [a-z0-9]{5}…/u }).waitFor();
  const first = (await page.locator("#who").innerText()).match(/as ([a-z0-9]{5})…/u)[1];
  assert.match((await answer(page, "whoami", "Query")).result, new RegExp(`${first}-`, "u"));
  await page.reload();
  await page.locator("#who", { hasText: `as ${first}…` }).waitFor();
  await page.locator("#who").click();
  await page.getByRole("button", { name: "Nobody in particular" }).click();
  await page.locator("#who", { hasText: "as nobody" }).waitFor();
  await close();
});

test("where there is no interface the page says why, and takes one that is pasted", async () => {
  const { page, close } = await visit(silent);
  assert.match(await page.locator("#source").innerText(), /publishes no interface/u);
  await page.locator("#did").fill("service : { run : (blob -> (blob) }");
  await page.getByRole("button", { name: "Use this interface" }).click();
  assert.match(await page.locator("#source .problem").innerText(), /^Line 1, column 25: "\)" is missing/u);
  await looks(page, "desk-no-interface");
  await page.locator("#did").fill("service : { run : (blob) -> (blob) }");
  await page.getByRole("button", { name: "Use this interface" }).click();
  assert.deepEqual(await page.locator("details.method h3").allInnerTexts(), ["run"]);
  await close();
  const kept = await visit(hidden);
  assert.match(await kept.page.locator("#source").innerText(), /Only its controllers may read/u);
  await kept.close();
});

test("an id of no canister, and a text that is no id, are told", async () => {
  const nobody = await visit("rno2w-sqaaa-aaaaa-aaacq-cai");
  assert.match(await nobody.page.locator("#problem").innerText(), /no canister with this id/u);
  await nobody.close();
  const nonsense = await visit("nonsense");
  assert.match(await nonsense.page.locator("#problem").innerText(), /no canister's id: nonsense/u);
  await nonsense.page.locator("#id").fill(told);
  await nonsense.page.getByRole("button", { name: "Open" }).click();
  await nonsense.page.locator("details.method").first().waitFor({ timeout: ANSWER_MS });
  await nonsense.close();
});

test("a visit loads little, all of it from the page's own name, with a policy that lets nothing else run", async () => {
  const { seen, close } = await visit(told);
  const sizes = await Promise.all(seen.loaded.map(({ size }) => size));
  const bytes = sizes.reduce((sum, more) => sum + more, 0);
  assert.ok(bytes > 1_000 && bytes < PAGE_BYTES_MAX, `${bytes} bytes`);
  const own = seen.loaded.filter(({ response }) => response.url().startsWith(origin));
  assert.ok(own.length >= 4, `${own.length} files`);
  for (const { response } of own) {
    const policy = response.headers()["content-security-policy"];
    assert.match(policy, /^default-src 'none'; script-src 'self';/u, response.url());
    assert.doesNotMatch(policy, /unsafe/u, response.url());
  }
  assert.deepEqual(seen.foreign, []);
  await close();
});

test("no canister's page comes under the page's name, where it could take its keys", async () => {
  const { page, close } = await visit(told);
  const found = await page.evaluate(async (canister) => {
    const answer = await fetch(`/?canisterId=${canister}`);
    return { canister: answer.headers.get("x-ic-canister-id"), text: await answer.text() };
  }, status.canisters.counter);
  assert.equal(found.canister, null);
  assert.match(found.text, /<title>Candid<\/title>/u);
  await close();
});
