// A canister's module in Node, without a subnet: what it exports can be called, and what it certifies is signed with a key
// made here, as a subnet would. For tests of what the public verifier says about the answers of Clips and Guild.
import { bls12_381 } from "@noble/curves/bls12-381.js";
import { Principal } from "@icp-sdk/core/principal";
import { encode } from "cborg";
import { createHash } from "node:crypto";

const PAGE = 65_536;
const DER = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100";
const SUITE = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

const hash = (domain, ...parts) => {
  const hasher = createHash("sha256").update(Buffer.from([domain.length])).update(domain);
  parts.forEach((part) => hasher.update(part));
  return hasher.digest();
};
const leaf = (value) => ({ tree: [3, Uint8Array.from(value)], digest: hash("ic-hashtree-leaf", value) });
const labeled = (label, node) => ({ tree: [2, Uint8Array.from(label), node.tree], digest: hash("ic-hashtree-labeled", label, node.digest) });
const fork = (left, right) => ({ tree: [1, left.tree, right.tree], digest: hash("ic-hashtree-fork", left.digest, right.digest) });

function leb128(number) {
  const bytes = [];
  for (let left = number; ; left >>= 7n) {
    bytes.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    if (left <= 127n) return Uint8Array.from(bytes);
  }
}

export class Host {
  id = Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai").toUint8Array();
  now = BigInt(Date.now()) * 1_000_000n;
  stable = new Uint8Array(0);
  certified = new Uint8Array(32);
  secret = bls12_381.utils.randomSecretKey();
  rootKey = Uint8Array.from(Buffer.concat([Buffer.from(DER, "hex"), bls12_381.shortSignatures.getPublicKey(this.secret).toBytes(true)]));

  constructor(module) {
    this.module = new WebAssembly.Module(module);
  }

  /** A new heap on the stable memory that is there, as an installation and an upgrade begin. */
  start(entry, argument) {
    const missing = (name) => () => { throw new Error(`${name} is not there without a subnet`); };
    const ic0 = new Proxy(this.imports(), { get: (known, name) => known[name] ?? missing(name) });
    this.instance = new WebAssembly.Instance(this.module, { ic0 });
    return this.call(entry, argument, this.id);
  }

  call(name, argument, caller) {
    this.message = { name, argument, caller, reply: [] };
    this.certificate = this.sign();
    this.instance.exports[name]();
    return Uint8Array.from(Buffer.concat(this.message.reply));
  }

  sign() {
    const data = labeled(Buffer.from("canister"), labeled(this.id, labeled(Buffer.from("certified_data"), leaf(this.certified))));
    const root = fork(data, labeled(Buffer.from("time"), leaf(leb128(this.now))));
    const { shortSignatures } = bls12_381;
    const message = shortSignatures.hash(Buffer.concat([Buffer.from("\x0Dic-state-root"), root.digest]), SUITE);
    const signature = Uint8Array.from(shortSignatures.sign(message, this.secret).toBytes(true));
    return Uint8Array.from(Buffer.concat([Buffer.from("d9d9f7", "hex"), encode({ tree: root.tree, signature })]));
  }

  imports() {
    const heap = () => new Uint8Array(this.instance.exports.memory.buffer);
    const blob = (name, bytes) => ({
      [`${name}_size`]: () => bytes().length,
      [`${name}_copy`]: (to, from, length) => heap().set(bytes().subarray(from, from + length), to),
    });
    return {
      ...blob("msg_arg_data", () => this.message.argument), ...blob("msg_caller", () => this.message.caller), ...blob("canister_self", () => this.id),
      ...blob("msg_method_name", () => Buffer.from(this.message.name)),
      ...blob("root_key", () => this.rootKey), ...blob("data_certificate", () => this.certificate), data_certificate_present: () => 1,
      stable64_size: () => BigInt(this.stable.length / PAGE),
      stable64_grow: (pages) => {
        const before = this.stable;
        this.stable = new Uint8Array(before.length + Number(pages) * PAGE);
        this.stable.set(before);
        return BigInt(before.length / PAGE);
      },
      stable64_read: (to, from, length) => heap().set(this.stable.subarray(Number(from), Number(from) + Number(length)), Number(to)),
      stable64_write: (to, from, length) => this.stable.set(heap().subarray(Number(from), Number(from) + Number(length)), Number(to)),
      certified_data_set: (from, length) => { this.certified = heap().slice(from, from + length); },
      msg_reply_data_append: (from, length) => this.message.reply.push(heap().slice(from, from + length)),
      msg_reply: () => {}, accept_message: () => {}, is_controller: () => 0, debug_print: () => {}, time: () => this.now,
      global_timer_set: () => 0n,
      trap: (from, length) => { throw new Error(Buffer.from(heap().slice(from, from + length)).toString()); },
    };
  }
}
