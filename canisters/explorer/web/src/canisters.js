// The subnet's canisters: what they hold and burn, and which are frozen.
import { askExplorer, ok, points } from "./chain.js";
import { at, badge, h, id, note, show, table } from "./dom.js";
import { ago, brief, counted, hex, ofNanos, size } from "./format.js";
import { parts } from "./numbers.js";
import { plot } from "./plot.js";

const PAGE = 40n;
const DAY = 86_400;
const BARS = 40;

/** Canisters that are shown before anybody asks for more. */
const FIRST = 12;

let pages = 1;
let short = true;
let chosen;
let known = [];
let resolution = "fine";

async function read() {
  const all = [];
  let after = [];
  let answer;
  for (let page = 0; page < pages; page += 1) {
    answer = ok(await askExplorer("list_canisters", { after, limit: PAGE }));
    all.push(...answer.canisters);
    after = answer.next;
    if (!after.length) break;
  }
  return { ...answer, canisters: all, more: after.length > 0 };
}

const total = (consumed) => Object.values(consumed).reduce((sum, part) => sum + part, 0n);

/** Cycles a day: what samples of the last hour say, or what resting costs. */
function burn({ recent: [recent], status: [status] }) {
  if (recent) return (Number(recent.cycles) / Number(recent.seconds)) * DAY;
  return status ? Number(status.idle_cycles_burned_per_day) : undefined;
}

const shown = (canister) => canister.name[0] ?? canister.canister_id.toText().split("-").slice(0, 2).join("-");

const orders = {
  burn: (one, two) => (burn(two) ?? -1) - (burn(one) ?? -1),
  balance: (one, two) => Number((two.status[0]?.cycles ?? -1n) - (one.status[0]?.cycles ?? -1n)),
  memory: (one, two) => Number((two.status[0]?.memory_size ?? -1n) - (one.status[0]?.memory_size ?? -1n)),
  id: () => 0,
};

function state({ frozen, status: [status], module_hash }) {
  if (frozen.length) return badge("frozen", "bad");
  if (!module_hash.length) return badge("empty", "idle");
  if (!status) return badge("not shown", "idle");
  const word = Object.keys(status.status)[0];
  return badge(word, word === "running" ? "good" : "warn");
}

/** How long the balance lasts at this rate; only when that is soon. */
function lasts({ status: [status] }, perDay) {
  const days = status && perDay > 0 ? Number(status.cycles) / perDay : Infinity;
  return days < 30 && badge(`${Math.floor(days)} d left`, days < 7 ? "bad" : "warn");
}

const module = ([hash]) => (hash ? h("code", { title: hex(hash) }, hex(hash).slice(0, 8)) : "–");

function rows(canisters) {
  const columns = [
    { name: "Canister", head: true, cell: (it) => [it.name.map((name) => [h("b", {}, name), " "]), id(it.canister_id, "canister")] },
    { name: "State", cell: state },
    { name: "Cycles", number: true, cell: (it) => [it.status.length ? brief(it.status[0].cycles) : "–", lasts(it, burn(it))] },
    { name: "Burn a day", number: true, cell: (it) => (burn(it) === undefined ? "–" : brief(burn(it))) },
    { name: "Burnt in all", number: true, cell: (it) => (it.consumed.length ? brief(total(it.consumed[0])) : "–") },
    { name: "Memory", number: true, cell: (it) => (it.status.length ? size(it.status[0].memory_size) : "–") },
    { name: "Module", minor: true, cell: (it) => module(it.module_hash) },
    { name: "Plot", cell: (it) => h("button", {
      type: "button", class: "plain small", "aria-pressed": String(chosen?.canister_id.toText() === it.canister_id.toText()),
      "aria-label": `Plot ${shown(it)}`, "data-key": `plot ${it.canister_id.toText()}`, onclick: () => choose(it),
    }, "Plot") },
  ];
  return table("Canisters", columns, canisters);
}

async function choose(canister) {
  chosen = canister;
  render();
  await plotChosen();
}

async function plotChosen() {
  if (!chosen) return;
  const title = `${shown(chosen)}: cycles held`;
  try {
    const [balance, consumed] = await Promise.all([
      points({ canister_balance: chosen.canister_id }, resolution),
      points({ canister_consumed: chosen.canister_id }, resolution),
    ]);
    const base = consumed[0]?.[1] ?? 0;
    plot(at("plot-canister"), {
      title, empty: "Not sampled: the explorer may not read it, or has not yet.",
      now: balance.length ? brief(balance.at(-1)[1]) : "",
      lines: [{ name: "Balance", tone: "one", points: balance }],
    });
    plot(at("plot-consumed"), {
      title: `${shown(chosen)}: burnt since the first sample`, zero: true,
      empty: "Not sampled: the explorer may not read it, or has not yet.",
      now: consumed.length ? brief(consumed.at(-1)[1] - base) : "",
      lines: [{ name: "Burnt", tone: "three", points: consumed.map(([time, value]) => [time, value - base]) }],
    });
  } catch (error) {
    plot(at("plot-canister"), { title, lines: [], empty: `No samples: ${error.message}.` });
  }
}

function frozenList(canisters) {
  const frozen = canisters.filter((it) => it.frozen.length);
  if (!frozen.length) return note("No canister is frozen.", "good");
  return h("div", { class: "note bad" }, h("h3", {}, `${frozen.length} frozen`), h("ul", {}, frozen.map((it) => {
    const [{ reason, since_nanos }] = it.frozen;
    const since = ` since ${ago(ofNanos(since_nanos))}: `;
    return h("li", {}, h("b", {}, shown(it)), " ", id(it.canister_id, "frozen canister"), since, h("q", {}, reason));
  })));
}

const shortened = (list) => (short ? list.slice(0, FIRST) : list);

function render() {
  const order = orders[at("canisters-order").value] ?? orders.burn;
  show(at("canisters-list"), known.length ? rows(shortened([...known].sort(order))) : note("There are no canisters."));
}

/** Reads and shows; how many there are, and how many are frozen. */
export async function canisters(range) {
  resolution = range;
  const { total: all, partial, canisters: list, more } = await read();
  known = list;
  at("canisters-lead").textContent = partial.length
    ? "Only the canisters that this explorer watches: it is no observer of the subnet, and may not list all of them."
    : `${counted(all, "canister")}. Burn is of the last hour's samples, or what resting costs.`;
  chosen = known.find((it) => it.canister_id.toText() === chosen?.canister_id.toText()) ?? [...known].sort(orders.burn)[0];
  show(at("frozen"), frozenList(known));
  at("canisters-more").hidden = !more && !(short && known.length > FIRST);
  render();
  await plotChosen();
  return { count: partial.length ? known.length : Number(all), frozen: known.filter((it) => it.frozen.length).length };
}

/** What the subnet burnt, by parts of the time that there are totals of. */
export const burnt = (consumed) => parts(consumed, BARS);

export function listen(refresh) {
  at("canisters-order").addEventListener("change", render);
  at("canisters-more").addEventListener("click", async (event) => {
    if (short) short = false;
    else pages += 1;
    event.currentTarget.disabled = true;
    await refresh();
    at("canisters-more").disabled = false;
  });
}
