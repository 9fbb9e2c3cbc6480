// The story of a developer, told with @icp-sdk/canisters against canisters that the genesis installed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CmcCanister } from "@icp-sdk/canisters/cmc";
import { CyclesLedgerCanister } from "@icp-sdk/canisters/ledger/cycles";
import { AccountIdentifier, IcpLedgerCanister, SubAccount } from "@icp-sdk/canisters/ledger/icp";
import { IcrcLedgerCanister } from "@icp-sdk/canisters/ledger/icrc";
import { Actor, AnonymousIdentity, HttpAgent } from "@icp-sdk/core/agent";
import { IDL } from "@icp-sdk/core/candid";
import { Ed25519KeyIdentity } from "@icp-sdk/core/identity";
import { Principal } from "@icp-sdk/core/principal";

const status = JSON.parse(readFileSync(process.env.ATOLL_STATUS, "utf8"));
const counterWasm = readFileSync(join(process.env.ATOLL_CANISTERS, "counter.wasm"));
const rootKey = Uint8Array.from(Buffer.from(status.root_key, "hex"));
const TOKENS = Principal.fromText("ryjl3-tyaaa-aaaaa-aaaba-cai");
const MINTING = Principal.fromText("rkp4c-7iaaa-aaaaa-aaaca-cai");
const CYCLES = Principal.fromText("um5iw-rqaaa-aaaaq-qaaba-cai");
const FEE = 10_000n;
const CYCLES_FEE = 100_000_000n;
/** Memos that say what a transfer to the minting canister is for. */
const TOP_UP = 0x50555054n, CREATE = 0x41455243n;
const MINT = 0x544e494dn;
const TRILLION = 1_000_000_000_000n;
/** Cycles for e8s at 3.52 XDR a token. */
const worth = (e8s) => (e8s * 35_200n * TRILLION) / (100_000_000n * 10_000n);

const SettingsIdl = IDL.Record({ controllers: IDL.Opt(IDL.Vec(IDL.Principal)) });
const cyclesInterface = () => IDL.Service({
  create_canister: IDL.Func([IDL.Record({
    from_subaccount: IDL.Opt(IDL.Vec(IDL.Nat8)),
    created_at_time: IDL.Opt(IDL.Nat64),
    amount: IDL.Nat,
    creation_args: IDL.Opt(IDL.Record({ settings: IDL.Opt(SettingsIdl) })),
  })], [IDL.Variant({ Ok: IDL.Record({ block_id: IDL.Nat, canister_id: IDL.Principal }), Err: IDL.Reserved })], []),
});
const managementInterface = () => {
  const id = IDL.Record({ canister_id: IDL.Principal });
  return IDL.Service({
    install_code: IDL.Func([IDL.Record({
      mode: IDL.Variant({ install: IDL.Null }), canister_id: IDL.Principal,
      wasm_module: IDL.Vec(IDL.Nat8), arg: IDL.Vec(IDL.Nat8),
    })], [], []),
    canister_status: IDL.Func([id], [IDL.Record({ cycles: IDL.Nat, module_hash: IDL.Opt(IDL.Vec(IDL.Nat8)) })], []),
  });
};
const counterInterface = () => IDL.Service({ increment: IDL.Func([], [IDL.Nat64], []) });

async function person(identity, host = status.gateway_url) {
  const agent = await HttpAgent.create({ host, identity, rootKey, verifyQuerySignatures: true });
  return {
    agent,
    principal: identity.getPrincipal(),
    account: AccountIdentifier.fromPrincipal({ principal: identity.getPrincipal() }),
    tokens: IcpLedgerCanister.create({ agent, canisterId: TOKENS }),
    icrcTokens: IcrcLedgerCanister.create({ agent, canisterId: TOKENS }),
    icrcCycles: IcrcLedgerCanister.create({ agent, canisterId: CYCLES }),
    cycles: CyclesLedgerCanister.create({ agent, canisterId: CYCLES }),
    cyclesActor: Actor.createActor(cyclesInterface, { agent, canisterId: CYCLES }),
    minting: CmcCanister.create({ agent, canisterId: MINTING }),
    management: (id) => Actor.createActor(managementInterface, {
      agent, canisterId: Principal.fromText("aaaaa-aa"), callTransform: () => ({ effectiveCanisterId: id }),
    }),
    counter: (id) => Actor.createActor(counterInterface, { agent, canisterId: id }),
  };
}

const banker = await person(new AnonymousIdentity());
const developer = await person(Ed25519KeyIdentity.generate());
const own = { owner: developer.principal };
const tokensOf = (who) => who.tokens.accountBalance({ accountIdentifier: who.account, certified: true });
const cyclesOf = (who) => who.icrcCycles.balance({ owner: who.principal, certified: true });
const supply = () => developer.icrcTokens.totalTokensSupply({ certified: true });
const cyclesSupply = () => developer.icrcCycles.totalTokensSupply({ certified: true });
const paidTo = (purpose) => AccountIdentifier.fromPrincipal({
  principal: MINTING, subAccount: SubAccount.fromPrincipal(purpose),
});
const pay = (purpose, amount, memo) =>
  developer.tokens.transfer({ to: paidTo(purpose), amount, memo, fee: FEE });

