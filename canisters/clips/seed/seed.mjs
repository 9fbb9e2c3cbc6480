// Fills Clips with people and clips, through the public agent like any other client.
//
//   node seed.mjs --status STATUS.json [--canister ID | --install clips.wasm] [--films FOLDER] [--keys FILE]
//
// With --install it makes the canister first and prints its id. It may be stopped and started again: what is there is not
// made twice. The people's keys come from a secret in --keys, so whoever has that file can act as any of them, as admin too.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Client, ask, send } from "./client.mjs";
import { face } from "./faces.mjs";
import { FILMS, HEIGHT, WIDTH, film } from "./films.mjs";
import { COMMENTS, MESSAGES, MODERATORS, PEOPLE } from "./people.mjs";

const { values: options } = parseArgs({ options: {
  status: { type: "string" }, canister: { type: "string" }, install: { type: "string" }, films: { type: "string" }, keys: { type: "string" },
} });
if (!options.status || (!options.canister && !options.install)) throw new Error("usage: node seed.mjs --status STATUS.json (--canister ID | --install clips.wasm)");
const beside = (name) => join(dirname(options.status), name);
const filmFolder = options.films ?? beside("clips-films");
const client = new Client(JSON.parse(readFileSync(options.status, "utf8")), options.keys ?? beside("clips-seed.key"));

const AT_ONCE = 12;

/** Runs work for all items, a few at once. */
async function each(items, work) {
  const waiting = [...items.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const order = (text) => client.order(text);
const chance = (text) => createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32;

const canister = options.canister ?? await client.install(readFileSync(options.install));
console.log(`clips: ${canister}`);
const actorOf = (name) => client.actor(name, canister);
const admin = await actorOf("admin");
const people = new Map();

async function enter(name, display, bio) {
  const actor = await actorOf(name);
  const profile = await ask(() => actor.create_profile({ name, display, bio }));
  people.set(name, { actor, id: profile.card.id });
  if (profile.card.picture.length === 0) {
    const picture = await send(actor, "Png", face(name));
    await ask(() => actor.edit_profile({ display, bio, picture: [picture] }));
  }
}

async function publish(one, index) {
  const [name, , , , caption] = one;
  const maker = PEOPLE[index % 12][0];
  const { actor, id } = people.get(maker);
  const there = await ask(() => actor.clips({ Of: id }, [], 50));
  const known = there.clips.find((clip) => clip.caption === caption);
  if (known) return { id: known.id, maker };
  const { video, poster, seconds } = await film(filmFolder, one);
  const [filmId, picture] = [await send(actor, "Mp4", readFileSync(video)), await send(actor, "Jpeg", readFileSync(poster))];
  const clip = await ask(() => actor.publish({ video: filmId, poster: [picture], caption, width: WIDTH, height: HEIGHT, duration_ms: seconds * 1000 }));
  console.log(`  ${name} by ${maker}`);
  return { id: clip.id, maker };
}

console.log(`${PEOPLE.length} people`);
await each(PEOPLE, ([name, display, bio]) => enter(name, display, bio));
for (const name of MODERATORS) await ask(() => admin.set_role(people.get(name).id, { Moderator: null }));

console.log(`${FILMS.length} clips`);
const clips = [];
// two at once: ffmpeg takes a processor for each
for (let index = 0; index < FILMS.length; index += 2) {
  clips.push(...await Promise.all(FILMS.slice(index, index + 2).map((one, offset) => publish(one, index + offset))));
}

console.log("what they do");
await each(PEOPLE, async ([name], index) => {
  const { actor, id } = people.get(name);
  for (const [other] of PEOPLE) {
    if (other !== name && chance(`follow ${name} ${other}`) < 0.12) await ask(() => actor.follow(people.get(other).id, true));
  }
  for (const [at, clip] of clips.entries()) {
    if (clip.maker === name) continue;
    const taste = chance(`taste ${name} ${at}`);
    const appeal = chance(`appeal ${at}`);
    if (taste < 0.2 + 0.5 * appeal) await ask(() => actor.viewed(clip.id));
    if (taste < 0.08 + 0.35 * appeal) await ask(() => actor.like(clip.id, true));
    if (taste < 0.04 + 0.08 * appeal) {
      const text = COMMENTS[Math.floor(chance(`comment ${name} ${at}`) * COMMENTS.length)];
      await ask(() => actor.comment({ clip: clip.id, text, order: order(`comment ${name} ${at}`) }));
    }
  }
  // the first clip of all goes viral
  if (index >= 12 && index < 18) await ask(() => actor.superlike(clips[0].id));
  if (index === 14) await ask(() => actor.tip({ clip: clips[3].id, points: 5n, order: order(`tip ${id}`) }));
});
for (const [index, text] of MESSAGES.entries()) {
  const [from, to] = index % 2 ? ["maya_reef", "amara"] : ["amara", "maya_reef"];
  await ask(() => people.get(from).actor.send_message({ to: people.get(to).id, text, order: order(`message ${index}`) }));
}
const totals = await admin.totals();
console.log(`done: ${totals.users} people, ${totals.clips} clips, ${totals.media_bytes} bytes of media`);
