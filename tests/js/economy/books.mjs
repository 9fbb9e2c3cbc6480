// A ledger's whole history, fetched by ICRC-3 and replayed here: what every account must hold, and what is burnt.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { AccountIdentifier, SubAccount } from "@icp-sdk/canisters/ledger/icp";
import { Principal } from "@icp-sdk/core/principal";

const PAGE = 500n;
const sha256 = (...parts) => {
  const hash = createHash("sha256");
  parts.forEach((part) => hash.update(part));
  return hash.digest();
};

function leb128(number) {
  const bytes = [];
  do {
    const low = Number(number & 127n);
    number >>= 7n;
    bytes.push(number > 0n ? low | 128 : low);
  } while (number > 0n);
  return Uint8Array.from(bytes);
}

/** The representation-independent hash of an ICRC-3 value (ICRC-3, "Value"). */
function hashOf(value) {
  if ("Nat" in value) return sha256(leb128(value.Nat));
  if ("Text" in value) return sha256(Buffer.from(value.Text));
  if ("Blob" in value) return sha256(Uint8Array.from(value.Blob));
  if ("Array" in value) return sha256(...value.Array.map(hashOf));
  assert.ok("Map" in value, "no other kind of value is in a block");
  const pairs = value.Map.map(([key, inner]) => Buffer.concat([sha256(Buffer.from(key)), hashOf(inner)]));
  return sha256(...pairs.sort(Buffer.compare));
}

/** The account identifier of an account in a block, in hex: one name, however the block names it. */
function nameOf(account) {
  if ("Blob" in account) return Buffer.from(account.Blob).toString("hex");
  const [owner, subaccount] = account.Array.map((part) => Uint8Array.from(part.Blob));
  const principal = Principal.fromUint8Array(owner);
  const subAccount = subaccount && SubAccount.fromBytes(subaccount);
  return AccountIdentifier.fromPrincipal({ principal, subAccount }).toHex();
}

async function lengthOf(ledger) {
  const { log_length } = await ledger.getBlocks({ args: [{ start: 0n, length: 0n }], certified: true });
  return log_length;
}

async function blocksOf(ledger) {
  const blocks = [];
  for (;;) {
    const args = [{ start: BigInt(blocks.length), length: PAGE }];
    const page = await ledger.getBlocks({ args, certified: true });
    assert.deepEqual(page.archived_blocks, [], "nothing is in archives yet");
    blocks.push(...page.blocks.map(({ block }) => block));
    if (BigInt(blocks.length) >= page.log_length) return blocks;
  }
}

/**
 * Replays the history of `ledger`, an ICRC-3 ledger: checks that each block names the hash of the one before and that no
 * account goes below zero. Returns balances by account identifier in hex, owners' accounts by the same, the supply, and how many
 * blocks there are.
 */
async function replay(ledger) {
  const balances = new Map(), accounts = new Map();
  let parent, minted = 0n, burnt = 0n;
  const change = (account, amount) => {
    const name = nameOf(account);
    if ("Array" in account) accounts.set(name, account.Array.map((part) => Uint8Array.from(part.Blob)));
    const balance = (balances.get(name) ?? 0n) + amount;
    assert.ok(balance >= 0n, `${name} holds ${balance}`);
    balances.set(name, balance);
  };
  const blocks = await blocksOf(ledger);
  for (const block of blocks) {
    const fields = Object.fromEntries(block.Map);
    assert.deepEqual(fields.phash?.Blob && Buffer.from(fields.phash.Blob), parent, "the hash of the block before");
    parent = hashOf(block);
    const tx = Object.fromEntries(fields.tx.Map);
    const fee = fields.fee?.Nat ?? tx.fee?.Nat ?? 0n;
    const kind = tx.op.Text.replace("icp_", "");
    if (kind === "mint") {
      change(tx.to, tx.amt.Nat);
      minted += tx.amt.Nat;
      continue;
    }
    burnt += fee;
    if (kind === "approve") change(tx.from, -fee);
    else if (kind === "burn") { change(tx.from, -tx.amt.Nat - fee); burnt += tx.amt.Nat; }
    else { change(tx.from, -tx.amt.Nat - fee); change(tx.to, tx.amt.Nat); }
  }
  return { balances, accounts, supply: minted - burnt, length: BigInt(blocks.length) };
}

/** How often the books are read anew because a block came between them and the balances. */
const READINGS_MAX = 20;

/** The ledger's balances and supply are those that its history makes, to the unit. */
export async function agrees(ledger) {
  for (let reading = 0; reading < READINGS_MAX; reading += 1) {
    const history = await replay(ledger);
    const balance = async ([name, [owner, subaccount]]) =>
      [name, await ledger.balance({ owner: Principal.fromUint8Array(owner), subaccount, certified: true })];
    const [supply, ...held] = await Promise.all(
      [ledger.totalTokensSupply({ certified: true }), ...[...history.accounts].map(balance)],
    );
    if (await lengthOf(ledger) !== history.length) continue;
    let sum = 0n;
    for (const balance of history.balances.values()) sum += balance;
    assert.equal(supply, history.supply);
    assert.equal(sum, history.supply, "what all hold is what there is");
    for (const [name, balance] of held) assert.equal(balance, history.balances.get(name), name);
    return;
  }
  assert.fail(`in each of ${READINGS_MAX} readings blocks came`);
}
