// The comments of a clip: a sheet on a phone, a panel on a desk.
import { app, backend, changeClip, isRefusal, reason } from "./app";
import { needUser } from "./account";
import { ago, h, replace } from "./dom";
import { openReport } from "./rail";
import { avatar, button, notice, pages, rich, sheet, empty } from "./ui";
import type { Clip, Comment } from "./types";

const LENGTH = 500;

export function openComments(clip: Clip): void {
  const list = pages<Comment, bigint>(async (before) => (await backend()).comments(clip.id, before), (it) => row(clip, it),
    () => empty("Nobody has said anything yet."), "comments");
  const input = h("textarea", { rows: 1, maxlength: LENGTH, placeholder: "Add a comment", "aria-label": "Add a comment" });
  const send = button("send", "Send", () => form.requestSubmit());
  const form = h("form", { class: "write", onsubmit: (event: Event) => {
    event.preventDefault();
    void write(clip, input, list);
  } }, input, send);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  sheet("Comments", [list, form], { class: "side" });
  if (matchMedia("(pointer: fine)").matches) input.focus();
}

async function write(clip: Clip, input: HTMLTextAreaElement, list: HTMLElement): Promise<void> {
  const text = input.value.trim();
  if (!text || !await needUser() || !app.me) return;
  const { randomOrder } = await import("./backend");
  const order = randomOrder();
  input.value = "";
  const draft: Comment = { id: 0n, clip: clip.id, author: app.me.profile, text, created: Date.now(), own: true, removable: false, pending: true };
  const element = row(clip, draft);
  list.querySelector(".comments")!.prepend(element);
  list.querySelector(".end")!.replaceChildren();
  const attempt = async (): Promise<void> => {
    element.classList.remove("failed");
    try {
      const comment = await (await backend()).comment(clip.id, text, order);
      changeClip(clip, (it) => { it.comments += 1; });
      element.replaceWith(row(clip, comment));
    } catch (error) {
      element.classList.add("failed");
      const again = h("button", { type: "button", onclick: () => { again.remove(); void attempt(); } }, "Try again");
      if (isRefusal(error)) {
        element.remove();
        input.value = text;
        notice(reason(error));
      } else {
        element.querySelector(".comment-text")!.append(h("p", { class: "problem", role: "alert" }, reason(error)), again);
      }
    }
  };
  await attempt();
}

function row(clip: Clip, comment: Comment): HTMLElement {
  const remove = button("trash", "Delete comment", async () => {
    element.hidden = true;
    try {
      await (await backend()).deleteComment(clip.id, comment.id);
      changeClip(clip, (it) => { it.comments -= 1; });
      element.remove();
    } catch (error) {
      element.hidden = false;
      notice(reason(error));
    }
  });
  const flag = button("flag", "Report comment", () => void openReport({ Comment: { clip: clip.id, comment: comment.id } }));
  const body = h("div", { class: "comment-text" });
  replace(body, h("p", { class: "comment-by" }, h("a", { href: `/@${comment.author.name}` }, comment.author.display), h("small", {}, comment.pending ? "sending…" : ago(comment.created))),
    h("p", {}, rich(comment.text)));
  const element = h("div", { class: "comment" }, avatar(comment.author, "small"), body,
    comment.pending ? undefined : comment.removable ? remove : flag);
  return element;
}
