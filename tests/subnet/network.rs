//! A local network of real processes for tests: `atoll testnet up` in a directory and on ports of its own.

use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A hang becomes a failure after this long. Nothing is ever expected to take it.
pub const HANG: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(50);

/// The binary under test.
pub const ATOLL: &str = env!("CARGO_BIN_EXE_atoll");

/// A block of ports that nobody else has, as long as this lives.
pub struct Ports {
    pub base: u16,
    _lock: File,
}

impl Ports {
    const FIRST: u16 = 10_000;
    const LAST: u16 = 19_800;
    const BLOCK: u16 = 200;

    pub fn take() -> Ports {
        let blocks = (Self::FIRST..Self::LAST).step_by(usize::from(Self::BLOCK));
        let taken = blocks.filter_map(Self::lock).find(|ports| ports.are_free());
        taken.expect("a free block of ports")
    }

    /// Other tests, in this process or another, keep off a locked block.
    fn lock(base: u16) -> Option<Ports> {
        let path = std::env::temp_dir().join(format!("atoll-test-ports-{base}"));
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path).ok()?;
        // SAFETY: the descriptor is open for as long as `lock` lives.
        let locked = unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0;
        locked.then_some(Ports { base, _lock: lock })
    }

    fn are_free(&self) -> bool {
        (self.base..self.base + Self::BLOCK).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok())
    }

    /// Far from the ports of nodes.
    pub fn gateway(&self) -> u16 {
        self.base + Self::BLOCK - 1
    }
}

/// A running network. Dropping it kills all of it.
pub struct Network {
    pub dir: TempDir,
    pub ports: Ports,
    up: Child,
    options: Vec<String>,
    /// Replicas that the test started itself.
    own: Vec<Child>,
}

impl Network {
    /// Starts a network and waits until it answers.
    pub fn up(options: &[&str]) -> Network {
        let options: Vec<String> = options.iter().map(|option| option.to_string()).collect();
        let dir = tempfile::tempdir().expect("a directory");
        let ports = Ports::take();
        let up = spawn_up(&dir, &ports, &options);
        let mut network = Network { dir, ports, up, options, own: Vec::new() };
        network.wait_for_status();
        network
    }

    /// Stops it as a person would, and says how long that took.
    pub fn stop(&mut self) -> Duration {
        let started = Instant::now();
        signal(self.up.id(), libc::SIGTERM);
        let status = self.up.wait().expect("the network's end");
        assert!(status.success(), "{status}\n{}", self.log());
        started.elapsed()
    }

    /// Starts it again on the same directory.
    pub fn up_again(&mut self) {
        let _ = std::fs::remove_file(self.dir.path().join("status.json"));
        self.up = spawn_up(&self.dir, &self.ports, &self.options);
        self.wait_for_status();
    }

    fn wait_for_status(&mut self) {
        let path = self.dir.path().join("status.json");
        let started = Instant::now();
        while !path.exists() {
            if let Ok(Some(status)) = self.up.try_wait() {
                panic!("the network ended: {status}\n{}", self.log());
            }
            assert!(started.elapsed() < HANG, "no status.json\n{}", self.log());
            std::thread::sleep(POLL);
        }
    }

    /// What it printed, and the ends of the replicas' logs.
    pub fn log(&self) -> String {
        let mut text = std::fs::read_to_string(self.dir.path().join("up.log")).unwrap_or_default();
        for node in 0.. {
            let log = self.dir.path().join(format!("node-{node}/replica.log"));
            let Ok(log) = std::fs::read_to_string(log) else { break };
            let tail = log.lines().rev().take(8).collect::<Vec<_>>();
            text += &format!("--- node {node}\n");
            tail.iter().rev().for_each(|line| text += &format!("{line}\n"));
        }
        text
    }

    /// `status.json`.
    pub fn status(&self) -> Value {
        let text = std::fs::read(self.dir.path().join("status.json")).expect("status.json");
        serde_json::from_slice(&text).expect("status.json is JSON")
    }

    pub fn config(&self, node: usize) -> PathBuf {
        self.dir.path().join(format!("node-{node}/node.toml"))
    }

    pub fn up_pid(&self) -> u32 {
        self.up.id()
    }

    /// Process id of a replica that `testnet up` started.
    pub fn pid(&self, node: usize) -> u32 {
        let pid = self.status()["replicas"][node]["pid"].as_u64().expect("a running replica");
        u32::try_from(pid).expect("a process id")
    }

    /// `kill -9`.
    pub fn kill(&self, node: usize) {
        signal(self.pid(node), libc::SIGKILL);
        self.wait_until("a killed replica is gone", || self.health(node).is_none());
    }

    /// Brings a replica back, as an operator would.
    pub fn bring_back(&mut self, node: usize) {
        let child = self.replica(node).stderr(Stdio::null()).spawn().expect("a replica");
        self.own.push(child);
    }

    /// `atoll replica` for this node, ready to start.
    pub fn replica(&self, node: usize) -> Command {
        let mut command = Command::new(ATOLL);
        command.args(["replica", "--config"]).arg(self.config(node)).stdin(Stdio::null());
        command
    }

    pub fn api_url(&self, node: usize) -> String {
        self.status()["replicas"][node]["api_url"].as_str().expect("a URL").to_string()
    }

    pub fn metrics_port(&self, node: usize) -> u16 {
        self.ports.base + 10 * u16::try_from(node).expect("a node") + 2
    }

    /// `/health`, whatever its status code; `None` if nobody answers.
    pub fn health(&self, node: usize) -> Option<Value> {
        serde_json::from_str(&get(self.metrics_port(node), "/health")?).ok()
    }

    /// Last certified height; zero while the replica does not answer.
    pub fn certified(&self, node: usize) -> u64 {
        let health = self.health(node);
        health.and_then(|health| health["certified_height"].as_u64()).unwrap_or_default()
    }

    /// Waits until `node` has certified `height`.
    pub fn wait_certified(&self, node: usize, height: u64) {
        self.wait_until(&format!("node {node} certifies height {height}"), || self.certified(node) >= height);
    }

    pub fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(started.elapsed() < HANG, "waited in vain: {what}\n{}", self.log());
            std::thread::sleep(POLL);
        }
    }

    /// `atoll canister …` against a replica.
    pub fn canister(&self, node: usize, args: &[&str]) -> Output {
        let mut command = Command::new(ATOLL);
        command.args(["canister", "--url", &self.api_url(node)]).args(args);
        command.output().expect("atoll canister")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        signal(self.up.id(), libc::SIGTERM);
        for child in &mut self.own {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = self.up.wait();
    }
}

fn spawn_up(dir: &TempDir, ports: &Ports, options: &[String]) -> Child {
    let log = File::create(dir.path().join("up.log")).expect("a log");
    let mut command = Command::new(ATOLL);
    command.args(["testnet", "up", "--dir"]).arg(dir.path());
    command.args(["--base-port", &ports.base.to_string()]);
    command.args(["--gateway-port", &ports.gateway().to_string()]).args(options);
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
    command.spawn().expect("atoll testnet up")
}

pub fn signal(pid: u32, signal: i32) {
    let pid = i32::try_from(pid).expect("a process id");
    // SAFETY: kill has no memory effects.
    unsafe { libc::kill(pid, signal) };
}

pub fn exists(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Body of an answer.
pub fn get(port: u16, path: &str) -> Option<String> {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).ok()?;
    tcp.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).ok()?;
    let (_, body) = answer.split_once("\r\n\r\n")?;
    Some(body.to_string())
}
