//! Directories, keys, configuration and ports of a local network.

use super::UpArgs;
use super::apps::{self, AppError};
use crate::cli::file::write_atomically;
use crate::cli::{genesis, keygen};
use crate::crypto::genesis::{GenesisError, print_genesis};
use crate::node::{Config, ConfigError, load_genesis};
use crate::telemetry::LogFormat;
use crate::types::Accounting;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// Nodes of a new network.
const NODES_DEFAULT: usize = 4;
/// Distance between the ports of two nodes.
const PORTS_PER_NODE: usize = 10;
const HEARTBEAT_MS: u64 = 500;
const VIEW_TIMEOUT_MS: u64 = 1_000;
/// A view must outlast the delays of a proposal and its votes, with room to spare.
const VIEW_TIMEOUT_DELAYS: u64 = 10;

/// The network cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    #[error("port {port}, {purpose}, is in use: {error}")]
    Port { port: u16, purpose: String, error: io::Error },
    #[error("--base-port {base} leaves no ports for {nodes} nodes")]
    PortRange { base: u16, nodes: usize },
    #[error("{} holds a network of {found} nodes, not {wanted}", dir.display())]
    Nodes { dir: PathBuf, found: usize, wanted: usize },
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Keygen(#[from] keygen::KeygenError),
    #[error(transparent)]
    Assemble(#[from] genesis::AssembleError),
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error("node.toml cannot be written: {0}")]
    Toml(#[from] toml::ser::Error),
}

/// Where everything of a network is.
#[derive(Debug)]
pub struct Layout {
    pub args: UpArgs,
    /// Absolute.
    pub dir: PathBuf,
    pub nodes: usize,
}

/// The places of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub index: usize,
    pub dir: PathBuf,
    pub peer_port: u16,
    pub api_port: u16,
    pub metrics_port: u16,
    pub proxy_port: u16,
}

impl Place {
    pub fn config(&self) -> PathBuf {
        self.dir.join("node.toml")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join("replica.log")
    }

    /// Where the proxy listens for what `sender` sends to this node.
    pub fn link_from(&self, sender: usize) -> (Ipv4Addr, u16) {
        let last = u8::try_from(sender + 1).unwrap_or(u8::MAX);
        (Ipv4Addr::new(127, 0, 1, last), self.proxy_port)
    }

    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub fn api_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.api_port)
    }

    fn keys(&self) -> PathBuf {
        self.dir.join("keys")
    }
}

fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

impl Layout {
    /// Makes what is missing, and writes every node's configuration.
    ///
    /// # Errors
    /// [`LayoutError`] naming the file, port or number that does not fit.
    pub fn prepare(args: &UpArgs) -> Result<Layout, LayoutError> {
        create_dir(&args.dir)?;
        let dir = fs::canonicalize(&args.dir)
            .map_err(|error| LayoutError::File { path: args.dir.clone(), error })?;
        let genesis = dir.join("genesis.toml");
        let found = match genesis.exists() {
            true => Some(load_genesis(&genesis)?.nodes.len()),
            false => None,
        };
        let nodes = match (found, args.nodes) {
            (Some(found), Some(wanted)) if found != wanted => {
                return Err(LayoutError::Nodes { dir, found, wanted });
            }
            (found, wanted) => found.or(wanted).unwrap_or(NODES_DEFAULT),
        };
        let layout = Layout { args: args.clone(), dir, nodes };
        let places = layout.places()?;
        if found.is_none() {
            layout.make_genesis(&places)?;
        }
        places.iter().try_for_each(|place| layout.write_config(place, &places))?;
        Ok(layout)
    }

    /// Every node's place.
    ///
    /// # Errors
    /// Ports beyond 65535.
    pub fn places(&self) -> Result<Vec<Place>, LayoutError> {
        let base = self.args.base_port;
        let place = |index: usize| {
            let first = u16::try_from(usize::from(base) + PORTS_PER_NODE * index).ok()?;
            Some(Place {
                index,
                dir: self.dir.join(format!("node-{index}")),
                peer_port: first,
                api_port: first.checked_add(1)?,
                metrics_port: first.checked_add(2)?,
                proxy_port: first.checked_add(3)?,
            })
        };
        let places: Option<Vec<Place>> = (0..self.nodes).map(place).collect();
        places.ok_or(LayoutError::PortRange { base, nodes: self.nodes })
    }

