// The canister's module in Node, without a subnet: what it exports can be called, its timers run, `raw_rand` is answered, and what it certifies
// is signed with a key made here, as a subnet would.
import { bls12_381 } from "@noble/curves/bls12-381";
import { encode } from "cborg";
import { createHash, randomBytes } from "node:crypto";
import { lib } from "./modules.mjs";

const { IDL, Principal } = lib;
const PAGE = 65_536;
const DER = "308182301d060d2b0601040182dc7c0503010201060c2b0601040182dc7c05030201036100";
const SUITE = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const TABLE = "table for the host";

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
  for (let left = BigInt(number); ; left >>= 7n) {
    bytes.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    if (left <= 127n) return Buffer.from(bytes);
  }
}

/** The number at a place of a module, and where it ends. */
function number(bytes, at) {
  let [value, shift] = [0, 0];
  for (;;) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    shift += 7;
    if (byte < 128) return [value, at];
  }
}

/** The module with its table exported: callbacks are places in it, which the host calls. */
function withTable(module) {
  const EXPORTS = 7;
  for (let at = 8; at < module.length;) {
    const id = module[at];
    const [size, begin] = number(module, at + 1);
    if (id === EXPORTS) {
      const [count, rest] = number(module, begin);
      const entry = Buffer.concat([leb128(TABLE.length), Buffer.from(TABLE), Buffer.from([1, 0])]);
      const body = Buffer.concat([leb128(count + 1), module.subarray(rest, begin + size), entry]);
      return Buffer.concat([module.subarray(0, at), Buffer.from([EXPORTS]), leb128(body.length), body, module.subarray(begin + size)]);
    }
    at = begin + size;
  }
  throw new Error("the module exports nothing");
}

export class Host {
  id = Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai").toUint8Array();
  now = BigInt(Date.now()) * 1_000_000n;
  stable = new Uint8Array(0);
  certified = new Uint8Array(32);
  timer = 0n;
  calls = [];
  secret = bls12_381.utils.randomSecretKey();
  rootKey = Uint8Array.from(Buffer.concat([Buffer.from(DER, "hex"), bls12_381.shortSignatures.getPublicKey(this.secret).toBytes(true)]));

  constructor(module) {
    this.module = new WebAssembly.Module(withTable(module));
  }

  /** A new heap on the stable memory that is there, as an installation and an upgrade begin. */
  start(entry, argument) {
    this.instance = new WebAssembly.Instance(this.module, { ic0: this.imports() });
    this.timer = 0n;
    this.calls = [];
    this.call(entry, argument, this.id);
  }

  call(name, argument, caller) {
    return this.run({ argument, caller }, () => this.instance.exports[name]());
  }

  /** Whether a replica would let this call in. */
  admits(name, argument, caller) {
    this.run({ argument, caller, name }, () => this.instance.exports["canister_inspect_message"]());
    return this.message.accepted === true;
  }

  run(message, work) {
    this.message = { argument: new Uint8Array(), caller: this.id, reply: [], ...message };
    this.certificate = this.sign();
    work();
    return Uint8Array.from(Buffer.concat(this.message.reply));
  }

  /** Lets so many nanoseconds pass, in steps, with timers due and calls answered. */
  pass(nanoseconds = 0n) {
    const end = this.now + nanoseconds;
    for (;;) {
      while (this.calls.length > 0) this.answer(this.calls.shift());
      if (this.timer === 0n || this.timer > end) break;
      this.now = this.timer > this.now ? this.timer : this.now;
      this.timer = 0n;
      this.run({}, () => this.instance.exports["canister_global_timer"]());
    }
    this.now = end;
  }

  /** Answers a call: `raw_rand`, or one of the canister to itself, as timers are run. */
  answer({ callee, name, sent, reply, environment }) {
    const own = Buffer.from(callee).equals(Buffer.from(this.id));
    if (!own && (callee.length > 0 || name !== "raw_rand")) throw new Error(`nobody answers ${name}`);
    const argument = own ? this.call(`canister_update ${name}`, sent, this.id) : IDL.encode([IDL.Vec(IDL.Nat8)], [randomBytes(32)]);
    this.run({ argument }, () => this.instance.exports[TABLE].get(reply)(environment));
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
    const at = (from, length) => heap().slice(from, from + length);
    const blob = (name, bytes) => ({
      [`${name}_size`]: () => bytes().length,
      [`${name}_copy`]: (to, from, length) => heap().set(bytes().subarray(from, from + length), to),
    });
    const known = {
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
      certified_data_set: (from, length) => { this.certified = at(from, length); },
      msg_reply_data_append: (from, length) => this.message.reply.push(at(from, length)),
      msg_reply: () => {}, accept_message: () => { this.message.accepted = true; }, is_controller: () => 0, debug_print: () => {}, time: () => this.now,
      global_timer_set: (time) => { const before = this.timer; this.timer = time; return before; },
      call_new: (callee, calleeSize, name, nameSize, reply, environment) => {
        this.calling = { callee: at(callee, calleeSize), name: Buffer.from(at(name, nameSize)).toString(), reply, environment, sent: new Uint8Array() };
      },
      call_data_append: (from, length) => { this.calling.sent = Uint8Array.from([...this.calling.sent, ...at(from, length)]); },
      call_perform: () => { this.calls.push(this.calling); return 0; },
      canister_liquid_cycle_balance128: (to) => heap().set(new Uint8Array(16).fill(1, 0, 8), to),
      cost_call: (nameSize, size, to) => heap().set(new Uint8Array(16), to),
      performance_counter: () => 0n,
      call_on_cleanup: () => {}, call_with_best_effort_response: () => {}, call_cycles_add128: () => {}, msg_reject_code: () => 0,
      trap: (from, length) => { throw new Error(Buffer.from(at(from, length)).toString()); },
    };
    const absent = (name) => () => { throw new Error(`the host has no ${name}`); };
    return new Proxy(known, { get: (them, name) => them[name] ?? absent(name) });
  }
}
