//! Clips, Guild and Identity as people meet them: on four real replicas, seeded, in real browsers through the gateway and by the
//! public agent (`tests/js/apps`, `tests/js/identity`). What their modules do without a subnet is tried by `make unit`.
//!
//! Screenshots of all pages, in both sizes and themes, are kept in `tests/screenshots`.

#[path = "../network/mod.rs"]
mod network;

use network::{APPS_DEADLINE, Network, canisters, within};
use std::path::Path;
use std::process::Command;

/// The replica that `clips.test.mjs` kills half-way.
const CLIPS_VICTIM: usize = 3;
/// The replica that `guild.test.mjs` kills half-way.
const GUILD_VICTIM: usize = 2;

/// Waits until the scripts that fill the apps have ended well.
fn await_seeds(network: &Network) {
    within(APPS_DEADLINE, "Clips and Guild are filled", || {
        let text = std::fs::read(network.dir.join("seeded.json")).ok()?;
        let filled: Vec<String> = serde_json::from_slice(&text).ok()?;
        ["clips", "guild"].iter().all(|app| filled.iter().any(|it| it == app)).then_some(())
    });
}

/// Runs a file of tests in a folder of `tests/js`; whether all is well.
fn told_by_node(network: &Network, folder: &str, file: &str) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = root.join("tests/js").join(folder);
    assert!(home.join("node_modules").exists(), "run `make setup-test`");
    eprintln!("--- {folder}/{file}");
    let node = Command::new("node")
        .args(["--test", "--test-reporter=spec", file])
        .current_dir(home)
        .env("ATOLL_STATUS", network.dir.join("status.json"))
        .env("ATOLL_CANISTERS", canisters())
        .env("ATOLL_SCREENSHOTS", root.join("tests/screenshots"))
        .status();
    node.expect("node starts").success()
}

/// Starts a replica again that a test has killed, and waits until it is as far as the others were.
fn revive(network: &mut Network, index: usize) {
    if network.health(index).is_some() {
        return;
    }
    let height = network.certified_height(0).expect("the first replica lives");
    network.revive(index);
    network.await_height(index, height);
}

#[test]
fn visitors_find_the_apps_good_whatever_happens_to_a_replica_an_upload_or_a_canister() {
    let mut network = Network::with(&["--nodes", "4", "--apps"]);
    await_seeds(&network);
    let mut failed = Vec::new();
    for (folder, file, victim) in [
        ("apps", "clips.test.mjs", Some(CLIPS_VICTIM)),
        ("apps", "guild.test.mjs", Some(GUILD_VICTIM)),
        ("apps", "passkeys.test.mjs", None),
        ("identity", "browser.test.mjs", None),
        ("identity", "identity.test.mjs", None),
        ("apps", "upload.test.mjs", None),
        ("apps", "upgrade.test.mjs", None),
    ] {
        // All are tried: what fails in one says little of the next.
        if !told_by_node(&network, folder, file) {
            failed.push(file);
        }
        if let Some(victim) = victim {
            revive(&mut network, victim);
        }
    }
    assert!(failed.is_empty(), "{failed:?} failed");
}
