// The visitor's first minute with Guild, and what else people do there: real browsers through the gateway, on phones and desks,
// in both themes. In the full size one of the four replicas is killed half-way.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before } from "node:test";
import { canister, get, kill, run, status, until } from "./network.mjs";
import { coldVisits, introduce, looks, median, opposite, scene, signIn } from "./visitor.mjs";

const FIRST_POST_MS = 1_500;
/** The replica that is killed half-way, on a desk in the light: another one than Clips' tests kill. */
const VICTIM = 3;
/** After so long a page is loaded again. */
const RELOAD_MS = 10_000;
const DISPLAYS = ["Ann Visitor", "Ben Visitor"];

before(async () => {
  const env = await (await get("guild", "/env.json")).json();
  assert.deepEqual([env.canister, env.graph], [canister("guild"), canister("guild_graph")], "both canisters know each other");
});

/** Waits until posts are shown, with what only the canister's answer tells. */
async function reading({ page }) {
  await page.locator("[data-post]").first().waitFor();
  await page.locator(".facts button").first().waitFor();
}

/** When the first post is there, in a visit with nothing in the cache. */
async function firstPost(enter, look) {
  const visitor = await enter("guild", look);
  const time = await (await visitor.page.waitForFunction(() => globalThis.firstPost)).jsonValue();
  await visitor.context.close();
  return time;
}

/** Signs in on the page for oneself. */
async function become(visitor, handle, display) {
  await visitor.go("/me");
  await visitor.button("Sign in").first().click();
  await signIn(visitor, handle, display);
  await visitor.page.getByRole("heading", { name: display }).waitFor();
}

/** Two visitors with profiles, of both sizes and themes; what their handles end in is theirs alone. */
async function two(enter, look, [one, other]) {
  const [left, right] = [await enter("guild", look), await enter("guild", opposite[look])];
  await become(left, `${one}_${run}`, `${one} First`);
  await become(right, `${other}_${run}`, `${other} Second`);
  return [left, right];
}

async function reads(visitor, t, times) {
  await reading(visitor);
  t.diagnostic(`first posts after ${times} ms, ${await visitor.isLight()} bytes before pictures`);
  await visitor.inspect("home");
  for (const [path, what] of [["/people", "Amara Diallo"], ["/@amara_d", "Bridge engineer"], ["/jobs", "Tidewater Bridges"], ["/nowhere", "no such page"]]) {
    await visitor.go(path);
    await visitor.says(what);
    await visitor.inspect(`page${path.replace(/[/@]/gu, "-")}`);
  }
  await visitor.go("/people");
  await visitor.page.getByRole("searchbox", { name: "Name or words" }).fill("tomasz");
  await visitor.says("Tomasz Wilk");
  await visitor.page.waitForFunction(() => !document.body.textContent.includes("Amara Diallo"));
}

/** One invites, the other accepts; each sees at once what they did. */
async function theyConnect(ann, ben, [a, b], between) {
  const name = DISPLAYS[0];
  await ann.go(`/@${b}_${run}`);
  await ann.button(/^Connect: /u).click();
  await ann.page.getByLabel("A note").fill("Hello <b>there</b>");
  await ann.inspect("invite");
  await ann.atOnce(() => ann.button("Send invitation").click(), () => ann.button(/^Withdraw/u).waitFor());
  await between();
  await ben.finds("/network", "Hello <b>there</b>");
  assert.equal(await ben.page.locator("blockquote b").count(), 0, "what people write is no HTML");
  await ben.inspect("network");
  await ben.atOnce(() => ben.button(`Accept: ${name}`).click(), () => ben.says("Connecting…"));
  await ben.button(`Connected with ${name}. Part`).waitFor();
  await ann.finds(`/@${b}_${run}`, "Message");
  await ann.page.getByRole("link", { name: "Message" }).click();
  await ann.page.getByRole("textbox", { name: "Write a message" }).fill("Shall we build something?");
  await ann.atOnce(() => ann.page.keyboard.press("Enter"), () => ann.says("Shall we build something?"));
  await ann.page.waitForFunction(() => !document.querySelector(".pending"));
  await ben.go(`/messages/${a}_${run}`);
  await ben.says("Shall we build something?");
  await ben.inspect("messages");
  await ben.finds("/inbox", "invites you to connect");
  await ben.inspect("inbox");
}

