// What a certificate's tree proves not to be there. The library's own look-up compares labels byte by byte wherever they
// differ, and takes what was left out for what is not there (@icp-sdk/core 6.1.0).
import type { HashTree } from "@icp-sdk/core/agent";

type Bytes = Uint8Array;
/** A node without the forks above it, as the interface specification numbers them. */
type Node = readonly [0] | readonly [2, Bytes, HashTree] | readonly [3, Bytes] | readonly [4, Bytes];

const [FORK, LABELED, PRUNED] = [1, 2, 4] as const;

function level(tree: HashTree): Node[] {
  const [found, left] = [[] as Node[], [tree]];
  for (let node = left.pop(); node; node = left.pop()) {
    if ((node[0] as number) === FORK) left.push(node[2] as HashTree, node[1] as HashTree);
    else found.push(node as unknown as Node);
  }
  return found;
}

function compare(one: Bytes, other: Bytes): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) if (one[index] !== other[index]) return one[index]! - other[index]!;
  return one.length - other.length;
}

/** Whether the tree proves that nothing is at `path`: between the labels beside it nothing was left out. */
export function isAbsent(tree: HashTree, path: Bytes[]): boolean {
  const label = path[0];
  if (label === undefined) return (tree[0] as number) === 0;
  const nodes = level(tree);
  const order = (node: Node) => (node[0] === LABELED ? compare(node[1], label) : undefined);
  const same = nodes.find((node) => order(node) === 0);
  if (same) return isAbsent(same[2] as HashTree, path.slice(1));
  const behind = nodes.findIndex((node) => (order(node) ?? 0) > 0);
  const before = nodes.findLastIndex((node) => (order(node) ?? 0) < 0);
  return !nodes.slice(before + 1, behind < 0 ? nodes.length : behind).some(([kind]) => kind === PRUNED);
}
