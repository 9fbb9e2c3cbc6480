// The sign-in page in Chromium through the gateway, with WebAuthn's virtual authenticator: a passkey is registered, signs in to apps which get different
// principals, a second device joins, a recovery phrase brings the person back. ATOLL_STATUS names the network; the canister is `identity` in it,
// IDENTITY_CANISTER, or installed here from ATOLL_CANISTERS. ATOLL_SCREENSHOTS is a folder for screenshots.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { app } from "./apps.mjs";
import { actor, deploy, given, lib, ready, status } from "./network.mjs";

const { DelegationChain, DelegationIdentity, Ed25519KeyIdentity, Principal } = lib;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.ATOLL_SCREENSHOTS;
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: "dark" };
const DESK = { viewport: { width: 1280, height: 800 }, colorScheme: "light" };
const WAIT = { timeout: 30_000 };
const OPTIONS = { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
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

/** A browser profile with a device of its own. The virtual authenticator is a page's, so its passkeys are carried from page to page. */
async function person(device) {
  const context = await browser.newContext(device);
  const kept = new Map();
  const problems = [];
  const watch = (page) => {
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(String(error)));
  };
  context.on("page", watch);
  return {
    context, problems,
    /** Plugs the device in to a page; what is returned keeps its passkeys. */
    async plug(page) {
      const cdp = await context.newCDPSession(page);
      await cdp.send("WebAuthn.enable");
      const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options: OPTIONS });
      for (const credential of kept.values()) await cdp.send("WebAuthn.addCredential", { authenticatorId, credential });
      const keep = (credential) => kept.set(credential.credentialId, credential);
      cdp.on("WebAuthn.credentialAdded", ({ credential }) => keep(credential));
      cdp.on("WebAuthn.credentialAsserted", ({ credential }) => keep(credential));
      return async () => {
        const { credentials } = await cdp.send("WebAuthn.getCredentials", { authenticatorId });
        credentials.forEach(keep);
      };
    },
    passkeys: () => kept.size,
    close: () => context.close(),
  };
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

const button = (page, name) => page.getByRole("button", { name, exact: true });
const heading = (page, name) => page.getByRole("heading", { name }).waitFor(WAIT);

/** Presses an app's button, lets `act` do what a person does on the page, and is what the app then has. */
async function signIn(who, { origin }, act, wishes = {}) {
  const page = await who.context.newPage();
  await page.goto(`${origin}/#${encodeURIComponent(JSON.stringify({ provider: home, ...wishes }))}`);
  const opening = who.context.waitForEvent("page");
  await button(page, "Sign in").click();
  const popup = await opening;
  const keep = await who.plug(popup);
  await heading(popup, "Sign in");
  await popup.getByText(origin).first().waitFor(WAIT);
  await act(popup, keep);
  await page.waitForFunction(() => document.querySelector("output").textContent !== "", undefined, WAIT);
  const shown = JSON.parse(await page.locator("output").textContent());
  await page.close();
  return shown;
}

/** The principal by which the replicas know what an app got. */
async function whoami({ chain, key, principal, error }) {
  assert.equal(error, undefined);
  const identity = DelegationIdentity.fromDelegation(Ed25519KeyIdentity.fromJSON(key), DelegationChain.fromJSON(JSON.stringify(chain)));
  const answer = await (await actor(canister, identity)).exit_device_registration_mode(0n);
  assert.equal(answer.Err.unauthorized.toText(), principal);
  return principal;
}

const usePasskey = (page) => button(page, "Use a passkey").click();

async function newIdentity(page, keep, way) {
  await button(page, "Create an identity").click();
  await heading(page, "Create an identity");
  await shoot(page, `create-${way.includes("passkey") ? "passkey" : "browser"}`);
  await accessible(page, "create");
  await button(page, way).click();
  // the app closes the page as soon as it has what it wants
  await page.waitForEvent("close", WAIT).catch(() => {});
}

/** Signs in on the page for looking after one's identity. */
async function manage(who, act) {
  const page = await who.context.newPage();
  const keep = await who.plug(page);
  await page.goto(home);
  await heading(page, "Your identity");
  await act(page);
  await heading(page, /^Identity \d+$/u);
  await keep();
  return { page, keep, number: (await page.locator("h1").textContent()).split(" ")[1] };
}