    /// Whether messages between replicas go through a proxy.
    pub fn proxied(&self) -> bool {
        self.args.delay_ms.is_some() || self.args.rate_mbit.is_some()
    }

    fn make_genesis(&self, places: &[Place]) -> Result<(), LayoutError> {
        let mut cards = Vec::new();
        for place in places {
            create_dir(&place.dir)?;
            let card = place.keys().join(keygen::CARD);
            if !card.exists() {
                keygen::make(&place.keys(), &format!("node-{}", place.index), &loopback(place.peer_port))?;
            }
            cards.push(card);
        }
        let delay = self.args.delay_ms.unwrap_or_default();
        let out = self.dir.join("genesis.toml");
        let (genesis, canisters) = genesis::assemble(&genesis::Args {
            out: out.clone(),
            name: "testnet".to_string(),
            heartbeat_ms: HEARTBEAT_MS,
            view_timeout_ms: VIEW_TIMEOUT_MS.max(delay.saturating_mul(VIEW_TIMEOUT_DELAYS)),
            provisional: self.args.accounting == Accounting::Free,
            minting_canister: self.args.minting_canister,
            governance_canister: self.args.governance_canister,
            registry_canister: self.args.registry_canister,
            accounting: Some(self.args.accounting).filter(|accounting| *accounting != Accounting::Free),
            subnet_admins: Vec::new(),
            observers: Vec::new(),
            epoch_length: self.args.epoch_length,
            canisters: self.args.genesis_canisters.clone(),
            cards,
        })?;
        canisters.write_modules(&out)?;
        if !canisters.pages.is_empty() {
            let pages = canisters.pages.iter().map(|(name, id)| (name.clone(), id.to_text()));
            apps::record(&self.dir, &pages.collect())?;
        }
        write(&out, print_genesis(&genesis)?.as_bytes())
    }

    fn write_config(&self, place: &Place, places: &[Place]) -> Result<(), LayoutError> {
        let peers = places.iter().filter(|peer| peer.index != place.index);
        let address = |peer: &Place| match self.proxied() {
            true => {
                let (address, port) = peer.link_from(place.index);
                format!("{address}:{port}")
            }
            false => loopback(peer.peer_port),
        };
        let config = Config {
            data_dir: "data".into(),
            key_dir: "keys".into(),
            genesis: "../genesis.toml".into(),
            peer_listen: loopback(place.peer_port),
            api_listen: loopback(place.api_port),
            metrics_listen: loopback(place.metrics_port),
            log_format: LogFormat::Text,
            keep_history: false,
            checkpoint_heights: self.args.checkpoint_heights,
            members: None,
            peer_addresses: peers
                .map(|peer| (peer.index.to_string(), address(peer)))
                .collect::<BTreeMap<_, _>>(),
        };
        write(&place.config(), toml::to_string(&config)?.as_bytes())
    }

    /// # Errors
    /// A port that something else listens on, named.
    pub fn check_ports(&self) -> Result<(), LayoutError> {
        let mut ports = vec![(self.args.gateway_address(), "the gateway's".to_string())];
        let mut add = |port: u16, purpose: String| ports.push(((Ipv4Addr::LOCALHOST, port).into(), purpose));
        for place in self.places()? {
            let node = place.index;
            add(place.peer_port, format!("node {node}'s for peers"));
            add(place.api_port, format!("node {node}'s for users"));
            add(place.metrics_port, format!("node {node}'s for metrics"));
            if self.proxied() {
                add(place.proxy_port, format!("the proxy's for node {node}"));
            }
        }
        for (address, purpose) in ports {
            if let Err(error) = TcpListener::bind(address) {
                return Err(LayoutError::Port { port: address.port(), purpose, error });
            }
        }
        Ok(())
    }
}

