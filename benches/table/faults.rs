//! Rows 5, 16, 18 and 19: what a subnet does with narrow links, a lost disk, signatures, and without one of its replicas.

use crate::network::{Network, Ports, atoll, canisters, load, metric, module};
use crate::report::{Row, Spread};
use crate::rival;
use crate::subnet::{DELTA, means, press, scaled};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const ROUNDS: usize = 3;
/// What each replica of row 5 can send, in Mbit/s.
const RATE_MBIT: usize = 300;
/// Of a call of row 5.
const PAYLOAD_BYTES: usize = 128 * 1024;
const SENDERS: usize = 24;
/// The state that a wiped replica of row 16 must get back.
const STATE_MIB: usize = 256;
/// Operations of the probe canister: a script that only carries bytes.
const PUSH: u8 = 1;
const DROP: u8 = 2;
const REPLY: u8 = 13;

/// Row 5: payload over links of 300 Mbit/s, against what an erasure-coding leader could spread at most: its line's rate
/// times the shards that make a block, over the peers that get one.
pub fn payload(nodes: usize) -> Row {
    let rate = RATE_MBIT.to_string();
    let network = Network::with(&["--nodes", &nodes.to_string(), "--rate-mbit", &rate]);
    let runtime = Runtime::new().expect("a runtime");
    let probe = runtime.block_on(install_probe(&network));
    let mut script = vec![PUSH];
    script.extend((PAYLOAD_BYTES as u32).to_le_bytes());
    script.extend((0..PAYLOAD_BYTES).map(|_| rand::random::<u8>()));
    script.extend([DROP, REPLY]);
    let rates = (0..ROUNDS).map(|_| {
        let hosts = network.replicas.iter().cycle().take(SENDERS).enumerate().map(|(index, replica)| {
            let agent = load::agent(&replica.api_url, &network.root_key, index as u8);
            let host = replica.api_url.trim_start_matches("http://").to_string();
            let (script, name) = (script.clone(), host.clone());
            let next = move || {
                let call = agent.update(&probe, "run").with_arg(script.clone()).sign().expect("signs");
                let head = format!(
                    "POST /api/v4/canister/{probe}/call HTTP/1.1\r\nhost: {name}\r\ncontent-type: application/cbor\r\ncontent-length: {}\r\n\r\n",
                    call.signed_update.len()
                );
                [head.as_bytes(), &call.signed_update].concat().into()
            };
            (host, next)
        });
        let begun = Instant::now();
        let done = runtime.block_on(rival::press(hosts, Duration::from_secs(8)));
        done as f64 * PAYLOAD_BYTES as f64 / begun.elapsed().as_secs_f64()
    });
    let rates = Spread::of(rates.collect());
    let shards = nodes - 2 * ((nodes - 1) / 3);
    let bound = RATE_MBIT as f64 * 1e6 / 8.0 * shards as f64 / (nodes - 1) as f64;
    Row {
        number: "5",
        what: format!("payload, n {nodes}, 300 Mbit/s a replica: coded bound / certified bytes"),
        figure: format!("{:.1} MB/s", rates.median / 1e6),
        baseline: format!("{:.1} MB/s", bound / 1e6),
        ratio: Spread {
            median: bound / rates.median,
            least: bound / rates.greatest,
            greatest: bound / rates.least,
        },
        target: 1.0 / 0.6,
    }
}

async fn install_probe(network: &Network) -> atoll::types::Principal {
    let url = &network.replicas[0].api_url;
    let client = atoll::agent::Client::connect(url, None, Some(network.root_key.clone())).await;
    let client = client.expect("a client");
    let id = client.create(None, Some(1_000_000_000_000_000)).await.expect("a canister");
    let installed = client.install(id, atoll::agent::Mode::Install, &module("probe"), Vec::new()).await;
    installed.expect("the probe is installed");
    id
}

