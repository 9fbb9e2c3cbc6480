// Visitors of the apps: a browser profile each. What they see is looked at, what their browser complains about is a failure, and
// when a test fails it tells what they saw.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { FULL, origin, until } from "./network.mjs";

const shots = process.env.ATOLL_SCREENSHOTS;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const DESK = { viewport: { width: 1280, height: 800 } };
/** Sizes and themes, by the names that screenshots have. */
export const LOOKS = {
  "phone-dark": { ...PHONE, colorScheme: "dark" },
  "desk-light": { ...DESK, colorScheme: "light" },
  "phone-light": { ...PHONE, colorScheme: "light" },
  "desk-dark": { ...DESK, colorScheme: "dark" },
};
/** The other size in the other theme. */
export const opposite = { "phone-dark": "desk-light", "desk-light": "phone-dark", "phone-light": "desk-dark", "desk-dark": "phone-light" };
export const isPhone = (look) => look.startsWith("phone");
/** All looks, or the few that CI has time for. */
export const looks = (...few) => (FULL ? Object.keys(LOOKS) : few);

/** Turns a hang into a failure. */
const SCENE_MS = 900_000;
/** For what the subnet must agree on, on a busy machine. */
const WAIT_MS = 45_000;
/** How long a page is looked at before it is loaded again, where the next answer may be another. */
const LOOK_MS = 10_000;
/** What one visit may load before media. */
const PAGE_BYTES = 300_000;
const TOLD = 700;
/** Notices that say nothing bad. */
const FINE = /^(?:Published|Superliked|The link is copied|Applied|You have left)/u;
/** An update call. */
const CALL = /\/api\/v\d\/canister\/[^/]+\/call$/u;

let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});
after(() => browser?.close());

/**
 * Runs in each page from its beginning. Notes when the first frame of a video was on the screen and when the first post was
 * there, in milliseconds since the navigation began; tells every notice and every alert, however short it is there.
 */
function watchPage() {
  const watch = ({ target }) => target.requestVideoFrameCallback?.((now) => { globalThis.firstFrame ??= now; });
  document.addEventListener("loadstart", watch, true);
  const tell = (node) => {
    const element = node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
    const boxes = [element?.closest("[role=alert], .notice"), ...element?.querySelectorAll("[role=alert], .notice") ?? []];
    for (const text of new Set(boxes.map((box) => box?.textContent.trim()))) if (text) globalThis.noticed(text);
  };
  new MutationObserver((changes) => {
    if (!globalThis.firstPost && document.querySelector("[data-post]")) globalThis.firstPost = performance.now();
    for (const { addedNodes, target, type } of changes) [...type === "characterData" ? [target] : addedNodes].forEach(tell);
  }).observe(document, { subtree: true, childList: true, characterData: true });
}

/** What all pages of a browser profile complain about. */
const complaints = new WeakMap();

function listen(context) {
  const problems = [];
  complaints.set(context, problems);
  context.setDefaultTimeout(WAIT_MS);
  context.on("console", (message) => message.type() === "error" && problems.push(`${message.text()} (${message.location().url})`));
  context.on("weberror", (error) => problems.push(String(error.error())));
}

class Visitor {
  foreign = [];
  /** Sizes of all but media. */
  sizes = [];
  /** What was answered: path and status. */
  answered = [];
  /** What the app's page told by notices and alerts. */
  noticed = [];

  constructor(app, look, context) {
    Object.assign(this, { app, look, context, own: origin(app) });
  }

  get problems() {
    return complaints.get(this.context);
  }

  get name() {
    return `${this.app}-${this.look}`;
  }

