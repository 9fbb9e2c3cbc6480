// From the address of the page to a certified reply.
import assert from "node:assert/strict";
import { test } from "node:test";
import { canister, id, opened, until } from "./opened";

test("a link leads to a method with its arguments, and the call to a certified reply", async () => {
  const did = "service : { greet : (name : text, times : nat8) -> (text, nat8); quiet : () -> () query }";
  const hash = new URLSearchParams({ call: "greet", args: '["Ada",3]' });
  const { window, document } = await opened(`?id=${id.toText()}#${hash}`, canister([["candid:service", did]]));
  const text = (selector: string) => document.querySelector(selector)!.textContent!;
  assert.equal(text("#problem"), "");
  assert.match(text("#facts"), /rwlgt-iiaaa-aaaaa-aaaaa-cai[\s\S]*6d…[\s\S]*Certified/);
  assert.equal(document.querySelector<HTMLAnchorElement>("#facts a")!.getAttribute("href"), `/?id=${id.toText()}`);
  assert.deepEqual([...document.querySelectorAll("h3")].map((it) => it.textContent), ["greet", "quiet"]);
  assert.equal(document.querySelectorAll("details.method[open]").length, 1);
  assert.equal(document.querySelector<HTMLTextAreaElement>("details.method textarea")!.value, "Ada");
  document.querySelector("details.method form")!.dispatchEvent(new window.Event("submit", { cancelable: true }));
  await until("a reply", () => /^Replied in/.test(text(".status")));
  assert.match(text(".result"), /Certified[\s\S]*Ada[\s\S]*3/);
  assert.equal(text("#source pre"), did);
  assert.equal(text("#who"), "You call as nobody");
});
