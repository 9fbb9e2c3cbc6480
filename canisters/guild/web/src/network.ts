// Invitations, connections, people one may know.
import { app, backend } from "./app";
import { h } from "./dom";
import { peopleList, personLine } from "./people";
import { empty, fill, pages, personLink, tablist } from "./ui";
import { fillDegrees, tieButtons } from "./ties";
import type { Invitation } from "./types";

/** People the user may know. */
export function mayKnow(limit: number): HTMLElement {
  const box = h("div", {});
  void fill(box, async () => {
    const people = await (await backend()).suggestions(limit);
    if (!people.length) return empty("Nobody new at the moment.");
    const detail = (mutual: number, headline: string) => (mutual ? `${mutual} mutual connection${mutual === 1 ? "" : "s"}` : headline || undefined);
    setTimeout(() => void fillDegrees(people.map((it) => it.person)));
    return h("div", { class: "list" }, people.map(({ person, mutual }) => personLine(person, detail(mutual, person.headline))));
  });
  return box;
}

function invitationLine(it: Invitation): HTMLElement {
  return h("div", { class: "line invitation" }, personLink(it.with), tieButtons(it.with), it.note && h("blockquote", {}, it.note));
}

const invitations = (list: "Received" | "Sent", nothing: string) => () =>
  pages<Invitation, number>(async (after) => (await backend()).invitations(list, after), invitationLine, () => empty(nothing));

export function networkPage(): HTMLElement {
  const own = app.me!.profile;
  const tabs = tablist("Network", [
    ["Invitations", invitations("Received", "Nobody waits for your answer.")],
    ["Sent", invitations("Sent", "You wait for nobody's answer.")],
    ["Connections", () => peopleList(async (after) => (await backend()).connections(own.id, after), () => empty("Invite somebody: connections appear here."))],
  ], app.me!.invitations ? 0 : 2);
  return h("section", { class: "page" }, h("h1", {}, "Network"), h("div", { class: "card" }, tabs),
    h("div", { class: "card" }, h("h2", {}, "People you may know"), mayKnow(12)));
}
