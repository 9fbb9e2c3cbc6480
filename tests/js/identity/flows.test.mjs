// The whole page in Node: its views in a document without a browser, passkeys of an authenticator in software, and behind it the compiled
// canister without a subnet. What a person presses and reads is pressed and read here. ATOLL_CANISTERS is the folder with identity.wasm.
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, beforeEach, test } from "node:test";
import { JSDOM, VirtualConsole } from "jsdom";
import { Authenticator } from "./authenticator.mjs";
import { Host } from "./host.mjs";
import { page } from "./page.mjs";

const HOME = "http://rwlgt-iiaaa-aaaaa-aaaaa-cai.localhost:8000";
const [A, B] = ["https://a.example", "https://b.example"];
const SECOND = 1_000_000_000n;
// what jsdom cannot do it would say on the console
const dom = new JSDOM('<!doctype html><html lang="en"><main id="app"></main></html>', { url: HOME, runScripts: "outside-only", virtualConsole: new VirtualConsole() });
dom.window.eval(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
const phone = new Authenticator(HOME);
phone.plug();
Object.assign(globalThis, { document: dom.window.document, Node: dom.window.Node });
globalThis.window = { isSecureContext: true, PublicKeyCredential: class {}, close() {} };
globalThis.location.reload = () => { document.title = "reloaded"; };
const lib = await page("authorize", "manage", "backend", "session", "idl", "@icp-sdk/core/agent", "@icp-sdk/core/identity", "@icp-sdk/core/candid", "@icp-sdk/core/principal");
const { AnonymousIdentity, Backend, Ed25519KeyIdentity, IDL, Principal, authorize, manage, newPasskey, register, service, welcome } = lib;
const host = new Host(readFileSync(join(process.env.ATOLL_CANISTERS, "identity.wasm")));
const InitArgs = IDL.Opt(IDL.Record({ registration: IDL.Opt(IDL.Record({ per_minute: IDL.Nat32, difficulty: IDL.Nat8 })), gateways: IDL.Opt(IDL.Vec(IDL.Text)) }));
const methods = new Map(service({ IDL })._fields);

/** The page's backend, whose calls are the module's. */
function backend(identity) {
  const caller = identity.getPrincipal().toUint8Array();
  const actor = Object.fromEntries([...methods].map(([name, type]) => [name, async (...args) => {
    const kind = type.annotations.includes("query") ? "query" : "update";
    return IDL.decode(type.retTypes, host.call(`canister_${kind} ${name}`, IDL.encode(type.argTypes, args), caller))[0];
  }]));
  const it = new Backend(Principal.fromUint8Array(host.id).toText(), new Uint8Array(), "", actor);
  it.as = async (other) => backend(other);
  return it;
}
const anybody = () => backend(new AnonymousIdentity());

const main = () => document.getElementById("app");
const text = () => main().textContent;
async function until(what, found) {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const it = found();
    if (it) return it;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no ${what}; the page says: ${text()}`);
}
const buttons = () => [...document.querySelectorAll("button")].filter((it) => !it.disabled);
const press = async (name) => (await until(`button ${name}`, () => buttons().find((it) => (it.getAttribute("aria-label") ?? it.textContent) === name))).click();
const fill = async (label, value) => {
  const found = await until(`field ${label}`, () => [...document.querySelectorAll("label")].find((it) => it.textContent.startsWith(label)));
  found.querySelector("input, textarea").value = value;
};
const submit = () => document.querySelector("form").dispatchEvent(new dom.window.Event("submit", { cancelable: true }));
const says = (words) => until(`“${words}”`, () => text().includes(words));
const heading = (words) => until(`heading “${words}”`, () => document.querySelector("h1")?.textContent.includes(words));

/** An app asks; what it got, when the page is done. */
function asked(origin, wishes = {}) {
  main().replaceChildren();
  const sessionKey = new Uint8Array(Ed25519KeyIdentity.generate().getPublicKey().toDer());
  return new Promise((grant, refuse) => {
    const request = { origin, sessionKey, allowBrowserKey: true, ...wishes, grant, refuse: (why) => refuse(new Error(why)) };
    void authorize(anybody(), request);
  }).then((granted) => ({ ...granted, principal: Principal.selfAuthenticating(granted.userKey).toText() }));
}
/** What axe finds without layout; contrast and the rest are for the browser's test. */
async function accessible() {
  const { violations } = await dom.window.axe.run(document, { rules: { "color-contrast": { enabled: false } }, resultTypes: ["violations"] });
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.equal(serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`).join("\n"), "");
}
const number = () => BigInt(/Identity (\d+)/u.exec(text())[1]);
let ann;

