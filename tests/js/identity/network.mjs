// Identity on the network under test: the canister that ATOLL_STATUS lists or IDENTITY_CANISTER names, or one that is installed here
// (ATOLL_CANISTERS has the module), which can be upgraded.
import { gzipSync } from "node:zlib";
import { managementInterface, module, rootKey, status } from "../network.mjs";
import { page } from "./page.mjs";

export const lib = await page("backend", "session", "delegate", "idl", "keys", "@icp-sdk/core/agent", "@icp-sdk/core/identity", "@icp-sdk/core/candid", "@icp-sdk/core/principal");
const { Actor, AnonymousIdentity, Backend, Ed25519KeyIdentity, HttpAgent, IDL, Principal, service } = lib;

export { rootKey, status };
export const host = status.gateway_url;
const controller = Ed25519KeyIdentity.generate();
const InitArgs = IDL.Opt(IDL.Record({
  registration: IDL.Opt(IDL.Record({ per_minute: IDL.Nat32, difficulty: IDL.Nat8 })), gateways: IDL.Opt(IDL.Vec(IDL.Text)),
}));

export async function actor(canisterId, identity = new AnonymousIdentity(), factory = service) {
  const agent = await HttpAgent.create({ host, rootKey, identity, verifyQuerySignatures: true });
  return Actor.createActor(factory, { agent, canisterId });
}

async function management(effectiveCanisterId) {
  const agent = await HttpAgent.create({ host, rootKey, identity: controller });
  const fixed = () => ({ effectiveCanisterId });
  return Actor.createActor(() => managementInterface({ IDL }), { agent, canisterId: Principal.fromText("aaaaa-aa"), callTransform: fixed, queryTransform: fixed });
}

const install = async (canister_id, mode, rules) => {
  const registration = rules ? [rules] : [];
  const arg = IDL.encode([InitArgs], [[{ registration, gateways: [] }]]);
  await (await management(canister_id)).install_code({ mode, canister_id, wasm_module: gzipSync(module("identity")), arg });
};

/** Installs a canister with cheap registrations; the answer is its id, once it is ready. */
export async function deploy() {
  const made = await (await management(Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai"))).provisional_create_canister_with_cycles({ amount: [], specified_id: [] });
  await install(made.canister_id, { install: null }, { per_minute: 1_000, difficulty: 8 });
  await ready(made.canister_id);
  return made.canister_id;
}

/** Upgrades a canister of `deploy` with the same module. */
export const upgrade = (id) => install(id, { upgrade: [] });

/** Waits until the canister has drawn its secret. */
export async function ready(id) {
  const canister = await actor(id);
  for (let attempt = 0; attempt < 60; attempt += 1) {
    if ("Ok" in await canister.registration_challenge()) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error("the canister draws no secret");
}

export const given = () => process.env.IDENTITY_CANISTER ?? status.canisters?.identity;
export const backend = (id) => Backend.with(id.toString(), rootKey, host, new AnonymousIdentity());
