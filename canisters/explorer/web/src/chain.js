// What the page knows comes from here: queries whose answers are checked against the replicas' keys, which the root key
// of /subnet.json certifies.
import { AnonymousIdentity, HttpAgent, StatePaths } from "@icp-sdk/core/agent";
import { IDL } from "@icp-sdk/core/candid";
import { Principal } from "@icp-sdk/core/principal";
import * as types from "./types.js";

const DESTINATION_INVALID = 3;
/** Error codes of a canister without a module, and of a method that it does not have. */
const NO_MODULE = "IC0537";
const NO_METHOD = "IC0536";

/** Who should answer is not there. */
export class Absent extends Error {}

let agent;
let explorer;

const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Connects to the subnet that this page comes from; its configuration. */
export async function connect() {
  const response = await fetch("/subnet.json");
  if (!response.ok) throw new Error(`/subnet.json was answered with ${response.status}`);
  const subnet = await response.json();
  explorer = Principal.fromText(subnet.explorer);
  agent = await HttpAgent.create({
    host: location.origin,
    identity: new AnonymousIdentity(),
    rootKey: bytes(subnet.root_key),
    verifyQuerySignatures: true,
    retryTimes: 1,
  });
  return { explorer, configuration: await ask("explorer", explorer, "get_configuration") };
}

/** The answer of a method of `types[kind]`. */
export async function ask(kind, canister, method, ...args) {
  if (!canister) throw new Absent("not installed on this subnet");
  const [params, answer] = types[kind][method];
  const options = { methodName: method, arg: IDL.encode(params, args) };
  const effective = kind === "subnet" ? { effectiveCanisterId: explorer } : {};
  const reply = await agent.query(canister, { ...options, ...effective });
  if (reply.status !== "rejected") return IDL.decode([answer], reply.reply.arg)[0];
  const absent = reply.reject_code === DESTINATION_INVALID || [NO_MODULE, NO_METHOD].includes(reply.error_code);
  throw absent ? new Absent("not installed on this subnet") : new Error(reply.reject_message);
}

/** What an answer of the explorer or a `Result` holds. */
export function ok(result) {
  if ("Ok" in result) return result.Ok;
  throw new Error("the canister refused the question");
}

export const askExplorer = (method, ...args) => ask("explorer", explorer, method, ...args);
export const askSubnet = (method, ...args) => ask("subnet", Principal.managementCanister(), method, ...args);

/** Points of a series, all of its newest ones. */
export async function points(series, resolution) {
  const args = { series, resolution: { [resolution]: null }, from: [], limit: 2000n };
  const page = ok(await askExplorer("get_points", args));
  return page.points.map(({ time_nanos, value }) => [Number(time_nanos / 1_000_000n), Number(value)]);
}

/** A replica's own account of itself, not certified: its height and whether it keeps up. */
export async function status() {
  const answer = await agent.status();
  const { certified_height: height, replica_health_status: health, impl_version: version } = answer;
  return { height: height === undefined ? undefined : Number(height), health, version };
}

/** The time of the newest certified state, as the subnet signed it. */
export async function certifiedTime() {
  const { values } = await agent.readState({ canisterId: explorer }, { paths: [StatePaths.time] });
  return values.get(StatePaths.time);
}

/** Ids of the replicas, as the root key certifies them. */
export async function nodeIds() {
  const keys = await agent.fetchSubnetKeys({ canisterId: explorer });
  return [...keys.keys()].map((text) => Principal.fromText(text));
}
