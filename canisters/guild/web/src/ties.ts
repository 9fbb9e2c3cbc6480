// Connecting with somebody: the button that shows how two stand, and what can be done about it.
import { backend, isRefusal, reason, refreshMe } from "./app";
import { needUser } from "./account";
import { h, replace } from "./dom";
import { confirmSheet, form, isMe, notice, sheet, showDegree } from "./ui";
import type { Person, Tie } from "./types";

const ASK_AGAIN_MS = 5_000;
const ASK_TIMES = 12;

/** Shows the degree of all people in the page whose badge waits for it. */
export async function fillDegrees(people: Person[]): Promise<void> {
  const unknown = [...new Map(people.filter((it) => it.tie !== "Connected" && !isMe(it)).map((it) => [it.id, it])).values()];
  if (!unknown.length) return;
  try {
    const server = await backend();
    if (!server.signedIn) return;
    const degrees = await server.degrees(unknown.map((it) => it.id));
    unknown.forEach((it, index) => document.querySelectorAll<HTMLElement>(`.degree[data-user="${it.id}"]`).forEach((badge) => showDegree(badge, degrees[index])));
  } catch {
    // a badge that is not known is not shown
  }
}

/** A button, or two, by how the user and somebody stand. */
export function tieButtons(person: Person, changed: (tie: Tie) => void = () => undefined): HTMLElement {
  const box = h("span", { class: "ties" });
  const become = (tie: Tie) => {
    person.tie = tie;
    show();
    changed(tie);
  };
  /** Shows `hoped` at once, then what the canister says; takes it back if that fails. */
  const ask = async (hoped: Tie, work: () => Promise<Tie>): Promise<void> => {
    const before = person.tie;
    become(hoped);
    try {
      const tie = await work();
      become(tie);
      if (tie === "Connecting" || tie === "Parting") void wait(person, become);
      void refreshMe().catch(() => undefined);
    } catch (error) {
      become(before);
      notice(reason(error), isRefusal(error) ? undefined : { title: "Try again", run: () => void ask(hoped, work) });
    }
  };
  const press = (title: string, run: () => void, kind = "", label = `${title}: ${person.display}`) =>
    h("button", { type: "button", class: `tie ${kind}`, onclick: run, "aria-label": label }, title);
  const connect = async () => {
    if (!await needUser()) return;
    if (isMe(person)) return show();
    openInvite(person, (note) => ask("Invited", async () => (await backend()).invite(person.id, note)));
  };
  const part = () => confirmSheet(`Part from ${person.display}?`, "You no longer see each other's posts in your feeds, nor write to each other. They are not told.", "Part",
    () => void ask("Parting", async () => (await backend()).disconnect(person.id)));
  const withdraw = () => void ask("Stranger", async () => (await backend()).withdraw(person.id));
  const states: Record<Tie, () => Node[]> = {
    Own: () => [],
    Stranger: () => [press("Connect", () => void connect(), "primary")],
    Invited: () => [press("Withdraw", withdraw, "", `Withdraw the invitation to ${person.display}`)],
    Invites: () => [press("Accept", () => void ask("Connecting", async () => (await backend()).accept(person.id)), "primary"), press("Decline", withdraw)],
    Connecting: () => [h("span", { class: "soft waiting", role: "status" }, "Connecting…")],
    Connected: () => [h("a", { class: "button", href: `/messages/${person.name}` }, "Message"), press("Connected", part, "", `Connected with ${person.display}. Part`)],
    Parting: () => [h("span", { class: "soft waiting", role: "status" }, "Parting…")],
  };
  const show = () => replace(box, isMe(person) ? [] : states[person.tie]());
  show();
  return box;
}

/** Asks again until the second canister has confirmed. */
async function wait(person: Person, become: (tie: Tie) => void): Promise<void> {
  for (let times = 0; times < ASK_TIMES; times += 1) {
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    try {
      const { tie } = await (await backend()).profile(person.name);
      if (tie !== "Connecting" && tie !== "Parting") return become(tie);
    } catch {
      // the next time
    }
  }
}

function openInvite(person: Person, send: (note: string) => Promise<void>): void {
  const note = h("textarea", { rows: 3, maxlength: 300, placeholder: "Where do you know each other from?" });
  const box = sheet(`Invite ${person.display}`, [form([h("label", {}, "A note, if you like", note)], "Send invitation", async () => {
    box.close();
    await send(note.value);
  })]);
}
