//! Notifications at the same time, answers that are not heard, upgrades: at each step.

use super::*;
use crate::interface::{ErrorCode, NotifyError};
use crate::notify::TransferReport;
use crate::payment::Bought;

const PROCESSING: Step = Step::Answer(Err(NotifyError::Processing));
const BOUGHT: Bought = Bought::Cycles { cycles: CYCLES };

fn refund_pending(mint: &mut TestMint) -> TokenTransfer {
    paying(mint, 7);
    order(mint.paid(7, came_back(CYCLES), NOW))
}

#[test]
fn a_second_notification_while_the_block_is_read_is_told_to_wait() {
    let mut mint = mint();
    mint.notify(7, top_up(1), NOW);
    assert_eq!(mint.notify(7, top_up(1), NOW), PROCESSING);
    assert_eq!(mint.notify(7, top_up(2), NOW), PROCESSING);
}

#[test]
fn a_second_notification_while_cycles_are_sent_is_told_to_wait() {
    let mut mint = mint();
    paying(&mut mint, 7);
    assert_eq!(mint.notify(7, top_up(1), NOW), PROCESSING);
}

#[test]
fn a_second_notification_while_tokens_are_burnt_hears_what_was_bought() {
    let mut mint = mint();
    paying(&mut mint, 7);
    mint.paid(7, arrived(CYCLES), NOW);
    assert_eq!(mint.notify(7, top_up(1), NOW), Step::Answer(Ok(BOUGHT)));
    assert_eq!(mint.notify(7, top_up(2), NOW), PROCESSING);
}

#[test]
fn a_second_notification_while_tokens_are_given_back_is_told_to_wait() {
    let mut mint = mint();
    refund_pending(&mut mint);
    assert_eq!(mint.notify(7, top_up(1), NOW), PROCESSING);
}

#[test]
fn a_trap_while_the_block_is_read_leaves_the_payment_to_the_next_one() {
    let mut mint = mint();
    mint.notify(7, top_up(2), NOW);
    mint.release(7);
    paying(&mut mint, 7);
}

#[test]
fn a_trap_after_cycles_were_sent_never_sends_them_again() {
    let mut mint = mint();
    paying(&mut mint, 7);
    mint.release(7);
    for _ in 0..3 {
        assert_eq!(mint.notify(7, top_up(1), NOW + HOUR), PROCESSING);
    }
    assert_eq!(mint.total_cycles_minted(), CYCLES);
}

#[test]
fn an_order_for_tokens_that_was_not_answered_is_repeated_as_it_was() {
    let mut mint = mint();
    let first = refund_pending(&mut mint);
    mint.release(7);
    mint.set_config(Config { transfer_fee_e8s: 2 * FEE, ..config() });
    assert_eq!(order(mint.notify(7, top_up(1), NOW + HOUR)), first);
}

#[test]
fn an_order_that_the_ledger_refused_is_given_anew() {
    let mut mint = mint();
    let first = refund_pending(&mut mint);
    let answer = mint.settled(7, TransferReport::Refused("stopped".to_owned()), NOW);
    let code = ErrorCode::RefundFailed as u64;
    assert!(matches!(answer, Step::Answer(Err(NotifyError::Other { error_code, .. })) if error_code == code));
    let second = order(mint.notify(7, top_up(1), NOW + HOUR));
    assert_eq!(second, TokenTransfer { created_at_time: NOW + HOUR, ..first });
}

#[test]
fn a_burn_that_failed_does_not_spoil_the_answer_and_is_tried_again() {
    let mut mint = mint();
    paying(&mut mint, 7);
    mint.paid(7, arrived(CYCLES), NOW);
    let refused = TransferReport::Refused("stopped".to_owned());
    assert_eq!(mint.settled(7, refused, NOW), Step::Answer(Ok(BOUGHT)));
    assert_eq!(mint.open_payments(), 1);
    let again = mint.sweep(NOW + HOUR).map(order).map(|it| (it.e8s, it.created_at_time));
    assert_eq!(again, Some((E8S, NOW + HOUR)));
    assert_eq!(mint.sweep(NOW + HOUR), None);
    assert_eq!(mint.settled(7, TransferReport::Done(70), NOW), Step::Answer(Ok(BOUGHT)));
    assert_eq!(mint.open_payments(), 0);
}

