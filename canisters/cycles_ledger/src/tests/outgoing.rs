//! Cycles that leave, and what comes back.

use super::*;
use crate::block::Operation;
use crate::flight::{Landing, REFUND_MEMO, Refunds};
use crate::seen::WINDOW_NS;

const ARRIVED: Landing = Landing::Arrived { canister_id: None, returned: 0 };

fn by_spender(spender: u8, from: u8, amount: u128) -> Departure {
    Departure { spender: Some(account(spender)), ..withdrawal(from, amount) }
}

/// Lets a withdrawal of 100 by account 1 land; what was given back, and the balance.
fn check_landing(landing: Landing, refunds: Refunds, balance: u128, withdrawn: u128) {
    let mut book = check(as_it_is, |book| book.depart(withdrawal(1, 100), NOW), Ok(1));
    assert_eq!((book.balance(&account(1)), book.totals().in_flight), (FUNDS - 100 - FEE, 100));
    assert_eq!(book.land(1, landing, NOW), refunds);
    assert_eq!((book.balance(&account(1)), book.totals().withdrawn), (balance, withdrawn));
    assert_eq!((book.flights(), book.totals().in_flight), (0, 0));
    assert_balanced(&book);
    assert_eq!(book.land(1, landing, NOW), Refunds::default());
    assert_eq!(book.balance(&account(1)), balance);
}

#[test]
fn the_balance_is_debited_before_the_call_and_stays_so_on_success() {
    check_landing(ARRIVED, Refunds::default(), FUNDS - 100 - FEE, 100);
}

#[test]
fn a_failed_call_is_refunded_less_a_second_fee_and_only_once() {
    let refunds = Refunds { refund_block: Some(2), approval_refund_block: None };
    check_landing(Landing::Failed { returned: 100 }, refunds, FUNDS - 2 * FEE, 0);
}

#[test]
fn only_what_came_back_is_refunded() {
    let refunds = Refunds { refund_block: Some(2), approval_refund_block: None };
    check_landing(Landing::Failed { returned: 40 }, refunds, FUNDS - 100 - FEE + 40 - FEE, 60);
}

#[test]
fn more_than_was_sent_is_never_refunded() {
    let refunds = Refunds { refund_block: Some(2), approval_refund_block: None };
    check_landing(Landing::Failed { returned: u128::MAX }, refunds, FUNDS - 2 * FEE, 0);
}

#[test]
fn a_refund_that_the_fee_eats_writes_no_block() {
    check_landing(Landing::Failed { returned: FEE }, Refunds::default(), FUNDS - 100 - FEE, 100 - FEE);
    check_landing(Landing::Failed { returned: 0 }, Refunds::default(), FUNDS - 100 - FEE, 100);
}

#[test]
fn what_a_receiver_did_not_take_comes_back_without_a_fee() {
    let refunds = Refunds { refund_block: Some(2), approval_refund_block: None };
    let landing = Landing::Arrived { canister_id: None, returned: 30 };
    check_landing(landing, refunds, FUNDS - 100 - FEE + 30, 70);
}

#[test]
fn the_refund_is_a_mint_with_the_refund_memo() {
    let mut book = book();
    let block = ok(book.depart(withdrawal(1, 100), NOW));
    let refunds = book.land(block, Landing::Failed { returned: 100 }, NOW + 5);
    let refund = refunds.refund_block.and_then(|it| book.block(it)).map(|it| (it.timestamp, it.transaction));
    let (timestamp, transaction) = refund.unwrap_or_else(|| panic!("no refund"));
    assert_eq!(timestamp, NOW + 5);
    assert_eq!(transaction.operation, Operation::Mint { to: account(1), amount: 100 - FEE });
    assert_eq!(transaction.memo.as_deref().map(|it| &it[..]), Some(&REFUND_MEMO[..]));
}

#[test]
fn a_withdrawal_names_its_receiver_in_the_memo_as_cbor() {
    let mut book = book();
    let block = ok(book.depart(withdrawal(1, 100), NOW));
    let memo = book.block(block).and_then(|it| it.transaction.memo).unwrap_or_default();
    assert_eq!(memo[..], [&[0x81, 0x4a], canister().as_slice()].concat());
}

#[test]
fn a_withdrawal_of_more_than_the_balance_and_the_fee_is_refused() {
    for amount in [FUNDS - FEE + 1, u128::MAX] {
        let refusal = Refusal::InsufficientFunds { balance: FUNDS };
        check(as_it_is, |book| book.depart(withdrawal(1, amount), NOW), Err(refusal));
    }
}

#[test]
fn cycles_in_flight_cannot_be_spent() {
    let away = |book: &mut TestBook| assert_eq!(book.depart(withdrawal(1, FUNDS - FEE), NOW), Ok(1));
    let refusal = Refusal::InsufficientFunds { balance: 0 };
    check(away, |book| book.depart(withdrawal(1, 1), NOW), Err(refusal.clone()));
    check(away, |book| book.transfer(transfer(1, 2, 1), NOW), Err(refusal));
}

