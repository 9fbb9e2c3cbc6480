// The counter's page in a real browser, through the gateway, on a phone and on a desk, light and dark.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { status } from "./network.mjs";

const shots = process.env.ATOLL_SCREENSHOTS;
const url = `http://${status.canisters.counter}.localhost:${status.gateway_port}/`;
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});
after(() => browser?.close());

async function open(viewport, colorScheme) {
  const page = await browser.newPage({ viewport, colorScheme });
  const problems = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(url);
  await page.waitForFunction(() => document.getElementById("state").textContent.includes("Certified"));
  return { page, problems };
}

const value = async (page) => BigInt(await page.textContent("#value"));

async function check(name, viewport, colorScheme) {
  const { page, problems } = await open(viewport, colorScheme);
  const before = await value(page);
  await page.click("#increment");
  await page.waitForFunction((old) => BigInt(document.getElementById("value").textContent) > BigInt(old), String(before));
  await page.reload();
  await page.waitForFunction(() => document.getElementById("state").textContent.includes("Certified"));
  assert.ok(await value(page) > before);
  assert.deepEqual(problems, []);
  if (shots) {
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `counter-${name}.png`) });
  }
  await page.close();
}

test("the counter shows and raises its number on a phone", () => check("phone", { width: 390, height: 844 }, "dark"));
test("the counter shows and raises its number on a desk", () => check("desk", { width: 1280, height: 800 }, "light"));

test("what one browser raises, another sees", async () => {
  const [left, right] = [await open({ width: 800, height: 600 }, "light"), await open({ width: 800, height: 600 }, "light")];
  const before = await value(right.page);
  await left.page.click("#increment");
  await right.page.waitForFunction((old) => BigInt(document.getElementById("value").textContent) > BigInt(old), String(before));
  await left.page.close();
  await right.page.close();
});
