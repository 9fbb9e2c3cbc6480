// The visitor's first minute with Guild, in a real browser through the gateway: the seed is there, nobody is signed in.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Client, ask } from "../../../canisters/guild/seed/client.mjs";
import { DESK, PHONE, accessible, beside, canister, clean, get, launch, reading, shoot, signIn, status, url, visit } from "./visitor.mjs";

const client = new Client(status, process.env.GUILD_KEYS ?? beside("guild-seed.key"));
const PAGE_BYTES = 300_000;
const FIRST_POST_MS = Number(process.env.GUILD_FIRST_POST_MS ?? 1_500);
// so that a test can be run again on the same network
const run = Date.now().toString(36);
let browser;
let graph;

before(async () => {
  browser = await launch();
  const env = await (await get("/env.json")).json();
  graph = env.graph;
  assert.equal(env.canister, canister);
  assert.ok(graph, "Guild knows its graph");
});
after(() => browser?.close());

const as = (name) => client.actor(name, canister);

async function firstMinute(name, device, scheme) {
  // once before, so that the time is the network's and not the browser's start
  await (await visit(browser, device, scheme)).context.close();
  const visitor = await visit(browser, device, scheme);
  const { page, seen } = visitor;
  await page.locator("[data-post]").first().waitFor();
  const first = Date.now() - visitor.begun;
  await reading(page);
  assert.ok(seen.bytes < PAGE_BYTES, `the page has ${seen.bytes} bytes before pictures`);
  await shoot(page, `${name}-home`);
  await accessible(page, `${name} home`);
  for (const [path, what] of [["/people", "Amara Diallo"], ["/@amara_d", "Bridge engineer"], ["/jobs", "Tidewater Bridges"], ["/me", "Sign in"], ["/nowhere", "no such page"]]) {
    await page.goto(url + path);
    await page.getByText(what, { exact: false }).first().waitFor();
    await page.waitForLoadState("networkidle");
    await shoot(page, `${name}${path.replace(/[/@]/g, "-")}`);
    await accessible(page, `${name} ${path}`);
  }
  clean(visitor);
  await visitor.context.close();
  assert.ok(first < FIRST_POST_MS, `the first post came after ${first} ms`);
  return first;
}

test("a visitor reads at once, on a phone in the dark", async (t) => t.diagnostic(`${await firstMinute("phone-dark", PHONE, "dark")} ms`));
test("a visitor reads at once, on a desk in the light", async (t) => t.diagnostic(`${await firstMinute("desk-light", DESK, "light")} ms`));
test("the other two themes look designed too", async () => {
  for (const [name, device, scheme] of [["phone-light", PHONE, "light"], ["desk-dark", DESK, "dark"]]) {
    const visitor = await visit(browser, device, scheme);
    await reading(visitor.page);
    await shoot(visitor.page, `${name}-home`);
    await accessible(visitor.page, `${name} home`);
    await visitor.page.goto(`${url}/@tomasz`);
    await visitor.page.getByText("Tomasz Wilk").first().waitFor();
    await visitor.page.waitForLoadState("networkidle");
    await shoot(visitor.page, `${name}-profile`);
    await accessible(visitor.page, `${name} profile`);
    clean(visitor);
    await visitor.context.close();
  }
});

test("search finds by name, by filter, and by words of posts", async () => {
  const visitor = await visit(browser, DESK, "light", "/people?q=tomasz");
  const { page } = visitor;
  await page.getByText("Tomasz Wilk").first().waitFor();
  await page.goto(`${url}/people`);
  await page.getByText("Filters").click();
  await page.getByRole("searchbox", { name: "Skill" }).fill("welding");
  await page.getByText("Bjørn Dahl").first().waitFor();
  await page.waitForFunction(() => !document.body.textContent.includes("Amara Diallo"));
  await page.getByRole("searchbox", { name: "Name or words" }).fill("footbridge");
  await page.getByRole("tab", { name: "Posts" }).click();
  await page.getByText("Ribeira footbridge").waitFor();
  clean(visitor);
  await visitor.context.close();
});

