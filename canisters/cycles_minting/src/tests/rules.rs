//! What a notification is answered, rule by rule.

use super::*;
use crate::interface::{Accounting, ErrorCode, NotifyError};
use crate::limiter::CYCLES_PER_HOUR;
use crate::mint::FORGOTTEN_PER_CALL;
use crate::notify::{Answer, TransferReport};
use crate::payment::{Bought, MEMO_CREATE_CANISTER};
use icrc::Account;
use serde_bytes::ByteBuf;

const BOUGHT: Bought = Bought::Cycles { cycles: CYCLES };

fn refunded(reason: &str, block_index: Option<u64>) -> Answer {
    Err(NotifyError::Refunded { reason: reason.to_owned(), block_index })
}

/// The code of an error without its words.
fn code(step: Step) -> u64 {
    match step {
        Step::Answer(Err(NotifyError::Other { error_code, .. })) => error_code,
        other => panic!("no other error: {other:?}"),
    }
}

fn is_invalid(step: &Step) -> bool {
    matches!(step, Step::Answer(Err(NotifyError::InvalidTransaction(_))))
}

/// Buys for block 7, with tokens burnt in block 70.
fn bought(mint: &mut TestMint) {
    paying(mint, 7);
    order(mint.paid(7, arrived(CYCLES), NOW));
    assert_eq!(mint.settled(7, TransferReport::Done(70), NOW), Step::Answer(Ok(BOUGHT)));
}

#[test]
fn a_good_payment_buys_and_its_tokens_are_burnt() {
    let mut mint = mint();
    paying(&mut mint, 7);
    let burn = order(mint.paid(7, arrived(CYCLES), NOW + 5));
    let expected = TokenTransfer {
        from_subaccount: subaccount_of(principal(1)),
        to: config().minting_account,
        e8s: E8S,
        fee: 0,
        memo: 7,
        created_at_time: NOW + 5,
    };
    assert_eq!(burn, expected);
    assert_eq!(mint.settled(7, TransferReport::Done(70), NOW), Step::Answer(Ok(BOUGHT)));
    assert_eq!((mint.total_cycles_minted(), mint.open_payments(), mint.closed_payments()), (CYCLES, 0, 1));
}

#[test]
fn who_asks_again_hears_the_same() {
    let mut mint = mint();
    bought(&mut mint);
    assert_eq!(mint.notify(7, top_up(1), NOW), Step::Answer(Ok(BOUGHT)));
    assert_eq!(mint.total_cycles_minted(), CYCLES);
}

#[test]
fn who_claims_a_used_payment_for_something_else_is_refused() {
    let mut mint = mint();
    bought(&mut mint);
    let for_another = mint.notify(7, top_up(2), NOW);
    let other_purpose = mint.notify(7, Claim::Create { controller: principal(1), settings: None }, NOW);
    assert!(is_invalid(&for_another) && is_invalid(&other_purpose));
}

#[test]
fn the_transfer_must_go_to_the_account_of_what_is_claimed() {
    let wrong = Payment { to: payment(2).to, ..payment(1) };
    let mut mint = mint();
    assert!(is_invalid(&decided(&mut mint, 7, wrong)));
    assert_eq!(mint.open_payments(), 0);
}

#[test]
fn the_memo_must_be_of_what_is_claimed() {
    let wrong = Payment { memo: MEMO_CREATE_CANISTER, ..payment(1) };
    let mut mint = mint();
    assert!(is_invalid(&decided(&mut mint, 7, wrong)));
    assert_eq!(mint.open_payments(), 0);
}

#[test]
fn the_memo_may_be_an_icrc_memo() {
    let icrc = Payment { memo: 0, icrc1_memo: Some(ByteBuf::from(MEMO_TOP_UP.to_le_bytes())), ..payment(1) };
    let step = decided(&mut mint(), 7, icrc);
    assert_eq!(step, Step::Pay { block: 7, claim: top_up(1), cycles: CYCLES });
}

#[test]
fn a_payment_whose_memo_means_nothing_is_given_back() {
    let mut mint = mint();
    let refund = order(decided(&mut mint, 7, Payment { memo: 5, ..payment(1) }));
    assert_eq!((refund.to, refund.e8s, refund.fee), (payer(), E8S - FEE, FEE));
    assert_eq!(mint.totals().minted, 0);
}

#[test]
fn what_is_no_transfer_is_invalid_and_what_cannot_be_read_may_be_asked_again() {
    let mut mint = mint();
    for (read, expected) in [
        (BlockRead::Missing, ErrorCode::FailedToFetchBlock),
        (BlockRead::Failed("stopped".to_owned()), ErrorCode::FailedToFetchBlock),
    ] {
        mint.notify(7, top_up(1), NOW);
        assert_eq!(code(mint.block_read(7, read, NOW)), expected as u64);
    }
    mint.notify(7, top_up(1), NOW);
    assert!(is_invalid(&mint.block_read(7, BlockRead::Other, NOW)));
    paying(&mut mint, 7);
}

