// Every answer of the canister over HTTP, judged by the public verifier that gateways use; no subnet is needed.
import { IDL } from "@icp-sdk/core/candid";
import { Principal } from "@icp-sdk/core/principal";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { service } from "../../../canisters/clips/seed/idl.mjs";
import { Host } from "./host.mjs";

const { verifyRequestResponsePair } = createRequire(import.meta.url)("@dfinity/response-verification");
const host = new Host(readFileSync(join(process.env.ATOLL_CANISTERS, "clips.wasm")));
const IDENTITY = Principal.fromText("rrkah-fqaaa-aaaaa-aaaaq-cai");
const argument = (...told) => IDL.encode([IDL.Opt(IDL.Record({ identity: IDL.Opt(IDL.Principal) }))], [told]);
const HEADERS = IDL.Vec(IDL.Tuple(IDL.Text, IDL.Text));
const REQUEST = IDL.Record({ method: IDL.Text, url: IDL.Text, headers: HEADERS, body: IDL.Vec(IDL.Nat8), certificate_version: IDL.Opt(IDL.Nat16) });
const RESPONSE = IDL.Record({ status_code: IDL.Nat16, headers: HEADERS, body: IDL.Vec(IDL.Nat8) });
const FIVE_MINUTES = 300_000_000_000n;
const CHUNK = 2 ** 20;
const STEP = 32 * 1024;
const SIZE = 2 * CHUNK + 300_000;
const methods = new Map(service({ IDL })._fields);
const users = [1, 2, 3].map((number) => new Uint8Array(29).fill(number));
let clip;
let film;

function call(user, name, ...args) {
  const type = methods.get(name);
  const kind = type.annotations.includes("query") ? "query" : "update";
  const [answer] = IDL.decode(type.retTypes, host.call(`canister_${kind} ${name}`, IDL.encode(type.argTypes, args), users[user]));
  assert.ok(!answer?.Err, JSON.stringify(answer?.Err));
  return answer?.Ok ?? answer;
}

function publish(bytes) {
  const upload = call(0, "begin_upload", { kind: { Mp4: null }, bytes: BigInt(bytes.length) });
  for (const index of upload.missing) call(0, "put_chunk", { upload: upload.id, index, bytes: bytes.subarray(index * CHUNK, (index + 1) * CHUNK) });
  return call(0, "publish", { video: upload.id, poster: [], caption: "x", width: 9, height: 16, duration_ms: 1 });
}

before(() => {
  host.start("canister_init", argument({ identity: [IDENTITY] }));
  users.forEach((_, number) => call(number, "create_profile", { name: `user_${number}`, display: "User", bio: "" }));
  film = Uint8Array.from({ length: SIZE }, (_, index) => (index * 31) % 251);
  film.set(Buffer.from("ftyp"), 4);
  clip = publish(film);
});

const ask = (url, range) => {
  const headers = range ? [["range", range]] : [];
  const request = { method: "GET", url, headers, body: new Uint8Array(), certificate_version: [2] };
  const [{ status_code, headers: answered, body }] = IDL.decode([RESPONSE], host.call("canister_query http_request", IDL.encode([REQUEST], [request]), users[0]));
  return { request: { method: "GET", url, headers, body: new Uint8Array() }, response: { status_code, headers: answered, body: Uint8Array.from(body) } };
};
const verify = ({ request, response }) => verifyRequestResponsePair(request, response, host.id, host.now, FIVE_MINUTES, host.rootKey, 2).verificationVersion;

function check(url, status, range) {
  const exchange = ask(url, range);
  assert.equal(exchange.response.status_code, status, url);
  assert.equal(verify(exchange), 2, `${url} ${range ?? ""}`);
  return exchange.response;
}

test("the page, its files and all links into the app are certified", () => {
  const page = Buffer.from(check("/", 200).body).toString();
  for (const [, name] of page.matchAll(/(?:src|href)="(\/[^"]+)"/g)) check(name, 200);
  for (const path of ["/first.json", "/env.json", "/c/12", "/@ann", "/tag/x", "/search?q=a", "/zzz/", "/a//b", "/vv", "/index.html", "/icon.svg/further"]) check(path, 200);
});

