// The visitor's first minute with Clips, and what else people do there: real browsers through the gateway, on phones and desks,
// in both themes. Half-way one of the four replicas is killed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before } from "node:test";
import { Client, ask, send } from "../../../canisters/clips/seed/client.mjs";
import { act, comment, find, isLiked, likes, played, playing, step } from "./feed.mjs";
import { film } from "./film.mjs";
import { beside, canister, get, kill, run, status, until } from "./network.mjs";
import { coldVisits, introduce, looks, median, opposite, scene, signIn } from "./visitor.mjs";

const FIRST_FRAME_MS = 1_500;
/** The replica that is killed half-way: the gateway asks it first for whoever comes from this machine. */
const VICTIM = 2;
const client = new Client(status, beside("clips-seed.key"));
const as = (name) => client.actor(name, canister("clips"));
const small = beside("small.mp4");

before(() => film(small));

/** When the first frame is there, in a visit with nothing in the cache. */
async function firstFrame(enter, look) {
  const visitor = await enter("clips", look);
  await playing(visitor);
  const time = await (await visitor.page.waitForFunction(() => globalThis.firstFrame)).jsonValue();
  await visitor.context.close();
  return time;
}

/** A replica is killed while a clip plays: it plays on, the panel is still verified, nothing is said. */
async function aReplicaDies(visitor, id) {
  const { page } = visitor;
  await kill(VICTIM);
  const before = await played(visitor, id);
  await page.waitForFunction(([clip, then]) => {
    const video = document.querySelector(`[data-clip="${clip}"] video`);
    return !video.paused && video.currentTime !== then;
  }, [id, before]);
  visitor.isCalm();
  await visitor.button("How is this hosted?").click();
  await visitor.says("Verified");
  await page.getByRole("button", { name: "Close" }).click();
  visitor.isCalm();
}

async function firstMinute(enter, look, t) {
  const frames = await coldVisits(() => firstFrame(enter, look), FIRST_FRAME_MS);
  const visitor = await enter("clips", look);
  const { page } = visitor;
  const first = await playing(visitor);
  await likes(visitor, first);
  t.diagnostic(`first frames after ${frames} ms, ${await visitor.isLight()} bytes before media`);
  await visitor.inspect("feed");
  const second = await step(visitor, first);
  assert.equal(await step(visitor, second, true), first);
  await step(visitor, first);

  // one tap to be somebody, then what was wanted is done
  const before = await likes(visitor, second);
  await act(visitor, second, "like").click();
  await page.getByRole("heading", { name: "Sign in to Clips" }).waitFor();
  await visitor.inspect("sign-in");
  const handle = `ann_${run}_${look.replace("-", "_")}`.slice(0, 24);
  await signIn(visitor, handle, "Ann Visitor");
  await isLiked(visitor, second);
  if (look === "desk-light") await aReplicaDies(visitor, second);
  await until("the like is counted", async () => await likes(visitor, second) === before + 1);
  const third = await step(visitor, second);
  const others = await likes(visitor, third);
  await visitor.atOnce(() => act(visitor, third, "like").click(), () => isLiked(visitor, third));
  const text = `Hello <b>from</b> ${run} on a ${look}`;
  await comment(visitor, third, text);
  await visitor.inspect("comments");

  // it survives a reload, and another browser sees it
  await until("the like is there after a reload", async () => {
    await visitor.go(`/c/${third}`);
    await playing(visitor);
    return await likes(visitor, third) === others + 1 && await act(visitor, third, "like").getAttribute("aria-pressed") === "true";
  });
  await act(visitor, third, "comment").click();
  await visitor.says(text);
  const other = await enter("clips", opposite[look], `/c/${third}`);
  await playing(other);
  await until("another browser sees the like", async () => {
    if (await likes(other, third) === others + 1) return true;
    await other.go(`/c/${third}`);
    return false;
  });
  await act(other, third, "comment").click();
  await other.says(text);
  assert.equal(await other.page.locator("dialog b").count(), 0, "what people write is no HTML");
  await other.context.close();

  for (const [path, what] of [["/search", "Now"], ["/@maya_reef", "Maya Okafor"], ["/tag/waves", "#waves"], ["/me", "Ann Visitor"], ["/nowhere", "no such page"]]) {
    await visitor.go(path);
    await visitor.says(what);
    await visitor.inspect(`page${path.replace(/[/@]/gu, "-")}`);
  }
  assert.ok(median(frames) < FIRST_FRAME_MS, `first frames came after ${frames} ms`);
}

