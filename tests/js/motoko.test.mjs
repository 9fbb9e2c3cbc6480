// Motoko programs, compiled here with two versions of the npm package `motoko`, through updates, queries and upgrades:
// a current one (64-bit, a persistent actor whose heap is kept) and an old one (32-bit, stable variables).
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { connect } from "./clients.mjs";
import { hosts } from "./network.mjs";

const require = createRequire(import.meta.url);

function compile(version, source) {
  const compiler = require(version).default;
  compiler.write("Main.mo", `import Prim "mo:⛔";\n${source}`);
  return Uint8Array.from(compiler.wasm("Main.mo", "ic").wasm);
}

const body = `
  public func add(note : Text) : async Nat {
    let before = notes;
    notes := Prim.Array_tabulate<Text>(before.size() + 1, func i { if (i < before.size()) { before[i] } else { note } });
    notes.size()
  };
  public query func all() : async [Text] { notes };`;
const count = "public query func count() : async Nat { notes.size() };";
const first = "public query func first() : async Text { notes[0] };";

const notes = ({ IDL }) => IDL.Service({
  add: IDL.Func([IDL.Text], [IDL.Nat], []),
  all: IDL.Func([], [IDL.Vec(IDL.Text)], ["query"]),
  added: IDL.Func([], [IDL.Nat], ["query"]),
  call_self: IDL.Func([IDL.Text], [IDL.Nat], []),
  count: IDL.Func([], [IDL.Nat], ["query"]),
  first: IDL.Func([], [IDL.Text], ["query"]),
});

test("a 32-bit Motoko program keeps its stable variables through an upgrade", async () => {
  const source = (more) => `actor { stable var notes : [Text] = []; ${body} ${more} }`;
  const client = await connect("@icp-sdk/core", hosts[0]);
  const id = await client.deploy(compile("motoko-32", source("")));
  const actor = client.actor(notes, id);
  assert.equal(await actor.add("one"), 1n);
  assert.equal(await actor.add("two"), 2n);
  assert.deepEqual(await actor.all(), ["one", "two"]);
  await client.install(id, compile("motoko-32", source(count)), { upgrade: [] });
  assert.deepEqual(await actor.all(), ["one", "two"]);
  assert.equal(await actor.count(), 2n);
  assert.equal(await actor.add("three"), 3n);
});

const keep = { upgrade: [{ skip_pre_upgrade: [], wasm_memory_persistence: [{ keep: null }] }] };

test("a persistent Motoko actor keeps its state through three upgrades", async () => {
  const source = (more) => `persistent actor Self {
    var notes : [Text] = [];
    transient var since = 0;
    ${body}
    public query func added() : async Nat { since };
    public func call_self(note : Text) : async Nat { since += 1; await Self.add(note) };
    ${more}
  }`;
  const client = await connect("@icp-sdk/core", hosts[0]);
  const id = await client.deploy(compile("motoko", source("")));
  const actor = client.actor(notes, id);
  assert.equal(await actor.add("one"), 1n);
  assert.equal(await actor.call_self("two"), 2n);
  assert.equal(await actor.added(), 1n);
  const expected = ["one", "two"];
  for (const more of [count, first, count + first]) {
    const module = compile("motoko", source(more));
    await assert.rejects(client.install(id, module, { upgrade: [] }), /wasm_memory_persistence/);
    await client.install(id, module, keep);
    assert.deepEqual(await actor.all(), expected);
    assert.equal(await actor.added(), 0n, "what is transient begins anew");
    const note = `note ${expected.length} ${"x".repeat(10_000)}`;
    expected.push(note);
    assert.equal(await actor.call_self(note), BigInt(expected.length));
  }
  assert.equal(await actor.count(), 5n);
  assert.equal(await actor.first(), "one");
  assert.deepEqual(await actor.all(), expected);
});
