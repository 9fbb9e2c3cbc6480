// The canister, called through the agent, which checks every answer against the subnet's key.
import { Actor, AnonymousIdentity, HttpAgent, RejectError, type ActorSubclass, type Identity } from "@icp-sdk/core/agent";
import { service } from "./idl";
import { solve } from "./puzzle";

// What candid gives and takes; turned into the page's types below.
type Raw = any;
type Methods = Record<string, (...args: unknown[]) => Promise<Raw>>;

export type KeyType = "unknown" | "platform" | "cross_platform" | "seed_phrase" | "browser_storage_key";

export interface Device {
  pubkey: Uint8Array;
  alias: string;
  credentialId?: Uint8Array;
  recovery: boolean;
  keyType: KeyType;
  protected: boolean;
  origin?: string;
  lastUsage?: number;
  addedAt?: number;
  /** Of a protected device: when protection begins. */
  protectedFrom?: number;
}

export interface Info {
  devices: Device[];
  pairing?: { waiting?: Device; until: number };
}

/** The canister refused; the text is for people. */
export class Refused extends Error {
  constructor(readonly kind: string, message: string) {
    super(message);
  }
}

const TRIES = 12;
/** How often the work of registering is done anew, where meanwhile others made it dearer. */
const WORKS = 6;
const milliseconds = (nanoseconds: bigint) => Number(nanoseconds / 1_000_000n);
const bytes = (raw: Raw) => Uint8Array.from(raw);
const option = <T>(value?: T): [] | [T] => (value === undefined ? [] : [value]);
const variant = (value: object) => Object.keys(value)[0]!;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function explain(refusal: Raw): Refused {
  const kind = variant(refusal);
  const detail = refusal[kind];
  const texts: Record<string, () => string> = {
    not_ready: () => "The canister is just starting. Try again in a moment.",
    unauthorized: () => "This device does not belong to that identity (any more).",
    not_the_device: () => "The call was not signed by the new device.",
    invalid: () => `Not accepted: ${detail}.`,
    bad_proof: () => "Many people are registering, or that took too long. Try again.",
    too_many_registrations: () => `Too many people are registering. Try again at ${new Date(milliseconds(detail.until)).toLocaleTimeString()}.`,
    canister_full: () => "No more identities can be made here.",
    already_registered: () => "That device belongs to an identity already.",
    too_many_devices: () => `An identity has at most ${detail.max} devices. Remove one first.`,
    no_such_device: () => "That device is gone already.",
    protected: () => "The recovery phrase is protected: sign in with it to change or remove it.",
    last_device: () => "This is the last device. Without it nobody could sign in any more.",
    device_registration_mode_off: () => "That identity is not waiting for a device. Begin on a device that you use already.",
    another_device_tentatively_added: () => "Another device waits already. Begin again on the device that you use.",
    no_device_to_verify: () => "No device waits yet. Do the steps on the new device first.",
    wrong_code: () => (detail.retries_left ? `That is not the code. You can try ${detail.retries_left} more times.` : "That was not the code, three times. Begin again."),
  };
  return new Refused(kind, texts[kind]?.() ?? kind);
}

function ok(answer: Raw): Raw {
  if ("Err" in answer) throw explain(answer.Err);
  return answer.Ok;
}

/** What replicas answer when the canister did not let a call in (Internet Computer's error codes). */
const NOT_LET_IN = "IC0406";
/** Why it is not let in, if it is not one of the caller's identity. */
const NOT_LET_IN_BECAUSE: Record<string, string> = {
  register: "Too many people are registering, or that took too long. Try again in a minute.",
  add_tentative_device: "That identity is not waiting for a device, or for another one. Begin on a device that you use already.",
};

/** What a call answers; a call that was not let in was refused. */
export async function answered(method: string, answer: Promise<Raw>): Promise<Raw> {
  try {
    return ok(await answer);
  } catch (error) {
    const code = error instanceof RejectError ? (error.code as { rejectErrorCode?: string }).rejectErrorCode : undefined;
    if (code !== NOT_LET_IN) throw error;
    throw new Refused("not_let_in", NOT_LET_IN_BECAUSE[method] ?? explain({ unauthorized: null }).message);
  }
}

const time = (raw?: [] | [bigint]) => (raw?.[0] === undefined ? undefined : milliseconds(raw[0]));

const device = (raw: Raw): Device => ({
  pubkey: bytes(raw.pubkey), alias: raw.alias, credentialId: raw.credential_id[0] && bytes(raw.credential_id[0]),
  recovery: "recovery" in raw.purpose, keyType: variant(raw.key_type) as KeyType, protected: "protected" in raw.protection,
  origin: raw.origin[0], lastUsage: time(raw.last_usage), addedAt: time(raw.added_at), protectedFrom: time(raw.protected_from),
});

