// Who runs the subnet and how well: what each replica did in the epoch that ended last.
import { Absent, askExplorer, askSubnet, nodeIds, ok } from "./chain.js";
import { at, badge, id, note, show, table } from "./dom.js";
import { ago, brief, counted, decimal, ofNanos, percent, whole } from "./format.js";
import { rate } from "./numbers.js";
import { plot } from "./plot.js";

const EPOCHS = 100n;
/** Votes for this part of the blocks, and views in which it did not lead in vain. */
const [GOOD_VOTES, POOR_VOTES, GOOD_LEADS] = [0.9, 0.5, 0.9];

let epochs = [];

/** New epochs, added to those that are known. */
async function readEpochs() {
  const last = epochs.at(-1);
  const after_nanos = last ? [last.timestamp_nanos] : [];
  const more = ok(await askExplorer("list_epochs", { after_nanos, limit: EPOCHS }));
  epochs = [...epochs, ...more].slice(-Number(EPOCHS));
}

async function readMembers() {
  try {
    const { members, next, epoch } = await askSubnet("atoll_membership");
    const stays = new Set(next.map((node) => node.node_id.toText()));
    const was = new Set(members.map((node) => node.node_id.toText()));
    const all = members.map((node) => ({ ...node, change: stays.has(node.node_id.toText()) ? "" : "leaving" }));
    const joining = next.filter((node) => !was.has(node.node_id.toText())).map((node) => ({ ...node, change: "joining" }));
    return { epoch, members: [...all, ...joining] };
  } catch (error) {
    if (!(error instanceof Absent)) throw error;
    return { members: (await nodeIds()).map((node_id) => ({ node_id, name: "", address: "", change: "" })) };
  }
}

const totals = ({ node_metrics }) => new Map(node_metrics.map((node) => [node.node_id.toText(), node]));
const optional = (value) => (value?.length ? value[0] : undefined);

/** What each node did between the last two ends of epochs, or since genesis. */
function work() {
  const last = epochs.at(-1);
  if (!last) return undefined;
  const before = epochs.at(-2);
  const earlier = before ? totals(before) : new Map();
  const blocks = optional(last.blocks_total);
  const of = (node, field) => Number(node?.[field] ?? 0n);
  const option = (node, field) => Number(optional(node?.[field]) ?? 0n);
  const nodes = new Map([...totals(last)].map(([key, node]) => {
    const old = earlier.get(key);
    return [key, {
      proposed: of(node, "num_blocks_proposed_total") - of(old, "num_blocks_proposed_total"),
      failures: of(node, "num_block_failures_total") - of(old, "num_block_failures_total"),
      votes: node.num_votes_total.length ? option(node, "num_votes_total") - option(old, "num_votes_total") : undefined,
      instructions: option(node, "num_instructions_total") - option(old, "num_instructions_total"),
    }];
  }));
  return {
    nodes,
    ended: ofNanos(last.timestamp_nanos),
    blocks: blocks === undefined ? undefined : Number(blocks - (optional(before?.blocks_total) ?? 0n)),
    whole: Boolean(before),
  };
}

function health(done, blocks) {
  if (!done) return ["not known yet", "idle"];
  const votes = done.votes === undefined || !blocks ? 1 : done.votes / blocks;
  const led = done.proposed + done.failures;
  const leads = led === 0 ? 1 : done.proposed / led;
  if (votes >= GOOD_VOTES && leads >= GOOD_LEADS) return ["healthy", "good"];
  if (votes < POOR_VOTES && leads < POOR_VOTES) return ["down", "bad"];
  return [votes < GOOD_VOTES ? "misses votes" : "misses its turns", "warn"];
}

function lead(epoch, done, count) {
  const begin = epoch === undefined ? "" : `Epoch ${whole(epoch)}. `;
  if (!done) return `${begin}${counted(count, "replica")}. What each did is told at the end of an epoch of keys.`;
  const span = done.whole ? `the epoch that ended ${ago(done.ended)}` : `the time until ${ago(done.ended)}`;
  const blocks = done.blocks === undefined ? "" : `, of ${whole(done.blocks)} blocks`;
  return `${begin}${counted(count, "replica")}; the work in ${span}${blocks}.`;
}

function rows(members, done) {
  const columns = [
    { name: "Replica", head: true, cell: (node) => [node.name && `${node.name} `, id(node.node_id, "replica")] },
    { name: "Health", cell: (node) => [
      badge(...health(done?.nodes.get(node.node_id.toText()), done?.blocks)), node.change && badge(node.change, "idle"),
    ] },
    { name: "Blocks proposed", number: true, cell: (node) => count(node, done, "proposed") },
    { name: "Turns missed", number: true, cell: (node) => count(node, done, "failures") },
    { name: "Votes", number: true, cell: (node) => votes(node, done) },
    { name: "Instructions", number: true, cell: (node) => {
      const it = done?.nodes.get(node.node_id.toText());
      return it ? brief(it.instructions) : "–";
    } },
    { name: "Address", wide: true, cell: (node) => node.address || "–" },
  ];
  return table("Replicas", columns, members);
}

function count(node, done, field) {
  const it = done?.nodes.get(node.node_id.toText());
  return it ? whole(it[field]) : "–";
}

function votes(node, done) {
  const it = done?.nodes.get(node.node_id.toText());
  if (it?.votes === undefined) return "–";
  return done.blocks ? `${whole(it.votes)} (${percent(it.votes, done.blocks)})` : whole(it.votes);
}

const series = (field) => epochs.filter((epoch) => epoch[field].length).map((epoch) =>
  [Number(epoch.timestamp_nanos / 1_000_000n), Number(epoch[field][0])]);

/** Reads and shows; how many are healthy, and what the subnet burns each second. */
export async function replicas() {
  const [{ epoch, members }] = await Promise.all([readMembers(), readEpochs()]);
  const done = work();
  at("replicas-lead").textContent = lead(epoch, done, members.length);
  show(at("replicas-table"), members.length ? rows(members, done) : note("No replicas are known."));
  const blocks = rate(series("blocks_total"));
  const instructions = rate(series("instructions_total"));
  const empty = "Comes with the second epoch of keys that ends.";
  plot(at("plot-blocks"), {
    title: "Blocks each second, by epoch", zero: true, unit: decimal, empty,
    now: blocks.length ? `${decimal(blocks.at(-1)[1])} /s` : "",
    lines: [{ name: "Blocks each second", tone: "one", points: blocks }],
  });
  plot(at("plot-instructions"), {
    title: "Instructions each second, by epoch", zero: true, empty,
    now: instructions.length ? `${brief(instructions.at(-1)[1])} /s` : "",
    lines: [{ name: "Instructions each second", tone: "two", points: instructions }],
  });
  const healthy = members.filter((node) => health(done?.nodes.get(node.node_id.toText()), done?.blocks)[1] === "good").length;
  const consumed = series("cycles_consumed_total");
  const burn = rate(consumed).at(-1)?.[1];
  return { count: members.length, healthy: done && healthy, burn, consumed };
}
