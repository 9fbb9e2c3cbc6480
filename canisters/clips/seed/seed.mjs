// Fills Clips with people and clips, through the public agent like any other client. `atoll testnet up --apps` installs the canister and runs this.
//
//   node seed.mjs --status STATUS.json [--canister ID] [--films FOLDER] [--keys FILE] [--admin PEM]
//
// It may be stopped and started again: what is there is not made twice. The people's keys come from a secret in --keys, so whoever
// has that file can act as any of them; --admin is the key of whoever controls the canister. Both are looked for beside the status,
// films where `films.mjs` makes them.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Client, ask, send } from "./client.mjs";
import { face } from "./faces.mjs";
import { FILMS, FOLDER, HEIGHT, WIDTH, film } from "./films.mjs";
import { COMMENTS, MESSAGES, MODERATORS, PEOPLE } from "./people.mjs";

const { values: options } = parseArgs({ options: {
  status: { type: "string" }, canister: { type: "string" }, films: { type: "string" }, keys: { type: "string" }, admin: { type: "string" },
} });
const status = options.status && JSON.parse(readFileSync(options.status, "utf8"));
const canister = options.canister ?? status?.canisters.clips;
if (!canister) throw new Error("usage: node seed.mjs --status STATUS.json [--canister ID]");
const beside = (name) => join(dirname(options.status), name);
const filmFolder = options.films ?? FOLDER;
const client = new Client(status, options.keys ?? beside("clips-seed.key"), options.admin ?? beside(join("apps", "admin.pem")));

const begun = Date.now();
const tell = (text) => console.log(`clips: ${text}`);

/** Calls under way at a time: a block takes many, and each waits for its own. */
const AT_ONCE = 48;
const FILMS_AT_ONCE = 6;

/** Runs work for all items, a few at once; the answers in the items' order. */
async function each(items, atOnce, work) {
  const waiting = [...items.entries()];
  const answers = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) answers[next[0]] = await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return answers;
}

const order = (text) => client.order(text);
const chance = (text) => createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32;

const actorOf = (name) => client.actor(name, canister);
const admin = await actorOf("admin");
const people = new Map();

async function enter([name, display, bio]) {
  const actor = await actorOf(name);
  const profile = await ask(() => actor.create_profile({ name, display, bio }));
  people.set(name, { actor, id: profile.card.id });
  // of a seed that was stopped: they would count against what one may leave unfinished
  for (const { id } of await ask(() => actor.uploads())) await ask(() => actor.cancel_upload(id));
  if (profile.card.picture.length === 0) {
    const picture = await send(actor, "Png", face(name));
    await ask(() => actor.edit_profile({ display, bio, picture: [picture] }));
  }
}

let published = 0;

async function publish(one, index) {
  const [, , , , caption] = one;
  const maker = PEOPLE[index % 12][0];
  const { actor, id } = people.get(maker);
  const there = await ask(() => actor.clips({ Of: id }, [], 50));
  const known = there.clips.find((clip) => clip.caption === caption);
  if (known) return { id: known.id, maker };
  const { video, poster, seconds } = await film(filmFolder, one);
  const [filmId, picture] = await Promise.all([send(actor, "Mp4", readFileSync(video)), send(actor, "Jpeg", readFileSync(poster))]);
  const clip = await ask(() => actor.publish({ video: filmId, poster: [picture], caption, width: WIDTH, height: HEIGHT, duration_ms: seconds * 1000 }));
  published += 1;
  if (published % 6 === 0) tell(`${published} of ${FILMS.length} clips`);
  return { id: clip.id, maker };
}

tell(`${PEOPLE.length} people come`);
await each(PEOPLE, PEOPLE.length, enter);
for (const name of MODERATORS) await ask(() => admin.set_role(people.get(name).id, { Moderator: null }));

const clips = await each(FILMS, FILMS_AT_ONCE, publish);

/** What somebody does, as calls. */
function* deeds([name], index) {
  const { actor, id } = people.get(name);
  for (const [other] of PEOPLE) {
    if (other !== name && chance(`follow ${name} ${other}`) < 0.12) yield () => actor.follow(people.get(other).id, true);
  }
  for (const [at, clip] of clips.entries()) {
    if (clip.maker === name) continue;
    const taste = chance(`taste ${name} ${at}`);
    const appeal = chance(`appeal ${at}`);
    if (taste < 0.2 + 0.5 * appeal) yield () => actor.viewed(clip.id);
    if (taste < 0.08 + 0.35 * appeal) yield () => actor.like(clip.id, true);
    if (taste < 0.04 + 0.08 * appeal) {
      const text = COMMENTS[Math.floor(chance(`comment ${name} ${at}`) * COMMENTS.length)];
      yield () => actor.comment({ clip: clip.id, text, order: order(`comment ${name} ${at}`) });
    }
  }
  // the first clip of all goes viral
  if (index >= 12 && index < 18) yield () => actor.superlike(clips[0].id);
  if (index === 14) yield () => actor.tip({ clip: clips[3].id, points: 5n, order: order(`tip ${id}`) });
}

tell("they look, like, follow and comment");
await each(PEOPLE.flatMap((person, index) => [...deeds(person, index)]), AT_ONCE, ask);
for (const [index, text] of MESSAGES.entries()) {
  const [from, to] = index % 2 ? ["maya_reef", "amara"] : ["amara", "maya_reef"];
  await ask(() => people.get(from).actor.send_message({ to: people.get(to).id, text, order: order(`message ${index}`) }));
}
const totals = await admin.totals();
tell(`filled in ${Math.round((Date.now() - begun) / 1000)} s: ${totals.users} people, ${totals.clips} clips, ${(Number(totals.media_bytes) / 1e6).toFixed(1)} MB`);
