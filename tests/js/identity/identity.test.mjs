// Identity on a real network, without a browser: Node is a person with an authenticator in software, whose signatures the replicas verify;
// the page's own modules talk to the canister; the replicas accept the delegations that apps get.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { inspect } from "node:util";
import { Authenticator } from "./authenticator.mjs";
import { actor, backend, deploy, host, lib, rootKey, upgrade } from "./network.mjs";

const { Delegation, DelegationChain, DelegationIdentity, Ed25519KeyIdentity, HttpAgent, Principal, addDevice, addPhrase, delegate, newPhrase } = lib;
const { byPasskey, byPhrase, newPasskey, register, welcome } = lib;
const A = "https://a.example";
const B = "https://b.example";
/** Long enough to be used once on a busy machine. */
const BRIEF_NS = 20_000_000_000n;
/** By so much the subnet's clock may be behind this one. */
const CLOCKS_MS = 2_000;
let canister;
let anybody;
let ann;
/** What an app got for a short time. */
let brief;

const authenticator = () => {
  const it = new Authenticator(`http://${canister.toText()}.localhost:8000`);
  it.plug();
  return it;
};

before(async () => {
  canister = await deploy();
  anybody = await backend(canister);
  const phone = authenticator();
  ann = { phone, session: await register(await newPasskey(anybody, "Phone")) };
  brief = await signIn(ann.session, A, { maxTimeToLive: BRIEF_NS });
  await whoami(brief.identity);
});

/** What an app gets, and the identity that it makes of it. */
async function signIn(session, origin, wishes = {}) {
  const key = Ed25519KeyIdentity.generate();
  const sessionKey = new Uint8Array(key.getPublicKey().toDer());
  const granted = await delegate(session, { origin, sessionKey, ...wishes });
  const delegations = granted.delegations.map(({ pubkey, expiration, targets, signature }) => ({ delegation: new Delegation(pubkey, expiration, targets), signature }));
  const chain = DelegationChain.fromDelegations(delegations, granted.userKey);
  return { granted, chain, key, identity: DelegationIdentity.fromDelegation(key, chain) };
}

/** The canister was asked, so the signature held, and did not let the call in. */
const notLetIn = (error) => error.code?.rejectErrorCode === "IC0406";

/** Who calls, says the canister: it refuses strangers by their name. Once as a query; an update of theirs it does not let in. */
async function whoami(identity) {
  const asked = await actor(canister, identity);
  await assert.rejects(asked.exit_device_registration_mode(0n), notLetIn);
  return (await asked.get_anchor_info(0n)).Err.unauthorized.toText();
}

test("a passkey registers and signs in, and the replicas accept what the app got", async () => {
  ann.phone.plug();
  const session = await byPasskey(anybody);
  assert.equal(session.user, ann.session.user);
  const { identity, granted } = await signIn(session, A);
  const principal = Principal.selfAuthenticating(granted.userKey).toText();
  assert.deepEqual([granted.method, identity.getPrincipal().toText(), await whoami(identity)], ["passkey", principal, principal]);
});

test("two apps know two principals, and two people have others", async () => {
  authenticator();
  const bob = await register(await newPasskey(anybody, "Bob's"));
  const seen = new Set();
  for (const [session, origin] of [[ann.session, A], [ann.session, B], [bob, A], [bob, B]]) seen.add(await whoami((await signIn(session, origin)).identity));
  assert.equal(seen.size, 4);
});

test("a delegation to one key is none to another, nor under another identity, nor for longer", async () => {
  const { chain, granted } = await signIn(ann.session, A);
  const [{ delegation, signature }] = chain.delegations;
  const thief = Ed25519KeyIdentity.generate();
  const refused = async (key, changed, userKey = granted.userKey) => {
    const forged = DelegationIdentity.fromDelegation(key, DelegationChain.fromDelegations([{ delegation: changed, signature }], userKey));
    await assert.rejects(whoami(forged));
  };
  await refused(thief, new Delegation(new Uint8Array(thief.getPublicKey().toDer()), delegation.expiration));
  await refused(thief, delegation);
  const { granted: other, key } = await signIn(ann.session, B);
  await refused(key, new Delegation(other.delegations[0].pubkey, other.delegations[0].expiration), granted.userKey);
});

