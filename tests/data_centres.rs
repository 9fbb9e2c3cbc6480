//! Four data centres, each a network namespace with an address of its own: four operators make keys, hand over public
//! ones, assemble a genesis and start replicas one by one, by the commands of docs/operators.md as written.
//!
//! Needs root (for the namespaces); says so and passes over it elsewhere.

mod network;

use network::{eventually, signal};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SITES: usize = 4;

/// A command block of the manual: who runs it, and its lines.
struct Block {
    who: String,
    script: String,
}

/// The labelled ```bash blocks of the operators' manual, in order.
fn manual() -> Vec<Block> {
    let text = include_str!("../docs/operators.md");
    let mut blocks = Vec::new();
    for part in text.split("```bash ").skip(1) {
        let (who, rest) = part.split_once('\n').expect("a block has lines");
        let script = rest.split("```").next().expect("a block ends");
        blocks.push(Block { who: who.into(), script: script.into() });
    }
    assert!(blocks.len() >= 6, "the manual has lost its commands");
    blocks
}

/// The namespaces, joined by a bridge in one more; removed when dropped.
struct Sites {
    prefix: String,
    folder: tempfile::TempDir,
    replicas: Vec<Child>,
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().expect("ip runs");
    assert!(status.success(), "ip {arguments}");
}

impl Sites {
    fn new() -> Sites {
        let sites = Sites {
            prefix: format!("at{}", std::process::id() % 100_000),
            folder: tempfile::tempdir().expect("a folder"),
            replicas: Vec::new(),
        };
        let hub = format!("{}hub", sites.prefix);
        ip(&format!("netns add {hub}"));
        ip(&format!("-n {hub} link add bridge type bridge"));
        ip(&format!("-n {hub} link set bridge up"));
        (0..SITES).for_each(|site| sites.add(&hub, site));
        fs::create_dir(sites.handover()).expect("a folder");
        sites
    }

    fn add(&self, hub: &str, site: usize) {
        let name = self.namespace(site);
        ip(&format!("netns add {name}"));
        ip(&format!("-n {hub} link add port{site} type veth peer name wan netns {name}"));
        ip(&format!("-n {hub} link set port{site} master bridge up"));
        ip(&format!("-n {name} address add {}/24 dev wan", address(site)));
        ip(&format!("-n {name} link set wan up"));
        ip(&format!("-n {name} link set lo up"));
        fs::create_dir(self.home(site)).expect("a folder");
    }

    fn namespace(&self, site: usize) -> String {
        format!("{}dc{site}", self.prefix)
    }

    fn home(&self, site: usize) -> PathBuf {
        self.folder.path().join(format!("site-{site}"))
    }

    fn handover(&self) -> PathBuf {
        self.folder.path().join("handover")
    }

    /// `script`, to be run by the operator of `site`.
    fn operator(&self, site: usize, script: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_atoll")).parent().expect("a folder");
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.namespace(site), "bash", "-euc", script])
            .current_dir(self.home(site))
            .env("PATH", path)
            .env("NAME", format!("site-{site}"))
            .env("ADDRESS", address(site))
            .env("HANDOVER", self.handover())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, site: usize, script: &str) {
        let output = self.operator(site, script).output().expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "at site {site}:\n{script}\n{said}");
    }

    fn start(&mut self, site: usize, script: &str) {
        let log = fs::File::create(self.home(site).join("log")).expect("a log file");
        let script = format!("exec {}", script.trim());
        let child = self
            .operator(site, &script)
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn()
            .expect("a replica");
        self.replicas.push(child);
    }

    /// What listens at `site`, as `address:port`, in order.
    fn listening(&self, site: usize) -> Vec<String> {
        let output = self.operator(site, "ss -ltnH | awk '{print $4}' | sort").output().expect("ss runs");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_string).collect()
    }

    fn certified_height(&self, site: usize) -> Option<u64> {
        let script =
            "exec 3<>/dev/tcp/127.0.0.1/9102; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
        let output = self.operator(site, script).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("certification_last_certified_height"))?;
        line.rsplit(' ').next()?.parse::<f64>().ok().map(|height| height as u64)
    }
}

impl Drop for Sites {
    fn drop(&mut self) {
        for replica in &mut self.replicas {
            signal(replica.id() as i32, libc::SIGTERM);
            let _ = replica.wait();
        }
        if std::thread::panicking() {
            for site in 0..SITES {
                let log = fs::read_to_string(self.home(site).join("log")).unwrap_or_default();
                eprintln!(
                    "--- site {site} ---\n{}",
                    log.get(log.len().saturating_sub(2_000)..).unwrap_or(&log)
                );
            }
        }
        let names = (0..SITES).map(|site| self.namespace(site)).chain([format!("{}hub", self.prefix)]);
        names.for_each(|name| drop(Command::new("ip").args(["netns", "del", &name]).status()));
    }
}

fn address(site: usize) -> String {
    format!("10.78.0.{}", site + 1)
}

#[test]
fn four_operators_start_a_subnet_by_the_manual() {
    // SAFETY: geteuid takes nothing and returns a number.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("passed over: network namespaces need root");
        return;
    }
    let mut sites = Sites::new();
    for Block { who, script } in manual() {
        match who.as_str() {
            "each" => (0..SITES).for_each(|site| sites.run(site, &script)),
            "one" => sites.run(0, &script),
            "each start" => (0..SITES).for_each(|site| sites.start(site, &script)),
            "each check" => {
                for site in 0..SITES {
                    eventually("the site certifies", || {
                        sites.certified_height(site).filter(|height| *height >= 5)
                    });
                    sites.run(site, &script);
                }
            }
            other => panic!("the manual has a block for {other}"),
        }
    }
    for site in 0..SITES {
        let at = address(site);
        assert_eq!(
            sites.listening(site),
            [format!("{at}:9100"), format!("{at}:9101"), "127.0.0.1:9102".into()]
        );
    }
}