#[test]
fn a_payment_for_minting_is_deposited_for_its_owner() {
    let to = Account::from(principal(1));
    let claim = Claim::Mint { to, memo: None };
    let payment = Payment { memo: claim.cause().memo, ..payment(1) };
    let mut mint = mint();
    assert_eq!(mint.notify(7, claim.clone(), NOW), Step::Read { block: 7 });
    let step = mint.block_read(7, read(payment), NOW);
    assert_eq!(step, Step::Pay { block: 7, claim, cycles: CYCLES });
    let deposited = Paid::Deposited { block_index: 3, balance: 9 };
    order(mint.paid(7, PayReport { result: Ok(deposited), ..arrived(CYCLES) }, NOW));
    let answer = Ok(Bought::Deposit { block_index: 3, minted: CYCLES, balance: 9 });
    assert_eq!(mint.settled(7, TransferReport::Done(70), NOW), Step::Answer(answer));
}

#[test]
fn cycles_that_come_back_are_burnt_and_counted_off_and_the_tokens_given_back() {
    let mut mint = mint();
    paying(&mut mint, 7);
    let refund = order(mint.paid(7, came_back(CYCLES), NOW));
    assert_eq!((refund.to, refund.e8s, refund.fee), (payer(), E8S - FEE, FEE));
    assert_eq!(mint.total_cycles_minted(), 0);
    assert_eq!(mint.totals().limiter.room(NOW), CYCLES_PER_HOUR);
    let answer = refunded("no such canister", Some(70));
    assert_eq!(mint.settled(7, TransferReport::Done(70), NOW), Step::Answer(answer.clone()));
    assert_eq!(mint.notify(7, top_up(1), NOW), Step::Answer(answer));
}

#[test]
fn cycles_that_could_not_be_burnt_are_not_counted_off() {
    let mut mint = mint();
    paying(&mut mint, 7);
    mint.paid(7, PayReport { burnt: CYCLES - 5, ..came_back(CYCLES) }, NOW);
    assert_eq!(mint.total_cycles_minted(), 5);
}

#[test]
fn fewer_cycles_than_may_be_minted_are_counted_as_what_they_were() {
    let mut mint = mint();
    paying(&mut mint, 7);
    order(mint.paid(7, came_back(10), NOW));
    assert_eq!((mint.totals().minted, mint.totals().burnt_back), (10, 10));
}

#[test]
fn cycles_that_were_taken_without_a_readable_answer_are_paid_for() {
    let mut mint = mint();
    paying(&mut mint, 7);
    let report = PayReport { result: Err("unreadable".to_owned()), ..arrived(CYCLES) };
    assert_eq!(order(mint.paid(7, report, NOW)).to, config().minting_account);
    assert_eq!(mint.total_cycles_minted(), CYCLES);
}

#[test]
fn an_amount_that_the_fee_eats_is_not_given_back_and_buys_nothing() {
    let mut mint = mint();
    let step = decided(&mut mint, 7, Payment { e8s: FEE, ..payment(1) });
    assert_eq!(step, Step::Answer(refunded("the amount is too small", None)));
}

#[test]
fn without_a_rate_a_payment_waits() {
    let mut mint = mint();
    mint.set_config(Config { rate: None, ..config() });
    assert_eq!(code(decided(&mut mint, 7, payment(1))), ErrorCode::NoConversionRate as u64);
    mint.set_config(config());
    paying(&mut mint, 7);
}

#[test]
fn beyond_the_limit_of_an_hour_a_payment_waits() {
    let most = u64::try_from(CYCLES_PER_HOUR / u128::from(RATE)).unwrap_or(u64::MAX);
    let mut mint = mint();
    let step = decided(&mut mint, 7, Payment { e8s: most, ..payment(1) });
    assert!(matches!(step, Step::Pay { .. }));
    assert_eq!(code(decided(&mut mint, 8, payment(1))), ErrorCode::Busy as u64);
    mint.notify(8, top_up(1), NOW + HOUR);
    assert!(matches!(mint.block_read(8, read(payment(1)), NOW + HOUR), Step::Pay { .. }));
}

#[test]
fn a_failed_operation_leaves_room_for_others() {
    let most = u64::try_from(CYCLES_PER_HOUR / u128::from(RATE)).unwrap_or(u64::MAX);
    let mut mint = mint();
    let Step::Pay { cycles, .. } = decided(&mut mint, 7, Payment { e8s: most, ..payment(1) }) else {
        panic!("not paid");
    };
    mint.paid(7, came_back(cycles), NOW);
    paying(&mut mint, 8);
}

