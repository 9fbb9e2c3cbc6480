//! Candid types of the public interface; statements are stored as their Candid.

use candid::{CandidType, Nat, Principal};
use cycles_interface::Account;
pub use interfaces::rewards::{Error, SetParameters};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Parameters {
    pub ledger: Principal,
    pub minting: Principal,
    pub registry: Principal,
    pub governance: Principal,
    pub subnet_id: Principal,
    pub period_seconds: u64,
    /// Of the value of the cycles that were consumed.
    pub share_permille: u32,
}

/// Installation and upgrade. What is absent is what it usually is, and stays at an upgrade.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct InitArgs {
    pub ledger: Option<Principal>,
    pub minting: Option<Principal>,
    pub registry: Option<Principal>,
    pub governance: Option<Principal>,
    pub subnet_id: Option<Principal>,
    pub period_seconds: Option<u64>,
    pub share_permille: Option<u32>,
}

/// The end of an epoch.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    pub timestamp_nanos: u64,
    pub height: u64,
    pub cycles_consumed_total: Nat,
}

/// What a node did in the period, and for whom.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeWork {
    pub node_id: Principal,
    pub proposed: u64,
    pub failures: u64,
    pub votes: u64,
    /// Blocks of the epochs in which it was a member.
    pub blocks: u64,
    pub instructions: u64,
    pub operator: Option<Principal>,
    pub account: Option<Account>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Inputs {
    pub from: Moment,
    pub to: Moment,
    pub xdr_permyriad_per_icp: u64,
    pub share_permille: u32,
    pub nodes: Vec<NodeWork>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeReward {
    pub node_id: Principal,
    pub work: u64,
    pub full_e8s: u64,
    pub factor_ppm: u32,
    pub e8s: u64,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct OperatorReward {
    pub operator: Principal,
    pub account: Account,
    pub e8s: u64,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    pub index: u64,
    pub parent_hash: Option<ByteBuf>,
    pub inputs: Inputs,
    pub cycles_consumed: Nat,
    pub pot_e8s: u64,
    pub nodes: Vec<NodeReward>,
    pub operators: Vec<OperatorReward>,
    pub total_e8s: u64,
}

/// How far a payment is.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Payment {
    /// Not yet; with what the ledger said last.
    Pending(Option<String>),
    /// The order is out.
    Sent {
        created_at_time: u64,
    },
    Paid {
        block_index: Nat,
    },
    /// An answer was lost, and the ledger does not remember any more.
    Unknown,
    /// The ledger refused it too often; with what it said last.
    Refused(String),
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct StatementView {
    pub statement: Statement,
    pub hash: ByteBuf,
    pub made_at_nanos: u64,
    pub payments: Vec<Payment>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Status {
    pub statements: u64,
    pub oldest: u64,
    pub from_nanos: u64,
    pub pending_payments: u64,
    pub minted_e8s: Nat,
    pub last_error: Option<String>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct TipCertificate {
    pub certificate: ByteBuf,
    pub hash_tree: ByteBuf,
}