  /** A page of the app: what it asks for. */
  watch(page) {
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (!["blob:", "data:"].includes(url.protocol) && url.origin !== this.own) this.foreign.push(request.url());
    });
    page.on("response", (response) => this.answered.push({ path: new URL(response.url()).pathname, status: response.status() }));
    page.on("requestfinished", (request) => {
      if (new URL(request.url()).pathname.startsWith("/v/")) return;
      // what is asked for when the page is closed is lost, which is no fault of the page's
      const nothing = { responseBodySize: 0, responseHeadersSize: 0, requestBodySize: 0 };
      this.sizes.push(request.sizes().catch(() => nothing));
    });
    return page;
  }

  /** Goes to a page of the app. */
  async go(path = "/") {
    if (!this.page || this.page.isClosed()) this.page = this.watch(await this.context.newPage());
    await this.page.goto(this.own + path, { waitUntil: "domcontentloaded" });
  }

  /** Bytes that came over the wire so far, media left out. */
  async weight() {
    return (await Promise.all(this.sizes)).reduce((sum, it) => sum + it.responseBodySize + it.responseHeadersSize, 0);
  }

  /** Bytes that were sent so far and answered. */
  async sent() {
    return (await Promise.all(this.sizes)).reduce((sum, it) => sum + it.requestBodySize, 0);
  }

  async isLight() {
    const bytes = await this.weight();
    assert.ok(bytes > 1_000 && bytes < PAGE_BYTES, `the page has ${bytes} bytes before media; ${PAGE_BYTES} are allowed`);
    return bytes;
  }

  button(name) {
    return this.page.getByRole("button", { name });
  }

  says(text, timeout = WAIT_MS) {
    return this.page.getByText(text).filter({ visible: true }).first().waitFor({ timeout });
  }

  /** Goes to a page until it says something that others did: it was perhaps asked for a moment before. */
  finds(path, text) {
    return until(`${path} says ${text}`, async () => {
      await this.go(path);
      await this.says(text, LOOK_MS);
      return true;
    });
  }

  /** Waits until nothing in sight is still loading or moving, what moves for ever left out. */
  async settled() {
    await this.page.waitForFunction(() => {
      const inSight = (it) => {
        const box = it.getBoundingClientRect();
        return box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
      };
      const waits = [...document.querySelectorAll(".spinner")].some(inSight);
      const moves = document.getAnimations().some((it) => it.playState === "running" && it.effect?.getComputedTiming().iterations !== Infinity);
      return !waits && !moves && [...document.images].filter(inSight).every((it) => it.complete);
    });
  }

  /** Keeps a picture of what is seen, and asserts that it is for everybody: axe finds nothing serious, nothing sticks out. */
  async inspect(what) {
    await this.settled();
    await this.shoot(what);
    assert.deepEqual(await faults(this.page), [], `${this.name} ${what}`);
    const [wide, room] = await this.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= room, `${this.name} ${what} is ${wide} wide in a window of ${room}`);
  }

  async shoot(what, page = this.page) {
    if (!shots) return;
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${this.name}-${what}.png`) });
  }

  /** Nothing told the visitor that something is wrong, nothing complained, and nothing left the origin. */
  isCalm(allowed = () => false) {
    const fine = (text) => FINE.test(text) || allowed(text);
    assert.deepEqual(this.noticed.filter((it) => !fine(it)), [], `what ${this.name} was told`);
    assert.deepEqual(this.problems.filter((it) => !fine(it)), [], `the console of ${this.name}`);
    assert.deepEqual(this.foreign, [], `${this.name} asks elsewhere`);
  }

  /**
   * What `act` does is seen at once: update calls are held up until `seen` came true. Returns when the gateway has answered
   * them.
   */
  async atOnce(act, seen) {
    const { page } = this;
    const held = [];
    await this.whileHeld(async () => {
      const asked = page.waitForRequest(CALL);
      asked.catch(() => undefined);
      await act();
      await seen();
      await asked;
    }, held);
    for (const request of held) assert.ok((await request.response())?.ok(), `${request.url()} was answered`);
  }

  /** Does something while no update call leaves the page; `held` gets those that wanted to. */
  async whileHeld(work, held = []) {
    const { page } = this;
    let release;
    const gate = new Promise((resolve) => { release = resolve; });
    const passed = [];
    const hold = (route) => {
      held.push(route.request());
      // a page that was closed has no calls any more
      passed.push(gate.then(() => route.continue()).catch(() => undefined));
    };
    await page.route(CALL, hold);
    try {
      await work();
    } finally {
      release();
      await Promise.all(passed);
      if (!page.isClosed()) await page.unroute(CALL, hold);
    }
  }

  /** What the pages of the browser profile say, for a failure's report. */
  async story() {
    const stories = [];
    for (const page of this.context.pages()) {
      await this.shoot(`failed-${stories.length}`, page).catch(() => undefined);
      const text = await page.evaluate(() => (document.querySelector("dialog[open]") ?? document.body).innerText).catch(String);
      stories.push(`--- ${this.name} at ${page.url()} says: ${text.replace(/\s*\n\s*/gu, " | ").slice(0, TOLD)}`);
    }
    const problems = this.problems.slice(0, 5).map((it) => `its console: ${it}`);
    return [...stories, ...problems].join("\n");
  }
}

/** What axe finds that is serious. The pages' own policy forbids foreign scripts, so axe comes in by the debugger. */
export async function faults(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return serious.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(" ")}`);
}