/** One posts, the other reacts and comments; it is seen at once, survives a reload, and the other sees it. */
async function theyTalk(ann, ben) {
  const text = `Hello <b>from</b> ${run} on a ${ann.look}`;
  const saysNothingMore = ({ page }) => page.waitForFunction(() => !document.body.textContent.includes("sending…"));
  await ann.go("/");
  await reading(ann);
  await ann.button("What is on your mind?").click();
  await ann.page.getByRole("textbox", { name: "Post" }).fill(text);
  await ann.atOnce(() => ann.button("Publish").click(), () => ann.says(text));
  await saysNothingMore(ann);
  await ben.finds("/", text);
  await reading(ben);
  const post = ben.page.locator("[data-post]", { hasText: text });
  await post.locator("[data-do=like]").waitFor();
  assert.equal(await post.locator(".text b").count(), 0, "what people write is no HTML");
  await ben.atOnce(() => post.locator("[data-do=like]").click(), () => post.locator("[data-do=like][aria-pressed=true]").waitFor());
  await post.locator("[data-do=comment]").click();
  await post.getByRole("textbox", { name: "Add a comment" }).fill("Well said");
  await ben.atOnce(() => ben.page.keyboard.press("Enter"), () => post.getByText("Well said").waitFor());
  await saysNothingMore(ben);
  await ben.inspect("comments");
  for (const visitor of [ann, ben]) {
    await until("both are there after a reload", async () => {
      await visitor.go("/");
      const same = visitor.page.locator("[data-post]", { hasText: text });
      await same.getByText("1 comment").waitFor({ timeout: RELOAD_MS });
      return same.getByText("reaction: who?").waitFor({ state: "attached", timeout: RELOAD_MS }).then(() => true);
    });
  }
  await ann.finds("/inbox", "reacts to your post: Like");
}

async function aReplicaDies(visitors) {
  await kill(VICTIM);
  for (const visitor of visitors) {
    await visitor.go("/me");
    await visitor.button("How is this hosted?").first().click();
    await visitor.says("Verified");
    visitor.isCalm();
  }
}

async function firstMinute(enter, look, t) {
  const times = await coldVisits(() => firstPost(enter, look), FIRST_POST_MS);
  const ann = await enter("guild", look);
  await reads(ann, t, times);
  const ben = await enter("guild", opposite[look]);
  const names = ["ann", "ben"].map((it) => `${it}_${look.replace("-", "_")}`);
  await ann.go("/me");
  await ann.button("Sign in").first().click();
  await ann.page.getByRole("heading", { name: "Sign in to Guild" }).waitFor();
  await ann.inspect("sign-in");
  await signIn(ann, `${names[0]}_${run}`, DISPLAYS[0]);
  await become(ben, `${names[1]}_${run}`, DISPLAYS[1]);
  await theyConnect(ann, ben, names, async () => { if (look === "desk-light") await aReplicaDies([ann, ben]); });
  await theyTalk(ann, ben);
  await ann.go("/me");
  await ann.inspect("me");
  assert.ok(median(times) < FIRST_POST_MS, `first posts came after ${times} ms`);
}

// The README's pictures are of these, before visitors write.
scene("the front page shows what the seed wrote", async (enter) => {
  for (const look of ["phone-light", "desk-dark"]) {
    const visitor = await enter("guild", look);
    await reading(visitor);
    await visitor.inspect("front");
  }
});

for (const look of looks("phone-light", "desk-dark")) {
  scene(`a visitor's first minute with Guild, ${look}`, (enter, t) => firstMinute(enter, look, t));
}

scene("search finds by filter, and by words of posts", async (enter) => {
  const visitor = await enter("guild", "phone-light", "/people");
  const { page } = visitor;
  await visitor.says("Amara Diallo");
  await page.getByText("Filters").click();
  await page.getByRole("searchbox", { name: "Skill" }).fill("welding");
  await visitor.says("Bjørn Dahl");
  await page.waitForFunction(() => !document.body.textContent.includes("Amara Diallo"));
  await visitor.inspect("search");
  await page.getByRole("searchbox", { name: "Name or words" }).fill("footbridge");
  await page.getByRole("tab", { name: "Posts" }).click();
  await visitor.says("Ribeira footbridge");
});

scene("a profile is edited with what it says already, and found by it", async (enter) => {
  const visitor = await enter("guild", "phone-light", "/edit");
  const { page } = visitor;
  await visitor.button("Sign in").click();
  await signIn(visitor, `eve_${run}`, "Eve Editor");
  await page.getByRole("heading", { name: "Edit profile" }).waitFor();
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "Eve Editor");
  await page.getByLabel("About you").fill("I edit.");
  await visitor.button("Add experience").click();
  await page.getByLabel("Title").fill("Editor");
  await page.getByLabel("Company").last().fill(`Works ${run}`);
  await page.getByLabel("From", { exact: true }).fill("2020-05");
  await page.getByLabel("Up to 30, separated by commas").fill("Cutting, Pasting");
  await visitor.inspect("edit");
  await visitor.button("Save").click();
  await visitor.says(`Works ${run}`);
  await visitor.finds(`/people?company=${run}`, "Eve Editor");
});

