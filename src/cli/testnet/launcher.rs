//! `atoll launcher`: a network for icp-cli, by its launcher interface 1.1.
//!
//! 1. icp-cli starts its launcher without a subcommand: `atoll --interface-version …` is `atoll launcher
//!    --interface-version …` ([`version`]).
//! 2. Every version 1.x is understood. Of a later one than 1.1, flags that nobody knows are left out with a warning; at
//!    any other they are an error.
//! 3. Ledgers, cycles minting and what else the plan has are canisters of the genesis ([`economy`]); the anonymous
//!    principal owns tokens and cycles as the plan says.
//! 4. `STATUS-DIR/status.json` is there, whole, while the network answers: not before, and not after its end
//!    ([`status`]).
//! 5. `STATE-DIR` keeps the network. The next start continues the same chain, at other ports if need be.
//! 6. What is not there is an error that says so ([`Args::check`]): nothing asked for is silently missing.
//! 7. A replica or gateway that ends is started again. At SIGINT or SIGTERM everything is stopped within 8 s.

mod economy;
mod status;
mod version;

use super::layout::{Layout, LayoutError};
use super::network::Network;
use super::{TestnetError, UpArgs, run_until_stopped};
use crate::cli::gateway::CALL_DELAY_MS_MAX;
use crate::cli::wallet::ledgers::MINTING;
use economy::Missing;
use status::StatusFolder;
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use version::{Version, VersionError};

pub use version::parse;

/// How many replicas a new network has, where no flag says it: icp-cli cannot.
const NODES_VARIABLE: &str = "ATOLL_LAUNCHER_NODES";
const NODES_DEFAULT: usize = 1;
/// Where ports for replicas are looked for: blocks below those that the system gives to clients.
const BASE_PORT_FIRST: u16 = 21_000;
const BASE_PORT_STEP: u16 = 200;
const BASE_PORTS: u16 = 50;
/// Kinds of subnets that the one subnet is, or has in it.
const SUBNETS: &[&str] = &["application", "nns"];

/// Start a network for icp-cli (its launcher interface 1.1), in the foreground, until SIGINT or SIGTERM.
///
/// Let `ICP_CLI_NETWORK_LAUNCHER_PATH` name this binary, and `icp network start` runs it. A new network has one
/// replica; ATOLL_LAUNCHER_NODES=4 makes it four. Its canisters are those of economy.toml beside the binary (in
/// canisters/), or in the folder that ATOLL_CANISTERS names.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Version of the interface that the caller expects; ICP_CLI_NETWORK_LAUNCHER_INTERFACE_VERSION without it.
    #[arg(long, value_name = "VERSION")]
    interface_version: Option<String>,
    /// Where the network lives; a temporary folder without it.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The address that the gateway listens on.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// The port that the gateway listens on; any free one without it.
    #[arg(long, value_name = "PORT")]
    gateway_port: Option<u16>,
    /// Where status.json is written when the network answers.
    #[arg(long, value_name = "DIR")]
    status_dir: Option<PathBuf>,
    /// A file of `domain:canister` lines; custom-domains.txt of the status directory without it.
    #[arg(long, value_name = "FILE")]
    custom_domains_file: Option<PathBuf>,
    /// A domain that the gateway answers for; it answers for every one.
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
    /// Hold up update calls by this long, in milliseconds.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=CALL_DELAY_MS_MAX))]
    artificial_delay_ms: u64,
    /// A kind of subnet: `application`, and `nns` for its ledgers; other kinds are not there.
    #[arg(long = "subnet", value_name = "KIND")]
    subnets: Vec<String>,
    /// Print what runs, and where the logs are.
    #[arg(long)]
    verbose: bool,
    /// How many replicas a new network has.
    #[arg(long)]
    nodes: Option<usize>,
    /// Internet Identity: not there.
    #[arg(long, hide = true)]
    ii: bool,
    /// The NNS and SNS: not there.
    #[arg(long, hide = true)]
    nns: bool,
    /// Bitcoin: not there.
    #[arg(long, hide = true, value_name = "ADDRESS")]
    bitcoind_addr: Vec<String>,
    /// Dogecoin: not there.
    #[arg(long, hide = true, value_name = "ADDRESS")]
    dogecoind_addr: Vec<String>,
    /// PocketIC's interface: not there.
    #[arg(long, hide = true, value_name = "PORT")]
    config_port: Option<u16>,
}

