// What was proposed, how the votes stand, and what came of it.
import { ask } from "./chain.js";
import { at, badge, fact, h, id, note, show, svg } from "./dom.js";
import { ago, briefTokens, duration, full, hex, ofSeconds, percent, tokens, whole } from "./format.js";

const PAGE = 20;
let limit = PAGE;

const tones = {
  Open: "warn", Rejected: "idle", Adopted: "good", Executing: "good", Executed: "good", Failed: "bad",
};

/** The action in words. */
function action([it]) {
  if (!it) return ["an action that this page does not know"];
  const [kind, of] = Object.entries(it)[0];
  switch (kind) {
    case "Motion": return ["Motion, which changes nothing by itself"];
    case "SetConversionRate": return [`Set the rate to ${Number(of.xdr_permyriad_per_icp) / 10_000} T cycles per token`];
    case "SetPrices": return ["Set the prices of what canisters use"];
    case "SetRewardParameters": return ["Change rewards: ",
      of.period_seconds.length ? `a statement every ${duration(of.period_seconds[0])} ` : "",
      of.share_permille.length ? `share ${of.share_permille[0] / 10} %` : ""];
    case "SetParameters": return ["Change how votes are held"];
    case "AddNode": return [`Add replica ${of.node.name} (${of.node.address})`];
    case "RemoveNode": return ["Remove replica ", id(of.node_id, "replica")];
    case "ReplaceNode": return ["Replace replica ", id(of.leaving, "replica"), ` by ${of.node.name}`];
    case "AssignNode": return ["Assign replica ", id(of.node_id, "replica")];
    case "AddOperator": return [`Add operator ${of.name} `, id(of.operator, "operator")];
    case "UpdateOperator": return ["Change operator ", id(of.operator, "operator")];
    case "AddDataCenter": return [`Add data center ${of.id}, ${of.region}`];
    case "SetReplicaVersion": return [`Run version ${of.version} on all replicas`];
    case "UpgradeCanister": return ["Upgrade ", id(of.canister_id, "canister"), " to module ",
      h("code", {}, hex(of.sha256).slice(0, 16))];
    case "FreezeCanister": return ["Freeze ", id(of.canister_id, "canister"), ": ", h("q", {}, of.reason)];
    case "UnfreezeCanister": return ["Unfreeze ", id(of.canister_id, "canister")];
    default: return [kind];
  }
}

/** Yes from the left, no from the right, and where the quorum is. */
function bar({ tally, quorum_permille }) {
  const all = Number(tally.total) || 1;
  const [yes, no] = [(100 * Number(tally.yes)) / all, (100 * Number(tally.no)) / all];
  const quorum = percent(quorum_permille, 1000);
  const label = `Yes ${percent(yes, 100)}, no ${percent(no, 100)} of all voting power; quorum ${quorum}`;
  return svg("svg", { class: "votes", viewBox: "0 0 100 6", preserveAspectRatio: "none", role: "img", "aria-label": label },
    svg("rect", { class: "rest", width: 100, height: 6 }),
    svg("rect", { class: "yes", width: yes, height: 6 }),
    svg("rect", { class: "no", x: 100 - no, width: no, height: 6 }),
    svg("line", { class: "quorum", x1: quorum_permille / 10, x2: quorum_permille / 10, y1: 0, y2: 6 }));
}

function proposer([voter]) {
  if (!voter) return "";
  return "Neuron" in voter ? `by neuron ${voter.Neuron}` : ["by operator ", id(voter.Operator, "operator")];
}

function when(it, word) {
  if (word === "Open") return `voting ends ${ago(ofSeconds(it.deadline_seconds))}`;
  const end = it.ended_seconds[0] ?? it.decided_seconds[0];
  return end ? `${word.toLowerCase()} ${ago(ofSeconds(end))}` : "";
}

/** Links of proposals go to pages of the web only. */
function link(url) {
  return /^https:\/\//u.test(url) ? h("a", { href: url, rel: "noopener noreferrer nofollow" }, url) : url;
}

function proposal(it, power) {
  const [word, of] = it.status.length ? Object.entries(it.status[0])[0] : ["Unknown", undefined];
  const { title, summary, url } = it.proposal;
  const { yes, no, total } = it.tally;
  const part = (votes) => `${power(votes)} (${percent(Number(votes), Number(total))})`;
  return h("article", { class: "card", "aria-label": `Proposal ${it.id}` },
    h("h4", {}, `${it.id}. ${title}`, " ", badge(word.toLowerCase(), tones[word] ?? "idle")),
    h("p", {}, action(it.proposal.action)),
    bar(it),
    h("p", { class: "soft" }, `Yes ${part(yes)}, no ${part(no)} · `,
      when(it, word), " · ", proposer(it.proposer), ` · ${full(ofSeconds(it.created_seconds))}`),
    of?.reason && note(of.reason, "bad"),
    (summary || url) && h("details", { "data-key": `proposal ${it.id}` }, h("summary", {}, "Summary"),
      h("p", { class: "text" }, summary), url && h("p", {}, link(url))));
}

/** Reads and shows the newest proposals; how many are open, and how many there are. */
export async function governance(canister, refresh) {
  const [status, voters, proposals] = await Promise.all([
    ask("governance", canister, "get_status"),
    ask("governance", canister, "get_voters"),
    ask("governance", canister, "list_proposals", { before: [], open_only: false, limit }),
  ]);
  const operators = voters.length > 0 && "Operators" in voters[0];
  const power = operators ? whole : briefTokens;
  const more = BigInt(proposals.length) < status.proposals && limit < 50;
  show(at("governance-body"),
    h("dl", { class: "facts" },
      fact("Open proposals", whole(status.open_proposals), `of ${whole(status.proposals)} in all`),
      operators ? fact("Who votes", "operators", "one vote each") : fact("Who votes", "neurons", `${whole(status.neurons)} of them`),
      !operators && fact("Tokens at stake", tokens(status.stake_e8s)),
      !operators && fact("Voting power", briefTokens(status.voting_power))),
    h("h3", {}, "Proposals"),
    proposals.length ? proposals.map((it) => proposal(it, power)) : note("Nothing was proposed yet.", "idle"),
    more && h("p", {}, h("button", { type: "button", class: "plain", "data-key": "more proposals", onclick: () => {
      limit = 50;
      refresh();
    } }, "Show more proposals")));
  return { open: status.open_proposals, all: status.proposals };
}
