//! Payments, rule by rule, and beside a ledger that fails, forgets and is not heard.

use super::*;
use crate::book::{Place, Stage};
use crate::calls::understood;
use crate::payments::{MAX_REFUSALS, Order, Report};
use icrc::token::TransferError;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const HOUR: u64 = 3_600 * SECOND;
/// For how long the ledger knows what it did.
const WINDOW: u64 = 24 * HOUR;

/// A book with one statement that pays one operator.
fn owing() -> TestBook {
    let mut book = book();
    stated(&mut book, 7_000_000_000_000, &[1], &assignments());
    book
}

fn order(book: &mut TestBook, place: Place, now: u64) -> Order {
    book.order(place, now).unwrap_or_else(|| panic!("nothing to pay at {place:?}"))
}

fn stage(book: &TestBook, place: Place) -> Option<Stage> {
    book.stage(place)
}

fn refused() -> Report {
    Report::Refused("stopped".to_owned())
}

/// Orders the only payment so often, and each time the ledger says this.
fn ordered(book: &mut TestBook, times: u32, report: &Report) {
    for turn in 0..times {
        let order = order(book, (0, 0), NOW + u64::from(turn) * SECOND);
        book.reported(&order, report.clone());
    }
}

#[test]
fn a_payment_is_ordered_with_its_place_as_memo_and_closed_when_done() {
    let mut book = owing();
    let first = order(&mut book, (0, 0), NOW + 5);
    let expected = Order {
        place: (0, 0),
        to: principal(111).into(),
        e8s: 100_000_000,
        memo: vec![0; 12],
        created_at_time: NOW + 5,
        repeated: false,
    };
    assert_eq!(first, expected);
    assert_eq!(stage(&book, (0, 0)), Some(Stage::Sent { created_at_time: NOW + 5 }));
    book.reported(&first, Report::Done(7u8.into()));
    assert_eq!(view(&book, 0).payments, [Payment::Paid { block_index: 7u8.into() }]);
    assert_eq!((book.order((0, 0), NOW), book.pending_payments()), (None, 0));
    assert_eq!(book.state().minted_e8s, 100_000_000);
}

#[test]
fn what_was_refused_is_ordered_anew_and_what_was_not_heard_as_it_was() {
    let mut book = owing();
    let first = order(&mut book, (0, 0), NOW);
    book.reported(&first, refused());
    assert_eq!(stage(&book, (0, 0)), Some(Stage::Pending(Some("stopped".to_owned()))));
    let second = order(&mut book, (0, 0), NOW + HOUR);
    assert_eq!((second.created_at_time, second.repeated), (NOW + HOUR, false));
    book.reported(&second, Report::Unheard("unreadable".to_owned()));
    let third = order(&mut book, (0, 0), NOW + 2 * HOUR);
    assert_eq!((third.created_at_time, third.repeated), (NOW + HOUR, true));
    book.reported(&third, refused());
    let fourth = order(&mut book, (0, 0), NOW + 3 * HOUR);
    assert_eq!((fourth.created_at_time, fourth.repeated), (NOW + HOUR, true));
}

#[test]
fn what_the_ledger_cannot_know_any_more_is_never_paid_again() {
    let mut book = owing();
    order(&mut book, (0, 0), NOW);
    let again = order(&mut book, (0, 0), NOW + 2 * WINDOW);
    book.reported(&again, Report::TooOld);
    assert_eq!(stage(&book, (0, 0)), Some(Stage::Unknown));
    assert_eq!((book.order((0, 0), NOW), book.pending_payments()), (None, 0));
}

#[test]
fn a_first_order_that_is_too_old_is_given_anew() {
    let mut book = owing();
    let first = order(&mut book, (0, 0), NOW);
    book.reported(&first, Report::TooOld);
    assert!(!order(&mut book, (0, 0), NOW + 1).repeated);
}

#[test]
fn there_is_nothing_to_pay_where_there_is_no_payment() {
    let mut book = owing();
    assert_eq!(
        [(0, 1), (1, 0), (u64::MAX, u32::MAX)].map(|place| book.order(place, NOW)),
        [None, None, None]
    );
}

#[test]
fn what_the_ledger_refuses_again_and_again_is_closed_and_its_statement_forgotten() {
    let mut book = owing();
    book.max_statements = 1;
    ordered(&mut book, MAX_REFUSALS - 1, &refused());
    assert_eq!(view(&book, 0).payments, [Payment::Pending(Some("stopped".to_owned()))]);
    ordered(&mut book, 1, &refused());
    assert_eq!(view(&book, 0).payments, [Payment::Refused("stopped".to_owned())]);
    assert_eq!((book.order((0, 0), NOW), book.pending_payments()), (None, 0));
    assert_eq!(book.state().minted_e8s, 0);
    stated(&mut book, 0, &[1], &assignments());
    assert_eq!((book.state().oldest, book.statement(0)), (1, None));
}

