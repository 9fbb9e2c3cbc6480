// Several canisters' modules in Node, without a subnet: messages between them, traps that leave nothing, lost messages, timers,
// upgrades. Time stands still unless it is moved.
import { Principal } from "@icp-sdk/core/principal";

const PAGE = 65_536;
const SYS_TRANSIENT = 2;
const DESTINATION_INVALID = 3;
const CANISTER_ERROR = 5;
const SYS_UNKNOWN = 6;
const TABLE = "__test_table";
const STACK = "__test_stack";

function number(bytes, at) {
  let [value, shift, byte] = [0, 0, 128];
  for (; byte & 128; shift += 7) {
    byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
  }
  return [value, at];
}

function encoded(value) {
  const bytes = [];
  do {
    bytes.push((value % 128) | (value > 127 ? 128 : 0));
    value = Math.floor(value / 128);
  } while (value);
  return bytes;
}

/** The module with its table, where callbacks are, and its stack pointer exported: a subnet reaches both without that. */
function opened(module) {
  const text = (name) => [...encoded(name.length), ...Buffer.from(name)];
  for (let at = 8; at < module.length;) {
    const start = at;
    const kind = module[at];
    const [size, body] = number(module, at + 1);
    at = body + size;
    if (kind !== 7) continue;
    const [count, entries] = number(module, body);
    const more = [...text(TABLE), 1, 0, ...text(STACK), 3, 0];
    const section = Buffer.concat([Buffer.from(encoded(count + 2)), module.subarray(entries, at), Buffer.from(more)]);
    return Buffer.concat([module.subarray(0, start), Buffer.from([7, ...encoded(section.length)]), section, module.subarray(at)]);
  }
  throw new Error("the module exports nothing");
}

const key = (id) => Buffer.from(id).toString("hex");

class Canister {
  stable = new Uint8Array(0);
  timer = 0n;

  constructor(subnet, id) {
    Object.assign(this, { subnet, id });
  }

  install(module, entry, arg) {
    const before = this.instance;
    this.instance = new WebAssembly.Instance(new WebAssembly.Module(opened(module)), { ic0: this.imports() });
    const { error } = this.run({ arg, caller: this.id }, () => this.instance.exports[entry]?.());
    if (error) {
      this.instance = before;
      throw error;
    }
  }

  /** Runs one message; a trap, its own or `traps`, puts all memory back and sends nothing. */
  run(message, work, traps = false) {
    const { memory, [STACK]: stack } = this.instance.exports;
    const kept = { heap: new Uint8Array(memory.buffer).slice(), stable: this.stable.slice(), stack: stack.value, timer: this.timer };
    this.message = { reply: [], calls: [], ...message };
    try {
      work();
      if (traps) throw new Error("a trap that the test wants");
      return this.message;
    } catch (error) {
      const heap = new Uint8Array(memory.buffer);
      heap.fill(0, kept.heap.length);
      heap.set(kept.heap);
      [this.stable, stack.value, this.timer] = [kept.stable, kept.stack, kept.timer];
      return { calls: [], error };
    }
  }

  callback(index, env) {
    this.instance.exports[TABLE].get(index)(env);
  }

  imports() {
    const heap = () => new Uint8Array(this.instance.exports.memory.buffer);
    const bytes = (at, size) => heap().slice(at, at + size);
    const text = (at, size) => Buffer.from(bytes(at, size)).toString();
    const blob = (name, read) => ({
      [`${name}_size`]: () => read().length,
      [`${name}_copy`]: (to, from, size) => heap().set(read().subarray(from, from + size), to),
    });

    const cycles = (to) => { new DataView(this.instance.exports.memory.buffer).setBigUint64(to, 10n ** 15n, true); heap().fill(0, to + 8, to + 16); };
    const nothing = (to) => heap().fill(0, to, to + 16);
    const known = {
      ...blob("msg_arg_data", () => this.message.arg), ...blob("msg_caller", () => this.message.caller), ...blob("canister_self", () => this.id),
      ...blob("root_key", () => new Uint8Array(133)), ...blob("msg_reject_msg", () => Buffer.from(this.message.reject?.text ?? "")),
      msg_reject_code: () => this.message.reject?.code ?? 0, msg_deadline: () => 0n, in_replicated_execution: () => 1,
      msg_reply_data_append: (at, size) => this.message.reply.push(bytes(at, size)), msg_reply: () => { this.message.answer = { reply: Uint8Array.from(Buffer.concat(this.message.reply)) }; },
      msg_reject: (at, size) => { this.message.answer = { reject: { code: 4, text: text(at, size) } }; },
      call_new: (to, toSize, name, nameSize, ...callbacks) => { this.message.next = { to: bytes(to, toSize), method: text(name, nameSize), callbacks, data: [] }; },
      call_on_cleanup: (index, env) => { this.message.next.cleanup = [index, env]; },
      call_data_append: (at, size) => this.message.next.data.push(bytes(at, size)),
      call_with_best_effort_response: () => {}, call_cycles_add128: () => {},
      call_perform: () => { this.message.calls.push(this.message.next); return 0; },
      canister_liquid_cycle_balance128: cycles, canister_cycle_balance128: cycles, cost_call: (_, __, to) => nothing(to), msg_cycles_refunded128: nothing,
      stable64_size: () => BigInt(this.stable.length / PAGE),
      stable64_grow: (pages) => {
        const before = this.stable;
        this.stable = new Uint8Array(before.length + Number(pages) * PAGE);
        this.stable.set(before);
        return BigInt(before.length / PAGE);
      },
      stable64_read: (to, from, size) => heap().set(this.stable.subarray(Number(from), Number(from) + Number(size)), Number(to)),
      stable64_write: (to, from, size) => this.stable.set(heap().subarray(Number(from), Number(from) + Number(size)), Number(to)),
      certified_data_set: () => {}, data_certificate_present: () => 0, is_controller: () => 0, debug_print: () => {}, performance_counter: () => 0n,
      time: () => this.subnet.now, global_timer_set: (at) => { const before = this.timer; this.timer = BigInt.asUintN(64, at); return before; },
      trap: (at, size) => { throw new Error(text(at, size)); },
    };
    const missing = (name) => () => { throw new Error(`${name} is not there without a subnet`); };
    return new Proxy(known, { get: (functions, name) => functions[name] ?? missing(name) });
  }
}

