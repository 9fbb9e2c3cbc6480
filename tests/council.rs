//! Those who hold tokens decide on four real replicas, through the command line; and those who run nodes are paid.

mod network;

use flate2::Compression;
use flate2::write::GzEncoder;
use ic_agent::Agent;
use ic_agent::export::Principal;
use network::economy::{self, CYCLES, GOVERNANCE, LEDGER, MINTING, REGISTRY, REWARDS};
use network::newcomer::Newcomer;
use network::payments::{AMOUNT, Payments, transfer};
use network::person::Person;
use network::{Network, atoll, eventually, get, load, module};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio::runtime::Runtime;

/// The identities of the payers.
const PAYERS: u8 = 40;
/// The number of the person who runs nodes.
const OPERATOR: u8 = 14;
/// What the ledger takes for a transfer.
const FEE: u64 = 10_000;

/// People, and the network that they share.
struct Council<'n> {
    network: &'n Network,
    /// Owns all tokens at first.
    banker: Person,
    /// Has most of what is at stake.
    elder: Person,
    /// Has little.
    critic: Person,
}

impl Council<'_> {
    fn gather(network: &Network) -> Council<'_> {
        let banker = Person::anonymous(network);
        let (elder, critic) = (Person::new(network, 11), Person::new(network, 12));
        for (person, tokens, stake) in [(&elder, "100_000", "90_000"), (&critic, "1_000", "100")] {
            banker.wallet(&["send", tokens, &person.principal], "block");
            let neuron = person.json(&["neuron", "stake", stake, "--delay", "30d"]);
            assert_ne!(neuron["neuron"]["voting_power"], "0", "{neuron}");
        }
        Council { network, banker, elder, critic }
    }

    /// Proposes it; its number.
    fn propose(&self, by: &Person, action: &[&str]) -> String {
        let title = action.join(" ");
        let title = title.chars().take(80).collect::<String>();
        let make = ["proposal", "make", "--title", &title, "--summary", "for the test"];
        by.json(&[&make, action].concat())["proposal"].to_string()
    }

    /// How it ended, once nothing is under way any more. While governance itself is upgraded it does not answer.
    fn ended(&self, proposal: &str) -> Value {
        eventually("the proposal is done", || {
            let shown = self.critic.run(&["proposal", "show", proposal, "--json"]).ok()?;
            let shown: Value = serde_json::from_str(&shown).expect("JSON");
            let status = shown["status"].clone();
            let open = ["Open", "Adopted", "Executing"].iter().any(|word| status == *word);
            (!open).then_some(status)
        })
    }

    /// The elder proposes it, which decides it; it is done.
    fn decree(&self, action: &[&str]) {
        let proposal = self.propose(&self.elder, action);
        assert_eq!(self.ended(&proposal), "Executed", "{action:?}");
    }

    fn rate(&self) -> String {
        let canister = self.elder.run(&["canister", "create"]).expect("a canister");
        self.elder.run(&["canister", "top-up", &canister, "--tokens", "1"]).expect("a top-up")
    }
}

fn principal(text: &str) -> Principal {
    Principal::from_text(text).expect("a principal")
}

/// The module of a canister with a custom section more, packed as a proposal can carry it: another module that does the
/// same.
fn renewed(network: &Network, name: &str) -> PathBuf {
    let mut bytes = module(name);
    bytes.extend([0, 8, 7]);
    bytes.extend(b"renewed");
    let path = network.dir.join(format!("{name}.wasm.gz"));
    let file = std::fs::File::create(&path).expect("a file");
    let mut packed = GzEncoder::new(file, Compression::best());
    packed.write_all(&bytes).and_then(|()| packed.finish()).expect("it is written");
    path
}

fn sha256(path: &Path) -> String {
    hex::encode(Sha256::digest(std::fs::read(path).expect("a file")))
}

/// The argument of a canister in the plan.
fn planned_argument(canister: &str) -> String {
    let plan = std::fs::read_to_string(economy::plan()).expect("the plan");
    let plan: toml::Value = toml::from_str(&plan).expect("TOML");
    let canisters = plan["canister"].as_array().expect("canisters");
    let found = canisters.iter().find(|entry| entry["id"].as_str() == Some(canister)).expect("it is planned");
    found["arg"].as_str().expect("text").to_string()
}

fn module_hash(agent: &Agent, runtime: &Runtime, canister: &str) -> Vec<u8> {
    let hash = agent.read_state_canister_module_hash(principal(canister));
    runtime.block_on(hash).expect("a module")
}

