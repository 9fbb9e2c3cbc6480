// Passkeys (WebAuthn) as identities of the agent: what they sign, the replicas verify.
import { Cbor, DER_COSE_OID, SignIdentity, wrapDER, type PublicKey, type Signature } from "@icp-sdk/core/agent";
import type { Device } from "./backend";

// ES256 and RS256: what the replicas verify and authenticators make (COSE's numbers). Ed25519 (-8) also, but few make it.
const ALGORITHMS = [-7, -8, -257];
const DEADLINE_MS = 120_000;
/** Where a credential's id begins in an authenticator's data, after 32 + 1 + 4 + 16 bytes and its length. */
const ID_LENGTH_AT = 53;
const FLAGS_AT = 32;
const HAS_EXTENSIONS = 0x80;

export const usable = () => window.isSecureContext && "PublicKeyCredential" in window;

const exact = (bytes: BufferSource): Uint8Array<ArrayBuffer> =>
  bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : Uint8Array.from(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));

/** What a person should read when the browser or the authenticator said no. */
function explained(error: unknown): Error {
  const name = error instanceof DOMException ? error.name : "";
  const texts: Record<string, string> = {
    NotAllowedError: "That was cancelled, or took too long.",
    InvalidStateError: "This device has a passkey of this identity already.",
    NotSupportedError: "This device cannot make such a passkey.",
    SecurityError: "The browser allows no passkeys at this address.",
  };
  return new Error(texts[name] ?? (error instanceof Error ? error.message : String(error)));
}

/** The COSE key in an authenticator's data, in DER. */
export function keyOf(data: Uint8Array): Uint8Array {
  if (data.length <= ID_LENGTH_AT + 2 || data[FLAGS_AT]! & HAS_EXTENSIONS) throw new Error("The authenticator's answer cannot be read.");
  const length = data[ID_LENGTH_AT]! * 256 + data[ID_LENGTH_AT + 1]!;
  return wrapDER(Uint8Array.from(data.subarray(ID_LENGTH_AT + 2 + length)), DER_COSE_OID);
}

/** Makes a passkey on this device, or on one that the browser offers. */
export async function create(alias: string, others: Device[]): Promise<Device> {
  const label = `Atoll identity, ${new Date().toLocaleString()}`;
  try {
    const made = await navigator.credentials.create({ publicKey: {
      rp: { name: "Atoll identity" },
      user: { id: crypto.getRandomValues(new Uint8Array(32)), name: label, displayName: label },
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
      excludeCredentials: others.flatMap(({ credentialId }) => (credentialId ? [{ type: "public-key", id: exact(credentialId as BufferSource) }] : [])),
      // discoverable: nobody types a number, and nobody needs to be told which credentials an identity has
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "preferred" },
      attestation: "none",
      timeout: DEADLINE_MS,
    } }) as PublicKeyCredential | null;
    if (!made) throw new Error("No passkey was made.");
    const response = made.response as AuthenticatorAttestationResponse;
    const keyType = made.authenticatorAttachment === "platform" ? "platform" : "cross_platform";
    return {
      pubkey: keyOf(new Uint8Array(response.getAuthenticatorData())), credentialId: exact(made.rawId), alias, keyType,
      recovery: false, protected: false, origin: location.origin,
    };
  } catch (error) {
    throw explained(error);
  }
}

/** A passkey that is known, or whichever the person chooses: then its key is looked up by its id. */
export class Passkey extends SignIdentity {
  private key?: Uint8Array;
  credential?: Uint8Array;

  private constructor(private readonly find?: (credential: Uint8Array) => Promise<Uint8Array>) {
    super();
  }

  static known(it: Device): Passkey {
    const passkey = new Passkey();
    passkey.key = it.pubkey;
    passkey.credential = it.credentialId;
    return passkey;
  }

  static chosen(find: (credential: Uint8Array) => Promise<Uint8Array>): Passkey {
    return new Passkey(find);
  }

  /** Not before something was signed, if the passkey is yet to be chosen. */
  getPublicKey(): PublicKey {
    const { key } = this;
    if (!key) throw new Error("no passkey was chosen yet");
    return { toDer: () => key } as PublicKey;
  }

  async sign(message: Uint8Array): Promise<Signature> {
    const allowed = this.credential && [{ type: "public-key" as const, id: exact(this.credential as BufferSource) }];
    const got = await navigator.credentials.get({ publicKey: {
      challenge: exact(message as BufferSource), allowCredentials: allowed ?? [], userVerification: "preferred", timeout: DEADLINE_MS,
    } }).catch((error) => { throw explained(error); }) as PublicKeyCredential | null;
    if (!got) throw new Error("No passkey was chosen.");
    this.credential = exact(got.rawId);
    if (this.find) this.key = await this.find(this.credential);
    const response = got.response as AuthenticatorAssertionResponse;
    return Cbor.encode({
      authenticator_data: exact(response.authenticatorData),
      client_data_json: new TextDecoder().decode(response.clientDataJSON),
      signature: exact(response.signature),
    }) as unknown as Signature;
  }
}
