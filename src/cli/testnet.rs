//! `atoll testnet`: a whole subnet on one machine, every part a process of its own.
//!
//! Ports of node i, from the base port B on: B + 10 i for peers, + 1 for users, + 2 for metrics, + 3 for
//! the proxy in front of the peers' port. Everything listens on 127.0.0.1, but the proxy: it has an address
//! for each sender, 127.0.1.(i + 1) for node i, so that every link is its own.
//!
//! Files: `DIR/genesis.toml`; `DIR/node-i/` with `node.toml`, `keys/`, `data/` and `replica.log`;
//! `DIR/gateway.log`; `DIR/canisters.json`, and what else `apps` and `seeds` keep; and, once the subnet answers and all
//! canisters are there, `DIR/status.json`. Keys,
//! genesis and data are made at the first start and never touched again, so that the next start
//! continues the same chain; `node.toml` is written anew at every start.

mod apps;
mod chaos;
pub mod launcher;
mod layout;
mod network;
mod probe;
mod process;
mod seeds;
mod status;

use super::gateway::CALL_DELAY_MS_MAX;
use crate::types::limits::{CHECKPOINT_HEIGHTS, EPOCH_LENGTH_DEFAULT};
use crate::types::{Accounting, Principal};
use apps::AppError;
use layout::{Layout, LayoutError};
use network::Network;
use process::ProcessError;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// Run a subnet on this machine.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Up(UpArgs),
    Chaos(chaos::Args),
}

/// Start replicas and gateway on loopback, in the foreground, until SIGINT or SIGTERM.
///
/// When the subnet answers, DIR/status.json says where everything is. Starting again on the same
/// directory continues the same chain. A replica that ends is not restarted unless --supervise is
/// given: bring it back with `atoll replica --config DIR/node-N/node.toml`.
#[derive(clap::Args, Debug, Clone)]
pub struct UpArgs {
    /// Where the network lives.
    #[arg(long)]
    dir: PathBuf,
    /// How many replicas; 4 at the first start, later as many as there are.
    #[arg(long)]
    nodes: Option<usize>,
    /// Where browsers connect.
    #[arg(long, default_value_t = 8080)]
    gateway_port: u16,
    /// The address that the gateway listens on.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    gateway_bind: IpAddr,
    /// A file of `domain:canister` lines, as `atoll gateway` knows it.
    #[arg(long, value_name = "FILE")]
    custom_domains: Option<PathBuf>,
    /// The gateway holds up update calls by this long, in milliseconds.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=CALL_DELAY_MS_MAX))]
    call_delay_ms: u64,
    /// First port of the replicas; node i takes the four from here + 10 i on.
    #[arg(long, default_value_t = 9100)]
    base_port: u16,
    /// Delay every message between replicas by this long, each way, through `atoll proxy`.
    #[arg(long)]
    delay_ms: Option<u64>,
    /// Offer a state to replicas that are far behind every so many heights, and purge the blocks below.
    #[arg(long, default_value_t = CHECKPOINT_HEIGHTS)]
    checkpoint_heights: NonZeroU64,
    /// What each replica can send to all others together, in Mbit/s, through `atoll proxy`.
    #[arg(long)]
    rate_mbit: Option<u64>,
    /// Heights of an epoch, as `atoll genesis` knows them; only at the first start.
    #[arg(long, default_value_t = EPOCH_LENGTH_DEFAULT)]
    epoch_length: u64,
    /// Canisters that the first block makes, as `atoll genesis --canisters` knows them; only at the first start.
    #[arg(long, value_name = "FILE")]
    genesis_canisters: Option<PathBuf>,
    /// The canister that may make cycles out of nothing; only at the first start.
    #[arg(long, value_name = "CANISTER")]
    minting_canister: Option<Principal>,
    /// The canister that may set prices and freeze canisters; only at the first start.
    #[arg(long, value_name = "CANISTER")]
    governance_canister: Option<Principal>,
    /// The canister whose certified orders change the membership; only at the first start.
    #[arg(long, value_name = "CANISTER")]
    registry_canister: Option<Principal>,
    /// How cycles come to users: free, market or quota; only at the first start. Where they are not free, no sample
    /// canisters are installed.
    #[arg(long, default_value = "free")]
    accounting: Accounting,
    /// Start replicas again that end.
    #[arg(long)]
    supervise: bool,
    /// Install no canisters.
    #[arg(long)]
    no_apps: bool,
    /// Install the sample apps too (Clips, Guild, Identity), and fill them while they can be used already. Filling needs
    /// Node.js and ffmpeg. DIR/apps/admin.pem is the key that controls them.
    #[arg(long, conflicts_with = "no_apps")]
    apps: bool,
    /// Compiled canisters; those that are wanted are installed at the first start.
    #[arg(long, default_value = "canisters/dist")]
    canisters: PathBuf,
    /// Sources of the apps, whose seeds fill them.
    #[arg(long, value_name = "DIR", default_value = "canisters")]
    seeds: PathBuf,
}

impl UpArgs {
    /// What a start in this folder means without further flags.
    fn of(dir: &Path) -> UpArgs {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            up: UpArgs,
        }
        let mut flag = OsString::from("--dir=");
        flag.push(dir);
        <Line as clap::Parser>::parse_from([OsString::from("up"), flag]).up
    }

    fn gateway_address(&self) -> SocketAddr {
        SocketAddr::new(self.gateway_bind, self.gateway_port)
    }
}

/// The network could not be started, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum TestnetError {
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error("{name} ended while the network was starting ({how}); the end of {log}:\n{tail}", log = log.display())]
    Ended { name: String, how: String, log: PathBuf, tail: String },
    #[error("--apps needs --accounting free: elsewhere canisters are paid for, not given away")]
    AppsForFree,
    #[error("the subnet does not answer after {seconds} s; see the logs in {}", dir.display())]
    Silent { seconds: u64, dir: PathBuf },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Journal(#[from] chaos::JournalError),
    #[error("{0}")]
    Chaos(String),
    #[error("{count} violations; see chaos.log, journal and the replicas' logs in {}", dir.display())]
    Violations { count: usize, dir: PathBuf },
}

/// Runs the command. Everything is spawned from this thread: children are bound to its life.
///
/// # Errors
/// [`TestnetError`], after everything that was started has been stopped.
pub fn run(args: &Args) -> Result<(), TestnetError> {
    match &args.command {
        Command::Up(args) => up(args),
        Command::Chaos(args) => chaos::run(args),
    }
}

fn up(args: &UpArgs) -> Result<(), TestnetError> {
    if args.apps && args.accounting != Accounting::Free {
        return Err(TestnetError::AppsForFree);
    }
    let layout = Layout::prepare(args)?;
    layout.check_ports()?;
    run_until_stopped(&layout, |network, _| {
        network.print();
        Ok(())
    })
}

/// Runs a network in the foreground until SIGINT or SIGTERM; `ready` is called once, with the root key in hex, when
/// everything answers.
///
/// # Errors
/// [`TestnetError`], after everything that was started has been stopped.
fn run_until_stopped(
    layout: &Layout,
    ready: impl FnOnce(&Network<'_>, &str) -> std::io::Result<()>,
) -> Result<(), TestnetError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(network::run(layout, ready))
}
