// The page's protocol against the clients that apps use, unmodified: `@icp-sdk/auth`, `@dfinity/auth-client`, and the one without a
// library beside the canister. No network: the page grants what this test made up, and the clients' identities are looked at.
import { build } from "esbuild";
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { beforeEach, test } from "node:test";
import { page as bundle } from "./page.mjs";
import { APP, PAGE, modern, storage, windows } from "./windows.mjs";

modern();
let load = () => {};
const stage = windows({ load: (...args) => load(...args) });
const { listen, mayDerive } = await bundle("protocol", "origins");
const { AuthClient: NewClient } = await import("@icp-sdk/auth/client");
const { AuthClient: OldClient } = await import("@dfinity/auth-client");
const { Principal } = await import("@icp-sdk/core/principal");
const small = await build({ entryPoints: [fileURLToPath(new URL("../../../canisters/identity/client/sign-in.ts", import.meta.url))], format: "esm", write: false });
const { signIn } = await import(`data:text/javascript;base64,${Buffer.from(small.outputFiles[0].text).toString("base64")}`);

const HOUR = 3_600_000_000_000n;
// an Ed25519 key in DER: any key will do for a principal
const USER_KEY = Uint8Array.from([...Buffer.from("302a300506032b6570032100", "hex"), ...new Uint8Array(32).fill(7)]);
const USER = Principal.selfAuthenticating(USER_KEY).toText();
const SIGNATURE = Uint8Array.from({ length: 64 }, (_, index) => index);
const settled = () => new Promise((resolve) => setTimeout(resolve, 30));

/** A page that answers its app with this. */
const answers = (answer) => {
  const asked = [];
  load = (here, opener, url) => listen(here, opener, (request) => { asked.push({ ...request, url }); answer(request); });
  return asked;
};
const granting = (request) => request.grant({
  userKey: USER_KEY, method: "passkey",
  delegations: [{ pubkey: request.sessionKey, expiration: BigInt(Date.now()) * 1_000_000n + (request.maxTimeToLive ?? HOUR), signature: SIGNATURE }],
});
const quiet = { disableIdle: true };

beforeEach(() => stage.click());

async function withOldClient(options = {}) {
  const client = await OldClient.create({ storage: storage(), keyType: "Ed25519", idleOptions: quiet });
  const result = await new Promise((resolve, reject) => {
    client.login({ identityProvider: PAGE, ...options, onSuccess: resolve, onError: (text) => reject(new Error(text)) });
  });
  return { client, result };
}
const newClient = (options = {}) => new NewClient({ identityProvider: `${PAGE}/authorize`, storage: storage(), keyType: "Ed25519", idleOptions: quiet, ...options });

test("@dfinity/auth-client signs in", async () => {
  const asked = answers(granting);
  const { client, result } = await withOldClient({ maxTimeToLive: 8n * HOUR });
  assert.equal(client.getIdentity().getPrincipal().toText(), USER);
  assert.equal(await client.isAuthenticated(), true);
  assert.equal(result.authnMethod, "passkey");
  assert.deepEqual([asked[0].origin, asked[0].maxTimeToLive, asked[0].allowBrowserKey, asked[0].url], [APP, 8n * HOUR, true, `${PAGE}/#authorize`]);
});

test("@dfinity/auth-client says what else the app wishes", async () => {
  const asked = answers(granting);
  await withOldClient({ derivationOrigin: "https://main.example", allowPinAuthentication: false });
  assert.deepEqual([asked[0].derivationOrigin, asked[0].allowBrowserKey], ["https://main.example", false]);
});

test("@dfinity/auth-client is told that the person cancelled", async () => {
  answers((request) => request.refuse("The person cancelled."));
  await assert.rejects(withOldClient(), /The person cancelled/u);
});

test("@icp-sdk/auth signs in", async () => {
  const asked = answers(granting);
  const client = newClient();
  const identity = await client.signIn({ maxTimeToLive: 4n * HOUR });
  assert.equal(identity.getPrincipal().toText(), USER);
  assert.equal(client.isAuthenticated(), true);
  assert.deepEqual([asked[0].origin, asked[0].maxTimeToLive, asked[0].targets], [APP, 4n * HOUR, undefined]);
});

