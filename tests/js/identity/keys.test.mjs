// The page's keys, without a network: what a passkey signs, what a phrase is, what an identity costs.
import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { createHash, createPublicKey, createVerify } from "node:crypto";
import { test } from "node:test";
import { Authenticator } from "./authenticator.mjs";
import { page } from "./page.mjs";

const authenticator = new Authenticator("http://rwlgt-iiaaa-aaaaa-aaaaa-cai.localhost:8000");
authenticator.plug();
const { Passkey, browserKey, create, forgetBrowserKey, keptBrowserKey, keyOf, newBrowser, newPasskey, newPhrase, phraseKey, solve, answered, RejectError, UncertifiedRejectUpdateErrorCode } =
  await page("passkey", "keys", "puzzle", "session", "backend", "@icp-sdk/core/agent");

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts.map((it) => Buffer.from(it)))).digest();
// after the algorithm in DER
const COSE_AT = 19;
// of 256 zero bits, as OpenSSL has it
const KNOWN = "302a300506032b657003210048fb4c67a7d8f83e791d4eb866ca55daf0cbb5853ae61d48286ed3030e8737de";

/** Text and byte strings of one level of CBOR's maps, which is all that a signature is. */
function readMap(bytes) {
  let at = bytes[0] === 0xd9 ? 3 : 0;
  const length = () => {
    const small = bytes[at++] & 31;
    if (small < 24) return small;
    const size = 1 << (small - 24);
    const value = Buffer.from(bytes).readUIntBE(at, size);
    at += size;
    return value;
  };
  const string = () => { const size = length(); at += size; return Buffer.from(bytes.subarray(at - size, at)); };
  return Object.fromEntries(Array.from({ length: length() }, () => [string().toString(), string()]));
}

/** Verifies as a replica does: the challenge is the message, and the signature is by the key in DER. */
function verifies(der, message, signature) {
  const { authenticator_data, client_data_json, signature: signed } = readMap(signature);
  const client = JSON.parse(client_data_json);
  const [x, y] = [10, 45].map((at) => Buffer.from(der).subarray(COSE_AT + at, COSE_AT + at + 32).toString("base64url"));
  const key = createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x, y } });
  return client.challenge === Buffer.from(message).toString("base64url")
    && createVerify("sha256").update(authenticator_data).update(sha256(client_data_json)).verify(key, signed);
}

test("a made passkey signs messages as replicas verify them", async () => {
  const device = await create("Test", []);
  assert.deepEqual([device.keyType, device.credentialId.length, device.origin], ["platform", 20, authenticator.origin]);
  const message = new Uint8Array([1, 2, 3]);
  const signature = await Passkey.known(device).sign(message);
  assert.ok(verifies(device.pubkey, message, signature));
  assert.ok(!verifies(device.pubkey, new Uint8Array([1, 2, 4]), signature));
});

test("a chosen passkey's key is found by its id, after it signed", async () => {
  const device = await create("Test", []);
  const passkey = Passkey.chosen(async (id) => (Buffer.from(id).equals(Buffer.from(device.credentialId)) ? device.pubkey : assert.fail("another")));
  assert.throws(() => passkey.getPublicKey(), /no passkey was chosen/u);
  const message = new Uint8Array(40).fill(9);
  assert.ok(verifies(device.pubkey, message, await passkey.sign(message)));
  assert.deepEqual(passkey.getPublicKey().toDer(), device.pubkey);
});

test("a device has one passkey of an identity, and says so in words", async () => {
  const device = await create("Test", []);
  await assert.rejects(create("Test", [device]), /has a passkey of this identity already/u);
  const lost = new Authenticator(authenticator.origin);
  lost.plug();
  await assert.rejects(Passkey.known(device).sign(new Uint8Array(3)), /cancelled, or took too long/u);
  authenticator.plug();
});

test("an authenticator's answer that cannot be read is refused", () => {
  assert.throws(() => keyOf(new Uint8Array(20)), /cannot be read/u);
  const extended = new Uint8Array(200);
  extended[32] = 0xc5;
  assert.throws(() => keyOf(extended), /cannot be read/u);
});