let canister;

test("the developer gets tokens", async () => {
  const before = await supply();
  assert.equal(await tokensOf(developer), 0n);
  await banker.tokens.transfer({ to: developer.account, amount: 100_000_000_000n, fee: FEE });
  assert.equal(await tokensOf(developer), 100_000_000_000n);
  assert.equal(await developer.icrcTokens.balance({ ...own, certified: true }), 100_000_000_000n, "one book");
  assert.equal(await supply(), before - FEE, "the fee is burnt, and nothing else");
  const { Text: symbol } = Object.fromEntries(await developer.icrcTokens.metadata({ certified: true }))["icrc1:symbol"];
  assert.equal(symbol, "ATL");
});

test("he may allow another to spend some of them, and no more", async () => {
  const friend = await person(Ed25519KeyIdentity.generate());
  await developer.icrcTokens.approve({ spender: { owner: friend.principal, subaccount: [] }, amount: 1_000_000n });
  const from = { owner: developer.principal, subaccount: [] }, to = { owner: friend.principal, subaccount: [] };
  await friend.icrcTokens.transferFrom({ from, to, amount: 600_000n });
  await assert.rejects(friend.icrcTokens.transferFrom({ from, to, amount: 600_000n }), /InsufficientAllowance|error/i);
  assert.equal(await tokensOf(friend), 600_000n);
  const left = await developer.icrcTokens.allowance({
    spender: { owner: friend.principal, subaccount: [] }, account: from, certified: true,
  });
  assert.equal(left.allowance, 1_000_000n - 600_000n - FEE);
});

test("he mints cycles, once for each payment", async () => {
  const [before, tokens] = [await cyclesSupply(), await supply()];
  const block_index = await pay(developer.principal, 1_000_000_000n, MINT);
  const request = { block_index, to_subaccount: [], deposit_memo: [] };
  const { minted, balance } = await developer.minting.notifyMintCycles(request);
  assert.equal(minted, worth(1_000_000_000n));
  const again = await developer.minting.notifyMintCycles(request);
  assert.deepEqual(again, { ...again, minted, balance }, "the same answer");
  assert.equal(await cyclesOf(developer), balance);
  assert.equal(await cyclesSupply(), before + balance);
  assert.equal(await supply(), tokens - 1_000_000_000n - FEE, "the tokens are burnt");
});

test("he makes a canister with them, and users call it", async () => {
  const before = await cyclesOf(developer);
  const result = await developer.cyclesActor.create_canister({
    from_subaccount: [], created_at_time: [], amount: 5n * TRILLION, creation_args: [],
  });
  assert.ok(result.Ok, JSON.stringify(result, (_, value) => String(value)));
  canister = result.Ok.canister_id;
  assert.equal(await cyclesOf(developer), before - 5n * TRILLION - CYCLES_FEE);
  const management = developer.management(canister);
  await management.install_code({
    mode: { install: null }, canister_id: canister, wasm_module: counterWasm, arg: new Uint8Array(),
  });
  const full = (await management.canister_status({ canister_id: canister })).cycles;
  assert.ok(full > 4n * TRILLION && full < 5n * TRILLION, `${full}`);
  for (let count = 1n; count <= 5n; count++) {
    assert.equal(await banker.counter(canister).increment(), count);
  }
  const rest = (await management.canister_status({ canister_id: canister })).cycles;
  assert.ok(rest < full, "work is paid for");
});

test("he tops it up with tokens, and with cycles of his account", async () => {
  const management = developer.management(canister);
  const balance = async () => (await management.canister_status({ canister_id: canister })).cycles;
  let before = await balance();
  const block_index = await pay(canister, 200_000_000n, TOP_UP);
  assert.equal(await developer.minting.notifyTopUp({ block_index, canister_id: canister }), worth(200_000_000n));
  let gained = (await balance()) - before;
  assert.ok(gained <= worth(200_000_000n) && gained > worth(200_000_000n) - TRILLION / 100n, `${gained}`);
  before = await balance();
  await developer.cycles.withdraw({ to: canister, amount: TRILLION });
  gained = (await balance()) - before;
  assert.ok(gained <= TRILLION && gained > TRILLION - TRILLION / 100n, `${gained}`);
});

test("tokens alone make a canister too", async () => {
  const block_index = await pay(developer.principal, 100_000_000n, CREATE);
  const created = await developer.minting.notifyCreateCanister({
    block_index, controller: developer.principal, settings: [], subnet_selection: [], subnet_type: [],
  });
  const { module_hash } = await developer.management(created).canister_status({ canister_id: created });
  assert.deepEqual(module_hash, []);
  const [subnet] = await developer.minting.getDefaultSubnets({ certified: true });
  assert.equal(subnet.toText(), Principal.selfAuthenticating(rootKey).toText());
});

test("a payment that is for nothing known is refused, and stays where it is", async () => {
  const tokens = await supply();
  const block_index = await pay(developer.principal, 50_000_000n, 7n);
  await assert.rejects(developer.minting.notifyTopUp({ block_index, canister_id: canister }));
  assert.equal(await supply(), tokens - FEE);
});
