// Tokens and cycles: what there is, what is made and what is burnt.
import { Absent, ask, points } from "./chain.js";
import { at, fact, note, show } from "./dom.js";
import { ago, brief, briefTokens, decimal, ofSeconds, tokens, whole } from "./format.js";
import { parts } from "./numbers.js";
import { plot } from "./plot.js";

const BARS = 30;

/** An answer, or why there is none. */
async function maybe(promise) {
  try {
    return { value: await promise };
  } catch (error) {
    return { absent: error instanceof Absent, error: error.message };
  }
}

const missing = ({ absent, error }) => (absent ? "not installed" : `not read: ${error}`);

async function facts({ ledger, cycles_ledger, minting }, tally, burn) {
  const [symbol, supply, fee, cycles, minted, rate] = await Promise.all([
    maybe(ask("ledger", ledger[0], "icrc1_symbol")),
    maybe(ask("ledger", ledger[0], "icrc1_total_supply")),
    maybe(ask("ledger", ledger[0], "icrc1_fee")),
    maybe(ask("ledger", cycles_ledger[0], "icrc1_total_supply")),
    maybe(ask("minting", minting[0], "total_cycles_minted")),
    maybe(ask("minting", minting[0], "get_icp_xdr_conversion_rate")),
  ]);
  const unit = symbol.value ?? "tokens";
  const per = rate.value && Number(rate.value.data.xdr_permyriad_per_icp) / 10_000;
  const list = [
    fact("Token supply", supply.error ? missing(supply) : `${tokens(supply.value)} ${unit}`,
      fee.error ? "" : `fee ${tokens(fee.value)} ${unit}`),
    fact("Minted in all", tally.next ? `${tokens(tally.minted_e8s)} ${unit}` : "–", `${whole(tally.next)} blocks read`),
    fact("Burnt in all", tally.next ? `${tokens(tally.burned_e8s)} ${unit}` : "–", `of it fees ${tokens(tally.fees_e8s)}`),
    fact("Rate", per === undefined ? missing(rate) : `${decimal(per, 4)} T cycles`,
      per !== undefined && `per ${unit}, set ${ago(ofSeconds(rate.value.data.timestamp_seconds))}`),
    fact("Cycles in accounts", cycles.error ? missing(cycles) : brief(cycles.value), "cycles ledger"),
    fact("Cycles minted for tokens", minted.error ? missing(minted) : brief(minted.value)),
    fact("Cycles burnt", burn === undefined ? "–" : `${brief(burn * 86_400)} a day`,
      burn === undefined ? "told at the end of epochs" : "in the last epoch"),
  ];
  show(at("economy-facts"), list);
  return { supply: supply.value, unit, rate: per };
}

async function plots(resolution, consumed) {
  const read = (name) => points({ [name]: null }, resolution);
  const [supply, minted, burned, cycles, bought] = await Promise.all(
    ["token_supply", "token_minted", "token_burned", "cycles_supply", "cycles_minted"].map(read));
  plot(at("plot-supply"), {
    title: "Token supply", unit: briefTokens, now: supply.length ? briefTokens(supply.at(-1)[1]) : "",
    lines: [{ name: "Supply", tone: "one", points: supply }],
  });
  plot(at("plot-mints"), {
    title: "Tokens minted and burnt", kind: "bars", unit: briefTokens,
    empty: "Comes with the second sample.",
    lines: [
      { name: "Minted", tone: "one", points: parts(minted, BARS) },
      { name: "Burnt", tone: "three", points: parts(burned, BARS) },
    ],
  });
  plot(at("plot-cycles"), {
    title: "Cycles in accounts", now: cycles.length ? brief(cycles.at(-1)[1]) : "",
    lines: [{ name: "Cycles ledger", tone: "two", points: cycles }],
  });
  const burnt = parts(consumed, BARS);
  plot(at("plot-minted"), {
    title: "Cycles bought and burnt", kind: "bars", empty: "Comes with the second sample.",
    lines: [
      { name: "Bought with tokens", tone: "two", points: parts(bought, BARS) },
      { name: "Burnt by canisters, by epoch", tone: "three", points: burnt },
    ],
  });
}

/** Reads and shows; supply, unit and rate. */
export async function economy(configuration, { burn, consumed = [] }, resolution) {
  const [known] = await Promise.all([
    facts(configuration.canisters, configuration.tally, burn),
    plots(resolution, consumed),
  ]);
  return known;
}

export const absent = (place, what, error) => show(at(place), error instanceof Absent
  ? note(`${what} is not installed on this subnet.`, "idle")
  : note(`${what} could not be read: ${error.message}`, "warn"));
