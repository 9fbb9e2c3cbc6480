//! Refusals in the words of each interface.

use crate::ledger::Refusal;
use crate::types::{ApproveError, Icrc1TransferError, Tokens, TransferError, TransferFromError};
use candid::Nat;
use icrc::MAX_MEMO_LENGTH;
use std::fmt;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadFee { expected } => write!(f, "the fee is {expected}"),
            Self::BadBurn { least } => write!(f, "burns lower than {least} are not allowed"),
            Self::InsufficientFunds { balance } => write!(f, "the account has {balance}"),
            Self::InsufficientAllowance { allowance } => write!(f, "the allowance is {allowance}"),
            Self::Expired { now } => write!(f, "the approval ends before {now}"),
            Self::AllowanceChanged { current } => write!(f, "the allowance is {current}"),
            Self::TooOld { window } => write!(f, "the transaction is older than {window} ns"),
            Self::CreatedInFuture { now } => write!(f, "the transaction was made after {now}"),
            Self::Duplicate { of } => write!(f, "the transaction was done in block {of}"),
            Self::Throttled => f.write_str("too many transactions in the deduplication window: try later"),
            Self::MemoTooLong => write!(f, "the memo field is too large: at most {MAX_MEMO_LENGTH} bytes"),
            Self::MintToMinter => f.write_str("it is illegal to mint to the minting account"),
            Self::MinterDelegates => f.write_str("the minting account cannot delegate mints"),
            Self::SelfApproval => f.write_str("self approval is not allowed"),
            Self::Anonymous => f.write_str("the anonymous principal cannot approve token transfers"),
            Self::NoAllowances => f.write_str("ICRC-2 features are not enabled on the ledger"),
        }
    }
}

/// Numbers of `GenericError`: ours, and stable.
fn error_code(refusal: &Refusal) -> Nat {
    Nat::from(match refusal {
        Refusal::MemoTooLong => 1_u32,
        Refusal::MintToMinter => 2,
        Refusal::MinterDelegates => 3,
        Refusal::SelfApproval => 4,
        Refusal::Anonymous => 5,
        Refusal::NoAllowances => 6,
        _ => 0,
    })
}

impl From<Refusal> for Icrc1TransferError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BadFee { expected } => Self::BadFee { expected_fee: expected.into() },
            Refusal::BadBurn { least } => Self::BadBurn { min_burn_amount: least.into() },
            Refusal::InsufficientFunds { balance } => Self::InsufficientFunds { balance: balance.into() },
            Refusal::TooOld { .. } => Self::TooOld,
            Refusal::CreatedInFuture { now } => Self::CreatedInFuture { ledger_time: now },
            Refusal::Duplicate { of } => Self::Duplicate { duplicate_of: of.into() },
            Refusal::Throttled => Self::TemporarilyUnavailable,
            other => Self::GenericError { error_code: error_code(&other), message: other.to_string() },
        }
    }
}

impl From<Refusal> for ApproveError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BadFee { expected } => Self::BadFee { expected_fee: expected.into() },
            Refusal::InsufficientFunds { balance } => Self::InsufficientFunds { balance: balance.into() },
            Refusal::AllowanceChanged { current } => {
                Self::AllowanceChanged { current_allowance: current.into() }
            }
            Refusal::Expired { now } => Self::Expired { ledger_time: now },
            Refusal::TooOld { .. } => Self::TooOld,
            Refusal::CreatedInFuture { now } => Self::CreatedInFuture { ledger_time: now },
            Refusal::Duplicate { of } => Self::Duplicate { duplicate_of: of.into() },
            Refusal::Throttled => Self::TemporarilyUnavailable,
            other => Self::GenericError { error_code: error_code(&other), message: other.to_string() },
        }
    }
}

impl From<Refusal> for TransferFromError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BadFee { expected } => Self::BadFee { expected_fee: expected.into() },
            Refusal::BadBurn { least } => Self::BadBurn { min_burn_amount: least.into() },
            Refusal::InsufficientFunds { balance } => Self::InsufficientFunds { balance: balance.into() },
            Refusal::InsufficientAllowance { allowance } => {
                Self::InsufficientAllowance { allowance: allowance.into() }
            }
            Refusal::TooOld { .. } => Self::TooOld,
            Refusal::CreatedInFuture { now } => Self::CreatedInFuture { ledger_time: now },
            Refusal::Duplicate { of } => Self::Duplicate { duplicate_of: of.into() },
            Refusal::Throttled => Self::TemporarilyUnavailable,
            other => Self::GenericError { error_code: error_code(&other), message: other.to_string() },
        }
    }
}

/// The ICP interface has fewer errors: what it cannot say in a variant is a rejection with these words.
impl TryFrom<Refusal> for TransferError {
    type Error = String;

    fn try_from(refusal: Refusal) -> Result<Self, String> {
        let tokens = |e8s| Tokens { e8s };
        Ok(match refusal {
            Refusal::BadFee { expected } => Self::BadFee { expected_fee: tokens(expected) },
            Refusal::InsufficientFunds { balance } => Self::InsufficientFunds { balance: tokens(balance) },
            Refusal::TooOld { window } => Self::TxTooOld { allowed_window_nanos: window },
            Refusal::CreatedInFuture { .. } => Self::TxCreatedInFuture,
            Refusal::Duplicate { of } => Self::TxDuplicate { duplicate_of: of },
            other => return Err(other.to_string()),
        })
    }
}
