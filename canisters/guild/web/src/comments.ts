// The comments below a post.
import { app, backend, isRefusal, reason } from "./app";
import { needUser } from "./account";
import { ago, h } from "./dom";
import { avatar, button, empty, notice, pages, rich, sendOnEnter } from "./ui";
import type { Comment, Post } from "./types";

const LENGTH = 1_000;

export function commentsOf(post: Post, changed: () => void): HTMLElement {
  const list = pages<Comment>(async (before) => (await backend()).comments(post.id, before), (it) => row(post, it, changed),
    () => empty("Nobody has said anything yet."), "comments");
  const input = h("textarea", { rows: 1, maxlength: LENGTH, placeholder: "Add a comment", "aria-label": "Add a comment" });
  const send = h("form", { class: "write", onsubmit: (event: Event) => {
    event.preventDefault();
    void write(post, input, list, changed);
  } }, input, button("send", "Send", () => send.requestSubmit()));
  sendOnEnter(input, () => send.requestSubmit());
  return h("div", { class: "talkbox" }, send, list);
}

async function write(post: Post, input: HTMLTextAreaElement, list: HTMLElement, changed: () => void): Promise<void> {
  const text = input.value.trim();
  if (!text || !await needUser() || !app.me) return;
  const { randomOrder } = await import("./backend");
  const order = randomOrder();
  input.value = "";
  const draft: Comment = { id: 0n, post: post.id, author: app.me.profile, text, created: Date.now(), removable: false, pending: true };
  const element = row(post, draft, changed);
  list.querySelector(".comments")!.prepend(element);
  list.querySelector(".end")!.replaceChildren();
  const attempt = async (): Promise<void> => {
    try {
      const comment = await (await backend()).comment(post.id, text, order);
      post.comments += 1;
      changed();
      element.replaceWith(row(post, comment, changed));
    } catch (error) {
      if (isRefusal(error)) {
        element.remove();
        input.value = text;
        notice(reason(error));
        return;
      }
      const problem = h("p", { class: "problem", role: "alert" }, reason(error));
      const again = h("button", { type: "button", onclick: () => { problem.remove(); again.remove(); void attempt(); } }, "Try again");
      element.querySelector(".comment-text")!.append(problem, again);
    }
  };
  await attempt();
}

function row(post: Post, comment: Comment, changed: () => void): HTMLElement {
  const remove = button("trash", "Delete comment", async () => {
    element.hidden = true;
    try {
      await (await backend()).deleteComment(post.id, comment.id);
      post.comments -= 1;
      changed();
      element.remove();
    } catch (error) {
      element.hidden = false;
      notice(reason(error));
    }
  });
  const body = h("div", { class: "comment-text" },
    h("p", { class: "comment-by" }, h("a", { href: `/@${comment.author.name}` }, comment.author.display), h("small", {}, comment.pending ? "sending…" : ago(comment.created))),
    h("p", {}, rich(comment.text)));
  const element = h("div", { class: "comment" }, avatar(comment.author, "small"), body, comment.removable && remove);
  return element;
}
