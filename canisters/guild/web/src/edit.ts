// Editing one's profile: everything is there already, lists grow and shrink.
import { app, backend, refreshMe } from "./app";
import { h, replace } from "./dom";
import { go } from "./router";
import { button, form } from "./ui";
import type { Education, Experience, Month, Profile } from "./types";

const line = (value: string, attributes: Record<string, unknown> = {}) => h("input", { maxlength: 80, value, ...attributes });
const label = (title: string, field: Node) => h("label", {}, title, field);

function monthField(value: Month | undefined, required: boolean): { field: HTMLInputElement; read: () => Month | undefined } {
  const text = value && `${String(value.year).padStart(4, "0")}-${String(value.month).padStart(2, "0")}`;
  const field = h("input", { type: "month", value: text ?? "", required, min: "1900-01", max: "2200-12", placeholder: "2020-05", pattern: "\\d{4}-\\d{2}" });
  return { field, read: () => {
    const [year, month] = field.value.split("-").map(Number);
    return year && month ? { year, month } : undefined;
  } };
}

function yearField(value: number | undefined, required: boolean): { field: HTMLInputElement; read: () => number | undefined } {
  const field = h("input", { type: "number", value: value ?? "", required, min: 1900, max: 2200, inputmode: "numeric" });
  return { field, read: () => (field.value ? Number(field.value) : undefined) };
}

interface Entry<T> {
  element: HTMLElement;
  read: () => T;
}

function workEntry(it?: Experience): Entry<Experience> {
  const [title, company, place] = [line(it?.title ?? "", { required: true }), line(it?.company ?? "", { required: true }), line(it?.place ?? "")];
  const [from, to] = [monthField(it?.from, true), monthField(it?.to, false)];
  const text = h("textarea", { rows: 3, maxlength: 1000 }, it?.text ?? "");
  const element = h("div", { class: "fields" }, label("Title", title), label("Company", company), label("Place", place),
    h("div", { class: "pair" }, label("From", from.field), label("To (empty: still there)", to.field)), label("What you did", text));
  return { element, read: () => ({ title: title.value, company: company.value, place: place.value, from: from.read() ?? { year: 0, month: 0 }, to: to.read(), text: text.value }) };
}

function schoolEntry(it?: Education): Entry<Education> {
  const [school, degree] = [line(it?.school ?? "", { required: true }), line(it?.degree ?? "")];
  const [from, to] = [yearField(it?.from, true), yearField(it?.to, false)];
  const element = h("div", { class: "fields" }, label("School", school), label("Degree", degree),
    h("div", { class: "pair" }, label("From, year", from.field), label("To, year (empty: still there)", to.field)));
  return { element, read: () => ({ school: school.value, degree: degree.value, from: from.read() ?? 0, to: to.read() }) };
}

/** Entries that can be added and removed. */
function entries<T>(title: string, add: string, first: T[], most: number, make: (it?: T) => Entry<T>): { element: HTMLElement; read: () => T[] } {
  const all: Entry<T>[] = [];
  const box = h("div", {});
  const more = h("button", { type: "button", onclick: () => { put(); all[all.length - 1]!.element.querySelector("input")?.focus(); } }, add);
  const put = (it?: T) => {
    const entry = make(it);
    all.push(entry);
    const row = h("fieldset", { class: "entry" }, h("legend", { class: "unseen" }, title), entry.element,
      button("trash", `Remove this entry of ${title}`, () => { all.splice(all.indexOf(entry), 1); row.remove(); more.disabled = false; }));
    box.append(row);
    more.disabled = all.length >= most;
  };
  first.forEach((it) => put(it));
  return { element: h("div", { class: "card" }, h("h2", {}, title), box, more), read: () => all.map((it) => it.read()) };
}

export function editPage(): HTMLElement {
  const me: Profile = app.me!.profile;
  const display = line(me.display, { required: true, maxlength: 60, autocomplete: "name" });
  const headline = line(me.headline, { maxlength: 120 });
  const [company, place] = [line(me.company, { autocomplete: "organization" }), line(me.place)];
  const about = h("textarea", { rows: 5, maxlength: 2000 }, me.about);
  const skills = h("textarea", { rows: 3, placeholder: "Statics, Welding, Chess" }, me.skills.map((it) => it.name).join(", "));
  const check = (on: boolean) => h("input", { type: "checkbox", checked: on });
  const [open, quiet] = [check(me.openToWork), check(app.me!.privateViews)];
  const work = entries("Experience", "Add experience", me.experience, 20, workEntry);
  const schools = entries("Education", "Add education", me.education, 10, schoolEntry);
  const fields = [
    h("div", { class: "card" }, label("Name", display), label("Headline", headline), h("div", { class: "pair" }, label("Company", company), label("Place", place)), label("About you", about),
      h("label", { class: "choice" }, open, "Open to work"), h("label", { class: "choice" }, quiet, "Look at profiles without being named")),
    work.element, schools.element, h("div", { class: "card" }, h("h2", {}, "Skills"), label("Up to 30, separated by commas", skills)),
  ];
  const send = async () => {
    const names = skills.value.split(/[,\n]/).map((it) => it.trim()).filter(Boolean);
    await (await backend()).editProfile({
      display: display.value, headline: headline.value, company: company.value, place: place.value, about: about.value,
      openToWork: open.checked, privateViews: quiet.checked, experience: work.read(), education: schools.read(), skills: names,
    });
    await refreshMe();
    go(`/@${me.name}`);
  };
  return h("section", { class: "page edit" }, h("h1", {}, "Edit profile"), pictureCard(me), form(fields, "Save", send));
}

function pictureCard(me: Profile): HTMLElement {
  const box = h("div", { class: "card picture-form" });
  const show = async () => {
    const { avatar } = await import("./ui");
    const input = h("input", { type: "file", accept: "image/*", required: true });
    const send = form([label("Picture", input)], "Use this picture", async () => {
      const { small } = await import("./picture");
      const picture = input.files?.[0] && await small(input.files[0], 320, true);
      if (picture) await (await backend()).setPicture(picture);
      await refreshMe();
      await show();
    });
    replace(box, avatar(app.me?.profile ?? me, "large"), send);
  };
  void show();
  return box;
}