export class Subnet {
  now = BigInt(Date.now()) * 1_000_000n;
  canisters = new Map();
  queue = [];
  /** What goes wrong: told of each message between canisters, it answers "trap", "lose", "twice" or nothing. */
  fault = () => undefined;

  create(id) {
    const canister = new Canister(this, id);
    this.canisters.set(key(id), canister);
    return canister;
  }

  get(id) {
    return this.canisters.get(key(id));
  }

  /** A user's call: its reply, when all that follows from it is done. */
  call(user, id, kind, method, arg) {
    const result = {};
    this.request({ from: user, to: id, kind, method, arg, answered: (answer) => { result.answer ??= answer; } });
    this.drain();
    if (!result.answer) throw new Error(`${method} was never answered`);
    if (result.answer.reject) throw Object.assign(new Error(result.answer.reject.text), result.answer.reject);
    return result.answer.reply;
  }

  request(request) {
    this.queue.push(() => this.deliver(request));
  }

  drain() {
    for (let work = this.queue.shift(); work; work = this.queue.shift()) work();
  }

  deliver({ from, to, kind, method, arg, answered, between = false }) {
    const fault = between ? this.fault({ kind: "request", method }) : undefined;
    if (fault === "lose") return answered({ reject: { code: SYS_TRANSIENT, text: "lost" } });
    const canister = this.get(to);
    const names = [kind, "query", "update"].filter(Boolean).map((it) => `canister_${it} ${method}`);
    const run = canister && names.map((name) => canister.instance.exports[name]).find(Boolean);
    if (!run) return answered({ reject: { code: DESTINATION_INVALID, text: `there is no ${method}` } });
    const context = { caller: from, arg, answered, open: 0, done: false };
    if (fault === "twice") this.execute(canister, { ...context, answered: () => {} }, run);
    this.execute(canister, context, run, fault === "trap");
  }

  execute(canister, context, work, traps = false, more = {}) {
    const message = canister.run({ arg: context.arg, caller: context.caller, ...more }, work, traps);
    if (message.answer && !context.done) this.settle(context, message.answer);
    for (const call of message.calls) this.send(canister, context, call);
    const text = message.error?.message ?? "no answer";
    if (!context.done && !context.open) this.settle(context, { reject: { code: CANISTER_ERROR, text } });
    return message;
  }

  settle(context, answer) {
    context.done = true;
    context.answered(answer);
  }

  send(canister, context, call) {
    context.open += 1;
    const between = key(call.to) !== key(canister.id);
    let come = false;
    const answered = (answer) => this.queue.push(() => {
      if (come) return;
      come = true;
      const fault = between ? this.fault({ kind: "answer", method: call.method }) : undefined;
      this.answer(canister, context, call, fault === "lose" ? { reject: { code: SYS_UNKNOWN, text: "lost" } } : answer, fault === "trap");
    });
    this.request({ from: canister.id, to: call.to, method: call.method, arg: Uint8Array.from(Buffer.concat(call.data)), answered, between });
  }

  answer(canister, context, call, answer, traps) {
    context.open -= 1;
    const [replyIndex, replyEnv, rejectIndex, rejectEnv] = call.callbacks;
    const [index, env] = answer.reject ? [rejectIndex, rejectEnv] : [replyIndex, replyEnv];
    const message = this.execute(canister, context, () => canister.callback(index, env), traps, { arg: answer.reply ?? new Uint8Array(0), reject: answer.reject });
    if (message.error && call.cleanup) canister.run({ arg: new Uint8Array(0), caller: context.caller }, () => canister.callback(...call.cleanup));
  }

  /** Moves time on, and runs the timers that are due. */
  wait(seconds) {
    this.now += BigInt(seconds) * 1_000_000_000n;
    for (const canister of this.canisters.values()) {
      if (!canister.timer || canister.timer > this.now) continue;
      canister.timer = 0n;
      const context = { caller: Principal.managementCanister().toUint8Array(), arg: new Uint8Array(0), answered: () => {}, open: 0, done: true };
      this.execute(canister, context, () => canister.instance.exports.canister_global_timer());
    }
    this.drain();
  }
}