/** Two visitors with profiles. */
async function two(a, b) {
  const [one, other] = [await visit(browser, PHONE, "dark", "/me"), await visit(browser, DESK, "light", "/me")];
  for (const [visitor, name, display] of [[one, `${a}_${run}`, `${a} First`], [other, `${b}_${run}`, `${b} Second`]]) {
    await visitor.page.getByRole("button", { name: "Sign in" }).first().click();
    await signIn(visitor.page, name, display);
    await visitor.page.getByRole("heading", { name: display }).waitFor();
  }
  return [one, other];
}

test("two browsers connect: invited, accepted, written to", async () => {
  const [ann, ben] = await two("ann", "ben");
  await ann.page.goto(`${url}/@ben_${run}`);
  await ann.page.getByRole("button", { name: /^Connect/ }).click();
  await ann.page.getByLabel("A note").fill("Hello <b>Ben</b>");
  await shoot(ann.page, "phone-dark-invite");
  await accessible(ann.page, "invite");
  await ann.page.getByRole("button", { name: "Send invitation" }).click();
  await ann.page.getByRole("button", { name: /^Withdraw/ }).waitFor();
  await ben.page.goto(`${url}/network`);
  await ben.page.getByText("Hello <b>Ben</b>").waitFor();
  await shoot(ben.page, "desk-light-network");
  await accessible(ben.page, "network");
  await ben.page.getByRole("button", { name: "Accept: ann First" }).click();
  await ben.page.getByRole("button", { name: "Connected with ann First. Part" }).waitFor({ timeout: 30_000 });
  await ann.page.reload();
  await ann.page.getByRole("link", { name: "Message" }).click();
  await ann.page.getByRole("textbox", { name: "Write a message" }).fill("Shall we build something?");
  await ann.page.keyboard.press("Enter");
  await ann.page.getByText("Shall we build something?").waitFor({ timeout: 500 });
  await ben.page.goto(`${url}/messages/ann_${run}`);
  await ben.page.getByText("Shall we build something?").waitFor();
  await shoot(ben.page, "desk-light-messages");
  await accessible(ben.page, "messages");
  await ben.page.goto(`${url}/inbox`);
  await ben.page.getByText("invites you to connect").waitFor();
  await accessible(ben.page, "inbox");
  clean(ann);
  clean(ben);
  await ann.context.close();
  await ben.context.close();
});

test("a post and a reaction appear at once, survive a reload, and are seen by another browser", async () => {
  const [cee, dee] = await two("cee", "dee");
  const text = `Hello <b>from</b> ${run}`;
  await cee.page.goto(url);
  await cee.page.getByRole("button", { name: "What is on your mind?" }).click();
  await cee.page.getByRole("textbox", { name: "Post" }).fill(text);
  await cee.page.getByRole("button", { name: "Publish" }).click();
  await cee.page.getByText(text).waitFor({ timeout: 1_000 });
  await cee.page.waitForFunction(() => !document.body.textContent.includes("sending…"));
  await dee.page.goto(url);
  const post = dee.page.locator("[data-post]", { hasText: text });
  await post.waitFor();
  assert.equal(await post.locator(".text b").count(), 0);
  await post.locator("[data-do=like]").click();
  await post.locator("[data-do=like][aria-pressed=true]").waitFor({ timeout: 500 });
  await post.getByRole("button", { name: "Comment" }).first().click();
  await post.getByRole("textbox", { name: "Add a comment" }).fill("Well said");
  await dee.page.keyboard.press("Enter");
  await post.getByText("Well said").waitFor({ timeout: 500 });
  await dee.page.waitForFunction(() => !document.body.textContent.includes("sending…"));
  await shoot(dee.page, "desk-light-comments");
  await accessible(dee.page, "comments");
  await cee.page.goto(url);
  const same = cee.page.locator("[data-post]", { hasText: text });
  await same.getByText("1 comment").waitFor();
  await cee.page.goto(`${url}/inbox`);
  await cee.page.getByText("reacts to your post: Like").waitFor();
  clean(cee);
  clean(dee);
  await cee.context.close();
  await dee.context.close();
});

