// Jobs: finding, posting, applying, answering.
import { app, backend, isRefusal, reason } from "./app";
import { needUser } from "./account";
import { ago, h, icon, replace } from "./dom";
import { go } from "./router";
import { confirmSheet, empty, form, isMe, notice, optimistic, pages, personLink, sheet, tablist } from "./ui";
import { HOURS, STATES, WORKPLACES, type Application, type Hours, type Job, type JobFilter, type State, type Workplace } from "./types";

const TYPING_MS = 300;

function choice(title: string, options: Record<string, string>, any?: string): HTMLSelectElement {
  return h("select", { "aria-label": title }, any !== undefined && h("option", { value: "" }, any),
    Object.entries(options).map(([value, text]) => h("option", { value }, text)));
}

const facts = (job: Job) => [job.company, job.place, WORKPLACES[job.workplace], HOURS[job.hours]].filter(Boolean).join(" · ");

function jobLine(job: Job): HTMLElement {
  return h("a", { class: "line job", href: `/j/${job.id}` }, h("span", { class: "job-mark", "aria-hidden": "true" }, icon("jobs")),
    h("span", { class: "names" }, h("strong", {}, job.title), h("span", {}, facts(job)),
      h("small", {}, ago(job.created), job.mine && ` · ${STATES[job.mine]}`, !job.open && " · closed", isMe(job.poster) && ` · ${job.applications} application${job.applications === 1 ? "" : "s"}`)));
}

const list = (which: { Open: JobFilter } | "Posted" | "Applied", nothing: string) =>
  pages<Job>(async (before) => (await backend()).jobs(which, before), jobLine, () => empty(nothing));

function openJobs(): HTMLElement {
  const filter: JobFilter = { query: "", place: "" };
  const results = h("div", {});
  let timer = 0;
  const show = () => replace(results, list({ Open: { ...filter } }, "No job is open that fits."));
  const soon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(show, TYPING_MS);
  };
  const text = (name: "query" | "place", title: string) => {
    const input = h("input", { type: "search", maxlength: 80, autocomplete: "off", placeholder: title, "aria-label": title });
    input.addEventListener("input", () => { filter[name] = input.value; soon(); });
    return input;
  };
  const workplace = choice("Where", WORKPLACES, "Anywhere");
  workplace.addEventListener("change", () => { filter.workplace = (workplace.value || undefined) as Workplace | undefined; show(); });
  const hours = choice("Hours", HOURS, "Any hours");
  hours.addEventListener("change", () => { filter.hours = (hours.value || undefined) as Hours | undefined; show(); });
  show();
  return h("div", {}, h("form", { class: "search", role: "search", onsubmit: (event: Event) => { event.preventDefault(); show(); } }, icon("search"),
    text("query", "Title, company or words"), h("div", { class: "pair thirds" }, text("place", "Place"), workplace, hours)), results);
}

export function jobsPage(): HTMLElement {
  const post = async () => { if (await needUser()) openPost(); };
  const content = app.me
    ? tablist("Jobs", [["Open", openJobs], ["Applied", () => list("Applied", "Jobs that you applied for appear here.")], ["Posted", () => list("Posted", "Jobs that you posted appear here.")]])
    : openJobs();
  return h("section", { class: "page" }, h("div", { class: "between" }, h("h1", {}, "Jobs"), h("button", { type: "button", class: "primary", onclick: () => void post() }, icon("plus"), "Post a job")), content);
}

function openPost(): void {
  const line = (required = true) => h("input", { required, maxlength: 80 });
  const [title, company, place] = [line(), line(), line(false)];
  company.value = app.me?.profile.company ?? "";
  const [workplace, hours] = [choice("Where", WORKPLACES), choice("Hours", HOURS)];
  const text = h("textarea", { required: true, rows: 4, maxlength: 5000 });
  const label = (name: string, field: Node) => h("label", {}, name, field);
  let order: bigint | undefined;
  const box = sheet("Post a job", [form([label("Title", title), label("Company", company), label("Place", place),
    h("div", { class: "pair" }, label("Where", workplace), label("Hours", hours)), label("Description", text)], "Post", async () => {
    const { randomOrder } = await import("./backend");
    // kept for a second try, so that a job is not posted twice
    order ??= randomOrder();
    const job = await (await backend()).postJob({
      title: title.value, company: company.value, place: place.value, workplace: workplace.value as Workplace, hours: hours.value as Hours, text: text.value,
    }, order).catch((error) => { if (isRefusal(error)) order = undefined; throw error; });
    box.close();
    go(`/j/${job.id}`);
  })]);
}

