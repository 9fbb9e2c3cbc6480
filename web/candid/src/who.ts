// Who calls: nobody in particular, a key that this browser keeps (P-256, in IndexedDB, not extractable: no script can read
// it), or a principal that Identity gives this page alone.
import type { DerEncodedPublicKey, Identity, Signature } from "@icp-sdk/core/agent";
import { Delegation, DelegationChain, DelegationIdentity, ECDSAKeyIdentity } from "@icp-sdk/core/identity";
import { signIn } from "../../../canisters/identity/client/sign-in";

const DATABASE = "candid";
const STORE = "keys";
const KEY = "device";
const REMEMBERED = "candid.calls-by-key";
const PROVIDER = "candid.identity";
const SESSION_NS = 8n * 3_600_000_000_000n;

const newKey = () => ECDSAKeyIdentity.generate({ extractable: false, keyUsages: ["sign", "verify"] });

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

const kept = () => keys<CryptoKeyPair | undefined>("readonly", (store) => store.get(KEY));

/** This browser's key; it is made when it is first wanted. */
export async function byKey(): Promise<Identity> {
  const known = await kept();
  const identity = known ? await ECDSAKeyIdentity.fromKeyPair(known) : await newKey();
  if (!known) await keys("readwrite", (store) => store.put(identity.getKeyPair(), KEY));
  localStorage.setItem(REMEMBERED, "yes");
  return identity;
}

/** The key, if this page called by it before. */
export async function restored(): Promise<Identity | undefined> {
  if (!localStorage.getItem(REMEMBERED)) return undefined;
  const known = await kept().catch(() => undefined);
  return known && ECDSAKeyIdentity.fromKeyPair(known);
}

/** Nobody in particular; the key stays for the next time. */
export const byNobody = (): void => localStorage.removeItem(REMEMBERED);

/** The canister that was signed in with before. */
export const lastProvider = (): string => localStorage.getItem(PROVIDER) ?? "";

/**
 * Signing in with the Identity canister `provider`, for a session of some hours that this page's life may end before.
 * `key` is made before the click, in which a window must open at once.
 */
export async function byIdentity(provider: string, key: ECDSAKeyIdentity): Promise<Identity> {
  const domain = location.host.split(".").slice(1).join(".");
  const origin = `${location.protocol}//${provider}.${domain}`;
  const signed = await signIn({ provider: origin, sessionKey: new Uint8Array(key.getPublicKey().toDer()), maxTimeToLive: SESSION_NS });
  const delegations = signed.delegations.map(({ delegation, signature }) => ({
    delegation: new Delegation(delegation.pubkey, delegation.expiration), signature: signature as Signature,
  }));
  localStorage.setItem(PROVIDER, provider);
  byNobody();
  return DelegationIdentity.fromDelegation(key, DelegationChain.fromDelegations(delegations, signed.userPublicKey as DerEncodedPublicKey));
}

export const sessionKey = newKey;
