// What those who run replicas earned: one statement for each period, which anybody can compute again.
import { ask } from "./chain.js";
import { at, badge, fact, h, id, note, show, table } from "./dom.js";
import { brief, decimal, duration, full, hex, ofNanos, percent, tokens, whole } from "./format.js";
import { plot } from "./plot.js";

const NEWEST = 20n;

const payments = {
  Pending: ["pending", "warn"], Sent: ["sent", "warn"], Paid: ["paid", "good"], Unknown: ["not known", "bad"],
  Refused: ["refused", "bad"],
};

function paid(view) {
  const words = view.payments.map(([payment]) => (payment ? Object.keys(payment)[0] : "Unknown"));
  if (!words.length) return badge("nobody to pay", "idle");
  const worst = ["Unknown", "Refused", "Pending", "Sent", "Paid"].find((word) => words.includes(word));
  return badge(...payments[worst]);
}

const missed = (it) => (it ? `${whole(it.failures)} of ${whole(it.proposed + it.failures)}` : "–");
const votes = (it) => (it ? percent(Number(it.votes), Number(it.blocks)) : "–");

function details(view) {
  const { statement, hash } = view;
  const work = new Map(statement.inputs.nodes.map((node) => [node.node_id.toText(), node]));
  const of = (node) => work.get(node.node_id.toText());
  const columns = [
    { name: "Replica", head: true, cell: (node) => id(node.node_id, "replica") },
    { name: "Work", number: true, cell: (node) => brief(node.work) },
    { name: "Turns missed", number: true, cell: (node) => missed(of(node)) },
    { name: "Votes", number: true, cell: (node) => votes(of(node)) },
    { name: "Factor", number: true, cell: (node) => percent(node.factor_ppm, 1_000_000) },
    { name: "Earns", number: true, cell: (node) => tokens(node.e8s) },
  ];
  const share = decimal(statement.inputs.share_permille / 10, 1);
  const rate = decimal(Number(statement.inputs.xdr_permyriad_per_icp) / 10_000, 4);
  return h("details", { "data-key": `statement ${statement.index}` },
    h("summary", {}, `Statement ${statement.index} in detail`),
    h("p", {}, `Share ${share} % of ${brief(statement.cycles_consumed)} cycles at ${rate} T cycles per token: `,
      `a pot of ${tokens(statement.pot_e8s)}. Hash `,
      h("code", {}, hex(hash).slice(0, 16))),
    table(`Statement ${statement.index}`, columns, statement.nodes));
}

const period = ({ from, to }) => duration((to.timestamp_nanos - from.timestamp_nanos) / 1_000_000_000n);

function list(statements) {
  const columns = [
    { name: "No.", head: true, cell: ({ statement }) => whole(statement.index) },
    { name: "Until", cell: ({ statement }) => full(ofNanos(statement.inputs.to.timestamp_nanos)) },
    { name: "Period", cell: ({ statement: { inputs } }) => period(inputs) },
    { name: "Cycles burnt", number: true, cell: ({ statement }) => brief(statement.cycles_consumed) },
    { name: "Pot", number: true, cell: ({ statement }) => tokens(statement.pot_e8s) },
    { name: "Paid out", number: true, cell: ({ statement }) => tokens(statement.total_e8s) },
    { name: "Payment", cell: paid },
  ];
  return table("Reward statements", columns, statements);
}

/** Reads and shows the newest statements. */
export async function rewards(canister) {
  const [status, parameters] = await Promise.all([
    ask("rewards", canister, "get_status"), ask("rewards", canister, "get_parameters"),
  ]);
  const first = status.statements > NEWEST ? status.statements - NEWEST : 0n;
  const statements = await ask("rewards", canister, "list_statements", first > status.oldest ? first : status.oldest, NEWEST);
  const newest = [...statements].reverse();
  const figure = at("plot-rewards") ?? h("figure", { id: "plot-rewards" });
  const earned = statements.map(({ statement }) =>
    [Number(statement.inputs.to.timestamp_nanos / 1_000_000n), Number(statement.total_e8s)]);
  show(at("rewards-body"),
    h("dl", { class: "facts" },
      fact("Statements", whole(status.statements)),
      fact("Minted for operators", tokens(status.minted_e8s), "in all"),
      fact("A statement every", duration(parameters.period_seconds), "at the least"),
      fact("Share of what is burnt", `${decimal(parameters.share_permille / 10, 1)} %`),
      fact("Payments pending", whole(status.pending_payments))),
    status.last_error.length ? note(`The last attempt failed: ${status.last_error[0]}`, "warn") : undefined,
    newest.length ? [list(newest), figure, newest.slice(0, 5).map(details)] : note("No period has ended yet.", "idle"));
  if (newest.length) {
    const lines = [{ name: "Tokens", tone: "one", points: earned }];
    plot(figure, { title: "Paid out, by statement", kind: "bars", unit: tokens, lines });
  }
}
