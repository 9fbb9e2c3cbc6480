// A visitor's browser: what it shows, what it asks the network for, what it complains about.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";

const need = (name) => process.env[name] ?? (() => { throw new Error(`${name} is not set`); })();
export const statusFile = need("ATOLL_STATUS");
export const status = JSON.parse(readFileSync(statusFile, "utf8"));
export const beside = (name) => join(dirname(statusFile), name);
export const canister = process.env.CLIPS_CANISTER ?? status.canisters.clips;
export const url = `http://${canister}.localhost:${status.gateway_port}`;

/** A file of the canister by the gateway's other address: not every resolver knows `*.localhost`. */
export const get = (path, options) => fetch(`${status.gateway_url}${path}?canisterId=${canister}`, { cache: "no-store", ...options });

const shots = process.env.ATOLL_SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
export const DESK = { viewport: { width: 1280, height: 800 } };

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** A new browser profile with one page. */
export async function visit(browser, device, colorScheme, path = "/") {
  const context = await browser.newContext({ ...device, colorScheme });
  const page = await context.newPage();
  const seen = { problems: [], foreign: [], bytes: 0 };
  page.on("console", (message) => message.type() === "error" && seen.problems.push(message.text()));
  page.on("pageerror", (error) => seen.problems.push(String(error)));
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (!["blob:", "data:"].includes(protocol) && origin !== url) seen.foreign.push(request.url());
  });
  page.on("response", async (response) => {
    const { pathname } = new URL(response.url());
    if (!pathname.startsWith("/v/") && !pathname.startsWith("/api/")) seen.bytes += (await response.body().catch(() => Buffer.alloc(0))).length;
  });
  const begun = Date.now();
  await page.goto(url + path);
  return { page, context, seen, begun };
}

/** Waits until the clip on the screen plays; its number. */
export async function playing(page, not) {
  const handle = await page.waitForFunction((other) => {
    const middle = innerHeight / 2;
    for (const slide of document.querySelectorAll("[data-clip]")) {
      const box = slide.getBoundingClientRect();
      const video = slide.querySelector("video");
      if (box.top < middle && box.bottom > middle && slide.dataset.clip !== other && video && video.currentTime > 0.05 && !video.paused) return slide.dataset.clip;
    }
    return undefined;
  }, not, { timeout: 20_000 });
  return handle.jsonValue();
}

export async function shoot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `clips-${name}.png`) });
}

/** What axe finds that is serious. The page's own policy forbids foreign scripts, so axe comes in by the debugger. */
export async function accessible(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((it) => ["serious", "critical"].includes(it.impact));
  assert.deepEqual(serious.map((it) => `${name}: ${it.id}: ${it.nodes.map((node) => node.html).join(" ").slice(0, 400)}`), []);
}

/** Nothing complained, and nothing left the origin. */
export function clean({ seen }, allowed = () => false) {
  assert.deepEqual(seen.problems.filter((it) => !allowed(it)), []);
  assert.deepEqual(seen.foreign, []);
}

/** One tap, and a name. */
export async function signIn(page, name, display) {
  await page.getByRole("button", { name: "Use this device" }).click();
  await page.getByLabel("Your name, as people read it").fill(display);
  await page.getByLabel("Your handle").fill(name);
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForFunction(() => !document.querySelector("dialog[open]"), undefined, { timeout: 20_000 });
}
