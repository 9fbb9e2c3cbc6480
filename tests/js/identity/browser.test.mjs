// The sign-in page in Chromium through the gateway, as unmodified clients of Internet Identity open it, with WebAuthn's virtual authenticator. (What people do
// with it from Clips and Guild is in `../apps/passkeys.test.mjs`.) ATOLL_STATUS names the network; the canister is `identity` in it, IDENTITY_CANISTER,
// or installed here from ATOLL_CANISTERS. ATOLL_SCREENSHOTS is a folder for screenshots.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { Device, button, heading, usePasskey } from "../apps/person.mjs";
import { app } from "./apps.mjs";
import { actor, deploy, given, lib, ready, status } from "./network.mjs";

const { DelegationChain, DelegationIdentity, Ed25519KeyIdentity, Principal } = lib;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.ATOLL_SCREENSHOTS;
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: "dark" };
const DESK = { viewport: { width: 1280, height: 800 }, colorScheme: "light" };
const WAIT = { timeout: 30_000 };
let browser;
let canister;
let home;
let apps;
const people = {};

before(async () => {
  canister = given() ? Principal.fromText(given()) : await deploy();
  await ready(canister);
  home = `http://${canister.toText()}.localhost:${status.gateway_port}`;
  const a = await app("a", "new");
  apps = { a, b: await app("b", "old"), c: await app("c", "small"), beside: await app("beside", "new") };
  a.alternatives.push(apps.beside.origin);
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});
after(async () => {
  Object.values(apps ?? {}).forEach((it) => it.close());
  await browser?.close();
});

/** A browser profile with a device of its own. */
async function person(options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(WAIT.timeout);
  const problems = [];
  context.on("console", (message) => message.type() === "error" && problems.push(`${message.text()} (${message.location().url})`));
  context.on("weberror", (error) => problems.push(String(error.error())));
  return { context, problems, device: new Device(context) };
}

async function shoot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `identity-${name}.png`) });
}

async function accessible(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  assert.deepEqual(serious.map((it) => `${name}: ${it.id}: ${it.nodes.map(({ html }) => html).join(" ").slice(0, 400)}`), []);
}

/** Presses an app's button, lets `act` do what a person does on the page, and is what the app then has. */
async function signIn(who, { origin }, act, wishes = {}) {
  const page = await who.context.newPage();
  await page.goto(`${origin}/#${encodeURIComponent(JSON.stringify({ provider: home, ...wishes }))}`);
  const opening = who.context.waitForEvent("page");
  await button(page, "Sign in").click();
  const popup = await opening;
  await who.device.plug(popup);
  await heading(popup, "Sign in");
  await popup.getByText(origin).first().waitFor(WAIT);
  await act(popup);
  await page.waitForFunction(() => document.querySelector("output").textContent !== "", undefined, WAIT);
  const shown = JSON.parse(await page.locator("output").textContent());
  await page.close();
  return shown;
}

/** The principal by which the replicas know what an app got. */
async function whoami({ chain, key, principal, error }) {
  assert.equal(error, undefined);
  const identity = DelegationIdentity.fromDelegation(Ed25519KeyIdentity.fromJSON(key), DelegationChain.fromJSON(JSON.stringify(chain)));
  const answer = await (await actor(canister, identity)).get_anchor_info(0n);
  assert.equal(answer.Err.unauthorized.toText(), principal);
  return principal;
}

async function newIdentity(page, way) {
  await button(page, "Create an identity").click();
  await heading(page, "Create an identity");
  await shoot(page, `create-${way.includes("passkey") ? "passkey" : "browser"}`);
  await accessible(page, "create");
  await button(page, way).click();
}

test("a passkey is registered from an app, which is signed in at once", async () => {
  people.ann = await person(PHONE);
  const shown = await signIn(people.ann, apps.a, async (page) => {
    await shoot(page, "sign-in-phone");
    await accessible(page, "sign in");
    await newIdentity(page, "With a passkey");
  });
  people.ann.a = await whoami(shown);
  assert.equal(people.ann.device.passkeys.size, 1);
});

test("the same passkey signs in to a second app, which gets another principal, and to the first again", async () => {
  const { ann } = people;
  ann.b = await whoami(await signIn(ann, apps.b, usePasskey));
  ann.c = await whoami(await signIn(ann, apps.c, usePasskey));
  assert.equal(new Set([ann.a, ann.b, ann.c]).size, 3);
  assert.equal(await whoami(await signIn(ann, apps.a, usePasskey)), ann.a);
});

test("another origin of an app gets the app's principals if the app says so, and no other does", async () => {
  const { ann } = people;
  const shown = await signIn(ann, apps.beside, usePasskey, { derivationOrigin: apps.a.origin });
  assert.equal(await whoami(shown), ann.a);
  const page = await ann.context.newPage();
  await page.goto(`${apps.b.origin}/#${encodeURIComponent(JSON.stringify({ provider: home, derivationOrigin: apps.a.origin }))}`);
  await button(page, "Sign in").click();
  await page.waitForFunction(() => document.querySelector("output").textContent.includes("does not list it"), undefined, WAIT);
  await page.close();
});

test("a browser's key is the way without a passkey, and an app may decline it", async () => {
  const bob = await person({ ...DESK, colorScheme: "dark" });
  const first = await whoami(await signIn(bob, apps.a, (page) => newIdentity(page, "With a key of this browser")));
  assert.equal(await whoami(await signIn(bob, apps.a, (page) => button(page, "Use this browser's key").click())), first);
  const page = await bob.context.newPage();
  await page.goto(`${apps.b.origin}/#${encodeURIComponent(JSON.stringify({ provider: home, allowPinAuthentication: false }))}`);
  const opening = bob.context.waitForEvent("page");
  await button(page, "Sign in").click();
  const popup = await opening;
  await button(popup, "Create an identity").waitFor(WAIT);
  await shoot(popup, "sign-in-desk-dark");
  assert.equal(await button(popup, "Use this browser's key").count(), 0);
  await button(popup, "Cancel").click();
  await page.waitForFunction(() => document.querySelector("output").textContent.includes("cancelled"), undefined, WAIT);
  assert.deepEqual(bob.problems, []);
  await bob.context.close();
});

test("who opens the page without an app is told so", async () => {
  const page = await browser.newPage();
  await page.goto(`${home}/authorize`);
  await heading(page, "No app is asking");
  await accessible(page, "nobody asked");
  await button(page, "Manage my identity").click();
  await heading(page, "Your identity");
  await page.close();
});

test("nothing complained", () => {
  assert.deepEqual(people.ann.problems, []);
});