test("a delegation for some canisters is good for no others", async () => {
  const here = await signIn(ann.session, A, { targets: [canister] });
  const elsewhere = await signIn(ann.session, A, { targets: [Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai")] });
  assert.equal(await whoami(here.identity), Principal.selfAuthenticating(here.granted.userKey).toText());
  await assert.rejects(whoami(elsewhere.identity));
});

test("a second device joins by its code and is the same person", async () => {
  const before = await whoami((await signIn(ann.session, A)).identity);
  const { secret } = await ann.session.backend.openPairing(ann.session.user);
  authenticator();
  const laptop = await newPasskey(anybody, "Laptop");
  const { code } = await laptop.backend.leave(ann.session.user, secret, laptop.device);
  const wrong = code === "000000" ? "000001" : "000000";
  await assert.rejects(ann.session.backend.confirm(ann.session.user, wrong), /try 2 more/u);
  await ann.session.backend.confirm(ann.session.user, code);
  const session = await welcome(laptop, ann.session.user);
  assert.equal(await whoami((await signIn(session, A)).identity), before);
  assert.deepEqual((await session.backend.info(session.user)).devices.map(({ alias }) => alias), ["Phone", "Laptop"]);
});

test("twenty-four words bring a person back, who removes what was lost", async () => {
  const before = await whoami((await signIn(ann.session, A)).identity);
  const words = (await newPhrase()).join(" ");
  await addPhrase(ann.session, words);
  const back = await byPhrase(anybody, words);
  const { identity, granted } = await signIn(back, A);
  assert.deepEqual([await whoami(identity), granted.method], [before, "recovery"]);
  const phrase = (await back.backend.info(back.user)).devices.find(({ keyType }) => keyType === "seed_phrase");
  assert.ok(phrase.protected && phrase.protectedFrom > Date.now() + 6 * 24 * 3_600_000);
  authenticator();
  const found = await newPasskey(anybody, "New phone");
  await addDevice(back, found);
  await back.backend.remove(back.user, ann.session.key);
  await assert.rejects(ann.session.backend.info(ann.session.user), /does not belong to that identity/u);
  ann.session = await welcome(found, back.user);
  assert.equal(await whoami((await signIn(ann.session, A)).identity), before);
});

test("an upgrade keeps identities, their devices and principals", async () => {
  const before = await whoami((await signIn(ann.session, A)).identity);
  const { devices } = await ann.session.backend.info(ann.session.user);
  await upgrade(canister);
  assert.equal(await whoami((await signIn(ann.session, A)).identity), before);
  assert.deepEqual((await ann.session.backend.info(ann.session.user)).devices.map(({ alias }) => alias), devices.map(({ alias }) => alias));
});

test("whoever did no work makes no identity", async () => {
  const key = Ed25519KeyIdentity.generate();
  const asked = await actor(canister, key);
  const device = {
    pubkey: new Uint8Array(key.getPublicKey().toDer()), alias: "x", credential_id: [], purpose: { authentication: null },
    key_type: { browser_storage_key: null }, protection: { unprotected: null }, origin: [],
  };
  await assert.rejects(asked.register(device, { challenge: new Uint8Array(32), nonce: 0n }), notLetIn);
});

test("the page and what it names come through the gateway, certified", async () => {
  const get = (path) => fetch(`${host}${path}${path.includes("?") ? "&" : "?"}canisterId=${canister.toText()}`);
  const page = await get("/");
  assert.equal(page.status, 200);
  const text = await page.text();
  for (const [, name] of text.matchAll(/(?:src|href)="(\/[^"]+)"/gu)) assert.equal((await get(name)).status, 200, name);
  assert.equal(await (await get("/authorize")).text(), text);
  assert.equal((await get("/nothing")).status, 404);
  const env = await (await get("/env.json")).json();
  assert.deepEqual(env, { canister: canister.toText(), root_key: Buffer.from(rootKey).toString("hex") });
  assert.ok(await HttpAgent.create({ host, rootKey: Uint8Array.from(Buffer.from(env.root_key, "hex")) }));
});

test("a delegation ends when it should", async () => {
  // it was good when this file began
  const end = Number(brief.chain.delegations[0].delegation.expiration / 1_000_000n);
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, end + CLOCKS_MS - Date.now())));
  const asked = await actor(canister, brief.identity);
  await assert.rejects(asked.get_anchor_info(0n), (error) => inspect(error, { depth: 6 }).includes("expired"));
});
