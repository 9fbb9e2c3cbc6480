//! A real subnet for a test: `atoll testnet up` as a child process, its replicas and gateway as its children.
//!
//! Networks are expensive on two cores: one that is put under load lives alone in its process, bare ones live beside
//! each other.
#![allow(dead_code)] // each test binary uses its part

use serde_json::Value;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

pub mod economy;
pub mod load;
pub mod newcomer;
pub mod payments;
pub mod person;

/// Turns a hang into a failure; no test depends on it being reached.
pub const DEADLINE: Duration = Duration::from_secs(180);
/// The same for apps that are installed, and filled.
pub const APPS_DEADLINE: Duration = Duration::from_secs(900);
const POLL: Duration = Duration::from_millis(50);

static TURN: RwLock<()> = RwLock::new(());

/// Held while a network lives.
enum Turn {
    Alone(RwLockWriteGuard<'static, ()>),
    Shared(RwLockReadGuard<'static, ()>),
}

/// Waits until `found` says something.
pub fn eventually<T>(what: &str, found: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, what, found)
}

/// The same, with patience of its own.
pub fn within<T>(deadline: Duration, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(begun.elapsed() < deadline, "waited {deadline:?} in vain until {what}");
        std::thread::sleep(POLL);
    }
}

/// A block of ports that no other test has, in this process or another, as long as this lives.
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
        let taken = blocks.filter_map(Self::lock).find(Ports::are_free);
        taken.expect("a free block of ports")
    }

    fn lock(base: u16) -> Option<Ports> {
        let path = std::env::temp_dir().join(format!("atoll-test-ports-{base}"));
        let lock = File::options().create(true).truncate(false).write(true).open(path).ok()?;
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

/// One replica as `status.json` describes it.
#[derive(Clone, Debug)]
pub struct Replica {
    pub pid: i32,
    pub api_url: String,
    /// Where its Prometheus text is.
    pub metrics_url: String,
    pub config: PathBuf,
}

/// A running network; stopped when dropped.
pub struct Network {
    up: Child,
    pub dir: PathBuf,
    pub gateway_url: String,
    pub root_key: Vec<u8>,
    pub replicas: Vec<Replica>,
    pub counter: Option<String>,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    revived: Vec<Child>,
    ports: Ports,
    _folder: tempfile::TempDir,
    _turn: Turn,
}

/// The release binary under test.
pub fn atoll() -> Command {
    Command::new(env!("CARGO_BIN_EXE_atoll"))
}

/// The folder of compiled canisters that `make canisters` filled.
pub fn canisters() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("canisters/dist");
    assert!(folder.join("counter.wasm").exists(), "{} is empty: run `make canisters`", folder.display());
    folder
}

/// A canister module.
pub fn module(name: &str) -> Vec<u8> {
    fs::read(canisters().join(format!("{name}.wasm"))).expect("a module")
}

impl Network {
    /// Starts four replicas and a gateway, with the counter installed.
    pub fn up() -> Network {
        Network::with(&["--nodes", "4"])
    }

    /// Starts a network with further flags of `atoll testnet up`; no other lives meanwhile.
    pub fn with(flags: &[&str]) -> Network {
        Network::with_environment(flags, &[])
    }

    /// The same, with variables for it and for what it runs.
    pub fn with_environment(flags: &[&str], environment: &[(&str, &str)]) -> Network {
        let turn = TURN.write().unwrap_or_else(PoisonError::into_inner);
        Network::start(flags, environment, Turn::Alone(turn))
    }

    /// Starts a network without canisters, beside other such networks.
    pub fn bare(flags: &[&str]) -> Network {
        let turn = TURN.read().unwrap_or_else(PoisonError::into_inner);
        Network::start(&[&["--no-apps"], flags].concat(), &[], Turn::Shared(turn))
    }

