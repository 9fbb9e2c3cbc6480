//! Rows 1, 2, 3, 4 and 10: real replicas on this machine.

use crate::network::{Network, get, load};
use crate::report::{Row, Spread, process_cpu};
use crate::rival;
use ic_agent::Agent;
use ic_agent::export::Principal;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// One-way delay of rows 1 to 3.
pub const DELTA: Duration = Duration::from_millis(50);
const ROUNDS: usize = 3;
const CLIENTS: usize = 48;
/// Clients of row 4.
pub const UPDATERS: usize = 256;

/// Sum and count of a histogram.
fn histogram(url: &str, name: &str) -> (f64, f64) {
    let text = get(url).unwrap_or_default();
    let value = |suffix: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name}_{suffix}")));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    };
    (value("sum"), value("count"))
}

/// Mean of what a histogram took in while `work` ran, at each replica.
pub fn means(network: &Network, name: &str, work: impl FnOnce()) -> Spread {
    let read =
        || network.replicas.iter().map(|replica| histogram(&replica.metrics_url, name)).collect::<Vec<_>>();
    let before = read();
    work();
    let figures = before.iter().zip(read()).map(|(a, b)| (b.0 - a.0) / (b.1 - a.1).max(1.0));
    Spread::of(figures.collect())
}

fn counter(network: &Network) -> Principal {
    Principal::from_text(network.counter.as_ref().expect("the counter")).expect("a principal")
}

pub fn scaled(spread: Spread, factor: f64) -> Spread {
    Spread {
        median: spread.median * factor,
        least: spread.least * factor,
        greatest: spread.greatest * factor,
    }
}

/// Keeps `clients` of these replicas busy with updates for `time`; how many were certified.
pub fn press(
    runtime: &Runtime,
    network: &Network,
    replicas: &[usize],
    clients: usize,
    time: Duration,
) -> usize {
    let url = |replica: &usize| network.replicas[*replica].api_url.clone();
    let urls: Vec<String> = replicas.iter().map(url).cycle().take(clients).collect();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let load = runtime.spawn(load::run(urls, network.root_key.clone(), counter(network), stop.clone()));
    std::thread::sleep(time);
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    runtime.block_on(load).expect("the load ends")
}

/// One kind of update call: the same bytes again and again, signed anew.
#[derive(Clone)]
pub struct Update {
    pub canister: Principal,
    pub method: &'static str,
    pub arg: Vec<u8>,
    /// The clients sign with so many identities, in turn: those of `load::agent` from 0 on.
    pub identities: u8,
}

impl Update {
    /// The counter's.
    pub fn increment(network: &Network) -> Update {
        let arg = candid::encode_args(()).expect("encodes");
        Update { canister: counter(network), method: "increment", arg, identities: u8::MAX }
    }
}

/// Keeps `clients` busy with signed updates for `time`, without checking the certificates that come back, so that the
/// cores are the servers'; how many were answered with one.
pub fn press_unchecked(
    runtime: &Runtime,
    network: &Network,
    clients: usize,
    update: &Update,
    time: Duration,
) -> u64 {
    let hosts = network.replicas.iter().cycle().take(clients).enumerate().map(|(index, replica)| {
        let identity = (index % usize::from(update.identities)) as u8;
        let agent = load::agent(&replica.api_url, &network.root_key, identity);
        let host = replica.api_url.trim_start_matches("http://").to_string();
        let (update, name) = (update.clone(), host.clone());
        let next = move || {
            let Update { canister, method, arg, .. } = &update;
            let call = agent.update(canister, *method).with_arg(arg.clone()).sign().expect("signs");
            let head = format!(
                "POST /api/v4/canister/{canister}/call HTTP/1.1\r\nhost: {name}\r\ncontent-type: application/cbor\r\ncontent-length: {}\r\n\r\n",
                call.signed_update.len()
            );
            [head.as_bytes(), &call.signed_update].concat().into()
        };
        (host, next)
    });
    runtime.block_on(rival::press(hosts, time))
}

/// What the delay proxy itself adds to each hop, in seconds; the mean since its start.
fn proxy_lateness(network: &Network) -> f64 {
    let figures = std::fs::read(network.dir.join("proxy.json")).unwrap_or_default();
    let figures: serde_json::Value = serde_json::from_slice(&figures).unwrap_or_default();
    figures["added_us_mean"].as_f64().unwrap_or_default() / 1e6
}

/// Rows 1, 2 and 3, behind the delay proxy; with more than four replicas the rows that depend on their number.
pub fn latency(nodes: usize) -> Vec<Row> {
    let delay = DELTA.as_millis().to_string();
    let network = Network::with(&["--nodes", &nodes.to_string(), "--delay-ms", &delay]);
    let runtime = Runtime::new().expect("a runtime");
    let unhindered = DELTA.as_secs_f64();
    let idle = means(&network, "atoll_finality_seconds", || std::thread::sleep(Duration::from_secs(10)));
    let updates = if nodes == 4 { certified_updates(&runtime, &network) } else { Vec::new() };
    let heights = |network: &Network| network.certified_height(0).unwrap_or_default() as f64;
    let (first, begun) = (heights(&network), Instant::now());
    let loaded = means(&network, "atoll_finality_seconds", || {
        press(&runtime, &network, &[0, 1, 2, 3], 16, Duration::from_secs(10));
    });
    let interval = begun.elapsed().as_secs_f64() / (heights(&network) - first).max(1.0);
    let late = proxy_lateness(&network);
    let delta = unhindered + late;
    let row = |number, what: String, seconds: f64, optimum: f64, ratio, target| Row {
        number,
        what,
        figure: format!("{:.0} ms", seconds * 1e3),
        baseline: format!("{:.0} ms", optimum * 1e3),
        ratio,
        target,
    };
    let finality = |what, spread: Spread| {
        row("1", what, spread.median, 3.0 * delta, scaled(spread, 1.0 / (3.0 * delta)), 1.10)
    };
    let late = late * 1e3;
    let what =
        format!("finality, n {nodes}, empty, mean at the median node / 3δ (δ 50 ms + {late:.1} measured)");
    let interval_row = row(
        "2",
        format!("block interval under load, n {nodes} / 2δ"),
        interval,
        2.0 * delta,
        scaled(Spread::of(vec![interval]), 1.0 / (2.0 * delta)),
        1.10,
    );
    let mut rows = vec![finality(what, idle), finality("the same under load".into(), loaded), interval_row];
    if !updates.is_empty() {
        let updates = scaled(Spread::of(updates), 1.0 / (5.0 * delta));
        let what = "certified update, signed to verified, 1 call/s / 5δ".to_string();
        rows.push(row("3", what, updates.median * 5.0 * delta, 5.0 * delta, updates, 1.3));
    }
    rows
}

