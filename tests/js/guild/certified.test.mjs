// Every answer of the canister over HTTP, judged by the public verifier that gateways use; no subnet is needed.
import { IDL } from "@icp-sdk/core/candid";
import { Principal } from "@icp-sdk/core/principal";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { before, test } from "node:test";
import { face } from "../../../canisters/guild/seed/faces.mjs";
import { service } from "../../../canisters/guild/seed/idl.mjs";
import { Host } from "../clips/host.mjs";

const { verifyRequestResponsePair } = createRequire(import.meta.url)("@dfinity/response-verification");
const host = new Host(readFileSync(join(process.env.ATOLL_CANISTERS, "guild.wasm")));
const IDENTITY = Principal.fromText("rrkah-fqaaa-aaaaa-aaaaq-cai");
const argument = (...told) => IDL.encode([IDL.Opt(IDL.Record({ identity: IDL.Opt(IDL.Principal) }))], [told]);
const HEADERS = IDL.Vec(IDL.Tuple(IDL.Text, IDL.Text));
const REQUEST = IDL.Record({ method: IDL.Text, url: IDL.Text, headers: HEADERS, body: IDL.Vec(IDL.Nat8), certificate_version: IDL.Opt(IDL.Nat16) });
const RESPONSE = IDL.Record({ status_code: IDL.Nat16, headers: HEADERS, body: IDL.Vec(IDL.Nat8) });
const FIVE_MINUTES = 300_000_000_000n;
const methods = new Map(service({ IDL })._fields);
const user = new Uint8Array(29).fill(1);
const picture = face("somebody");
let id;

function call(name, ...args) {
  const type = methods.get(name);
  const kind = type.annotations.includes("query") ? "query" : "update";
  const [answer] = IDL.decode(type.retTypes, host.call(`canister_${kind} ${name}`, IDL.encode(type.argTypes, args), user));
  assert.ok(!answer?.Err, JSON.stringify(answer?.Err));
  return answer?.Ok ?? answer;
}

const paint = () => call("set_picture", [{ kind: { Png: null }, bytes: picture }]).card.picture[0];

before(() => {
  host.start("canister_init", argument({ identity: [IDENTITY] }));
  call("create_profile", { name: "somebody", display: "Somebody", headline: "" });
  call("publish", { text: "hello", picture: [], order: 1n });
  id = paint();
});

const ask = (url) => {
  const request = { method: "GET", url, headers: [], body: new Uint8Array(), certificate_version: [2] };
  const [{ status_code, headers, body }] = IDL.decode([RESPONSE], host.call("canister_query http_request", IDL.encode([REQUEST], [request]), user));
  return { request: { method: "GET", url, headers: [], body: new Uint8Array() }, response: { status_code, headers, body: Uint8Array.from(body) } };
};
const verify = ({ request, response }) => verifyRequestResponsePair(request, response, host.id, host.now, FIVE_MINUTES, host.rootKey, 2).verificationVersion;

function check(url, status) {
  const exchange = ask(url);
  assert.equal(exchange.response.status_code, status, url);
  assert.equal(verify(exchange), 2, url);
  return exchange.response;
}

test("the page, its files and all links into the app are certified", () => {
  const page = Buffer.from(check("/", 200).body).toString();
  for (const [, name] of page.matchAll(/(?:src|href)="(\/[^"]+)"/g)) check(name, 200);
  for (const path of ["/first.json", "/env.json", "/p/12", "/@ann", "/j/1", "/people?q=a", "/zzz/", "/a//b", "/vv", "/index.html", "/icon.svg/further"]) check(path, 200);
});

test("the first page has the latest posts", () => {
  const [post] = JSON.parse(Buffer.from(check("/first.json", 200).body).toString());
  assert.deepEqual([post.text, post.author.name, post.author.picture], ["hello", "somebody", String(id)]);
});

test("a picture is certified", () => {
  assert.ok(Buffer.from(check(`/v/${id}`, 200).body).equals(picture));
});

test("what is not there is certified not to be there", () => {
  for (const path of ["/v", "/v/", "/v/99999", "/v/01", "/v/x", `/v/${id}/`, `/v/${id}/further`]) check(path, 404);
});

test("a picture that another replaced is certified not to be there", () => {
  const before = id;
  id = paint();
  check(`/v/${before}`, 404);
  check(`/v/${id}`, 200);
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
  tampered(`/v/${id}`, (response) => { response.body[5] ^= 1; });
  tampered(`/v/${id}`, (response) => { response.status_code = 206; });
  tampered("/p/12", (response) => { response.body = response.body.slice(1); });
});

test("an upgrade certifies the same", () => {
  const kept = [host.certified, ask(`/v/${id}`).response.body];
  host.start("canister_post_upgrade", argument());
  assert.deepEqual([host.certified, check(`/v/${id}`, 200).body], kept);
  check("/", 200);
});