    fn start(flags: &[&str], environment: &[(&str, &str)], turn: Turn) -> Network {
        let folder = tempfile::tempdir().expect("a folder");
        let (dir, ports) = (folder.path().to_path_buf(), Ports::take());
        let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
        let environment: Vec<(String, String)> =
            environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let mut network = Network {
            up: spawn_up(&dir, &ports, &flags, &environment),
            dir,
            gateway_url: String::new(),
            root_key: Vec::new(),
            replicas: Vec::new(),
            counter: None,
            flags,
            environment,
            revived: Vec::new(),
            ports,
            _folder: folder,
            _turn: turn,
        };
        network.await_status();
        network
    }

    /// Stops it as a person would, and says how long that took.
    pub fn stop(&mut self) -> Duration {
        let started = Instant::now();
        signal(self.up_pid(), libc::SIGTERM);
        let status = self.up.wait().expect("the network's end");
        assert!(status.success(), "{status}\n{}", self.log());
        started.elapsed()
    }

    /// Starts it again on the same folder.
    pub fn up_again(&mut self) {
        fs::remove_file(self.dir.join("status.json")).ok();
        self.up = spawn_up(&self.dir, &self.ports, &self.flags, &self.environment);
        self.await_status();
    }

    fn await_status(&mut self) {
        let path = self.dir.join("status.json");
        let log = self.dir.join("testnet.log");
        let up = &mut self.up;
        let with_apps = self.flags.iter().any(|flag| flag == "--apps");
        let deadline = if with_apps { APPS_DEADLINE } else { DEADLINE };
        let status: Value = within(deadline, "status.json is there", || {
            if let Ok(Some(code)) = up.try_wait() {
                panic!("testnet ended with {code}:\n{}", fs::read_to_string(&log).unwrap_or_default());
            }
            serde_json::from_slice(&fs::read(&path).ok()?).ok()
        });
        let text = |value: &Value| value.as_str().expect("a string").to_string();
        self.gateway_url = text(&status["gateway_url"]);
        self.root_key = hex::decode(text(&status["root_key"])).expect("hex");
        self.counter = status["canisters"]["counter"].as_str().map(str::to_string);
        self.replicas = status["replicas"]
            .as_array()
            .expect("replicas")
            .iter()
            .map(|replica| Replica {
                pid: replica["pid"].as_i64().expect("a pid") as i32,
                api_url: text(&replica["api_url"]),
                metrics_url: format!("{}/metrics", text(&replica["metrics_url"])),
                config: self.dir.join(text(&replica["config"]).trim_start_matches("DIR/")),
            })
            .collect();
    }

    /// `status.json` as it is now.
    pub fn status(&self) -> Value {
        let text = fs::read(self.dir.join("status.json")).expect("status.json");
        serde_json::from_slice(&text).expect("status.json is JSON")
    }

    /// The first of its block of ports; those from 100 on are free.
    pub fn base_port(&self) -> u16 {
        self.ports.base
    }

    /// The process of `atoll testnet up`.
    pub fn up_pid(&self) -> i32 {
        self.up.id() as i32
    }

    /// Every URL that clients can use: the replicas' and the gateway's.
    pub fn urls(&self) -> Vec<String> {
        self.replicas
            .iter()
            .map(|replica| replica.api_url.clone())
            .chain([self.gateway_url.clone()])
            .collect()
    }

    /// What the network printed, and the ends of the replicas' logs, for a failure's report.
    pub fn log(&self) -> String {
        let mut text = fs::read_to_string(self.dir.join("testnet.log")).unwrap_or_default();
        for node in 0..self.replicas.len() {
            let log = self.dir.join(format!("node-{node}/replica.log"));
            let log = fs::read_to_string(log).unwrap_or_default();
            let tail = log.lines().rev().take(8).collect::<Vec<_>>();
            text += &format!("--- node {node}\n");
            tail.iter().rev().for_each(|line| text += &format!("{line}\n"));
        }
        text
    }

    /// `kill -9` of one replica; returns when it is gone.
    pub fn kill(&self, index: usize) {
        signal(self.replicas[index].pid, libc::SIGKILL);
        eventually("a killed replica is gone", || self.health(index).is_none().then_some(()));
    }

