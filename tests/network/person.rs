//! Somebody at a terminal.

use super::{Network, atoll};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ic_agent::Identity;
use ic_agent::identity::BasicIdentity;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// A person at a terminal.
pub struct Person {
    url: String,
    identity: Option<PathBuf>,
    /// What programs remember of a person.
    pub state: PathBuf,
    /// In text.
    pub principal: String,
}

impl Person {
    /// Who calls without an identity; at first the owner of all tokens.
    pub fn anonymous(network: &Network) -> Person {
        let (url, state) = (network.gateway_url.clone(), network.dir.join("state"));
        Person { url, identity: None, state, principal: "2vxsx-fae".into() }
    }

    /// Somebody with an identity of this number.
    pub fn new(network: &Network, number: u8) -> Person {
        let secret = [number; 32];
        let pem = SigningKey::from_bytes(&secret).to_pkcs8_pem(LineEnding::LF).expect("a key in PEM");
        let path = network.dir.join(format!("person-{number}.pem"));
        std::fs::write(&path, pem.as_bytes()).expect("the key is written");
        let principal = BasicIdentity::from_raw_key(&secret).sender().expect("a principal").to_text();
        let (url, state) = (network.gateway_url.clone(), network.dir.join("state"));
        Person { url, identity: Some(path), state, principal }
    }

    /// `atoll …`, ready to start.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = atoll();
        command.args(args).args(["--url", &self.url]).env("XDG_STATE_HOME", &self.state);
        if let Some(path) = &self.identity {
            command.arg("--identity").arg(path);
        }
        command
    }

    /// Output of `atoll …`, or what it says on standard error.
    pub fn run(&self, args: &[&str]) -> Result<String, String> {
        let output = self.command(args).output().expect("atoll starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        match output.status.success() {
            true => Ok(text(output.stdout).trim().to_string()),
            false => Err(text(output.stderr)),
        }
    }

    /// What `atoll … --json` prints.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        let output = output.unwrap_or_else(|error| panic!("atoll {}: {error}", args.join(" ")));
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
    }

    /// A field of what `atoll wallet … --json` prints.
    pub fn wallet(&self, args: &[&str], field: &str) -> String {
        let answer = self.json(&[&["wallet"], args].concat());
        answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_string()
    }
}