before(() => {
  host.start("canister_init", IDL.encode([InitArgs], [[{ registration: [{ per_minute: 100, difficulty: 8 }], gateways: [] }]]));
  host.pass();
});
beforeEach(() => host.pass(SECOND));

test("somebody new makes a passkey, and the app has them at once", async () => {
  const signing = asked(A);
  await says(`${A} will know you by an identity of its own`);
  await accessible();
  await press("Create an identity");
  await heading("Create an identity");
  await accessible();
  await press("With a passkey");
  ann = await signing;
  assert.deepEqual([ann.method, ann.delegations.length, phone.credentials.size], ["passkey", 1, 1]);
  await heading("Signed in");
});

test("the passkey signs in to another app, which gets another principal, and to the first again", async () => {
  const use = async (origin) => {
    const signing = asked(origin);
    await heading("Sign in");
    await press("Use a passkey");
    return (await signing).principal;
  };
  ann.b = await use(B);
  assert.notEqual(ann.b, ann.principal);
  assert.equal(await use(A), ann.principal);
});

test("who cancels is not signed in, and the app is told", async () => {
  const signing = asked(A);
  await press("Cancel");
  await assert.rejects(signing, /The person cancelled/u);
  await heading("Not signed in");
});

test("an app for some canisters is told so, and gets a chain of two", async () => {
  const target = Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai");
  const signing = asked(A, { targets: [target] });
  await says("in one canister only");
  await press("Use a passkey");
  const { delegations, principal } = await signing;
  assert.equal(principal, ann.principal);
  assert.deepEqual(delegations.map((it) => it.targets?.map(String)), [undefined, [target.toText()]]);
  assert.notDeepEqual(delegations[0].pubkey, delegations[1].pubkey);
});

test("an app that borrows another's identities without being listed is refused", async () => {
  globalThis.fetch = async () => ({ status: 200, text: async () => JSON.stringify({ alternativeOrigins: [B] }) });
  await assert.rejects(asked(A, { derivationOrigin: "https://main.example" }), /does not list it/u);
  const signing = asked(B, { derivationOrigin: A });
  await says(`It is the one that you have at ${A}`);
  await press("Use a passkey");
  assert.equal((await signing).principal, ann.principal);
});

async function signInToManage() {
  await manage(anybody());
  await press("Use a passkey");
  await says("Devices");
  return number();
}

test("a device is renamed", async () => {
  ann.user = await signInToManage();
  await says("You have one device only");
  await accessible();
  await press("Rename Browser on this device");
  await fill("Name", "My phone");
  submit();
  await says("The name was changed.");
  assert.ok(text().includes("My phone"));
});

test("another device joins by the code that it shows", async () => {
  await signInToManage();
  await press("Add another device");
  await says(`type the number ${ann.user}-`);
  const [, secret] = new RegExp(`${ann.user}-(\\d{8})`, "u").exec(text());
  new Authenticator(HOME).plug();
  const joining = await newPasskey(anybody(), "Laptop");
  const { code } = await joining.backend.leave(ann.user, secret, joining.device);
  phone.plug();
  await says("A device waits.");
  assert.ok(!text().includes("Laptop"));
  await accessible();
  await fill("Code", code === "000000" ? "000001" : "000000");
  submit();
  await says("That is not the code.");
  await fill("Code", code);
  submit();
  await says("The device was added.");
  assert.equal(document.querySelectorAll(".devices > li").length, 2);
  await welcome(joining, ann.user);
});

test("this device joins an identity, waits until the code is typed elsewhere, and is signed in", async () => {
  new Authenticator(HOME).plug();
  const other = await register(await newPasskey(anybody(), "First"));
  const signing = asked(A);
  await press("I use another device");
  await press("With a key of this browser");
  await says("Type the number of your identity first.");
  await accessible();
  await fill("Number of your identity", String(other.user));
  await press("With a key of this browser");
  await says("Type the whole number that the other device shows");
  await fill("Number of your identity", `${other.user}-12345678`);
  await press("With a key of this browser");
  await says("That identity is not waiting for a device.");
  const { secret } = await other.backend.openPairing(other.user);
  await fill("Number of your identity", `${other.user}-${secret}`);
  await press("With a key of this browser");
  await heading("Type this code on the other device");
  await accessible();
  await other.backend.confirm(other.user, document.querySelector(".code").textContent);
  const granted = await signing;
  assert.equal(granted.method, "pin");
  const again = asked(A);
  await press("Use this browser's key");
  assert.equal((await again).principal, granted.principal);
  phone.plug();
});

