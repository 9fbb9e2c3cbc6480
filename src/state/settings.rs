//! What controllers may set about a canister (interface spec, "IC method create_canister").

use crate::types::{Cycles, Principal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who may see logs, snapshots or the status besides the controllers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Visibility {
    #[default]
    Controllers,
    Public,
    AllowedViewers(Vec<Principal>),
}

impl Visibility {
    /// Whether `viewer`, who is no controller, may see it.
    pub fn allows(&self, viewer: &Principal) -> bool {
        match self {
            Visibility::Controllers => false,
            Visibility::Public => true,
            Visibility::AllowedViewers(viewers) => viewers.contains(viewer),
        }
    }
}

/// A canister's settings, every one definite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Ascending.
    pub controllers: Vec<Principal>,
    /// Percent of a core.
    pub compute_allocation: u64,
    /// Bytes.
    pub memory_allocation: u64,
    /// Seconds.
    pub freezing_threshold: u64,
    pub reserved_cycles_limit: Cycles,
    pub minimum_incoming_canister_call_cycles: Cycles,
    pub log_visibility: Visibility,
    /// Bytes.
    pub log_memory_limit: u64,
    pub snapshot_visibility: Visibility,
    pub status_visibility: Visibility,
    /// Bytes; 0 is no limit.
    pub wasm_memory_limit: u64,
    /// Bytes.
    pub wasm_memory_threshold: u64,
    pub environment_variables: BTreeMap<String, String>,
}

impl Settings {
    /// The spec's defaults, with these controllers.
    pub fn with_controllers(mut controllers: Vec<Principal>) -> Settings {
        controllers.sort_unstable();
        controllers.dedup();
        Settings {
            controllers,
            compute_allocation: 0,
            memory_allocation: 0,
            freezing_threshold: 2_592_000,
            reserved_cycles_limit: Cycles(5_000_000_000_000),
            minimum_incoming_canister_call_cycles: Cycles::ZERO,
            log_visibility: Visibility::default(),
            log_memory_limit: 4_096,
            snapshot_visibility: Visibility::default(),
            status_visibility: Visibility::default(),
            wasm_memory_limit: 0,
            wasm_memory_threshold: 0,
            environment_variables: BTreeMap::new(),
        }
    }
}
