//! Each method's errors, and how the book's refusals become them.

use crate::refusal::Refusal;
use candid::{CandidType, Nat, Principal};
use icrc::token::{ApproveError, TransferError, TransferFromError};
use serde::Deserialize;

/// The `error_code` of a refusal that a method has no variant for.
const OTHER: u64 = 100_099;

/// Reject codes by name.
#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum RejectionCode {
    NoError,
    SysFatal,
    SysTransient,
    DestinationInvalid,
    CanisterReject,
    CanisterError,
    Unknown,
}

impl From<u32> for RejectionCode {
    fn from(code: u32) -> Self {
        match code {
            0 => Self::NoError,
            1 => Self::SysFatal,
            2 => Self::SysTransient,
            3 => Self::DestinationInvalid,
            4 => Self::CanisterReject,
            5 => Self::CanisterError,
            _ => Self::Unknown,
        }
    }
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum WithdrawError {
    FailedToWithdraw { fee_block: Option<Nat>, rejection_code: RejectionCode, rejection_reason: String },
    InvalidReceiver { receiver: Principal },
    BadFee { expected_fee: Nat },
    InsufficientFunds { balance: Nat },
    TooOld,
    CreatedInFuture { ledger_time: u64 },
    Duplicate { duplicate_of: Nat },
    TemporarilyUnavailable,
    GenericError { error_code: Nat, message: String },
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum WithdrawFromError {
    FailedToWithdrawFrom {
        withdraw_from_block: Option<Nat>,
        refund_block: Option<Nat>,
        approval_refund_block: Option<Nat>,
        rejection_code: RejectionCode,
        rejection_reason: String,
    },
    InvalidReceiver {
        receiver: Principal,
    },
    InsufficientFunds {
        balance: Nat,
    },
    InsufficientAllowance {
        allowance: Nat,
    },
    TooOld,
    CreatedInFuture {
        ledger_time: u64,
    },
    Duplicate {
        duplicate_of: Nat,
    },
    TemporarilyUnavailable,
    GenericError {
        error_code: Nat,
        message: String,
    },
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum CreateCanisterError {
    FailedToCreate { fee_block: Option<Nat>, refund_block: Option<Nat>, error: String },
    InsufficientFunds { balance: Nat },
    TooOld,
    CreatedInFuture { ledger_time: u64 },
    Duplicate { duplicate_of: Nat, canister_id: Option<Principal> },
    TemporarilyUnavailable,
    GenericError { error_code: Nat, message: String },
}

#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum CreateCanisterFromError {
    FailedToCreateFrom {
        create_from_block: Option<Nat>,
        refund_block: Option<Nat>,
        approval_refund_block: Option<Nat>,
        rejection_code: RejectionCode,
        rejection_reason: String,
    },
    InsufficientFunds {
        balance: Nat,
    },
    InsufficientAllowance {
        allowance: Nat,
    },
    TooOld,
    CreatedInFuture {
        ledger_time: u64,
    },
    Duplicate {
        duplicate_of: Nat,
        canister_id: Option<Principal>,
    },
    TemporarilyUnavailable,
    GenericError {
        error_code: Nat,
        message: String,
    },
}

/// The refusals that every method can give, and those that only some can.
macro_rules! from_refusal {
    ($error:ident: $($pattern:pat => $value:expr),* $(,)?) => {
        impl From<Refusal> for $error {
            fn from(refusal: Refusal) -> Self {
                match refusal {
                    Refusal::InsufficientFunds { balance } => Self::InsufficientFunds { balance: balance.into() },
                    Refusal::TooOld => Self::TooOld,
                    Refusal::CreatedInFuture { ledger_time } => Self::CreatedInFuture { ledger_time },
                    Refusal::TemporarilyUnavailable => Self::TemporarilyUnavailable,
                    Refusal::Generic(reason) => {
                        Self::GenericError { error_code: reason.code().into(), message: reason.to_string() }
                    }
                    $($pattern => $value,)*
                    other => Self::GenericError { error_code: OTHER.into(), message: format!("{other:?}") },
                }
            }
        }
    };
}

use Refusal as R;

from_refusal!(TransferError:
    R::BadFee { expected_fee } => Self::BadFee { expected_fee: expected_fee.into() },
    R::Duplicate { duplicate_of, .. } => Self::Duplicate { duplicate_of: duplicate_of.into() },
);

from_refusal!(TransferFromError:
    R::BadFee { expected_fee } => Self::BadFee { expected_fee: expected_fee.into() },
    R::Duplicate { duplicate_of, .. } => Self::Duplicate { duplicate_of: duplicate_of.into() },
    R::InsufficientAllowance { allowance } => Self::InsufficientAllowance { allowance: allowance.into() },
);

from_refusal!(ApproveError:
    R::BadFee { expected_fee } => Self::BadFee { expected_fee: expected_fee.into() },
    R::Duplicate { duplicate_of, .. } => Self::Duplicate { duplicate_of: duplicate_of.into() },
    R::AllowanceChanged { current_allowance } => {
        Self::AllowanceChanged { current_allowance: current_allowance.into() }
    },
    R::Expired { ledger_time } => Self::Expired { ledger_time },
);

from_refusal!(WithdrawError:
    R::Duplicate { duplicate_of, .. } => Self::Duplicate { duplicate_of: duplicate_of.into() },
);

from_refusal!(WithdrawFromError:
    R::Duplicate { duplicate_of, .. } => Self::Duplicate { duplicate_of: duplicate_of.into() },
    R::InsufficientAllowance { allowance } => Self::InsufficientAllowance { allowance: allowance.into() },
);

from_refusal!(CreateCanisterError:
    R::Duplicate { duplicate_of, canister_id } => {
        Self::Duplicate { duplicate_of: duplicate_of.into(), canister_id }
    },
);

from_refusal!(CreateCanisterFromError:
    R::Duplicate { duplicate_of, canister_id } => {
        Self::Duplicate { duplicate_of: duplicate_of.into(), canister_id }
    },
    R::InsufficientAllowance { allowance } => Self::InsufficientAllowance { allowance: allowance.into() },
);
