// From somebody who signed in to what an app gets.
import { Delegation, DelegationChain, Ed25519KeyIdentity } from "@icp-sdk/core/identity";
import type { Signature } from "@icp-sdk/core/agent";
import type { AppRequest, Granted } from "./protocol";
import type { Session } from "./session";

const DEFAULT_TTL = 30n * 60_000_000_000n;

/**
 * The app's session key may sign for the identity that the app knows. If the app wants only some canisters called, the
 * canister's delegation goes to a key that is made here and forgotten, and that key signs on for those canisters.
 */
export async function delegate({ backend, user, method }: Session, request: AppRequest): Promise<Granted> {
  const origin = request.derivationOrigin ?? request.origin;
  const ttl = request.maxTimeToLive ?? DEFAULT_TTL;
  if (!request.targets) {
    const { userKey, expiration, signature } = await backend.delegate(user, origin, request.sessionKey, ttl);
    return { userKey, method, delegations: [{ pubkey: request.sessionKey, expiration, signature }] };
  }
  const between = Ed25519KeyIdentity.generate();
  const pubkey = new Uint8Array(between.getPublicKey().toDer());
  const { userKey, expiration, signature } = await backend.delegate(user, origin, pubkey, ttl);
  const first = DelegationChain.fromDelegations([{ delegation: new Delegation(pubkey, expiration), signature: signature as Signature }], userKey as never);
  const { sessionKey, targets } = request;
  const end = new Date(Number(expiration / 1_000_000n));
  const chain = await DelegationChain.create(between, { toDer: () => sessionKey } as never, end, { previous: first, targets });
  const delegations = chain.delegations.map((it) => ({
    pubkey: new Uint8Array(it.delegation.pubkey), expiration: it.delegation.expiration, targets: it.delegation.targets, signature: new Uint8Array(it.signature),
  }));
  return { userKey, method, delegations };
}