/// A vote that is lost, and one that is won but cannot be done, change nothing but their record.
fn the_rate_changes_by_vote_alone(council: &Council) {
    assert!(council.rate().starts_with("3_520_000_000_000 cycles"));
    let lost = council.propose(&council.critic, &["rate", "10"]);
    council.elder.json(&["proposal", "vote", &lost, "no"]);
    assert_eq!(council.ended(&lost), "Rejected");
    let impossible = council.propose(&council.elder, &["unfreeze", LEDGER]);
    let failed = council.ended(&impossible);
    assert!(failed["Failed"]["reason"].is_string(), "{failed}");
    assert!(council.rate().starts_with("3_520_000_000_000 cycles"));
    council.decree(&["rate", "40000"]);
    assert!(council.rate().starts_with("4_000_000_000_000 cycles"));
}

/// Six canisters are upgraded while tokens move; no transfer is lost or made twice.
fn system_canisters_are_upgraded_under_load(council: &Council) {
    let (network, runtime) = (council.network, Runtime::new().expect("a runtime"));
    let urls: Vec<String> = network.replicas.iter().map(|replica| replica.api_url.clone()).collect();
    let banker = Agent::builder().with_url(&urls[0]).build().expect("an agent");
    banker.set_root_key(network.root_key.clone());
    let funds = 100_000_000_000;
    for seed in PAYERS..PAYERS + urls.len() as u8 {
        let payer = load::agent(&urls[0], &network.root_key, seed).get_principal().expect("a principal");
        runtime.block_on(transfer(&banker, principal(LEDGER), payer, funds, None)).expect("funded");
    }
    let receiver = Person::new(network, 13);
    let to = principal(&receiver.principal);
    let payments = Payments::start(&runtime, &urls, &network.root_key, PAYERS, principal(LEDGER), to);
    let cycles = council.banker.wallet(&["balance"], "cycles");
    for (canister, name) in [
        (LEDGER, "ledger"),
        (CYCLES, "cycles_ledger"),
        (MINTING, "cycles_minting"),
        (REGISTRY, "registry"),
        (REWARDS, "rewards"),
        (GOVERNANCE, "governance"),
    ] {
        let before = module_hash(&banker, &runtime, canister);
        let path = renewed(network, name);
        let arg = match name {
            "ledger" | "cycles_ledger" => "(variant { Upgrade = null })".into(),
            // Ignored by an upgrade; the interface asks for it.
            "governance" => planned_argument(GOVERNANCE),
            _ => "(null)".into(),
        };
        council.decree(&["upgrade", canister, path.to_str().expect("a path"), "--arg", &arg]);
        let after = eventually("the module is another", || {
            Some(module_hash(&banker, &runtime, canister)).filter(|after| *after != before)
        });
        assert_eq!(hex::encode(after), sha256(&path), "{name}");
    }
    let done = payments.stop(&runtime);
    assert!(done > 0, "the ledger works between and after upgrades");
    assert_eq!(receiver.wallet(&["balance"], "tokens_e8s"), (done * AMOUNT).to_string());
    assert_eq!(council.banker.wallet(&["balance"], "cycles"), cycles);
    let spent: u64 = (PAYERS..PAYERS + urls.len() as u8)
        .map(|seed| {
            let payer = load::agent(&urls[0], &network.root_key, seed).get_principal().expect("a principal");
            let left = council.banker.wallet(&["balance", "--of", &payer.to_text()], "tokens_e8s");
            funds - left.parse::<u64>().expect("a number")
        })
        .sum();
    assert_eq!(spent, done * (AMOUNT + FEE), "{done} transfers under six upgrades");
}

/// Whoever asks for a frozen canister is told why; what it holds stays.
fn a_canister_is_frozen_for_its_content_and_lifted_again(council: &Council) {
    let counter = council.network.counter.as_ref().expect("the counter");
    let call = |method: &str| council.critic.run(&["canister", "call", counter, method]);
    let before = call("increment").expect("it counts");
    let page = format!("{}/?canisterId={counter}", council.network.gateway_url);
    assert!(get(&page).expect("a page").starts_with("HTTP/1.1 200"));
    council.decree(&["freeze", counter, "--reason", "it counts what nobody may count"]);
    for method in ["increment", "get"] {
        let refused = call(method).expect_err("it is frozen");
        assert!(refused.contains("it counts what nobody may count"), "{method}: {refused}");
    }
    let refused =
        eventually("the gateway knows", || get(&page).filter(|page| page.starts_with("HTTP/1.1 451")));
    assert!(refused.contains("it counts what nobody may count"), "{refused}");
    let stopped =
        council.banker.run(&["canister", "stop", counter]).expect_err("its controllers cannot help it");
    assert!(stopped.contains("frozen"), "{stopped}");
    council.decree(&["unfreeze", counter]);
    assert_ne!(call("increment").expect("it counts"), before);
    eventually("the page is back", || get(&page).filter(|page| page.starts_with("HTTP/1.1 200")));
}

