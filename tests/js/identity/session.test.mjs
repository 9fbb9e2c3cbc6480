// Who uses an app, as `canisters/identity/client/session.ts` keeps it: by Identity's passkey or a key of the browser, over reloads, sign-outs and ends.
// No network: the page grants what this test made up.
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { page } from "./page.mjs";
import { PAGE, modern, windows } from "./windows.mjs";

modern();
let load = () => {};
windows({ load: (...args) => load(...args) });
const { Principal, Sessions, gatewayHost, listen } = await page("protocol", "../client/session", "../../site/web/gateway", "@icp-sdk/core/principal");

const HOUR_MS = 3_600_000;
// an Ed25519 key in DER: any key will do for a principal
const USER_KEY = Uint8Array.from([...Buffer.from("302a300506032b6570032100", "hex"), ...new Uint8Array(32).fill(7)]);
const USER = Principal.selfAuthenticating(USER_KEY).toText();
const ANONYMOUS = Principal.anonymous().toText();
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Long enough to sign in on a busy machine. */
const BRIEF_MS = 1_500;
const LOOK_EVERY_MS = 20;

/** Waits until a tab was told that its brief session is over, and a moment more. */
async function ended({ seen }) {
  for (let looked = 0; !seen.ended && looked < 10 * BRIEF_MS; looked += LOOK_EVERY_MS) await later(LOOK_EVERY_MS);
  await later(LOOK_EVERY_MS);
  assert.equal(seen.ended, 1);
}

let tabs = 0;
let app;
const open = [];
// every test has a database of its own, and leaves no timer
beforeEach(() => { app = `app-${(tabs += 1)}`; });
afterEach(() => Promise.all(open.splice(0).map((sessions) => sessions.signOut())));

/** The app in a tab that was just loaded. */
function tab() {
  const seen = { ended: 0 };
  const sessions = new Sessions(app, () => { seen.ended += 1; });
  open.push(sessions);
  return { sessions, seen, who: async () => (await sessions.restore()).getPrincipal().toText() };
}

/** The page grants a session of this length; what it was asked for. */
function grants(ms) {
  const asked = [];
  load = (here, opener) => listen(here, opener, (request) => {
    asked.push(request);
    const expiration = BigInt(Date.now() + ms) * 1_000_000n;
    request.grant({ userKey: USER_KEY, method: "passkey", delegations: [{ pubkey: request.sessionKey, expiration, signature: new Uint8Array(64) }] });
  });
  return asked;
}

async function signIn({ sessions }, nth, provider = PAGE) {
  const identity = await sessions.ways(provider)[nth].signIn();
  return identity.getPrincipal().toText();
}

test("a passkey's session survives a reload, and signing out ends it", async () => {
  const asked = grants(HOUR_MS);
  const first = tab();
  assert.equal(await first.who(), ANONYMOUS);
  assert.equal(await signIn(first, 0), USER);
  assert.equal(asked[0].maxTimeToLive, 7n * 24n * BigInt(HOUR_MS) * 1_000_000n);
  const second = tab();
  assert.equal(await second.who(), USER);
  await second.sessions.signOut();
  assert.equal(await tab().who(), ANONYMOUS);
  // its key is gone: another session has another
  await signIn(second, 0);
  assert.notDeepEqual(asked[1].sessionKey, asked[0].sessionKey);
});

test("a browser's key survives signing out: the same person comes back", async () => {
  const first = tab();
  const who = await signIn(first, 1);
  assert.equal(await tab().who(), who);
  await first.sessions.signOut();
  assert.equal(await tab().who(), ANONYMOUS);
  assert.equal(await signIn(tab(), 0, null), who);
});

test("a session that is over is told, and not restored", async () => {
  grants(BRIEF_MS);
  const first = tab();
  assert.equal(await signIn(first, 0), USER);
  await ended(first);
  assert.equal(await tab().who(), ANONYMOUS);
  assert.equal(localStorage.getItem(`${app}.signed-in-by`), null);
});

test("a tab that hears late of an end leaves the session that another tab began since", async () => {
  grants(BRIEF_MS);
  const [first, second] = [tab(), tab()];
  await signIn(first, 0);
  grants(HOUR_MS);
  await signIn(second, 0);
  await ended(first);
  window.hear("storage", { key: `${app}.signed-in-by`, newValue: null });
  assert.equal(await tab().who(), USER);
});

test("signing out in another tab is told", async () => {
  grants(HOUR_MS);
  const first = tab();
  await signIn(first, 0);
  window.hear("storage", { key: "another", newValue: null });
  await later(20);
  assert.equal(first.seen.ended, 0);
  window.hear("storage", { key: `${app}.signed-in-by`, newValue: null });
  await later(20);
  assert.equal(first.seen.ended, 1);
});

test("whoever changes their mind is not signed in, and reads why", async () => {
  load = (here, opener) => listen(here, opener, (request) => request.refuse("The person cancelled"));
  const first = tab();
  await assert.rejects(signIn(first, 0), { kind: "NotSignedIn", message: "The person cancelled" });
  assert.equal(await tab().who(), ANONYMOUS);
});

test("without Identity there is the browser's key", () => {
  assert.deepEqual(tab().sessions.ways().map(({ id }) => id), ["device"]);
  assert.deepEqual(tab().sessions.ways(PAGE).map(({ id }) => id), ["passkey", "device"]);
});

test("a page's host tells where its gateway is, and no other host does", () => {
  const id = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
  const check = (host, expected) => assert.equal(gatewayHost(id, host), expected, host);
  check(`${id}.localhost:8080`, "localhost:8080");
  check(`${id}.raw.localhost:8080`, "localhost:8080");
  check(`clips--${id}.example.org`, "example.org");
  check("localhost:8080", "localhost:8080");
  check("127.0.0.1:8080", undefined);
  check("example.org", undefined);
  check("clips.example.org", undefined);
  check("rrkah-fqaaa-aaaaa-aaaaq-cai.example.org", undefined);
});
