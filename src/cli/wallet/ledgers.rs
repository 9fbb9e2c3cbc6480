//! What the wallet asks the token ledger, the cycles ledger and the cycles minting canister.

use super::WalletError;
use super::account::{Account, identifier, subaccount_for};
use crate::agent::Client;
use crate::types::{CanisterId, Principal};
use candid::{CandidType, Deserialize, Nat};
use serde_bytes::ByteBuf;
use std::time::{Duration, SystemTime};

/// ryjl3-tyaaa-aaaaa-aaaba-cai
const TOKENS: CanisterId = CanisterId(2);
/// rkp4c-7iaaa-aaaaa-aaaca-cai
pub const MINTING: CanisterId = CanisterId(4);
/// um5iw-rqaaa-aaaaq-qaaba-cai
const CYCLES: CanisterId = CanisterId(0x0210_0002);

/// How often a notification that is under way is asked after, and the pause between.
const NOTIFICATIONS_MAX: usize = 10;
const NOTIFICATION_PAUSE: Duration = Duration::from_secs(1);

/// What tokens are paid to the minting canister for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Cycles on the cycles ledger for this principal.
    Mint(Principal),
    /// Cycles for this canister.
    TopUp(Principal),
}

impl Purpose {
    fn memo(self) -> u64 {
        match self {
            Purpose::Mint(_) => 0x544e_494d,
            Purpose::TopUp(_) => 0x5055_5054,
        }
    }

    fn principal(self) -> Principal {
        match self {
            Purpose::Mint(principal) | Purpose::TopUp(principal) => principal,
        }
    }
}

#[derive(CandidType, Deserialize, Clone, Copy, Debug)]
struct E8s {
    e8s: u64,
}

#[derive(CandidType)]
struct BalanceArgs {
    account: ByteBuf,
}

#[derive(CandidType)]
struct TimeStamp {
    timestamp_nanos: u64,
}

#[derive(CandidType)]
struct TransferArgs {
    memo: u64,
    amount: E8s,
    fee: E8s,
    from_subaccount: Option<ByteBuf>,
    to: ByteBuf,
    created_at_time: Option<TimeStamp>,
}

#[derive(CandidType)]
struct Nothing {}

#[derive(CandidType, Deserialize)]
struct TransferFee {
    transfer_fee: E8s,
}

#[derive(CandidType, Deserialize, Debug)]
enum TransferError {
    BadFee { expected_fee: E8s },
    InsufficientFunds { balance: E8s },
    TxTooOld { allowed_window_nanos: u64 },
    TxCreatedInFuture,
    TxDuplicate { duplicate_of: u64 },
}

#[derive(CandidType)]
struct IcrcAccount {
    owner: Principal,
    subaccount: Option<ByteBuf>,
}

#[derive(CandidType)]
struct IcrcTransferArgs {
    from_subaccount: Option<ByteBuf>,
    to: IcrcAccount,
    amount: Nat,
    fee: Option<Nat>,
    memo: Option<ByteBuf>,
    created_at_time: Option<u64>,
}

#[derive(CandidType, Deserialize, Debug)]
enum IcrcTransferError {
    BadFee { expected_fee: Nat },
    BadBurn { min_burn_amount: Nat },
    InsufficientFunds { balance: Nat },
    TooOld,
    CreatedInFuture { ledger_time: u64 },
    Duplicate { duplicate_of: Nat },
    TemporarilyUnavailable,
    GenericError { error_code: Nat, message: String },
}

#[derive(CandidType)]
struct WithdrawArgs {
    amount: Nat,
    from_subaccount: Option<ByteBuf>,
    to: Principal,
    created_at_time: Option<u64>,
}

#[derive(CandidType)]
struct MintArgs {
    block_index: u64,
    to_subaccount: Option<ByteBuf>,
    deposit_memo: Option<ByteBuf>,
}

#[derive(CandidType)]
struct TopUpArgs {
    block_index: u64,
    canister_id: Principal,
}

/// What a payment brought.
#[derive(CandidType, Deserialize, Debug)]
pub struct Minted {
    pub block_index: Nat,
    pub minted: Nat,
    pub balance: Nat,
}

#[derive(CandidType, Deserialize, Debug)]
enum NotifyError {
    Refunded { reason: String, block_index: Option<u64> },
    Processing,
    TransactionTooOld(u64),
    InvalidTransaction(String),
    Other { error_code: u64, error_message: String },
}

/// The three canisters, as one user sees them.
pub struct Ledgers<'a>(pub &'a Client);