test("a passkey is registered from an app, which is signed in at once", async () => {
  people.ann = await person(PHONE);
  const shown = await signIn(people.ann, apps.a, async (page, keep) => {
    await shoot(page, "sign-in-phone");
    await accessible(page, "sign in");
    await newIdentity(page, keep, "With a passkey");
  });
  people.ann.a = await whoami(shown);
  assert.equal(people.ann.passkeys(), 1);
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

test("a second device joins by a code and is the same person", async () => {
  const { ann } = people;
  const phone = await manage(ann, usePasskey);
  await shoot(phone.page, "devices-phone");
  await accessible(phone.page, "devices");
  await button(phone.page, "Add another device").click();
  await heading(phone.page, "Add another device");
  people.desk = await person(DESK);
  const page = await people.desk.context.newPage();
  const keep = await people.desk.plug(page);
  await page.goto(home);
  await button(page, "I use another device").click();
  const shown = await phone.page.locator("ol strong", { hasText: `${phone.number}-` }).textContent();
  await page.getByLabel("Number of your identity").fill(shown);
  await shoot(page, "join-desk");
  await accessible(page, "join");
  await button(page, "With a passkey").click();
  await heading(page, "Type this code on the other device");
  const code = await page.locator(".code").textContent();
  await shoot(page, "code-desk");
  await accessible(page, "code");
  await phone.page.getByText("A device waits").waitFor(WAIT);
  await phone.page.getByLabel("Code").fill(code === "000000" ? "000001" : "000000");
  await button(phone.page, "Add the device").click();
  await phone.page.getByText("That is not the code.").waitFor(WAIT);
  await phone.page.getByLabel("Code").fill(code);
  await button(phone.page, "Add the device").click();
  await phone.page.getByText("The device was added.").waitFor(WAIT);
  await heading(page, `Identity ${phone.number}`);
  await keep();
  assert.equal(await page.locator(".devices > li").count(), 2);
  await shoot(page, "devices-desk");
  assert.equal(await whoami(await signIn(people.desk, apps.a, usePasskey)), ann.a);
  await page.close();
  await phone.page.close();
});

test("a recovery phrase is written down, and brings the person back on a device without keys", async () => {
  const { ann } = people;
  const { page } = await manage(ann, usePasskey);
  await button(page, "A recovery phrase").click();
  await heading(page, "Your recovery phrase");
  const words = await page.locator(".words li").allTextContents();
  assert.equal(words.length, 24);
  await accessible(page, "phrase");
  await button(page, "I have written them down").click();
  await heading(page, "To be sure");
  await page.getByLabel("Word 6").fill(words[5]);
  await page.getByLabel("Word 18").fill("wrong");
  await button(page, "Add the phrase").click();
  await page.getByText("Word 18 is another one.").waitFor(WAIT);
  await page.getByLabel("Word 18").fill(words[17]);
  await button(page, "Add the phrase").click();
  await page.getByText("The recovery phrase was added.").waitFor(WAIT);
  await page.close();
  const lost = await person(DESK);
  const recover = async (popup) => {
    await button(popup, "Recovery phrase").click();
    await popup.getByLabel("Your 24 words").fill(words.join(" "));
    await accessible(popup, "recover");
    await popup.locator("form").getByRole("button", { name: "Sign in" }).click();
  };
  assert.equal(await whoami(await signIn(lost, apps.b, recover)), ann.b);
  const back = await manage(lost, recover);
  await button(back.page, "A passkey here").click();
  await back.page.getByText("The passkey was added.").waitFor(WAIT);
  await back.keep();
  await back.page.locator(".devices > li").first().getByRole("button", { name: /^Remove/u }).click();
  await button(back.page, "Remove").click();
  await back.page.getByText("was removed.").waitFor(WAIT);
  assert.equal(await whoami(await signIn(lost, apps.a, usePasskey)), ann.a);
  await back.page.close();
  await lost.close();
});

test("a removed passkey signs in no more", async () => {
  const { ann } = people;
  const page = await ann.context.newPage();
  await ann.plug(page);
  await page.goto(home);
  await usePasskey(page);
  await page.getByText("belongs to no identity here").waitFor(WAIT);
  await page.close();
});

test("a browser's key is the way without a passkey, and an app may decline it", async () => {
  const bob = await person({ ...DESK, colorScheme: "dark" });
  const first = await whoami(await signIn(bob, apps.a, (page, keep) => newIdentity(page, keep, "With a key of this browser")));
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
  await bob.close();
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
  for (const who of [people.ann, people.desk]) assert.deepEqual(who.problems.filter((it) => !it.includes("favicon")), []);
});