test("a browser keeps one key", async () => {
  const signing = asked(B);
  await press("Create an identity");
  await press("With a key of this browser");
  await says("This browser has a key already, of identity");
  await press("Back");
  await press("Cancel");
  await assert.rejects(signing);
});

test("an app that declines browsers' keys is not offered one", async () => {
  const signing = asked(B, { allowBrowserKey: false });
  await heading("Sign in");
  assert.ok(!text().includes("browser's key"));
  await press("Create an identity");
  await heading("Create an identity");
  assert.ok(!text().includes("With a key of this browser"));
  await press("Back");
  await press("Cancel");
  await assert.rejects(signing);
});

test("a recovery phrase is written down, asked back, and protected", async () => {
  await signInToManage();
  await press("A recovery phrase");
  await heading("Your recovery phrase");
  await accessible();
  ann.words = [...document.querySelectorAll(".words li")].map((it) => it.textContent);
  await press("I have written them down");
  await accessible();
  await fill("Word 6", ann.words[5]);
  await fill("Word 18", "wrong");
  submit();
  await says("Word 18 is another one.");
  await fill("Word 18", ann.words[17]);
  submit();
  await says("The recovery phrase was added.");
  assert.ok(text().includes("protected from") && buttons().some((it) => it.getAttribute("aria-label") === "Remove Recovery phrase"));
  assert.ok(!buttons().some((it) => it.textContent === "A recovery phrase"));
});

test("who lost everything comes back with the words, as the same person, and makes a new passkey", async () => {
  new Authenticator(HOME).plug();
  const signing = asked(B);
  await press("Recovery phrase");
  await accessible();
  await fill("Your 24 words", ann.words.slice(1).join(" "));
  submit();
  await says("these are 23");
  await fill("Your 24 words", ann.words.join(" "));
  submit();
  const granted = await signing;
  assert.deepEqual([granted.principal, granted.method], [ann.b, "recovery"]);
  await manage(anybody());
  await press("Recovery phrase");
  await fill("Your 24 words", ann.words.join(" "));
  submit();
  await heading(`Identity ${ann.user}`);
  await press("A passkey here");
  await says("The passkey was added.");
  await press("Remove My phone");
  await press("Remove");
  await says("My phone was removed.");
  const again = asked(A);
  await press("Use a passkey");
  assert.equal((await again).principal, ann.principal);
});

test("the removed phone signs in no more", async () => {
  phone.plug();
  await manage(anybody());
  await press("Use a passkey");
  await says("This passkey belongs to no identity here");
});

test("a passkey that was made but never confirmed is tried once more, and then another is made", async () => {
  const [lost, found] = [new Authenticator(HOME), new Authenticator(HOME)];
  lost.plug();
  const get = lost.get;
  lost.get = async () => { throw new DOMException("no", "NotAllowedError"); };
  const signing = asked(A);
  await press("Create an identity");
  await press("With a passkey");
  await says("That was cancelled");
  await press("With a passkey");
  await until("second refusal", () => lost.credentials.size === 1 && buttons().length > 0 && text().includes("That was cancelled"));
  lost.get = get;
  found.plug();
  await press("With a passkey");
  assert.equal((await signing).method, "passkey");
  assert.deepEqual([lost.credentials.size, found.credentials.size], [1, 1]);
});

test("where many register, the page does more work", async () => {
  host.start("canister_post_upgrade", IDL.encode([InitArgs], [[{ registration: [{ per_minute: 1, difficulty: 4 }], gateways: [] }]]));
  host.pass(3n * 60n * SECOND);
  for (const name of ["One", "Two", "Three"]) {
    new Authenticator(HOME).plug();
    await register(await newPasskey(anybody(), name));
  }
  const device = new Authenticator(HOME);
  device.plug();
  const signing = asked(A);
  await press("Create an identity");
  await press("With a passkey");
  assert.equal((await signing).method, "passkey");
  assert.equal(device.credentials.size, 1);
});

test("an identity is deleted after a second thought", async () => {
  const mine = new Authenticator(HOME);
  mine.plug();
  const it = await register(await newPasskey(anybody(), "Mine"));
  await manage(anybody());
  await press("Use a passkey");
  await heading(`Identity ${it.user}`);
  await press("Delete this identity");
  await heading(`Delete identity ${it.user}?`);
  await accessible();
  await press("Keep it");
  await heading(`Identity ${it.user}`);
  await it.backend.forget(it.user);
  assert.equal(await it.backend.myAnchor(), undefined);
});
