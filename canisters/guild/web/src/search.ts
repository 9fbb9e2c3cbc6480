// Searching people and posts, with filters that are part of the address.
import { app, backend } from "./app";
import { h, icon, replace } from "./dom";
import { postList } from "./feed";
import { peopleList } from "./people";
import { empty, tablist } from "./ui";
import type { PeopleFilter } from "./types";

const TYPING_MS = 300;
const TEXTS = ["query", "company", "place", "school", "skill"] as const;
const TITLES = { query: "Name or words", company: "Company", place: "Place", school: "School", skill: "Skill" };

const read = (query: URLSearchParams): PeopleFilter => ({
  query: query.get("q") ?? "", company: query.get("company") ?? "", place: query.get("place") ?? "", school: query.get("school") ?? "",
  skill: query.get("skill") ?? "", open_to_work: query.has("open"), connected: query.has("mine"),
});

function write(filter: PeopleFilter): void {
  const query = new URLSearchParams();
  TEXTS.forEach((name) => filter[name] && query.set(name === "query" ? "q" : name, filter[name]));
  if (filter.open_to_work) query.set("open", "");
  if (filter.connected) query.set("mine", "");
  history.replaceState({}, "", query.size ? `/people?${query}` : "/people");
}

export function searchPage(query: URLSearchParams): HTMLElement {
  const filter = read(query);
  const results = h("div", {});
  let timer = 0;
  const people = () => peopleList(async (after) => (await backend()).searchPeople(filter, after), () => empty("Nobody found."));
  const posts = () => (filter.query.trim() ? postList({ Found: filter.query }, () => empty("No posts found.")) : empty("Type words to find posts."));
  let tab = 0;
  const show = () => {
    write(filter);
    replace(results, tablist("Results", [["People", () => { tab = 0; return people(); }], ["Posts", () => { tab = 1; return posts(); }]], tab));
  };
  const soon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(show, TYPING_MS);
  };
  const inputs = TEXTS.map((name) => {
    const input = h("input", { type: "search", value: filter[name], maxlength: 80, autocomplete: "off", placeholder: TITLES[name], "aria-label": TITLES[name] });
    input.addEventListener("input", () => { filter[name] = input.value; soon(); });
    return input;
  });
  const check = (title: string, name: "open_to_work" | "connected") => {
    const input = h("input", { type: "checkbox", checked: filter[name] });
    input.addEventListener("change", () => { filter[name] = input.checked; show(); });
    return h("label", { class: "choice" }, input, title);
  };
  const more = h("details", { class: "filters", open: TEXTS.slice(1).some((name) => filter[name]) || filter.open_to_work || filter.connected },
    h("summary", {}, "Filters"), h("div", { class: "pair" }, inputs.slice(1)), h("div", { class: "row" }, check("Open to work", "open_to_work"), app.me && check("My connections", "connected")));
  show();
  return h("section", { class: "page" }, h("h1", {}, "People"),
    h("form", { class: "search", role: "search", onsubmit: (event: Event) => { event.preventDefault(); show(); } }, icon("search"), inputs[0], more), results);
}
