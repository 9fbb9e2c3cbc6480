//! Candid types of the public interface.

use candid::{CandidType, Nat, Principal};
use cycles_interface::{CanisterSettings, SubnetSelection};
use icrc::Subaccount;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// Where rates came from at the public canister. Here they are voted on; it is accepted and not used.
#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum ExchangeRateCanister {
    Set(Principal),
    Unset,
}

/// Installation and upgrade. What is absent at installation has its usual id; at an upgrade it stays.
#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct CyclesCanisterInitPayload {
    pub ledger_canister_id: Option<Principal>,
    pub governance_canister_id: Option<Principal>,
    /// 64 hexadecimal digits; the default account of the governance canister if absent.
    pub minting_account_id: Option<String>,
    pub last_purged_notification: Option<u64>,
    pub exchange_rate_canister: Option<ExchangeRateCanister>,
    pub cycles_ledger_canister_id: Option<Principal>,
    /// The only subnet; the one that this canister is on, if absent.
    pub subnet_id: Option<Principal>,
    /// The first conversion rate.
    pub icp_xdr_permyriad: Option<u64>,
    /// How the network accounts for cycles.
    pub accounting: Option<Accounting>,
}

/// How a network accounts for cycles. There are tokens in a market only.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Accounting {
    #[default]
    Market,
    Quota,
    Free,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct NotifyTopUpArg {
    pub block_index: u64,
    pub canister_id: Principal,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct NotifyCreateCanisterArg {
    pub block_index: u64,
    pub controller: Principal,
    pub subnet_type: Option<String>,
    pub subnet_selection: Option<SubnetSelection>,
    pub settings: Option<CanisterSettings>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct NotifyMintCyclesArg {
    pub block_index: u64,
    pub to_subaccount: Option<Subaccount>,
    pub deposit_memo: Option<ByteBuf>,
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NotifyMintCyclesSuccess {
    pub block_index: Nat,
    pub minted: Nat,
    pub balance: Nat,
}

/// Why a notified payment bought nothing.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum NotifyError {
    Refunded { reason: String, block_index: Option<u64> },
    Processing,
    TransactionTooOld(u64),
    InvalidTransaction(String),
    Other { error_code: u64, error_message: String },
}

/// Numbers of `NotifyError::Other`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorCode {
    Internal = 1,
    FailedToFetchBlock = 2,
    RefundFailed = 3,
    BadSubnetSelection = 4,
    Unauthorized = 5,
    DepositMemoTooLong = 6,
    /// Try again later: too many payments at once, or too many cycles in one hour.
    Busy = 7,
    NoConversionRate = 8,
    SettingsTooLarge = 9,
    /// The network's accounting mode has no tokens.
    NoTokens = 10,
}

impl ErrorCode {
    pub fn error(self, message: impl Into<String>) -> NotifyError {
        NotifyError::Other { error_code: self as u64, error_message: message.into() }
    }
}

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct IcpXdrConversionRate {
    pub timestamp_seconds: u64,
    pub xdr_permyriad_per_icp: u64,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct IcpXdrConversionRateResponse {
    pub data: IcpXdrConversionRate,
    pub hash_tree: ByteBuf,
    pub certificate: ByteBuf,
}

#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct SubnetTypesToSubnetsResponse {
    pub data: Vec<(String, Vec<Principal>)>,
}

#[derive(CandidType, Deserialize, Clone, Debug, Default)]
pub struct PrincipalsAuthorizedToCreateCanistersToSubnetsResponse {
    pub data: Vec<(Principal, Vec<Principal>)>,
}
