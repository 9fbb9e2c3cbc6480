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
import { agrees } from "./books.mjs";

const status = JSON.parse(readFileSync(process.env.ATOLL_STATUS, "utf8"));
const counterWasm = readFileSync(join(process.env.ATOLL_CANISTERS, "counter.wasm"));
const spenderWasm = readFileSync(process.env.ATOLL_SPENDER);
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

/** Cycles on a subnet of four, of figures that are meant for thirteen nodes. */
const onFour = (cycles) => (cycles * 4n) / 13n;
const CREATION = onFour(500_000_000_000n);
/** A call without arguments is charged for the bytes of its method's name, of its nonce, and of no arguments in Candid. */
const ingressOf = (method) => onFour(1_200_000n + 2_000n * BigInt(method.length + 16 + 6));
const MESSAGE = onFour(5_000_000n);

const SettingsIdl = IDL.Record({ controllers: IDL.Opt(IDL.Vec(IDL.Principal)) });
const cyclesInterface = () => IDL.Service({
  create_canister: IDL.Func([IDL.Record({
    from_subaccount: IDL.Opt(IDL.Vec(IDL.Nat8)),
    created_at_time: IDL.Opt(IDL.Nat64),
    amount: IDL.Nat,
    creation_args: IDL.Opt(IDL.Record({ settings: IDL.Opt(SettingsIdl) })),
  })], [IDL.Variant({ Ok: IDL.Record({ block_id: IDL.Nat, canister_id: IDL.Principal }), Err: IDL.Reserved })], []),
});
const USES = ["memory", "compute_allocation", "ingress_induction", "instructions",
  "request_and_response_transmission", "uninstall", "canister_creation", "http_outcalls", "burned_cycles"];
const statusIdl = IDL.Record({ cycles: IDL.Nat, module_hash: IDL.Opt(IDL.Vec(IDL.Nat8)) });
const metricsIdl = IDL.Record({ cycles_consumed: IDL.Record(Object.fromEntries(USES.map((use) => [use, IDL.Nat]))) });
const managementQueries = () => {
  const id = IDL.Record({ canister_id: IDL.Principal });
  return IDL.Service({
    canister_status: IDL.Func([id], [statusIdl], ["query"]),
    canister_metrics: IDL.Func([id], [metricsIdl], ["query"]),
  });
};
const managementInterface = () => {
  const id = IDL.Record({ canister_id: IDL.Principal });
  return IDL.Service({
    install_code: IDL.Func([IDL.Record({
      mode: IDL.Variant({ install: IDL.Null }), canister_id: IDL.Principal,
      wasm_module: IDL.Vec(IDL.Nat8), arg: IDL.Vec(IDL.Nat8),
    })], [], []),
    canister_status: IDL.Func([id], [statusIdl], []),
    update_settings: IDL.Func([IDL.Record({
      canister_id: IDL.Principal,
      settings: IDL.Record({ compute_allocation: IDL.Opt(IDL.Nat), freezing_threshold: IDL.Opt(IDL.Nat) }),
    })], [], []),
  });
};
const spenderInterface = () => IDL.Service({ burn: IDL.Func([], [], []), live: IDL.Func([], [], []) });
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
    look: (id) => Actor.createActor(managementQueries, {
      agent, canisterId: Principal.fromText("aaaaa-aa"), queryTransform: () => ({ effectiveCanisterId: id }),
    }),
    spender: (id) => Actor.createActor(spenderInterface, { agent, canisterId: id }),
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

async function eventually(what, holds) {
  const until = Date.now() + 120_000;
  while (!(await holds())) {
    assert.ok(Date.now() < until, `waited in vain until ${what}`);
    await new Promise((go) => setTimeout(go, 100));
  }
}

