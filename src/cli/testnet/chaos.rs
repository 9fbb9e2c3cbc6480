//! `atoll testnet chaos`: a subnet of real processes under faults, with clients whose journal tells afterwards whether
//! anything that was certified to them was lost, changed, or done twice.
//!
//! Every link between replicas goes through a proxy in this process; everything is on loopback, and no process but the
//! run's own is ever touched. `DIR` holds what `testnet up` would put there, and besides:
//!
//! - `chaos.log`: every fault with its time, and every violation;
//! - `journal`: what the clients sent and what was certified to them, one JSON object a line.
//!
//! Exit code 1 if a rule was broken or the run could not be made.

mod ballast;
mod blow;
mod disk;
mod drive;
mod journal;
mod load;
mod plan;
mod report;
mod seen;
mod sky;
mod verify;

pub use journal::JournalError;

use super::apps::{self, Setup};
use super::layout::Layout;
use super::network::Network;
use super::process::{Process, stop_all};
use super::{TestnetError, UpArgs};
use crate::cli::stop_signal;
use crate::types::limits::NODES_MAX;
use crate::types::{Accounting, Principal};
use blow::Offers;
use drive::{Driver, Tally};
use journal::Journal;
use load::{Accounts, Progress};
use plan::{Kind, Plan};
use report::{Calls, Links, Report, Size};
use seen::Seen;
use sky::Sky;
use std::collections::BTreeSet;
use std::fs::File;
use std::net::Ipv4Addr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use verify::Ledger;

/// The fewest replicas that bear a fault.
const NODES_MIN: usize = 4;
const NODES_DEFAULT: usize = 4;
/// Short, so that a run sees many.
const EPOCH_LENGTH: u64 = 100;
/// Often, so that a replica that was away or lost its disk fetches a state.
const CHECKPOINT_HEIGHTS: NonZeroU64 = NonZeroU64::new(40).unwrap();
const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// Clients end their last call within this time: its expiry and more.
const CLIENTS_END: Duration = Duration::from_secs(400);
const STOP_DEADLINE: Duration = Duration::from_secs(8);
/// A replica comes to the last value of the counter within so many looks.
const LAST_VALUE_LOOKS: usize = 300;
const LAST_VALUE_PAUSE: Duration = Duration::from_millis(100);
/// What Rust's runtime writes at a panic.
const PANIC: &[u8] = b"panicked at ";

/// Run a subnet on this machine under faults, and check that its clients lose nothing.
///
/// Faults come one after the other, each healed before the next; the seed alone decides which. The last line of the
/// output is a JSON object. Needs root and faketime (Debian: faketime) for all kinds of faults, and says what it skips.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Where the network lives; an earlier one there is continued.
    #[arg(long)]
    dir: PathBuf,
    /// What happens.
    #[arg(long)]
    seed: u64,
    /// How long faults go on.
    #[arg(long)]
    minutes: f64,
    /// No more faults than this.
    #[arg(long)]
    faults: Option<u64>,
    /// The number of the first fault, to begin in the middle of a run.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only faults of these kinds; all by default.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Kind>,
    /// How many replicas; 4 at the first start, later as many as there are.
    #[arg(long)]
    nodes: Option<usize>,
    /// Clients that call without pause.
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// Make the state larger by so many MiB before the first fault.
    #[arg(long, default_value_t = 0)]
    state_mib: u64,
    /// Print nothing but the JSON object.
    #[arg(long)]
    json: bool,
    /// First port of the replicas; node i takes the four from here + 10 i on.
    #[arg(long, default_value_t = 9100)]
    base_port: u16,
    /// Compiled sample canisters.
    #[arg(long, default_value = "canisters/dist")]
    canisters: PathBuf,
}

impl Args {
    /// What `testnet up` would be told; a delay of zero leads every link through a proxy.
    fn up(&self) -> UpArgs {
        UpArgs {
            dir: self.dir.clone(),
            nodes: self.nodes,
            gateway_port: 0,
            gateway_bind: Ipv4Addr::LOCALHOST.into(),
            custom_domains: None,
            call_delay_ms: 0,
            base_port: self.base_port,
            delay_ms: Some(0),
            rate_mbit: None,
            checkpoint_heights: CHECKPOINT_HEIGHTS,
            epoch_length: EPOCH_LENGTH,
            genesis_canisters: None,
            minting_canister: None,
            governance_canister: None,
            registry_canister: None,
            accounting: Accounting::Free,
            supervise: false,
            no_apps: false,
            apps: false,
            canisters: self.canisters.clone(),
            seeds: PathBuf::new(),
        }
    }

    fn kinds(&self) -> Vec<Kind> {
        let wanted: BTreeSet<Kind> = self.only.iter().copied().collect();
        Kind::ALL.into_iter().filter(|kind| wanted.is_empty() || wanted.contains(kind)).collect()
    }