test("@icp-sdk/auth says from which origin identities come and which canisters it means", async () => {
  const target = Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai");
  const asked = answers((request) => request.grant({
    userKey: USER_KEY, method: "passkey",
    delegations: [{ pubkey: request.sessionKey, expiration: BigInt(Date.now()) * 1_000_000n + HOUR, signature: SIGNATURE, targets: request.targets }],
  }));
  const identity = await newClient({ derivationOrigin: "https://main.example" }).signIn({ targets: [target] });
  assert.deepEqual([asked[0].derivationOrigin, asked[0].targets.map(String)], ["https://main.example", [target.toText()]]);
  const [{ delegation }] = identity.getDelegation().delegations;
  assert.deepEqual(delegation.targets.map(String), [target.toText()]);
});

test("@icp-sdk/auth is told that the person cancelled", async () => {
  answers((request) => request.refuse("The person cancelled."));
  await assert.rejects(newClient().signIn(), /The person cancelled/u);
});

test("@icp-sdk/auth learns that attributes are not to be had, and still signs in", async () => {
  answers((request) => setTimeout(() => granting(request), 100));
  const client = newClient();
  const signing = client.signIn();
  await assert.rejects(client.requestAttributes({ keys: ["email"], nonce: new Uint8Array(32) }), /not supported/u);
  assert.equal((await signing).getPrincipal().toText(), USER);
});

test("the client without a library signs in, and hears of refusals", async () => {
  answers(granting);
  const sessionKey = USER_KEY;
  const granted = await signIn({ provider: PAGE, sessionKey, maxTimeToLive: HOUR });
  assert.deepEqual([granted.userPublicKey, granted.authnMethod], [USER_KEY, "passkey"]);
  assert.deepEqual(granted.delegations[0].delegation.pubkey, USER_KEY);
  assert.equal(stage.opened.at(-1).closed, true);
  assert.match(stage.opened.at(-1).name, /^identity(-\d+){4}$/u);
  answers((request) => request.refuse("No."));
  await assert.rejects(signIn({ provider: PAGE, sessionKey }), /No\./u);
});

test("the client without a library notices that the window was closed", async () => {
  load = () => {};
  const signing = signIn({ provider: PAGE, sessionKey: USER_KEY });
  stage.opened.at(-1).close();
  await assert.rejects(signing, /closed/u);
});

/** A page without a client: what it says, and a way to talk to it. */
function bare() {
  const said = [];
  const asked = [];
  let hear;
  const opener = { postMessage: (data, target) => said.push({ data, target }) };
  listen({ addEventListener: (_, listener) => { hear = listener; } }, opener, (request) => asked.push(request));
  return { said, asked, say: (data, origin = APP, source = opener) => hear({ data, origin, source }) };
}
const ask = { kind: "authorize-client", sessionPublicKey: USER_KEY };
const call = (method, params, id = "1") => ({ jsonrpc: "2.0", id, method, params });

test("the page says once that it is there, and answers the app's origin only", () => {
  const { said, asked, say } = bare();
  assert.deepEqual(said, [{ data: { kind: "authorize-ready" }, target: "*" }]);
  say(ask);
  granting(asked[0]);
  granting(asked[0]);
  asked[0].refuse("late");
  assert.deepEqual(said.slice(1).map(({ data, target }) => [data.kind, target]), [["authorize-client-success", APP]]);
});

test("nobody else is heard", () => {
  const { said, asked, say } = bare();
  say(ask, APP, {});
  say(ask, "null");
  say(ask, "file://");
  say({ kind: "authorize-something" });
  say("authorize-client");
  say(null);
  assert.deepEqual([said.length, asked.length], [1, 0]);
  say(call("icrc29_status"));
  say(ask, "https://other.example");
  assert.deepEqual([said.length, asked.length], [2, 0]);
});

test("a second request waits for nobody", () => {
  const { said, asked, say } = bare();
  say(ask);
  say(ask);
  say(call("icrc34_delegation", { publicKey: Buffer.from(USER_KEY).toString("base64") }));
  assert.equal(asked.length, 1);
  assert.deepEqual(said.slice(1).map(({ data }) => data.text ?? data.error.message), Array(2).fill("another request is being answered"));
});

