//! The cycles ledger: ICRC-1, ICRC-2 and ICRC-3 over cycles, and what cycles are for.
//!
//! # What it keeps
//! 1. Every balance is backed: `deposited = supply + fees + withdrawn + in_flight` ([`book::Totals`]),
//!    to the unit, after every message.
//! 2. Cycles leave only after the balance was debited and the block written ([`flight`]). What comes back
//!    is credited once. A callback that traps leaves the flight, which nobody is paid for twice.
//! 3. An order that names its time is done once within the window, and refused outside of it ([`seen`]).
//! 4. An allowance never pays more than it says, nor after it expired ([`allowance`]).
//! 5. The tip of the log is certified after every block.
//! 6. All state is in stable memory ([`memory`]); an upgrade has nothing to save. A call costs O(log n).
//! 7. Where there is a quota, owners have cycles each period without paying for them ([`quota`]): their
//!    default accounts are filled up to the allowance, whatever their subaccounts hold. Balances show what is
//!    due already, so that it can be spent; the supply does once it was granted.
//!
//! # Where it differs from the public cycles ledger
//! Orders that it traps on for their content (memo too long, approval for oneself) are answered with
//! `GenericError`. An amount of more than 128 bits is `InsufficientFunds` where a balance must pay it, and
//! `GenericError` in an approval.

pub mod allowance;
pub mod block;
pub mod book;
mod cycles;
pub mod errors;
pub mod flight;
mod history;
pub mod interface;
pub mod key;
mod members;
pub mod memory;
mod metrics;
mod outgoing;
pub mod quota;
pub mod refusal;
pub mod seen;
mod token;

#[cfg(test)]
mod tests;

use book::{Book, Settings};
use candid::{Nat, Principal};
use ic_cdk::{init, post_upgrade};
use ic_stable_structures::DefaultMemoryImpl;
use icrc::{Account, Subaccount};
use interface::{ChangeIndexId, ChangeQuota, LedgerArgs, QuotaArgs};
use quota::Quota;
use refusal::Refusal;
use std::cell::RefCell;

/// Digits after the point.
const DECIMALS: u8 = 12;
const NAME: &str = "Trillion Cycles";
const SYMBOL: &str = "TCYCLES";
/// 100 M cycles.
const FEE: u128 = 100_000_000;

/// Most blocks in one answer, whatever installation says: 2 MB of them.
const MAX_BLOCKS_PER_REQUEST: u64 = 2_000;
/// Most accounts with a balance from the start.
const MAX_INITIAL_BALANCES: usize = 10_000;

/// `rkp4c-7iaaa-aaaaa-aaaca-cai`.
const MINTING_CANISTER: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 4, 1, 1];

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../cycles_ledger.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../cycles_ledger.did");

thread_local! {
    static BOOK: RefCell<Book<DefaultMemoryImpl>> =
        RefCell::new(Book::open(DefaultMemoryImpl::default(), default_settings()));
}

fn default_settings() -> Settings {
    Settings {
        name: NAME.to_owned(),
        symbol: SYMBOL.to_owned(),
        fee: FEE,
        max_blocks_per_request: MAX_BLOCKS_PER_REQUEST,
        index_id: None,
        minting_canister: Principal::from_slice(&MINTING_CANISTER),
        quota: None,
    }
}

/// Opens the book; where there is a quota it is told what the canister holds.
fn with<T>(f: impl FnOnce(&mut Book<DefaultMemoryImpl>) -> T) -> T {
    BOOK.with_borrow_mut(|book| {
        if book.settings().quota.is_some() {
            book.set_held(ic_cdk::api::canister_liquid_cycle_balance());
        }
        f(book)
    })
}

fn read<T>(f: impl FnOnce(&Book<DefaultMemoryImpl>) -> T) -> T {
    with(|book| f(book))
}

/// Changes the book and certifies its tip.
fn change<T>(f: impl FnOnce(&mut Book<DefaultMemoryImpl>) -> T) -> T {
    let answer = with(f);
    certify();
    answer
}

fn certify() {
    ic_cdk::api::certified_data_set(history::tip_tree().digest());
}

fn now() -> u64 {
    ic_cdk::api::time()
}