/// The network could not be started, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum LauncherError {
    #[error(transparent)]
    Version(#[from] VersionError),
    #[error("{flag} is not supported: {instead}")]
    Unsupported { flag: String, instead: &'static str },
    #[error("{NODES_VARIABLE} is {0:?}, not a number of replicas")]
    Nodes(String),
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("no {blocks} ports in a row are free between {from} and {to}", blocks = BASE_PORT_STEP)]
    Ports { from: u16, to: u16 },
    #[error("cannot listen on {address}: {error}")]
    Bind { address: IpAddr, error: io::Error },
    #[error(transparent)]
    Testnet(#[from] TestnetError),
}

/// Runs the network.
///
/// # Errors
/// [`LauncherError`], after everything that was started has been stopped.
pub fn run(args: Args) -> Result<(), LauncherError> {
    args.check()?;
    let state = StateFolder::of(args.state_dir.as_deref())?;
    let status = args.status_dir.as_deref().map(StatusFolder::open).transpose()?;
    let up = args.up(&state.dir, status.as_ref())?;
    let layout = prepare(up)?;
    let result = run_until_stopped(&layout, |network, root_key| {
        args.tell(network, &layout);
        status.as_ref().map_or(Ok(()), |status| status.write(layout.args.gateway_port, root_key))
    });
    drop(status);
    Ok(result?)
}

impl Args {
    /// Refuses what is not there.
    fn check(&self) -> Result<(), LauncherError> {
        Version::asked(self.interface_version.as_deref())?.check()?;
        let kind = self.subnets.iter().find(|kind| !SUBNETS.contains(&kind.as_str()));
        let applications = self.subnets.iter().filter(|kind| *kind == "application").count();
        let refusals = [
            (self.ii, "--ii", "Internet Identity is not part of it; deploy it as a canister of your project"),
            (self.nns, "--nns", "the NNS and SNS are not part of it; the ledgers are there without it"),
            (!self.bitcoind_addr.is_empty(), "--bitcoind-addr", "Bitcoin is not connected; leave it out"),
            (!self.dogecoind_addr.is_empty(), "--dogecoind-addr", "Dogecoin is not connected; leave it out"),
            (self.config_port.is_some(), "--config-port", "there is no PocketIC to configure; leave it out"),
            (applications > 1, "a second --subnet=application", "a network has one subnet; name it once"),
        ];
        let refused = refusals.into_iter().find(|(asked, ..)| *asked);
        let refused = refused.map(|(_, flag, instead)| (flag.to_string(), instead));
        let instead = "a network has one application subnet; leave it out";
        match refused.or(kind.map(|kind| (format!("--subnet={kind}"), instead))) {
            Some((flag, instead)) => Err(LauncherError::Unsupported { flag, instead }),
            None => Ok(()),
        }
    }

    /// The network as `atoll testnet up` would be told.
    fn up(&self, dir: &Path, status: Option<&StatusFolder>) -> Result<UpArgs, LauncherError> {
        let old = dir.join("genesis.toml").exists();
        let custom_domains = self.custom_domains_file.clone();
        Ok(UpArgs {
            nodes: if old { None } else { Some(self.new_nodes()?) },
            gateway_port: self.gateway_port.map_or_else(|| free_port(self.bind), Ok)?,
            gateway_bind: self.bind,
            custom_domains: custom_domains.or_else(|| status.map(StatusFolder::custom_domains)),
            call_delay_ms: self.artificial_delay_ms,
            genesis_canisters: if old { None } else { Some(economy::find()?) },
            minting_canister: Some(MINTING.principal()),
            supervise: true,
            no_apps: true,
            ..UpArgs::of(dir)
        })
    }

    fn new_nodes(&self) -> Result<usize, LauncherError> {
        let variable = || std::env::var(NODES_VARIABLE).ok().filter(|text| !text.is_empty());
        match (self.nodes, variable()) {
            (Some(nodes), _) => Ok(nodes),
            (None, Some(text)) => text.parse().map_err(|_| LauncherError::Nodes(text)),
            (None, None) => Ok(NODES_DEFAULT),
        }
    }

    fn tell(&self, network: &Network<'_>, layout: &Layout) {
        eprintln!("{} replicas run; gateway at http://{}", layout.nodes, layout.args.gateway_address());
        for process in network.processes.iter().filter(|_| self.verbose) {
            eprintln!(
                "{}: process {}, log {}",
                process.name,
                process.pid().unwrap_or(0),
                process.log.display()
            );
        }
        for domain in self.domains.iter().filter(|_| self.verbose) {
            eprintln!("the gateway answers for {domain}");
        }
    }
}

/// Lays the network out at ports that are free.
fn prepare(mut args: UpArgs) -> Result<Layout, LauncherError> {
    // Networks that start at the same time look at different ports first.
    let first = u16::try_from(std::process::id() % u32::from(BASE_PORTS)).unwrap_or(0);
    for block in 0..BASE_PORTS {
        args.base_port = BASE_PORT_FIRST + (first + block) % BASE_PORTS * BASE_PORT_STEP;
        let layout = Layout::prepare(&args).map_err(TestnetError::from)?;
        match layout.check_ports() {
            Ok(()) => return Ok(layout),
            Err(LayoutError::Port { port, .. }) if port != args.gateway_port => {}
            Err(error) => return Err(TestnetError::from(error).into()),
        }
    }
    let to = BASE_PORT_FIRST + BASE_PORTS * BASE_PORT_STEP;
    Err(LauncherError::Ports { from: BASE_PORT_FIRST, to })
}

fn free_port(address: IpAddr) -> Result<u16, LauncherError> {
    let listener = TcpListener::bind((address, 0)).and_then(|listener| listener.local_addr());
    listener.map(|local| local.port()).map_err(|error| LauncherError::Bind { address, error })
}

/// Where the network lives; a temporary one goes with it.
struct StateFolder {
    dir: PathBuf,
    temporary: bool,
}

impl StateFolder {
    fn of(dir: Option<&Path>) -> Result<StateFolder, LauncherError> {
        let temporary = || std::env::temp_dir().join(format!("atoll-launcher-{}", std::process::id()));
        let folder =
            StateFolder { dir: dir.map_or_else(temporary, Path::to_path_buf), temporary: dir.is_none() };
        let made = std::fs::create_dir_all(&folder.dir);
        made.map_err(|error| LauncherError::File { path: folder.dir.clone(), error })?;
        Ok(folder)
    }
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        if self.temporary {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn check(flags: &[&str], expected: Result<(), &str>) {
        let line = Line::try_parse_from([&["launcher"], flags].concat()).expect("known flags");
        let error = line.args.check().err().map(|error| error.to_string());
        match (error, expected) {
            (None, Ok(())) => {}
            (Some(error), Err(expected)) => assert!(error.contains(expected), "{flags:?}: {error}"),
            (error, expected) => panic!("{flags:?}: {error:?}, not {expected:?}"),
        }
    }

    #[test]
    fn what_icp_asks_of_a_plain_network_is_there() {
        check(&["--interface-version", "1.1.0", "--bind", "127.0.0.1", "--domain=localhost"], Ok(()));
        check(&["--interface-version=1.0.0", "--subnet=application", "--subnet=nns"], Ok(()));
        check(&["--artificial-delay-ms=60000", "--gateway-port", "8000", "--verbose"], Ok(()));
    }

    #[test]
    fn what_is_not_there_is_refused_by_name_and_with_what_to_do() {
        check(&["--interface-version", "2.0.0"], Err("interface version 2.0.0 is not supported"));
        check(&["--interface-version", "1.x"], Err("\"1.x\" is not a version"));
        check(&["--ii"], Err("--ii is not supported: Internet Identity is not part of it; deploy it"));
        check(&["--nns"], Err("--nns is not supported"));
        check(&["--bitcoind-addr=127.0.0.1:18444"], Err("--bitcoind-addr is not supported"));
        check(&["--dogecoind-addr=127.0.0.1:22556"], Err("--dogecoind-addr is not supported"));
        check(&["--config-port", "1"], Err("--config-port is not supported"));
        check(&["--subnet=bitcoin"], Err("--subnet=bitcoin is not supported"));
        check(&["--subnet=application", "--subnet=application"], Err("name it once"));
    }
}