/// Seconds of updates one after the other.
fn certified_updates(runtime: &Runtime, network: &Network) -> Vec<f64> {
    let agent = load::agent(&network.replicas[0].api_url, &network.root_key, 7);
    let update = |_| {
        let begun = Instant::now();
        runtime.block_on(load::increment(&agent, counter(network))).expect("certified");
        let took = begun.elapsed().as_secs_f64();
        std::thread::sleep(Duration::from_millis(700));
        took
    };
    (0..20).map(update).collect()
}

pub fn servers_cpu(network: &Network) -> f64 {
    network.replicas.iter().map(|replica| process_cpu(replica.pid)).sum()
}

/// Row 4: updates of the counter, against etcd's puts, A B A B.
pub fn updates() -> Vec<Row> {
    let network = Network::up();
    let runtime = Runtime::new().expect("a runtime");
    let etcd = rival::Etcd::start();
    let (mut ours, mut theirs, mut rates, mut full) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let (cpu, begun) = (servers_cpu(&network), Instant::now());
        let height = network.certified_height(0).unwrap_or_default();
        let update = Update::increment(&network);
        let done = press_unchecked(&runtime, &network, UPDATERS, &update, Duration::from_secs(8)) as f64;
        rates.push(done / begun.elapsed().as_secs_f64());
        ours.push((servers_cpu(&network) - cpu) / done.max(1.0) * 1e6);
        let heights = network.certified_height(0).unwrap_or_default().saturating_sub(height);
        full.push(done / (heights as f64).max(1.0));
        if let Some(etcd) = &etcd {
            theirs.push(etcd.cpu_per_put(&runtime, CLIENTS, Duration::from_secs(5)) * 1e6);
        }
    }
    let (ours, rates) = (Spread::of(ours), Spread::of(rates));
    let theirs = (!theirs.is_empty()).then(|| Spread::of(theirs));
    let against = theirs.map_or(f64::NAN, |spread| spread.median);
    vec![
        Row {
            number: "4a",
            what: format!(
                "update calls: CPU of four replicas an update / etcd of three a put ({:.0} calls a block)",
                Spread::of(full).median
            ),
            figure: format!("{:.0} µs", ours.median),
            baseline: theirs
                .map_or("etcd is not installed".into(), |spread| format!("{:.0} µs", spread.median)),
            ratio: scaled(ours, 1.0 / against),
            target: 1.0,
        },
        Row {
            number: "4b",
            what: "update calls a second, clients on the same 2 cores (5,000 / figure)".into(),
            figure: format!("{:.0}/s", rates.median),
            baseline: "5,000/s".into(),
            ratio: Spread {
                median: 5e3 / rates.median,
                least: 5e3 / rates.greatest,
                greatest: 5e3 / rates.least,
            },
            target: 1.0,
        },
    ]
}

/// Row 10: a query that does nothing, against hyper's own hello world, A B A B.
pub fn queries() -> Row {
    let network = Network::with(&["--nodes", "1"]);
    let runtime = Runtime::new().expect("a runtime");
    let agent = load::agent(&network.replicas[0].api_url, &network.root_key, 3);
    let body = signed_query(&agent, counter(&network));
    let hello = runtime.block_on(rival::Hello::start());
    let path = format!("/api/v3/canister/{}/query", counter(&network));
    let pid = network.replicas[0].pid;
    let host = network.replicas[0].api_url.trim_start_matches("http://").to_string();
    let (mut ours, mut theirs, mut rates) = (vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let cpu = process_cpu(pid);
        let begun = Instant::now();
        let done = runtime.block_on(rival::post(
            &host,
            &path,
            "application/cbor",
            &body,
            CLIENTS,
            Duration::from_secs(5),
        ));
        rates.push(done as f64 / begun.elapsed().as_secs_f64());
        ours.push((process_cpu(pid) - cpu) / (done as f64).max(1.0) * 1e6);
        theirs.push(hello.cpu_per_request(&runtime, CLIENTS, Duration::from_secs(3)) * 1e6);
    }
    let (ours, theirs, rates) = (Spread::of(ours), Spread::of(theirs), Spread::of(rates));
    Row {
        number: "10",
        what: format!("no-op query over HTTP, server CPU / hyper hello ({:.0}/s)", rates.median),
        figure: format!("{:.1} µs", ours.median),
        baseline: format!("{:.1} µs", theirs.median),
        ratio: scaled(ours, 1.0 / theirs.median),
        target: 4.0,
    }
}

fn signed_query(agent: &Agent, canister: Principal) -> Vec<u8> {
    let arg = candid::encode_args(()).expect("encodes");
    agent.query(&canister, "get").with_arg(arg).sign().expect("signs").signed_query
}
