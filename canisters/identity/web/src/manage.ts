// Looking after one's identity: its devices, more of them, and the recovery phrase.
import type { Backend, Device, Info } from "./backend";
import { action, form, h, icon, problem, reason, show, type Child } from "./dom";
import { forgetBrowserKey, newPhrase } from "./keys";
import { usable } from "./passkey";
import { addDevice, addPhrase, alias, isMine, newPasskey, type Session } from "./session";
import { signIn } from "./signin";

const MAX_ALIAS = 64;
const LOOK_EVERY_MS = 2_000;

export const manage = (backend: Backend): Promise<void> => signIn(backend, {
  title: "Your identity", about: h("p", {}, "Sign in to see and change the devices that may sign in for you."), allowBrowserKey: true,
  done: (session) => overview(backend, session),
});

const kind: Record<Device["keyType"], string> = {
  platform: "Passkey of a device", cross_platform: "Passkey or security key", seed_phrase: "24 words on paper", browser_storage_key: "Key of a browser", unknown: "Key",
};

function facts(device: Device, mine: boolean): string {
  const used = device.lastUsage ? `last used ${new Date(device.lastUsage).toLocaleDateString()}` : "not used with an app yet";
  const added = device.addedAt && `added ${new Date(device.addedAt).toLocaleDateString()}`;
  const guarded = device.protected && (isLocked(device) ? "protected" : `protected from ${new Date(device.protectedFrom!).toLocaleDateString()}`);
  return [kind[device.keyType], added, used, guarded, mine && "you are using it now"].filter(Boolean).join(" · ");
}

/** Whether protection has begun. */
const isLocked = (device: Device) => device.protected && (device.protectedFrom === undefined || device.protectedFrom <= Date.now());

async function overview(backend: Backend, session: Session, said = ""): Promise<void> {
  const info = await session.backend.info(session.user);
  const trouble = problem();
  const again = (text = "") => overview(backend, session, text);
  const hasPhrase = info.devices.some((it) => it.keyType === "seed_phrase");
  const lonely = info.devices.length === 1;
  show(`Identity ${session.user}`,
    h("p", { class: "soft", role: "status" }, said),
    lonely && h("p", { class: "hint" }, "You have one device only. If you lose it you lose your identity: add another, or a recovery phrase."),
    h("h2", {}, "Devices"),
    h("ul", { class: "devices" }, info.devices.map((it) => row(session, it, info, again))),
    h("h2", {}, "Add"),
    h("div", { class: "row" },
      usable() && action([icon("key"), "A passkey here"], async () => { await addPasskey(session, info); await again("The passkey was added."); }, trouble),
      action([icon("link"), "Add another device"], () => pair(session, again), trouble),
      !hasPhrase && action([icon("words"), "A recovery phrase"], () => phrase(session, again), trouble)),
    trouble,
    h("div", { class: "row foot" }, action("Sign out", () => manage(backend), trouble), action("Delete this identity", () => forget(session, again), trouble)));
}

/** The identity is forgotten, after a second thought. */
async function forget(session: Session, again: (text?: string) => Promise<void>): Promise<void> {
  const trouble = problem();
  const go = async () => {
    await session.backend.forget(session.user);
    if (session.method === "pin") await forgetBrowserKey();
    location.reload();
  };
  show(`Delete identity ${session.user}?`,
    h("p", {}, "Its devices are forgotten, and nobody can ever sign in with it again: what you have in apps stays there without you. Take out or delete first what you want to."),
    h("div", { class: "row" }, action("Delete it for ever", go, trouble, { class: "danger" }), action("Keep it", () => again(), trouble)), trouble);
}

async function addPasskey(session: Session, { devices }: Info): Promise<void> {
  await addDevice(session, await newPasskey(session.backend, alias(), devices));
}

function row(session: Session, device: Device, info: Info, again: (text?: string) => Promise<void>): Child {
  const mine = isMine(session, device);
  const locked = isLocked(device) && !mine;
  const trouble = problem();
  return h("li", {},
    h("div", {}, h("strong", {}, device.alias), h("p", { class: "soft" }, facts(device, mine))),
    h("div", { class: "row" },
      !locked && action("Rename", () => rename(session, device, again), trouble, { "aria-label": `Rename ${device.alias}` }),
      !locked && info.devices.length > 1 && action("Remove", () => remove(session, device, mine, again), trouble, { "aria-label": `Remove ${device.alias}` }),
      locked && h("span", { class: "soft" }, "Sign in with the phrase to change it.")),
    trouble);
}