#[test]
fn more_than_is_ever_minted_in_an_hour_is_given_back() {
    for e8s in [u64::MAX, u64::try_from(CYCLES_PER_HOUR / u128::from(RATE)).unwrap_or(u64::MAX) + 1] {
        let refund = order(decided(&mut mint(), 7, Payment { e8s, ..payment(1) }));
        assert_eq!((refund.to, refund.e8s), (payer(), e8s - FEE));
    }
}

#[test]
fn old_payments_are_forgotten_and_stay_used() {
    let mut mint = mint();
    mint.max_closed = 20;
    for block in 0..30 {
        paying(&mut mint, block);
        mint.paid(block, arrived(CYCLES), NOW);
        mint.settled(block, TransferReport::Done(1_000 + block), NOW);
    }
    assert_eq!((mint.closed_payments(), mint.totals().lowest), (20, 10));
    assert_eq!(mint.notify(9, top_up(1), NOW), Step::Answer(Err(NotifyError::TransactionTooOld(10))));
    assert_eq!(mint.notify(10, top_up(1), NOW), Step::Answer(Ok(BOUGHT)));
}

#[test]
fn payments_are_forgotten_in_bounded_steps() {
    let mut mint = mint();
    for block in 0..50 {
        paying(&mut mint, block);
        mint.paid(block, arrived(CYCLES), NOW);
        mint.settled(block, TransferReport::Done(1_000 + block), NOW);
    }
    mint.max_closed = 0;
    bought_at(&mut mint, 50);
    assert_eq!(mint.closed_payments(), 51 - FORGOTTEN_PER_CALL);
}

fn bought_at(mint: &mut TestMint, block: u64) {
    paying(mint, block);
    mint.paid(block, arrived(CYCLES), NOW);
    mint.settled(block, TransferReport::Done(1_000 + block), NOW);
}

#[test]
fn an_open_payment_ends_although_newer_ones_were_forgotten() {
    let mut mint = mint();
    mint.max_closed = 5;
    paying(&mut mint, 0);
    (1..30).for_each(|block| bought_at(&mut mint, block));
    order(mint.paid(0, arrived(CYCLES), NOW));
    assert_eq!(mint.settled(0, TransferReport::Done(9), NOW), Step::Answer(Ok(BOUGHT)));
}

#[test]
fn where_there_are_no_tokens_no_payment_begins_and_there_is_a_rate() {
    for accounting in [Accounting::Quota, Accounting::Free] {
        let mut mint = mint();
        mint.set_config(Config { rate: None, ..config() }.accounted(accounting, NOW));
        assert_eq!(code(mint.notify(7, top_up(1), NOW)), ErrorCode::NoTokens as u64, "{accounting:?}");
        assert_eq!(mint.open_payments(), 0);
        let expected =
            IcpXdrConversionRate { timestamp_seconds: NOW / SECOND, xdr_permyriad_per_icp: 10_000 };
        assert_eq!(mint.config().rate, Some(expected));
    }
}

#[test]
fn a_rate_that_was_named_holds_in_every_mode() {
    for accounting in [Accounting::Market, Accounting::Quota, Accounting::Free] {
        assert_eq!(config().accounted(accounting, NOW).rate, config().rate);
    }
    assert_eq!(Config { rate: None, ..config() }.accounted(Accounting::Market, NOW).rate, None);
}

#[test]
fn payments_that_began_in_a_market_end_in_another_mode() {
    let mut mint = mint();
    bought(&mut mint);
    paying(&mut mint, 8);
    mint.set_config(config().accounted(Accounting::Quota, NOW));
    assert_eq!(mint.notify(7, top_up(1), NOW), Step::Answer(Ok(BOUGHT)));
    order(mint.paid(8, arrived(CYCLES), NOW));
    assert_eq!(mint.settled(8, TransferReport::Done(80), NOW), Step::Answer(Ok(BOUGHT)));
}

#[test]
fn a_configuration_written_before_there_were_modes_is_a_markets() {
    use cycles_interface::Stored;
    use ic_stable_structures::Storable;
    #[derive(serde::Serialize)]
    struct Old {
        ledger: Principal,
        governance: Principal,
        cycles_ledger: Principal,
        minting_account: AccountIdentifier,
        subnet_id: Option<Principal>,
        rate: Option<IcpXdrConversionRate>,
        transfer_fee_e8s: u64,
    }
    let Config {
        ledger, governance, cycles_ledger, minting_account, subnet_id, rate, transfer_fee_e8s, ..
    } = config();
    let old = Old { ledger, governance, cycles_ledger, minting_account, subnet_id, rate, transfer_fee_e8s };
    let mut bytes = Vec::new();
    assert!(ciborium::into_writer(&old, &mut bytes).is_ok());
    assert_eq!(Stored::<Config>::from_bytes(bytes.into()).0, config());
}