    /// The command that does the same again.
    fn replay(&self, nodes: usize) -> String {
        let mut command = format!(
            "atoll testnet chaos --dir NEW-DIR --seed {} --minutes {} --nodes {nodes} --clients {}",
            self.seed, self.minutes, self.clients
        );
        let only: Vec<&str> = self.only.iter().map(|kind| kind.name()).collect();
        let options = [
            self.faults.map(|faults| format!(" --faults {faults}")),
            (self.from > 0).then(|| format!(" --from {}", self.from)),
            (!only.is_empty()).then(|| format!(" --only {}", only.join(","))),
            (self.state_mib > 0).then(|| format!(" --state-mib {}", self.state_mib)),
        ];
        options.into_iter().flatten().for_each(|option| command += &option);
        command
    }
}

/// Runs the command. Everything is spawned from this thread: children are bound to its life.
///
/// # Errors
/// [`TestnetError`], after everything that was started has been stopped; also if a rule was broken.
pub fn run(args: &Args) -> Result<(), TestnetError> {
    let nodes = args.nodes.unwrap_or(NODES_DEFAULT);
    if !(NODES_MIN..=NODES_MAX).contains(&nodes) || args.clients == 0 {
        return Err(TestnetError::Chaos("it takes at least 4 replicas and a client".into()));
    }
    let up = args.up();
    let layout = Layout::prepare(&up)?;
    layout.check_ports()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let report = runtime.block_on(chaos(args, &layout));
    runtime.shutdown_background();
    let report = report?;
    report.print(args.json)?;
    match report.violations.len() {
        0 => Ok(()),
        count => Err(TestnetError::Violations { count, dir: layout.dir }),
    }
}

/// The whole run, and the end of all its processes.
async fn chaos(args: &Args, layout: &Layout) -> Result<Report, TestnetError> {
    let sky = Sky::open(&layout.places()?).await?;
    let mut network = Network::new(layout)?;
    let result = live(args, layout, sky, &mut network).await;
    network.processes.iter().for_each(|process| process.signal(rustix::process::Signal::CONT));
    stop_all(&mut network.processes, STOP_DEADLINE).await;
    result
}

async fn live(
    args: &Args,
    layout: &Layout,
    sky: Arc<Sky>,
    network: &mut Network<'_>,
) -> Result<Report, TestnetError> {
    let root_key = hex::decode(network.replicas().await?).map_err(std::io::Error::other)?;
    let places = layout.places()?;
    let urls: Vec<String> = places.iter().map(|place| place.api_url()).collect();
    let url = urls.first().cloned().unwrap_or_default();
    let (dir, modules) = (layout.dir.as_path(), args.canisters.as_path());
    let setup = Setup { dir, modules, url: &url, root_key: &root_key, apps: false };
    let canisters = apps::install_missing(&setup).await?;
    if args.state_mib > 0 {
        ballast::load(&args.canisters, &url, &root_key, args.state_mib).await?;
    }
    let counter = canisters.get("counter").and_then(|id| Principal::from_text(id).ok());
    let counter = counter.ok_or_else(|| TestnetError::Chaos("the counter has no id".into()))?;
    let accounts = Accounts::new(args.clients, &urls, &root_key, counter);
    let accounts = accounts.map_err(|error| TestnetError::Chaos(error.to_string()))?;
    let driver = Driver {
        offers: Offers::find(&layout.dir),
        log: File::create(layout.dir.join("chaos.log"))?,
        places,
        processes: &mut network.processes,
        sky,
        seen: Arc::default(),
        accounts: Arc::new(accounts),
        progress: Arc::default(),
        tally: Tally::default(),
        begun: Instant::now(),
        down: BTreeSet::new(),
    };
    let run = Run { args, journal: layout.dir.join("journal"), root_key, driver };
    run.finish().await
}

/// A run that goes on.
struct Run<'a> {
    args: &'a Args,
    journal: PathBuf,
    root_key: Vec<u8>,
    driver: Driver<'a>,
}

