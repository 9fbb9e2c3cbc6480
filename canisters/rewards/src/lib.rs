//! The rewards canister: tokens for those who run nodes, by statements that anybody can compute again.
//!
//! # How it goes
//! 1. The subnet counts what each node did, in an entry at the end of each epoch (`node_metrics_history`). A
//!    statement is of the first epochs that are together at least as long as a period ([`work`]), so what is in it
//!    does not depend on when it was made.
//! 2. A statement is a function of its inputs: those counts, the cycles that were consumed, the conversion
//!    rate, the share, and for whom each node works ([`statement`] has the formula). The rate, the share and the
//!    registry's records are those of the moment at which it is made; it says what they were.
//! 3. It is stored, linked to the one before by its hash, and certified ([`book`]); then it is paid
//!    ([`payments`]). This canister's default account is the token ledger's minting account: so it mints. Who
//!    names that account for its rewards has named none.
//! 4. The parameters are changed by governance alone.
//! 5. All state is in stable memory; an upgrade has nothing to save, and goes on where it was.
//!
//! # The first statement
//! It begins at genesis, if no epoch had ended when the canister was installed; else with the newest epoch.

pub mod book;
mod calls;
pub mod interface;
pub mod payments;
pub mod statement;
pub mod work;

#[cfg(test)]
mod tests;

use book::{Book, Place};
use cycles_interface::encode_hash_tree;
use ic_cdk::{init, post_upgrade, query, update};
use ic_cdk_timers::TimerId;
use ic_stable_structures::DefaultMemoryImpl;
use interface::*;
use lease::Lease;
use serde_bytes::ByteBuf;
use std::cell::{Cell, RefCell};
use std::time::Duration;
use work::Period;

/// How often it is looked whether a period is over.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// When payments that did not go through are tried again.
const PAY_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// After what time of which nothing was heard a statement or a round of payments is begun again: an hour.
const WORK_NANOS: u64 = 3_600 * book::NANOS_PER_SECOND;

/// Most payments that are tried in one go.
const PAYMENTS_PER_ROUND: usize = 50;

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../rewards.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../rewards.did");

/// A timer of which there is one.
type Slot = std::thread::LocalKey<Cell<Option<TimerId>>>;

thread_local! {
    static BOOK: RefCell<Book<DefaultMemoryImpl>> =
        RefCell::new(Book::open(
            DefaultMemoryImpl::default(),
            ic_cdk::api::subnet_self(),
            ic_cdk::api::canister_self(),
        ));
    static MAKING: Lease = Lease::lasting(WORK_NANOS);
    static LOOK_NEXT: Cell<Option<TimerId>> = const { Cell::new(None) };
    static PAYING: Lease = Lease::lasting(WORK_NANOS);
    static PAY_NEXT: Cell<Option<TimerId>> = const { Cell::new(None) };
    /// Where the next round of payments begins.
    static PAY_FROM: Cell<Place> = const { Cell::new((0, 0)) };
}

fn read<T>(f: impl FnOnce(&Book<DefaultMemoryImpl>) -> T) -> T {
    BOOK.with_borrow(f)
}

fn change<T>(f: impl FnOnce(&mut Book<DefaultMemoryImpl>) -> T) -> T {
    BOOK.with_borrow_mut(f)
}

fn now() -> u64 {
    ic_cdk::api::time()
}

fn certify() {
    ic_cdk::api::certified_data_set(read(|book| book.tip_tree().digest()));
}

/// Sets a timer in place of the one before.
fn alarm(slot: &'static Slot, after: Duration, work: impl Future<Output = ()> + 'static) {
    if let Some(before) = slot.replace(Some(ic_cdk_timers::set_timer(after, work))) {
        ic_cdk_timers::clear_timer(before);
    }
}

/// Makes a statement, if a period is over, and looks for the next.
async fn look() {
    LOOK_NEXT.set(None);
    // Before anything can trap: there is always a next time.
    alarm(&LOOK_NEXT, LOOK_EVERY, look());
    let Some(_held) = MAKING.with(|making| making.take(now())) else { return };
    match make_statement().await {
        Ok(true) => {
            alarm(&LOOK_NEXT, Duration::ZERO, look());
            pay_after(Duration::ZERO);
        }
        Ok(false) => (),
        Err(error) => change(|book| book.note(Some(&error))),
    }
}