#[test]
fn what_is_refused_after_an_answer_was_lost_ends_unknown() {
    let mut book = owing();
    ordered(&mut book, 1, &Report::Unheard("unreadable".to_owned()));
    ordered(&mut book, MAX_REFUSALS - 1, &refused());
    assert_eq!(stage(&book, (0, 0)), Some(Stage::Sent { created_at_time: NOW }));
    ordered(&mut book, 1, &refused());
    assert_eq!((stage(&book, (0, 0)), book.pending_payments()), (Some(Stage::Unknown), 0));
}

#[test]
fn a_ledger_that_cannot_now_has_refused_nothing() {
    let check = |error: TransferError, is_refusal: bool| {
        let report = understood(Err(error));
        assert_eq!(matches!(report, Report::Refused(_)), is_refusal, "{report:?}");
    };
    check(TransferError::TemporarilyUnavailable, false);
    check(TransferError::CreatedInFuture { ledger_time: NOW }, false);
    check(TransferError::TooOld, false);
    check(TransferError::BadBurn { min_burn_amount: 5u8.into() }, true);
    check(TransferError::InsufficientFunds { balance: 0u8.into() }, true);
    let mut book = owing();
    ordered(&mut book, MAX_REFUSALS + 1, &Report::Unavailable("stopped".to_owned()));
    assert_eq!(stage(&book, (0, 0)), Some(Stage::Pending(Some("stopped".to_owned()))));
}

#[test]
fn of_two_answers_to_an_order_and_its_repetition_the_first_counts() {
    let mut book = owing();
    let first = order(&mut book, (0, 0), NOW);
    let again = order(&mut book, (0, 0), NOW + HOUR);
    book.reported(&again, Report::Done(7u8.into()));
    for late in [Report::Done(7u8.into()), refused(), Report::TooOld] {
        book.reported(&first, late);
        assert_eq!(stage(&book, (0, 0)), Some(Stage::Paid { block_index: 7 }));
    }
    assert_eq!((book.state().minted_e8s, book.pending_payments()), (100_000_000, 0));
}

/// A token ledger.
struct Ledger {
    known: BTreeMap<(Vec<u8>, u64, u64), u64>,
    minted: BTreeMap<Vec<u8>, u64>,
    blocks: u64,
}

impl Ledger {
    fn mint(&mut self, random: &mut StdRng, order: &Order, now: u64, fails: bool) -> Report {
        if fails && random.gen_bool(0.3) {
            return refused();
        }
        if now - order.created_at_time > WINDOW {
            return Report::TooOld;
        }
        let key = (order.memo.clone(), order.e8s, order.created_at_time);
        if let Some(block) = self.known.get(&key) {
            return Report::Done((*block).into());
        }
        let before = self.minted.insert(order.memo.clone(), order.e8s);
        assert_eq!(before, None, "{:?} is paid twice", order.place);
        self.blocks += 1;
        self.known.insert(key, self.blocks);
        Report::Done(self.blocks.into())
    }
}

#[test]
fn under_failures_traps_and_upgrades_nobody_is_paid_twice_and_everybody_once() {
    let (mut paid, mut unknown) = (0, 0);
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let memory = VectorMemory::default();
        let mut book = opened(&memory);
        let mut ledger = Ledger { known: BTreeMap::new(), minted: BTreeMap::new(), blocks: 0 };
        let assigned: Assignments = (1..9)
            .map(|node| (principal(node), (principal(node % 5), Some(principal(100 + node % 5).into()))))
            .collect();
        let mut now = NOW;
        for turn in 0..400u32 {
            let fails = turn < 350;
            now += random.gen_range(0..HOUR);
            if turn < 300 && random.gen_bool(0.1) {
                stated(&mut book, random.gen_range(0..9_000_000_000_000), &[1, 2, 3, 4, 5, 6, 7], &assigned);
            }
            if random.gen_bool(0.05) {
                book = opened(&memory);
            }
            for place in book.pending_from((0, 0), 20) {
                let Some(order) = book.order(place, now) else { panic!("{place:?} is closed") };
                let report = ledger.mint(&mut random, &order, now, fails);
                // Else this canister trapped.
                if !fails || random.gen_bool(0.9) {
                    book.reported(&order, report);
                }
            }
        }
        assert_eq!(book.pending_payments(), 0);
        for StatementView { statement, payments, .. } in (0..book.state().statements).map(|n| view(&book, n))
        {
            for (number, (reward, payment)) in (0..).zip(statement.operators.iter().zip(payments)) {
                let memo = [&statement.index.to_be_bytes()[..], &u32::to_be_bytes(number)].concat();
                let minted = ledger.minted.get(&memo).copied();
                match payment {
                    Payment::Paid { .. } => assert_eq!(minted, Some(reward.e8s)),
                    Payment::Unknown => unknown += 1,
                    other => panic!("{other:?}"),
                }
                paid += 1;
            }
        }
    }
    assert!(paid > 1_000 && unknown * 50 < paid, "{unknown} of {paid} are unknown");
}
