// What is the user's: taking it along, and having it erased.
import { app, backend, reason } from "./app";
import { leave } from "./account";
import { h } from "./dom";
import { go } from "./router";
import { form, notice, sheet } from "./ui";

const KEPT_MS = 10_000;

export function dataPage(): HTMLElement {
  const told = h("p", { class: "soft", role: "status" });
  const take = h("button", { type: "button", class: "primary", onclick: () => void download() }, "Export my data");
  const download = async () => {
    take.disabled = true;
    told.textContent = "Collecting…";
    try {
      const entries = await (await backend()).exportData();
      const blob = new Blob([JSON.stringify(entries, undefined, 2)], { type: "application/json" });
      const link = h("a", { href: URL.createObjectURL(blob), download: `guild-${app.me!.profile.name}.json` });
      link.click();
      // not before the browser has begun to read it
      setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
      told.textContent = `${entries.length} ${entries.length === 1 ? "entry is" : "entries are"} in the file.`;
    } catch (error) {
      told.textContent = "";
      notice(reason(error), { title: "Try again", run: () => void download() });
    } finally {
      take.disabled = false;
    }
  };
  return h("section", { class: "page" }, h("h1", {}, "My data"),
    h("div", { class: "card" }, h("h2", {}, "Take it along"), h("p", {}, "All that Guild knows of you, in one file (JSON): profile, connections, posts, comments, messages, jobs and applications."), take, told),
    h("div", { class: "card" }, h("h2", {}, "Leave"), h("p", {}, "Your profile and all that you wrote is erased, also your conversations on both sides. Nobody sees you any more at once; the rest follows within minutes. This cannot be undone."),
      h("button", { type: "button", class: "danger", onclick: openDelete }, "Delete me")));
}

function openDelete(): void {
  const name = app.me!.profile.name;
  const typed = h("input", { required: true, pattern: name, autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  const box = sheet("Delete me", [form([h("p", {}, "Perhaps export your data first."), h("label", {}, `Type your handle, ${name}, to be sure`, typed)], "Delete everything", async () => {
    await (await backend()).deleteMe();
    await leave();
    box.close();
    notice("You have left. Thank you for having been here.");
    go("/");
  })]);
}
