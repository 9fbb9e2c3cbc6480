// What all parts share: the backend once it is there, who is signed in, and the clips that are known.
import type { Backend } from "./backend";
import type { Clip, Me } from "./types";

let opening: Promise<Backend> | undefined;

/** The backend; its code is loaded when first needed. A failure is tried again at the next need. */
export function backend(): Promise<Backend> {
  opening ??= import("./backend").then(({ Backend }) => Backend.open()).catch((error) => {
    opening = undefined;
    throw error;
  });
  return opening;
}

export const app = {
  me: undefined as Me | undefined,
  /** Whether `me` was asked for. */
  known: false,
};

const bus = new EventTarget();
export const announce = (event: string) => bus.dispatchEvent(new Event(event));
/** Listens while `element` is in the page, or for ever without one. */
export function listen(event: string, element: Element | undefined, work: () => void): void {
  const listener = () => {
    if (element && !element.isConnected) bus.removeEventListener(event, listener);
    else work();
  };
  bus.addEventListener(event, listener);
}

const clips = new Map<string, Clip>();

/** The one record of a clip that all places show. */
export function keep(clip: Clip): Clip {
  const known = clips.get(String(clip.id));
  if (!known) {
    clips.set(String(clip.id), clip);
    return clip;
  }
  if (!clip.partial) {
    Object.assign(known, clip, { partial: false });
    announce(`clip:${clip.id}`);
  }
  return known;
}

export function changeClip(clip: Clip, change: (clip: Clip) => void): void {
  change(clip);
  announce(`clip:${clip.id}`);
}

export async function refreshMe(): Promise<void> {
  const server = await backend();
  app.me = server.signedIn ? await server.me() : undefined;
  app.known = true;
  announce("me");
}

/** What replicas answer when the canister did not let a call in (Internet Computer's error codes). */
const NOT_LET_IN = "IC0406";
const isNotLetIn = (error: unknown) => (error as { code?: { rejectErrorCode?: string } } | undefined)?.code?.rejectErrorCode === NOT_LET_IN;

/** What went wrong, for people. */
export function reason(error: unknown): string {
  if (isNotLetIn(error)) return "Your account is suspended, or that is too long.";
  if (isRefusal(error)) return error.message;
  if (!navigator.onLine) return "You are offline.";
  return "The subnet did not answer.";
}

/** Whether trying again may help: a refusal stays one. The agent's errors have a kind, too, but also a code. */
export const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && (isNotLetIn(error) || ("kind" in error && !("code" in error)));

export const media = (id: bigint) => `/v/${id}`;
