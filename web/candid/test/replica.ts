// A replica in Node that signs as a subnet does, with keys made here; and that can be told to lie.
import { Cbor, reconstruct, requestIdOf } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { ed25519 } from "@noble/curves/ed25519.js";

type Bytes = Uint8Array;
/** Labels and what is below them, or a value. */
export type Tree = Map<string, Tree> | Bytes | string;

const SUITE = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const BLS_DER = Buffer.from("308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100", "hex");
const ED_DER = Buffer.from("302a300506032b6570032100", "hex");
const bytes = (it: Bytes | string): Bytes => (typeof it === "string" ? Uint8Array.from(Buffer.from(it, "latin1")) : it);
/** Bytes as a label. */
export const label = (it: Bytes): string => Buffer.from(it).toString("latin1");
const join = (...parts: Bytes[]): Bytes => Uint8Array.from(Buffer.concat(parts));

export function leb128(number: bigint): Bytes {
  const found: number[] = [];
  for (let left = number; found.length === 0 || left > 0n; left >>= 7n) found.push(Number(left & 127n) | (left > 127n ? 128 : 0));
  return Uint8Array.from(found);
}

/** The hash tree, as certificates have it; nothing is left out. */
function hashTree(tree: Tree): unknown[] {
  if (!(tree instanceof Map)) return [3, bytes(tree)];
  const labels = [...tree.keys()].sort((one, other) => Buffer.compare(bytes(one), bytes(other)));
  const forks = labels.map((it): unknown[] => [2, bytes(it), hashTree(tree.get(it)!)]);
  return forks.length === 0 ? [0] : forks.reduce((left, right) => [1, left, right]);
}

export class Replica {
  private readonly secret = bls12_381.utils.randomSecretKey();
  private readonly nodeSecret = ed25519.utils.randomSecretKey();
  readonly rootKey = join(BLS_DER, bls12_381.shortSignatures.getPublicKey(this.secret).toBytes(true));
  private readonly nodeKey = join(ED_DER, ed25519.getPublicKey(this.nodeSecret));
  /** What is certified below `canister`. */
  state: Map<string, Tree> = new Map();
  /** Changes what goes out, to see who notices. */
  lie: { certificate?: (tree: Map<string, Tree>) => void; prune?: string; unsigned?: boolean; signature?: boolean; hidden?: boolean } = {};
  /** What a method answers: bytes, or a reject. */
  answer: (method: string, arg: Bytes) => Bytes | { code: number; message: string; error: string } = (_, arg) => arg;
  refusal: { status: number; body: string } | undefined;
  readonly asked: string[] = [];

  async certify(beside: [string, Tree][]): Promise<Bytes> {
    const now = leb128(BigInt(Date.now()) * 1_000_000n);
    const tree = new Map<string, Tree>([["time", now], ...beside]);
    const signed = hashTree(tree);
    const message = bls12_381.shortSignatures.hash(join(bytes("\x0Dic-state-root"), await reconstruct(signed as never)), SUITE);
    const signature = Uint8Array.from(bls12_381.shortSignatures.sign(message, this.secret).toBytes(true));
    this.lie.certificate?.(tree);
    return Uint8Array.from(Cbor.encode({ tree: await this.pruned(hashTree(tree)), signature }));
  }

  /** The tree without what is below a label, whose hash stands in its place. */
  private async pruned(tree: unknown[]): Promise<unknown[]> {
    const [kind, one, other] = tree as [number, unknown[], unknown[]];
    if (kind === 1) return [1, await this.pruned(one), await this.pruned(other)];
    if (kind !== 2) return tree;
    if (this.lie.prune !== undefined && label(one as unknown as Bytes) === this.lie.prune) return [4, await reconstruct(tree as never)];
    return [2, one, await this.pruned(other)];
  }

  private everything(): [string, Tree][] {
    const subnet = label(Principal.selfAuthenticating(this.rootKey).toUint8Array());
    const node = label(Principal.selfAuthenticating(this.nodeKey).toUint8Array());
    const ranges = Uint8Array.from(Cbor.encode([[new Uint8Array(10), new Uint8Array(10).fill(255)]]));
    const keys = new Map<string, Tree>([["canister_ranges", ranges], ["node", new Map([[node, new Map([["public_key", this.nodeKey]])]])], ["public_key", this.rootKey]]);
    return [["canister", this.state], ["subnet", new Map([[subnet, keys]])]];
  }

  private async query(content: { method_name: string; arg: Bytes }) {
    const found = this.answer(content.method_name, content.arg);
    const reply = found instanceof Uint8Array
      ? { status: "replied", reply: { arg: found } }
      : { status: "rejected", reject_code: found.code, reject_message: found.message, error_code: found.error };
    const timestamp = BigInt(Date.now()) * 1_000_000n;
    const hash = requestIdOf({ ...reply, timestamp, request_id: requestIdOf(content as never) } as never);
    const signature = ed25519.sign(join(bytes("\x0Bic-response"), hash), this.nodeSecret);
    if (this.lie.signature) signature[5]! ^= 1;
    const identity = Principal.selfAuthenticating(this.nodeKey).toUint8Array();
    return { ...reply, signatures: this.lie.unsigned ? [] : [{ timestamp, signature: Uint8Array.from(signature), identity }] };
  }

  private async call(content: { method_name: string; arg: Bytes }) {
    const found = this.answer(content.method_name, content.arg);
    const status: [string, Tree][] = found instanceof Uint8Array
      ? [["status", "replied"], ["reply", found]]
      : [["status", "rejected"], ["reject_code", leb128(BigInt(found.code))], ["reject_message", found.message], ["error_code", found.error]];
    const id = label(requestIdOf(content as never));
    return { status: "replied", certificate: await this.certify([["request_status", new Map([[id, new Map(status)]])]]) };
  }

  /** What the page's `fetch` gets. */
  fetch = async (input: unknown, options?: { body: Bytes }): Promise<Response> => {
    const { pathname } = new URL(String(input), "http://candid-page.localhost");
    this.asked.push(pathname);
    if (pathname === "/env.json") return Response.json({ root_key: Buffer.from(this.rootKey).toString("hex") });
    if (this.refusal) return new Response(this.refusal.body, { status: this.refusal.status });
    const { content } = Cbor.decode<{ content: never }>(options!.body);
    if (this.lie.hidden && Buffer.from(options!.body).includes("candid:service")) return new Response("for controllers", { status: 403 });
    const [what] = pathname.split("/").slice(-1);
    const told = what === "query" ? await this.query(content) : what === "call" ? await this.call(content) : { certificate: await this.certify(this.everything()) };
    return new Response(Uint8Array.from(Cbor.encode(told)), { status: 200, headers: { "content-type": "application/cbor" } });
  };
}

