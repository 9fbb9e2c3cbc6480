// Guild and its graph, as modules that talk to each other in Node: both agree in the end, whatever traps or is lost between
// them. No subnet is needed; faults are at the messages, as `src/tests/consistency.rs` has them at the library.
import { IDL } from "@icp-sdk/core/candid";
import { Principal } from "@icp-sdk/core/principal";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { service } from "../../../canisters/guild/seed/idl.mjs";
import { Subnet } from "./subnet.mjs";

const modules = Object.fromEntries(["guild", "guild_graph"].map((name) => [name, readFileSync(join(process.env.ATOLL_CANISTERS, `${name}.wasm`))]));
const GUILD = Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai").toUint8Array();
const GRAPH = Principal.fromText("rrkah-fqaaa-aaaaa-aaaaq-cai").toUint8Array();
const GUILD_ARGUMENT = [IDL.Opt(IDL.Record({ admin: IDL.Opt(IDL.Principal), graph: IDL.Opt(IDL.Principal) }))];
const GRAPH_ARGUMENT = [IDL.Opt(IDL.Record({ guild: IDL.Opt(IDL.Principal) }))];
const TOTALS = IDL.Record({ people: IDL.Nat64, connections: IDL.Nat64, ended: IDL.Nat64 });
const methods = new Map(service({ IDL })._fields);
const user = (person) => new Uint8Array(29).fill(person);
const STROKE = 11;

class World {
  subnet = new Subnet();
  ids = new Map();

  constructor(people) {
    const [guild, graph] = [this.subnet.create(GUILD), this.subnet.create(GRAPH)];
    graph.install(modules.guild_graph, "canister_init", IDL.encode(GRAPH_ARGUMENT, [[{ guild: [Principal.fromUint8Array(GUILD)] }]]));
    guild.install(modules.guild, "canister_init", IDL.encode(GUILD_ARGUMENT, [[{ admin: [], graph: [Principal.fromUint8Array(GRAPH)] }]]));
    for (let person = 1; person <= people; person += 1) {
      this.ids.set(person, this.ask(person, "create_profile", { name: `user_${person}`, display: "User", headline: "" }).card.id);
    }
  }

  ask(person, name, ...args) {
    const type = methods.get(name);
    const kind = type.annotations.find((it) => it.endsWith("query")) ?? "update";
    const [answer] = IDL.decode(type.retTypes, this.subnet.call(user(person), GUILD, kind, name, IDL.encode(type.argTypes, args)));
    if (answer?.Err) throw Object.assign(new Error(JSON.stringify(answer.Err)), { refused: true });
    return answer && typeof answer === "object" && "Ok" in answer ? answer.Ok : answer;
  }

  tie(person, other) {
    return Object.keys(this.ask(person, "cards", [this.ids.get(other)])[0].tie)[0];
  }

  upgrade() {
    this.subnet.get(GUILD).install(modules.guild, "canister_post_upgrade", IDL.encode(GUILD_ARGUMENT, [[]]));
    this.subnet.get(GRAPH).install(modules.guild_graph, "canister_post_upgrade", IDL.encode(GRAPH_ARGUMENT, [[]]));
  }

  /** Does something while things go wrong; what the caller is told. */
  with(fault, work) {
    this.subnet.fault = fault;
    try {
      return work();
    } catch (error) {
      return error;
    } finally {
      this.subnet.fault = () => undefined;
    }
  }

  assertAgree() {
    const [graph] = IDL.decode([TOTALS], this.subnet.call(user(1), GRAPH, "query", "totals", IDL.encode([], [])));
    const guild = this.ask(1, "totals");
    assert.deepEqual([guild.connections, guild.pending], [graph.connections, 0n]);
  }
}

test("connecting and parting reach both canisters in one call", () => {
  const world = new World(2);
  const [one, two] = [world.ids.get(1), world.ids.get(2)];
  world.ask(1, "invite", two, "hello");
  assert.deepEqual(world.ask(2, "accept", one), { Connected: null });
  assert.deepEqual(world.ask(2, "accept", one), { Connected: null });
  world.assertAgree();
  assert.deepEqual(world.ask(1, "disconnect", two), { Stranger: null });
  world.assertAgree();
});

test("composite queries ask the graph: degrees, mutual connections, people to know", () => {
  const world = new World(4);
  for (const [from, to] of [[1, 2], [2, 3], [3, 4]]) {
    world.ask(from, "invite", world.ids.get(to), "");
    world.ask(to, "accept", world.ids.get(from));
  }
  const network = world.ask(1, "network", world.ids.get(3));
  assert.deepEqual([network.degree, network.mutual.map((it) => it.id), network.mutual_count], [[2], [world.ids.get(2)], 1]);
  assert.deepEqual(Array.from(world.ask(1, "degrees", [2, 3, 4].map((it) => world.ids.get(it)))), [1, 2, 3]);
  const [first, second] = world.ask(1, "suggestions", 5);
  assert.deepEqual([first.card.id, first.mutual, second.card.id, second.mutual], [world.ids.get(3), 1, world.ids.get(4), 0]);
});

