// The visitor's first minute with Clips, in a real browser through the gateway: the seed is there, nobody is signed in.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Client, ask, send } from "../../../canisters/clips/seed/client.mjs";
import { FOLDER } from "../../../canisters/clips/seed/films.mjs";
import { DESK, PHONE, accessible, beside, canister, clean, get, launch, playing, shoot, signIn, status, url, visit } from "./visitor.mjs";

const films = process.env.CLIPS_FILMS ?? FOLDER;
const client = new Client(status, process.env.CLIPS_KEYS ?? beside("clips-seed.key"));
const FIRST_FRAME_MS = Number(process.env.CLIPS_FIRST_FRAME_MS ?? 1_500);
const PAGE_BYTES = 300_000;
const CALLS = /call/;
// so that a test can be run again on the same network
const run = Date.now().toString(36);
let browser;

before(async () => { browser = await launch(); });
after(() => browser?.close());

const active = (page, id) => page.locator(`[data-clip="${id}"]`);
const act = (page, id, what) => active(page, id).locator(`[data-do="${what}"]`);

async function firstMinute(name, device, scheme) {
  // once before, so that the time is the network's and not the browser's start
  await (await visit(browser, device, scheme)).context.close();
  const visitor = await visit(browser, device, scheme);
  const { page, seen } = visitor;
  const first = await playing(page);
  const frame = Date.now() - visitor.begun;
  await page.waitForFunction((id) => document.querySelector(`[data-clip="${id}"] [data-do=like] span`).textContent !== "–", first);
  await shoot(page, `${name}-feed`);
  await accessible(page, `${name} feed`);
  await page.keyboard.press("ArrowDown");
  const second = await playing(page, first);
  assert.notEqual(second, first);
  await page.keyboard.press("ArrowUp");
  assert.equal(await playing(page, second), first);
  assert.ok(seen.bytes < PAGE_BYTES, `the page has ${seen.bytes} bytes before media`);
  for (const [path, what] of [["/search", "Now"], ["/@maya_reef", "Maya Okafor"], ["/me", "Sign in"], ["/tag/waves", "#waves"]]) {
    await page.goto(url + path);
    await page.getByText(what, { exact: false }).first().waitFor();
    await page.waitForLoadState("networkidle");
    await shoot(page, `${name}${path.replace(/[/@]/g, "-")}`);
    await accessible(page, `${name} ${path}`);
  }
  clean(visitor);
  await visitor.context.close();
  assert.ok(frame < FIRST_FRAME_MS, `the first frame came after ${frame} ms`);
  return frame;
}

test("a visitor's first clip plays at once, on a phone in the dark", async (t) => t.diagnostic(`${await firstMinute("phone-dark", PHONE, "dark")} ms`));
test("a visitor's first clip plays at once, on a desk in the light", async (t) => t.diagnostic(`${await firstMinute("desk-light", DESK, "light")} ms`));
test("the other two themes look designed too", async () => {
  for (const [name, device, scheme] of [["phone-light", PHONE, "light"], ["desk-dark", DESK, "dark"]]) {
    const visitor = await visit(browser, device, scheme);
    await playing(visitor.page);
    await shoot(visitor.page, `${name}-feed`);
    await visitor.page.goto(`${url}/@maya_reef`);
    await visitor.page.getByText("Maya Okafor").first().waitFor();
    await visitor.page.waitForLoadState("networkidle");
    await shoot(visitor.page, `${name}-profile`);
    await accessible(visitor.page, name);
    clean(visitor);
    await visitor.context.close();
  }
});

test("a like and a comment appear at once, survive a reload, and are seen by another browser", async () => {
  const [ann, other] = [await visit(browser, PHONE, "dark"), await visit(browser, DESK, "light")];
  const { page } = ann;
  const id = await playing(page);
  await act(page, id, "like").click();
  await shoot(page, "phone-dark-sign-in");
  await accessible(page, "sign-in");
  await signIn(page, `ann_${run}`, "Ann Visitor");
  await page.waitForFunction((it) => document.querySelector(`[data-clip="${it}"] [data-do=like]`).getAttribute("aria-pressed") === "true", id);
  await act(page, id, "comment").click();
  const text = `Hello <b>from</b> ${run}`;
  await page.getByRole("textbox", { name: "Add a comment" }).fill(text);
  await page.keyboard.press("Enter");
  // shown before the subnet has agreed, and as text
  await page.getByText(text).waitFor({ timeout: 500 });
  await page.waitForFunction(() => !document.body.textContent.includes("sending…"));
  await shoot(page, "phone-dark-comments");
  await accessible(page, "comments");
  await page.goto(`${url}/c/${id}`);
  await playing(page);
  await page.waitForFunction((it) => document.querySelector(`[data-clip="${it}"] [data-do=like]`).getAttribute("aria-pressed") === "true", id);
  await other.page.goto(`${url}/c/${id}`);
  await playing(other.page);
  await act(other.page, id, "comment").click();
  await other.page.getByText(text).waitFor();
  await shoot(other.page, "desk-light-comments");
  assert.equal(await other.page.locator("dialog b").count(), 0);
  clean(ann);
  clean(other);
  await ann.context.close();
  await other.context.close();
});