test("a profile is edited with what it says already, and found by it", async () => {
  const visitor = await visit(browser, PHONE, "light", "/edit");
  const { page } = visitor;
  await page.getByRole("button", { name: "Sign in" }).click();
  await signIn(page, `eve_${run}`, "Eve Editor");
  await page.getByRole("heading", { name: "Edit profile" }).waitFor();
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Eve Editor");
  await page.getByLabel("About you").fill("I edit.");
  await page.getByRole("button", { name: "Add experience" }).click();
  await page.getByLabel("Title").fill("Editor");
  await page.getByLabel("Company").last().fill(`Works ${run}`);
  await page.getByLabel("From", { exact: true }).fill("2020-05");
  await page.getByLabel("Up to 30, separated by commas").fill("Cutting, Pasting");
  await shoot(page, "phone-light-edit");
  await accessible(page, "edit");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText(`Works ${run}`).waitFor();
  await page.goto(`${url}/people?company=${run}`);
  await page.getByText("Eve Editor").first().waitFor();
  clean(visitor);
  await visitor.context.close();
});

test("a job is posted, applied for, answered", async () => {
  const [fay, gil] = await two("fay", "gil");
  const title = `Welder ${run}`;
  await fay.page.goto(`${url}/jobs`);
  await fay.page.getByRole("button", { name: "Post a job" }).click();
  const dialog = fay.page.locator("dialog");
  await dialog.getByLabel("Title").fill(title);
  await dialog.getByLabel("Company").fill("Works");
  await dialog.getByLabel("Description").fill("Weld.");
  await accessible(fay.page, "post a job");
  await dialog.getByRole("button", { name: "Post" }).click();
  await fay.page.getByRole("heading", { name: title }).waitFor();
  const address = fay.page.url();
  await gil.page.goto(address);
  await gil.page.getByRole("button", { name: "Apply" }).click();
  await gil.page.getByLabel("Letter").fill("I weld.");
  await gil.page.locator("dialog").getByRole("button", { name: "Apply" }).click();
  await gil.page.getByText("Your application: Sent.").waitFor();
  await fay.page.reload();
  await fay.page.getByText("I weld.").waitFor();
  await fay.page.getByLabel("Answer to gil Second").selectOption("Invited");
  await shoot(fay.page, "phone-dark-applications");
  await accessible(fay.page, "applications");
  await until(async () => {
    await gil.page.goto(`${url}/inbox`);
    return gil.page.getByText("answered your application: Invited to talk").first().waitFor({ timeout: 3_000 }).then(() => true, () => false);
  });
  clean(fay);
  clean(gil);
  await fay.context.close();
  await gil.context.close();
});

test("whoever leaves takes their data along and is seen no more", async () => {
  const visitor = await visit(browser, DESK, "dark", "/data");
  const { page } = visitor;
  await page.getByRole("button", { name: "Sign in" }).click();
  await signIn(page, `hal_${run}`, "Hal Leaver");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export my data" }).click()]);
  const entries = JSON.parse(readFileSync(await file.path(), "utf8"));
  assert.equal(entries.find((it) => it.kind === "profile").display, "Hal Leaver");
  await shoot(page, "desk-dark-data");
  await accessible(page, "data");
  await page.getByRole("button", { name: "Delete me" }).click();
  await page.getByLabel("Type your handle").fill(`hal_${run}`);
  await page.getByRole("button", { name: "Delete everything" }).click();
  await page.getByText("You have left.").waitFor();
  await page.goto(`${url}/@hal_${run}`);
  await page.getByText("Nobody has this name.").waitFor();
  clean(visitor);
  await visitor.context.close();
});

