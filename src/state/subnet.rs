//! What the state knows of the subnet as a whole.

use crate::types::{Accounting, CanisterId, Cycles, Height, NodeId, Principal, Time};
use serde::{Deserialize, Serialize};

/// Number of the first canister that is made without a specified id. The same as on other development
/// networks, whose first canister is `bnz7o-iuaaa-aaaaa-qaaaa-cai`.
pub const FIRST_CANISTER: u64 = 0x8000_0000_0010_0000;

/// One node of the committee, as certificates show it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubnetNode {
    pub id: NodeId,
    /// DER-encoded Ed25519 key, 44 bytes.
    #[serde(with = "serde_bytes")]
    pub public_key: Vec<u8>,
}

/// Who the subnet is; of this, only the nodes change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SubnetRecord {
    pub id: Principal,
    /// DER-encoded BLS key, 133 bytes.
    #[serde(with = "serde_bytes")]
    pub root_key: Vec<u8>,
    pub nodes: Vec<SubnetNode>,
    /// Whether anyone may call the `provisional_*` methods.
    pub provisional: bool,
    /// The one canister that may make cycles out of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minting_canister: Option<CanisterId>,
    /// The one canister that may set prices and freeze canisters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governance_canister: Option<CanisterId>,
    /// The canister whose certified orders change the membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_canister: Option<CanisterId>,
    /// How cycles come to users, where genesis says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounting: Option<Accounting>,
    /// Subnet admins: may make canisters for nothing, and manage those of others in part.
    pub admins: Vec<Principal>,
    /// May see what subnet admins may see, and no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observers: Vec<Principal>,
}

impl SubnetRecord {
    /// Whether somebody may see all canisters, as subnet admins and observers may.
    pub fn is_seen_by(&self, principal: &Principal) -> bool {
        self.admins.contains(principal) || self.observers.contains(principal)
    }
}

/// Single values that change with the heights.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Counters {
    pub height: Height,
    pub time: Time,
    /// Number of the next canister made without a specified id.
    pub next_canister: u64,
    /// Who had the last turn: the next height begins after it.
    pub last_turn: Option<CanisterId>,
    /// Who had the last heartbeat: the next height begins after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heartbeat: Option<CanisterId>,
    /// Whose hook of low memory was looked at last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_hook: Option<CanisterId>,
    /// Cycles made from nothing, and gone to nothing, since genesis.
    pub minted: Cycles,
    pub burned: Cycles,
    /// Messages executed since genesis.
    pub messages: u64,
    /// Canister calls whose answer is awaited, over all canisters.
    pub calls_in_flight: u64,
    /// Bytes that canisters held when they were last measured for `/subnet/<id>/metrics`.
    pub canister_state_bytes: u64,
    /// Numbers of the waiting management calls.
    pub management_first: u64,
    pub management_end: u64,
    /// Number of the next volume.
    pub next_volume: u64,
    /// Canisters from here on have not been looked at since what time costs has changed (`execution::charge`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repriced: Option<CanisterId>,
}

impl Counters {
    pub(super) fn genesis() -> Counters {
        Counters {
            height: Height::ZERO,
            time: Time::ZERO,
            next_canister: FIRST_CANISTER,
            last_turn: None,
            last_heartbeat: None,
            last_hook: None,
            minted: Cycles::ZERO,
            burned: Cycles::ZERO,
            messages: 0,
            calls_in_flight: 0,
            canister_state_bytes: 0,
            management_first: 0,
            management_end: 0,
            next_volume: 0,
            repriced: None,
        }
    }
}