for (const look of looks("phone-dark", "desk-light")) {
  scene(`a visitor's first minute with Clips, ${look}`, (enter, t) => firstMinute(enter, look, t));
}

scene("search finds a name, a word and a hashtag", async (enter) => {
  const visitor = await enter("clips", "phone-dark", "/search");
  const { page } = visitor;
  const search = async (text, expected) => {
    await page.getByRole("searchbox").fill(text);
    await page.locator(expected).first().waitFor();
  };
  await search("okaf", "a.person[href='/@maya_reef']");
  await search("seahorse", ".tile[aria-label*='Seahorse Valley']");
  await search("#automata", "a.chip[href='/tag/automata']");
  await visitor.inspect("search");
  await page.locator("a.chip[href='/tag/automata']").click();
  await page.getByRole("heading", { name: "#automata" }).waitFor();
  await page.locator(".tile").first().waitFor();
  await visitor.go("/search");
  await search("zzzzzz", "text=Nothing found");
});

scene("a clip that is published from a phone shows in the feed, in another browser too", async (enter) => {
  const [phone, desk] = [await enter("clips", "phone-light", "/upload"), await enter("clips", "desk-dark")];
  const { page } = phone;
  await phone.button("Sign in").click();
  await signIn(phone, `bob_${run}`, "Bob Uploader");
  await page.locator("input[type=file]").setInputFiles(small);
  const caption = `Straight from a phone #fresh${run}`;
  await page.getByLabel("Caption").fill(caption);
  await phone.inspect("upload");
  await phone.button("Publish").click();
  await page.waitForURL(/\/c\/\d+$/u);
  await playing(phone);
  await phone.says(caption);
  const id = page.url().split("/").pop();
  // what is hottest comes first: the new clip is further down
  await desk.go("/");
  await find(desk, id);
  await desk.says(caption);
  await desk.shoot("published");
  await desk.go(`/tag/fresh${run}`);
  await desk.page.locator(`.tile[href='/c/${id}']`).waitFor();
  await phone.go("/");
  await find(phone, id);
});

scene("following, messages and the inbox work between two browsers", async (enter) => {
  const [one, two] = [await enter("clips", "phone-light", "/me"), await enter("clips", "desk-dark", "/me")];
  for (const [visitor, handle, display] of [[one, "cee", "Cee First"], [two, "dee", "Dee Second"]]) {
    await visitor.button("Sign in").click();
    await signIn(visitor, `${handle}_${run}`, display);
    await visitor.page.getByRole("heading", { name: display }).waitFor();
  }
  await one.go("/@maya_reef");
  const button = (name) => one.page.getByRole("button", { name, exact: true });
  await one.atOnce(() => button("Follow").click(), () => button("Following").waitFor());
  await one.go("/@maya_reef");
  await button("Following").waitFor();
  await one.go(`/messages/dee_${run}`);
  await one.page.getByRole("textbox", { name: "Write a message" }).fill("Shall we make a clip?");
  await one.atOnce(() => one.page.keyboard.press("Enter"), () => one.says("Shall we make a clip?"));
  await one.page.waitForFunction(() => !document.querySelector(".letter.pending"));
  await two.go(`/messages/cee_${run}`);
  await two.says("Shall we make a clip?");
  await two.inspect("messages");
  await two.finds("/inbox", "wrote to you");
  await two.inspect("inbox");
});

scene("the panel tells how it is hosted", async (enter) => {
  const visitor = await enter("clips", "desk-light");
  await visitor.button("How is this hosted?").click();
  await visitor.says(canister("clips"));
  await visitor.says("Verified");
  const replicas = visitor.page.locator("dt", { hasText: /^Replicas$/u }).locator("xpath=following-sibling::dd[1]");
  assert.equal(await replicas.innerText(), String(status.replicas.length));
  await visitor.inspect("hosted");
});

scene("offline is told, and what was loaded keeps playing", async (enter) => {
  const visitor = await enter("clips", "phone-dark");
  const id = await playing(visitor);
  await likes(visitor, id);
  await visitor.page.waitForFunction((clip) => {
    const { buffered, duration } = document.querySelector(`[data-clip="${clip}"] video`);
    return buffered.length > 0 && buffered.end(buffered.length - 1) > duration - 0.5;
  }, id);
  await visitor.context.setOffline(true);
  await visitor.says("You are offline. What is loaded keeps playing.");
  assert.equal(await playing(visitor), id);
  await visitor.shoot("offline");
  await visitor.context.setOffline(false);
}, (problem) => problem.includes("ERR_INTERNET_DISCONNECTED"));

