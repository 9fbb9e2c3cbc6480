// Signing in to an app by Identity (or Internet Identity: the protocol is the same), for apps that want no library for it. No imports: what comes back
// is given to `DelegationChain.fromDelegations` and `DelegationIdentity.fromDelegation` of whichever agent the app uses.
//
// To be called from a click, or browsers open no window.

export interface Asked {
  /** Where Identity is, such as `http://<canister>.localhost:8000`. */
  provider: string;
  /** The session's public key, in DER. */
  sessionKey: Uint8Array;
  /** Nanoseconds; half an hour if absent, a month at most. */
  maxTimeToLive?: bigint;
  /** Whether a key that only the browser keeps will do; yes if absent. */
  allowPinAuthentication?: boolean;
  /** Another origin of this app, whose identities are meant; it must list this one. */
  derivationOrigin?: string;
}

export interface SignedIn {
  userPublicKey: Uint8Array;
  delegations: { delegation: { pubkey: Uint8Array; expiration: bigint }; signature: Uint8Array }[];
  authnMethod: "passkey" | "pin" | "recovery";
}

/** How often it is looked whether the person closed the window. */
const LOOK_EVERY_MS = 500;
// nobody else's: a page that shares this one's windows could have one of a name that it can guess
const WINDOW = `identity-${crypto.getRandomValues(new Uint32Array(4)).join("-")}`;
const FEATURES = "popup,width=500,height=760";

export function signIn(asked: Asked): Promise<SignedIn> {
  const { provider, sessionKey, ...wishes } = asked;
  const { origin } = new URL(provider);
  const opened = window.open(`${origin}/#authorize`, WINDOW, FEATURES);
  if (!opened) return Promise.reject(new Error("The browser opened no window."));
  return new Promise((resolve, reject) => {
    const end = (finish: () => void) => {
      clearInterval(closed);
      window.removeEventListener("message", hear);
      opened.close();
      finish();
    };
    const hear = ({ data, origin: from, source }: MessageEvent) => {
      if (from !== origin || source !== opened) return;
      if (data?.kind === "authorize-ready") opened.postMessage({ kind: "authorize-client", sessionPublicKey: sessionKey, ...wishes }, origin);
      else if (data?.kind === "authorize-client-success") end(() => resolve(data as SignedIn));
      else if (data?.kind === "authorize-client-failure") end(() => reject(new Error(String(data.text))));
    };
    const closed = setInterval(() => opened.closed && end(() => reject(new Error("The window was closed."))), LOOK_EVERY_MS);
    window.addEventListener("message", hear);
  });
}
