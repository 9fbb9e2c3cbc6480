//! A replica that is not of the genesis.

use super::{Network, atoll, signal};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

/// A node that is not of the genesis, beside the network.
pub struct Newcomer {
    child: Child,
    metrics_url: String,
    /// What others must know of it.
    pub card: PathBuf,
}

impl Newcomer {
    /// Makes its keys below the network's folder and starts it on ports from `base` on.
    pub fn start(network: &Network, base: u16) -> Newcomer {
        let dir = network.dir.join("newcomer");
        let keys = dir.join("keys");
        fs::create_dir_all(&dir).expect("a folder");
        let address = format!("127.0.0.1:{base}");
        let mut made = atoll();
        made.args(["keygen", "--name", "newcomer", "--address", &address, "--out"]).arg(&keys);
        assert!(made.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("keygen").success());
        fs::copy(network.dir.join("node-0/keys/first.shares"), keys.join("first.shares")).expect("copied");
        let config = format!(
            "data_dir = \"data\"\nkey_dir = \"keys\"\ngenesis = \"../genesis.toml\"\npeer_listen = \"{address}\"\n\
             api_listen = \"127.0.0.1:{}\"\nmetrics_listen = \"127.0.0.1:{}\"\n",
            base + 1,
            base + 2
        );
        fs::write(dir.join("node.toml"), config).expect("written");
        let log = fs::File::create(dir.join("replica.log")).expect("a log file");
        let mut command = atoll();
        command.args(["replica", "--config"]).arg(dir.join("node.toml")).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a log file")).stderr(log);
        let child = command.spawn().expect("a replica starts");
        Newcomer {
            child,
            metrics_url: format!("http://127.0.0.1:{}", base + 2),
            card: keys.join("node.pub.toml"),
        }
    }

    /// Its `/health`, if it answers.
    pub fn health(&self) -> Option<serde_json::Value> {
        let answer = super::get(&format!("{}/health", self.metrics_url))?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        signal(self.child.id() as i32, libc::SIGTERM);
        let _ = self.child.wait();
    }
}
