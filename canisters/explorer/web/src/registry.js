// Who runs which replica where, and what changed.
import { ask } from "./chain.js";
import { at, badge, fact, h, id, note, show, table } from "./dom.js";
import { ago, full, ofNanos, whole } from "./format.js";

const CHANGES = 15n;
const statuses = { Joining: "warn", Member: "good", Leaving: "warn", Gone: "idle" };

/** Whether the node is this operator's, and not gone. */
const isOf = (operator) => (node) =>
  node.operator[0]?.toText() === operator.toText() && !("Gone" in (node.status[0] ?? {}));

function nodes(list, operators) {
  const names = new Map(operators.map(({ operator, name, data_center }) => [operator.toText(), { name, data_center }]));
  const of = ([operator]) => (operator ? names.get(operator.toText()) : undefined);
  const columns = [
    { name: "Node", head: true, cell: (it) => [h("b", {}, it.card.name), " ", id(it.node_id, "node")] },
    { name: "State", cell: ({ status }) => {
      const word = status.length ? Object.keys(status[0])[0] : "Unknown";
      return badge(word.toLowerCase(), statuses[word] ?? "idle");
    } },
    { name: "Operator", cell: ({ operator }) => of(operator)?.name ?? operator.map((it) => id(it, "operator"))[0] ?? "not assigned" },
    { name: "Data center", cell: ({ operator }) => of(operator)?.data_center ?? "–" },
    { name: "Address", wide: true, cell: ({ card }) => card.address },
  ];
  return table("Nodes", columns, list);
}

function operatorTable(list, nodeList) {
  const columns = [
    { name: "Operator", head: true, cell: ({ name, operator }) => [h("b", {}, name), " ", id(operator, "operator")] },
    { name: "Data center", cell: ({ data_center }) => data_center },
    { name: "Nodes", number: true, cell: ({ operator }) => whole(nodeList.filter(isOf(operator)).length) },
    { name: "Rewards go to", wide: true, cell: ({ reward_account: [account] }) => (account ? id(account.owner, "owner") : "nobody") },
  ];
  return table("Operators", columns, list);
}

function centers(list) {
  const columns = [
    { name: "Data center", head: true, cell: ({ id: key }) => key },
    { name: "Region", cell: ({ region }) => region },
    { name: "Owner", cell: ({ owner }) => owner },
  ];
  return table("Data centers", columns, list);
}

function history({ changes }) {
  const columns = [
    { name: "Version", head: true, cell: ({ version }) => whole(version) },
    { name: "When", cell: ({ timestamp_nanos }) => full(ofNanos(timestamp_nanos)) },
    { name: "What", wide: true, cell: ({ what }) => what },
    { name: "Proposal", number: true, cell: ({ proposal }) => (proposal.length ? whole(proposal[0]) : "–") },
  ];
  return table("Changes", columns, [...changes].reverse());
}

const part = (title, list, make, none) => [h("h3", {}, title), list.length ? make(list) : note(none, "idle")];

/** Reads and shows. */
export async function registry(canister) {
  const version = await ask("registry", canister, "get_registry_version");
  const from = version > CHANGES ? version - CHANGES + 1n : 0n;
  const [subnet, nodeList, operators, dataCenters, changes] = await Promise.all([
    ask("registry", canister, "get_subnet"),
    ask("registry", canister, "list_nodes"),
    ask("registry", canister, "list_operators"),
    ask("registry", canister, "list_data_centers"),
    ask("registry", canister, "get_changes", from, CHANGES),
  ]);
  const wanted = subnet.subnet.replica_version[0];
  show(at("registry-body"),
    h("dl", { class: "facts" },
      fact("Registry version", whole(version)),
      fact("Membership version", whole(subnet.subnet.membership_version),
        `epoch ${whole(subnet.epoch)}${subnet.dealing ? ", keys are being dealt" : ""}`),
      fact("Replica version", wanted ? wanted.version : "not set"),
      fact("Read from the chain", subnet.read_nanos ? ago(ofNanos(subnet.read_nanos)) : "not yet"),
      fact("Subnet", id(subnet.subnet_id, "subnet"))),
    part("Nodes", nodeList, () => nodes(nodeList, operators), "No node is known."),
    part("Operators", operators, () => operatorTable(operators, nodeList), "No operator is registered."),
    part("Data centers", dataCenters, centers, "No data center is registered."),
    part("Newest changes", changes.changes, () => history(changes), "Nothing changed yet."));
}
