//! Candid types of the public interface that methods take and give, beside those of the standards ([`icrc`]).

use crate::quota::{Members, Quota};
use candid::{CandidType, Nat, Principal};
use cycles_interface::{CanisterSettings, SubnetSelection};
use icrc::{Account, Subaccount};
use serde::Deserialize;
use serde_bytes::ByteBuf;

/// First installation. What is absent is as at the public cycles ledger.
#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct InitArgs {
    pub max_blocks_per_request: u64,
    pub index_id: Option<Principal>,
    /// Balances from the start; the canister receives these cycles from genesis.
    pub initial_balances: Option<Vec<(Account, Nat)>>,
    pub token_name: Option<String>,
    pub token_symbol: Option<String>,
    pub fee: Option<Nat>,
    /// Who creates canisters.
    pub minting_canister_id: Option<Principal>,
    /// Accounting mode `quota`.
    pub quota: Option<QuotaArgs>,
}

/// A quota as arguments and answers have it.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct QuotaArgs {
    pub cycles: Nat,
    pub period_seconds: u64,
    pub members: Members,
    pub governance: Option<Principal>,
}

impl From<&Quota> for QuotaArgs {
    fn from(quota: &Quota) -> Self {
        let Quota { cycles, period_seconds, members, governance } = *quota;
        Self { cycles: cycles.into(), period_seconds, members, governance }
    }
}

impl TryFrom<QuotaArgs> for Quota {
    type Error = &'static str;

    fn try_from(args: QuotaArgs) -> Result<Self, Self::Error> {
        let QuotaArgs { cycles, period_seconds, members, governance } = args;
        let cycles = u128::try_from(cycles.0).map_err(|_| "a quota has at most 128 bits")?;
        match period_seconds {
            0 => Err("a period has at least one second"),
            _ => Ok(Self { cycles, period_seconds, members, governance }),
        }
    }
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum ChangeIndexId {
    Unset,
    SetTo(Principal),
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum ChangeQuota {
    Unset,
    SetTo(QuotaArgs),
}

#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct UpgradeArgs {
    pub max_blocks_per_request: Option<u64>,
    pub change_index_id: Option<ChangeIndexId>,
    pub change_quota: Option<ChangeQuota>,
}

/// Argument of `quota_set_allowance`.
#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct SetAllowanceArgs {
    pub owner: Principal,
    /// The quota's again, if absent.
    pub cycles: Option<Nat>,
}

/// Argument of `quota_members`.
#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct ListMembersArgs {
    pub after: Option<Principal>,
    pub take: Option<u64>,
}

/// Answer of `quota_of`.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct QuotaAnswer {
    pub is_member: bool,
    pub allowance: Nat,
    /// Granted with the next payment.
    pub due: Nat,
    pub granted_at: Option<u64>,
}

/// One of the answers of `quota_members`.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct QuotaMember {
    pub owner: Principal,
    pub is_listed: bool,
    pub cycles: Option<Nat>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum LedgerArgs {
    Init(InitArgs),
    Upgrade(Option<UpgradeArgs>),
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct WithdrawArgs {
    pub amount: Nat,
    pub from_subaccount: Option<Subaccount>,
    pub to: Principal,
    pub created_at_time: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct WithdrawFromArgs {
    pub spender_subaccount: Option<Subaccount>,
    pub from: Account,
    pub to: Principal,
    pub amount: Nat,
    pub created_at_time: Option<u64>,
}

/// How a new canister shall be.
#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct CmcCreateCanisterArgs {
    pub settings: Option<CanisterSettings>,
    pub subnet_selection: Option<SubnetSelection>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct CreateCanisterArgs {
    pub from_subaccount: Option<Subaccount>,
    pub created_at_time: Option<u64>,
    pub amount: Nat,
    pub creation_args: Option<CmcCreateCanisterArgs>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct CreateCanisterFromArgs {
    pub from: Account,
    pub spender_subaccount: Option<Subaccount>,
    pub created_at_time: Option<u64>,
    pub amount: Nat,
    pub creation_args: Option<CmcCreateCanisterArgs>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct CreateCanisterSuccess {
    pub block_id: Nat,
    pub canister_id: Principal,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct GetAllowancesArgs {
    pub from_account: Option<Account>,
    pub prev_spender: Option<Account>,
    pub take: Option<Nat>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct AllowanceOfPair {
    pub from_account: Account,
    pub to_spender: Account,
    pub allowance: Nat,
    pub expires_at: Option<u64>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum GetAllowancesError {
    AccessDenied { reason: String },
    GenericError { error_code: Nat, message: String },
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct HttpRequest {
    pub url: String,
    pub method: String,
    pub body: ByteBuf,
    pub headers: Vec<(String, String)>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct HttpResponse {
    pub status_code: u16,
    pub headers: Vec<(String, String)>,
    pub body: ByteBuf,
}
