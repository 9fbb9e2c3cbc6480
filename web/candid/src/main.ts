// The page: which canister, what is certified of it, its methods, and who calls them.
import { AnonymousIdentity, type Identity } from "@icp-sdk/core/agent";
import { Principal } from "@icp-sdk/core/principal";
import { parse } from "./did/parse";
import type { Interface } from "./did/type";
import { at, badge, block, button, copying, h, replace } from "./dom";
import { Builder } from "./idl";
import { target, type Target } from "./link";
import { Method } from "./method";
import { Network, reason, type Facts } from "./network";
import { principal } from "./view";
import * as who from "./who";

/** Interfaces with more methods have a field to find one. */
const FIND_FROM = 8;

const say = (...children: (Node | string)[]) => replace(at("problem"), h("p", { class: "note bad" }, children));

function facts(canister: Principal, found: Facts): void {
  const fact = (name: string, value: Node | string) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  const controllers = h("span", {}, found.controllers.map((it, index) => [index > 0 && ", ", principal(it)]));
  replace(at("facts"),
    fact("Canister", h("code", {}, canister.toText())),
    fact("Module", found.module ? h("code", {}, `${found.module.slice(0, 16)}…`) : "none"),
    fact("Controllers", found.controllers.length > 0 ? controllers : "nobody"),
    fact("Read", h("span", {}, badge("Certified", "good"), ` ${found.certifiedAt.toLocaleTimeString()}`)));
}

function methods(book: Interface, canister: Principal, network: Network, { method, args }: Target): void {
  const known = { canister, book, builder: new Builder(book), network };
  const list = book.methods().map((called) => new Method(known, called));
  const find = h("input", { type: "search", autocomplete: "off", oninput: () => {
    const wanted = find.value.trim().toLowerCase();
    list.forEach(({ element, called }) => { element.hidden = !called.name.toLowerCase().includes(wanted); });
    none.hidden = list.some(({ element }) => !element.hidden);
  } });
  const none = h("p", { class: "soft", role: "status", hidden: true }, "No method has such a name.");
  const count = list.length === 1 ? "1 method" : `${list.length} methods`;
  replace(at("methods"), h("h2", {}, list.length === 0 ? "It has no methods" : count),
    list.length >= FIND_FROM && h("label", { class: "find" }, "Find a method", find), none, list.map(({ element }) => element));
  const wanted = list.find(({ called }) => called.name === method);
  if (wanted) wanted.open(args);
  else if (method !== undefined) say(`This canister has no method ${method}.`);
}

/** The interface's text, to be read and to be copied. */
function source(text: string, whose: string): void {
  replace(at("source"), h("details", {}, h("summary", {}, h("h2", {}, `The interface, ${whose}`)),
    copying("Copy", () => text), block("Interface", text)));
}

/** A form for an interface that the canister does not tell. */
function pasting(lack: string, use: (text: string) => void): void {
  const area = h("textarea", { rows: 8, class: "code", spellcheck: "false", id: "did" });
  const trouble = h("p", { class: "problem", role: "alert" });
  replace(at("source"), h("section", { class: "card" }, h("h2", {}, "No interface"), h("p", {}, lack),
    h("form", { onsubmit: (event: Event) => {
      event.preventDefault();
      trouble.textContent = "";
      try {
        use(area.value);
      } catch (error) {
        trouble.textContent = reason(error);
        area.focus();
      }
    } }, h("label", { for: "did" }, "If you have its interface (a .did file), paste it here"), area, trouble, h("button", { type: "submit", class: "primary" }, "Use this interface"))));
}

async function show(network: Network, wanted: Target, canister: Principal): Promise<void> {
  const found = await network.facts(canister);
  facts(canister, found);
  const use = (text: string, whose: string) => {
    const book = parse(text);
    replace(at("problem"));
    methods(book, canister, network, wanted);
    source(text, whose);
  };
  if (found.candid === undefined) {
    if (found.isInstalled) pasting(found.lack ?? "", (text) => use(text, "as you pasted it"));
    else say(found.lack ?? "");
    return;
  }
  try {
    use(found.candid, "as its module has it");
  } catch (error) {
    pasting(`The interface that this canister publishes cannot be read. ${reason(error)}`, (text) => use(text, "as you pasted it"));
    (at("did") as HTMLTextAreaElement).value = found.candid;
  }
}

