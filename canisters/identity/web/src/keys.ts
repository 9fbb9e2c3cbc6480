// The keys that are no passkeys: one that this browser keeps, and the recovery phrase.
import { ECDSAKeyIdentity, Ed25519KeyIdentity } from "@icp-sdk/core/identity";
import type { Device } from "./backend";

const DATABASE = "atoll-identity";
const STORE = "keys";
const KEY = "device";
const WORDS = 24;

function stored<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const request = work(opening.result.transaction(STORE, mode).objectStore(STORE));
      request.onerror = () => {
        reject(request.error);
        opening.result.close();
      };
      request.onsuccess = () => {
        resolve(request.result);
        opening.result.close();
      };
    };
  });
}

/** The key of this browser, if it has one. No script can read it. */
export async function browserKey(): Promise<ECDSAKeyIdentity | undefined> {
  const pair = await stored<CryptoKeyPair | undefined>("readonly", (store) => store.get(KEY));
  return pair && ECDSAKeyIdentity.fromKeyPair(pair);
}

/**
 * The key that this browser keeps, or a new one, which is kept before the canister hears of it. One that is there is never replaced: one
 * replica's word that it is nobody's may be wrong, and another tab may have made it just now.
 */
export async function keptBrowserKey(): Promise<ECDSAKeyIdentity> {
  const found = await browserKey();
  if (found) return found;
  const key = await ECDSAKeyIdentity.generate({ extractable: false });
  const added = await stored("readwrite", (store) => store.add(key.getKeyPair(), KEY)).then(() => true, () => false);
  // so that the browser does not clear it when space is short; it may refuse
  await navigator.storage?.persist?.();
  const kept = added ? key : await browserKey();
  if (!kept) throw new Error("This browser keeps no keys here; it may be in a private window.");
  return kept;
}

/** After the canister took the key from its identity, certified. */
export const forgetBrowserKey = () => stored("readwrite", (store) => store.delete(KEY));

export const browserDevice = (key: ECDSAKeyIdentity, alias: string): Device => ({
  pubkey: new Uint8Array(key.getPublicKey().toDer()), alias, keyType: "browser_storage_key", recovery: false, protected: false, origin: location.origin,
});

async function bip39() {
  const [lib, { wordlist }] = await Promise.all([import("@scure/bip39"), import("@scure/bip39/wordlists/english.js")]);
  return { ...lib, wordlist };
}

/** Twenty-four words that nobody had before. */
export async function newPhrase(): Promise<string[]> {
  const { generateMnemonic, wordlist } = await bip39();
  return generateMnemonic(wordlist, 256).split(" ");
}

/** The key that 24 words stand for: 256 bits and a checksum (BIP-39), then HKDF. */
export async function phraseKey(text: string): Promise<Ed25519KeyIdentity> {
  const { mnemonicToEntropy, wordlist } = await bip39();
  const words = text.toLowerCase().trim().split(/[\s,.;]+/u);
  const unknown = words.find((word) => !wordlist.includes(word));
  if (words.length !== WORDS) throw new Error(`A recovery phrase has ${WORDS} words; these are ${text.trim() ? words.length : 0}.`);
  if (unknown) throw new Error(`“${unknown}” is no word of a recovery phrase.`);
  let entropy: Uint8Array;
  try {
    entropy = mnemonicToEntropy(words.join(" "), wordlist);
  } catch {
    throw new Error("These words do not belong together: one of them, or their order, is wrong.");
  }
  const encode = (text: string) => new TextEncoder().encode(text);
  const secret = await crypto.subtle.importKey("raw", Uint8Array.from(entropy), "HKDF", false, ["deriveBits"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: encode("atoll identity"), info: encode("recovery device, Ed25519") };
  return Ed25519KeyIdentity.generate(new Uint8Array(await crypto.subtle.deriveBits(hkdf, secret, 256)));
}

export const phraseDevice = (key: Ed25519KeyIdentity): Device => ({
  pubkey: new Uint8Array(key.getPublicKey().toDer()), alias: "Recovery phrase", keyType: "seed_phrase", recovery: true, protected: true, origin: location.origin,
});
