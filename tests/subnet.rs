//! Four real replicas on loopback: starting, dying, coming back.

mod network;

use ic_agent::export::Principal;
use network::{Network, Ports, atoll, eventually, exists, get, load, signal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const N: usize = 4;

/// Last certified height; zero while the replica does not answer.
fn certified(network: &Network, node: usize) -> u64 {
    network.certified_height(node).unwrap_or_default()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    eventually(what, || condition().then_some(()));
}

#[test]
fn starts_certifies_stops_and_continues_the_same_chain() {
    let mut network = Network::bare(&[]);
    let status = network.status();
    assert_eq!(status["v"], "1");
    assert_eq!(status["replicas"].as_array().map(Vec::len), Some(N));
    assert_eq!(status["root_key"].as_str().map(str::len), Some(2 * 133));
    let pids: Vec<i32> = (0..N).map(|node| network.replicas[node].pid).collect();
    let height = certified(&network, 0);
    (0..N).for_each(|node| network.await_height(node, height + 3));
    let last = (0..N).map(|node| certified(&network, node)).max().unwrap();

    assert!(network.stop() < Duration::from_secs(10));
    assert!(pids.iter().all(|pid| !exists(*pid)), "nothing outlives the network");

    network.up_again();
    assert_eq!(network.status()["root_key"], status["root_key"]);
    (0..N).for_each(|node| network.await_height(node, last + 3));
}

#[test]
fn a_killed_replica_is_not_missed_and_catches_up() {
    let mut network = Network::bare(&[]);
    network.kill(2);
    let height = certified(&network, 0);
    network.await_height(0, height + 10);
    network.revive(2);
    let height = certified(&network, 0);
    network.await_height(2, height);
    network.await_height(2, height + 3);
    assert_eq!(network.health(2).unwrap()["status"], "running");
}

#[test]
fn all_killed_at_once_resume_from_disk() {
    let mut network = Network::bare(&[]);
    let before = (0..N).map(|node| certified(&network, node)).max().unwrap();
    network.kill_all();
    (0..N).for_each(|node| network.revive(node));
    (0..N).for_each(|node| network.await_height(node, before + 3));
}

#[test]
fn two_of_four_down_finalize_nothing_and_go_on_when_back() {
    let mut network = Network::bare(&[]);
    network.kill(1);
    network.kill(3);
    let finalized = || network.health(0).unwrap()["executed_height"].as_u64().unwrap();
    // What was under way when they died may still arrive.
    let mut height = finalized();
    let mut quiet = Instant::now();
    wait_until("nothing is finalized for ten heartbeats", || {
        if finalized() != height {
            (height, quiet) = (finalized(), Instant::now());
        }
        quiet.elapsed() > Duration::from_secs(5)
    });
    network.revive(1);
    network.await_height(0, height + 3);
    network.revive(3);
    (0..N).for_each(|node| network.await_height(node, height + 5));
}

#[test]
fn nothing_outlives_a_killed_parent() {
    let network = Network::bare(&[]);
    let pids: Vec<i32> = (0..N).map(|node| network.replicas[node].pid).collect();
    signal(network.up_pid(), libc::SIGKILL);
    wait_until("the replicas end too", || !pids.iter().any(|pid| exists(*pid)));
}

#[test]
fn a_supervised_replica_is_started_again() {
    let network = Network::bare(&["--supervise"]);
    let first = network.replicas[1].pid;
    let height = certified(&network, 0);
    signal(first, libc::SIGKILL);
    wait_until("another process takes its place", || {
        network.status()["replicas"][1]["pid"].as_i64().is_some_and(|pid| pid != i64::from(first))
    });
    network.await_height(1, height + 3);
}

#[test]
fn links_with_a_delay_still_certify() {
    let network = Network::bare(&["--delay-ms", "20"]);
    let height = certified(&network, 0);
    network.await_height(0, height + 5);
    wait_until("the proxy tells its figures", || network.dir.join("proxy.json").exists());
}

/// Messages of one kind that all replicas have sent, a broadcast counted once.
fn sent(network: &Network, kind: &str) -> u64 {
    let name = format!("atoll_peer_messages_sent_total{{kind=\"{kind}\"}} ");
    let of = |text: String| text.lines().find_map(|line| line.strip_prefix(&name)?.parse::<u64>().ok());
    network.replicas.iter().filter_map(|replica| get(&replica.metrics_url).and_then(of)).sum()
}

/// Twenty clients at once, at all replicas.
#[test]
fn calls_spread_by_gossip_and_blocks_carry_their_hashes() {
    let network = Network::up();
    let counter = Principal::from_text(network.counter.as_ref().expect("a counter")).expect("a principal");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stop = Arc::new(AtomicBool::new(false));
    let urls = network.urls().into_iter().cycle().take(20).collect();
    let before = ["ingress", "proposal", "fetch_bodies", "bodies"].map(|kind| sent(&network, kind));
    let clients = runtime.spawn(load::run(urls, network.root_key.clone(), counter, stop.clone()));
    let height = certified(&network, 0);
    network.await_height(0, height + 40);
    stop.store(true, Ordering::Relaxed);
    let certified = runtime.block_on(clients).expect("the clients end") as u64;
    let after = ["ingress", "proposal", "fetch_bodies", "bodies"].map(|kind| sent(&network, kind));
    let [gossip, proposals, requests, answers] =
        std::array::from_fn(|kind| after[kind].saturating_sub(before[kind]));
    eprintln!(
        "{certified} calls answered, {gossip} gossiped, {proposals} proposals, {requests} requests for calls, {answers} answers"
    );
    assert!(certified > 20 && gossip >= certified, "{certified} {gossip}");
    assert!(proposals > 0 && answers <= requests);
    let agent = load::agent(&network.gateway_url, &network.root_key, 99);
    let last = runtime.block_on(load::increment(&agent, counter)).expect("the subnet answers");
    assert!(last > certified, "{last} after {certified}");
}

#[test]
fn a_replica_whose_state_was_flipped_halts_with_evidence_and_the_others_go_on() {
    let network = Network::bare(&[]);
    let created = network.canister(0, &["create"]);
    let id = String::from_utf8_lossy(&created.stdout).trim().to_string();
    assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
    let height = certified(&network, 3);
    network.await_height(3, height + 1);
    network.kill(3);
    let flip = ["state", "flip", "--canister", &id, "--offset", "4097", "--config"];
    let flipped = atoll().args(flip).arg(&network.replicas[3].config).output().unwrap();
    assert!(flipped.status.success(), "{}", String::from_utf8_lossy(&flipped.stderr));

    let mut replica = network.replica(3).spawn().unwrap();
    wait_until("it halts", || network.health(3).is_some_and(|health| health["status"] == "halted"));
    let evidence = std::fs::read_dir(network.dir.join("node-3/data")).unwrap();
    let names = evidence.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert!(names.into_iter().any(|name| name.starts_with("divergence-")), "evidence is kept");
    let height = certified(&network, 0);
    (0..3).for_each(|node| network.await_height(node, height + 5));
    signal(replica.id() as i32, libc::SIGTERM);
    assert_eq!(replica.wait().unwrap().code(), Some(2));

    network.kill(2);
    let diff =
        atoll().args(["state", "diff"]).args([2, 3].map(|node| &network.replicas[node].config)).output();
    let told = String::from_utf8_lossy(&diff.unwrap().stdout).into_owned();
    assert!(told.contains(&format!("canister {id}: heap differs in page 1")), "{told}");
    let replay = |node: usize| {
        let replay =
            atoll().args(["replay", "--config"]).arg(&network.replicas[node].config).output().unwrap();
        (
            replay.status.success(),
            String::from_utf8_lossy(&[replay.stdout, replay.stderr].concat()).into_owned(),
        )
    };
    let (same, told) = replay(2);
    assert!(same && told.contains("as on disk"), "{told}");
    let (same, told) = replay(3);
    assert!(!same && told.contains("is on disk"), "{told}");
}

#[test]
fn a_busy_port_is_named_before_anything_is_started() {
    let ports = Ports::take();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", ports.base + 11)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let base = ports.base.to_string();
    let gateway = ports.gateway().to_string();
    let up = atoll()
        .args(["testnet", "up", "--base-port", &base, "--gateway-port", &gateway, "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&up.stderr);
    assert!(!up.status.success());
    assert!(told.contains(&format!("port {}, node 1's for users, is in use", ports.base + 11)), "{told}");
}
