// The two unmodified agents, as apps import them, behind one shape.
import * as core from "@icp-sdk/core/agent";
import { IDL as coreIdl } from "@icp-sdk/core/candid";
import { Ed25519KeyIdentity as CoreIdentity } from "@icp-sdk/core/identity";
import { Principal as CorePrincipal } from "@icp-sdk/core/principal";
import * as dfinity from "@dfinity/agent";
import { IDL as dfinityIdl } from "@dfinity/candid";
import { Ed25519KeyIdentity as DfinityIdentity } from "@dfinity/identity";
import { Principal as DfinityPrincipal } from "@dfinity/principal";
import { managementInterface, rootKey } from "./network.mjs";

const packages = {
  "@icp-sdk/core": { lib: core, IDL: coreIdl, Identity: CoreIdentity, Principal: CorePrincipal },
  "@dfinity/agent": { lib: dfinity, IDL: dfinityIdl, Identity: DfinityIdentity, Principal: DfinityPrincipal },
};

export const names = Object.keys(packages);

/** A client of `host` through the package `name`, with an identity of its own and all checks on. */
export async function connect(name, host, options = {}) {
  const { lib, IDL, Identity, Principal } = packages[name];
  const identity = options.identity ?? Identity.generate();
  const agent = await lib.HttpAgent.create({ host, identity, rootKey, verifyQuerySignatures: true });
  const actor = (factory, canisterId) =>
    lib.Actor.createActor(() => factory({ IDL }), { agent, canisterId });
  const management = (effectiveCanisterId) => lib.Actor.createActor(() => managementInterface({ IDL }), {
    agent,
    canisterId: Principal.fromText("aaaaa-aa"),
    callTransform: () => ({ effectiveCanisterId }),
    queryTransform: () => ({ effectiveCanisterId }),
  });
  const first = Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai");
  return {
    lib, IDL, Principal, identity, agent, actor, management,
    /** Creates a canister and installs `wasm` in it. */
    async deploy(wasm, arg = new Uint8Array()) {
      const created = await management(first).provisional_create_canister_with_cycles({ amount: [], specified_id: [] });
      await this.install(created.canister_id, wasm, { install: null }, arg);
      return created.canister_id;
    },
    async install(canister_id, wasm, mode, arg = new Uint8Array()) {
      await management(canister_id).install_code({ mode, canister_id, wasm_module: wasm, arg });
    },
    /** Certified facts of a canister, by read_state. */
    async facts(canisterId) {
      return lib.CanisterStatus.request({ agent, canisterId, paths: ["time", "module_hash", "controllers", "candid"] });
    },
  };
}
