// Somebody with a device that has passkeys: Chromium's virtual authenticator, plugged in to Identity's pages.
import assert from "node:assert/strict";
import { Cbor } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import { origin } from "./network.mjs";

const WAIT = { timeout: 45_000 };
const AUTHENTICATOR = {
  protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
  automaticPresenceSimulation: true,
};
const ANONYMOUS = Principal.anonymous().toText();
const ASKED = /\/api\/v\d\/canister\/([^/]+)\/(?:query|call)$/u;

export const button = (page, name) => page.getByRole("button", { name, exact: true });
export const heading = (page, name) => page.getByRole("heading", { name }).waitFor(WAIT);
export const usePasskey = (page) => button(page, "Use a passkey").click();

/** The device of a browser profile. A virtual authenticator is one page's, so the passkeys are carried from page to page. */
export class Device {
  passkeys = new Map();

  constructor(context) {
    this.context = context;
  }

  /** Plugs the device in to a page; what is returned gathers what the page has made or used. */
  async plug(page) {
    const session = await this.context.newCDPSession(page);
    await session.send("WebAuthn.enable");
    const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options: AUTHENTICATOR });
    for (const credential of this.passkeys.values()) await session.send("WebAuthn.addCredential", { authenticatorId, credential });
    const keep = (credential) => this.passkeys.set(credential.credentialId, credential);
    session.on("WebAuthn.credentialAdded", ({ credential }) => keep(credential));
    session.on("WebAuthn.credentialAsserted", ({ credential }) => keep(credential));
    return async () => {
      const { credentials } = await session.send("WebAuthn.getCredentials", { authenticatorId });
      credentials.forEach(keep);
    };
  }
}

/** Does what opens Identity's window, and in the window what `act` does; returns when the app has closed it. */
export async function inWindow(context, device, open, act) {
  const opening = context.waitForEvent("page", WAIT);
  await open();
  const page = await opening;
  const closed = page.isClosed() ? Promise.resolve() : page.waitForEvent("close", WAIT);
  closed.catch(() => undefined);
  const keep = await device.plug(page);
  await heading(page, "Sign in");
  await act(page, keep);
  await closed;
}

/** Opens the page for looking after one's identity, and signs in by `act`. */
export async function manage(context, device, act) {
  const page = await context.newPage();
  const keep = await device.plug(page);
  await page.goto(origin("identity"));
  await heading(page, "Your identity");
  await act(page);
  await heading(page, /^Identity \d+$/u);
  return { page, keep };
}

/** As whom a page asks its canister, as the replicas are told: notes every signed call from now on. */
export function whoAsks(page, canister) {
  const seen = new Set();
  page.on("request", (request) => {
    if (request.url().match(ASKED)?.[1] !== canister) return;
    const body = request.postDataBuffer();
    if (!body) return;
    const { content } = Cbor.decode(Uint8Array.from(body));
    const sender = Principal.fromUint8Array(Uint8Array.from(content.sender)).toText();
    if (sender !== ANONYMOUS) seen.add(sender);
  });
  return () => {
    assert.equal(seen.size, 1, `calls came as ${[...seen]}`);
    return [...seen][0];
  };
}
