// Both apps are upgraded while people use them: whatever was acknowledged is there afterwards, once. And Guild's two canisters agree
// although one of them trapped for a while.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before } from "node:test";
import * as clips from "../../../canisters/clips/seed/client.mjs";
import * as guild from "../../../canisters/guild/seed/client.mjs";
import { PEOPLE } from "../../../canisters/guild/seed/people.mjs";
import { Load, atRest, insist, moduleHash, renewed, trapping } from "./crowd.mjs";
import { playing } from "./feed.mjs";
import { film } from "./film.mjs";
import { FULL, beside, canister, get, module, run, status, until } from "./network.mjs";
import { scene } from "./visitor.mjs";

const CROWD = FULL ? 8 : 5;
const UPGRADES = FULL ? 3 : 1;
const PAGE = 50;
const CLIPS = new clips.Client(status, beside("clips-seed.key"));
const GUILD = new guild.Client(status, beside("guild-seed.key"));
const small = beside("small.mp4");
const { ask } = clips;

before(() => film(small));

const upgradeClips = (wasm) => CLIPS.upgrade(canister("clips"), wasm);
const upgradeGraph = (wasm) => GUILD.upgrade(canister("guild_graph"), wasm);
/** Guild waits for answers of the graph. */
const upgradeGuild = (wasm) => atRest({ client: GUILD, ask }, canister("guild"), () => GUILD.upgrade(canister("guild"), wasm));

/** Upgrades a canister several times while the load goes on. */
async function upgradeUnder(load, app, upgrade) {
  for (let number = 1; number <= UPGRADES; number += 1) {
    const before = await moduleHash(canister(app));
    await load.goesOn(CROWD);
    await upgrade(renewed(module(app), number));
    await until(`${app} has another module`, async () => await moduleHash(canister(app)) !== before);
    await load.goesOn(CROWD);
  }
}

/** All items of a list, page by page: `load(before)` gives one page of it, latest first. */
async function all(load) {
  const items = [];
  for (let next = []; ;) {
    const page = await load(next);
    items.push(...page.items);
    if (page.next.length === 0) return items;
    next = page.next;
  }
}

/** Exactly what was acknowledged is there; the first differences are told. */
function assertKept(what, there, acknowledged) {
  const count = (list) => list.reduce((counts, it) => counts.set(it, (counts.get(it) ?? 0) + 1), new Map());
  const [found, sent] = [count(there), count(acknowledged)];
  assert.ok(acknowledged.length > 0, `${what}: the load did nothing`);
  assert.equal(sent.size, acknowledged.length, `${what}: each was sent once`);
  const lost = [...sent.keys()].filter((it) => !found.has(it));
  const twice = [...found].filter(([, times]) => times > 1).map(([it]) => it);
  const foreign = [...found.keys()].filter((it) => !sent.has(it));
  assert.deepEqual({ lost: lost.slice(0, 5), twice: twice.slice(0, 5), foreign: foreign.slice(0, 5) }, { lost: [], twice: [], foreign: [] }, what);
}

/** Somebody of the crowd, with a profile. */
async function person(client, app, index, profile) {
  const name = `crowd${index}_${run}`.slice(0, 24);
  const actor = await client.actor(name, canister(app));
  const { card } = await ask(() => actor.create_profile({ name, display: `Crowd ${index}`, ...profile }));
  return { actor, name, index, id: card.id };
}
const crowd = (client, app, profile) => Promise.all(Array.from({ length: CROWD }, (_, index) => person(client, app, index, profile)));

/** What was said to each other: every message of every pair, as whoever got it reads it. */
async function letters(people) {
  const read = async (from, to) => {
    const messages = await all(async (next) => {
      const page = await ask(() => to.actor.messages(from.id, next, PAGE));
      return { items: page.messages, next: page.next };
    });
    return messages.filter((it) => !it.own).map((it) => it.text);
  };
  return (await Promise.all(people.map((from, index) => read(from, people[(index + 1) % people.length])))).flat();
}

let orders = 0n;
const order = () => { orders += 1n; return BigInt(Date.now()) * 1_000_000n + orders; };

