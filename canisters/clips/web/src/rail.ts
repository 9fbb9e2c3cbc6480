// What can be done with a clip: the buttons beside it.
import { app, backend, changeClip, isRefusal, keep, listen, reason, refreshMe } from "./app";
import { needUser } from "./account";
import { openComments } from "./comments";
import { count, h, icon } from "./dom";
import { go } from "./router";
import { confirmSheet, notice, optimistic, sheet } from "./ui";
import type { Clip } from "./types";

const REASONS: [string, string][] = [
  ["Illegal", "Illegal content"], ["Violence", "Violence"], ["Hate", "Hate"], ["Sexual", "Sexual content"],
  ["Harassment", "Harassment"], ["Copyright", "Somebody else's work"], ["Spam", "Spam"], ["Other", "Something else"],
];

export function rail(clip: Clip): HTMLElement {
  const act = (name: string, symbol: string, run: () => void) => {
    const label = h("span", {});
    const press = h("button", { type: "button", "data-do": name, onclick: run }, icon(symbol), label);
    return { press, label };
  };
  const like = act("like", "heart", () => void toggleLike(clip));
  const comment = act("comment", "comment", () => openComments(clip));
  const superlike = act("superlike", "star", () => void giveSuperlike(clip));
  const bookmark = act("bookmark", "bookmark", () => void toggleBookmark(clip));
  const share = act("share", "share", () => void shareClip(clip));
  const more = act("more", "more", () => openMore(clip));
  const show = () => {
    const put = (it: typeof like, text: string, name: string, pressed?: boolean) => {
      it.label.textContent = text;
      it.press.setAttribute("aria-label", name);
      if (pressed !== undefined) it.press.setAttribute("aria-pressed", String(pressed));
    };
    const number = (value: number) => (clip.partial ? "–" : count(value));
    put(like, number(clip.likes), `Like, ${clip.likes}`, clip.mine.liked);
    put(comment, number(clip.comments), `Comments, ${clip.comments}`);
    put(superlike, number(clip.superlikes), `Superlike, ${clip.superlikes}`, clip.mine.superliked);
    put(bookmark, "Save", "Save", clip.mine.bookmarked);
    put(share, "Share", "Share");
    put(more, "More", "More");
  };
  show();
  const buttons = h("div", { class: "rail" }, [like, comment, superlike, bookmark, share, more].map((it) => it.press));
  listen(`clip:${clip.id}`, buttons, show);
  return buttons;
}

async function toggleLike(clip: Clip): Promise<void> {
  if (!await needUser()) return;
  const on = !clip.mine.liked;
  const set = (value: boolean) => () => changeClip(clip, (it) => {
    if (it.mine.liked === value) return;
    it.mine.liked = value;
    it.likes += value ? 1 : -1;
  });
  await optimistic(set(on), set(!on), async () => keep(await (await backend()).like(clip.id, on)));
}

async function toggleBookmark(clip: Clip): Promise<void> {
  if (!await needUser()) return;
  const on = !clip.mine.bookmarked;
  const set = (value: boolean) => () => changeClip(clip, (it) => { it.mine.bookmarked = value; });
  await optimistic(set(on), set(!on), async () => (await backend()).bookmark(clip.id, on));
}

async function giveSuperlike(clip: Clip): Promise<void> {
  if (!await needUser() || clip.mine.superliked) return;
  const set = (value: boolean) => () => changeClip(clip, (it) => {
    if (it.mine.superliked === value) return;
    it.mine.superliked = value;
    it.superlikes += value ? 1 : -1;
  });
  await optimistic(set(true), set(false), async () => {
    const now = await (await backend()).superlike(clip.id);
    changeClip(clip, (it) => Object.assign(it, now));
    await refreshMe();
    if (app.me) notice(`Superliked. ${app.me.superlikesLeft} left today.`);
  });
}