const given = (it: Device) => ({
  pubkey: it.pubkey, alias: it.alias, credential_id: option(it.credentialId), purpose: { [it.recovery ? "recovery" : "authentication"]: null },
  key_type: { [it.keyType]: null }, protection: { [it.protected ? "protected" : "unprotected"]: null }, origin: option(it.origin),
});

const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));

export class Backend {
  private constructor(readonly canister: string, private readonly rootKey: Uint8Array, private readonly host: string,
    private readonly actor: ActorSubclass<Methods>) {}

  static async with(canister: string, rootKey: Uint8Array, host: string, identity: Identity): Promise<Backend> {
    const agent = await HttpAgent.create({ host, rootKey, identity });
    return new Backend(canister, rootKey, host, Actor.createActor<Methods>(service, { agent, canisterId: canister }));
  }

  /** Knows the canister and the subnet's key from a certified file beside the page. */
  static async open(): Promise<Backend> {
    const response = await fetch("/env.json");
    if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
    const env = await response.json() as { canister: string; root_key: string };
    return Backend.with(env.canister, fromHex(env.root_key), location.origin, new AnonymousIdentity());
  }

  /** The same canister, called by somebody. */
  as = (identity: Identity): Promise<Backend> => Backend.with(this.canister, this.rootKey, this.host, identity);

  private call = (method: string, ...args: unknown[]): Promise<Raw> => answered(method, this.actor[method]!(...args));

  /** Makes an identity with this device, whose key signs the call. The work is done here. */
  async register(it: Device): Promise<bigint> {
    for (let work = 1; ; work += 1) {
      const { challenge, difficulty } = ok(await this.actor.registration_challenge!());
      const proof = { challenge, nonce: await solve(bytes(challenge), it.pubkey, difficulty) };
      try {
        return await this.call("register", given(it), proof);
      } catch (error) {
        const isTooLittle = error instanceof Refused && ["bad_proof", "not_let_in"].includes(error.kind);
        if (!isTooLittle || work >= WORKS) throw error;
      }
    }
  }

  /** Names a device that may join; then it accepts. */
  add = async (user: bigint, it: Device): Promise<void> => await this.call("add", user, given(it));
  /** As the device that was added. */
  accept = async (user: bigint): Promise<void> => await this.call("accept", user);
  update = async (user: bigint, it: Device): Promise<void> => await this.call("update", user, it.pubkey, given(it));
  remove = async (user: bigint, key: Uint8Array): Promise<void> => await this.call("remove", user, key);

  async info(user: bigint): Promise<Info> {
    const raw = ok(await this.actor.get_anchor_info!(user));
    const [open] = raw.device_registration;
    const pairing = open && { waiting: open.tentative_device[0] && device(open.tentative_device[0]), until: milliseconds(open.expiration) };
    return { devices: raw.devices.map(device), pairing };
  }

  myAnchor = async (): Promise<bigint | undefined> => (await this.actor.my_anchor!())[0];

  async deviceKey(credential: Uint8Array): Promise<{ key: Uint8Array; user: bigint } | undefined> {
    const [found] = await this.actor.lookup_device_key!(credential);
    return found && { key: bytes(found.pubkey), user: found.anchor_number };
  }

  /** The identity is gone for good. */
  forget = async (user: bigint): Promise<void> => await this.call("forget_me", user);

  async openPairing(user: bigint): Promise<{ secret: string; until: number }> {
    const { secret, expiration } = await this.call("enter_device_registration_mode", user);
    return { secret, until: milliseconds(expiration) };
  }

  closePairing = async (user: bigint): Promise<void> => await this.call("exit_device_registration_mode", user);
  confirm = async (user: bigint, code: string): Promise<void> => await this.call("verify_tentative_device", user, code);

  async leave(user: bigint, secret: string, it: Device): Promise<{ code: string; until: number }> {
    const raw = await this.call("add_tentative_device", user, secret, given(it));
    return { code: raw.verification_code, until: milliseconds(raw.device_registration_timeout) };
  }

  /** A delegation of this person's identity for the app at `origin` to the app's session key. */
  async delegate(user: bigint, origin: string, sessionKey: Uint8Array, ttl?: bigint) {
    const prepared = await this.call("prepare_delegation", user, origin, sessionKey, option(ttl));
    // one replica is asked, which may be a block behind
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const answer = await this.actor.get_delegation!(user, origin, sessionKey, prepared.expiration);
      if ("signed_delegation" in answer) {
        const { delegation, signature } = answer.signed_delegation;
        return { userKey: bytes(prepared.user_key), expiration: delegation.expiration as bigint, signature: bytes(signature) };
      }
      await wait(150 * (attempt + 1));
    }
    throw new Error("The replicas do not show the signature. Try again.");
  }
}
