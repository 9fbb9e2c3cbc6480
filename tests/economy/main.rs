//! The economy on four real replicas: through the public client packages, unmodified (`tests/js/economy`), the command
//! line, and a browser.

mod council;
#[path = "../network/mod.rs"]
mod network;
mod quota;
mod upgrade;

use council::Council;
use network::person::Person;
use network::{Network, canisters, economy, eventually};
use std::path::Path;
use std::process::Command;

/// The number of the person who runs the nodes.
const OPERATOR: u8 = 14;

/// By votes: a data centre, an operator in it, and its nodes. Nobody is paid yet, for there is no account.
fn an_operators_nodes_are_registered(council: &Council) {
    let operator = Person::new(council.network, OPERATOR).principal;
    council.decree(&["add-data-center", "here", "--region", "test", "--owner", "us"]);
    council.decree(&["add-operator", &operator, "--name", "op", "--data-center", "here"]);
    for node in ["node-0", "node-1", "node-2", "node-3"] {
        council.decree(&["assign-node", node, &operator]);
    }
}

/// Runs a file of tests in `tests/js`.
fn told_by_node(network: &Network, folder: &str, file: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js").join(folder);
    assert!(folder.join("node_modules").exists(), "run `make setup-test`");
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", file])
        .current_dir(&folder)
        .env("ATOLL_STATUS", network.dir.join("status.json"))
        .env("ATOLL_CANISTERS", canisters())
        .env("ATOLL_SPENDER", network.dir.join("spender.wasm"))
        .env("ATOLL_EXPECT", "all")
        .status()
        .expect("node starts");
    assert!(status.success(), "{file} failed");
}

fn a_developer_mints_cycles_and_users_call_what_they_pay_for(network: &Network) {
    let spender = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js/economy/spender.wat");
    let module = wat::parse_file(spender).expect("a module");
    std::fs::write(network.dir.join("spender.wasm"), module).expect("it is written");
    told_by_node(network, "economy", "economy.test.mjs");
}

/// The banker is anonymous and owns what the genesis gave; the developer begins with nothing.
fn the_wallet_moves_tokens_and_cycles(network: &Network) {
    let banker = Person::anonymous(network);
    let developer = Person::new(network, 9);
    let name = developer.principal.clone();

    banker.wallet(&["send", "50", &name], "block");
    assert_eq!(developer.wallet(&["balance"], "tokens_e8s"), "5000000000");
    let balance = developer.wallet(&["mint-cycles", "10"], "balance");
    assert_eq!(developer.wallet(&["balance"], "cycles"), balance);
    banker.wallet(&["send", "--cycles", "1.5T", &name], "block");
    let richer: u128 = developer.wallet(&["balance", "--of", &name], "cycles").parse().expect("a number");
    assert_eq!(richer, balance.parse::<u128>().expect("a number") + 1_500_000_000_000);

    let canister = developer.run(&["canister", "create"]).expect("a canister");
    let given = developer.run(&["canister", "top-up", &canister, "--tokens", "1"]).expect("a top-up");
    assert_eq!(given, format!("3_520_000_000_000 cycles for {canister}"));
    let given = developer.run(&["canister", "top-up", &canister, "--cycles", "2T"]).expect("a top-up");
    assert_eq!(given, format!("2_000_000_000_000 cycles for {canister}"));
    let refused = developer.run(&["wallet", "send", "1_000", &name]).expect_err("more than there is");
    assert!(refused.contains("the ledger refuses: InsufficientFunds"), "{refused}");
}

/// With an account the operator is paid at the end of an epoch for what its nodes did, as anyone can compute.
fn the_epoch_ends_and_the_operator_is_paid(council: &Council) {
    let operator = Person::new(council.network, OPERATOR);
    let name = operator.principal.as_str();
    assert_eq!(operator.wallet(&["balance"], "tokens_e8s"), "0");
    council.decree(&["update-operator", name, "--rewards-to", name]);
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

#[test]
fn tokens_become_cycles_cycles_become_work_and_work_is_paid_in_tokens_as_the_holders_decide() {
    let folder = tempfile::tempdir().expect("a folder");
    // A statement at the end of every epoch.
    let sooner = ("period_seconds = opt (600 : nat64)", "period_seconds = opt (1 : nat64)");
    let plan = economy::plan_with(folder.path(), &[sooner]);
    let flags = ["--nodes", "4", "--epoch-length", "40"].map(str::to_string);
    let flags = [flags.to_vec(), economy::flags(&plan)].concat();
    let network = Network::with(&flags.iter().map(String::as_str).collect::<Vec<_>>());
    let council = Council::gather(&network);
    an_operators_nodes_are_registered(&council);
    a_developer_mints_cycles_and_users_call_what_they_pay_for(&network);
    the_wallet_moves_tokens_and_cycles(&network);
    council::the_rate_changes_by_vote_alone(&council);
    council::a_canister_is_frozen_for_its_content_and_lifted_again(&council);
    the_epoch_ends_and_the_operator_is_paid(&council);
    upgrade::system_canisters_are_upgraded_under_load(&council);
    // The sums of all tokens, and of all cycles of the ledger, to the unit.
    told_by_node(&network, "economy", "replay.test.mjs");
    told_by_node(&network, "explorer", "explorer.test.mjs");
    council::a_node_is_replaced_by_vote(&council);
}