/** What a canister holds and has spent on what, at one moment: asked by queries, which cost nothing. */
async function books(canister_id) {
  const look = developer.look(canister_id);
  for (;;) {
    const spent = async () => (await look.canister_metrics({ canister_id })).cycles_consumed;
    const consumed = await spent();
    const { cycles } = await look.canister_status({ canister_id });
    if (USES.every((use) => consumed[use] === 0n)) continue;
    const again = await spent();
    if (USES.some((use) => consumed[use] !== again[use])) continue;
    return { cycles, consumed, total: USES.reduce((sum, use) => sum + consumed[use], 0n) };
  }
}

/** A canister with this module, made by the cycles ledger with `amount` cycles. */
async function installed(amount, wasm_module = counterWasm) {
  const created = await developer.cyclesActor.create_canister({
    from_subaccount: [], created_at_time: [], amount, creation_args: [],
  });
  assert.ok(created.Ok, JSON.stringify(created, (_, value) => String(value)));
  const { canister_id } = created.Ok;
  await developer.management(canister_id).install_code({
    mode: { install: null }, canister_id, wasm_module, arg: new Uint8Array(),
  });
  return canister_id;
}

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
  canister = await installed(5n * TRILLION);
  assert.equal(await cyclesOf(developer), before - 5n * TRILLION - CYCLES_FEE);
  const management = developer.management(canister);
  const full = (await management.canister_status({ canister_id: canister })).cycles;
  assert.ok(full > 4n * TRILLION && full < 5n * TRILLION, `${full}`);
  for (let count = 1n; count <= 5n; count++) {
    assert.equal(await banker.counter(canister).increment(), count);
  }
  const rest = (await management.canister_status({ canister_id: canister })).cycles;
  assert.ok(rest < full, "work is paid for");
});

test("every cycle that it burns is in the price table", async () => {
  const before = await books(canister);
  assert.equal(before.cycles + before.total, 5n * TRILLION, "what is spent is named");
  assert.equal(before.consumed.canister_creation, CREATION);
  await banker.counter(canister).increment();
  const after = await books(canister);
  assert.equal(after.cycles + after.total, 5n * TRILLION);
  const on = (use) => after.consumed[use] - before.consumed[use];
  assert.equal(on("ingress_induction"), ingressOf("increment"));
  const instructions = on("instructions") - MESSAGE;
  assert.ok(instructions > 0n && instructions < onFour(1_000_000n), `${instructions} for instructions`);
  for (const use of ["request_and_response_transmission", "uninstall", "canister_creation", "http_outcalls"]) {
    assert.equal(on(use), 0n, use);
  }
});

test("left unfunded it freezes, then is emptied; topped up in time it lives", async () => {
  // An installation needs 92 billion cycles at hand. `burn` leaves what its own run holds back, 12 billion: half a core for
  // some eighty seconds.
  const amount = CREATION + 93_000_000_000n;
  const [poor, rich] = await Promise.all([installed(amount, spenderWasm), installed(amount, spenderWasm)]);
  const spender = (id) => developer.spender(id);
  for (const canister_id of [poor, rich]) {
    await spender(canister_id).burn();
    const settings = { compute_allocation: [49n], freezing_threshold: [8n] };
    await developer.management(canister_id).update_settings({ canister_id, settings });
  }
  await developer.cycles.withdraw({ to: rich, amount: TRILLION });
  await eventually("it freezes", async () => {
    const refusal = await spender(poor).live().then(() => "", String);
    return refusal.includes("out of cycles");
  });
  await eventually("it is emptied", async () => {
    const { module_hash } = await developer.look(poor).canister_status({ canister_id: poor });
    return module_hash.length === 0;
  });
  const { cycles, consumed, total } = await books(poor);
  assert.deepEqual([cycles, total], [0n, amount], "it has spent all that it was given");
  assert.ok(consumed.burned_cycles > 0n);
  // What was still owed when it was emptied is `uninstall`; the rest, if it was charged before, `compute_allocation`.
  assert.ok(consumed.compute_allocation + consumed.uninstall > 10_000_000_000n);
  await spender(rich).live();
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

test("both ledgers hold to the unit what their histories make", async () => {
  for (const ledger of [developer.icrcTokens, developer.icrcCycles]) await agrees(ledger);
});
