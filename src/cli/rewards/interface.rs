//! The rewards canister's interface, as far as the command line uses it (`canisters/rewards/rewards.did`).

use crate::cli::governance::interface::{digits, in_hex};
use crate::cli::wallet::icrc::IcrcAccount;
use crate::types::Principal;
use candid::{CandidType, Deserialize};
use serde::{Serialize, Serializer};
use serde_bytes::ByteBuf;

fn hash_in_hex<S: Serializer>(hash: &Option<ByteBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    hash.as_ref().map(hex::encode).serialize(serializer)
}

/// The end of an epoch.
#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    pub timestamp_nanos: u64,
    pub height: u64,
    #[serde(serialize_with = "digits")]
    pub cycles_consumed_total: u128,
}

/// What a node did in the period, and for whom.
#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeWork {
    pub node_id: Principal,
    pub proposed: u64,
    pub failures: u64,
    pub votes: u64,
    pub blocks: u64,
    pub instructions: u64,
    pub operator: Option<Principal>,
    pub account: Option<IcrcAccount>,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Inputs {
    pub from: Moment,
    pub to: Moment,
    pub xdr_permyriad_per_icp: u64,
    pub share_permille: u32,
    pub nodes: Vec<NodeWork>,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeReward {
    pub node_id: Principal,
    pub work: u64,
    #[serde(serialize_with = "digits")]
    pub full_e8s: u64,
    pub factor_ppm: u32,
    #[serde(serialize_with = "digits")]
    pub e8s: u64,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct OperatorReward {
    pub operator: Principal,
    pub account: IcrcAccount,
    #[serde(serialize_with = "digits")]
    pub e8s: u64,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    pub index: u64,
    #[serde(serialize_with = "hash_in_hex")]
    pub parent_hash: Option<ByteBuf>,
    pub inputs: Inputs,
    #[serde(serialize_with = "digits")]
    pub cycles_consumed: u128,
    #[serde(serialize_with = "digits")]
    pub pot_e8s: u64,
    pub nodes: Vec<NodeReward>,
    pub operators: Vec<OperatorReward>,
    #[serde(serialize_with = "digits")]
    pub total_e8s: u64,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub enum Payment {
    Pending(Option<String>),
    Sent {
        created_at_time: u64,
    },
    Paid {
        #[serde(serialize_with = "digits")]
        block_index: u128,
    },
    Unknown,
    Refused(String),
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct StatementView {
    pub statement: Statement,
    #[serde(serialize_with = "in_hex")]
    pub hash: ByteBuf,
    pub made_at_nanos: u64,
    pub payments: Vec<Payment>,
}

#[derive(CandidType, Deserialize, Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Status {
    pub statements: u64,
    pub oldest: u64,
    pub from_nanos: u64,
    pub pending_payments: u64,
    #[serde(serialize_with = "digits")]
    pub minted_e8s: u128,
    pub last_error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::governance::interface::agreement::Agreement;

    #[test]
    fn what_is_asked_of_rewards_is_what_it_answers() {
        let rewards = Agreement::of("rewards/rewards.did");
        rewards.check::<(), Status>("get_status");
        rewards.check::<u64, Option<StatementView>>("get_statement");
        rewards.check::<u64, Option<ByteBuf>>("get_encoded_statement");
    }
}
