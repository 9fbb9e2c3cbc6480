// The compiled canister itself, without a subnet: its entry points, its timers, its upgrade, and what it certifies, judged by the agent's
// own checks of certificates. ATOLL_CANISTERS is the folder with identity.wasm.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { decode } from "cborg";
import { before, test } from "node:test";
import { Host } from "./host.mjs";
import { lib } from "./modules.mjs";

const { Certificate, Ed25519KeyIdentity, IDL, Principal, lookup_path, reconstruct, requestIdOf, service, solve, unwrapDER } = lib;
const host = new Host(readFileSync(join(process.env.ATOLL_CANISTERS, "identity.wasm")));
const InitArgs = IDL.Opt(IDL.Record({ registration: IDL.Opt(IDL.Record({ per_minute: IDL.Nat32, difficulty: IDL.Nat8 })), gateways: IDL.Opt(IDL.Vec(IDL.Text)) }));
const methods = new Map(service({ IDL })._fields);
const APP = "https://a.example";
const SECOND = 1_000_000_000n;
const sha256 = (data) => new Uint8Array(createHash("sha256").update(data).digest());
const text = (it) => new TextEncoder().encode(it);
const key = (seed) => Ed25519KeyIdentity.generate(new Uint8Array(32).fill(seed));
const der = (identity) => new Uint8Array(identity.getPublicKey().toDer());
const session = der(key(99));
let user;

function call(who, name, ...args) {
  const type = methods.get(name);
  const kind = type.annotations.includes("query") ? "query" : "update";
  const [answer] = IDL.decode(type.retTypes, host.call(`canister_${kind} ${name}`, IDL.encode(type.argTypes, args), who.getPrincipal().toUint8Array()));
  return answer;
}
function ok(answer) {
  assert.ok(!answer.Err, JSON.stringify(answer.Err));
  return answer.Ok;
}
const device = (who) => ({
  pubkey: der(who), alias: "Test", credential_id: [], purpose: { authentication: null }, key_type: { browser_storage_key: null }, protection: { unprotected: null }, origin: [APP],
});
const argument = (registration) => IDL.encode([InitArgs], [[{ registration, gateways: [["https://*.example.org"]] }]]);

before(() => {
  host.start("canister_init", argument([{ per_minute: 2, difficulty: 6 }]));
});

async function register(who) {
  const { challenge, difficulty } = ok(call(who, "registration_challenge"));
  return call(who, "register", device(who), { challenge, nonce: await solve(Uint8Array.from(challenge), der(who), difficulty) });
}

/** Verifies a canister signature as a replica does; what is wrong is thrown. */
async function verify(signature, userKey, message) {
  const { certificate, tree } = decode(signature.subarray(3));
  const proved = await Certificate.create({ certificate, rootKey: host.rootKey, principal: { canisterId: Principal.fromUint8Array(host.id) }, disableTimeVerification: true });
  const data = proved.lookup_path([text("canister"), host.id, text("certified_data")]).value;
  assert.deepEqual(new Uint8Array(await reconstruct(tree)), new Uint8Array(data));
  const raw = unwrapDER(userKey, Uint8Array.from(Buffer.from("300c060a2b0601040183b8430102", "hex")));
  assert.deepEqual(raw.subarray(1, 1 + raw[0]), host.id);
  const found = lookup_path([text("sig"), sha256(raw.subarray(1 + raw[0])), sha256(message)], tree);
  assert.deepEqual([found.status, found.value.length], ["Found", 0]);
}
const message = (expiration) => Buffer.concat([text("\x1Aic-request-auth-delegation"), requestIdOf({ pubkey: session, expiration })]);
const fetched = (who, expiration) => call(who, "get_delegation", user, APP, session, expiration);

test("before it has drawn its secret it says so, and then it is ready", () => {
  assert.deepEqual(call(key(1), "registration_challenge"), { Err: { not_ready: null } });
  host.pass();
  assert.equal(ok(call(key(1), "registration_challenge")).difficulty, 6);
});

test("an identity is registered by work, which is dearer where many register", async () => {
  user = ok(await register(key(1)));
  assert.equal(user, 10_000n);
  assert.deepEqual(call(key(1), "my_anchor"), [user]);
  ok(await register(key(2)));
  assert.equal(ok(call(key(3), "registration_challenge")).difficulty, 7);
  ok(await register(key(3)));
  assert.equal(call(key(1), "stats").users_registered, 3n);
});

test("its signature is a canister signature of its certified data", async () => {
  const { user_key, expiration } = ok(call(key(1), "prepare_delegation", user, APP, session, [3_600n * SECOND]));
  assert.equal(expiration, host.now + 3_600n * SECOND);
  const { delegation, signature } = fetched(key(1), expiration).signed_delegation;
  assert.deepEqual([Uint8Array.from(delegation.pubkey), delegation.expiration], [session, expiration]);
  await verify(Uint8Array.from(signature), Uint8Array.from(user_key), message(expiration));
  await assert.rejects(verify(Uint8Array.from(signature), Uint8Array.from(user_key), message(expiration + 1n)));
  assert.equal(Principal.selfAuthenticating(Uint8Array.from(user_key)).toText(), ok(call(key(1), "get_principal", user, APP)).toText());
  assert.deepEqual(fetched(key(2), expiration), { no_such_delegation: null });
});