fn caller(subaccount: Option<Subaccount>) -> Account {
    Account { owner: ic_cdk::api::msg_caller(), subaccount }
}

/// Numbers of more than 128 bits are larger than any sum here.
fn small(number: Nat) -> Option<u128> {
    u128::try_from(number.0).ok()
}

/// An amount that a balance has to pay.
fn payable(amount: Nat, from: &Account) -> Result<u128, Refusal> {
    small(amount)
        .ok_or_else(|| Refusal::InsufficientFunds { balance: read(|book| book.spendable(from, now())) })
}

/// A quota that installation or an upgrade names.
fn checked(quota: QuotaArgs) -> Quota {
    Quota::try_from(quota).unwrap_or_else(|reason| ic_cdk::trap(reason))
}

fn small_fee(fee: Option<Nat>) -> Result<Option<u128>, Refusal> {
    let refusal = || Refusal::BadFee { expected_fee: read(|book| book.settings().fee) };
    fee.map(|fee| small(fee).ok_or_else(refusal)).transpose()
}

#[init]
fn init(ledger_args: LedgerArgs) {
    let LedgerArgs::Init(args) = ledger_args else { ic_cdk::trap("a first installation takes Init") };
    let defaults = default_settings();
    let fee = match args.fee.map(small) {
        None => defaults.fee,
        Some(Some(fee)) => fee,
        Some(None) => ic_cdk::trap("the fee has more than 128 bits"),
    };
    let settings = Settings {
        name: args.token_name.unwrap_or(defaults.name),
        symbol: args.token_symbol.unwrap_or(defaults.symbol),
        fee,
        max_blocks_per_request: args.max_blocks_per_request.clamp(1, MAX_BLOCKS_PER_REQUEST),
        index_id: args.index_id,
        minting_canister: args.minting_canister_id.unwrap_or(defaults.minting_canister),
        quota: args.quota.map(checked),
    };
    let balances = args.initial_balances.unwrap_or_default();
    if balances.len() > MAX_INITIAL_BALANCES {
        ic_cdk::trap("too many initial balances");
    }
    change(|book| {
        book.set_settings(settings);
        for (account, amount) in balances {
            let amount = small(amount).unwrap_or_else(|| ic_cdk::trap("a balance has more than 128 bits"));
            if let Err(refusal) = book.deposit(account, amount, None, now()) {
                ic_cdk::trap(format!("initial balance of {}: {refusal:?}", account.owner));
            }
        }
    });
}

/// The book is where it was; an argument may change three settings.
#[post_upgrade]
fn post_upgrade() {
    let bytes = ic_cdk::api::msg_arg_data();
    let args = match bytes.is_empty() {
        true => None,
        false => match candid::decode_one::<Option<LedgerArgs>>(&bytes) {
            Ok(Some(LedgerArgs::Upgrade(args))) => args,
            Ok(None) => None,
            Ok(Some(LedgerArgs::Init(_))) => ic_cdk::trap("an upgrade takes Upgrade"),
            Err(error) => ic_cdk::trap(format!("unreadable upgrade arguments: {error}")),
        },
    };
    change(|book| {
        let mut settings = book.settings().clone();
        let args = args.unwrap_or_default();
        if let Some(max) = args.max_blocks_per_request {
            settings.max_blocks_per_request = max.clamp(1, MAX_BLOCKS_PER_REQUEST);
        }
        match args.change_index_id {
            None => {}
            Some(ChangeIndexId::Unset) => settings.index_id = None,
            Some(ChangeIndexId::SetTo(index)) => settings.index_id = Some(index),
        }
        match args.change_quota {
            None => {}
            Some(ChangeQuota::Unset) => settings.quota = None,
            Some(ChangeQuota::SetTo(quota)) => settings.quota = Some(checked(quota)),
        }
        book.set_settings(settings);
    });
}

#[cfg(test)]
mod exported {
    //! The interface that this code has; the last module, so that all methods are known.

    use crate::errors::*;
    use crate::interface::*;
    use crate::quota::QuotaError;
    use candid::{Nat, Principal};
    use cycles_interface::{DepositArgs, DepositResult};
    use icrc::Account;
    use icrc::history::*;
    use icrc::token::*;

    candid::export_service!();

    pub fn interface() -> String {
        __export_service()
    }
}