export async function jobPage(id: bigint): Promise<HTMLElement> {
  const job = await (await backend()).job(id).catch((error) => {
    if (isRefusal(error)) return undefined;
    throw error;
  });
  if (!job) return h("section", { class: "page" }, h("h1", {}, "Job"), empty("This job is gone."));
  const own = isMe(job.poster);
  const when = ago(job.created);
  const actions = h("div", { class: "row" });
  const state = h("p", { class: "soft" });
  const show = () => {
    replace(state, !job.open && "Closed to applications. ", job.mine && `Your application: ${STATES[job.mine]}.`);
    replace(actions, own ? ownActions(job, show) : applyActions(job, show));
  };
  show();
  return h("section", { class: "page" },
    h("article", { class: "card" }, h("h1", {}, job.title), h("p", {}, facts(job)), h("p", { class: "soft" }, `Posted ${when === "now" ? "just now" : `${when} ago`} · ${job.applications} application${job.applications === 1 ? "" : "s"}`),
      state, actions, h("p", { class: "lines" }, job.text), h("h2", {}, "Posted by"), personLink(job.poster)),
    own && h("div", { class: "card" }, h("h2", {}, "Applications"),
      pages<Application, number>(async (after) => (await backend()).applications(job.id, after), (it) => applicationLine(it), () => empty("Nobody has applied yet."))));
}

function applyActions(job: Job, changed: () => void): Node[] {
  const set = (state?: State) => {
    if (Boolean(state) !== Boolean(job.mine)) job.applications += state ? 1 : -1;
    job.mine = state;
    changed();
  };
  if (job.mine) {
    const before = job.mine;
    return [h("button", { type: "button", onclick: () => confirmSheet("Take your application back?", "The poster no longer sees it.", "Take back",
      () => void optimistic(() => set(), () => set(before), async () => (await backend()).withdrawApplication(job.id))) }, "Take back")];
  }
  if (!job.open) return [];
  const open = async () => {
    if (!await needUser()) return;
    const letter = h("textarea", { rows: 6, maxlength: 2000, placeholder: "Why you?" });
    const box = sheet(`Apply: ${job.title}`, [form([h("p", {}, "Your profile is sent along."), h("label", {}, "Letter", letter)], "Apply", async () => {
      const answer = await (await backend()).apply(job.id, letter.value);
      job.applications = answer.applications - 1;
      set(answer.mine);
      box.close();
      notice("Applied.");
    })]);
  };
  return [h("button", { type: "button", class: "primary", onclick: () => void open() }, "Apply")];
}

function ownActions(job: Job, changed: () => void): Node[] {
  const set = (open: boolean) => () => { job.open = open; changed(); };
  const toggle = () => void optimistic(set(!job.open), set(job.open), async () => (await backend()).openJob(job.id, job.open));
  const remove = () => confirmSheet("Delete this job?", "Its applications go with it.", "Delete", () => void (async () => {
    try {
      await (await backend()).deleteJob(job.id);
      go("/jobs");
    } catch (error) {
      notice(reason(error));
    }
  })());
  return [h("button", { type: "button", onclick: toggle }, job.open ? "Close" : "Open again"), h("button", { type: "button", onclick: remove }, "Delete")];
}

function applicationLine(it: Application): HTMLElement {
  const state = choice(`Answer to ${it.applicant.display}`, { Sent: "Not looked at", Seen: "Seen", Invited: "Invite to talk", Declined: "Decline" });
  state.value = it.state;
  state.addEventListener("change", () => {
    const [before, now] = [it.state, state.value as State];
    void optimistic(() => { it.state = now; }, () => { it.state = before; state.value = before; }, async () => (await backend()).answerApplication(it.job, it.applicant.id, now));
  });
  return h("div", { class: "line invitation" }, personLink(it.applicant), h("span", { class: "ties" }, state, h("a", { class: "button", href: `/messages/${it.applicant.name}` }, "Message")),
    it.letter && h("blockquote", { class: "lines" }, it.letter));
}
