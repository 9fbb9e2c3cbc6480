//! A real subnet for a test: `atoll testnet up` as a child process, its replicas and gateway as its children.
//!
//! Networks are expensive on two cores, so a process-wide lock lets one live at a time.
#![allow(dead_code)] // each test binary uses its part

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub mod load;

/// Turns a hang into a failure; no test depends on it being reached.
pub const DEADLINE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(50);

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Waits until `found` says something.
pub fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(begun.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain until {what}");
        std::thread::sleep(POLL);
    }
}

/// A block of `count` free TCP ports in a row, below the kernel's ephemeral range.
pub fn free_ports(count: u16) -> u16 {
    let start = 20_000 + (std::process::id() % 400) as u16 * 25;
    (start..30_000)
        .step_by(count as usize)
        .find(|base| (*base..base + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()))
        .expect("free ports")
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
    revived: Vec<Child>,
    _folder: Option<tempfile::TempDir>,
    _turn: MutexGuard<'static, ()>,
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

    /// Starts a network in a folder of its own with further flags of `atoll testnet up`.
    pub fn with(flags: &[&str]) -> Network {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().to_path_buf();
        Network::start(dir, Some(folder), flags, turn)
    }

    fn start(
        dir: PathBuf,
        folder: Option<tempfile::TempDir>,
        flags: &[&str],
        turn: MutexGuard<'static, ()>,
    ) -> Network {
        let ports = free_ports(100);
        let log = fs::File::create(dir.join("testnet.log")).expect("a log file");
        let up = atoll()
            .args(["testnet", "up", "--dir"])
            .arg(&dir)
            .args(["--base-port", &(ports + 1).to_string(), "--gateway-port", &ports.to_string()])
            .arg("--canisters")
            .arg(canisters())
            .args(flags)
            .stdout(Stdio::from(log.try_clone().expect("a log file")))
            .stderr(Stdio::from(log))
            .stdin(Stdio::null())
            .spawn()
            .expect("atoll starts");
        let mut network = Network {
            up,
            dir,
            gateway_url: String::new(),
            root_key: Vec::new(),
            replicas: Vec::new(),
            counter: None,
            revived: Vec::new(),
            _folder: folder,
            _turn: turn,
        };
        network.await_status();
        network
    }

    /// Stops everything and starts it again on the same folder.
    pub fn restart(self) -> Network {
        let mut old = self;
        old.stop();
        fs::remove_file(old.dir.join("status.json")).ok();
        let folder = old._folder.take();
        let dir = old.dir.clone();
        drop(old);
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Network::start(dir, folder, &["--nodes", "4"], turn)
    }

    fn await_status(&mut self) {
        let path = self.dir.join("status.json");
        let log = self.dir.join("testnet.log");
        let up = &mut self.up;
        let status: serde_json::Value = eventually("status.json is there", || {
            if let Ok(Some(code)) = up.try_wait() {
                panic!("testnet ended with {code}:\n{}", fs::read_to_string(&log).unwrap_or_default());
            }
            serde_json::from_slice(&fs::read(&path).ok()?).ok()
        });
        let text = |value: &serde_json::Value| value.as_str().expect("a string").to_string();
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

    /// Every URL that clients can use: the replicas' and the gateway's.
    pub fn urls(&self) -> Vec<String> {
        self.replicas
            .iter()
            .map(|replica| replica.api_url.clone())
            .chain([self.gateway_url.clone()])
            .collect()
    }

    /// What the replicas wrote, for a failure's report.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("testnet.log")).unwrap_or_default()
    }

    /// `kill -9` of one replica.
    pub fn kill(&self, index: usize) {
        signal(self.replicas[index].pid, libc::SIGKILL);
    }

    /// Brings a killed replica back with `atoll replica --config …`, as an operator would.
    pub fn revive(&mut self, index: usize) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.dir.join(format!("revived-{index}.log")))
            .expect("a log file");
        let child = atoll()
            .args(["replica", "--config"])
            .arg(&self.replicas[index].config)
            .stdout(Stdio::from(log.try_clone().expect("a log file")))
            .stderr(Stdio::from(log))
            .spawn()
            .expect("a replica starts");
        self.replicas[index].pid = child.id() as i32;
        self.revived.push(child);
    }

    /// The certified height that a replica reports, if it answers.
    pub fn certified_height(&self, index: usize) -> Option<u64> {
        metric(&self.replicas[index].metrics_url, "certification_last_certified_height")
    }

    /// Waits until a replica has certified `height`.
    pub fn await_height(&self, index: usize, height: u64) {
        eventually(&format!("replica {index} certifies height {height}"), || {
            self.certified_height(index).filter(|certified| *certified >= height)
        });
    }

    fn stop(&mut self) {
        for child in &mut self.revived {
            signal(child.id() as i32, libc::SIGTERM);
        }
        signal(self.up.id() as i32, libc::SIGTERM);
        let _ = self.up.wait();
        for child in &mut self.revived {
            let _ = child.wait();
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let log = self.log();
            let tail = log.len().saturating_sub(6_000);
            eprintln!("--- end of testnet.log ---\n{}", log.get(tail..).unwrap_or(&log));
        }
    }
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