impl Run<'_> {
    async fn finish(mut self) -> Result<Report, TestnetError> {
        let watching = tokio::spawn(self.driver.seen.clone().watch(self.driver.places.clone()));
        let (first, before) = self.raise().await?;
        let clients = self.clients()?;
        let telling = tokio::spawn(tell(self.driver.seen.clone(), self.driver.progress.clone()));
        let begin = self.size();
        let height = self.driver.seen.tip();
        let well = self.faults().await?;
        telling.abort();
        self.driver.tell("no more faults; the clients end");
        self.driver.progress.stop();
        for client in clients {
            if timeout(CLIENTS_END, client).await.is_err() {
                self.driver.violation(format!("a client waits for more than {CLIENTS_END:?}"));
            }
        }
        let mut ledger = self.ledger()?;
        if well {
            self.driver.tell("checking");
            let (last, after) = self.raise().await?;
            ledger.close(first, last, before + after);
            self.check_replicas(&ledger, last).await;
        }
        let certificates_checked = ledger.certificates(&self.root_key);
        ledger.violations.drain(..).for_each(|what| self.driver.violation(what));
        self.driver.collect();
        watching.abort();
        let calls = Calls {
            sent: ledger.sent,
            certified: ledger.replies.len() as u64,
            rejected: ledger.rejected,
            unanswered: ledger.unanswered,
            certificates_checked,
            ..Calls::default()
        };
        Ok(self.report(calls, begin, height))
    }

    async fn raise(&self) -> Result<(u64, u64), TestnetError> {
        let raised = self.driver.accounts.raise().await;
        raised.map_err(|error| TestnetError::Chaos(format!("the counter cannot be raised: {error}")))
    }

    fn clients(&self) -> Result<Vec<JoinHandle<()>>, TestnetError> {
        let journal = Journal::create(&self.journal)?;
        let client = |number| {
            let (accounts, progress) = (self.driver.accounts.clone(), self.driver.progress.clone());
            tokio::spawn(load::client(number, accounts, journal.clone(), progress))
        };
        Ok((0..self.args.clients).map(client).collect())
    }

    /// One fault after the other, until the time is over or somebody says stop; false if the subnet does not recover.
    async fn faults(&mut self) -> Result<bool, TestnetError> {
        let plan = Plan::new(self.args.seed, self.driver.places.len(), self.args.kinds());
        let time = Duration::try_from_secs_f64(self.args.minutes * 60.0).unwrap_or(Duration::MAX);
        let last = self.args.faults.map_or(u64::MAX, |faults| self.args.from.saturating_add(faults));
        let stop = tokio::spawn(stop_signal());
        for number in self.args.from..last {
            if self.driver.begun.elapsed() >= time || stop.is_finished() {
                break;
            }
            if self.driver.progress.broken() {
                return Err(TestnetError::Chaos("the journal cannot be written".into()));
            }
            let Some(episode) = plan.episode(number) else { break };
            if !self.driver.episode(&episode).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn ledger(&self) -> Result<Ledger, TestnetError> {
        let mut ledger = Ledger::default();
        for line in journal::read(&self.journal)? {
            ledger.take(line?);
        }
        Ok(ledger)
    }

    /// Every replica comes to the last height, has the counter at `last`, and knows the replies that have not expired.
    async fn check_replicas(&mut self, ledger: &Ledger, last: u64) {
        for node in 0..self.driver.places.len() {
            let mut found = Err("nothing".to_string());
            for _ in 0..LAST_VALUE_LOOKS {
                found = self.driver.accounts.value(node).await;
                if found == Ok(last) {
                    break;
                }
                sleep(LAST_VALUE_PAUSE).await;
            }
            if found != Ok(last) {
                self.driver.violation(format!("node {node} has the counter at {found:?}, not at {last}"));
            }
            let (read, wrong) = verify::read_again(&self.driver.accounts, node, &ledger.replies).await;
            self.driver.tally.read_again += read;
            wrong.into_iter().for_each(|what| self.driver.violation(what));
            let panicked = std::fs::read(self.driver.places[node].log()).unwrap_or_default();
            if panicked.windows(PANIC.len()).any(|window| window == PANIC) {
                self.driver.violation(format!("node {node} panicked: see its replica.log"));
            }
        }
    }

    fn size(&self) -> Size {
        Size::of(&self.driver.places, self.driver.processes.iter().filter_map(Process::pid))
    }

    fn report(self, calls: Calls, begin: Size, height: u64) -> Report {
        let end = self.size();
        let Driver { tally, sky, seen, begun, places, .. } = self.driver;
        let (longest_stall, longest_stall_with_quorum, roots_compared) = seen.stalls();
        let [rejoin_ms, heal_ms] = tally.times();
        let (resets, stalls) = sky.counts();
        Report {
            seed: self.args.seed,
            nodes: places.len(),
            minutes: begun.elapsed().as_secs_f64() / 60.0,
            faults: tally.faults,
            skipped: tally.skipped,
            ends: tally.ends,
            kills: tally.kills,
            links: Links { resets, stalls },
            calls: Calls { read_again: tally.read_again, roots_compared, ..calls },
            heights: seen.tip().saturating_sub(height),
            violations: tally.violations,
            rejoin_ms,
            heal_ms,
            longest_stall,
            longest_stall_with_quorum,
            begin,
            end,
            replay: self.args.replay(places.len()),
        }
    }
}

/// How it goes, for who looks on.
async fn tell(seen: Arc<Seen>, progress: Arc<Progress>) {
    loop {
        sleep(PROGRESS_EVERY).await;
        let (stall, _, _) = seen.stalls();
        eprintln!(
            "            height {}, {} calls certified, {} unanswered; longest stall {:.1} s",
            seen.tip(),
            progress.certified.load(Ordering::Relaxed),
            progress.unanswered.load(Ordering::Relaxed),
            stall.seconds
        );
    }
}