scene("a job is posted, applied for, answered", async (enter) => {
  const [fay, gil] = await two(enter, "phone-dark", ["fay", "gil"]);
  const title = `Welder ${run}`;
  await fay.go("/jobs");
  await fay.button("Post a job").click();
  const dialog = fay.page.locator("dialog");
  await dialog.getByLabel("Title").fill(title);
  await dialog.getByLabel("Company").fill("Works");
  await dialog.getByLabel("Description").fill("Weld.");
  await fay.inspect("post-a-job");
  await dialog.getByRole("button", { name: "Post", exact: true }).click();
  await fay.page.getByRole("heading", { name: title }).waitFor();
  const address = new URL(fay.page.url()).pathname;
  await gil.finds(address, title);
  await gil.button("Apply").click();
  await gil.page.getByLabel("Letter").fill("I weld.");
  await gil.page.locator("dialog").getByRole("button", { name: "Apply" }).click();
  await gil.says("Your application: Sent.");
  await fay.finds(address, "I weld.");
  const answer = fay.page.getByLabel("Answer to gil Second");
  await fay.atOnce(() => answer.selectOption("Invited"), () => answer.locator("option:checked", { hasText: "Invite to talk" }).waitFor({ state: "attached" }));
  await fay.inspect("applications");
  await gil.finds("/inbox", "answered your application: Invited to talk");
});

scene("whoever leaves takes their data along and is seen no more", async (enter) => {
  const visitor = await enter("guild", "desk-dark", "/data");
  const { page } = visitor;
  await visitor.button("Sign in").click();
  await signIn(visitor, `hal_${run}`, "Hal Leaver");
  const [file] = await Promise.all([page.waitForEvent("download"), visitor.button("Export my data").click()]);
  const entries = JSON.parse(readFileSync(await file.path(), "utf8"));
  assert.equal(entries.find((it) => it.kind === "profile").display, "Hal Leaver");
  await visitor.inspect("data");
  await visitor.button("Delete me").click();
  await page.getByLabel("Type your handle").fill(`hal_${run}`);
  await visitor.button("Delete everything").click();
  await visitor.says("You have left.");
  await visitor.finds(`/@hal_${run}`, "Nobody has this name.");
});

scene("sheets and lists of one's own are for everybody", async (enter) => {
  const visitor = await enter("guild", "phone-dark", "/views");
  const { page } = visitor;
  await visitor.button("Sign in").click();
  await visitor.button("Use this device").click();
  await page.getByLabel("Your handle").waitFor();
  await visitor.inspect("name");
  await introduce(visitor, `ivo_${run}`, "Ivo Reader");
  await page.getByRole("heading", { name: "Who looked at your profile" }).waitFor();
  await visitor.inspect("views");
  await visitor.go("/");
  await reading(visitor);
  await page.locator("[data-post] a.when").first().click();
  await page.waitForURL(/\/p\/\d+$/u);
  await page.getByRole("textbox", { name: "Add a comment" }).waitFor();
  await visitor.inspect("post");
  await visitor.go("/");
  await reading(visitor);
  await page.locator(".facts button", { hasText: "who?" }).first().click();
  await page.getByRole("heading", { name: "Reactions" }).waitFor();
  await visitor.inspect("reactions");
});

scene("the panel tells how it is hosted", async (enter) => {
  const visitor = await enter("guild", "desk-light");
  await visitor.button("How is this hosted?").click();
  await visitor.says("Verified");
  for (const app of ["guild", "guild_graph"]) await visitor.says(canister(app));
  const replicas = visitor.page.locator("dt", { hasText: /^Replicas$/u }).locator("xpath=following-sibling::dd[1]");
  assert.equal(await replicas.innerText(), String(status.replicas.length));
  await visitor.inspect("hosted");
});

scene("offline is told, and what was loaded stays", async (enter) => {
  const visitor = await enter("guild", "phone-dark");
  await reading(visitor);
  await visitor.settled();
  await visitor.context.setOffline(true);
  await visitor.says("You are offline. What is loaded stays readable.");
  assert.ok(await visitor.page.locator("[data-post]").count() > 0);
  await visitor.shoot("offline");
  await visitor.context.setOffline(false);
}, (problem) => problem.includes("ERR_INTERNET_DISCONNECTED"));