test("the panel tells how it is hosted", async () => {
  const visitor = await visit(browser, DESK, "light");
  await visitor.page.getByRole("button", { name: "How is this hosted?" }).click();
  await visitor.page.getByText("Verified").waitFor();
  for (const id of [canister, graph]) await visitor.page.getByText(id).waitFor();
  await shoot(visitor.page, "desk-light-hosted");
  await accessible(visitor.page, "hosted");
  clean(visitor);
  await visitor.context.close();
});

test("offline is told, and what was loaded stays", async () => {
  const visitor = await visit(browser, PHONE, "dark");
  await reading(visitor.page);
  await visitor.page.waitForLoadState("networkidle");
  await visitor.context.setOffline(true);
  await visitor.page.getByText("You are offline. What is loaded stays readable.").waitFor();
  assert.ok(await visitor.page.locator("[data-post]").count() > 0);
  await shoot(visitor.page, "phone-dark-offline");
  await visitor.context.setOffline(false);
  await visitor.context.close();
});

/** Asks again until it holds. */
async function until(holds, tries = 30) {
  for (let attempt = 1; !(await holds()); attempt += 1) {
    assert.ok(attempt < tries, "it never came to hold");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

test("users cannot write into the graph", async () => {
  const { Actor } = await import("@icp-sdk/core/agent");
  const { IDL } = await import("@icp-sdk/core/candid");
  const change = IDL.Record({ a: IDL.Nat32, b: IDL.Nat32, connected: IDL.Bool, number: IDL.Nat64 });
  const service = () => IDL.Service({ apply: IDL.Func([IDL.Vec(change)], [], []) });
  const actor = Actor.createActor(service, { agent: await client.agent("tomasz"), canisterId: graph });
  await assert.rejects(actor.apply([{ a: 1, b: 2, connected: true, number: 1_000_000n }]));
});

test("upgrades of both canisters under load lose no connection, and both agree", async () => {
  const wasm = (name) => readFileSync(join(process.env.ATOLL_CANISTERS, name));
  const centre = await as("tomasz");
  const { profile: { card } } = (await centre.me())[0];
  const names = Array.from({ length: 12 }, (_, index) => `load${index}_${run}`);
  const actors = await Promise.all(names.map(as));
  const ids = await Promise.all(actors.map(async (actor, index) =>
    (await ask(() => actor.create_profile({ name: names[index].slice(0, 24), display: "Load", headline: "" }))).card.id));
  const connect = async (actor, id) => {
    await ask(() => actor.invite(card.id, ""));
    await ask(() => centre.accept(id));
  };
  const load = Promise.all(actors.map((actor, index) => connect(actor, ids[index])));
  await client.upgrade(canister, wasm("guild.wasm"));
  await client.upgrade(graph, wasm("guild_graph.wasm"));
  await load;
  await until(async () => (await centre.totals()).pending === 0n);
  for (const id of ids) assert.deepEqual((await centre.cards([id]))[0].tie, { Connected: null });
  const [guild, edges] = [await centre.totals(), await (await client.graph(graph)).totals()];
  assert.equal(edges.connections, guild.connections);
});

test("an upgrade keeps everything", async () => {
  const actor = await as("amara_d");
  const look = async () => [await actor.totals(), await actor.me(), await actor.posts({ Everyone: null }, [], 50), await actor.conversations(), (await get("/first.json")).status];
  const kept = await look();
  await client.upgrade(canister, readFileSync(join(process.env.ATOLL_CANISTERS, "guild.wasm")));
  assert.deepEqual(await look(), kept);
  const visitor = await visit(browser, DESK, "dark");
  await reading(visitor.page);
  clean(visitor);
  await visitor.context.close();
});
