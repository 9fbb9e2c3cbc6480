// The whole page in a document of jsdom, before a replica that signs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Cbor } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import { JSDOM, VirtualConsole } from "jsdom";
import { Replica, label, type Tree } from "./replica";

export const id = Principal.fromText("rwlgt-iiaaa-aaaaa-aaaaa-cai");
const html = readFileSync(new URL("../src/index.html", import.meta.url), "utf8");

export const until = async (what: string, done: () => boolean) => {
  for (let tries = 0; !done(); tries++) {
    assert.ok(tries < 200, what);
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
};

/** What is certified of a canister with these metadata. */
export function canister(metadata: [string, Tree][]): Map<string, Tree> {
  const controllers = Uint8Array.from(Cbor.encode([id.toUint8Array()]));
  const state = new Map<string, Tree>([["controllers", controllers], ["module_hash", "m"], ["metadata", new Map(metadata)]]);
  return new Map([[label(id.toUint8Array()), state]]);
}

/** The page at this address; its script runs once in a process, as it does in a tab. */
export async function opened(search: string, state: Map<string, Tree>) {
  const replica = new Replica();
  replica.state = state;
  const virtualConsole = new VirtualConsole();
  const { window } = new JSDOM(html, { url: `http://candid-page.localhost/${search}`, virtualConsole });
  window.Element.prototype.scrollIntoView = () => {};
  const { document, Node, location, history, localStorage } = window;
  Object.assign(globalThis, { window, document, Node, location, history, localStorage, fetch: replica.fetch });
  await import("../src/main");
  await until("the page is ready", () => document.body.dataset.ready === "yes");
  return { window, document, replica };
}