test("what is asked wrongly is answered with how it should be", () => {
  const check = (message, pattern) => {
    const { said, asked, say } = bare();
    say(message);
    assert.equal(asked.length, 0);
    const { data } = said.at(-1);
    assert.match(data.text ?? data.error?.message ?? "", pattern);
  };
  const publicKey = Buffer.from(USER_KEY).toString("base64");
  check({ kind: "authorize-client" }, /sessionPublicKey/u);
  check({ ...ask, sessionPublicKey: "abc" }, /sessionPublicKey/u);
  check({ ...ask, sessionPublicKey: new Uint8Array(701) }, /sessionPublicKey/u);
  check({ ...ask, maxTimeToLive: -1n }, /maxTimeToLive/u);
  check({ ...ask, maxTimeToLive: "soon" }, /maxTimeToLive/u);
  check({ ...ask, maxTimeToLive: 1.5 }, /maxTimeToLive/u);
  for (const derivationOrigin of [7, "main.example", "https://main.example/path", "javascript:alert(1)"]) check({ ...ask, derivationOrigin }, /derivationOrigin/u);
  check(call("icrc34_delegation"), /publicKey/u);
  for (const wrong of ["§", "", "A", "AAAAA", "AAA==", "AA=", "A==="]) check(call("icrc34_delegation", { publicKey: wrong }), /publicKey/u);
  check(call("icrc34_delegation", { publicKey, targets: [] }), /targets/u);
  check(call("icrc34_delegation", { publicKey, targets: ["nobody"] }), /target/u);
  check(call("icrc34_delegation", { publicKey, maxTimeToLive: "x" }), /maxTimeToLive/u);
  check(call("icrc49_call_canister", {}), /not supported/u);
});

test("a lifetime of more than a month becomes a month, and keys may be buffers", () => {
  const { asked, say } = bare();
  say({ ...ask, sessionPublicKey: USER_KEY.slice().buffer, maxTimeToLive: 10n ** 30n });
  assert.deepEqual([asked[0].sessionKey, asked[0].maxTimeToLive], [USER_KEY, 30n * 24n * HOUR]);
});

test("a signer tells what it can and may", async () => {
  const { said, say } = bare();
  const result = (method, params) => { say(call(method, params, 7)); return said.at(-1).data.result; };
  assert.equal(result("icrc29_status"), "ready");
  assert.deepEqual(result("icrc25_supported_standards").supportedStandards.map(({ name }) => name), ["ICRC-25", "ICRC-29", "ICRC-34", "ICRC-95"]);
  const scopes = ["icrc34_delegation", "icrc49_call_canister"].map((method) => ({ method }));
  assert.deepEqual(result("icrc25_request_permissions", { scopes }).scopes.map(({ state }) => state), ["granted", "denied"]);
  assert.deepEqual(result("icrc25_permissions").scopes, [{ scope: { method: "icrc34_delegation" }, state: "granted" }]);
  const before = said.length;
  say({ jsonrpc: "2.0", method: "icrc29_status" });
  await settled();
  assert.equal(said.length, before);
});

test("an app may use the identities of an origin that lists it, and of no other", async () => {
  const MAIN = "https://main.example";
  const lists = (body, status = 200) => async (url, options) => {
    assert.deepEqual([url, options.redirect, options.credentials], [`${MAIN}/.well-known/ii-alternative-origins`, "error", "omit"]);
    return { status, text: async () => (typeof body === "string" ? body : JSON.stringify(body)) };
  };
  const list = (alternativeOrigins) => ({ alternativeOrigins });
  await mayDerive(APP, MAIN, lists(list([APP])));
  await mayDerive(APP, APP, () => assert.fail("nothing is asked"));
  const refused = (fetcher, pattern, origin = MAIN) => assert.rejects(mayDerive(APP, origin, fetcher), pattern);
  await refused(lists(list([`${APP}:8080`])), /does not list it/u);
  await refused(lists(list([])), /does not list it/u);
  await refused(lists(list([APP]), 404), /no list/u);
  await refused(lists("<html>"), /malformed/u);
  await refused(lists(list(Array(11).fill(APP))), /malformed/u);
  await refused(lists({}), /malformed/u);
  await refused(lists(" ".repeat(10_001)), /malformed/u);
  await refused(async () => { throw new TypeError("Failed to fetch"); }, /cannot be read/u);
  await refused(lists(list([APP])), /raw/u, "https://rwlgt-iiaaa-aaaaa-aaaaa-cai.raw.example");
});