/// Whether a statement was made.
async fn make_statement() -> Result<bool, String> {
    let parameters = read(|book| book.parameters().clone());
    let period_nanos = read(Book::period_nanos);
    let Some(baseline) = read(|book| book.baseline().cloned()) else {
        let first = calls::first_baseline(parameters.subnet_id, now()).await?;
        change(|book| book.begin(first));
        return Ok(false);
    };
    if !Period::is_over(baseline.timestamp_nanos, period_nanos, now()) {
        return Ok(false);
    }
    let entries = calls::entries(parameters.subnet_id, baseline.timestamp_nanos, period_nanos).await?;
    let Some(period) = Period::find(&baseline, period_nanos, &entries)? else { return Ok(false) };
    let rate = calls::rate(parameters.minting).await?;
    let assignments = calls::assignments(parameters.registry).await?;
    change(|book| {
        book.make(period, rate, &assignments, now())?;
        book.note(None);
        Ok::<(), String>(())
    })?;
    certify();
    Ok(true)
}

fn pay_after(after: Duration) {
    alarm(&PAY_NEXT, after, pay());
}

/// A round of payments, and the next while there are more.
async fn pay() {
    PAY_NEXT.set(None);
    if read(Book::pending_payments) == 0 {
        return;
    }
    // Should this trap, it goes on there.
    pay_after(PAY_AGAIN_AFTER);
    let Some(held) = PAYING.with(|paying| paying.take(now())) else { return };
    let places = read(|book| book.pending_from(PAY_FROM.get(), PAYMENTS_PER_ROUND));
    for place in &places {
        PAY_FROM.set((place.0, place.1.saturating_add(1)));
        if let Some(mut order) = change(|book| book.order(*place, now())) {
            let parameters = read(|book| book.parameters().clone());
            let report = calls::mint(&parameters, &order).await;
            // Another who took its place may have repeated the order.
            order.repeated |= !held.is_held();
            change(|book| book.reported(&order, report));
            if !held.is_held() {
                return;
            }
        }
    }
    if places.len() < PAYMENTS_PER_ROUND {
        PAY_FROM.set((0, 0));
    } else {
        pay_after(Duration::ZERO);
    }
}

fn configure(args: Option<InitArgs>) {
    change(|book| book.configure(args.unwrap_or_default()))
        .unwrap_or_else(|error| ic_cdk::trap(format!("{error:?}")));
    certify();
    alarm(&LOOK_NEXT, Duration::ZERO, look());
    pay_after(Duration::ZERO);
}

#[init]
fn init(args: Option<InitArgs>) {
    configure(args);
}

/// What is named changes, the rest stays.
#[post_upgrade]
fn post_upgrade() {
    let bytes = ic_cdk::api::msg_arg_data();
    configure(match bytes.is_empty() {
        true => None,
        false => candid::decode_one::<Option<InitArgs>>(&bytes)
            .unwrap_or_else(|error| ic_cdk::trap(format!("unreadable upgrade arguments: {error}"))),
    });
}

#[update]
fn set_parameters(args: SetParameters) -> Result<(), Error> {
    change(|book| book.set_parameters(ic_cdk::api::msg_caller(), args))?;
    alarm(&LOOK_NEXT, Duration::ZERO, look());
    Ok(())
}

#[query]
fn get_parameters() -> Parameters {
    read(|book| book.parameters().clone())
}

#[query]
fn get_status() -> Status {
    read(Book::status)
}

#[query]
fn get_statement(index: u64) -> Option<StatementView> {
    read(|book| book.statement(index))
}

#[query]
fn get_encoded_statement(index: u64) -> Option<ByteBuf> {
    read(|book| book.kept(index).map(|kept| kept.encoded))
}

#[query]
fn list_statements(from: u64, limit: u64) -> Vec<StatementView> {
    read(|book| book.list(from, limit))
}

/// None before the first statement, and where the answer is not a query's.
#[query]
fn get_tip_certificate() -> Option<TipCertificate> {
    let certificate = ByteBuf::from(ic_cdk::api::data_certificate()?);
    read(|book| {
        book.state().last_hash?;
        let hash_tree = ByteBuf::from(encode_hash_tree(&book.tip_tree()));
        Some(TipCertificate { certificate, hash_tree })
    })
}

#[cfg(test)]
candid::export_service!();
