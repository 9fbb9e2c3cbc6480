//! What a payment in tokens is for, and the records of payments.

use crate::account::AccountIdentifier;
use crate::interface::{ErrorCode, NotifyError};
use candid::Principal;
use cycles_interface::CanisterSettings;
use icrc::{Account, MAX_MEMO_LENGTH, subaccount_of};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// "CREA".
pub const MEMO_CREATE_CANISTER: u64 = 0x4145_5243;
/// "TPUP".
pub const MEMO_TOP_UP: u64 = 0x5055_5054;
/// "MINT".
pub const MEMO_MINT_CYCLES: u64 = 0x544e_494d;

/// Memos that say what a payment is for. Other payments are given back.
pub const MEMOS: [u64; 3] = [MEMO_CREATE_CANISTER, MEMO_TOP_UP, MEMO_MINT_CYCLES];

/// Most bytes of a new canister's settings.
pub const MAX_SETTINGS_LENGTH: usize = 16 * 1024;

/// Most letters that are kept of why something failed.
const MAX_REASON_LENGTH: usize = 300;

/// What the notifier says that a payment is for; the block must agree.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    TopUp { canister: Principal },
    Create { controller: Principal, settings: Option<CanisterSettings> },
    Mint { to: Account, memo: Option<ByteBuf> },
}

/// The part of a claim that a block shows: its memo, and for whom it is.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cause {
    pub memo: u64,
    pub beneficiary: Principal,
}

impl Claim {
    /// The controller decides about the canister, and is therefore the only one to notify.
    pub fn creation(
        caller: Principal,
        controller: Principal,
        settings: Option<CanisterSettings>,
    ) -> Result<Self, NotifyError> {
        if caller != controller {
            return Err(ErrorCode::Unauthorized.error("only the controller can notify of its payment"));
        }
        match candid::encode_one(&settings) {
            Ok(bytes) if bytes.len() <= MAX_SETTINGS_LENGTH => Ok(Self::Create { controller, settings }),
            _ => Err(ErrorCode::SettingsTooLarge.error(format!("more than {MAX_SETTINGS_LENGTH} bytes"))),
        }
    }

    /// A deposit goes to its notifier's own account.
    pub fn minting(to: Account, memo: Option<ByteBuf>) -> Result<Self, NotifyError> {
        match &memo {
            Some(bytes) if bytes.len() > MAX_MEMO_LENGTH => {
                Err(ErrorCode::DepositMemoTooLong.error(format!("more than {MAX_MEMO_LENGTH} bytes")))
            }
            _ => Ok(Self::Mint { to, memo }),
        }
    }

    pub fn cause(&self) -> Cause {
        let (memo, beneficiary) = match self {
            Self::TopUp { canister } => (MEMO_TOP_UP, *canister),
            Self::Create { controller, .. } => (MEMO_CREATE_CANISTER, *controller),
            Self::Mint { to, .. } => (MEMO_MINT_CYCLES, to.owner),
        };
        Cause { memo, beneficiary }
    }

    /// The subaccount to which such payments are made.
    pub fn subaccount(&self) -> [u8; 32] {
        subaccount_of(self.cause().beneficiary)
    }
}

/// A transfer on the token ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    pub from: AccountIdentifier,
    pub to: AccountIdentifier,
    pub e8s: u64,
    pub memo: u64,
    pub icrc1_memo: Option<ByteBuf>,
}

impl Payment {
    /// The memo; where there is none, eight bytes of ICRC-1 memo are one.
    pub fn effective_memo(&self) -> u64 {
        let icrc1 = self.icrc1_memo.as_ref().and_then(|memo| <[u8; 8]>::try_from(&memo[..]).ok());
        match (self.memo, icrc1) {
            (0, Some(bytes)) => u64::from_le_bytes(bytes),
            (memo, _) => memo,
        }
    }
}

/// What a payment bought.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Bought {
    Cycles {
        cycles: u128,
    },
    Canister {
        canister_id: Principal,
    },
    Deposit {
        block_index: u128,
        minted: u128,
        balance: u128,
    },
    /// The cycles were taken, but the answer could not be read.
    Unconfirmed {
        cycles: u128,
        reason: String,
    },
}

/// How a payment ended. Kept, so that who asks again hears the same.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Closed {
    pub cause: Cause,
    pub answer: Result<Bought, NotifyError>,
}

/// A payment that has not ended.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Open {
    pub claim: Claim,
    pub stage: Stage,
}

/// How far a payment is.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The block is being read. Nothing has happened.
    Reading,
    /// Cycles were minted and are on their way. If this is found without a worker, a callback trapped:
    /// whether they arrived is unknown, and they are not minted again.
    Paying { payer: AccountIdentifier, e8s: u64, cycles: u128, minute: u64 },
    /// It is decided how the payment ends; the tokens have to be burnt or given back.
    Settling(Settlement),
}

/// Tokens that must move once.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Settlement {
    pub payer: AccountIdentifier,
    pub e8s: u64,
    /// What was bought, for which tokens are burnt; or why they are given back.
    pub verdict: Result<Bought, String>,
    /// What the ledger takes for the order.
    pub fee: u64,
    /// When the order was given. The ledger does an order of the same time once.
    pub created_at_time: u64,
    /// The order went out and its answer was not heard.
    pub unanswered: bool,
    /// It is the repetition of one that was not answered.
    pub repeated: bool,
    /// How often the ledger named another fee in a row.
    pub bad_fees: u8,
}

/// How often in a row the ledger may name another fee before the tokens are left for later.
const MAX_BAD_FEES: u8 = 3;

/// The beginning of a reason, so that records are small.
pub fn shortened(reason: String) -> String {
    reason.chars().take(MAX_REASON_LENGTH).collect()
}

impl Settlement {
    pub fn new(payer: AccountIdentifier, e8s: u64, verdict: Result<Bought, String>, now: u64) -> Self {
        Self {
            payer,
            e8s,
            verdict: verdict.map_err(shortened),
            fee: 0,
            created_at_time: now,
            unanswered: false,
            repeated: false,
            bad_fees: 0,
        }
    }

    /// Whether the order may go out again with another fee: never one that may have been done.
    pub fn may_change_fee(&self) -> bool {
        self.verdict.is_err() && !self.repeated && self.bad_fees < MAX_BAD_FEES
    }
}
