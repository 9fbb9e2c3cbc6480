// The running network under test: its status.json is named by ATOLL_STATUS, the folder of compiled canisters by
// ATOLL_CANISTERS (both set by tests/clients).
import { readFileSync } from "node:fs";
import { join } from "node:path";

const need = (name) => process.env[name] ?? (() => { throw new Error(`${name} is not set`); })();

export const status = JSON.parse(readFileSync(need("ATOLL_STATUS"), "utf8"));
export const rootKey = Uint8Array.from(Buffer.from(status.root_key, "hex"));
export const hosts = [...status.replicas.map((replica) => replica.api_url), status.gateway_url];
export const module = (name) => readFileSync(join(need("ATOLL_CANISTERS"), `${name}.wasm`));

export const managementInterface = ({ IDL }) => {
  const id = IDL.Record({ canister_id: IDL.Principal });
  const flags = IDL.Record({
    skip_pre_upgrade: IDL.Opt(IDL.Bool),
    wasm_memory_persistence: IDL.Opt(IDL.Variant({ keep: IDL.Null, replace: IDL.Null })),
  });
  return IDL.Service({
    provisional_create_canister_with_cycles: IDL.Func(
      [IDL.Record({ amount: IDL.Opt(IDL.Nat), specified_id: IDL.Opt(IDL.Principal) })], [id], []),
    install_code: IDL.Func([IDL.Record({
      mode: IDL.Variant({ install: IDL.Null, reinstall: IDL.Null, upgrade: IDL.Opt(flags) }),
      canister_id: IDL.Principal,
      wasm_module: IDL.Vec(IDL.Nat8),
      arg: IDL.Vec(IDL.Nat8),
    })], [], []),
    canister_status: IDL.Func([id], [IDL.Record({
      status: IDL.Variant({ running: IDL.Null, stopping: IDL.Null, stopped: IDL.Null }),
      cycles: IDL.Nat,
      module_hash: IDL.Opt(IDL.Vec(IDL.Nat8)),
    })], []),
  });
};

export const counterInterface = ({ IDL }) => IDL.Service({
  increment: IDL.Func([], [IDL.Nat64], []),
  get: IDL.Func([], [IDL.Nat64], ["query"]),
});
