//! Methods that only this network has: what governance decides, and what canisters read of the subnet.

use super::*;

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct FreezeCanisterArgs {
    pub canister_id: Principal,
    pub reason: String,
}

/// `opt` of it is the result of `atoll_frozen`.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Frozen {
    pub reason: String,
    pub since_nanos: u64,
}

/// Cycles on a subnet of 13 nodes.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Prices {
    pub ingress: Nat,
    pub ingress_byte: Nat,
    pub call: Nat,
    pub call_byte: Nat,
    pub message: Nat,
    pub instruction: Nat,
    pub gib_second: Nat,
    pub compute_percent_second: Nat,
    pub creation: Nat,
    pub http: Nat,
    pub http_node: Nat,
    pub http_request_byte: Nat,
    pub http_response_byte: Nat,
}

/// A member of the subnet.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Node {
    pub name: String,
    pub node_id: Principal,
    #[serde(with = "serde_bytes")]
    pub identity_key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub tls_key: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub encryption_key: Vec<u8>,
    pub address: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Membership {
    pub version: u64,
    pub epoch: u64,
    /// Whether members deal their keys out already, so that nothing changes before the next epoch.
    pub dealing: bool,
    /// How many may come, and how many may leave, in one epoch.
    pub changes_max: u64,
    pub members: Vec<Node>,
    /// The members of the next epoch.
    pub next: Vec<Node>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeMetricsHistoryArgs {
    pub subnet_id: Principal,
    pub start_at_timestamp_nanos: u64,
}

/// Totals of one node; the last two fields are this network's.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeMetrics {
    pub node_id: Principal,
    pub num_blocks_proposed_total: u64,
    pub num_block_failures_total: u64,
    pub num_votes_total: u64,
    pub num_instructions_total: u64,
}

/// Totals at one time; the last four fields are this network's.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeMetricsHistoryEntry {
    pub timestamp_nanos: u64,
    pub node_metrics: Vec<NodeMetrics>,
    pub height: u64,
    pub cycles_consumed_total: Nat,
    pub instructions_total: u64,
    /// Those that acknowledge votes.
    pub blocks_total: u64,
}