async function rename(session: Session, device: Device, again: (text?: string) => Promise<void>): Promise<void> {
  const trouble = problem();
  const name = h("input", { required: true, maxlength: MAX_ALIAS, value: device.alias });
  const save = async () => {
    await session.backend.update(session.user, { ...device, alias: name.value.trim() });
    await again("The name was changed.");
  };
  show("Rename a device", form(save, trouble, h("label", {}, "Name", name), trouble,
    h("div", { class: "row" }, h("button", { class: "primary" }, "Save"), action("Back", () => again(), trouble))));
  name.focus();
}

async function remove(session: Session, device: Device, mine: boolean, again: (text?: string) => Promise<void>): Promise<void> {
  const trouble = problem();
  const go = async () => {
    await session.backend.remove(session.user, device.pubkey);
    if (mine && device.keyType === "browser_storage_key") await forgetBrowserKey();
    if (mine) location.reload();
    else await again(`${device.alias} was removed.`);
  };
  show(`Remove ${device.alias}?`,
    h("p", {}, mine ? "You are using it now. You will need another of your devices to sign in again." : "It will not be able to sign in for you any more. Apps that it has signed in to keep that session until it ends."),
    h("div", { class: "row" }, action("Remove", go, trouble, { class: "danger" }), action("Keep it", () => again(), trouble)), trouble);
}

/** Another device shows a code, which is typed here. */
async function pair(session: Session, again: (text?: string) => Promise<void>): Promise<void> {
  const { secret, until } = await session.backend.openPairing(session.user);
  const trouble = problem();
  let open = true;
  const close = async () => {
    open = false;
    await session.backend.closePairing(session.user);
    await again();
  };
  const code = h("input", { required: true, inputmode: "numeric", pattern: "[0-9]{6}", maxlength: 6, autocomplete: "one-time-code" });
  const confirm = async () => {
    try {
      await session.backend.confirm(session.user, code.value.trim());
    } finally {
      code.value = "";
    }
    open = false;
    await again("The device was added.");
  };
  const waits = h("p", { class: "soft", role: "status" }, "No device waits yet.");
  show("Add another device",
    h("ol", {},
      h("li", {}, "On the new device, open ", h("strong", { class: "app" }, location.origin)),
      h("li", {}, "Choose “I use another device” and type the number ", h("strong", {}, `${session.user}-${secret}`)),
      h("li", {}, "It shows a code. Type it here. Only ever type a code that you see on your own device.")),
    waits,
    form(confirm, trouble, h("label", {}, "Code", code), trouble,
      h("div", { class: "row" }, h("button", { class: "primary" }, "Add the device"), action("Cancel", close, trouble))),
    h("p", { class: "soft" }, `This is open until ${new Date(until).toLocaleTimeString()}.`));
  const look = async (): Promise<void> => {
    if (!open || Date.now() > until) return;
    const { pairing } = await session.backend.info(session.user).catch(() => ({ pairing: undefined }));
    // not its name, which a stranger may have chosen: only the code tells whose it is
    if (pairing?.waiting) waits.textContent = "A device waits. Is the code on yours?";
    setTimeout(() => void look(), LOOK_EVERY_MS);
  };
  void look();
}

/** Which words are asked back: two, so that nobody skips the writing. */
const ASKED = [6, 18];

async function phrase(session: Session, again: (text?: string) => Promise<void>): Promise<void> {
  const words = await newPhrase();
  const trouble = problem();
  show("Your recovery phrase",
    h("p", {}, "Write these 24 words on paper, in this order, and keep them where nobody looks. Whoever has them can sign in for you; without your devices they are the only way back."),
    h("ol", { class: "words" }, words.map((word) => h("li", {}, word))), trouble,
    h("div", { class: "row" }, action("I have written them down", () => check(session, words, again), trouble, { class: "primary" }), action("Cancel", () => again(), trouble)));
}

async function check(session: Session, words: string[], again: (text?: string) => Promise<void>): Promise<void> {
  const trouble = problem();
  const fields = ASKED.map((place) => ({ place, input: h("input", { required: true, autocomplete: "off", autocapitalize: "none", spellcheck: "false" }) }));
  const save = async () => {
    const wrong = fields.find(({ place, input }) => input.value.trim().toLowerCase() !== words[place - 1]);
    if (wrong) throw new Error(`Word ${wrong.place} is another one.`);
    await addPhrase(session, words.join(" "));
    await again("The recovery phrase was added. In a week it is protected: then only with it can it be changed or removed. If there is ever one here that is not yours, remove it.");
  };
  show("To be sure", form(save, trouble, fields.map(({ place, input }) => h("label", {}, `Word ${place}`, input)), trouble,
    h("div", { class: "row" }, h("button", { class: "primary" }, "Add the phrase"), action("Start over", () => phrase(session, again), trouble))));
}

export const failed = (error: unknown, retry: () => void) => {
  const trouble = problem();
  show("Identity", trouble, action("Try again", async () => retry(), trouble));
  trouble.textContent = reason(error);
};
