// The explorer's page: the height every two seconds, everything else every fifteen, nothing while nobody looks.
import { askExplorer, certifiedTime, connect, status } from "./chain.js";
import { burnt, canisters, listen } from "./canisters.js";
import { at, fact, id, note, show, table } from "./dom.js";
import { absent, economy } from "./economy.js";
import { ago, brief, decimal, duration, full, ofNanos, tokens, whole } from "./format.js";
import { governance } from "./governance.js";
import { plot } from "./plot.js";
import { registry } from "./registry.js";
import { replicas } from "./replicas.js";
import { rewards } from "./rewards.js";

const [LIVE_MS, TIME_MS, SLOW_MS] = [2_000, 6_000, 15_000];
/** Live heights that are kept: three minutes. */
const HEIGHTS = 90;
/** Seconds over which the live rate is taken. */
const WINDOW_MS = 12_000;

const tiles = new Map([
  "Certified height", "Finality", "Certified state", "Replicas", "Canisters", "Cycles burnt", "Token supply", "Open proposals",
].map((name) => [name, { value: "…", more: "" }]));
const heights = [];
let known;
let resolution = "fine";
let refreshing = false;
let again = false;

function tile(name, value, more) {
  tiles.set(name, { value, more });
  show(at("tiles"), [...tiles].map(([title, it]) => fact(title, it.value, it.more)));
}

function state(text, tone) {
  const place = at("live");
  if (place.textContent !== text) place.textContent = text;
  place.className = `live ${tone}`;
}

/** Blocks each second, up to each of the heights. */
function rates() {
  return heights.slice(1).map(([time, height]) => {
    const [begin, first] = heights.find(([earlier]) => earlier >= time - WINDOW_MS);
    return [time, time > begin ? ((height - first) * 1000) / (time - begin) : 0];
  }).filter(([time]) => time > heights[0][0] + LIVE_MS * 1.5);
}

async function live() {
  try {
    const { height, health, version } = await status();
    const highest = Math.max(height ?? 0, heights.at(-1)?.[1] ?? 0);
    heights.push([Date.now(), highest]);
    if (heights.length > HEIGHTS) heights.shift();
    tile("Certified height", whole(highest), `version ${version}`);
    const speeds = rates();
    const now = speeds.at(-1)?.[1];
    tile("Finality", now === undefined ? "…" : `${decimal(now)} blocks/s`, "in the last 12 s");
    plot(at("plot-height"), {
      title: "Blocks each second, live", zero: true, unit: decimal, empty: "Counting…",
      lines: [{ name: "Blocks each second", tone: "one", points: speeds }],
    });
    state(health === "healthy" ? "Live" : health.replaceAll("_", " "), health === "healthy" ? "good" : "warn");
  } catch {
    state("No answer, trying again", "bad");
  }
}

async function time() {
  try {
    const signed = await certifiedTime();
    tile("Certified state", `${decimal(Math.max(0, (Date.now() - signed) / 1000), 1)} s old`, "signed by the subnet");
  } catch (error) {
    tile("Certified state", "not verified", error.message.slice(0, 80));
  }
}

function sources(list) {
  const columns = [
    { name: "Source", head: true, cell: ({ name }) => name },
    { name: "Answered", cell: ({ answered_at_nanos: [at_nanos] }) => (at_nanos ? ago(ofNanos(at_nanos)) : "never") },
    { name: "Then", cell: ({ error }) => error[0] ?? "" },
  ];
  show(at("sources-body"), table("Sources of samples", columns, list));
}

/** One part of the page; the others do not wait for it, and do not fail with it. */
async function part(place, what, work) {
  try {
    return await work();
  } catch (error) {
    absent(place, what, error);
    return undefined;
  } finally {
    at(place).closest("section")?.setAttribute("aria-busy", "false");
  }
}

