// A client of Guild for programs: identities from a secret, calls that are repeated when the network fails, installation
// and upgrade of both canisters.
import { Actor, HttpAgent } from "@icp-sdk/core/agent";
import { IDL } from "@icp-sdk/core/candid";
import { Ed25519KeyIdentity } from "@icp-sdk/core/identity";
import { Principal } from "@icp-sdk/core/principal";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { service } from "./idl.mjs";

const TRIES = 6;
/** Calls that concern no canister yet go to the subnet that this id belongs to. */
const ANYWHERE = Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai");
const CYCLES = 100_000_000_000_000n;
/** A module goes in compressed: one call takes 2 MiB. */
const packed = (wasm) => gzipSync(wasm, { level: 9 });

const management = IDL.Service({
  provisional_create_canister_with_cycles: IDL.Func([IDL.Record({ amount: IDL.Opt(IDL.Nat), specified_id: IDL.Opt(IDL.Principal) })], [IDL.Record({ canister_id: IDL.Principal })], []),
  install_code: IDL.Func([IDL.Record({
    mode: IDL.Variant({ install: IDL.Null, reinstall: IDL.Null, upgrade: IDL.Opt(IDL.Record({})) }), canister_id: IDL.Principal,
    wasm_module: IDL.Vec(IDL.Nat8), arg: IDL.Vec(IDL.Nat8),
  })], [], []),
});
const GUILD_ARGUMENT = [IDL.Opt(IDL.Record({ admin: IDL.Opt(IDL.Principal), graph: IDL.Opt(IDL.Principal) }))];
const GRAPH_ARGUMENT = [IDL.Opt(IDL.Record({ guild: IDL.Opt(IDL.Principal) }))];

/** Calls again when the network fails; what the canister refuses is an error. */
export async function ask(call) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await call();
      if (answer?.Err) throw Object.assign(new Error(JSON.stringify(answer.Err, (_, it) => (typeof it === "bigint" ? String(it) : it))), { refused: true });
      return answer !== null && typeof answer === "object" && "Ok" in answer ? answer.Ok : answer;
    } catch (error) {
      if (error.refused || attempt >= TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 300 * 2 ** attempt));
    }
  }
}

export class Client {
  /** For the network of a status.json; the secret is made where `keyFile` has none. */
  constructor(status, keyFile) {
    if (!existsSync(keyFile)) writeFileSync(keyFile, randomBytes(32).toString("hex"), { mode: 0o600 });
    this.status = status;
    this.secret = readFileSync(keyFile, "utf8").trim();
  }

  digest(text) {
    return createHash("sha256").update(this.secret).update(text).digest();
  }

  /** A number that is always the same for the same text, so that a repeated run does nothing twice. */
  order(text) {
    return this.digest(text).readBigUInt64BE();
  }

  agent(name) {
    return HttpAgent.create({
      host: this.status.gateway_url, identity: Ed25519KeyIdentity.generate(this.digest(name)),
      rootKey: Uint8Array.from(Buffer.from(this.status.root_key, "hex")), verifyQuerySignatures: false,
    });
  }

  async actor(name, canisterId) {
    return Actor.createActor(service, { agent: await this.agent(name), canisterId });
  }

  async management(name) {
    return Actor.createActor(() => management, {
      agent: await this.agent(name), canisterId: "aaaaa-aa",
      callTransform: (_, [arg]) => ({ effectiveCanisterId: arg.canister_id ?? ANYWHERE }),
    });
  }

  /** Makes both canisters, each of which knows the other; their controller is "admin". */
  async install(guildWasm, graphWasm) {
    const actor = await this.management("admin");
    const make = async () => (await actor.provisional_create_canister_with_cycles({ amount: [CYCLES], specified_id: [] })).canister_id;
    const [guild, graph] = [await make(), await make()];
    const put = (canister_id, wasm, arg) => actor.install_code({ mode: { install: null }, canister_id, wasm_module: packed(wasm), arg });
    await put(graph, graphWasm, IDL.encode(GRAPH_ARGUMENT, [[{ guild: [guild] }]]));
    await put(guild, guildWasm, IDL.encode(GUILD_ARGUMENT, [[{ admin: [], graph: [graph] }]]));
    return { guild: guild.toText(), graph: graph.toText() };
  }

  /** Upgrades one of the two; what its argument does not say stays. */
  async upgrade(canister, wasm) {
    const actor = await this.management("admin");
    const mode = { upgrade: [] };
    await actor.install_code({ mode, canister_id: Principal.fromText(canister), wasm_module: packed(wasm), arg: IDL.encode([IDL.Opt(IDL.Null)], [[]]) });
  }

  /** The graph, as anybody may ask it. */
  async graph(canisterId) {
    return Actor.createActor(graphService, { agent: await this.agent("admin"), canisterId });
  }
}

const graphService = () => IDL.Service({
  connections: IDL.Func([IDL.Nat32, IDL.Opt(IDL.Nat32), IDL.Nat32], [IDL.Record({ people: IDL.Vec(IDL.Nat32), next: IDL.Opt(IDL.Nat32) })], ["query"]),
  totals: IDL.Func([], [IDL.Record({ people: IDL.Nat64, connections: IDL.Nat64, ended: IDL.Nat64 })], ["query"]),
});