/** A visitor whom the admin makes a moderator until `work` is done. */
async function asModerator(visitor, work) {
  await visitor.button("Sign in").click();
  await signIn(visitor, `mo_${run}`, "Mo Derator");
  const admin = await as("admin");
  const { card } = await until("mo is known", async () => (await admin.profile(`mo_${run}`)).Ok);
  await ask(() => admin.set_role(card.id, { Moderator: null }));
  try {
    await work();
  } finally {
    await ask(() => admin.set_role(card.id, { User: null }));
  }
}

scene("two reports hide a clip from everybody, and the moderators' votes bring it back", async (enter) => {
  const maker = await as("hugo");
  const video = await send(maker, "Mp4", readFileSync(small));
  const caption = `Harmless ${run}`;
  const { id } = await ask(() => maker.publish({ video, poster: [], caption, width: 270, height: 480, duration_ms: 3_000 }));
  const file = (code) => until(`its file is answered by ${code}`, async () => (await get("clips", `/v/${video}`)).status === code);
  await file(200);
  for (const name of ["ava_t", "gus"]) await ask(async () => (await as(name)).report({ target: { Clip: id }, reason: { Spam: null }, note: "Seen <b>before</b>" }));
  await file(404);
  const guest = await enter("clips", "phone-dark", `/c/${id}`);
  await guest.says("Here are other clips.");

  const moderator = await enter("clips", "desk-light", "/me");
  await asModerator(moderator, async () => {
    await moderator.finds("/moderation", caption);
    const matter = moderator.page.locator("article.case", { hasText: caption });
    await matter.getByText("Spam ×2").waitFor();
    await matter.getByText("Seen <b>before</b>").first().waitFor();
    await matter.getByRole("button", { name: "Watch it" }).click();
    await matter.locator("video").waitFor();
    await moderator.inspect("moderation");
    const { cases } = await ask(async () => (await as("celine")).queue([], 50));
    const waiting = cases.find((it) => it.target.Clip === id);
    assert.ok(waiting.hidden);
    const others = ["celine", "farid", "freya"].slice(0, waiting.needed - 1);
    for (const name of others) await ask(async () => (await as(name)).vote(waiting.id, { Keep: null }));
    await matter.getByRole("button", { name: /^Keep/u }).click();
    await matter.getByText("Kept by vote.").waitFor();
  });
  await file(200);
  await until("the guest sees it again", async () => {
    await guest.go(`/c/${id}`);
    return await playing(guest) === String(id);
  });
  await ask(() => maker.delete_clip(id));
});

scene("sheets and lists of one's own are for everybody", async (enter) => {
  const visitor = await enter("clips", "phone-light");
  const { page } = visitor;
  const id = await playing(visitor);
  await act(visitor, id, "bookmark").click();
  await page.getByRole("button", { name: "Use this device" }).click();
  await page.getByLabel("Your handle").waitFor();
  await visitor.inspect("name");
  await introduce(visitor, `nia_${run}`, "Nia Saver");
  await page.locator(`[data-clip="${id}"] [data-do=bookmark][aria-pressed=true]`).waitFor();
  for (const [what, press, shown] of [["more", undefined, "This clip"], ["tip", "Tip its maker", /^Tip @/u], ["report", "Report", "Report"]]) {
    await act(visitor, id, "more").click();
    if (press) await page.getByRole("button", { name: press }).click();
    await page.getByRole("heading", { name: shown }).waitFor();
    await visitor.inspect(what);
    await page.getByRole("button", { name: "Close" }).click();
  }
  await until("the clip is saved", async () => {
    await visitor.go("/me");
    await page.getByRole("tab", { name: "Saved" }).click();
    return page.locator(`.tile[href='/c/${id}']`).waitFor({ timeout: 5_000 }).then(() => true);
  });
  await visitor.inspect("saved");
  await visitor.button("Edit profile").click();
  await visitor.inspect("edit-profile");
  await visitor.go("/following");
  await visitor.says("Clips of the people you follow appear here.");
  await visitor.inspect("following");
});
