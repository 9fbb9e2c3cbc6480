// The explorer's page in a real browser, through the gateway: on a phone and on a desk, light and dark. ATOLL_STATUS names
// the network's status.json; ATOLL_EXPLORER the canister, if it is not at its usual id; ATOLL_SHOTS a folder for
// screenshots. Canisters that the explorer was given but that are not there are shown as "not installed"; those that
// ATOLL_EXPECT lists (comma-separated: governance, registry, rewards, ledger, all) must answer.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const need = (name) => process.env[name] ?? (() => { throw new Error(`${name} is not set`); })();
const status = JSON.parse(readFileSync(need("ATOLL_STATUS"), "utf8"));
const canister = process.env.ATOLL_EXPLORER ?? status.canisters?.explorer ?? "wqmuk-5qaaa-aaaaa-aaaqq-cai";
const url = `http://${canister}.localhost:${status.gateway_port}/`;
const shots = process.env.ATOLL_SHOTS;
const expected = new Set((process.env.ATOLL_EXPECT ?? "").split(",").filter(Boolean));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const READY_MS = 60_000;
/** Bytes that one visit loads before it asks the subnet. */
const PAGE_BYTES_MAX = 300_000;
const SECTIONS = ["overview", "replicas", "canisters", "economy", "rewards", "governance", "registry"];
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});
after(() => browser?.close());

/** The page, once it has shown what it knows; and what the console had to say about it. */
async function open(viewport, colorScheme, options = {}) {
  const context = await browser.newContext({ viewport, colorScheme, bypassCSP: true, ...options });
  const page = await context.newPage();
  const problems = [];
  const loaded = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("response", (response) => {
    const { pathname, origin } = new URL(response.url());
    if (pathname.startsWith("/api/")) return;
    // A body that is asked for when the page is closed is lost, which is no error of the page's.
    const bytes = response.body().then(({ length }) => length, () => NaN);
    loaded.push({ origin, pathname, bytes, response });
  });
  await page.goto(url);
  await page.waitForFunction(() => document.body.dataset.ready && document.getElementById("live").textContent === "Live",
    undefined, { timeout: READY_MS });
  return { page, problems, loaded, close: () => context.close() };
}

const text = (page, selector) => page.locator(selector).innerText();
const tile = (page, name) => page.locator("#tiles .fact", { has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) })
  .locator("dd").innerText();

async function serious(page) {
  await page.addScriptTag({ content: axe });
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const shown = ({ impact, id, nodes }) => `${impact} ${id}: ${nodes.map(({ target }) => target).slice(0, 3).join(" | ")}`;
  return violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(shown);
}

/** Every section says something: numbers, or that what it asks is not there; never that it could not be read. */
async function saysSomething(page) {
  for (const section of SECTIONS) {
    const words = await text(page, `#${section}`);
    assert.ok(words.length > 40, `${section}: ${words}`);
    assert.doesNotMatch(words, /could not be|undefined|NaN|\[object/u, section);
    const missing = /not installed/u.test(words);
    assert.ok(!missing || !(expected.has(section) || expected.has("all")), `${section} is not installed: ${words}`);
  }
  if (expected.has("ledger") || expected.has("all")) {
    assert.match(await tile(page, "Token supply"), /\d/u);
  }
  assert.match(await tile(page, "Certified height"), /^[\d.,\s]+/u);
  assert.match(await tile(page, "Certified state"), /s old/u);
  assert.ok(await page.locator("#replicas-table tbody tr").count() >= 1, "a replica");
  assert.ok(await page.locator("#canisters-list tbody tr").count() >= 1, "a canister");
}

async function fits(page) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
  assert.ok(wide <= room, `the page is ${wide} wide in a window of ${room}`);
}

async function shoot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `explorer-${name}.png`), fullPage: true });
}

async function check(name, viewport, colorScheme) {
  const { page, problems, close } = await open(viewport, colorScheme);
  await page.waitForFunction(() => document.querySelector("#plot-height svg"), undefined, { timeout: READY_MS });
  await saysSomething(page);
  await fits(page);
  await shoot(page, name);
  assert.deepEqual(await serious(page), []);
  assert.deepEqual(problems, []);
  await close();
}

test("the explorer shows every section on a phone, in the dark", () => check("phone-dark", { width: 390, height: 844 }, "dark"));
test("the explorer shows every section on a phone, in the light", () => check("phone-light", { width: 390, height: 844 }, "light"));
test("the explorer shows every section on a desk, in the light", () => check("desk-light", { width: 1280, height: 800 }, "light"));
test("the explorer shows every section on a desk, in the dark", () => check("desk-dark", { width: 1280, height: 800 }, "dark"));

test("a visit loads less than 300 KB, all of it from the canister, with what protects it", async () => {
  const { loaded, close } = await open({ width: 800, height: 600 }, "light");
  const sizes = await Promise.all(loaded.map(({ bytes }) => bytes));
  await close();
  const own = new URL(url).origin;
  assert.deepEqual(loaded.filter(({ origin }) => origin !== own), []);
  const bytes = sizes.reduce((sum, more) => sum + more, 0);
  assert.ok(bytes > 1_000 && bytes < PAGE_BYTES_MAX, `${bytes} bytes`);
  for (const { pathname, response } of loaded) {
    const headers = response.headers();
    assert.match(headers["content-security-policy"] ?? "", /^default-src 'none'/u, pathname);
    assert.equal(headers["x-ic-canister-id"], canister, pathname);
    const kept = /^\/(?:app|style)-/u.test(pathname);
    assert.equal(/immutable/u.test(headers["cache-control"]), kept, pathname);
  }
});

test("what is not there is answered by a verified 404 that leads back", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const response = await page.goto(new URL("/no/such/page", url).href);
  assert.equal(response.status(), 404);
  await page.click("a");
  await page.waitForURL(url);
  await context.close();
});

test("the height grows while one looks", async () => {
  const { page, close } = await open({ width: 800, height: 600 }, "light");
  const height = async () => Number((await tile(page, "Certified height")).split("\n")[0].replace(/\D/gu, ""));
  const first = await height();
  await page.waitForFunction((old) => {
    const shown = document.querySelector("#tiles .fact dd").firstChild.textContent.replace(/\D/gu, "");
    return Number(shown) > old;
  }, first, { timeout: READY_MS });
  await close();
});

test("the page can be used by keys alone: skip link, sections, plots", async () => {
  const { page, close } = await open({ width: 1280, height: 800 }, "light", { reducedMotion: "reduce" });
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "To the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => location.hash), "#main");
  await page.waitForFunction(() => document.querySelector("#plot-height svg"), undefined, { timeout: READY_MS });
  await page.focus("#plot-height svg");
  await page.keyboard.press("ArrowLeft");
  assert.match(await text(page, "#plot-height .readout"), /\d/u);
  await page.locator("nav a", { hasText: "Registry" }).focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => location.hash), "#registry");
  await close();
});

test("a visitor whose gateway is gone is told, and sees it come back", async () => {
  const { page, close } = await open({ width: 800, height: 600 }, "light");
  await page.context().setOffline(true);
  await page.waitForFunction(() => document.getElementById("live").textContent.startsWith("No answer"), undefined, { timeout: READY_MS });
  await page.context().setOffline(false);
  await page.waitForFunction(() => document.getElementById("live").textContent === "Live", undefined, { timeout: READY_MS });
  await close();
});