test("a passkey lets the page call its canister, and no other", async () => {
  let acting;
  const backend = { canister: "rwlgt-iiaaa-aaaaa-aaaaa-cai", as: async (identity) => { acting = identity; return backend; } };
  await (await newPasskey(backend, "Test")).keep();
  const [{ delegation }] = acting.getDelegation().delegations;
  assert.deepEqual(delegation.targets.map(String), [backend.canister]);
});

const derOf = (key) => Buffer.from(key.getPublicKey().toDer()).toString("hex");

test("two tabs that make a browser's key at once get the same one", async () => {
  const [one, two] = await Promise.all([keptBrowserKey(), keptBrowserKey()]);
  assert.equal(derOf(one), derOf(two));
  assert.equal(derOf(await browserKey()), derOf(one));
  await forgetBrowserKey();
  assert.equal(await browserKey(), undefined);
});

test("a replica that does not know the browser's key does not cost it", async () => {
  const before = derOf(await keptBrowserKey());
  const behind = { as: async () => behind, myAnchor: async () => undefined };
  const newcomer = await newBrowser(behind, "Browser");
  assert.equal(Buffer.from(newcomer.device.pubkey).toString("hex"), before);
  await newcomer.keep();
  assert.equal(derOf(await browserKey()), before);
  const knows = { as: async () => knows, myAnchor: async () => 10_000n };
  await assert.rejects(newBrowser(knows, "Browser"), /has a key already, of identity 10000/u);
});

test("a browser's key is kept before the canister hears of it", async () => {
  await forgetBrowserKey();
  const nobody = { as: async () => nobody, myAnchor: async () => undefined };
  const newcomer = await newBrowser(nobody, "Browser");
  assert.equal(derOf(await browserKey()), Buffer.from(newcomer.device.pubkey).toString("hex"));
});

test("twenty-four words are one key, however they are typed", async () => {
  const words = await newPhrase();
  assert.equal(words.length, 24);
  const der = async (text) => Buffer.from((await phraseKey(text)).getPublicKey().toDer()).toString("hex");
  const key = await der(words.join(" "));
  assert.equal(await der(` ${words.join("\n").toUpperCase()} `), key);
  assert.equal(await der(words.join(", ")), key);
  assert.notEqual(await der((await newPhrase()).join(" ")), key);
});

test("a phrase's key is always the same", async () => {
  const key = await phraseKey(`${"abandon ".repeat(23)}art`);
  assert.equal(Buffer.from(key.getPublicKey().toDer()).toString("hex"), KNOWN);
});

test("words that are none, too few, or out of order are refused with the reason", async () => {
  const good = `${"abandon ".repeat(23)}art`;
  await assert.rejects(phraseKey(""), /these are 0/u);
  await assert.rejects(phraseKey(good.slice(8)), /these are 23/u);
  await assert.rejects(phraseKey(good.replace("art", "atr")), /“atr” is no word/u);
  await assert.rejects(phraseKey(good.replace("art", "abandon")), /do not belong together/u);
});

test("a call that the canister does not let in is explained, and other failures stay what they are", async () => {
  const rejection = (code) => RejectError.fromCode(new UncertifiedRejectUpdateErrorCode(new Uint8Array(32), 4, "no", code));
  const check = (method, code, expected) => assert.rejects(answered(method, Promise.reject(rejection(code))), expected);
  await check("register", "IC0406", { kind: "not_let_in", message: /Try again in a minute/u });
  await check("add_tentative_device", "IC0406", { kind: "not_let_in", message: /is not waiting for a device/u });
  await check("remove", "IC0406", { kind: "not_let_in", message: /does not belong to that identity/u });
  await check("remove", "IC0207", RejectError);
  await assert.rejects(answered("remove", Promise.resolve({ Err: { last_device: null } })), { kind: "last_device" });
  assert.equal(await answered("register", Promise.resolve({ Ok: 1n })), 1n);
});

test("the work's nonce begins the hash with zero bits", async () => {
  const [challenge, key] = [new Uint8Array(32).fill(1), new Uint8Array(44).fill(2)];
  for (const difficulty of [0, 1, 9, 14]) {
    const nonce = Buffer.alloc(8);
    nonce.writeBigUInt64BE(await solve(challenge, key, difficulty));
    const hash = sha256(sha256(challenge, key), nonce);
    assert.ok(BigInt(`0x${hash.toString("hex")}`) >> BigInt(256 - difficulty) === 0n, `${difficulty} ${hash.toString("hex")}`);
  }
});
