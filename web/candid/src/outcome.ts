// What came of a call, and how far it can be believed.
import { IDL } from "@icp-sdk/core/candid";
import { toHex } from "./bytes";
import { badge, block, button, copying, h, replace } from "./dom";
import type { Called, Interface } from "./did/type";
import type { Builder } from "./idl";
import { toJson, type Value } from "./json";
import { reason, type Outcome, type Reject } from "./network";
import { argumentsToText } from "./text";
import { results } from "./view";

const REJECTS: Record<number, [string, string]> = {
  1: ["SYS_FATAL", "The subnet will not do this, also not later."],
  2: ["SYS_TRANSIENT", "The subnet cannot do this now; it may be tried again."],
  3: ["DESTINATION_INVALID", "The canister or what it would run is not there."],
  4: ["CANISTER_REJECT", "The canister refused the call, in its own words."],
  5: ["CANISTER_ERROR", "The canister's code failed; nothing was changed."],
  6: ["SYS_UNKNOWN", "Nobody knows what came of the call."],
};

const time = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);

/** One sentence for all, also for those who only hear it. */
export function headline(outcome: Outcome): string {
  const took = `in ${time(outcome.ms)}`;
  switch (outcome.kind) {
    case "reply": return `Replied ${took}.`;
    case "reject": return `Rejected ${took}.`;
    case "sent": return `Sent ${took}. Nobody answers a oneway method.`;
    case "failed": return `No answer that holds, ${took}.`;
  }
}

function word(outcome: Outcome): HTMLElement | undefined {
  if (outcome.kind !== "reply" && outcome.kind !== "reject") return undefined;
  if (outcome.word === "replica") {
    const refused = outcome.kind === "reject" ? "A replica says so; the subnet has not certified it." : "One replica answered, and signed it; the subnet has not certified it.";
    return h("p", { class: "word" }, badge("One replica's word", "plain"), " ", refused);
  }
  const at = outcome.kind === "reply" && outcome.certifiedAt ? `, at ${outcome.certifiedAt.toLocaleTimeString()}` : "";
  return h("p", { class: "word" }, badge("Certified", "good"), ` A quorum of replicas signed this answer${at}; this browser checked the signature.`);
}

function rejected({ code, message, error }: Reject): HTMLElement {
  const [name, meaning] = REJECTS[code] ?? ["unknown", "This code is not known here."];
  return h("div", { class: "reject" },
    h("p", {}, h("strong", {}, `Reject code ${code}, ${name}`), error ? `, ${error}` : "", ". ", meaning),
    block("Reject message", message === "" ? "(no message)" : message));
}

/** A reply in four ways; the last works whatever the bytes are. */
function reply(book: Interface, builder: Builder, method: Called, bytes: Uint8Array): HTMLElement {
  const place = h("div", { class: "shown" });
  let [values, failure]: [Value[], string | undefined] = [[], undefined];
  try {
    values = IDL.decode(builder.types(method.results), bytes);
  } catch (error) {
    failure = `These bytes are not what the interface promises: ${reason(error)}`;
  }
  const text = (it: string, label: string) => h("div", {}, copying("Copy", () => it), block(label, it));
  const ways: [string, () => HTMLElement][] = [
    ["Readable", () => results(book, method.results, values)],
    ["Candid", () => text(argumentsToText(book, method.results, values), "Reply as Candid")],
    ["JSON", () => text(JSON.stringify(method.results.map(({ type }, index) => toJson(book, type, values[index])), undefined, 2), "Reply as JSON")],
    ["Bytes", () => text(toHex(bytes), "Reply as bytes")],
  ];
  const choose = (chosen: HTMLElement, draw: () => HTMLElement) => {
    choices.forEach((it) => it.setAttribute("aria-pressed", String(it === chosen)));
    try {
      replace(place, draw());
    } catch (error) {
      replace(place, h("p", { class: "problem" }, `This cannot be shown like that: ${reason(error)}`));
    }
  };
  const choices = (failure === undefined ? ways : ways.slice(-1)).map(([name, draw]) =>
    button(name, ({ currentTarget }) => choose(currentTarget as HTMLElement, draw), { "aria-pressed": "false" }));
  choices[0]!.click();
  return h("div", {}, failure !== undefined && h("p", { class: "problem" }, failure),
    h("div", { class: "switch", role: "group", "aria-label": "How the reply is shown" }, choices), place);
}

export function outcome(book: Interface, builder: Builder, method: Called, found: Outcome): HTMLElement {
  const body = () => {
    switch (found.kind) {
      case "reply": return reply(book, builder, method, found.bytes);
      case "reject": return rejected(found.reject);
      case "sent": return h("p", {}, "Whether the canister takes it, and what it does then, this page cannot know.");
      case "failed": return h("div", { class: "reject" }, block("What went wrong", found.reason),
        found.isUnsure && h("p", {}, "The call may have been done all the same: look before you call again."));
    }
  };
  return h("div", {}, word(found), body());
}
