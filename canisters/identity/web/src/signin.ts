// Proving who one is: with what this person has, or by making an identity.
import { action, form, h, icon, problem, show, type Child } from "./dom";
import type { Backend } from "./backend";
import { browserKey } from "./keys";
import { usable } from "./passkey";
import * as session from "./session";

export interface Wishes {
  /** Shown above the choices. */
  title: string;
  about: Child;
  allowBrowserKey: boolean;
  done(session: session.Session): Promise<void>;
  cancel?: () => void;
}

const NO_PASSKEYS = "This browser allows no passkeys here: it takes https, or an address that ends in localhost.";

/** A choice, with what it means. */
const choice = (button: HTMLButtonElement, text: string) => h("li", {}, button, h("p", { class: "soft" }, text));

export async function signIn(backend: Backend, wishes: Wishes): Promise<void> {
  const trouble = problem();
  const again = () => signIn(backend, wishes);
  const isKept = wishes.allowBrowserKey && await browserKey().catch(() => undefined) !== undefined;
  const press = (label: string, name: string, main: boolean, work: () => Promise<session.Session>) =>
    action([icon(name), label], async () => wishes.done(await work()), trouble, { class: main ? "primary wide" : "wide" });
  const byBrowser = async () => {
    const found = await session.byBrowser(backend);
    if (!found) throw new Error("The key of this browser belongs to no identity (any more).");
    return found;
  };
  const passkey = press("Use a passkey", "key", !isKept, () => session.byPasskey(backend));
  passkey.disabled = !usable();
  show(wishes.title, wishes.about,
    h("ul", { class: "choices" },
      isKept && choice(press("Use this browser's key", "device", true, byBrowser), "It was made here, and no script can read it."),
      choice(passkey, usable() ? "Your fingerprint, face, PIN or security key." : NO_PASSKEYS)),
    trouble,
    h("h2", {}, "New here?"),
    action("Create an identity", async () => create(backend, wishes, again), trouble, { class: "wide" }),
    h("h2", {}, "Other ways"),
    h("div", { class: "row" },
      action([icon("link"), "I use another device"], async () => join(backend, wishes, again), trouble),
      action([icon("words"), "Recovery phrase"], async () => recover(backend, wishes, again), trouble),
      wishes.cancel && action("Cancel", async () => wishes.cancel?.(), trouble)));
}

/** The two kinds of device that somebody new may use. `use` makes the device when it is ready for it. */
function kinds(backend: Backend, allowBrowserKey: boolean, trouble: HTMLElement, use: (make: () => Promise<session.Newcomer>) => Promise<void>): Child {
  const passkey = action([icon("key"), "With a passkey"], () => use(() => session.newPasskey(backend, session.alias())), trouble, { class: "primary wide" });
  passkey.disabled = !usable();
  return h("ul", { class: "choices" },
    choice(passkey, usable() ? "It stays in your device or its password manager. You confirm twice: once to make it, once to use it." : NO_PASSKEYS),
    allowBrowserKey && choice(action([icon("device"), "With a key of this browser"], () => use(() => session.newBrowser(backend, session.alias())), trouble, { class: "wide" }),
      "Quick, without a prompt. Whoever clears this browser's data loses it, so write down a recovery phrase or add a passkey."));
}

async function create(backend: Backend, wishes: Wishes, back: () => Promise<void>): Promise<void> {
  const trouble = problem();
  show("Create an identity",
    h("p", {}, "No name, no email, no password. Every app will know you by an identity of its own, and no two apps can find out that you are the same person."),
    kinds(backend, wishes.allowBrowserKey, trouble, async (make) => wishes.done(await session.register(await make()))), trouble,
    action("Back", back, trouble));
}

async function recover(backend: Backend, wishes: Wishes, back: () => Promise<void>): Promise<void> {
  const trouble = problem();
  const words = h("textarea", { rows: 5, required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  show("Recovery phrase",
    form(async () => wishes.done(await session.byPhrase(backend, words.value)), trouble,
      h("label", {}, "Your 24 words", words), trouble,
      h("div", { class: "row" }, h("button", { class: "primary" }, "Sign in"), action("Back", back, trouble))));
}

/** This device joins an identity that another device has. */
async function join(backend: Backend, wishes: Wishes, back: () => Promise<void>): Promise<void> {
  const trouble = problem();
  const number = h("input", { required: true, pattern: "[0-9]{1,19}-[0-9]{8}", placeholder: "10000-12345678", autocomplete: "off" });
  const use = async (make: () => Promise<session.Newcomer>) => {
    const typed = /^(\d{1,19})-(\d{8})$/u.exec(number.value.replaceAll(/\s/gu, ""));
    if (!typed) throw new Error(number.value.trim() ? "Type the whole number that the other device shows, such as 10000-12345678." : "Type the number of your identity first.");
    const user = BigInt(typed[1]!);
    const it = await make();
    const left = await it.backend.leave(user, typed[2]!, it.device);
    await waitForCode(it, user, left, wishes, back);
  };
  show("Use an identity of another device",
    h("p", {}, "On the device that you use already, open this page, sign in, and choose “Add another device”. It shows the number of your identity, and eight digits that are good for a quarter of an hour."),
    h("label", {}, "Number of your identity", number),
    kinds(backend, wishes.allowBrowserKey, trouble, use), trouble,
    action("Back", back, trouble));
}

const LOOK_EVERY_MS = 1_500;

async function waitForCode(it: session.Newcomer, user: bigint, left: { code: string; until: number }, wishes: Wishes, back: () => Promise<void>): Promise<void> {
  const trouble = problem();
  let waiting = true;
  const state = h("p", { class: "soft", role: "status" }, "Waiting for the other device…");
  show("Type this code on the other device",
    h("p", { class: "code" }, left.code), state, trouble,
    action("Cancel", async () => { waiting = false; await back(); }, trouble));
  const look = async (): Promise<void> => {
    if (!waiting) return;
    if (Date.now() > left.until) {
      state.textContent = "";
      trouble.textContent = "Nobody typed the code in time. Begin again.";
      return;
    }
    try {
      if (await it.backend.myAnchor() === user) {
        waiting = false;
        return await wishes.done(await session.welcome(it, user));
      }
    } catch (error) {
      state.textContent = `Waiting for the other device… (${error instanceof Error ? error.message.split("\n")[0] : error})`;
    }
    setTimeout(() => void look(), LOOK_EVERY_MS);
  };
  void look();
}