/** Who calls: a button that says it, and a dialog to change it; `changed` is told of others. */
function callers(network: Network, first: Identity | undefined, changed: () => void): void {
  const press = at("who") as HTMLButtonElement;
  const dialog = at("callers") as HTMLDialogElement;
  const trouble = h("p", { class: "problem", role: "alert" });
  const now = h("p", {});
  const set = (identity: Identity | undefined) => {
    network.use(identity);
    const text = identity?.getPrincipal().toText();
    press.textContent = text ? `You call as ${text.split("-")[0]}…` : "You call as nobody";
    replace(now, text ? ["Calls are made as ", h("code", {}, text), "."] : "Calls are made without a name, as 2vxsx-fae.");
  };
  const doing = (work: () => Promise<Identity | undefined>) => async () => {
    trouble.textContent = "";
    try {
      set(await work());
      dialog.close();
      changed();
    } catch (error) {
      trouble.textContent = reason(error);
    }
  };
  // made before the click: browsers open a window only at once
  let key: Awaited<ReturnType<typeof who.sessionKey>> | undefined;
  const prepare = () => who.sessionKey().then((it) => { key = it; }, () => { trouble.textContent = "Browsers make keys for pages of this machine and over HTTPS only."; });
  const provider = h("input", { type: "text", id: "provider", autocomplete: "off", spellcheck: "false" });
  provider.value = new URLSearchParams(location.search).get("identity") ?? who.lastProvider();
  const signIn = doing(async () => {
    const id = Principal.fromText(provider.value.trim()).toText();
    if (!key) throw new Error("There is no key yet. Try again.");
    return who.byIdentity(id, key);
  });
  replace(dialog, h("h2", { id: "callers-title" }, "Who calls?"), now, trouble,
    button("Nobody in particular", doing(async () => { who.byNobody(); return undefined; }), { class: "wide" }),
    button("A key of this browser", doing(who.byKey), { class: "wide" }),
    h("p", { class: "soft" }, "It never leaves the browser; clearing the browser's data loses it."),
    h("form", { onsubmit: (event: Event) => { event.preventDefault(); void signIn(); } },
      h("label", { for: "provider" }, "Sign in with an Identity canister"), provider, h("button", { type: "submit", class: "wide" }, "Sign in")),
    button("Close", () => dialog.close(), { class: "small" }));
  press.addEventListener("click", () => { void prepare(); dialog.showModal(); });
  press.hidden = false;
  set(first);
}

async function start(): Promise<void> {
  const wanted = target(location);
  (at("id") as HTMLInputElement).value = wanted.canister;
  window.addEventListener("hashchange", () => location.reload());
  let canister: Principal | undefined;
  try {
    canister = wanted.canister === "" ? undefined : Principal.fromText(wanted.canister);
  } catch {
    say(`This is no canister's id: ${wanted.canister.slice(0, 80)}`);
  }
  if (canister?.toText() === "aaaaa-aa") {
    say("The management canister is no program: the subnet itself answers for it, and it publishes no interface.");
    canister = undefined;
  }
  if (canister) document.title = `${canister.toText().slice(0, 11)}… · Candid`;
  const identity = await who.restored();
  const network = await Network.connect(identity ?? new AnonymousIdentity());
  const shown = () => (canister ? show(network, wanted, canister) : Promise.resolve());
  // a controller may read an interface that others may not
  callers(network, identity, () => void (at("methods").hasChildNodes() || shown().catch(failed)));
  await shown();
}

const failed = (error: unknown) => say(`The subnet could not be asked: ${reason(error)} `, h("a", { href: "" }, "Try again"));

start().catch(failed).finally(() => { document.body.dataset.ready = "yes"; });
