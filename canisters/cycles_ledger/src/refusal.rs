//! Why the book refuses, in one type; the interface turns it into each method's own error.

use candid::Principal;
use std::fmt;

/// Nothing was changed when one of these is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    BadFee { expected_fee: u128 },
    InsufficientFunds { balance: u128 },
    InsufficientAllowance { allowance: u128 },
    AllowanceChanged { current_allowance: u128 },
    Expired { ledger_time: u64 },
    TooOld,
    CreatedInFuture { ledger_time: u64 },
    Duplicate { duplicate_of: u64, canister_id: Option<Principal> },
    TemporarilyUnavailable,
    Generic(Reason),
}

/// What the public interfaces have no variant for; the number is the `error_code`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    AmountTooLarge = 100_000,
    MemoTooLong = 100_001,
    SelfApproval = 100_002,
    DepositTooSmall = 100_003,
    SupplyTooLarge = 100_004,
}

impl Reason {
    /// The `error_code`.
    pub fn code(self) -> u64 {
        self as u64
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AmountTooLarge => "an amount has at most 128 bits",
            Self::MemoTooLong => "a memo has at most 32 bytes",
            Self::SelfApproval => "nobody needs an approval for own accounts",
            Self::DepositTooSmall => "a deposit is at least the transfer fee",
            Self::SupplyTooLarge => "more cycles than can be counted",
        })
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::Generic(reason)
    }
}