test("an upgrade loses neither identities nor prepared signatures", async () => {
  const { user_key, expiration } = ok(call(key(1), "prepare_delegation", user, APP, session, []));
  const certified = host.certified;
  host.start("canister_post_upgrade", new Uint8Array());
  assert.deepEqual(host.certified, certified);
  const { signature } = fetched(key(1), expiration).signed_delegation;
  await verify(Uint8Array.from(signature), Uint8Array.from(user_key), message(expiration));
  assert.deepEqual([call(key(2), "my_anchor"), call(key(1), "stats").registration], [[user + 1n], { per_minute: 2, difficulty: 6 }]);
  host.start("canister_post_upgrade", argument([{ per_minute: 3, difficulty: 5 }]));
  assert.deepEqual(call(key(1), "stats").registration, { per_minute: 3, difficulty: 5 });
});

test("signatures are gone a minute later, though nobody calls", () => {
  const { expiration } = ok(call(key(1), "prepare_delegation", user, APP, session, []));
  const certified = host.certified;
  host.pass(62n * SECOND);
  assert.equal(call(key(1), "stats").signatures, 0n);
  assert.notDeepEqual(host.certified, certified);
  assert.deepEqual(fetched(key(1), expiration), { no_such_delegation: null });
});

test("refusals are typed, also over the wire", () => {
  const stranger = key(7).getPrincipal();
  const refused = (expected, name, ...args) => assert.deepEqual(call(key(7), name, ...args), { Err: expected });
  refused({ unauthorized: stranger }, "add", user, device(key(8)));
  refused({ unauthorized: stranger }, "get_anchor_info", user);
  refused({ unauthorized: stranger }, "prepare_delegation", user, APP, session, []);
  refused({ not_the_device: key(8).getPrincipal() }, "register", device(key(8)), { challenge: new Uint8Array(32), nonce: 0n });
  refused({ bad_proof: null }, "register", device(key(7)), { challenge: new Uint8Array(32), nonce: 0n });
  refused({ device_registration_mode_off: null }, "add_tentative_device", user, "12345678", device(key(7)));
});

test("what nobody would be answered is not let in", () => {
  const admits = (who, name, ...args) => host.admits(name, IDL.encode(methods.get(name).argTypes, args), who.getPrincipal().toUint8Array());
  assert.ok(admits(key(1), "enter_device_registration_mode", user));
  assert.ok(!admits(key(7), "enter_device_registration_mode", user));
  assert.ok(!admits(key(7), "register", device(key(7)), { challenge: new Uint8Array(32), nonce: 0n }));
  assert.ok(!admits(key(7), "add_tentative_device", user, "12345678", device(key(7))));
  assert.ok(!host.admits("add", new Uint8Array(9_000), key(1).getPrincipal().toUint8Array()));
});

test("a device that another one adds joins when it accepts", () => {
  const owner = key(3);
  const [number] = call(owner, "my_anchor");
  ok(call(owner, "add", number, device(key(6))));
  assert.deepEqual(call(key(6), "my_anchor"), []);
  ok(call(key(6), "accept", number));
  assert.deepEqual(call(key(6), "my_anchor"), [number]);
});

test("a device joins by its code, is renamed and removed", () => {
  const { secret } = ok(call(key(1), "enter_device_registration_mode", user));
  const { verification_code } = ok(call(key(5), "add_tentative_device", user, secret, device(key(5))));
  const wrong = verification_code === "000000" ? "000001" : "000000";
  assert.deepEqual(call(key(1), "verify_tentative_device", user, wrong), { Err: { wrong_code: { retries_left: 2 } } });
  ok(call(key(1), "verify_tentative_device", user, verification_code));
  ok(call(key(5), "update", user, der(key(5)), { ...device(key(5)), alias: "Renamed" }));
  assert.deepEqual(ok(call(key(1), "get_anchor_info", user)).devices.map(({ alias }) => alias), ["Test", "Renamed"]);
  ok(call(key(5), "remove", user, der(key(1))));
  assert.deepEqual(call(key(1), "my_anchor"), []);
  assert.deepEqual(call(key(5), "remove", user, der(key(5))), { Err: { last_device: null } });
});

test("an identity is forgotten by one of its devices", () => {
  const owner = key(2);
  const [number] = call(owner, "my_anchor");
  assert.deepEqual(call(key(7), "forget_me", number), { Err: { unauthorized: key(7).getPrincipal() } });
  ok(call(owner, "forget_me", number));
  assert.deepEqual(call(owner, "my_anchor"), []);
});

test("the page comes with its certificate", () => {
  const Headers = IDL.Vec(IDL.Tuple(IDL.Text, IDL.Text));
  const Request = IDL.Record({ method: IDL.Text, url: IDL.Text, headers: Headers, body: IDL.Vec(IDL.Nat8), certificate_version: IDL.Opt(IDL.Nat16) });
  const Response = IDL.Record({ status_code: IDL.Nat16, headers: Headers, body: IDL.Vec(IDL.Nat8) });
  const ask = (url) => IDL.decode([Response], host.call("canister_query http_request", IDL.encode([Request], [{ method: "GET", url, headers: [], body: [], certificate_version: [2] }]), host.id))[0];
  const page = ask("/");
  assert.equal(page.status_code, 200);
  const headers = Object.fromEntries(page.headers.map(([name, value]) => [name.toLowerCase(), value]));
  assert.match(headers["ic-certificate"], /version=2/u);
  assert.match(headers["content-security-policy"], /https:\/\/\*\.example\.org/u);
  assert.equal(JSON.parse(Buffer.from(ask("/env.json").body)).root_key, Buffer.from(host.rootKey).toString("hex"));
});