impl Ledgers<'_> {
    /// e8s of an account.
    pub async fn tokens(&self, account: &Account) -> Result<u64, WalletError> {
        let args = BalanceArgs { account: ByteBuf::from(account.identifier()) };
        let balance: E8s = self.query(TOKENS, "account_balance", &args).await?;
        Ok(balance.e8s)
    }

    /// Cycles of a principal's account.
    pub async fn cycles(&self, owner: &Principal) -> Result<Nat, WalletError> {
        let account = IcrcAccount { owner: *owner, subaccount: None };
        self.query(CYCLES, "icrc1_balance_of", &account).await
    }

    /// Sends tokens; the index of the block. The time of the transfer makes that it is not done twice, however often it
    /// is sent.
    pub async fn send(&self, e8s: u64, to: [u8; 32], memo: u64) -> Result<u64, WalletError> {
        let fee: TransferFee = self.query(TOKENS, "transfer_fee", &Nothing {}).await?;
        let args = TransferArgs {
            memo,
            amount: E8s { e8s },
            fee: fee.transfer_fee,
            from_subaccount: None,
            to: ByteBuf::from(to),
            created_at_time: Some(TimeStamp { timestamp_nanos: now() }),
        };
        match self.update(TOKENS, "transfer", &args).await? {
            Ok(block) | Err(TransferError::TxDuplicate { duplicate_of: block }) => Ok(block),
            Err(refusal) => Err(WalletError::Refused(format!("{refusal:?}"))),
        }
    }

    /// Sends cycles to a principal's account; the index of the block.
    pub async fn send_cycles(&self, cycles: u128, to: &Principal) -> Result<Nat, WalletError> {
        let args = IcrcTransferArgs {
            from_subaccount: None,
            to: IcrcAccount { owner: *to, subaccount: None },
            amount: cycles.into(),
            fee: None,
            memo: None,
            created_at_time: Some(now()),
        };
        match self.update(CYCLES, "icrc1_transfer", &args).await? {
            Ok(block) | Err(IcrcTransferError::Duplicate { duplicate_of: block }) => Ok(block),
            Err(refusal) => Err(WalletError::Refused(format!("{refusal:?}"))),
        }
    }

    /// Sends cycles of the own account to a canister; the index of the block.
    pub async fn withdraw(&self, cycles: u128, to: Principal) -> Result<Nat, WalletError> {
        let (amount, created_at_time) = (cycles.into(), Some(now()));
        let args = WithdrawArgs { amount, from_subaccount: None, to, created_at_time };
        let answer: Result<Nat, candid::Reserved> = self.update(CYCLES, "withdraw", &args).await?;
        answer.map_err(|_| WalletError::Refused("not enough cycles, or no such canister".into()))
    }

    /// Pays the minting canister; the index of the block.
    pub async fn pay(&self, e8s: u64, purpose: Purpose) -> Result<u64, WalletError> {
        let subaccount = subaccount_for(&purpose.principal());
        self.send(e8s, identifier(&MINTING.principal(), &subaccount), purpose.memo()).await
    }

    /// Cycles on the cycles ledger, for what was paid with `block`.
    pub async fn mint(&self, block: u64) -> Result<Minted, WalletError> {
        let args = MintArgs { block_index: block, to_subaccount: None, deposit_memo: None };
        self.notify("notify_mint_cycles", &args, block).await
    }

    /// Cycles for a canister, for what was paid with `block`.
    pub async fn top_up(&self, block: u64, canister_id: Principal) -> Result<Nat, WalletError> {
        self.notify("notify_top_up", &TopUpArgs { block_index: block, canister_id }, block).await
    }

    async fn notify<A: CandidType, R>(&self, method: &str, args: &A, block: u64) -> Result<R, WalletError>
    where
        R: CandidType + for<'de> Deserialize<'de>,
    {
        for _ in 0..NOTIFICATIONS_MAX {
            let paid = |reason| WalletError::Paid { block, reason };
            let answer = self.update(MINTING, method, args).await;
            match answer.map_err(|error| paid(error.to_string()))? {
                Ok(answer) => return Ok(answer),
                Err(NotifyError::Processing) => tokio::time::sleep(NOTIFICATION_PAUSE).await,
                Err(NotifyError::Refunded { reason, .. }) => {
                    return Err(WalletError::Refused(format!("{reason}; the tokens came back")));
                }
                Err(refusal) => return Err(paid(format!("{refusal:?}"))),
            }
        }
        Err(WalletError::Paid { block, reason: "it is still under way".into() })
    }

    async fn query<A: CandidType, R>(&self, id: CanisterId, method: &str, args: &A) -> Result<R, WalletError>
    where
        R: CandidType + for<'de> Deserialize<'de>,
    {
        let reply = self.0.query(id.principal(), method, candid::encode_one(args)?).await?;
        Ok(candid::decode_one(&reply)?)
    }

    async fn update<A: CandidType, R>(&self, id: CanisterId, method: &str, args: &A) -> Result<R, WalletError>
    where
        R: CandidType + for<'de> Deserialize<'de>,
    {
        let reply = self.0.update(id.principal(), method, candid::encode_one(args)?).await?;
        Ok(candid::decode_one(&reply)?)
    }
}

/// Nanoseconds since 1970, by this machine's clock.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
