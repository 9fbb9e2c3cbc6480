// The work that making an identity costs.
import { sha256 } from "@noble/hashes/sha2.js";

/** Hashes between two looks at the rest of the page. */
const PORTION = 4_096;

const zeroBits = (hash: Uint8Array) => {
  const zeros = hash.findIndex((byte) => byte !== 0);
  return zeros < 0 ? hash.length * 8 : zeros * 8 + Math.clz32(hash[zeros]!) - 24;
};

/** A nonce whose hash with challenge and key begins with so many zero bits. */
export async function solve(challenge: Uint8Array, key: Uint8Array, difficulty: number): Promise<bigint> {
  const message = new Uint8Array(40);
  message.set(sha256(Uint8Array.from([...challenge, ...key])));
  const tail = new DataView(message.buffer, 32);
  for (let nonce = 0; ; nonce += 1) {
    tail.setBigUint64(0, BigInt(nonce));
    if (zeroBits(sha256(message)) >= difficulty) return BigInt(nonce);
    if (nonce % PORTION === PORTION - 1) await new Promise((resolve) => setTimeout(resolve));
  }
}