/// Row 16: a replica that lost its disk is back at the tip of a subnet under load, against copying and hashing as many
/// bytes. Wiped twice; runs `atoll testnet chaos`.
pub fn lost_disk() -> Row {
    let raw = Spread::of((0..ROUNDS).map(|_| copy_and_hash(STATE_MIB)).collect());
    let (folder, ports) = (tempfile::tempdir().expect("a folder"), Ports::take());
    let mut command = atoll();
    command.args(["testnet", "chaos", "--json", "--seed", "16", "--minutes", "10", "--faults", "2"]);
    command.args(["--only", "wipe", "--clients", "2", "--state-mib", &STATE_MIB.to_string()]);
    command.args(["--base-port", &ports.base.to_string(), "--dir"]).arg(folder.path());
    let output =
        command.arg("--canisters").arg(canisters()).stdin(Stdio::null()).output().expect("atoll runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let report: serde_json::Value =
        told.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let seconds = |name: &str| report["rejoin_ms"]["wipe"][name].as_f64().unwrap_or(f64::NAN) / 1e3;
    Row {
        number: "16",
        what: format!("a wiped replica joins a subnet of {STATE_MIB} MiB under load / raw copy + hash"),
        figure: format!("{:.1} s", seconds("max")),
        baseline: format!("{:.2} s", raw.median),
        ratio: Spread {
            median: seconds("max") / raw.median,
            least: seconds("p50") / raw.greatest,
            greatest: seconds("max") / raw.least,
        },
        target: 1.0 / 0.7,
    }
}

/// Seconds to write so much, sync it, read it back and hash it.
fn copy_and_hash(mib: usize) -> f64 {
    let chunk: Vec<u8> = (0..1 << 20).map(|_| rand::random()).collect();
    let mut file = tempfile::tempfile().expect("a file");
    let begun = Instant::now();
    for _ in 0..mib {
        file.write_all(&chunk).expect("written");
    }
    file.sync_data().expect("synced");
    std::io::Seek::rewind(&mut file).expect("rewound");
    let (mut hash, mut buffer) = (<sha2::Sha256 as sha2::Digest>::new(), vec![0; 1 << 20]);
    loop {
        let count = file.read(&mut buffer).expect("read");
        if count == 0 {
            break;
        }
        sha2::Digest::update(&mut hash, &buffer[..count]);
    }
    std::hint::black_box(sha2::Digest::finalize(hash));
    begun.elapsed().as_secs_f64()
}

/// Row 18: pairing checks a node and block, for empty blocks and under load.
pub fn signature_checks(nodes: usize) -> Row {
    let network = Network::with(&["--nodes", &nodes.to_string()]);
    let runtime = Runtime::new().expect("a runtime");
    let read = || -> Vec<(f64, f64)> {
        let value = |url: &str, name| metric(url, name).unwrap_or_default() as f64;
        let both = |url: &str| {
            (value(url, "atoll_pairing_checks"), value(url, "certification_last_certified_height"))
        };
        network.replicas.iter().map(|replica| both(&replica.metrics_url)).collect()
    };
    let mut figures = Vec::new();
    for clients in [0, 8] {
        let before = read();
        match clients {
            0 => std::thread::sleep(Duration::from_secs(5)),
            _ => {
                press(&runtime, &network, &[0, 1, 2, 3], clients, Duration::from_secs(5));
            }
        }
        let each = before.iter().zip(read()).map(|(a, b)| (b.0 - a.0) / (b.1 - a.1).max(1.0));
        figures.extend(each);
    }
    let figures = Spread::of(figures);
    Row {
        number: "18",
        what: format!("pairing checks a block and node, n {nodes}, idle and under load"),
        figure: format!("{:.2}", figures.median),
        baseline: "3".into(),
        ratio: figures,
        target: 3.0,
    }
}

/// What happens to one of four replicas in row 19.
#[derive(Clone, Copy)]
enum Fault {
    Crashed,
    /// It runs the malicious build, with this behaviour.
    Lies(&'static str),
}

/// Row 19: updates and finality with one of four replicas crashed or lying, against the same without a fault, A B A B,
/// at δ = 50 ms. The liars need the malicious build (`make malicious`), whose path is in ATOLL_MALICIOUS.
pub fn one_faulty() -> Vec<Row> {
    let mut rows = with_one(Fault::Crashed, "one of four crashed", 1.0 / 0.7);
    match std::env::var("ATOLL_MALICIOUS") {
        Ok(_) => {
            rows.extend(with_one(Fault::Lies("bad-shares"), "one sends bad shares", 1.0 / 0.7));
            rows.extend(with_one(Fault::Lies("equivocate"), "one equivocates", 1.0 / 0.6));
        }
        Err(_) => eprintln!("row 19: ATOLL_MALICIOUS is not set: liars are passed over"),
    }
    rows
}

fn with_one(fault: Fault, what: &str, target: f64) -> Vec<Row> {
    let delay = DELTA.as_millis().to_string();
    let mut network = Network::with(&["--nodes", "4", "--delay-ms", &delay]);
    let runtime = Runtime::new().expect("a runtime");
    let (mut rates, mut finality) = ([vec![], vec![]], [vec![], vec![]]);
    for _ in 0..ROUNDS {
        for faulty in [false, true] {
            let liar = faulty.then(|| befall(&mut network, fault)).flatten();
            // What the change itself costs is a stall, which `testnet chaos` reports.
            std::thread::sleep(Duration::from_secs(3));
            let begun = Instant::now();
            let mut done = 0;
            let spread = means(&network, "atoll_finality_seconds", || {
                done = press(&runtime, &network, &[0, 1, 2], 12, Duration::from_secs(6));
            });
            rates[usize::from(faulty)].push(done as f64 / begun.elapsed().as_secs_f64());
            finality[usize::from(faulty)].push(spread.median);
            if let Some(mut liar) = liar {
                liar.kill().and_then(|()| liar.wait()).expect("the liar ends");
            }
        }
        network.revive(3);
        let height = network.certified_height(0).unwrap_or_default();
        network.await_height(3, height);
    }
    let [[whole, lamed], [soon, late]] = [rates, finality].map(|both| both.map(Spread::of));
    let row = |what: String, figure: String, baseline: String, ratio| Row {
        number: "19",
        what,
        figure,
        baseline,
        ratio,
        target,
    };
    vec![
        row(
            format!("update calls a second, δ 50 ms: fault-free / {what}"),
            format!("{:.0}/s", lamed.median),
            format!("{:.0}/s", whole.median),
            Spread {
                median: whole.median / lamed.median,
                least: whole.least / lamed.greatest,
                greatest: whole.greatest / lamed.least,
            },
        ),
        row(
            format!("finality under load, δ 50 ms: {what} / fault-free"),
            format!("{:.0} ms", late.median * 1e3),
            format!("{:.0} ms", soon.median * 1e3),
            scaled(late, 1.0 / soon.median),
        ),
    ]
}

/// The fourth replica crashes, or another process lies in its place.
fn befall(network: &mut Network, fault: Fault) -> Option<Child> {
    network.kill(3);
    let Fault::Lies(behaviour) = fault else { return None };
    let binary = std::env::var("ATOLL_MALICIOUS").expect("the malicious build");
    let log = std::fs::File::create(network.dir.join("liar.log")).expect("a log file");
    let mut command = Command::new(binary);
    command.args(["replica", "--behave", behaviour, "--config"]).arg(&network.replicas[3].config);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Some(command.spawn().expect("the malicious build starts"))
}