async function chainAndEconomy() {
  const chain = await part("replicas-table", "The list of replicas", replicas) ?? { consumed: [] };
  if (chain.count) {
    tile("Replicas", chain.healthy === undefined ? whole(chain.count) : `${chain.healthy} of ${chain.count}`,
      chain.healthy === undefined ? "health comes with the first epoch" : "healthy in the last epoch");
  }
  tile("Cycles burnt", chain.burn === undefined ? "…" : `${brief(chain.burn * 86_400)} a day`,
    chain.burn === undefined ? "comes with the second epoch" : "in the last epoch");
  plotBurn(chain.consumed);
  const money = await part("economy-facts", "The economy", () => economy(known.configuration, chain, resolution));
  if (money?.supply === undefined) return;
  const each = money.rate && `${decimal(money.rate)} T cycles each`;
  tile("Token supply", `${tokens(money.supply)} ${money.unit}`, each);
}

function plotBurn(consumed) {
  plot(at("plot-burn"), {
    title: "Cycles burnt by the subnet", kind: "bars", empty: "Comes with the second epoch of keys that ends.",
    lines: [{ name: "Cycles", tone: "three", points: burnt(consumed) }],
  });
}

async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  again = false;
  try {
    known.configuration = await askExplorer("get_configuration");
    const ids = known.configuration.canisters;
    await Promise.all([
      chainAndEconomy(),
      part("canisters-list", "The list of canisters", async () => {
        const { count, frozen } = await canisters(resolution);
        tile("Canisters", whole(count), frozen ? `${frozen} frozen` : "none frozen");
      }),
      part("rewards-body", "The rewards canister", () => rewards(ids.rewards[0])),
      part("governance-body", "The governance canister", async () => {
        tile("Open proposals", "–", "not read");
        const { open, all } = await governance(ids.governance[0], refresh);
        tile("Open proposals", whole(open), `of ${whole(all)} in all`);
      }),
      part("registry-body", "The registry", () => registry(ids.registry[0])),
      part("sources-body", "The list of sources", async () => sources(await askExplorer("list_sources"))),
    ]);
    show(at("problem"));
    document.body.dataset.ready = full(Date.now());
  } catch (error) {
    show(at("problem"), note(`The explorer could not be asked: ${error.message}`, "bad"));
  } finally {
    refreshing = false;
  }
  if (again) await refresh();
}

function ranges({ sample_seconds }) {
  const buttons = [...document.querySelectorAll("[data-resolution]")];
  buttons[0].textContent = `Last ${duration(Number(sample_seconds) * 1440)}`;
  for (const button of buttons) {
    button.addEventListener("click", () => {
      resolution = button.dataset.resolution;
      buttons.forEach((it) => it.setAttribute("aria-pressed", String(it === button)));
      refresh();
    });
  }
}

/** Marks the section that is read in the navigation. */
function follow() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      links.forEach((link) => link.removeAttribute("aria-current"));
      const link = links.get(target.id);
      link?.setAttribute("aria-current", "true");
      const list = link?.closest("ul");
      if (list && list.scrollWidth > list.clientWidth) list.scrollLeft = link.offsetLeft - 40;
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("main > section").forEach((section) => seen.observe(section));
}

function every(ms, work) {
  work();
  setInterval(() => document.hidden || work(), ms);
}

async function start() {
  try {
    known = await connect();
  } catch (error) {
    state("Not connected", "bad");
    show(at("problem"), note(`The explorer could not be asked: ${error.message}. Trying again…`, "bad"));
    setTimeout(start, SLOW_MS / 3);
    return;
  }
  const { subnet_name } = known.configuration;
  at("name").textContent = subnet_name;
  document.title = `${subnet_name} explorer`;
  show(at("explorer-id"), id(known.explorer, "explorer"));
  ranges(known.configuration);
  listen(refresh);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  every(LIVE_MS, live);
  every(TIME_MS, time);
  every(SLOW_MS, refresh);
}

document.querySelectorAll("main > section").forEach((section) => section.setAttribute("aria-busy", "true"));
follow();
start();
