// Both ledgers' histories against what they say now; run by tests/economy after its upgrades.
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { IcrcLedgerCanister } from "@icp-sdk/canisters/ledger/icrc";
import { HttpAgent } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import { agrees } from "./books.mjs";

const status = JSON.parse(readFileSync(process.env.ATOLL_STATUS, "utf8"));
const rootKey = Uint8Array.from(Buffer.from(status.root_key, "hex"));
const agent = await HttpAgent.create({ host: status.gateway_url, rootKey, verifyQuerySignatures: true });

for (const [name, id] of [["tokens", "ryjl3-tyaaa-aaaaa-aaaba-cai"], ["cycles", "um5iw-rqaaa-aaaaq-qaaba-cai"]]) {
  test(`every account holds the ${name} that the history makes`, async () => {
    const ledger = IcrcLedgerCanister.create({ agent, canisterId: Principal.fromText(id) });
    await agrees(ledger);
  });
}
