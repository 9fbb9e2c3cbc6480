// An authenticator in software: what `navigator.credentials` does in a browser, for ES256 passkeys. It keeps its keys and signs whatever
// it is asked to, so that Node can be a person with a device.
import { createHash, createSign, generateKeyPairSync, randomBytes } from "node:crypto";

const sha256 = (data) => createHash("sha256").update(data).digest();
const bytesOf = (source) => Buffer.from(source.buffer ? source : new Uint8Array(source));
const exact = (buffer) => Uint8Array.from(buffer).buffer;

/** The COSE key of a public key on P-256. */
function cose(publicKey) {
  const { x, y } = publicKey.export({ format: "jwk" });
  const head = Buffer.from("a5010203262001215820", "hex");
  return Buffer.concat([head, Buffer.from(x, "base64url"), Buffer.from("225820", "hex"), Buffer.from(y, "base64url")]);
}

export class Authenticator {
  credentials = new Map();

  constructor(origin) {
    this.origin = origin;
  }

  data(flags, rest = Buffer.alloc(0)) {
    return Buffer.concat([sha256(new URL(this.origin).hostname), Buffer.from([flags, 0, 0, 0, 0]), rest]);
  }

  client(type, challenge) {
    return Buffer.from(JSON.stringify({ type, challenge: bytesOf(challenge).toString("base64url"), origin: this.origin, crossOrigin: false }));
  }

  async create({ publicKey: options }) {
    const taken = options.excludeCredentials.some(({ id }) => this.credentials.has(bytesOf(id).toString("hex")));
    if (taken) throw new DOMException("there is one", "InvalidStateError");
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const id = randomBytes(20);
    this.credentials.set(id.toString("hex"), privateKey);
    const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, cose(publicKey)]);
    return { rawId: exact(id), authenticatorAttachment: "platform", response: { getAuthenticatorData: () => exact(this.data(0x45, attested)) } };
  }

  async get({ publicKey: options }) {
    const allowed = options.allowCredentials.map(({ id }) => bytesOf(id).toString("hex"));
    const id = [...this.credentials.keys()].filter((it) => allowed.length === 0 || allowed.includes(it)).at(-1);
    if (!id) throw new DOMException("none", "NotAllowedError");
    const data = this.data(0x05);
    const client = this.client("webauthn.get", options.challenge);
    const signature = createSign("sha256").update(data).update(sha256(client)).sign(this.credentials.get(id));
    return { rawId: exact(Buffer.from(id, "hex")), response: { authenticatorData: exact(data), clientDataJSON: exact(client), signature: exact(signature) } };
  }

  /** Becomes the browser's. */
  plug() {
    Object.defineProperty(globalThis, "navigator", { configurable: true, value: { credentials: this, userAgent: "Node" } });
    globalThis.location = { origin: this.origin };
  }
}