async function shareClip(clip: Clip): Promise<void> {
  const url = new URL(`/c/${clip.id}`, location.href).href;
  try {
    if (navigator.share && matchMedia("(pointer: coarse)").matches) return await navigator.share({ title: clip.caption || "Clip", url });
    await navigator.clipboard.writeText(url);
    notice("The link is copied.");
  } catch (error) {
    if (!(error instanceof Error && error.name === "AbortError")) {
      sheet("Share", [h("label", {}, "Link to this clip", h("input", { readonly: true, value: url }))]);
    }
  }
}

function openMore(clip: Clip): void {
  const item = (symbol: string, text: string, run: () => void) =>
    h("button", { type: "button", class: "menu-item", onclick: () => { box.close(); run(); } }, icon(symbol), text);
  const own = clip.mine.own;
  const items = own
    ? [item("trash", "Delete this clip", () => confirmSheet("Delete this clip?", "Its video, likes and comments are gone for good.", "Delete", () => void deleteClip(clip)))]
    : [item("coin", "Tip its maker", () => void tip(clip)), item("flag", "Report", () => void openReport({ Clip: clip.id })),
      item("close", `Block @${clip.author.name}`, () => void block(clip))];
  const box = sheet("This clip", items, { class: "menu" });
}

async function deleteClip(clip: Clip): Promise<void> {
  try {
    await (await backend()).deleteClip(clip.id);
    notice("Deleted.");
    await refreshMe();
    go(`/@${app.me?.profile.name ?? ""}`);
  } catch (error) {
    notice(reason(error), { title: "Try again", run: () => void deleteClip(clip) });
  }
}

async function block(clip: Clip): Promise<void> {
  if (!await needUser()) return;
  try {
    await (await backend()).block(clip.author.id, true);
    notice(`You see nothing of @${clip.author.name} any more.`);
    go("/");
  } catch (error) {
    notice(reason(error));
  }
}

const counted = (points: bigint) => `${points} point${points === 1n ? "" : "s"}`;

async function tip(clip: Clip): Promise<void> {
  if (!await needUser() || !app.me) return;
  const { randomOrder } = await import("./backend");
  const order = randomOrder();
  const problem = h("p", { class: "problem", role: "alert" });
  const give = async (points: bigint) => {
    try {
      const now = await (await backend()).tip(clip.id, points, order);
      box.close();
      changeClip(clip, (it) => Object.assign(it, now));
      notice(`@${clip.author.name} has your ${counted(points)}.`);
      await refreshMe();
    } catch (error) {
      problem.textContent = reason(error);
    }
  };
  const box = sheet(`Tip @${clip.author.name}`, [
    h("p", {}, `You have ${counted(app.me.points)}. Points come from joining and from viral clips; they are worth a smile.`),
    h("div", { class: "row" }, [1n, 5n, 20n].map((points) => h("button", { type: "button", class: "primary", onclick: () => void give(points) }, counted(points)))), problem,
  ]);
}

/** Asks why, and reports. */
export async function openReport(target: object): Promise<void> {
  if (!await needUser()) return;
  const problem = h("p", { class: "problem", role: "alert" });
  const note = h("textarea", { maxlength: 300, rows: 3 });
  const choices = REASONS.map(([value, text], index) => h("label", { class: "choice" }, h("input", { type: "radio", name: "reason", value, checked: index === 7 }), text));
  const form = h("form", { onsubmit: async (event: Event) => {
    event.preventDefault();
    const reasonValue = String(new FormData(form).get("reason"));
    try {
      await (await backend()).report(target, reasonValue, note.value);
      box.close();
      notice("Reported. Moderators decide by vote; nobody learns that it was you.");
    } catch (error) {
      problem.textContent = isRefusal(error) ? reason(error) : `${reason(error)} Try again.`;
    }
  } }, h("fieldset", {}, h("legend", {}, "What is wrong with it?"), choices), h("label", {}, "Anything to add?", note), problem,
    h("button", { class: "primary wide" }, "Report"));
  const box = sheet("Report", [form]);
}

