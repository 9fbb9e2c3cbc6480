// Fills Guild with people, their connections, posts and jobs, through the public agent like any other client.
// `atoll testnet up --apps` installs the canisters and runs this.
//
//   node seed.mjs --status STATUS.json [--canister ID] [--keys FILE]
//
// It may be stopped and started again: what is there is not made twice. The people's keys come from a secret in --keys, which is
// looked for beside the status, so whoever has that file can act as any of them.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { Client, ask } from "./client.mjs";
import { drawing, face } from "./faces.mjs";
import { BEFORE, COMMENTS, JOBS, LETTERS, MESSAGES, NOTES, PEOPLE, POSTS, TITLES } from "./people.mjs";

const { values: options } = parseArgs({ options: { status: { type: "string" }, canister: { type: "string" }, keys: { type: "string" } } });
const status = options.status && JSON.parse(readFileSync(options.status, "utf8"));
const canister = options.canister ?? status?.canisters.guild;
if (!canister) throw new Error("usage: node seed.mjs --status STATUS.json [--canister ID]");
const client = new Client(status, options.keys ?? join(dirname(options.status), "guild-seed.key"));

const begun = Date.now();
const tell = (text) => console.log(`guild: ${text}`);
/** Calls under way at a time: a block takes many, and each waits for its own. */
const AT_ONCE = 48;
const REACTIONS = ["Like", "Like", "Like", "Celebrate", "Support", "Insightful", "Funny"];

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
const pick = (list, text) => list[Math.floor(chance(text) * list.length)];
const people = new Map();

/** Where somebody worked and learnt, made up from their name. */
function career([name, , , company, place, school]) {
  const start = 2004 + Math.floor(chance(`start ${name}`) * 12);
  const years = 1 + Math.floor(chance(`years ${name}`) * 4);
  const before = { title: pick(TITLES, `title ${name}`), company: pick(BEFORE, `before ${name}`), place: "", from: { year: start, month: 9 }, to: [{ year: start + years, month: 6 }], text: "" };
  const now = { title: "Present work", company, place, from: { year: start + years, month: 7 }, to: [], text: "" };
  return {
    experience: company ? [now, before] : [before],
    education: [{ school, degree: chance(`degree ${name}`) < 0.5 ? "Master's degree" : "Bachelor's degree", from: start - 5, to: [start - 1] }],
  };
}

async function enter(person) {
  const [name, display, headline, company, place, , skills, about] = person;
  const actor = await client.actor(name, canister);
  const profile = await ask(() => actor.create_profile({ name, display, headline }));
  people.set(name, { actor, id: profile.card.id });
  const { experience, education } = career(person);
  if (experience[0].company === company && company) experience[0].title = headline.split(/[,:]/)[0].slice(0, 80);
  await ask(() => actor.edit_profile({ display, headline, company, place, about, open_to_work: !company, private_views: false, experience, education, skills }));
  if (profile.card.picture.length === 0) await ask(() => actor.set_picture([{ kind: { Png: null }, bytes: face(name) }]));
}

/** Those who learnt or work together know each other more often than others. */
function closeness(one, other) {
  if (one[3] && one[3] === other[3]) return 0.8;
  return one[5] === other[5] ? 0.5 : 0.09;
}

const knows = (one, other) => chance(`knows ${one[0]} ${other[0]}`) < closeness(one, other);

async function connect([one, other]) {
  const [from, to] = [people.get(one[0]), people.get(other[0])];
  await ask(() => from.actor.invite(to.id, pick(NOTES, `note ${one[0]} ${other[0]}`)));
  // some invitations wait for an answer
  if (chance(`answer ${one[0]} ${other[0]}`) < 0.9) await ask(() => to.actor.accept(from.id));
}

tell(`${PEOPLE.length} people come`);
await each(PEOPLE, enter);

