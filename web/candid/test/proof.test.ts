// Absence is believed only where the tree proves it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HashTree } from "@icp-sdk/core/agent";
import { isAbsent } from "../src/proof";

const bytes = (text: string) => new TextEncoder().encode(text);
const leaf = (text: string) => [3, bytes(text)];
const at = (label: string, below: unknown = leaf("x")) => [2, bytes(label), below];
const fork = (...nodes: unknown[]): unknown => nodes.reduce((left, right) => [1, left, right]);
const out = [4, new Uint8Array(32)];

function check(tree: unknown, path: string, expected: boolean): void {
  const found = isAbsent(tree as HashTree, path.split("/").map(bytes));
  assert.equal(found, expected, `${path} in ${JSON.stringify(tree, (_, it) => (it instanceof Uint8Array ? Buffer.from(it).toString() : it))}`);
}

test("what lies between two labels is absent, unless something there was left out", () => {
  check(fork(at("controllers"), at("module_hash")), "metadata", true);
  check(fork(at("controllers"), out, at("module_hash")), "metadata", false);
  check(fork(out, at("controllers"), at("module_hash"), out), "metadata", true);
  check(fork(at("controllers"), out), "metadata", false);
  check(fork(at("controllers"), at("zzz"), out), "metadata", true);
  check(fork(out, at("controllers")), "metadata", true);
  check(fork(out, at("zzz")), "metadata", false);
  check(fork(at("a"), fork(fork(at("b"), out), at("d"))), "c", false);
  check(fork(at("a"), fork(fork(at("b"), at("bb")), at("d"))), "c", true);
  check(at("ab"), "a", true);
  check(at("a"), "ab", true);
  check(fork(at("a"), out, at("abc")), "ab", false);
});

test("what is there is not absent, and below it the same holds", () => {
  check(at("a"), "a", false);
  check(at("a", out), "a/b", false);
  check(at("a", at("b")), "a/c", true);
  check(at("a", fork(at("b"), out)), "a/c", false);
  check(at("a", leaf("x")), "a/b", true);
  check([0], "a", true);
  check(at("a", [0]), "a", true);
  check(out, "a", false);
  check(leaf("x"), "a", true);
});
