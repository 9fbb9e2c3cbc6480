//! The economy on four real replicas, through the public client packages, unmodified (`tests/js/economy`).

mod network;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ic_agent::Identity;
use ic_agent::identity::BasicIdentity;
use network::{Network, atoll, canisters};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A person at a terminal.
struct Person {
    url: String,
    identity: Option<PathBuf>,
}

impl Person {
    /// Output of `atoll …`, or what it says on standard error.
    fn run(&self, args: &[&str]) -> Result<String, String> {
        let mut command = atoll();
        command.args(args).args(["--url", &self.url]);
        if let Some(path) = &self.identity {
            command.arg("--identity").arg(path);
        }
        let output = command.output().expect("atoll starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        match output.status.success() {
            true => Ok(text(output.stdout).trim().to_string()),
            false => Err(text(output.stderr)),
        }
    }

    /// A field of what `atoll wallet … --json` prints.
    fn wallet(&self, args: &[&str], field: &str) -> String {
        let output = self.run(&[&["wallet", "--json"], args].concat()).expect("the wallet works");
        let answer: serde_json::Value = serde_json::from_str(&output).expect("JSON");
        answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {output}")).to_string()
    }
}

/// The banker is anonymous and owns what the genesis gave; the developer begins with nothing.
fn the_wallet_moves_tokens_and_cycles(network: &Network) {
    let secret = [9; 32];
    let pem = SigningKey::from_bytes(&secret).to_pkcs8_pem(LineEnding::LF).expect("a key in PEM");
    let path = network.dir.join("developer.pem");
    std::fs::write(&path, pem.as_bytes()).expect("the key is written");
    let name = BasicIdentity::from_raw_key(&secret).sender().expect("a principal").to_text();
    let banker = Person { url: network.gateway_url.clone(), identity: None };
    let developer = Person { url: network.gateway_url.clone(), identity: Some(path) };

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
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let plan = home.join("canisters/economy.toml");
    let plan = plan.to_str().expect("a path in UTF-8");
    let minting = "rkp4c-7iaaa-aaaaa-aaaca-cai";
    let flags = ["--no-apps", "--nodes", "4", "--genesis-canisters", plan, "--minting-canister", minting];
    let network = Network::with(&flags);
    let folder = home.join("tests/js/economy");
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