const pairs = PEOPLE.flatMap((one, index) => PEOPLE.slice(index + 1).filter((other) => knows(one, other)).map((other) => [one, other]));
tell(`${pairs.length} invitations, ${POSTS.length} posts, ${JOBS.length} jobs`);

/** One after the other: their order is the feed's. */
async function post() {
  const posts = [];
  for (const [index, [author, text, drawn]] of POSTS.entries()) {
    const picture = drawn ? [{ kind: { Png: null }, bytes: drawing(text) }] : [];
    const post = await ask(() => people.get(author).actor.publish({ text, picture, order: order(`post ${index}`) }));
    posts.push({ id: post.id, author });
  }
  return posts;
}

async function offerJobs() {
  const jobs = [];
  for (const [index, [poster, title, company, place, workplace, hours, text]] of JOBS.entries()) {
    const job = { title, company, place, workplace: { [workplace]: null }, hours: { [hours]: null }, text, order: order(`job ${index}`) };
    jobs.push({ id: (await ask(() => people.get(poster).actor.post_job(job))).id, poster });
  }
  return jobs;
}

const [posts, jobs] = await Promise.all([post(), offerJobs(), each(pairs, connect)]);

/** What somebody does, as calls. */
function* deeds(name) {
  const { actor } = people.get(name);
  for (const [at, post] of posts.entries()) {
    if (post.author === name) continue;
    const [taste, appeal] = [chance(`taste ${name} ${at}`), chance(`appeal ${at}`)];
    if (taste < 0.08 + 0.35 * appeal) yield () => actor.react(post.id, [{ [pick(REACTIONS, `reaction ${name} ${at}`)]: null }]);
    if (taste < 0.02 + 0.06 * appeal) {
      yield () => actor.comment({ post: post.id, text: pick(COMMENTS, `comment ${name} ${at}`), order: order(`comment ${name} ${at}`) });
    }
  }
  for (const [other] of PEOPLE) {
    if (other !== name && chance(`view ${name} ${other}`) < 0.1) yield () => actor.view(people.get(other).id);
  }
  for (const [at, job] of jobs.entries()) {
    if (job.poster !== name && chance(`apply ${name} ${at}`) < 0.06) yield () => actor.apply({ job: job.id, letter: pick(LETTERS, `letter ${name} ${at}`) });
  }
}

/** The skills that somebody vouches for, as calls. */
async function endorsements([name]) {
  const { actor, id } = people.get(name);
  const { people: known } = await ask(() => actor.connections(id, [], 50));
  const calls = await Promise.all(known.map(async (other) => {
    const { skills } = await ask(() => actor.profile(other.name));
    const vouched = skills.filter((skill) => chance(`endorse ${name} ${other.name} ${skill.name}`) < 0.35);
    return vouched.map((skill) => () => actor.endorse(other.id, skill.id, true));
  }));
  return calls.flat();
}

tell("they react, comment, endorse and apply");
const vouching = [];
await each(PEOPLE, async (person) => vouching.push(...await endorsements(person)));
await each([...PEOPLE.flatMap(([name]) => [...deeds(name)]), ...vouching], ask);
// these two always are connected, so that they can write
await connectForTalk("amara_d", "ines");
for (const [index, text] of MESSAGES.entries()) {
  const [from, to] = index % 2 ? ["amara_d", "ines"] : ["ines", "amara_d"];
  await ask(() => people.get(from).actor.send_message({ to: people.get(to).id, text, order: order(`message ${index}`) }));
}

async function connectForTalk(one, other) {
  const [from, to] = [people.get(one), people.get(other)];
  await ask(() => from.actor.invite(to.id, ""));
  const tie = await ask(() => to.actor.accept(from.id));
  if (!("Connected" in tie)) throw new Error(`${one} and ${other} are not connected: ${Object.keys(tie)}`);
}

const totals = await people.get("ines").actor.totals();
tell(`filled in ${Math.round((Date.now() - begun) / 1000)} s: ${totals.users} people, ${totals.connections} connections, ${totals.posts} posts, ${totals.jobs} jobs`);