test("an upload that is cut off goes on after a reload, with what has arrived, and plays", async () => {
  const visitor = await visit(browser, PHONE, "light", "/upload");
  const { page, context, seen } = visitor;
  await page.getByRole("button", { name: "Sign in" }).click();
  await signIn(page, `bob_${run}`, "Bob Uploader");
  const file = { name: `film-${run}.mp4`, mimeType: "video/mp4", buffer: large() };
  let chunks = 0;
  await page.route(CALLS, (route) => {
    if ((route.request().postDataBuffer()?.length ?? 0) < 100_000) return route.continue();
    chunks += 1;
    return chunks <= 2 ? route.continue() : route.abort();
  });
  await page.locator("#film").setInputFiles(file);
  await page.getByPlaceholder("What is it?").fill(`Cut in half #resumed ${run}`);
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByText(/Uploading, (2|3|4|5|6)\d %/).waitFor({ timeout: 60_000 });
  await shoot(page, "phone-light-upload");
  await page.unroute(CALLS);
  await page.reload();
  await page.locator("#film").setInputFiles(file);
  await page.getByText("it goes on where it stopped").waitFor();
  await page.getByPlaceholder("What is it?").fill(`Cut in half #resumed ${run}`);
  // the first progress that is told is what had arrived before
  const told = page.evaluate(() => new Promise((resolve) => {
    new MutationObserver(() => {
      const share = document.querySelector(".publish-form [role=status]")?.textContent.match(/Uploading, (\d+) %/)?.[1];
      if (share !== undefined) resolve(Number(share));
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  }));
  await page.getByRole("button", { name: "Publish" }).click();
  assert.ok(await told >= 20, "some had arrived");
  await page.waitForURL(/\/c\/\d+$/, { timeout: 90_000 });
  await playing(page);
  const id = BigInt(page.url().split("/").pop());
  const { video } = await ask(async () => (await client.actor("admin", canister)).clip(id));
  const whole = await (await get(`/v/${video}`)).arrayBuffer();
  assert.ok(Buffer.from(whole).equals(file.buffer), "every byte comes back");
  clean(visitor, (it) => it.includes("net::ERR_FAILED"));
  assert.deepEqual(seen.foreign, []);
  await context.close();
});

/** A film of several chunks: a small one with a free box of noise behind it, which players skip. */
function large() {
  const film = readFileSync(join(films, "lagoon.mp4"));
  const free = Buffer.alloc(4 * 2 ** 20, 7);
  free.writeUInt32BE(free.length, 0);
  free.write("free", 4);
  return Buffer.concat([film, free]);
}

test("ranges come as 206, each verified by the gateway, and the whole as 200", async () => {
  const [{ video }] = await (await get(`/first.json`)).json();
  const whole = Buffer.from(await (await get(`/v/${video}`)).arrayBuffer());
  const check = async (range, start) => {
    const response = await get(`/v/${video}`, { headers: { range } });
    const body = Buffer.from(await response.arrayBuffer());
    assert.equal(response.status, 206);
    assert.equal(response.headers.get("content-range"), `bytes ${start}-${start + body.length - 1}/${whole.length}`);
    assert.ok(body.equals(whole.subarray(start, start + body.length)));
  };
  await check("bytes=0-", 0);
  await check("bytes=0-1", 0);
  await check("bytes=32768-", 32_768);
  await check(`bytes=${Math.floor((whole.length - 1) / 32_768) * 32_768}-`, Math.floor((whole.length - 1) / 32_768) * 32_768);
  assert.equal((await get(`/v/${video}`, { headers: { range: `bytes=${whole.length}-` } })).status, 416);
  assert.equal((await get(`/v/999999`)).status, 404);
  assert.equal((await get(`/some/deep/link`)).status, 200);
});

test("search finds a name, a word and a hashtag", async () => {
  const visitor = await visit(browser, DESK, "dark", "/search");
  const { page } = visitor;
  const search = async (text, expected) => {
    await page.getByRole("searchbox").fill(text);
    await page.locator(expected).first().waitFor();
  };
  await search("okaf", "a.person[href='/@maya_reef']");
  await search("seahorse", ".tile");
  await search("#automata", "a.chip[href='/tag/automata']");
  await page.waitForLoadState("networkidle");
  await shoot(page, "desk-dark-search");
  await search("zzzzzz", "text=Nothing found");
  clean(visitor);
  await visitor.context.close();
});

test("following, messages and the inbox work between two browsers", async () => {
  const [one, two] = [await visit(browser, PHONE, "light", "/@maya_reef"), await visit(browser, DESK, "dark", "/me")];
  await two.page.getByRole("button", { name: "Sign in" }).click();
  await signIn(two.page, `dee_${run}`, "Dee Second");
  await one.page.getByRole("button", { name: "Follow", exact: true }).click();
  await signIn(one.page, `cee_${run}`, "Cee First");
  await one.page.getByRole("button", { name: "Following", exact: true }).waitFor();
  await one.page.goto(`${url}/messages/dee_${run}`);
  await one.page.getByRole("textbox").fill("Shall we make a clip?");
  await one.page.keyboard.press("Enter");
  await one.page.getByText("Shall we make a clip?").waitFor();
  await two.page.goto(`${url}/messages/cee_${run}`);
  await two.page.getByText("Shall we make a clip?").waitFor();
  await shoot(two.page, "desk-dark-messages");
  await accessible(two.page, "messages");
  await two.page.goto(`${url}/inbox`);
  await two.page.getByText("wrote to you").waitFor();
  await shoot(two.page, "desk-dark-inbox");
  await accessible(two.page, "inbox");
  clean(one);
  clean(two);
  await one.context.close();
  await two.context.close();
});

test("the panel tells how it is hosted", async () => {
  const visitor = await visit(browser, DESK, "light");
  await visitor.page.getByRole("button", { name: "How is this hosted?" }).click();
  await visitor.page.getByText(canister).waitFor();
  await visitor.page.getByText("Verified").waitFor();
  await shoot(visitor.page, "desk-light-hosted");
  await accessible(visitor.page, "hosted");
  clean(visitor);
  await visitor.context.close();
});

test("offline is told, and what was loaded keeps playing", async () => {
  const visitor = await visit(browser, PHONE, "dark");
  const id = await playing(visitor.page);
  await visitor.page.waitForLoadState("networkidle");
  await visitor.context.setOffline(true);
  await visitor.page.getByText("You are offline. What is loaded keeps playing.").waitFor();
  assert.equal(await playing(visitor.page), id);
  await shoot(visitor.page, "phone-dark-offline");
  await visitor.context.setOffline(false);
  await visitor.context.close();
});

test("two reports hide a clip from everybody, and the moderators' votes bring it back", async () => {
  const as = (name) => client.actor(name, canister);
  const maker = await as("hugo");
  const video = await send(maker, "Mp4", readFileSync(join(films, "comet.mp4")));
  const { id } = await ask(() => maker.publish({ video, poster: [], caption: "", width: 540, height: 960, duration_ms: 7_000 }));
  const file = () => get(`/v/${video}`).then((response) => response.status);
  assert.equal(await file(), 200);
  const report = { target: { Clip: id }, reason: { Spam: null }, note: "" };
  for (const name of ["ava_t", "gus"]) await ask(async () => (await as(name)).report(report));
  assert.equal(await file(), 404);
  const moderator = await as("celine");
  const waiting = (await ask(() => moderator.queue([], 50))).cases.find((it) => it.target.Clip === id);
  assert.ok(waiting.hidden);
  for (const name of ["celine", "farid"]) await ask(async () => (await as(name)).vote(waiting.id, { Keep: null }));
  assert.equal(await file(), 200);
  await ask(() => maker.delete_clip(id));
});

test("an upgrade keeps everything", async () => {
  const wasm = readFileSync(join(process.env.ATOLL_CANISTERS, "clips.wasm"));
  const admin = await client.actor("admin", canister);
  const look = async () => [await admin.totals(), await admin.feed({ ForYou: null }, [], 50), await admin.trends(), (await get(`/first.json`)).status];
  const kept = await look();
  await client.upgrade(canister, wasm);
  assert.deepEqual(await look(), kept);
  const visitor = await visit(browser, DESK, "dark");
  await playing(visitor.page);
  clean(visitor);
  await visitor.context.close();
});
