// How apps ask: the message protocol of Internet Identity (`authorize-client`), and signers' JSON-RPC over messages
// (ICRC-25, 29, 34 and 95). Both at once: whichever the app speaks, it gets. No element of the page is touched here.
//
// Only the window that opened the page is listened to, and the origin that its first request came from is the app's until the
// page is closed. What is in a message is believed only after it was looked at.
import { Principal } from "@icp-sdk/core/principal";

export type Method = "passkey" | "pin" | "recovery";

export interface Delegated {
  pubkey: Uint8Array;
  expiration: bigint;
  targets?: Principal[];
  signature: Uint8Array;
}

export interface Granted {
  userKey: Uint8Array;
  delegations: Delegated[];
  method: Method;
}

/** What an app wants, and how it is answered; once. */
export interface AppRequest {
  origin: string;
  sessionKey: Uint8Array;
  maxTimeToLive?: bigint;
  /** Whether a key that only this browser keeps will do. */
  allowBrowserKey: boolean;
  derivationOrigin?: string;
  targets?: Principal[];
  grant(granted: Granted): void;
  refuse(text: string): void;
}

interface Incoming {
  data: unknown;
  origin: string;
  source: unknown;
}

/** The part of a window that the protocol needs. */
export interface Ear {
  addEventListener(type: "message", listener: (event: Incoming) => void): void;
}

/** The window of the app. */
export interface Opener {
  postMessage(message: unknown, origin: string): void;
}

const MAX_KEY_BYTES = 700;
const MAX_TARGETS = 1_000;
const MAX_ORIGIN = 255;
const MAX_TTL = 30n * 24n * 3_600_000_000_000n;

// ICRC-25's numbers
const GENERIC = 1_000;
const UNSUPPORTED = 2_000;
const ABORTED = 3_001;

const DELEGATION = "icrc34_delegation";
const SPECIFICATION = "https://github.com/dfinity/wg-identity-authentication/blob/main/topics";
const STANDARDS = [
  { name: "ICRC-25", url: `${SPECIFICATION}/icrc_25_signer_interaction_standard.md` },
  { name: "ICRC-29", url: `${SPECIFICATION}/icrc_29_window_post_message_transport.md` },
  { name: "ICRC-34", url: `${SPECIFICATION}/icrc_34_delegation.md` },
  { name: "ICRC-95", url: `${SPECIFICATION}/icrc_95_derivationorigin.md` },
];

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? value as Fields : {});

export const toBase64 = (bytes: Uint8Array) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
/** What `atob` reads, with or without its padding. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=?|[A-Za-z0-9+/]{2}(?:==)?)$/u;
const fromBase64 = (text: string) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

/** The app asked wrongly; the text tells its developer how. */
class Wrong extends Error {}

function bytes(value: unknown, name: string): Uint8Array {
  // a message of another window has classes of its own
  const tag = Object.prototype.toString.call(value);
  const found = tag === "[object Uint8Array]" ? Uint8Array.from(value as Uint8Array) : tag === "[object ArrayBuffer]" ? new Uint8Array(value as ArrayBuffer) : undefined;
  if (!found || found.length === 0 || found.length > MAX_KEY_BYTES) throw new Wrong(`${name} is a public key in DER of at most ${MAX_KEY_BYTES} bytes`);
  return found;
}

function lifetime(value: unknown): bigint | undefined {
  if (value === undefined || value === null) return undefined;
  const isNumber = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value)) || (typeof value === "string" && /^\d{1,20}$/u.test(value));
  const found = isNumber ? BigInt(value as string) : 0n;
  if (found <= 0n) throw new Wrong("maxTimeToLive is a number of nanoseconds");
  return found < MAX_TTL ? found : MAX_TTL;
}

function derivation(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value.length > MAX_ORIGIN || !URL.canParse(value) || new URL(value).origin !== value) throw new Wrong("derivationOrigin is the origin of a page, such as https://example.org");
  return value;
}

function targets(value: unknown): Principal[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_TARGETS) throw new Wrong(`targets are 1 to ${MAX_TARGETS} canisters`);
  try {
    return value.map((text) => Principal.fromText(String(text)));
  } catch {
    throw new Wrong("a target is no canister's id");
  }
}

function once<T extends unknown[]>(work: (...args: T) => void): (...args: T) => void {
  let done = false;
  return (...args) => {
    if (!done) work(...args);
    done = true;
  };
}