test("every range of a video is certified, and together they are the video", () => {
  for (let start = 0; start < SIZE; start += STEP) {
    const { body, headers } = check(`/v/${clip.video}`, 206, `bytes=${start}-`);
    assert.ok(Buffer.from(body).equals(Buffer.from(film.subarray(start, start + body.length))));
    assert.deepEqual(headers.find(([name]) => name === "content-range"), ["content-range", `bytes ${start}-${start + body.length - 1}/${SIZE}`]);
  }
  for (const range of [undefined, "bytes=0-1", "bytes=70000-70010", "bytes=-5", `bytes=${SIZE - 1}-`]) check(`/v/${clip.video}`, 206, range);
  check(`/v/${clip.video}`, 416, `bytes=${SIZE}-`);
});

test("what is not there is certified not to be there", () => {
  for (const path of ["/v", "/v/", "/v/99999", "/v/01", "/v/x", `/v/${clip.video}/`, `/v/${clip.video}/further`]) check(path, 404);
});

test("a hidden video is certified not to be there, and comes back", () => {
  const other = publish(film.subarray(0, 5_000));
  check(`/v/${other.video}`, 206);
  for (const user of [1, 2]) call(user, "report", { target: { Clip: other.id }, reason: { Spam: null }, note: "" });
  check(`/v/${other.video}`, 404);
  check(`/v/${clip.video}`, 206);
});

test("a certified file tells which canister signs people in, and the page may ask nobody else", () => {
  const { canister, identity } = JSON.parse(Buffer.from(check("/env.json", 200).body).toString());
  assert.deepEqual([canister, identity], [Principal.fromUint8Array(host.id).toText(), IDENTITY.toText()]);
  const [, policy] = check("/", 200).headers.find(([name]) => name === "content-security-policy");
  assert.match(policy, /connect-src 'self';/);
});

test("nothing that is changed on the way is accepted", () => {
  const tampered = (url, change) => {
    const exchange = ask(url);
    change(exchange.response);
    assert.throws(() => verify(exchange), url);
  };
  const header = (response, name) => response.headers.find(([it]) => it === name);
  tampered("/", (response) => { response.body[5] ^= 1; });
  tampered("/", (response) => { response.headers.push(["set-cookie", "a=b"]); });
  tampered("/", (response) => { header(response, "content-security-policy")[1] = "default-src *"; });
  tampered(`/v/${clip.video}`, (response) => { response.body[5] ^= 1; });
  tampered(`/v/${clip.video}`, (response) => { response.status_code = 200; });
  tampered(`/v/${clip.video}`, (response) => { header(response, "content-range")[1] = `bytes 1-${CHUNK}/${SIZE}`; });
  tampered("/c/12", (response) => { response.body = response.body.slice(1); });
});

test("fifty megabytes go up with an upgrade between, and come down in verified ranges", () => {
  const long = new Uint8Array(50 * CHUNK + 777).map((_, index) => (index * 17) % 253);
  long.set(Buffer.from("ftyp"), 4);
  const put = (id, index) => call(0, "put_chunk", { upload: id, index, bytes: long.subarray(index * CHUNK, (index + 1) * CHUNK) });
  const begun = call(0, "begin_upload", { kind: { Mp4: null }, bytes: BigInt(long.length) });
  for (const index of begun.missing) if (index % 2 === 0) put(begun.id, index);
  // an argument that is none at all, too
  host.start("canister_post_upgrade", new Uint8Array());
  const [left] = call(0, "uploads");
  assert.deepEqual([left.id, left.missing.length], [begun.id, 25]);
  for (const index of left.missing) put(begun.id, index);
  const { video } = call(0, "publish", { video: begun.id, poster: [], caption: "long", width: 9, height: 16, duration_ms: 1 });
  for (let at = 0; at < long.length;) {
    const { body, headers } = check(`/v/${video}`, 206, `bytes=${at}-`);
    assert.ok(Buffer.from(body).equals(Buffer.from(long.subarray(at, at + body.length))));
    assert.deepEqual(headers.find(([name]) => name === "content-range"), ["content-range", `bytes ${at}-${at + body.length - 1}/${long.length}`]);
    at += body.length;
  }
});

test("an upgrade certifies the same", () => {
  const kept = [host.certified, ask(`/v/${clip.video}`, `bytes=${CHUNK}-`).response.body];
  host.start("canister_post_upgrade", argument());
  assert.deepEqual([host.certified, check(`/v/${clip.video}`, 206, `bytes=${CHUNK}-`).body], kept);
  check("/", 200);
});
