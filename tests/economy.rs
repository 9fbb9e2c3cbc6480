//! The economy on four real replicas, through the public client packages, unmodified (`tests/js/economy`).

mod network;

use network::person::Person;
use network::{Network, canisters, economy};
use std::path::Path;
use std::process::Command;

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

#[test]
fn a_developer_gets_tokens_mints_cycles_and_pays_with_them_and_no_token_or_cycle_is_lost() {
    let flags =
        [vec!["--no-apps".into(), "--nodes".into(), "4".into()], economy::flags(&economy::plan())].concat();
    let network = Network::with(&flags.iter().map(String::as_str).collect::<Vec<_>>());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js/economy");
    let spender = network.dir.join("spender.wasm");
    let module = wat::parse_file(folder.join("spender.wat")).expect("a module");
    std::fs::write(&spender, module).expect("it is written");
    assert!(folder.join("node_modules").exists(), "run `make setup-test`");
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", "economy.test.mjs"])
        .current_dir(&folder)
        .env("ATOLL_STATUS", network.dir.join("status.json"))
        .env("ATOLL_CANISTERS", canisters())
        .env("ATOLL_SPENDER", spender)
        .status()
        .expect("node starts");
    assert!(status.success(), "the story failed");
    the_wallet_moves_tokens_and_cycles(&network);
}
