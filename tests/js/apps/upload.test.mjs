// A film of 50 MB (20 MB in CI) goes up from the browser with progress; the page is closed half-way and the connection lost once
// more; it goes on with what has arrived, plays by ranges through the gateway, and every byte is what was sent.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { before } from "node:test";
import { Client, ask } from "../../../canisters/clips/seed/client.mjs";
import { playing } from "./feed.mjs";
import { film } from "./film.mjs";
import { FULL, beside, canister, get, run, status, until } from "./network.mjs";
import { scene, signIn } from "./visitor.mjs";

const MEGABYTES = FULL ? 50 : 20;
const BYTES_MIN = MEGABYTES * 1_000_000;
/** What may go up twice, or not be counted: chunks that are under way when the page is closed and when the connection is lost. */
const LOST_BYTES_MAX = 6 * 1024 * 1024;
/** What Clips takes. */
const VIDEO_BYTES_MAX = 64 * 1024 * 1024;
const UPLOAD_MS = 400_000;
const path = beside("large.mp4");
const sha256 = (...parts) => parts.reduce((hasher, part) => hasher.update(part), createHash("sha256")).digest("hex");
const isOffline = (problem) => problem.includes("ERR_INTERNET_DISCONNECTED") || problem.includes("You are offline");
let sent;

before(async () => {
  await film(path, { seconds: 120, bytes: BYTES_MIN * 1.05, side: "360x640", noise: 90, quality: 24 });
  const { size } = statSync(path);
  assert.ok(size >= BYTES_MIN && size <= VIDEO_BYTES_MAX, `the film has ${size} bytes`);
  sent = { size, digest: sha256(readFileSync(path)) };
});

/** Waits until so many per cent are told to have arrived; what is told. */
async function arrived({ page }, least) {
  const told = await page.waitForFunction((share) => {
    const text = [...document.querySelectorAll("[role=status]")].map((it) => it.textContent).join(" ");
    const now = Number(text.match(/Uploading, (\d+) %/u)?.[1] ?? (text.includes("Publishing") ? 100 : NaN));
    return now >= share ? { now } : undefined;
  }, least, { timeout: UPLOAD_MS });
  return (await told.jsonValue()).now;
}

async function choose(visitor) {
  await visitor.page.locator("input[type=file]").setInputFiles(path);
  await visitor.page.getByLabel("Caption").fill(`${MEGABYTES} MB of noise #large${run}`);
}

/** The file by one request after the other, as players ask: from where the answer before it ended. */
async function byRanges(file) {
  const parts = [];
  let ranges = 0;
  for (let start = 0; start < sent.size; ranges += 1) {
    const response = await get("clips", file, { headers: { range: `bytes=${start}-${Math.min(start + 3_000_000, sent.size) - 1}` } });
    assert.equal(response.status, 206, `from ${start}`);
    const body = Buffer.from(await response.arrayBuffer());
    assert.equal(response.headers.get("content-range"), `bytes ${start}-${start + body.length - 1}/${sent.size}`);
    assert.ok(body.length > 0);
    parts.push(body);
    start += body.length;
  }
  return { digest: sha256(...parts), ranges };
}

scene(`${MEGABYTES} MB go up with progress, closed and cut off in between, and every byte comes back`, async (enter, t) => {
  const visitor = await enter("clips", "desk-light", "/upload");
  await visitor.button("Sign in").click();
  await signIn(visitor, `max_${run}`, "Max Large");
  await choose(visitor);
  await visitor.button("Publish").click();
  const closedAt = await arrived(visitor, 25);
  // so that it is not all there when this has been looked at
  await visitor.whileHeld(async () => {
    await visitor.inspect("uploading");
    await visitor.page.close();
  });

  await visitor.go("/upload");
  await choose(visitor);
  await visitor.says("it goes on where it stopped");
  await visitor.button("Publish").click();
  const resumedAt = await arrived(visitor, 0);
  assert.ok(resumedAt >= closedAt, `${closedAt} % had arrived, it goes on from ${resumedAt} %`);
  const cutAt = await arrived(visitor, 60);
  await visitor.context.setOffline(true);
  await visitor.says("You are offline.");
  await until("a part of it failed", async () => visitor.problems.some(isOffline));
  await visitor.context.setOffline(false);
  assert.ok(await arrived(visitor, cutAt + 1) > cutAt);
  await visitor.page.waitForURL(/\/c\/\d+$/u, { timeout: UPLOAD_MS });
  const up = await visitor.sent();
  assert.ok(Math.abs(up - sent.size) < LOST_BYTES_MAX, `${up} bytes went up for a film of ${sent.size}`);
  t.diagnostic(`closed at ${closedAt} %, resumed at ${resumedAt} %, cut off at ${cutAt} %; ${up} bytes went up`);

  await playing(visitor);
  const id = BigInt(visitor.page.url().split("/").pop());
  const client = new Client(status, beside("clips-seed.key"));
  const { video } = await ask(async () => (await client.actor(`max_${run}`, canister("clips"))).clip(id));
  const file = `/v/${video}`;
  const end = await visitor.page.locator(`[data-clip="${id}"] video`).evaluate((it) => new Promise((resolve) => {
    it.addEventListener("seeked", () => resolve(it.currentTime), { once: true });
    it.currentTime = it.duration * 0.8;
  }));
  await visitor.page.waitForFunction(([clip, then]) => document.querySelector(`[data-clip="${clip}"] video`).currentTime > then + 0.2, [String(id), end]);
  const answers = visitor.answered.filter((it) => it.path === file).map((it) => it.status);
  assert.ok(answers.length >= 2 && answers.every((code) => code === 206), `it played by ranges: ${answers}`);

  const { digest, ranges } = await byRanges(file);
  assert.equal(digest, sent.digest, `the file by ${ranges} ranges`);
  assert.equal((await get("clips", file, { headers: { range: `bytes=${sent.size}-` } })).status, 416, "there is nothing after its end");
  const whole = await get("clips", file);
  assert.equal(whole.status, 200);
  assert.equal(whole.headers.get("content-length") ?? String(sent.size), String(sent.size));
  assert.equal(sha256(Buffer.from(await whole.arrayBuffer())), sent.digest, "the file as a whole");
  t.diagnostic(`${sent.size} bytes by ${ranges} ranges and as a whole: ${digest}`);
}, isOffline);
