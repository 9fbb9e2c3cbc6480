// "How is this hosted?": what the agent proved about where the app comes from.
import { candidPage } from "../../../site/web/gateway";
import { backend, reason } from "./app";
import { count, h, icon, replace } from "./dom";
import { loading, sheet } from "./ui";

const megabytes = Intl.NumberFormat(undefined, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });

export function openHosted(): void {
  const box = sheet("How is this hosted?", [loading()], { class: "hosted-panel" });
  void load(box.body);
}

async function load(body: HTMLElement): Promise<void> {
  try {
    const it = await (await backend()).hosting();
    const fact = (name: string, value: string | number | undefined) => [h("dt", {}, name), h("dd", {}, value ?? "not told")];
    replace(body,
      h("p", { class: "verified" }, icon("shield"), h("strong", {}, "Verified")),
      h("p", {}, "This page, its videos and every answer come from one canister. The gateway and this browser checked the signature of a quorum of replicas on each of them; a replica that lies or stops changes nothing that you see."),
      h("dl", {}, fact("Canister", it.canister), fact("Replicas", it.replicas), fact("Certified", it.certifiedAt?.toLocaleTimeString()),
        it.height !== undefined && fact("Certified height", String(it.height)), fact("Subnet", it.subnet), fact("Module", it.module && `${it.module.slice(0, 16)}…`),
        fact("In it", `${count(it.users)} people, ${count(it.clips)} clips, ${megabytes.format(Number(it.bytes) / 1e6)} of media`)),
      h("p", {}, h("a", { href: candidPage(it.canister, it.canister), target: "_blank", rel: "noopener" }, "Call its methods yourself (Candid)")));
  } catch (error) {
    replace(body, h("p", { role: "alert" }, reason(error)), h("button", { type: "button", onclick: () => { replace(body, loading()); void load(body); } }, "Try again"));
  }
}
