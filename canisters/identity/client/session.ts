// Who uses an app, also after a reload, for apps on `@icp-sdk/core`. There are two ways in: a passkey by Identity, which gives a principal that no other
// app sees, for a session of some days; and a key that this browser makes and keeps. All keys are ECDSA P-256 in IndexedDB and not extractable: no script
// can read them.
import { AnonymousIdentity, type DerEncodedPublicKey, type Identity, type Signature } from "@icp-sdk/core/agent";
import { Delegation, DelegationChain, DelegationIdentity, ECDSAKeyIdentity, isDelegationValid, type JsonnableDelegationChain } from "@icp-sdk/core/identity";
import { signIn, type SignedIn } from "./sign-in";

export interface Way {
  id: "passkey" | "device";
  title: string;
  text: string;
  /** To be called from a click. */
  signIn(): Promise<Identity>;
}

/** Signing in did not happen; the text is for people. */
export class NotSignedIn extends Error {
  readonly kind = "NotSignedIn";
}

interface Session {
  key: CryptoKeyPair;
  chain: JsonnableDelegationChain;
}

const STORE = "keys";
const DEVICE = "device";
const SESSION = "session";
const SESSION_DAYS = 7n;
const DAY_NS = 24n * 3_600_000_000_000n;
/** What a timer can wait for. */
const TIMER_MS_MAX = 2 ** 31 - 1;

const newKey = () => ECDSAKeyIdentity.generate({ extractable: false, keyUsages: ["sign", "verify"] });

const end = (chain: DelegationChain) => Math.min(...chain.delegations.map(({ delegation }) => Number(delegation.expiration / 1_000_000n)));

function chainOf({ delegations, userPublicKey }: SignedIn): DelegationChain {
  const signed = delegations.map(({ delegation, signature }) => ({
    delegation: new Delegation(delegation.pubkey, delegation.expiration), signature: signature as Signature,
  }));
  return DelegationChain.fromDelegations(signed, userPublicKey as DerEncodedPublicKey);
}

export class Sessions {
  private readonly remembered: string;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `app` names the database; `ended` is told when a session ends without this page's doing: by its time, or in another tab. */
  constructor(private readonly app: string, private readonly ended: () => void) {
    this.remembered = `${app}.signed-in-by`;
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key === this.remembered && newValue === null) this.close();
    });
  }

  /** The ways in; without Identity's origin, by a key of this browser only. To be called before the click that signs in: a window opens in the click itself. */
  ways(provider?: string): Way[] {
    const device: Way = {
      id: DEVICE, title: "Use this device",
      text: "A key is made in this browser and never leaves it. Clearing the browser's data loses it.",
      signIn: () => this.remember(DEVICE, this.withDevice()),
    };
    if (!provider) return [device];
    const key = newKey();
    const passkey: Way = {
      id: "passkey", title: "Sign in with a passkey",
      text: "By fingerprint, face or PIN, on all your devices. A window opens; no other app learns who you are here.",
      signIn: () => this.remember("passkey", this.withPasskey(provider, key)),
    };
    return [passkey, device];
  }

  /** Who is signed in here, if anybody is. */
  async restore(): Promise<Identity> {
    const way = localStorage.getItem(this.remembered);
    const found = way === DEVICE ? await this.device() : way === "passkey" ? await this.session() : undefined;
    if (way && !found) localStorage.removeItem(this.remembered);
    return found ?? new AnonymousIdentity();
  }

  /** A session's key is forgotten; the device's stays, so that the same person comes back. */
  async signOut(): Promise<void> {
    clearTimeout(this.timer);
    localStorage.removeItem(this.remembered);
    await this.keys("readwrite", (store) => store.delete(SESSION));
  }

  private async remember(way: Way["id"], identity: Promise<Identity>): Promise<Identity> {
    const found = await identity;
    localStorage.setItem(this.remembered, way);
    return found;
  }

  private async device(): Promise<Identity | undefined> {
    const known = await this.keys<CryptoKeyPair | undefined>("readonly", (store) => store.get(DEVICE));
    return known && ECDSAKeyIdentity.fromKeyPair(known);
  }

  private async withDevice(): Promise<Identity> {
    const known = await this.device();
    if (known) return known;
    const identity = await newKey();
    await this.keys("readwrite", (store) => store.put(identity.getKeyPair(), DEVICE));
    return identity;
  }

  private async session(): Promise<Identity | undefined> {
    const known = await this.keys<Session | undefined>("readonly", (store) => store.get(SESSION));
    if (!known) return undefined;
    const chain = DelegationChain.fromJSON(known.chain);
    if (!isDelegationValid(chain)) {
      await this.signOut();
      return undefined;
    }
    return this.delegated(await ECDSAKeyIdentity.fromKeyPair(known.key), chain);
  }

  private async withPasskey(provider: string, prepared: Promise<ECDSAKeyIdentity>): Promise<Identity> {
    const key = await prepared;
    const asked = { provider, sessionKey: new Uint8Array(key.getPublicKey().toDer()), maxTimeToLive: SESSION_DAYS * DAY_NS };
    const signed = await signIn(asked).catch((error: Error) => Promise.reject(new NotSignedIn(error.message)));
    const chain = chainOf(signed);
    if (!isDelegationValid(chain)) throw new NotSignedIn("This device's clock differs too much from the subnet's.");
    const session: Session = { key: key.getKeyPair(), chain: chain.toJSON() };
    await this.keys("readwrite", (store) => store.put(session, SESSION));
    return this.delegated(key, chain);
  }

  private delegated(key: ECDSAKeyIdentity, chain: DelegationChain): Identity {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.close(), Math.min(end(chain) - Date.now(), TIMER_MS_MAX));
    return DelegationIdentity.fromDelegation(key, chain);
  }

  /** Nothing is cleared away: a tab that slept hears of an end when another one may have signed in again. */
  private close(): void {
    clearTimeout(this.timer);
    this.ended();
  }

  private keys<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open(this.app, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const transaction = opening.result.transaction(STORE, mode);
        const request = work(transaction.objectStore(STORE));
        transaction.onabort = () => reject(transaction.error);
        transaction.oncomplete = () => {
          resolve(request.result);
          opening.result.close();
        };
      };
    });
  }
}
