//! The economy of `canisters/economy.toml`, for a network of a test.

use std::fs;
use std::path::{Path, PathBuf};

pub const LEDGER: &str = "ryjl3-tyaaa-aaaaa-aaaba-cai";
pub const MINTING: &str = "rkp4c-7iaaa-aaaaa-aaaca-cai";
pub const CYCLES: &str = "um5iw-rqaaa-aaaaq-qaaba-cai";
pub const REGISTRY: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
pub const GOVERNANCE: &str = "rrkah-fqaaa-aaaaa-aaaaq-cai";
pub const REWARDS: &str = "wxns6-qiaaa-aaaaa-aaaqa-cai";

/// The plan in the repository.
pub fn plan() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("canisters/economy.toml")
}

/// The same with other words in it, in a file of its own in `folder`.
pub fn plan_with(folder: &Path, changes: &[(&str, &str)]) -> PathBuf {
    let mut text = fs::read_to_string(plan()).expect("the plan");
    for (from, to) in changes {
        assert!(text.contains(from), "the plan does not say {from}");
        text = text.replace(from, to);
    }
    let modules = format!("\"{}/", super::canisters().display());
    let path = folder.join("economy.toml");
    fs::write(&path, text.replace("\"dist/", &modules)).expect("it is written");
    path
}

/// Flags of `atoll testnet up` for it.
pub fn flags(plan: &Path) -> Vec<String> {
    let plan = plan.to_str().expect("a path in UTF-8");
    ["--genesis-canisters", plan].map(str::to_string).to_vec()
}
