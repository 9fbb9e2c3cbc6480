// One method: what it takes, a form for it, the call, and what came of it.
import { IDL } from "@icp-sdk/core/candid";
import type { Principal } from "@icp-sdk/core/principal";
import { badge, button, h, replace, type Child } from "./dom";
import { filled, type Draft } from "./draft";
import { signature, spelt, type Called, type Interface } from "./did/type";
import { Form, blanks } from "./form";
import type { Builder } from "./idl";
import { argumentsFromJson, toJson, type Value } from "./json";
import { LINK_LENGTH_MAX, fragment, target } from "./link";
import { reason, type Network } from "./network";
import { headline, outcome } from "./outcome";

export interface Known {
  canister: Principal;
  book: Interface;
  builder: Builder;
  network: Network;
}

const KINDS: Record<string, [string, string]> = {
  query: ["query", "plain"], composite_query: ["composite query", "plain"], oneway: ["oneway", "warm"], update: ["update", "warm"],
};

export class Method {
  readonly element: HTMLDetailsElement;
  private form: Form | undefined;
  private readonly body = h("div", { class: "body" });
  private readonly status = h("p", { class: "status", role: "status" });
  private readonly result = h("div", { class: "result" });
  private readonly isQuery: boolean;

  constructor(private readonly known: Known, readonly called: Called) {
    const { name, mode, args, results } = called;
    this.isQuery = mode === "query" || mode === "composite_query";
    const kind = badge(...KINDS[mode ?? "update"]!);
    const summary = h("summary", {}, h("h3", {}, spelt(name)), kind, h("code", { class: "signature" }, `${signature(args)} → ${signature(results)}`));
    this.element = h("details", { class: "method", ontoggle: () => this.toggled() }, summary, this.body);
  }

  /** Opens, with these arguments where they fit. */
  open(args?: string): void {
    let drafts: Draft[] | undefined;
    let trouble: string | undefined;
    try {
      const { book } = this.known;
      const values = args === undefined ? undefined : argumentsFromJson(book, this.called.args, JSON.parse(args));
      drafts = values && this.called.args.map(({ type }, index) => filled(book, type, values[index]));
    } catch (error) {
      trouble = `The link's arguments do not fit this method: ${reason(error)}`;
    }
    this.draw(drafts);
    this.element.open = true;
    if (trouble) this.status.textContent = trouble;
    this.element.scrollIntoView({ block: "start" });
    this.element.querySelector("summary")!.focus({ preventScroll: true });
  }

  private toggled(): void {
    if (!this.element.open) return;
    if (!this.form) this.draw();
    // arguments of the link that led here stay in the address
    if (target(location).method !== this.called.name) history.replaceState(null, "", fragment(this.called.name));
  }

  private draw(drafts?: Draft[]): void {
    const { args, docs } = this.called;
    try {
      this.form = new Form(this.known.book, args, drafts ?? blanks(this.known.book, args));
    } catch (error) {
      replace(this.body, h("p", { class: "problem" }, `There can be no form for this method: ${reason(error)}`));
      return;
    }
    replace(this.status);
    replace(this.result);
    replace(this.body, docs !== "" && h("p", { class: "docs" }, docs), this.controls(), this.status, this.result);
  }

  private controls(): HTMLElement {
    const subnet = h("input", { type: "checkbox" });
    const choice = this.called.mode === "query" &&
      h("label", { class: "check" }, subnet, h("span", {}, "Ask the whole subnet ", h("small", {}, "certified, slower")));
    const call = h("button", { type: "submit", class: "primary" }, this.isQuery ? "Query" : "Call");
    const link = button("Copy link", () => this.copy(link), { class: "small" });
    const clear = button("Clear", () => this.draw(), { class: "small" });
    return h("form", { novalidate: true, onsubmit: (event: Event) => {
      event.preventDefault();
      void this.call(call, subnet.checked);
    } }, this.form!.element, choice, h("div", { class: "row" }, call, link, this.called.args.length > 0 && clear));
  }

  private say(text: string, ...shown: Child[]): void {
    this.status.textContent = text;
    replace(this.result, ...shown);
  }

  private async call(press: HTMLButtonElement, ofSubnet: boolean): Promise<void> {
    const values = this.form!.values();
    if (!values) {
      const count = this.form!.problems;
      this.say(`Not called: ${count === 1 ? "one field needs" : `${count} fields need`} your attention.`);
      return;
    }
    press.disabled = true;
    this.say("Calling…");
    try {
      const { canister, book, builder, network } = this.known;
      const found = await network.call(canister, this.called, this.bytes(values), ofSubnet);
      this.say(headline(found), outcome(book, builder, this.called, found));
    } catch (error) {
      this.say(`Not called: ${reason(error)}`);
    } finally {
      press.disabled = false;
    }
  }

  private bytes(values: Value[]): Uint8Array {
    return IDL.encode(this.known.builder.types(this.called.args), values);
  }

  /** A link to this method, with what stands in its form if that is complete and not too long. */
  private copy(press: HTMLButtonElement): void {
    const { book, canister } = this.known;
    const values = this.form!.complete();
    const json = values && JSON.stringify(this.called.args.map(({ type }, index) => toJson(book, type, values[index])));
    const whole = fragment(this.called.name, json);
    const isWhole = values !== undefined && whole.length <= LINK_LENGTH_MAX;
    navigator.clipboard.writeText(`${location.origin}/?id=${canister.toText()}${isWhole ? whole : fragment(this.called.name)}`)
      .then(() => (isWhole ? "Copied" : "Copied without arguments"), () => "The browser does not allow it")
      .then((text) => { press.textContent = text; });
    setTimeout(() => { press.textContent = "Copy link"; }, 1_500);
  }
}
