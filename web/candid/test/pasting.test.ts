// A canister that publishes no interface.
import assert from "node:assert/strict";
import { test } from "node:test";
import { canister, id, opened, until } from "./opened";

test("where no interface is published the page says so, and takes one that is pasted", async () => {
  const { window, document, replica } = await opened(`?id=${id.toText()}`, canister([["other", "x"]]));
  const text = (selector: string) => document.querySelector(selector)!.textContent!;
  const paste = (did: string) => {
    document.querySelector<HTMLTextAreaElement>("#did")!.value = did;
    document.querySelector("#source form")!.dispatchEvent(new window.Event("submit", { cancelable: true }));
  };
  assert.match(text("#source"), /publishes no interface/);
  paste("service : { run : (blob -> (blob) }");
  assert.match(text("#source .problem"), /^Line 1, column 25: "\)" is missing/);
  paste("service : { run : (blob) -> (blob) }");
  assert.deepEqual([...document.querySelectorAll("h3")].map((it) => it.textContent), ["run"]);
  assert.match(text("#source summary"), /as you pasted it/);
  document.querySelector<HTMLDetailsElement>("details.method")!.open = true;
  await until("a form", () => document.querySelector("details.method form") !== null);
  replica.answer = () => ({ code: 5, message: "trapped", error: "IC0503" });
  document.querySelector("details.method form")!.dispatchEvent(new window.Event("submit", { cancelable: true }));
  await until("a reject", () => /^Rejected in/.test(text(".status")));
  assert.match(text(".result"), /code 5, CANISTER_ERROR, IC0503[\s\S]*trapped/);
});
