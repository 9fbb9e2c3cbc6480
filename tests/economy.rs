//! The economy on four real replicas, through the public client packages, unmodified (`tests/js/economy`).

mod network;

use network::{Network, canisters};
use std::path::Path;
use std::process::Command;

#[test]
fn a_developer_gets_tokens_mints_cycles_and_pays_with_them_and_no_token_or_cycle_is_lost() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plan = home.join("canisters/economy.toml");
    let plan = plan.to_str().expect("a path in UTF-8");
    let minting = "rkp4c-7iaaa-aaaaa-aaaca-cai";
    let flags = ["--no-apps", "--nodes", "4", "--genesis-canisters", plan, "--minting-canister", minting];
    let network = Network::with(&flags);
    let folder = home.join("tests/js/economy");
    assert!(folder.join("node_modules").exists(), "run `make setup-test`");
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", "economy.test.mjs"])
        .current_dir(&folder)
        .env("ATOLL_STATUS", network.dir.join("status.json"))
        .env("ATOLL_CANISTERS", canisters())
        .status()
        .expect("node starts");
    assert!(status.success(), "the story failed");
}
