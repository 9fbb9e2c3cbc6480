//! Real subnets under faults, by `atoll testnet chaos`: what its clients were certified is neither lost nor changed nor
//! done twice. Longer runs: `make chaos`, and docs/operators.md.

mod network;

use network::{Ports, atoll, canisters};
use serde_json::Value;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

/// Two runs at once would only measure each other.
static TURN: Mutex<()> = Mutex::new(());

/// Runs it and returns the report, which must tell of no violation.
fn chaos(flags: &[&str]) -> Value {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (folder, ports) = (tempfile::tempdir().expect("a folder"), Ports::take());
    let mut command = atoll();
    command.args(["testnet", "chaos", "--json", "--base-port", &ports.base.to_string(), "--dir"]);
    command.arg(folder.path()).arg("--canisters").arg(canisters()).args(flags);
    let output = command.stdin(Stdio::null()).output().expect("atoll runs");
    let (told, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report = told.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
    let report = report.unwrap_or_else(|| panic!("no report:\n{log}"));
    assert!(output.status.success(), "{report:#}\n{log}");
    assert_eq!(report["violations"], Value::Array(Vec::new()));
    for checked in ["certified", "certificates_checked", "read_again", "roots_compared"] {
        assert!(report["calls"][checked].as_u64() > Some(0), "{checked}: {report:#}");
    }
    eprintln!("{told}");
    report
}

#[test]
fn kills_of_single_replicas_lose_and_double_no_certified_update() {
    let report = chaos(&["--seed", "4", "--minutes", "10", "--faults", "40", "--only", "kill"]);
    assert_eq!(report["kills"]["single"], 40);
    assert!(report["calls"]["certified"].as_u64() > Some(40), "throughput went on");
    assert_eq!(report["rejoin_ms"]["kill"]["count"], 40);
}

#[test]
fn one_fault_of_every_kind_loses_and_doubles_no_certified_update() {
    let report = chaos(&["--seed", "1", "--minutes", "10", "--faults", "9"]);
    let happened = report["faults"].as_object().expect("faults").len();
    let skipped = report["skipped"].as_object().expect("skipped").keys();
    let skipped = skipped.filter(|kind| !kind.contains(' ')).count();
    assert_eq!(happened + skipped, 9, "{report:#}");
    assert_eq!(report["rejoin_ms"]["wipe"]["count"], 1, "a wiped replica is back");
}
