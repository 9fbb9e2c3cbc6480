// Shows the certified value and raises it. Every answer passed the gateway's verification; an
// answer that fails it arrives as an error and is shown as one.
"use strict";

const REFRESH_MS = 2000;
const element = (id) => document.getElementById(id);

async function ask(path, method) {
  const response = await fetch(path, { method, cache: "no-store" });
  if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
  element("canister").textContent = response.headers.get("x-ic-canister-id") ?? location.hostname.split(".")[0];
  return (await response.json()).value;
}

function show(value, state) {
  element("value").textContent = value;
  element("verified").textContent = new Date().toLocaleTimeString();
  element("state").textContent = state;
}

function fail(error) {
  element("state").textContent = `Not answered: ${error.message}. Trying again…`;
}

async function refresh() {
  try {
    show(await ask("/value", "GET"), "Certified by the subnet.");
  } catch (error) {
    fail(error);
  }
}

element("increment").addEventListener("click", async () => {
  const button = element("increment");
  button.disabled = true;
  element("state").textContent = "The replicas are agreeing…";
  try {
    show(await ask("/increment", "POST"), "Counted, and certified by the subnet.");
  } catch (error) {
    fail(error);
  } finally {
    button.disabled = false;
    button.focus();
  }
});

refresh();
setInterval(() => document.hidden || element("increment").disabled || refresh(), REFRESH_MS);
