//! The registry. Its records are also what it stores, and what governance stores of proposals.

use candid::{CandidType, Principal};
use icrc::Account;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::fmt;

/// Where nodes stand.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct DataCenter {
    pub id: String,
    pub region: String,
    pub owner: String,
}

/// Who runs nodes.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Operator {
    pub operator: Principal,
    pub name: String,
    pub data_center: String,
    /// Where rewards go; without it there are none.
    pub reward_account: Option<Account>,
}

/// What the chain knows of a node.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeCard {
    pub name: String,
    pub identity_key: ByteBuf,
    pub tls_key: ByteBuf,
    /// The one with which it came: a member's passes on from epoch to epoch on the chain.
    pub encryption_key: ByteBuf,
    pub address: String,
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeStatus {
    Joining,
    Member,
    Leaving,
    Gone,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Node {
    pub node_id: Principal,
    pub card: NodeCard,
    pub operator: Option<Principal>,
    pub status: NodeStatus,
}

/// A release of the replica.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ReplicaVersion {
    pub version: String,
    pub sha256: ByteBuf,
    pub urls: Vec<String>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Subnet {
    pub replica_version: Option<ReplicaVersion>,
    pub membership_version: u64,
    pub members: Vec<Principal>,
    pub next: Vec<Principal>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum OrderStatus {
    Queued,
    Open { version: u64, since_epoch: u64 },
    Done,
    GivenUp(String),
}

/// A change of the membership that is asked of the chain.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Order {
    pub id: u64,
    pub proposal: Option<u64>,
    pub remove: Option<Principal>,
    pub add: Option<NodeCard>,
    pub status: OrderStatus,
}

/// Everything that has a key.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Record {
    DataCenter(DataCenter),
    Operator(Operator),
    Node(Node),
    Subnet(Subnet),
    Order(Order),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Delta {
    pub key: String,
    /// None: forgotten.
    pub value: Option<Record>,
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub version: u64,
    pub timestamp_nanos: u64,
    /// The registry itself where it followed the chain.
    pub caller: Principal,
    pub proposal: Option<u64>,
    pub what: String,
    pub deltas: Vec<Delta>,
}

/// Why nothing was done.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Error {
    Unauthorized(String),
    NotFound(String),
    AlreadyExists(String),
    Invalid(String),
    TooMany(String),
    NotNow(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, reason) = match self {
            Self::Unauthorized(reason) => ("unauthorized", reason),
            Self::NotFound(reason) => ("not found", reason),
            Self::AlreadyExists(reason) => ("already exists", reason),
            Self::Invalid(reason) => ("invalid", reason),
            Self::TooMany(reason) => ("too many", reason),
            Self::NotNow(reason) => ("not now", reason),
        };
        write!(f, "{kind}: {reason}")
    }
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct AddDataCenter {
    pub data_center: DataCenter,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct AddOperator {
    pub operator: Operator,
    pub proposal: Option<u64>,
}

/// What is absent stays.
#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct UpdateOperator {
    pub operator: Principal,
    pub name: Option<String>,
    pub data_center: Option<String>,
    pub reward_account: Option<Account>,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct AddNode {
    pub node: NodeCard,
    pub operator: Principal,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct RemoveNode {
    pub node_id: Principal,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct ReplaceNode {
    pub leaving: Principal,
    pub node: NodeCard,
    /// The leaving node's, if absent.
    pub operator: Option<Principal>,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct AssignNode {
    pub node_id: Principal,
    pub operator: Option<Principal>,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct SetReplicaVersion {
    pub replica_version: ReplicaVersion,
    pub proposal: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct UpgradeGovernance {
    pub wasm_module: ByteBuf,
    pub arg: ByteBuf,
    pub sha256: ByteBuf,
    pub proposal: Option<u64>,
}

/// How far an upgrade of the governance canister is.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum UpgradeStatus {
    Stopping,
    Installing,
    /// With why it was not upgraded.
    Starting(Option<String>),
    Done,
    Failed(String),
}

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct GovernanceUpgrade {
    pub proposal: Option<u64>,
    pub sha256: ByteBuf,
    pub asked_nanos: u64,
    pub status: UpgradeStatus,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct SubnetView {
    pub subnet_id: Principal,
    pub governance: Principal,
    pub subnet: Subnet,
    pub read_nanos: u64,
    pub epoch: u64,
    pub dealing: bool,
    pub changes_max: u64,
    pub orders: Vec<Order>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ChangesPage {
    pub changes: Vec<Change>,
    pub oldest: u64,
    pub newest: u64,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CertifiedRecord {
    pub value: ByteBuf,
    pub certificate: ByteBuf,
    pub witness: ByteBuf,
}

/// What replicas carry to the chain.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CertifiedOrder {
    pub order: ByteBuf,
    pub certificate: ByteBuf,
    pub witness: ByteBuf,
}

/// An operator that there is from the start, and by their names the genesis nodes that it runs.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct InitialOperator {
    pub operator: Operator,
    pub nodes: Vec<String>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct InitArgs {
    pub governance: Option<Principal>,
    pub data_centers: Option<Vec<DataCenter>>,
    pub operators: Option<Vec<InitialOperator>>,
}