fn create_dir(dir: &Path) -> Result<(), LayoutError> {
    fs::create_dir_all(dir).map_err(|error| LayoutError::File { path: dir.to_path_buf(), error })
}

fn write(path: &Path, content: &[u8]) -> Result<(), LayoutError> {
    write_atomically(path, content).map_err(|error| LayoutError::File { path: path.to_path_buf(), error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::limits;

    fn args(dir: &Path, nodes: Option<usize>) -> UpArgs {
        UpArgs {
            epoch_length: 499,
            genesis_canisters: None,
            minting_canister: None,
            governance_canister: None,
            registry_canister: None,
            accounting: Accounting::Free,
            dir: dir.to_path_buf(),
            nodes,
            gateway_port: 0,
            gateway_bind: Ipv4Addr::LOCALHOST.into(),
            custom_domains: None,
            call_delay_ms: 0,
            base_port: 20_000,
            delay_ms: None,
            checkpoint_heights: limits::CHECKPOINT_HEIGHTS,
            rate_mbit: None,
            supervise: false,
            no_apps: true,
            apps: false,
            canisters: PathBuf::new(),
            seeds: PathBuf::new(),
        }
    }

    #[test]
    fn a_second_start_keeps_the_genesis_and_the_number_of_nodes() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("net");
        assert_eq!(Layout::prepare(&args(&dir, None)).unwrap().nodes, 4);
        let genesis = fs::read(dir.join("genesis.toml")).unwrap();
        assert_eq!(Layout::prepare(&args(&dir, None)).unwrap().nodes, 4);
        assert_eq!(fs::read(dir.join("genesis.toml")).unwrap(), genesis);
        let wrong = Layout::prepare(&args(&dir, Some(7)));
        assert!(matches!(wrong, Err(LayoutError::Nodes { found: 4, wanted: 7, .. })));
    }

    #[test]
    fn the_genesis_says_who_governs_and_how_cycles_come() {
        let root = tempfile::tempdir().unwrap();
        let canister = |number| Some(crate::types::CanisterId(number).principal());
        let args = UpArgs {
            governance_canister: canister(1),
            registry_canister: canister(0),
            accounting: Accounting::Market,
            ..args(root.path(), Some(1))
        };
        let layout = Layout::prepare(&args).unwrap();
        let genesis = load_genesis(&layout.dir.join("genesis.toml")).unwrap();
        assert_eq!((genesis.governance_canister, genesis.registry_canister), (canister(1), canister(0)));
        assert_eq!((genesis.accounting(), genesis.provisional), (Accounting::Market, false));
    }

    #[test]
    fn with_a_delay_or_a_rate_every_link_goes_through_the_proxy() {
        let root = tempfile::tempdir().unwrap();
        let args = UpArgs { delay_ms: Some(150), ..args(root.path(), Some(4)) };
        let layout = Layout::prepare(&args).unwrap();
        let place = layout.places().unwrap().remove(2);
        let config = Config::load(&place.config()).unwrap();
        let links: Vec<_> = config.peer_addresses.values().cloned().collect();
        assert_eq!(links, ["127.0.1.3:20003", "127.0.1.3:20013", "127.0.1.3:20033"]);
        assert_eq!(load_genesis(&config.genesis).unwrap().view_timeout_ms, 1_500);
    }

    #[test]
    fn a_busy_port_is_named() {
        let root = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let args = UpArgs { gateway_port: port, ..args(root.path(), None) };
        let error = Layout::prepare(&args).unwrap().check_ports().unwrap_err().to_string();
        assert!(error.contains(&format!("port {port}, the gateway's, is in use")), "{error}");
    }

    #[test]
    fn ports_beyond_the_last_one_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let args = UpArgs { base_port: 65_510, ..args(root.path(), None) };
        assert!(matches!(Layout::prepare(&args), Err(LayoutError::PortRange { .. })));
    }
}