test("only Guild writes into the graph", () => {
  const world = new World(1);
  const change = IDL.Vec(IDL.Record({ a: IDL.Nat32, b: IDL.Nat32, connected: IDL.Bool, number: IDL.Nat64 }));
  const answer = IDL.Variant({ Ok: IDL.Reserved, Err: IDL.Variant({ NotGuild: IDL.Null, TooMany: IDL.Nat32 }) });
  const reply = world.subnet.call(user(1), GRAPH, "update", "apply", IDL.encode([change], [[{ a: 1, b: 2, connected: true, number: 9n }]]));
  assert.deepEqual(IDL.decode([answer], reply), [{ Err: { NotGuild: null } }]);
});

const FAULTS = [["request", "lose"], ["request", "trap"], ["request", "twice"], ["answer", "lose"], ["answer", "trap"]];

for (const [kind, what] of FAULTS) {
  for (const upgraded of [false, true]) {
    test(`${what} of the ${kind}${upgraded ? ", then upgrades of both" : ""}: repaired by the timer`, () => {
      const world = new World(2);
      const [one, two] = [world.ids.get(1), world.ids.get(2)];
      const fault = (message) => (message.kind === kind && message.method === "apply" ? what : undefined);
      world.ask(1, "invite", two, "");
      const told = world.with(fault, () => world.ask(2, "accept", one));
      if (what !== "twice") {
        // an honest answer, or none where Guild itself trapped
        assert.equal(world.tie(2, 1), "Connecting");
        assert.ok(told instanceof Error ? kind === "answer" && what === "trap" : "Connecting" in told);
      }
      if (upgraded) world.upgrade();
      world.subnet.wait(STROKE);
      assert.deepEqual([world.tie(1, 2), world.tie(2, 1)], ["Connected", "Connected"]);
      world.assertAgree();
      const news = world.ask(1, "notifications", [], 10).notifications.filter((it) => "Connected" in it.news);
      assert.equal(news.length, 1);
      world.with(fault, () => world.ask(1, "disconnect", two));
      if (upgraded) world.upgrade();
      world.subnet.wait(STROKE);
      assert.deepEqual([world.tie(1, 2), world.tie(2, 1)], ["Stranger", "Stranger"]);
      world.assertAgree();
    });
  }
}

test("a fault at every stroke of the timer but the last delays and loses nothing", () => {
  const world = new World(2);
  world.ask(1, "invite", world.ids.get(2), "");
  for (const [kind, what] of FAULTS.filter(([, it]) => it !== "twice")) {
    const fault = (message) => (message.kind === kind && message.method === "apply" ? what : undefined);
    world.with(fault, () => (world.tie(2, 1) === "Invites" ? world.ask(2, "accept", world.ids.get(1)) : world.subnet.wait(STROKE)));
    assert.equal(world.tie(2, 1), "Connecting");
  }
  world.subnet.wait(STROKE);
  assert.equal(world.tie(2, 1), "Connected");
  world.assertAgree();
});

test("whoever leaves is parted from in both, although the graph trapped", () => {
  const world = new World(3);
  for (const other of [2, 3]) {
    world.ask(1, "invite", world.ids.get(other), "");
    world.ask(other, "accept", world.ids.get(1));
  }
  world.ask(1, "delete_me");
  assert.deepEqual(world.ask(2, "cards", [world.ids.get(1)]), []);
  world.with((message) => (message.kind === "request" ? "trap" : undefined), () => world.subnet.wait(STROKE));
  world.upgrade();
  for (let stroke = 0; stroke < 3; stroke += 1) world.subnet.wait(STROKE);
  const { users, connections, pending, leaving } = world.ask(2, "totals");
  assert.deepEqual([users, connections, pending, leaving], [2n, 0n, 0n, 0n]);
  const [graph] = IDL.decode([TOTALS], world.subnet.call(user(2), GRAPH, "query", "totals", IDL.encode([], [])));
  assert.equal(graph.connections, 0n);
});

test("an upgrade keeps all that was said", () => {
  const world = new World(2);
  world.ask(1, "publish", { text: "hello", picture: [], order: 1n });
  world.ask(1, "invite", world.ids.get(2), "");
  world.ask(2, "accept", world.ids.get(1));
  world.ask(2, "send_message", { to: world.ids.get(1), text: "hi", order: 1n });
  const look = () => [world.ask(1, "me"), world.ask(2, "posts", { Network: null }, [], 5), world.ask(1, "conversations"), world.ask(1, "totals")];
  const kept = look();
  world.upgrade();
  assert.deepEqual(look(), kept);
});
