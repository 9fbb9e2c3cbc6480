// "How is this hosted?": what the agent proved about where the app comes from.
import { candidPage } from "../../../site/web/gateway";
import { backend } from "./app";
import { count, h, icon } from "./dom";
import { fill, sheet } from "./ui";

export function openHosted(): void {
  const box = sheet("How is this hosted?", [], { class: "hosted-panel" });
  void fill(box.body, load);
}

async function load(): Promise<HTMLElement> {
  const it = await (await backend()).hosting();
  const fact = (name: string, value: string | number | undefined) => [h("dt", {}, name), h("dd", {}, value ?? "not told")];
  const candid = (id: string, title: string) => h("a", { href: candidPage(id, it.canister), target: "_blank", rel: "noopener" }, title);
  const pending = it.pending ? `, ${count(it.pending)} not yet confirmed` : "";
  return h("div", {},
    h("p", { class: "verified" }, icon("shield"), h("strong", {}, "Verified")),
    h("p", {}, "This page, its pictures and every answer come from one canister; who is connected with whom is held by a second one. The gateway and this browser checked the signature of a quorum of replicas on what you see; a replica that lies or stops changes nothing."),
    h("dl", {}, fact("Canister", it.canister), fact("Connections in", it.graph), fact("Replicas", it.replicas), fact("Certified", it.certifiedAt?.toLocaleTimeString()),
      it.height !== undefined && fact("Certified height", String(it.height)), fact("Subnet", it.subnet), fact("Module", it.module && `${it.module.slice(0, 16)}…`),
      fact("In it", `${count(it.users)} people, ${count(it.posts)} posts, ${count(it.connections)} connections${pending}`)),
    h("p", {}, candid(it.canister, "Call its methods yourself (Candid)")),
    it.graph && h("p", {}, candid(it.graph, "And those of the connections' canister")));
}