#[test]
fn a_spender_withdraws_what_was_allowed() {
    let allowed = |book: &mut TestBook| assert_eq!(book.approve(approval(1, 2, 100), NOW), Ok(1));
    let refusal = Refusal::InsufficientAllowance { allowance: 100 };
    check(allowed, |book| book.depart(by_spender(2, 1, 100), NOW), Err(refusal));
    let mut book = check(allowed, |book| book.depart(by_spender(2, 1, 100 - FEE), NOW), Ok(2));
    book.land(2, ARRIVED, NOW);
    assert_eq!(book.index_sizes().0, 0);
}

#[test]
fn a_stranger_neither_withdraws_nor_creates_from_an_account() {
    for purpose in [Purpose::Withdrawal { to: canister() }, Purpose::Creation] {
        let order = || Departure { purpose, ..by_spender(2, 1, 0) };
        let refusal = Refusal::InsufficientAllowance { allowance: 0 };
        check(as_it_is, |book| book.depart(order(), NOW), Err(refusal));
    }
}

/// Approves 500 for account 2, which withdraws 100 in vain; the allowance afterwards.
fn check_approval_refund(
    meanwhile: impl FnOnce(&mut TestBook),
    refund_block: Option<u64>,
    allowance: Option<u128>,
) {
    let mut book = book();
    ok(book.approve(approval(1, 2, 500), NOW));
    let block = ok(book.depart(by_spender(2, 1, 100), NOW));
    meanwhile(&mut book);
    let refunds = book.land(block, Landing::Failed { returned: 100 }, NOW);
    assert_eq!(refunds.approval_refund_block, refund_block);
    assert_eq!(book.allowance(&account(1), &account(2), NOW).map(|it| it.amount), allowance);
    assert_balanced(&book);
}

#[test]
fn a_failed_withdrawal_gives_the_allowance_back_less_three_fees() {
    check_approval_refund(as_it_is, Some(4), Some(500 - 3 * FEE));
}

#[test]
fn an_allowance_taken_away_meanwhile_is_not_given_back() {
    check_approval_refund(|book| assert_eq!(book.approve(approval(1, 2, 0), NOW), Ok(3)), None, None);
}

#[test]
fn an_allowance_renewed_meanwhile_is_not_raised() {
    check_approval_refund(|book| assert_eq!(book.approve(approval(1, 2, 7), NOW), Ok(3)), None, Some(7));
}

#[test]
fn an_allowance_used_up_by_the_failed_withdrawal_comes_back_with_its_end() {
    let mut book = book();
    let until = Some(NOW + 1_000);
    ok(book.approve(Approval { expires_at: until, ..approval(1, 2, 100 + FEE) }, NOW));
    let block = ok(book.depart(by_spender(2, 1, 100), NOW));
    assert_eq!(book.allowance(&account(1), &account(2), NOW), None);
    book.land(block, Landing::Failed { returned: 100 }, NOW);
    let back = book.allowance(&account(1), &account(2), NOW).map(|it| (it.amount, it.expires_at));
    assert_eq!(back, Some((100 - 2 * FEE, until)));
}

#[test]
fn an_allowance_that_expired_meanwhile_is_not_given_back() {
    let mut book = book();
    ok(book.approve(Approval { expires_at: Some(NOW + 1_000), ..approval(1, 2, 500) }, NOW));
    let block = ok(book.depart(by_spender(2, 1, 100), NOW));
    let refunds = book.land(block, Landing::Failed { returned: 100 }, NOW + 1_000);
    assert_eq!(refunds, Refunds { refund_block: Some(3), approval_refund_block: None });
}

#[test]
fn an_allowance_is_not_given_back_when_that_costs_more_than_it_is_worth() {
    let mut book = book();
    ok(book.approve(approval(1, 2, 500), NOW));
    let block = ok(book.depart(by_spender(2, 1, 2 * FEE), NOW));
    let refunds = book.land(block, Landing::Failed { returned: 2 * FEE }, NOW);
    assert_eq!(refunds, Refunds { refund_block: Some(3), approval_refund_block: None });
}

#[test]
fn a_creation_ordered_twice_is_told_with_the_canister_once_it_is_there() {
    let order = || Departure { purpose: Purpose::Creation, created_at_time: Some(NOW), ..withdrawal(1, 100) };
    let mut book = book();
    let block = ok(book.depart(order(), NOW));
    let duplicate = |canister_id| Err(Refusal::Duplicate { duplicate_of: block, canister_id });
    assert_eq!(book.depart(order(), NOW), duplicate(None));
    book.land(block, Landing::Arrived { canister_id: Some(canister()), returned: 0 }, NOW);
    assert_eq!(book.depart(order(), NOW), duplicate(Some(canister())));
}

#[test]
fn a_flight_that_lands_after_the_window_is_booked_all_the_same() {
    let order = Departure { purpose: Purpose::Creation, created_at_time: Some(NOW), ..withdrawal(1, 100) };
    let mut book = book();
    let block = ok(book.depart(order, NOW));
    let later = NOW + 2 * WINDOW_NS;
    ok(book.transfer(transfer(1, 2, 1), later));
    book.land(block, Landing::Arrived { canister_id: Some(canister()), returned: 0 }, later);
    assert_eq!((book.totals().withdrawn, book.index_sizes().1), (100, 0));
    assert_balanced(&book);
}
