// Both npm agents, unmodified, with certificate and node-signature checks on, against each replica and the gateway.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { connect, names } from "./clients.mjs";
import { counterInterface, hosts, module } from "./network.mjs";

const wasm = module("counter");
const sha256 = createHash("sha256").update(wasm).digest("hex");

for (const name of names) {
  for (const host of hosts) {
    test(`${name} creates, installs, updates, queries and reads state at ${host}`, async () => {
      const client = await connect(name, host);
      const id = await client.deploy(wasm);
      const counter = client.actor(counterInterface, id);
      assert.equal(await counter.increment(), 1n);
      assert.equal(await counter.increment(), 2n);
      assert.equal(await counter.get(), 2n);
      const facts = await client.facts(id);
      assert.equal(facts.get("module_hash"), sha256);
      assert.deepEqual(facts.get("controllers").map(String), [client.identity.getPrincipal().toText()]);
      assert.ok(Math.abs(Date.now() - facts.get("time").getTime()) < 60_000);
      assert.match(facts.get("candid"), /increment/);
    });
  }

  test(`${name} is told why a call is refused`, async () => {
    const client = await connect(name, hosts[0]);
    const id = await client.deploy(wasm);
    const missing = client.actor(({ IDL }) => IDL.Service({ absent: IDL.Func([], [], []) }), id);
    await assert.rejects(missing.absent(), (error) => /IC0536/.test(String(error)) || /no (update )?method/i.test(String(error)));
    const nobody = client.actor(counterInterface, client.Principal.fromText("ryjl3-tyaaa-aaaaa-aaaba-cai"));
    await assert.rejects(nobody.increment(), /IC0301|not found/i);
  });

  test(`${name} synchronizes its clock by a canister that does not exist`, async () => {
    const client = await connect(name, hosts[0]);
    await client.agent.syncTime();
    assert.ok(client.agent.hasSyncedTime === undefined || client.agent.hasSyncedTime());
  });
}