#[test]
fn the_ledgers_fee_is_learnt_and_the_refund_less() {
    let mut mint = mint();
    refund_pending(&mut mint);
    let again = order(mint.settled(7, TransferReport::BadFee(3 * FEE), NOW + 1));
    assert_eq!((again.e8s, again.fee, again.created_at_time), (E8S - 3 * FEE, 3 * FEE, NOW + 1));
    assert_eq!(mint.config().transfer_fee_e8s, 3 * FEE);
}

#[test]
fn a_ledger_that_changes_its_fee_for_ever_is_left_for_later() {
    let mut mint = mint();
    refund_pending(&mut mint);
    let orders = (1..100).take_while(|it| {
        matches!(mint.settled(7, TransferReport::BadFee(FEE + it), NOW), Step::Settle { .. })
    });
    assert_eq!(orders.count(), 3);
    assert_eq!(mint.open_payments(), 1);
}

#[test]
fn a_repeated_order_is_never_given_with_another_fee() {
    let mut mint = mint();
    let first = refund_pending(&mut mint);
    mint.release(7);
    mint.notify(7, top_up(1), NOW + 1);
    assert!(matches!(mint.settled(7, TransferReport::BadFee(5), NOW + 2), Step::Answer(Err(_))));
    assert_eq!(order(mint.notify(7, top_up(1), NOW + 3)), first);
}

#[test]
fn a_repeated_order_that_the_ledger_cannot_know_any_more_is_not_given_anew() {
    let mut mint = mint();
    refund_pending(&mut mint);
    mint.release(7);
    mint.notify(7, top_up(1), NOW + 25 * HOUR);
    let answer = mint.settled(7, TransferReport::TooOld, NOW + 25 * HOUR);
    let refunded = NotifyError::Refunded { reason: "no such canister".to_owned(), block_index: None };
    assert_eq!(answer, Step::Answer(Err(refunded)));
}

#[test]
fn a_first_order_that_is_too_old_to_the_ledger_is_given_anew() {
    let mut mint = mint();
    refund_pending(&mut mint);
    assert!(matches!(mint.settled(7, TransferReport::TooOld, NOW), Step::Answer(Err(_))));
    assert_eq!(order(mint.notify(7, top_up(1), NOW + HOUR)).created_at_time, NOW + HOUR);
}

#[test]
fn a_report_that_comes_twice_changes_nothing() {
    let mut mint = mint();
    paying(&mut mint, 7);
    mint.paid(7, arrived(CYCLES), NOW);
    assert_eq!(mint.paid(7, came_back(CYCLES), NOW), PROCESSING);
    mint.settled(7, TransferReport::Done(70), NOW);
    assert_eq!(mint.settled(7, TransferReport::Done(71), NOW), PROCESSING);
    assert_eq!(mint.block_read(7, read(payment(1)), NOW), PROCESSING);
    assert_eq!(mint.notify(7, top_up(1), NOW), Step::Answer(Ok(BOUGHT)));
    assert_eq!(mint.total_cycles_minted(), CYCLES);
}

/// Opens the same stable memory after each step of a payment.
#[test]
fn an_upgrade_at_any_step_keeps_what_was_done() {
    let memory = VectorMemory::default();
    let open = || TestMint::open(memory.clone(), own_id());
    open().set_config(config());
    assert_eq!(open().notify(7, top_up(1), NOW), Step::Read { block: 7 });
    assert_eq!(open().notify(7, top_up(1), NOW), Step::Read { block: 7 });
    let pay = Step::Pay { block: 7, claim: top_up(1), cycles: CYCLES };
    assert_eq!(open().block_read(7, read(payment(1)), NOW), pay);
    assert_eq!(open().notify(7, top_up(1), NOW), PROCESSING);
    let burn = order(open().paid(7, arrived(CYCLES), NOW));
    assert_eq!(open().sweep(NOW + 1).map(order), Some(burn));
    assert_eq!(open().settled(7, TransferReport::Done(70), NOW), Step::Answer(Ok(BOUGHT)));
    assert_eq!(open().notify(7, top_up(1), NOW), Step::Answer(Ok(BOUGHT)));
    assert_eq!(open().total_cycles_minted(), CYCLES);
    assert_eq!(open().config(), &config());
}
