// What replicas say is believed as far as it is signed, and no further.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { AnonymousIdentity, Cbor } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import type { Called } from "../src/did/type";
import { Network, type Outcome } from "../src/network";
import { Replica, label, type Tree } from "./replica";

const id = Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai");
const DID = "service : {}";
let replica: Replica;
let network: Network;

beforeEach(async () => {
  replica = new Replica();
  Object.assign(globalThis, { location: new URL("http://candid-page.localhost"), fetch: replica.fetch });
  network = await Network.connect(new AnonymousIdentity());
});

/** A canister's certified state. */
function canister(metadata?: string, module = "m"): void {
  const controllers = Uint8Array.from(Cbor.encode([Principal.anonymous().toUint8Array()]));
  const state = new Map<string, Tree>([["controllers", controllers]]);
  if (module !== "") state.set("module_hash", module);
  if (metadata !== undefined) state.set("metadata", new Map([["candid:service", metadata]]));
  replica.state = new Map([[label(id.toUint8Array()), state]]);
}

const method = (mode?: Called["mode"]): Called => ({ kind: "func", name: "it", args: [], results: [], docs: "", mode });
const call = (mode?: Called["mode"], ofSubnet = false): Promise<Outcome> => network.call(id, method(mode), Uint8Array.of(1, 2, 3), ofSubnet);

test("an interface and what else is certified of a canister is read", async () => {
  canister(DID);
  const facts = await network.facts(id);
  assert.equal(facts.candid, DID);
  assert.deepEqual([facts.isInstalled, facts.module, facts.controllers.map(String)], [true, "6d", ["2vxsx-fae"]]);
  assert.ok(Math.abs(facts.certifiedAt.getTime() - Date.now()) < 60_000);
});

test("that there is no interface, no module or no canister is proved too", async () => {
  const check = async (expected: RegExp, isInstalled: boolean) => {
    const facts = await network.facts(id);
    assert.equal(facts.candid, undefined);
    assert.match(facts.lack!, expected);
    assert.equal(facts.isInstalled, isInstalled);
  };
  canister();
  await check(/publishes no interface/, true);
  canister(undefined, "");
  await check(/no module is installed/, false);
  replica.state = new Map([["zzz", "other"]]);
  await check(/no canister with this id/, false);
});

test("what a replica leaves out or changes is not taken for the subnet's word", async () => {
  canister(DID);
  replica.lie.prune = "metadata";
  await assert.rejects(network.facts(id), /does not tell all that was asked/);
  replica.lie = { certificate: (tree) => ((tree.get("canister") as Map<string, Map<string, Tree>>).get(label(id.toUint8Array()))!.set("module_hash", "x")) };
  await assert.rejects(network.facts(id), /signature|verif/i);
});

test("an interface that only controllers may read is told to be one", async () => {
  canister(DID);
  replica.lie = { hidden: true };
  const { candid, lack, isInstalled } = await network.facts(id);
  assert.deepEqual([candid, lack, isInstalled], [undefined, "Only its controllers may read its interface.", true]);
});

test("a query is one replica's word, if it signed it", async () => {
  const found = await call("query");
  assert.ok(found.kind === "reply" && found.word === "replica");
  assert.deepEqual([...found.bytes], [1, 2, 3]);
  replica.answer = () => ({ code: 4, message: "no", error: "IC0406" });
  const rejected = await call("composite_query");
  assert.ok(rejected.kind === "reject");
  assert.deepEqual([rejected.word, rejected.reject], ["replica", { code: 4, message: "no", error: "IC0406" }]);
  replica.lie = { signature: true };
  const forged = await call("query");
  assert.ok(forged.kind === "failed" && /signature/i.test(forged.reason) && !forged.isUnsure, JSON.stringify(forged));
  replica.lie = { unsigned: true };
  const unsigned = await call("query");
  assert.ok(unsigned.kind === "failed" && /malformed/.test(unsigned.reason), JSON.stringify(unsigned));
});

test("an update is the subnet's word, reply or reject, and a query if it is asked so", async () => {
  for (const [mode, ofSubnet] of [[undefined, false], ["query", true]] as const) {
    const found = await call(mode, ofSubnet);
    assert.ok(found.kind === "reply" && found.word === "subnet", JSON.stringify(found));
    assert.deepEqual([...found.bytes], [1, 2, 3]);
    assert.ok(found.certifiedAt instanceof Date && found.ms >= 0);
  }
  replica.answer = () => ({ code: 5, message: "trapped", error: "IC0503" });
  const rejected = await call();
  assert.ok(rejected.kind === "reject", JSON.stringify(rejected));
  assert.deepEqual([rejected.word, rejected.reject], ["subnet", { code: 5, message: "trapped", error: "IC0503" }]);
  assert.ok(replica.asked.some((path) => path.endsWith("/call")));
});

test("an update whose certificate does not hold may have been done all the same", async () => {
  replica.lie = { certificate: (tree) => tree.set("more", "x") };
  const forged = await call();
  assert.ok(forged.kind === "failed" && forged.isUnsure, JSON.stringify(forged));
  replica.lie = {};
  replica.refusal = { status: 429, body: "you ask too much" };
  const refused = await call();
  assert.ok(refused.kind === "failed" && /429/.test(refused.reason), JSON.stringify(refused));
});

test("a oneway call is sent, and that is all that can be known", async () => {
  assert.equal((await call("oneway")).kind, "sent");
});
