// Somebody who proved who they are: by a passkey once (it signs for a key of this page), or by a key that is at hand.
import { DelegationChain, DelegationIdentity, ECDSAKeyIdentity, Ed25519KeyIdentity } from "@icp-sdk/core/identity";
import { Principal } from "@icp-sdk/core/principal";
import type { Identity } from "@icp-sdk/core/agent";
import type { Backend, Device } from "./backend";
import * as keys from "./keys";
import * as passkey from "./passkey";

/** What apps are told about how somebody signed in; Internet Identity's words. */
export type Method = "passkey" | "pin" | "recovery";

export interface Session {
  user: bigint;
  method: Method;
  backend: Backend;
  /** The public key of the device that signed in. */
  key: Uint8Array;
}

/** How long the page may act for a passkey. */
const SESSION_MS = 30 * 60_000;

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, index) => byte === b[index]);
export const isMine = (session: Session, device: Device) => same(session.key, device.pubkey);

/** One touch: the passkey signs for a key that lives as long as this page, and that may call this canister only. */
async function actFor(from: passkey.Passkey, { canister }: Backend): Promise<{ identity: Identity; key: Uint8Array }> {
  const page = await ECDSAKeyIdentity.generate({ extractable: false });
  const chain = await DelegationChain.create(from, page.getPublicKey(), new Date(Date.now() + SESSION_MS), { targets: [Principal.fromText(canister)] });
  return { identity: DelegationIdentity.fromDelegation(page, chain), key: new Uint8Array(chain.publicKey) };
}

export async function byPasskey(backend: Backend): Promise<Session> {
  let user: bigint | undefined;
  const chosen = passkey.Passkey.chosen(async (credential) => {
    const found = await backend.deviceKey(credential);
    if (!found) throw new Error("This passkey belongs to no identity here; it may have been removed.");
    user = found.user;
    return found.key;
  });
  const { identity, key } = await actFor(chosen, backend);
  return { user: user!, method: "passkey", backend: await backend.as(identity), key };
}

async function byKey(backend: Backend, key: ECDSAKeyIdentity | Ed25519KeyIdentity, method: Method): Promise<Session | undefined> {
  const own = await backend.as(key);
  const user = await own.myAnchor();
  return user === undefined ? undefined : { user, method, backend: own, key: new Uint8Array(key.getPublicKey().toDer()) };
}

/** With the key of this browser, if it has one that is somebody's. */
export async function byBrowser(backend: Backend): Promise<Session | undefined> {
  const key = await keys.browserKey();
  return key && byKey(backend, key, "pin");
}

export async function byPhrase(backend: Backend, words: string): Promise<Session> {
  const session = await byKey(backend, await keys.phraseKey(words), "recovery");
  if (!session) throw new Error("These words belong to no identity here.");
  return session;
}

/** A device that the canister does not know yet, and who signs for it. */
export interface Newcomer {
  device: Device;
  method: Method;
  backend: Backend;
  keep(): Promise<void>;
}

/** A passkey that was made, and that the canister does not know yet because something failed: the next attempt takes it, but only the next. */
let made: Device | undefined;

export async function newPasskey(backend: Backend, alias: string, others: Device[] = []): Promise<Newcomer> {
  const left = made;
  const device = left ?? await passkey.create(alias, others);
  made = left ? undefined : device;
  const { identity } = await actFor(passkey.Passkey.known(device), backend);
  made = device;
  return { device, method: "passkey", backend: await backend.as(identity), keep: async () => { made = undefined; } };
}

/** A browser keeps one key, perhaps the only way in: if it seems to be nobody's it is used again, and none takes its place. */
export async function newBrowser(backend: Backend, alias: string): Promise<Newcomer> {
  const other = await byBrowser(backend);
  if (other) throw new Error(`This browser has a key already, of identity ${other.user}. Sign in with it, or remove it there first.`);
  const key = await keys.keptBrowserKey();
  return { device: keys.browserDevice(key, alias), method: "pin", backend: await backend.as(key), keep: async () => {} };
}

/** A newcomer whom the canister has come to know. */
export async function welcome(it: Newcomer, user: bigint): Promise<Session> {
  await it.keep();
  return { user, method: it.method, backend: it.backend, key: it.device.pubkey };
}

export const register = async (it: Newcomer): Promise<Session> => welcome(it, await it.backend.register(it.device));

/** Somebody's further device: the session names it, and its own key agrees. */
export async function addDevice(session: Session, it: Omit<Newcomer, "method">): Promise<void> {
  await session.backend.add(session.user, it.device);
  await it.backend.accept(session.user);
  await it.keep();
}

export async function addPhrase(session: Session, words: string): Promise<void> {
  const key = await keys.phraseKey(words);
  await addDevice(session, { device: keys.phraseDevice(key), backend: await session.backend.as(key), keep: async () => {} });
}

/** What this device may be called. */
export function alias(): string {
  const agent = navigator.userAgent;
  const first = (names: string[]) => names.find((name) => agent.includes(name));
  const browser = first(["Edg", "Firefox", "Chrome", "Safari"])?.replace("Edg", "Edge") ?? "Browser";
  const system = first(["iPhone", "iPad", "Android", "Windows", "Mac OS", "CrOS", "Linux"]) ?? "this device";
  return `${browser} on ${system}`;
}
