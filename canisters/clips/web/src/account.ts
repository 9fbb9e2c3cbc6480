// Signing in, choosing a name, signing out.
import { app, announce, backend, reason, refreshMe } from "./app";
import { h } from "./dom";
import { notice, sheet } from "./ui";

/** Whoever is signed in; asks for it where nobody is. Resolves to false if they decline. */
export async function needUser(): Promise<boolean> {
  if (app.me) return true;
  try {
    if (!app.known) await refreshMe();
  } catch (error) {
    notice(reason(error));
    return false;
  }
  return app.me ? true : signInSheet();
}

async function signInSheet(): Promise<boolean> {
  const { sessions } = await import("./auth");
  const server = await backend();
  const ways = sessions.ways(server.provider);
  return new Promise((resolve) => {
    const problem = h("p", { class: "problem", role: "alert" });
    const open = async (way: (typeof ways)[number], press: HTMLButtonElement) => {
      press.disabled = true;
      try {
        server.use(await way.signIn());
        await refreshMe();
        announce("signed-in");
        box.close();
        resolve(app.me ? true : await nameSheet());
      } catch (error) {
        problem.textContent = reason(error);
        press.disabled = false;
      }
    };
    const choices = ways.map((way) => {
      const press = h("button", { type: "button", class: way === ways[0] ? "primary wide" : "wide", onclick: () => void open(way, press) }, way.title);
      return h("div", { class: "way" }, press, h("p", { class: "soft" }, way.text));
    });
    let answered = false;
    const box = sheet("Sign in to Clips", [
      h("p", {}, "Watching needs no account. To like, comment, follow and publish, sign in with one tap. No email, no password."),
      ...choices, problem,
    ], { onclose: () => { if (!answered && !server.signedIn) resolve(false); answered = true; } });
  });
}

function nameSheet(): Promise<boolean> {
  return new Promise((resolve) => {
    const problem = h("p", { class: "problem", role: "alert" });
    const name = h("input", { name: "name", required: true, minlength: 2, maxlength: 24, pattern: "[A-Za-z0-9_]+", autocomplete: "username", autocapitalize: "none", spellcheck: "false" });
    const display = h("input", { name: "display", required: true, maxlength: 40, autocomplete: "name" });
    const press = h("button", { class: "primary wide" }, "Start");
    const form = h("form", { onsubmit: async (event: Event) => {
      event.preventDefault();
      press.disabled = true;
      problem.textContent = "";
      try {
        await (await backend()).createProfile(name.value, display.value);
        await refreshMe();
        box.close();
      } catch (error) {
        problem.textContent = reason(error);
        press.disabled = false;
      }
    } }, h("label", {}, "Your name, as people read it", display),
      h("label", {}, "Your handle: letters, digits and _", name), problem, press);
    const box = sheet("What shall we call you?", [form], { onclose: () => resolve(app.me !== undefined) });
    display.focus();
  });
}

export async function leave(): Promise<void> {
  const { sessions } = await import("./auth");
  await sessions.signOut();
  await forget();
}

/** The session ended by itself. */
export async function ended(): Promise<void> {
  await forget();
  notice("Your session has ended.", { title: "Sign in", run: () => void needUser() });
}

async function forget(): Promise<void> {
  const { AnonymousIdentity } = await import("@icp-sdk/core/agent");
  (await backend()).use(new AnonymousIdentity());
  app.me = undefined;
  announce("me");
}
