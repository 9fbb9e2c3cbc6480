//! icp-cli itself, unmodified, with Atoll as its launcher: a project from nothing to a page and back.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod network;

use network::{Ports, canisters, module};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROJECT: &str = "\
canisters:
  - name: counter
    build:
      steps: [{type: pre-built, path: counter.wasm}]
networks:
  - name: local
    mode: managed
    gateway: {port: PORT}
";

/// A developer's folder.
struct Project {
    root: PathBuf,
    binary: PathBuf,
}

impl Project {
    fn new(root: &Path, port: u16) -> Project {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let binary = home.join("tests/js/icp/node_modules/@icp-sdk/icp-cli-linux-x64/bin/icp");
        assert!(binary.exists(), "run `make setup-test`");
        fs::create_dir(root.join("home")).expect("a folder");
        fs::write(root.join("icp.yaml"), PROJECT.replace("PORT", &port.to_string())).expect("a project");
        fs::write(root.join("counter.wasm"), module("counter")).expect("a module");
        Project { root: root.into(), binary }
    }

    /// What `icp …` prints.
    fn icp(&self, args: &[&str]) -> String {
        let output = Command::new(&self.binary)
            .args(args)
            .current_dir(&self.root)
            .env("HOME", self.root.join("home"))
            .env_remove("XDG_DATA_HOME")
            .env("DO_NOT_TRACK", "1")
            .env("ICP_TELEMETRY_DISABLED", "1")
            .env("ICP_CLI_NETWORK_LAUNCHER_PATH", env!("CARGO_BIN_EXE_atoll"))
            .env("ATOLL_CANISTERS", canisters().parent().expect("a folder"))
            .output()
            .expect("icp starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let told = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success(), "icp {args:?}: {told}");
        told
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut stop = Command::new(&self.binary);
            stop.args(["network", "stop"]).current_dir(&self.root).env("HOME", self.root.join("home"));
            let _ = stop.output();
        }
    }
}

#[test]
fn a_project_is_deployed_called_upgraded_and_paid_for_and_its_network_stops() {
    let root = tempfile::tempdir().expect("a folder");
    let ports = Ports::take();
    let project = Project::new(root.path(), ports.gateway());
    project.icp(&["network", "start", "-d"]);
    let told = project.icp(&["deploy"]);
    let host = format!("counter.local.localhost:{}", ports.gateway());
    assert!(told.contains(&host), "the page has a name: {told}");
    assert!(project.icp(&["canister", "call", "counter", "increment", "()"]).contains("(1 : nat64)"));
    network::eventually("the page is served", || {
        let answer = page(ports.gateway(), &host)?;
        answer.starts_with("HTTP/1.1 200").then_some(())
    });
    project.icp(&["deploy"]);
    assert!(project.icp(&["canister", "call", "counter", "increment", "()"]).contains("(2 : nat64)"));
    assert!(project.icp(&["cycles", "balance"]).contains("cycles"));
    project.icp(&["network", "stop"]);
    assert!(page(ports.gateway(), &host).is_none(), "the gateway is gone");
}

fn page(port: u16, host: &str) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}
