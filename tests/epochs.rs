//! Fresh shares and changing members of a real subnet under load: the root key stays, clients lose nothing.

mod network;

use ic_agent::export::Principal;
use network::newcomer::Newcomer;
use network::{Network, atoll, eventually, load};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Heights of an epoch here, and epochs that must pass.
const LENGTH: &str = "30";
const EPOCHS: u64 = 10;

fn counter(network: &Network) -> Principal {
    Principal::from_text(network.counter.as_ref().expect("the counter is installed")).expect("a principal")
}

/// Clients at these URLs, until they are told to stop.
struct Clients {
    runtime: Runtime,
    stop: Arc<AtomicBool>,
    certified: JoinHandle<usize>,
}

impl Clients {
    fn of(network: &Network, urls: Vec<String>) -> Clients {
        let (runtime, stop) = (Runtime::new().expect("a runtime"), Arc::new(AtomicBool::new(false)));
        let run = load::run(urls, network.root_key.clone(), counter(network), stop.clone());
        Clients { certified: runtime.spawn(run), runtime, stop }
    }

    /// They stop; nothing that was certified to them is lost.
    fn check(self, network: &Network, url: &str) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let certified = self.runtime.block_on(self.certified).expect("the clients end");
        let agent = load::agent(url, &network.root_key, 99);
        let last = self.runtime.block_on(load::increment(&agent, counter(network)));
        let last = last.expect("the subnet answers");
        assert!(last > certified as u64, "{last} after {certified} certified updates");
        certified
    }
}

/// A fact of `/health`.
fn fact(network: &Network, index: usize, name: &str) -> Option<serde_json::Value> {
    Some(network.health(index)?[name].clone())
}

fn epoch(network: &Network, index: usize) -> Option<u64> {
    fact(network, index, "epoch")?.as_u64()
}

/// The two secret shares in a keyring file: behind format, chain, epoch, size and place, each behind its
/// threshold; the public shares of four nodes lie between them.
fn secrets(keyring: &[u8]) -> [Vec<u8>; 2] {
    let first = 1 + 32 + 8 + 2 + 2 + 4;
    let second = first + 32 + 4 * 96 + 4;
    [first, second].map(|at| keyring[at..at + 32].to_vec())
}

/// How many files below `dir` hold these bytes.
fn holders(dir: &Path, bytes: &[u8]) -> usize {
    let mut found = 0;
    for entry in fs::read_dir(dir).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found += holders(&path, bytes);
        } else if let Ok(content) = fs::read(&path) {
            found += usize::from(content.windows(bytes.len()).any(|window| window == bytes));
        }
    }
    found
}

#[test]
fn ten_epochs_pass_under_load_with_one_root_key_and_the_old_shares_are_gone() {
    let network = Network::with(&["--nodes", "4", "--epoch-length", LENGTH]);
    let keys = |index: usize| network.dir.join(format!("node-{index}/keys"));
    let first: Vec<_> = (0..4)
        .map(|index| {
            let path = keys(index);
            let keyring = fs::read(path.join("keyring.key"));
            keyring.or_else(|_| fs::read(path.join("epoch.key")).map(|bytes| bytes[32..].to_vec()))
        })
        .map(|keyring| secrets(&keyring.expect("a keyring")))
        .collect();
    let gateway = network.gateway_url.clone();
    let clients = Clients::of(&network, vec![gateway.clone(), gateway.clone()]);
    let begun = epoch(&network, 0).expect("the subnet is up");
    for index in 0..4 {
        eventually("ten epochs pass", || epoch(&network, index).filter(|now| *now >= begun + EPOCHS));
    }
    for (index, first) in first.iter().enumerate() {
        assert_eq!(fact(&network, index, "votes"), Some(true.into()));
        let root_key = fact(&network, index, "root_key").expect("a root key");
        assert_eq!(root_key, hex::encode(&network.root_key));
        assert!(!keys(index).join("keyring.key").exists());
        let now = secrets(&fs::read(keys(index).join("epoch.key")).expect("keys")[32..]);
        for (old, new) in first.iter().zip(&now) {
            assert_ne!(old, new);
            assert_eq!(
                holders(&network.dir.join(format!("node-{index}")), old),
                0,
                "an old share is on disk"
            );
        }
    }
    let updates = clients.check(&network, &gateway);
    eprintln!("{updates} certified updates in {EPOCHS} epochs");
}

#[test]
fn a_node_is_replaced_under_load_and_the_new_one_carries_the_subnet() {
    let network = Network::with(&["--nodes", "4", "--epoch-length", LENGTH]);
    let urls: Vec<String> = (0..2).map(|index| network.replicas[index].api_url.clone()).collect();
    let clients = Clients::of(&network, urls.clone());
    let newcomer = Newcomer::start(&network, network.base_port() + 100);
    let mut replace = atoll();
    replace.args(["node", "replace", "--url", &urls[0], "--node", "3", "--card"]);
    replace.arg(&newcomer.card);
    for operator in 0..3 {
        replace.arg("--operator").arg(network.dir.join(format!("node-{operator}/keys")));
    }
    let said = replace.output().expect("atoll node");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said = String::from_utf8_lossy(&said.stdout);
    assert!(said.contains("  3  newcomer  "), "{said}");
    eventually("the new node votes", || newcomer.health().filter(|health| health["votes"] == true));
    // Now a quorum needs the new node: of the old ones only two are left.
    network.kill(3);
    network.kill(2);
    let seen = eventually("it answers", || network.certified_height(0));
    network.await_height(0, seen + 40);
    assert_eq!(fact(&network, 0, "root_key"), Some(hex::encode(&network.root_key).into()));
    let refused = atoll()
        .args(["node", "remove", "--url", &urls[0], "--node", "3", "--operator"])
        .arg(network.dir.join("node-0/keys"))
        .output()
        .expect("atoll node");
    assert!(!refused.status.success(), "one operator is no quorum");
    let updates = clients.check(&network, &urls[0]);
    eprintln!("{updates} certified updates around the replacement");
}