    /// `kill -9` of all replicas at once.
    pub fn kill_all(&self) {
        self.replicas.iter().for_each(|replica| signal(replica.pid, libc::SIGKILL));
        (0..self.replicas.len()).for_each(|index| self.kill(index));
    }

    /// Brings a killed replica back with `atoll replica --config …`, as an operator would.
    pub fn revive(&mut self, index: usize) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join(format!("revived-{index}.log")))
            .expect("a log file");
        let mut command = self.replica(index);
        command.stdout(Stdio::from(log.try_clone().expect("a log file"))).stderr(Stdio::from(log));
        let child = command.spawn().expect("a replica starts");
        self.replicas[index].pid = child.id() as i32;
        self.revived.push(child);
    }

    /// `atoll replica` for this node, ready to start.
    pub fn replica(&self, index: usize) -> Command {
        let mut command = atoll();
        command.args(["replica", "--config"]).arg(&self.replicas[index].config).stdin(Stdio::null());
        command
    }

    /// `atoll canister …` against a replica.
    pub fn canister(&self, index: usize, args: &[&str]) -> Output {
        let mut command = atoll();
        command.args(["canister", "--url", &self.replicas[index].api_url]).args(args);
        command.output().expect("atoll canister")
    }

    /// `/health`, whatever its status code; `None` if nobody answers.
    pub fn health(&self, index: usize) -> Option<Value> {
        let answer = get(&self.replicas[index].metrics_url.replace("/metrics", "/health"))?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The certified height that a replica reports, if it answers.
    pub fn certified_height(&self, index: usize) -> Option<u64> {
        metric(&self.replicas[index].metrics_url, "certification_last_certified_height")
    }

    /// A number among a replica's metrics, if it answers.
    pub fn metric(&self, index: usize, name: &str) -> Option<u64> {
        metric(&self.replicas[index].metrics_url, name)
    }

    /// Waits until a replica has certified `height`.
    pub fn await_height(&self, index: usize, height: u64) {
        eventually(&format!("replica {index} certifies height {height}"), || {
            self.certified_height(index).filter(|certified| *certified >= height)
        });
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for child in &mut self.revived {
            signal(child.id() as i32, libc::SIGTERM);
        }
        // After `stop` it is gone already.
        if matches!(self.up.try_wait(), Ok(None)) {
            signal(self.up_pid(), libc::SIGTERM);
        }
        let _ = self.up.wait();
        for child in &mut self.revived {
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(6_000);
            eprintln!("--- the network's log ---\n{}", log.get(tail..).unwrap_or(&log));
        }
    }
}

fn spawn_up(dir: &Path, ports: &Ports, flags: &[String], environment: &[(String, String)]) -> Child {
    let log = File::create(dir.join("testnet.log")).expect("a log file");
    let mut command = atoll();
    command.args(["testnet", "up", "--dir"]).arg(dir);
    command.args(["--base-port", &ports.base.to_string(), "--gateway-port", &ports.gateway().to_string()]);
    command.arg("--canisters").arg(canisters()).args(flags);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log file")).stderr(log);
    command.spawn().expect("atoll starts")
}

/// Whether a process lives.
pub fn exists(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Sends a signal to a process that this test started.
pub fn signal(pid: i32, signal: i32) {
    // SAFETY: kill takes plain numbers; the process is one that this test started.
    unsafe { libc::kill(pid, signal) };
}

/// One HTTP/1.1 exchange with a server of this test; `None` if it does not answer.
pub fn get(url: &str) -> Option<String> {
    use std::io::{Read, Write};
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = std::net::TcpStream::connect(host).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The value of an unlabelled metric.
pub fn metric(url: &str, name: &str) -> Option<u64> {
    let text = get(url)?;
    let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name))?;
    line.rsplit(' ').next()?.parse::<f64>().ok().map(|value| value as u64)
}