/** The request in an `authorize-client` message. */
function classic(data: Fields, origin: string, answer: (message: unknown) => void): AppRequest {
  const reply = once(answer);
  return {
    origin,
    sessionKey: bytes(data["sessionPublicKey"], "sessionPublicKey"),
    maxTimeToLive: lifetime(data["maxTimeToLive"]),
    allowBrowserKey: data["allowPinAuthentication"] !== false,
    derivationOrigin: derivation(data["derivationOrigin"]),
    grant: ({ userKey, delegations, method }) => reply({
      kind: "authorize-client-success",
      delegations: delegations.map(({ signature, ...delegation }) => ({ delegation, signature })),
      userPublicKey: userKey,
      authnMethod: method,
    }),
    refuse: (text) => reply({ kind: "authorize-client-failure", text }),
  };
}

/** The request in an `icrc34_delegation` call. */
function rpc(params: Fields, origin: string, result: (value: unknown) => void, error: (code: number, message: string) => void): AppRequest {
  const encoded = params["publicKey"];
  if (typeof encoded !== "string" || encoded.length > 2 * MAX_KEY_BYTES || !BASE64.test(encoded)) throw new Wrong("publicKey is a public key in DER, in Base64");
  const succeed = once(result);
  const fail = once(error);
  return {
    origin,
    sessionKey: bytes(fromBase64(encoded), "publicKey"),
    maxTimeToLive: lifetime(params["maxTimeToLive"]),
    allowBrowserKey: true,
    derivationOrigin: derivation(params["icrc95DerivationOrigin"]),
    targets: targets(params["targets"]),
    grant: ({ userKey, delegations }) => succeed({
      publicKey: toBase64(userKey),
      signerDelegation: delegations.map((it) => ({
        delegation: { pubkey: toBase64(it.pubkey), expiration: String(it.expiration), ...(it.targets && { targets: it.targets.map((id) => id.toText()) }) },
        signature: toBase64(it.signature),
      })),
    }),
    refuse: (text) => fail(ABORTED, text),
  };
}

/** What a signer says of itself, without anybody's doing. */
function known(method: string, params: Fields): unknown {
  const state = (scope: unknown) => ({ scope, state: fields(scope)["method"] === DELEGATION ? "granted" : "denied" });
  switch (method) {
    case "icrc29_status": return "ready";
    case "icrc25_supported_standards": return { supportedStandards: STANDARDS };
    case "icrc25_permissions": return { scopes: [state({ method: DELEGATION })] };
    case "icrc25_request_permissions": return { scopes: (Array.isArray(params["scopes"]) ? params["scopes"].slice(0, 100) : []).map(state) };
    default: return undefined;
  }
}

/** Listens to the app that opened this page, tells it that the page is there, and hands on its first request. */
export function listen(here: Ear, opener: Opener, ask: (request: AppRequest) => void): void {
  let app: string | undefined;
  let busy = false;

  const begin = (make: () => AppRequest, wrong: (text: string) => void) => {
    if (busy) return wrong("another request is being answered");
    try {
      const request = make();
      busy = true;
      ask(request);
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      wrong(error.message);
    }
  };

  const call = (data: Fields, origin: string) => {
    const { id, method } = data;
    if (typeof method !== "string" || (typeof id !== "string" && typeof id !== "number")) return;
    const answer = (rest: Fields) => opener.postMessage({ jsonrpc: "2.0", id, ...rest }, origin);
    const error = (code: number, message: string) => answer({ error: { code, message } });
    const params = fields(data["params"]);
    const fact = known(method, params);
    if (fact !== undefined) return answer({ result: fact });
    if (method !== DELEGATION) return error(UNSUPPORTED, `${method} is not supported`);
    begin(() => rpc(params, origin, (result) => answer({ result }), error), (text) => error(GENERIC, text));
  };

  here.addEventListener("message", ({ data: message, origin, source }) => {
    if (source !== opener || !/^https?:\/\//u.test(origin) || (app !== undefined && origin !== app)) return;
    const data = fields(message);
    const isCall = data["jsonrpc"] === "2.0";
    if (!isCall && data["kind"] !== "authorize-client") return;
    app = origin;
    if (isCall) return call(data, origin);
    const answer = (reply: unknown) => opener.postMessage(reply, origin);
    begin(() => classic(data, origin, answer), (text) => answer({ kind: "authorize-client-failure", text }));
  });
  // anybody may learn that this page is open; what follows is said to one origin only
  opener.postMessage({ kind: "authorize-ready" }, "*");
}