scene("Clips is upgraded under load: every like, comment and message is kept, once", async (enter, t) => {
  const people = await crowd(CLIPS, "clips", { bio: "" });
  const [{ actor }] = people;
  const video = await clips.send(actor, "Mp4", readFileSync(small));
  const { id: clip } = await ask(() => actor.publish({ video, poster: [], caption: `Under load ${run}`, width: 270, height: 480, duration_ms: 3_000 }));
  const { clips: liked } = await ask(() => actor.feed({ ForYou: null }, [], 40));
  const before = new Map(liked.map((it) => [it.id, it.likes]));
  const told = { likes: [], comments: [], messages: [] };
  const load = new Load(people, async (one, round) => {
    const target = liked[round];
    if (target) {
      await insist(ask, () => one.actor.like(target.id, true));
      told.likes.push(`${one.index} ${target.id}`);
    }
    const comment = `${one.name} comments ${round}`;
    const commented = order();
    await insist(ask, () => one.actor.comment({ clip, text: comment, order: commented }));
    told.comments.push(comment);
    const text = `${one.name} writes ${round}`;
    const written = order();
    await insist(ask, () => one.actor.send_message({ to: people[(one.index + 1) % CROWD].id, text, order: written }));
    told.messages.push(text);
  });
  await upgradeUnder(load, "clips", upgradeClips);
  await load.stop();
  t.diagnostic(`${UPGRADES} upgrades under ${told.likes.length} likes, ${told.comments.length} comments and ${told.messages.length} messages`);

  const comments = await all(async (next) => {
    const page = await ask(() => actor.comments(clip, next, PAGE));
    return { items: page.comments, next: page.next };
  });
  assertKept("comments", comments.map((it) => it.text), told.comments);
  assert.equal((await ask(() => actor.clip(clip))).comments, told.comments.length, "comments are counted");
  assertKept("messages", await letters(people), told.messages);
  const likes = await Promise.all(people.flatMap((one) => liked.map(async (it) => {
    const { mine } = await ask(() => one.actor.clip(it.id));
    return mine.liked ? [`${one.index} ${it.id}`] : [];
  })));
  assertKept("likes", likes.flat(), told.likes);
  for (const it of liked) {
    const more = told.likes.filter((like) => like.endsWith(` ${it.id}`)).length;
    assert.equal((await ask(() => actor.clip(it.id))).likes, before.get(it.id) + more, `likes of clip ${it.id}`);
  }

  // and with nobody there, everything is as before
  const admin = await CLIPS.actor("admin", canister("clips"));
  const look = async () => [await admin.totals(), await admin.feed({ ForYou: null }, [], PAGE), await admin.trends(), (await get("clips", "/first.json")).status];
  const kept = await look();
  await upgradeClips(module("clips"));
  assert.deepEqual(await look(), kept);
  await playing(await enter("clips", "desk-dark"));
});

/** The seed's people, whom the crowd gets to know. */
const settlers = () => Promise.all(PEOPLE.map(async ([name]) => {
  const actor = await GUILD.actor(name, canister("guild"));
  const [{ profile }] = await ask(() => actor.me());
  return { actor, id: profile.card.id };
}));

/** Everybody of the crowd is connected with their neighbour, so that they can write. */
async function befriend(people) {
  await Promise.all(people.map(async (one, index) => {
    const other = people[(index + 1) % people.length];
    await ask(() => one.actor.invite(other.id, ""));
    await ask(() => other.actor.accept(one.id));
    await until("they are connected", async () => "Connected" in (await one.actor.cards([other.id]))[0].tie);
  }));
}

/** Both canisters tell of the same connections, and none waits to be confirmed. */
async function assertAgree(actor) {
  const graph = await GUILD.graph(canister("guild_graph"));
  await until("nothing waits to be confirmed", async () => (await actor.totals()).pending === 0n);
  const [one, other] = [await actor.totals(), await graph.totals()];
  assert.equal(other.connections, one.connections);
  return graph;
}

