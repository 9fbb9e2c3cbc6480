//! Starting the processes, waiting for the subnet, and what happens until the end.

use super::apps::{self, Ids, Setup};
use super::layout::{Layout, Place};
use super::probe::{self, Health};
use super::process::{Process, ProcessError, stop_all};
use super::seeds::Seeds;
use super::status::{ReplicaStatus, Status};
use super::{TestnetError, UpArgs};
use crate::cli::file::write_atomically;
use crate::cli::stop_signal;
use crate::types::{Accounting, quorum};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(100);
/// For keys, first blocks and the gateway, on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(180);
/// Replicas that are slower than a quorum are waited for this much longer.
const STRAGGLERS: Duration = Duration::from_secs(10);
const STOP_DEADLINE: Duration = Duration::from_secs(8);

/// A running network.
pub struct Network<'a> {
    layout: &'a Layout,
    places: Vec<Place>,
    /// Replicas first, in order; then proxy and gateway.
    pub processes: Vec<Process>,
    /// Who the replicas say they are.
    health: Vec<Option<Health>>,
    canisters: Ids,
    seeds: Seeds,
}

/// Runs a network until a signal or an error; then stops everything. `ready` is called once, with the root key in hex.
///
/// # Errors
/// [`TestnetError`] naming what did not start or answer.
pub async fn run(
    layout: &Layout,
    ready: impl FnOnce(&Network<'_>, &str) -> std::io::Result<()>,
) -> Result<(), TestnetError> {
    let mut network = Network::new(layout)?;
    let result = tokio::select! {
        () = stop_signal() => Ok(()),
        result = network.live(ready) => result,
    };
    eprintln!("stopping");
    network.seeds.stop().await;
    stop_all(&mut network.processes, STOP_DEADLINE).await;
    result
}

/// Starts a node's replica.
pub fn start_replica(place: &Place) -> Result<Process, ProcessError> {
    let args = vec!["replica".into(), "--config".into(), place.config().display().to_string()];
    Process::start(format!("node {}", place.index), place.log(), args)
}

impl<'a> Network<'a> {
    /// Nothing runs yet.
    pub fn new(layout: &'a Layout) -> Result<Network<'a>, TestnetError> {
        let places = layout.places()?;
        let health = vec![None; places.len()];
        let (processes, canisters, seeds) = (Vec::new(), Ids::new(), Seeds::default());
        Ok(Network { layout, places, processes, health, canisters, seeds })
    }

    /// The replicas alone, over links that somebody else makes; the root key in hex, once the subnet answers.
    pub async fn replicas(&mut self) -> Result<String, TestnetError> {
        self.start_replicas()?;
        self.wait(Network::subnet_answers).await
    }

    async fn live(
        &mut self,
        ready: impl FnOnce(&Network<'_>, &str) -> std::io::Result<()>,
    ) -> Result<(), TestnetError> {
        self.start_replicas()?;
        self.start_proxy()?;
        let root_key = self.wait(Network::subnet_answers).await?;
        self.start_gateway(&root_key)?;
        self.wait(Network::gateway_answers).await?;
        self.install(&root_key).await?;
        self.write_status(&root_key)?;
        ready(self, &root_key)?;
        if self.args().apps {
            self.seeds = Seeds::start(&self.layout.dir, &self.args().seeds)?;
        }
        self.watch(&root_key).await
    }

    async fn install(&mut self, root_key: &str) -> Result<(), TestnetError> {
        let (args, dir) = (self.args(), &self.layout.dir);
        if args.no_apps || args.accounting != Accounting::Free {
            self.canisters = apps::installed(dir)?;
            return Ok(());
        }
        let root_key = hex::decode(root_key).map_err(std::io::Error::other)?;
        let url = self.places.first().map(Place::api_url).unwrap_or_default();
        let setup = Setup { dir, modules: &args.canisters, url: &url, root_key: &root_key, apps: args.apps };
        self.canisters = apps::install_missing(&setup).await?;
        Ok(())
    }

    fn args(&self) -> &UpArgs {
        &self.layout.args
    }

    fn start_replicas(&mut self) -> Result<(), TestnetError> {
        for place in &self.places {
            self.processes.push(start_replica(place)?);
        }
        Ok(())
    }

    fn start_proxy(&mut self) -> Result<(), TestnetError> {
        if !self.layout.proxied() {
            return Ok(());
        }
        let delay = self.args().delay_ms.unwrap_or_default();
        let mut args = vec!["proxy".into(), "--delay-ms".into(), delay.to_string()];
        if let Some(rate) = self.args().rate_mbit {
            args.extend(["--rate-mbit".into(), rate.to_string()]);
        }
        args.extend(["--figures".into(), self.layout.dir.join("proxy.json").display().to_string()]);
        for place in &self.places {
            for sender in (0..self.places.len()).filter(|sender| *sender != place.index) {
                let (address, port) = place.link_from(sender);
                let route = format!("{address}:{port}=127.0.0.1:{}", place.peer_port);
                args.extend(["--route".into(), route]);
            }
        }
        self.processes.push(Process::start("delay proxy", self.layout.dir.join("proxy.log"), args)?);
        Ok(())
    }

    fn start_gateway(&mut self, root_key: &str) -> Result<(), TestnetError> {
        let args = self.args();
        let mut words = vec!["gateway".into(), "--listen".into(), args.gateway_address().to_string()];
        words.extend(["--call-delay-ms".into(), args.call_delay_ms.to_string()]);
        // All clients of a local network have one address.
        words.extend(["--rate-per-client".into(), "0".into()]);
        if let Some(file) = &args.custom_domains {
            words.extend(["--custom-domains".into(), file.display().to_string()]);
        }
        words.extend(["--root-key".into(), root_key.to_string()]);
        words.extend(self.places.iter().flat_map(|place| ["--replica".into(), place.api_url()]));
        self.processes.push(Process::start("gateway", self.layout.dir.join("gateway.log"), words)?);
        Ok(())
    }

    /// Polls until `ready` says so; a process that ends meanwhile is an error.
    async fn wait<T>(
        &mut self,
        mut ready: impl AsyncFnMut(&mut Self, Duration) -> Option<T>,
    ) -> Result<T, TestnetError> {
        let started = Instant::now();
        while started.elapsed() < START_DEADLINE {
            if let Some(process) = self.processes.iter_mut().find_map(ended_early) {
                return Err(process);
            }
            if let Some(done) = ready(self, started.elapsed()).await {
                return Ok(done);
            }
            sleep(POLL).await;
        }
        let seconds = START_DEADLINE.as_secs();
        Err(TestnetError::Silent { seconds, dir: self.layout.dir.clone() })
    }

    /// The root key, when every replica's certified height has risen since it was first seen; when a
    /// quorum's has, the others get some more time and are then left behind.
    async fn subnet_answers(&mut self, waited: Duration) -> Option<String> {
        let mut rising = 0;
        for (place, seen) in self.places.iter().zip(&mut self.health) {
            let Some(now) = probe::health(place.metrics_port).await else { continue };
            let known = now.status == "running" && now.certified_height > 0;
            match seen {
                Some(first) if known && now.certified_height > first.certified_height => rising += 1,
                None if known => *seen = Some(now),
                _ => {}
            }
        }
        let n = self.places.len();
        if rising < n && (rising < quorum(n) || waited < STRAGGLERS) {
            return None;
        }
        self.health.iter().flatten().find_map(|health| health.root_key.clone())
    }

    async fn gateway_answers(&mut self, _waited: Duration) -> Option<()> {
        let args = self.args();
        // Who listens on all addresses is found on this machine's own.
        let ip = match args.gateway_bind.is_unspecified() {
            true => Ipv4Addr::LOCALHOST.into(),
            false => args.gateway_bind,
        };
        probe::answers(SocketAddr::new(ip, args.gateway_port), "/api/v2/status").await.then_some(())
    }

    fn write_status(&self, root_key: &str) -> Result<(), TestnetError> {
        let gateway_port = self.args().gateway_port;
        let replica = |(place, health): (&Place, &Option<Health>)| ReplicaStatus {
            node_id: health.as_ref().and_then(|health| health.node_id.clone()).unwrap_or_default(),
            pid: self.processes.get(place.index).and_then(Process::pid),
            api_url: place.api_url(),
            metrics_url: format!("http://127.0.0.1:{}", place.metrics_port),
            config: place.config().display().to_string(),
        };
        let status = Status {
            v: "1",
            gateway_port,
            gateway_url: format!("http://127.0.0.1:{gateway_port}"),
            root_key: root_key.to_string(),
            replicas: self.places.iter().zip(&self.health).map(replica).collect(),
            canisters: self.canisters.clone(),
        };
        let text = serde_json::to_vec_pretty(&status).map_err(std::io::Error::from)?;
        Ok(write_atomically(&self.layout.dir.join("status.json"), &text)?)
    }

    /// Tells a person where everything is.
    pub fn print(&self) {
        let port = self.args().gateway_port;
        println!("{} replicas run; gateway at http://127.0.0.1:{port}", self.places.len());
        for (name, id) in self.canisters.iter().filter(|(name, _)| apps::has_page(name)) {
            println!("{name}: http://{id}.localhost:{port}/");
        }
        println!("status: {}", self.layout.dir.join("status.json").display());
        println!("stop with Ctrl-C; the next start on the same directory continues the chain");
    }

    /// Notices processes that end; restarts them if that was asked for.
    async fn watch(&mut self, root_key: &str) -> Result<(), TestnetError> {
        loop {
            sleep(POLL).await;
            self.seeds.watch()?;
            let supervise = self.args().supervise;
            let mut changed = false;
            for process in &mut self.processes {
                if let Some(how) = process.ended() {
                    eprintln!("{} ended ({how}); its log is {}", process.name, process.log.display());
                    changed = true;
                    if supervise {
                        process.restart_later();
                    }
                }
                changed |= process.restart_if_due()?;
            }
            if changed {
                self.write_status(root_key)?;
            }
        }
    }
}

fn ended_early(process: &mut Process) -> Option<TestnetError> {
    let how = process.ended()?;
    let (name, log, tail) = (process.name.clone(), process.log.clone(), process.tail());
    Some(TestnetError::Ended { name, how, log, tail })
}
