// An app asks for somebody: who it is, and what it may do.
import { action, h, problem, reason, show, type Child } from "./dom";
import type { Backend } from "./backend";
import { delegate } from "./delegate";
import { mayDerive } from "./origins";
import type { AppRequest } from "./protocol";
import { signIn } from "./signin";

/** How long the page stays after it answered: an app closes it, usually at once. */
const LINGER_MS = 1_500;

const host = (origin: string): Child => h("strong", { class: "app" }, origin);

function leave(title: string, text: string): void {
  show(title, h("p", {}, text), h("p", { class: "soft" }, "You can close this window."));
  setTimeout(() => window.close(), LINGER_MS);
}

function about(request: AppRequest): Child {
  const insecure = request.origin.startsWith("http://") && !/^http:\/\/(?:[a-z0-9-]+\.)*localhost(?::\d+)?$/u.test(request.origin) && !request.origin.startsWith("http://127.0.0.1");
  return [
    h("p", {}, host(request.origin), " will know you by an identity of its own, which tells it nothing about you."),
    request.derivationOrigin && request.derivationOrigin !== request.origin && h("p", {}, "It is the one that you have at ", host(request.derivationOrigin), ", which allows that."),
    request.targets && h("p", { class: "soft" }, `It may act for you in ${request.targets.length === 1 ? "one canister" : `${request.targets.length} canisters`} only.`),
    insecure && h("p", { class: "problem" }, "This app came over an unprotected connection: somebody on the way may have changed it."),
  ];
}

export async function authorize(backend: Backend, request: AppRequest): Promise<void> {
  const refuse = (text: string) => {
    request.refuse(text);
    leave("Not signed in", text);
  };
  try {
    if (request.derivationOrigin) await mayDerive(request.origin, request.derivationOrigin);
  } catch (error) {
    return refuse(reason(error));
  }
  const answer = async (session: Parameters<typeof delegate>[0]) => {
    request.grant(await delegate(session, request));
    leave("Signed in", "Back to the app.");
  };
  await signIn(backend, {
    title: "Sign in", about: about(request), allowBrowserKey: request.allowBrowserKey, cancel: () => refuse("The person cancelled."),
    done: async (session) => answer(session).catch((error) => again(session, error)),
  });

  /** Who just made an identity does not make another because the network failed once. */
  function again(session: Parameters<typeof delegate>[0], error: unknown): void {
    const trouble = problem();
    show("Almost there", h("p", {}, "You are signed in here, but the app could not be told."),
      action("Try again", () => answer(session), trouble, { class: "primary" }), trouble,
      action("Cancel", async () => refuse("The person cancelled."), trouble));
    trouble.textContent = reason(error);
  }
}

export function nobodyAsked(manage: () => void): void {
  const trouble = problem();
  show("No app is asking",
    h("p", {}, "Apps open this page when you press their sign-in button. Go back to the app and try again."),
    action("Manage my identity", async () => manage(), trouble));
}

export const waiting = () => show("Sign in", h("p", { role: "status" }, "Waiting for the app…"));