/**
 * A test with visitors, whom `enter(app, look, path)` lets in; the same one goes to another app by `visitor.beside(app)`. At the
 * end all of them are calm; complaints that `allowed` knows are part of the scene.
 */
export function scene(name, work, allowed = () => false) {
  test(name, { timeout: SCENE_MS }, async (t) => {
    const visitors = [];
    const admit = async (app, look, context, path) => {
      const visitor = new Visitor(app, look, context);
      visitor.beside = (other) => admit(other, look, context);
      visitors.push(visitor);
      await visitor.go(path);
      return visitor;
    };
    const enter = async (app, look, path) => {
      const context = await browser.newContext(LOOKS[look]);
      await context.exposeBinding("noticed", ({ page }, text) => visitors.find((it) => it.page === page)?.noticed.push(text));
      await context.addInitScript(watchPage);
      listen(context);
      return admit(app, look, context, path);
    };
    try {
      await work(enter, t);
      visitors.forEach((it) => it.isCalm(allowed));
    } catch (error) {
      const stories = await Promise.all([...new Map(visitors.map((it) => [it.context, it])).values()].map((it) => it.story()));
      throw new Error([error.message, ...stories].filter(Boolean).join("\n"), { cause: error });
    } finally {
      await Promise.allSettled(visitors.map((it) => it.context.close()));
    }
  });
}

/**
 * What visits with nothing in the cache take, each measured by `measure`: three, of which the median counts, the quickest first.
 * CI has time for one, unless that one was too slow.
 */
export async function coldVisits(measure, budget) {
  const times = [await measure()];
  if (FULL || times[0] >= budget) times.push(await measure(), await measure());
  return times.map(Math.round).sort((a, b) => a - b);
}

export const median = (sorted) => sorted[Math.floor(sorted.length / 2)];

/** One tap, and a name. */
export async function signIn({ page }, handle, display) {
  await page.getByRole("button", { name: "Use this device" }).click();
  await introduce({ page }, handle, display);
}

/** Whoever is new says how they want to be called. */
export async function introduce({ page }, handle, display) {
  await page.getByLabel("Your name, as people read it").fill(display);
  await page.getByLabel("Your handle").fill(handle);
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForFunction(() => !document.querySelector("dialog[open]"));
}

const SWIPE_STEPS = 25;

/** A finger that moves up or down over the middle of the screen. */
export async function swipe({ page, context }, direction) {
  const { width, height } = page.viewportSize();
  const [from, to] = direction === "up" ? [0.8, 0.2] : [0.2, 0.8];
  const session = await context.newCDPSession(page);
  const touch = (type, ...touchPoints) => session.send("Input.dispatchTouchEvent", { type, touchPoints });
  const at = (share) => ({ x: Math.round(width / 2), y: Math.round(share * height) });
  await touch("touchStart", at(from));
  for (let moved = 1; moved <= SWIPE_STEPS; moved += 1) await touch("touchMove", at(from + ((to - from) * moved) / SWIPE_STEPS));
  await touch("touchEnd");
  await session.detach();
}
