// Sign-in: the only module that knows how somebody proves who they are.
//
// Today one way: a key that this browser makes and keeps (ECDSA P-256, in IndexedDB, not extractable, so no script can
// read it). A way by the Internet Identity protocol becomes another entry of `ways`.
import { AnonymousIdentity, type Identity } from "@icp-sdk/core/agent";
import { ECDSAKeyIdentity } from "@icp-sdk/core/identity";

export interface Way {
  id: string;
  title: string;
  text: string;
  signIn(): Promise<Identity>;
  /** The identity of a session that is still open. */
  restore(): Promise<Identity | undefined>;
  signOut(): Promise<void>;
}

const DATABASE = "clips";
const STORE = "keys";
const KEY = "device";
const SESSION = "clips.signed-in-by";

function keys<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const request = work(opening.result.transaction(STORE, mode).objectStore(STORE));
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        resolve(request.result);
        opening.result.close();
      };
    };
  });
}

const storedKey = () => keys<CryptoKeyPair | undefined>("readonly", (store) => store.get(KEY));

const device: Way = {
  id: "device",
  title: "Use this device",
  text: "A key is made in this browser and never leaves it. Clearing the browser's data loses it.",
  async signIn() {
    const known = await storedKey();
    if (known) return ECDSAKeyIdentity.fromKeyPair(known);
    const identity = await ECDSAKeyIdentity.generate({ extractable: false, keyUsages: ["sign", "verify"] });
    await keys("readwrite", (store) => store.put(identity.getKeyPair(), KEY));
    return identity;
  },
  async restore() {
    const known = await storedKey();
    return known && ECDSAKeyIdentity.fromKeyPair(known);
  },
  // the key stays, so that the same person comes back
  signOut: async () => {},
};

export const ways: Way[] = [device];

const current = () => ways.find((way) => way.id === localStorage.getItem(SESSION));

/** Whether somebody signed in here before, without loading their key. */
export const remembers = () => current() !== undefined;

export async function restore(): Promise<Identity> {
  return (await current()?.restore()) ?? new AnonymousIdentity();
}

export async function signIn(way: Way): Promise<Identity> {
  const identity = await way.signIn();
  localStorage.setItem(SESSION, way.id);
  return identity;
}

export async function signOut(): Promise<void> {
  await current()?.signOut();
  localStorage.removeItem(SESSION);
}
