// People who use an app through the public agent, all at once and over and over; and modules that the apps' canisters can be upgraded to.
import { Actor, CanisterStatus, HttpAgent } from "@icp-sdk/core/agent";
import { IDL } from "@icp-sdk/core/candid";
import { Principal } from "@icp-sdk/core/principal";
import { status, until } from "./network.mjs";

/** What a canister that is upgraded may take to be back. */
const AWAY_MS = 240_000;

/** A call that is made again until it is answered; what the canister refuses is an error. */
export async function insist(ask, call) {
  const [answer] = await until("a call is answered", async () => [await ask(call)], AWAY_MS);
  return answer;
}

/** A load of calls, repeated until it is stopped. */
export class Load {
  done = 0;
  #goes = true;

  /** Each of `people` does `work(person, round)`, again and again, until the load is stopped. */
  constructor(people, work) {
    this.all = Promise.all(people.map(async (person) => {
      for (let round = 0; this.#goes; round += 1) {
        await work(person, round);
        this.done += 1;
      }
    }));
    // whoever waits for progress is told by `all`, at the latest when the load is stopped
    this.all.catch(() => { this.#goes = false; });
  }

  /** Returns when everybody, or as many, have done so many rounds more. */
  async goesOn(rounds) {
    const goal = this.done + rounds;
    await until(`${rounds} rounds more are done`, async () => !this.#goes || this.done >= goal, AWAY_MS);
    if (!this.#goes) await this.all;
  }

  stop() {
    this.#goes = false;
    return this.all;
  }
}

/** The module with a custom section more: another module that does the same. */
export function renewed(wasm, number) {
  const name = Buffer.from("renewed");
  return Buffer.concat([wasm, Buffer.from([0, name.length + 2, name.length]), name, Buffer.from([number])]);
}

/** A module whose one update method traps. */
export function trapping(method) {
  const name = Buffer.from(`canister_update ${method}`);
  const section = (id, ...bytes) => [id, bytes.length, ...bytes];
  return Buffer.from([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, 1, 0x60, 0, 0), // one type: nothing to nothing
    ...section(3, 1, 0), // one function of it
    ...section(5, 1, 0, 1), // a page of memory
    ...section(7, 1, name.length, ...name, 0, 0), // exported
    ...section(10, 1, 3, 0, 0, 0x0b), // its body: unreachable, end
  ]);
}

/** The hash of a canister's module, certified. */
export async function moduleHash(canister) {
  const agent = await HttpAgent.create({ host: status.gateway_url, rootKey: Uint8Array.from(Buffer.from(status.root_key, "hex")) });
  const facts = await CanisterStatus.request({ agent, canisterId: Principal.fromText(canister), paths: ["module_hash"] });
  return facts.get("module_hash");
}

const management = () => {
  const which = IDL.Record({ canister_id: IDL.Principal });
  return IDL.Service({ stop_canister: IDL.Func([which], [], []), start_canister: IDL.Func([which], [], []) });
};

/**
 * Does `work` while the canister is stopped, as canisters are upgraded that call others: no answer to a call must find another
 * module than the one that asked. Whoever calls it meanwhile is refused and tries again.
 */
export async function atRest({ client, ask }, id, work) {
  const canister_id = Principal.fromText(id);
  const transform = () => ({ effectiveCanisterId: canister_id });
  const actor = Actor.createActor(management, { agent: await client.agent("admin"), canisterId: "aaaaa-aa", callTransform: transform });
  await ask(() => actor.stop_canister({ canister_id }));
  try {
    await work();
  } finally {
    await ask(() => actor.start_canister({ canister_id }));
  }
}