/// Nodes get an operator with an account; at the end of an epoch it is paid for what they did, as anyone can compute.
fn operators_are_paid_for_what_their_nodes_did(council: &Council) {
    let operator = Person::new(council.network, OPERATOR);
    let name = operator.principal.as_str();
    council.decree(&["add-data-center", "here", "--region", "test", "--owner", "us"]);
    let new = ["--name", "op", "--data-center", "here", "--rewards-to", name];
    council.decree(&[&["add-operator", name], new.as_slice()].concat());
    for node in ["node-0", "node-1", "node-2"] {
        council.decree(&["assign-node", node, name]);
    }
    let paid = eventually("a statement is paid", || {
        let shown = council.critic.json(&["rewards", "show"]);
        let statement = &shown["statement"];
        let paid = statement["payments"].as_array()?.iter().any(|payment| payment["Paid"].is_object());
        paid.then(|| statement["statement"]["index"].to_string())
    });
    let verified = council.critic.json(&["rewards", "show", "--statement", &paid, "--verify"]);
    assert_eq!(verified["verified"], true);
    let earned: u64 = operator.wallet(&["balance"], "tokens_e8s").parse().expect("a number");
    assert!(earned > 0, "{verified}");
}

/// The chain takes the new node, and a quorum that needs it certifies on.
fn a_node_is_replaced_by_vote(council: &Council) {
    let network = council.network;
    let newcomer = Newcomer::start(network, network.base_port() + 100);
    let card = newcomer.card.to_str().expect("a path");
    let operator = Person::new(network, OPERATOR).principal;
    council.decree(&["replace-node", "node-3", card, "--operator", &operator]);
    eventually("the new node votes", || newcomer.health().filter(|health| health["votes"] == true));
    let listed = atoll().args(["node", "list", "--url", &network.replicas[0].api_url]).output();
    let nodes = String::from_utf8(listed.expect("atoll node").stdout).expect("text");
    assert!(nodes.contains("newcomer") && !nodes.contains("node-3"), "{nodes}");
    network.kill(3);
    network.kill(2);
    let seen = eventually("it answers", || network.certified_height(0));
    network.await_height(0, seen + 40);
    let root_key = network.health(0).expect("it answers")["root_key"].clone();
    assert_eq!(root_key, hex::encode(&network.root_key));
}

/// Runs a file of tests in `tests/js`.
fn told_by_node(network: &Network, folder: &str, file: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js").join(folder);
    assert!(folder.join("node_modules").exists(), "run `make setup-test`");
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", file])
        .current_dir(&folder)
        .env("ATOLL_STATUS", network.dir.join("status.json"))
        .env("ATOLL_EXPECT", "all")
        .status()
        .expect("node starts");
    assert!(status.success(), "{file} failed");
}

#[test]
fn holders_of_tokens_decide_and_what_they_adopt_is_done() {
    let folder = tempfile::tempdir().expect("a folder");
    // A statement at the end of every epoch.
    let plan = economy::plan_with(
        folder.path(),
        &[("period_seconds = opt (600 : nat64)", "period_seconds = opt (1 : nat64)")],
    );
    let flags = ["--nodes", "4", "--epoch-length", "40"].map(str::to_string);
    let flags = [flags.to_vec(), economy::flags(&plan)].concat();
    let network = Network::with(&flags.iter().map(String::as_str).collect::<Vec<_>>());
    let council = Council::gather(&network);
    the_rate_changes_by_vote_alone(&council);
    a_canister_is_frozen_for_its_content_and_lifted_again(&council);
    operators_are_paid_for_what_their_nodes_did(&council);
    system_canisters_are_upgraded_under_load(&council);
    told_by_node(&network, "economy", "replay.test.mjs");
    told_by_node(&network, "explorer", "explorer.test.mjs");
    a_node_is_replaced_by_vote(&council);
}
