// A Motoko program, compiled here with the npm package `motoko` (32-bit, stable variables): install, update, query,
// and an upgrade that keeps its state.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { connect } from "./clients.mjs";
import { hosts } from "./network.mjs";

const compiler = createRequire(import.meta.url)("motoko").default;

function compile(source) {
  compiler.write("Main.mo", source);
  return Uint8Array.from(compiler.wasm("Main.mo", "ic").wasm);
}

const first = `actor {
  stable var notes : [Text] = [];
  public func add(note : Text) : async Nat { notes := Array_append(notes, note); notes.size() };
  public query func all() : async [Text] { notes };
  func Array_append(a : [Text], b : Text) : [Text] {
    Prim.Array_tabulate<Text>(a.size() + 1, func i { if (i < a.size()) { a[i] } else { b } })
  };
}`;
const second = first.replace("public query func all", "public query func count() : async Nat { notes.size() };\n  public query func all");
const withPrim = (source) => `import Prim "mo:⛔";\n${source}`;

const notes = ({ IDL }) => IDL.Service({
  add: IDL.Func([IDL.Text], [IDL.Nat], []),
  all: IDL.Func([], [IDL.Vec(IDL.Text)], ["query"]),
  count: IDL.Func([], [IDL.Nat], ["query"]),
});

test("a Motoko program keeps its stable variables through an upgrade", async () => {
  const client = await connect("@icp-sdk/core", hosts[0]);
  const id = await client.deploy(compile(withPrim(first)));
  const actor = client.actor(notes, id);
  assert.equal(await actor.add("one"), 1n);
  assert.equal(await actor.add("two"), 2n);
  assert.deepEqual(await actor.all(), ["one", "two"]);
  await client.install(id, compile(withPrim(second)), { upgrade: [] });
  assert.deepEqual(await actor.all(), ["one", "two"]);
  assert.equal(await actor.count(), 2n);
  assert.equal(await actor.add("three"), 3n);
});
