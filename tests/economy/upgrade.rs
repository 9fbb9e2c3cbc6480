//! The canisters of the system are upgraded by vote while tokens move.

use crate::council::Council;
use crate::network::economy::{self, CYCLES, GOVERNANCE, LEDGER, MINTING, REGISTRY, REWARDS};
use crate::network::payments::{AMOUNT, Payments, transfer};
use crate::network::person::Person;
use crate::network::{Network, eventually, load, module};
use flate2::Compression;
use flate2::write::GzEncoder;
use ic_agent::Agent;
use ic_agent::export::Principal;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

/// The identities of the payers.
const PAYERS: u8 = 40;
/// What the ledger takes for a transfer.
const FEE: u64 = 10_000;

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

/// Six canisters are upgraded while tokens move; no transfer is lost or made twice.
pub fn system_canisters_are_upgraded_under_load(council: &Council) {
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