scene("Guild and its graph are upgraded under load: every connection, reaction, comment and message is kept, once", async (enter, t) => {
  const people = await crowd(GUILD, "guild", { headline: "" });
  const [{ actor }] = people;
  await befriend(people);
  const others = await settlers();
  const { id: post } = await ask(() => actor.publish({ text: `Under load ${run}`, picture: [], order: order() }));
  const { posts } = await ask(() => actor.posts({ Everyone: null }, [], 40));
  const told = { ties: [], reactions: [], comments: [], messages: [] };
  const load = new Load(people, async (one, round) => {
    const other = others[round];
    if (other) {
      await insist(ask, () => one.actor.invite(other.id, ""));
      await insist(ask, () => other.actor.accept(one.id));
      told.ties.push(`${one.id} ${other.id}`);
    }
    const target = posts[round];
    if (target) {
      await insist(ask, () => one.actor.react(target.id, [{ Insightful: null }]));
      told.reactions.push(`${one.index} ${target.id}`);
    }
    const comment = `${one.name} comments ${round}`;
    const commented = order();
    await insist(ask, () => one.actor.comment({ post, text: comment, order: commented }));
    told.comments.push(comment);
    const text = `${one.name} writes ${round}`;
    const written = order();
    await insist(ask, () => one.actor.send_message({ to: people[(one.index + 1) % CROWD].id, text, order: written }));
    told.messages.push(text);
  });
  await upgradeUnder(load, "guild", upgradeGuild);
  await upgradeUnder(load, "guild_graph", upgradeGraph);
  await load.stop();
  t.diagnostic(`${2 * UPGRADES} upgrades under ${told.ties.length} connections, ${told.reactions.length} reactions, ${told.comments.length} comments and ${told.messages.length} messages`);

  const graph = await assertAgree(actor);
  const ties = await Promise.all(people.map(async (one) => {
    const known = await all(async (next) => {
      const page = await graph.connections(one.id, next, PAGE);
      return { items: [...page.people], next: page.next };
    });
    const met = others.map((it) => it.id);
    return known.filter((id) => met.includes(id)).map((id) => `${one.id} ${id}`);
  }));
  assertKept("connections", ties.flat(), told.ties);
  for (const tie of told.ties) {
    const [from, to] = tie.split(" ").map(Number);
    const [card] = await people.find((it) => it.id === from).actor.cards([to]);
    assert.deepEqual(card.tie, { Connected: null }, tie);
  }
  const comments = await all(async (next) => {
    const page = await ask(() => actor.comments(post, next, PAGE));
    return { items: page.comments, next: page.next };
  });
  assertKept("comments", comments.map((it) => it.text), told.comments);
  assertKept("messages", await letters(people), told.messages);
  const reactions = await Promise.all(people.flatMap((one) => posts.map(async (it) => {
    const { mine } = await ask(() => one.actor.post(it.id));
    return mine.length && "Insightful" in mine[0] ? [`${one.index} ${it.id}`] : [];
  })));
  assertKept("reactions", reactions.flat(), told.reactions);

  // and with nobody there, everything is as before
  const look = async () => [await actor.totals(), await actor.me(), await actor.posts({ Everyone: null }, [], PAGE), await actor.conversations(), (await get("guild", "/first.json")).status];
  const kept = await look();
  await upgradeGuild(module("guild"));
  assert.deepEqual(await look(), kept);
  const visitor = await enter("guild", "desk-dark");
  await visitor.page.locator(".facts button").first().waitFor();
});

scene("Guild and its graph agree in the end, although the graph trapped at every call", async () => {
  const [one, other] = await Promise.all([20, 21].map((index) => person(GUILD, "guild", index, { headline: "" })));
  await upgradeGraph(trapping("apply"));
  const tie = async (from, to) => Object.keys((await from.actor.cards([to.id]))[0].tie)[0];
  try {
    await ask(() => one.actor.invite(other.id, ""));
    assert.deepEqual(await ask(() => other.actor.accept(one.id)), { Connecting: null }, "it is told as it is");
    assert.equal(await tie(one, other), "Connecting");
  } finally {
    await upgradeGraph(module("guild_graph"));
  }
  await until("they are connected", async () => await tie(one, other) === "Connected" && await tie(other, one) === "Connected");
  await assertAgree(one.actor);
  const { notifications } = await ask(() => one.actor.notifications([], PAGE));
  assert.equal(notifications.filter((it) => "Connected" in it.news).length, 1, "told once");
});
