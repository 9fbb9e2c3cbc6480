//! Clips, Guild and Identity as people meet them: on four real replicas, seeded, in real browsers through the gateway and by the
//! public agent (`tests/js/apps`, `tests/js/identity`). What their modules do without a subnet is tried by `make unit`.
//!
//! There are two sizes. In both, every scene is played.
//!
//! - CI's, which `make test` uses: each app's first minute in two of the four looks (both sizes, both themes), one replica
//!   killed, one cold visit unless it was slow, one upgrade of each canister, 20 MB uploaded, few clips.
//! - The full one, `ATOLL_FULL=1` or `make apps-full`: all four looks, a replica killed in each app's first minute, the median
//!   of three cold visits, three upgrades of each canister, 50 MB uploaded, all clips.
//!
//! Screenshots of all pages are kept in `tests/screenshots`; `make pictures` takes the README's from there.

#[path = "../network/mod.rs"]
mod network;

use network::{APPS_DEADLINE, Network, canisters, within};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// The replicas that `clips.test.mjs` and `guild.test.mjs` kill half-way.
const VICTIMS: [usize; 2] = [2, 3];
/// So many clips are enough for CI: the feed has a second page.
const FEW_FILMS: &str = "8";

/// Whether all is tried, and not only what CI has time for.
fn full() -> bool {
    std::env::var("ATOLL_FULL").is_ok_and(|wish| wish == "1")
}

fn start() -> Network {
    let films = [("CLIPS_FILMS", FEW_FILMS)];
    Network::with_environment(&["--nodes", "4", "--apps"], if full() { &[] } else { &films })
}

/// Waits until the scripts that fill the apps have ended well.
fn await_seeds(network: &Network) {
    within(APPS_DEADLINE, "Clips and Guild are filled", || {
        let said = std::fs::read_to_string(network.dir.join("testnet.log")).unwrap_or_default();
        let failed = ["stays empty", "is not filled"].iter().any(|word| said.contains(word));
        assert!(!failed, "a seed failed:\n{said}");
        let text = std::fs::read(network.dir.join("seeded.json")).ok()?;
        let filled: Vec<String> = serde_json::from_slice(&text).ok()?;
        ["clips", "guild"].iter().all(|app| filled.iter().any(|it| it == app)).then_some(())
    });
}

/// Runs files of tests in `tests/js`, two at once; whether all is well.
fn told_by_node(network: &Network, files: &[&str]) -> bool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let home = root.join("tests/js");
    for file in files {
        let folder = home.join(file).with_file_name("node_modules");
        assert!(folder.exists(), "{} is not there: run `make setup-test`", folder.display());
    }
    let begun = Instant::now();
    let node = Command::new("node")
        .args(["--test", "--test-concurrency=2", "--test-reporter=spec"])
        .args(files)
        .current_dir(home)
        .env("ATOLL_STATUS", network.dir.join("status.json"))
        .env("ATOLL_CANISTERS", canisters())
        .env("ATOLL_SCREENSHOTS", root.join("tests/screenshots"))
        .status();
    let passed = node.expect("node starts").success();
    eprintln!("--- {} took {:?}", files.join(", "), begun.elapsed());
    passed
}

/// Starts a replica again if a test has killed it, and waits until it is as far as the others were.
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
    let mut network = start();
    await_seeds(&network);
    let mut failed = Vec::new();
    for files in [
        &["apps/clips.test.mjs"][..],
        &["apps/guild.test.mjs"],
        &["apps/passkeys.test.mjs"],
        &["identity/browser.test.mjs", "identity/identity.test.mjs"],
        &["apps/upload.test.mjs"],
        &["apps/upgrade.test.mjs"],
    ] {
        // All are tried: what fails in one says little of the next.
        if !told_by_node(&network, files) {
            failed.push(files.join(", "));
        }
        VICTIMS.iter().for_each(|index| revive(&mut network, *index));
    }
    assert!(failed.is_empty(), "{failed:?} failed");
}
