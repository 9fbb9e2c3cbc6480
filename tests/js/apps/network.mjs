// The running network under test, its apps installed and seeded: `status.json` is named by ATOLL_STATUS, the folder of compiled
// canisters by ATOLL_CANISTERS (both set by tests/apps).
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const need = (name) => process.env[name] ?? (() => { throw new Error(`${name} is not set`); })();
const statusFile = need("ATOLL_STATUS");
export const status = JSON.parse(readFileSync(statusFile, "utf8"));
/** A file of the network's folder. */
export const beside = (name) => join(dirname(statusFile), name);
export const module = (name) => readFileSync(join(need("ATOLL_CANISTERS"), `${name}.wasm`));

/** Whether all is tried, and not only what CI has time for (see tests/apps/main.rs). */
export const FULL = process.env.ATOLL_FULL === "1";

/** So that a test can be run again on the same network. */
export const run = Date.now().toString(36);

export function canister(app) {
  const id = status.canisters[app];
  if (!id) throw new Error(`status.json lists ${Object.keys(status.canisters)}, no ${app}: start with --apps`);
  return id;
}
export const origin = (app) => `http://${canister(app)}.localhost:${status.gateway_port}`;

/** A file of an app by the gateway's other address: not every resolver knows `*.localhost`. */
export const get = (app, path, options) =>
  fetch(`${status.gateway_url}${path}?canisterId=${canister(app)}`, { cache: "no-store", ...options });

const PATIENCE_MS = 90_000;
const ASK_AGAIN_MS = 250;

/** Asks until it holds; its answer. What went wrong last is told if it never does. */
export async function until(what, holds, patience = PATIENCE_MS) {
  const end = Date.now() + patience;
  for (let last; ;) {
    try {
      const answer = await holds();
      if (answer) return answer;
      last = `answered ${answer}`;
    } catch (error) {
      if (error.refused) throw error;
      last = error.message;
    }
    if (Date.now() > end) throw new Error(`waited ${patience} ms in vain until ${what}: ${last}`);
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

/** `kill -9` of a replica that no test has killed before; returns when nobody answers any more. */
export async function kill(index) {
  const { pid, metrics_url: address } = status.replicas[index];
  process.kill(pid, "SIGKILL");
  const silent = async () => fetch(`${address}/health`).then(() => false, () => true);
  await until(`replica ${index} is gone`, silent);
}
