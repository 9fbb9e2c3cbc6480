// A profile, with its work, schools, skills, posts and connections.
import { app, backend, isRefusal, listen } from "./app";
import { leave, needUser } from "./account";
import { count, h, icon, replace } from "./dom";
import { postList } from "./feed";
import { go } from "./router";
import { avatar, degreeBadge, empty, isMe, optimistic, pages, personLink, sheet, showDegree } from "./ui";
import { fillDegrees, tieButtons } from "./ties";
import type { Education, Experience, Month, Person, Profile, Skill } from "./types";

const MONTHS = Array.from({ length: 12 }, (_, month) => new Intl.DateTimeFormat(undefined, { month: "short" }).format(new Date(2000, month, 1)));
const monthText = ({ year, month }: Month) => `${MONTHS[month - 1] ?? ""} ${year}`;

/** One person of a list, with what can be done. */
export function personLine(person: Person, detail?: string): HTMLElement {
  return h("div", { class: "line" }, personLink(person, detail), tieButtons(person));
}

export function peopleList(load: (after?: number) => Promise<{ items: Person[]; next?: number }>, nothing: () => Node): HTMLElement {
  return pages<Person, number>(load, (it) => personLine(it), nothing, "list", (items) => void fillDegrees(items));
}

export async function profilePage(name: string): Promise<HTMLElement> {
  const server = await backend();
  const it = await server.profile(name).catch((error) => {
    if (isRefusal(error)) return undefined;
    throw error;
  });
  if (!it) return h("section", { class: "page" }, h("h1", {}, `@${name}`), empty("Nobody has this name."));
  const own = isMe(it);
  if (app.me && !own) void server.view(it.id).catch(() => undefined);
  const badge = degreeBadge(it.tie === "Connected" ? 1 : undefined);
  const mutual = h("p", { class: "soft mutual" });
  if (app.me && !own) void showNetwork(it, badge, mutual);
  const link = h("button", { type: "button", class: "link", onclick: () => openConnections(it) }, `${count(it.connections)} connection${it.connections === 1 ? "" : "s"}`);
  const place = [it.company, it.place].filter(Boolean).join(" · ");
  return h("section", { class: "page profile" },
    h("div", { class: "card who" }, h("div", { class: "cover", "aria-hidden": "true" }), avatar(it, "large"),
      h("h1", {}, it.display, " ", badge), h("p", { class: "headline" }, it.headline), h("p", { class: "soft" }, `@${it.name}`, place && ` · ${place}`),
      it.openToWork && h("p", {}, h("span", { class: "chip open" }, icon("jobs"), "Open to work")), link, mutual,
      it.suspended && h("p", { class: "problem" }, "This account is suspended."),
      it.note && it.tie === "Invites" && h("blockquote", {}, it.note),
      h("div", { class: "row" }, own ? ownButtons(it) : tieButtons(it, (tie) => showDegree(badge, tie === "Connected" ? 1 : undefined)))),
    it.about && h("div", { class: "card" }, h("h2", {}, "About"), h("p", { class: "lines" }, it.about)),
    it.experience.length > 0 && h("div", { class: "card" }, h("h2", {}, "Experience"), h("ul", { class: "steps" }, it.experience.map(workItem))),
    it.education.length > 0 && h("div", { class: "card" }, h("h2", {}, "Education"), h("ul", { class: "steps" }, it.education.map(schoolItem))),
    it.skills.length > 0 && h("div", { class: "card" }, h("h2", {}, "Skills"), h("ul", { class: "skills" }, it.skills.map((skill) => skillItem(it, skill)))),
    own && !it.about && !it.experience.length && h("div", { class: "card" }, empty("Tell people what you do: your work, your schools, your skills.", h("a", { class: "button primary", href: "/edit" }, "Complete your profile"))),
    h("h2", {}, "Posts"), postList({ Of: it.id }, () => empty(own ? "You have posted nothing yet." : "No posts yet.")));
}

