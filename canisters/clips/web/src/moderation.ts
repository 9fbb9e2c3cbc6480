// The moderators' queue.
import { app, backend, reason } from "./app";
import { h, replace } from "./dom";
import { empty, notice, pages, personLink } from "./ui";
import type { Case, Clip, Entry } from "./types";

export function moderation(): HTMLElement {
  const allowed = app.me && app.me.profile.role !== "User";
  return h("section", { class: "page" }, h("h1", {}, "Moderation"),
    h("p", { class: "soft" }, "What two people report is hidden at once. The moderators decide together, by vote; every vote stands in the log."),
    allowed ? pages<Case, bigint>(async (after) => (await backend()).queue(after), card, () => empty("Nothing waits for a decision.")) : empty("Only moderators see the queue."),
    allowed && [h("h2", {}, "Log"), pages<Entry, bigint>(async (before) => (await backend()).events(before), line, () => empty("Nothing happened yet."))]);
}

const line = (it: Entry) => h("p", { class: "entry" }, h("small", {}, new Date(it.at).toLocaleString()), it.by === undefined ? "" : ` User ${it.by}`, ` ${it.text}`);

function card(it: Case): HTMLElement {
  const box = h("article", { class: "case" });
  const show = (now: Case) => {
    const vote = (verdict: "Keep" | "Remove", name: string) => h("button", { type: "button", class: verdict === "Remove" ? "danger" : "", "aria-pressed": String(now.vote === verdict), onclick: async () => {
      try {
        show(await (await backend()).vote(now.id, verdict));
      } catch (error) {
        notice(reason(error));
      }
    } }, name);
    const author = now.clip?.author ?? now.comment?.author;
    replace(box, h("p", {}, h("strong", {}, now.reasons.map(([why, times]) => `${why} ×${times}`).join(", ")), ` · ${now.reports} reports`, now.hidden && " · hidden"),
      author && personLink(author), h("p", {}, now.clip?.caption ?? now.comment?.text ?? "It is gone already."),
      now.clip && evidence(now.clip), now.notes.map((note) => h("blockquote", {}, note)),
      now.state === "Open" ? h("div", { class: "row" }, vote("Keep", `Keep (${now.keep}/${now.needed})`), vote("Remove", `Remove (${now.remove}/${now.needed})`))
        : h("p", { class: "decided" }, now.state === "Kept" ? "Kept by vote." : "Removed by vote."));
  };
  show(it);
  return box;
}

/** A hidden clip is served to nobody; moderators get its bytes by signed calls. */
function evidence(clip: Clip): HTMLElement {
  const place = h("div", { class: "evidence" });
  const load = h("button", { type: "button", onclick: async () => {
    load.disabled = true;
    try {
      const server = await backend();
      const parts: BlobPart[] = [];
      for (let chunk = 0, full = true; full; chunk += 1) {
        const part = await server.evidence(clip.id, chunk);
        parts.push(part as Uint8Array<ArrayBuffer>);
        full = part.length === 1024 * 1024;
      }
      replace(place, h("video", { src: URL.createObjectURL(new Blob(parts, { type: "video/mp4" })), controls: true, muted: true, playsinline: true }));
    } catch (error) {
      load.disabled = false;
      notice(reason(error));
    }
  } }, "Watch it");
  place.append(load);
  return place;
}