async function showNetwork(it: Profile, badge: HTMLElement, mutual: HTMLElement): Promise<void> {
  try {
    const network = await (await backend()).network(it.id);
    showDegree(badge, network.degree);
    if (!network.mutualCount) return;
    const names = network.mutual.slice(0, 2).map((one, index) => [index > 0 && ", ", h("a", { href: `/@${one.name}` }, one.display)]);
    const more = network.mutualCount - Math.min(2, network.mutual.length);
    replace(mutual, h("span", { class: "faces", "aria-hidden": "true" }, network.mutual.slice(0, 3).map((one) => avatar(one, "tiny"))),
      h("span", {}, names, more > 0 && ` and ${more} more`, ` ${network.mutualCount === 1 ? "is" : "are"} connected with both of you`));
  } catch {
    // how two are connected is told when it is known
  }
}

function workItem(it: Experience): HTMLElement {
  const when = `${monthText(it.from)} – ${it.to ? monthText(it.to) : "now"}`;
  return h("li", {}, h("strong", {}, it.title), h("div", {}, it.company, it.place && ` · ${it.place}`), h("small", {}, when), it.text && h("p", { class: "lines" }, it.text));
}

function schoolItem(it: Education): HTMLElement {
  return h("li", {}, h("strong", {}, it.school), it.degree && h("div", {}, it.degree), h("small", {}, `${it.from} – ${it.to ?? "now"}`));
}

function skillItem(owner: Profile, skill: Skill): HTMLElement {
  const who = h("button", { type: "button", class: "link" });
  who.addEventListener("click", () => openEndorsers(owner, skill));
  const press = h("button", { type: "button", class: "tie", onclick: async () => {
    if (!await needUser()) return;
    const on = !skill.endorsed;
    const set = (value: boolean) => () => {
      skill.endorsed = value;
      skill.endorsements += value ? 1 : -1;
      show();
    };
    await optimistic(set(on), set(!on), async () => (await backend()).endorse(owner.id, skill.id, on));
  } });
  const show = () => {
    who.hidden = skill.endorsements === 0;
    replace(who, `${skill.endorsements} endorsement${skill.endorsements === 1 ? "" : "s"}`);
    replace(press, icon(skill.endorsed ? "check" : "plus"), skill.endorsed ? "Endorsed" : "Endorse");
    press.setAttribute("aria-label", `Endorse ${owner.display} for ${skill.name}`);
    press.setAttribute("aria-pressed", String(skill.endorsed));
  };
  show();
  return h("li", {}, h("span", {}, h("strong", {}, skill.name), who), owner.tie === "Connected" && press);
}

function openEndorsers(owner: Profile, skill: Skill): void {
  sheet(`${skill.name}: endorsed by`, [pages<Person>(async () => ({ items: await (await backend()).endorsers(owner.id, skill.id) }), (it) => h("div", { class: "line" }, personLink(it)), () => empty("Nobody yet."))]);
}

export function openConnections(it: Person): void {
  sheet(`Connections of ${it.display}`, [peopleList(async (after) => (await backend()).connections(it.id, after), () => empty("Nobody yet."))]);
}

function ownButtons(it: Profile): HTMLElement[] {
  const text = (title: string, run: () => void) => h("button", { type: "button", onclick: run }, title);
  const views = h("a", { class: "button", href: "/views" });
  const show = () => replace(views, icon("eye"), `${count(app.me?.views ?? 0n)} views`);
  show();
  listen("me", views, show);
  return [h("a", { class: "button primary", href: "/edit" }, "Edit profile"), views, text("Connections", () => openConnections(it)),
    h("a", { class: "button", href: "/data" }, "My data"), text("Sign out", () => void leave().then(() => go("/"))),
    text("How is this hosted?", () => dispatchEvent(new Event("open-hosted")))];
}

/** The user's own page, in parts. */
export const viewsPage = (): HTMLElement => h("section", { class: "page" }, h("h1", {}, "Who looked at your profile"),
  app.me?.privateViews && h("p", { class: "soft" }, "You look at profiles without being named, so you are not told names either. Change it in your profile."),
  pages(async (before?: bigint) => (await backend()).views(before), (it) => h("div", { class: "line" },
    it.viewer ? personLink(it.viewer) : h("span", { class: "person" }, h("span", { class: "avatar", "aria-hidden": "true" }, "?"), h("span", { class: "names" }, h("strong", {}, "Somebody"))),
    h("small", {}, new Date(it.at).toLocaleDateString())), () => empty("Nobody yet.")));

