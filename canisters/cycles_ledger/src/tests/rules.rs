//! ICRC-1 and ICRC-2, rule by rule.

use super::*;
use crate::interface::GetAllowancesError;
use crate::refusal::Reason;
use crate::seen::{DRIFT_NS, FORGOTTEN_PER_CALL, WINDOW_NS};
use serde_bytes::ByteBuf;

const SECOND: u64 = 1_000_000_000;

fn timed(created: u64) -> Transfer {
    Transfer { created_at_time: Some(created), ..transfer(1, 2, 5) }
}

#[test]
fn a_transfer_moves_the_amount_and_charges_the_fee() {
    let book = check(as_it_is, |book| book.transfer(transfer(1, 2, 100), NOW), Ok(1));
    assert_eq!((book.balance(&account(1)), book.balance(&account(2))), (FUNDS - 100 - FEE, 100));
    assert_eq!(book.totals().fees, FEE);
}

#[test]
fn a_transfer_to_oneself_costs_the_fee_only() {
    let book = check(as_it_is, |book| book.transfer(transfer(1, 1, 100), NOW), Ok(1));
    assert_eq!(book.balance(&account(1)), FUNDS - FEE);
}

#[test]
fn a_transfer_may_empty_an_account() {
    let book = check(as_it_is, |book| book.transfer(transfer(1, 2, FUNDS - FEE), NOW), Ok(1));
    assert_eq!((book.balance(&account(1)), book.accounts()), (0, 1));
}

#[test]
fn a_transfer_of_more_than_the_balance_and_the_fee_is_refused() {
    for amount in [FUNDS - FEE + 1, FUNDS, u128::MAX - 1, u128::MAX] {
        let refusal = Refusal::InsufficientFunds { balance: FUNDS };
        check(as_it_is, |book| book.transfer(transfer(1, 2, amount), NOW), Err(refusal));
    }
}

#[test]
fn another_fee_than_the_expected_one_is_refused() {
    for fee in [0, FEE - 1, FEE + 1, u128::MAX] {
        let order = Transfer { fee: Some(fee), ..transfer(1, 2, 5) };
        let refusal = Refusal::BadFee { expected_fee: FEE };
        check(as_it_is, |book| book.transfer(order, NOW), Err(refusal.clone()));
        let order = Approval { fee: Some(fee), ..approval(1, 2, 5) };
        check(as_it_is, |book| book.approve(order, NOW), Err(refusal));
    }
}

#[test]
fn the_expected_fee_may_be_named() {
    let order = Transfer { fee: Some(FEE), ..transfer(1, 2, 5) };
    check(as_it_is, |book| book.transfer(order, NOW), Ok(1));
}

#[test]
fn a_memo_of_33_bytes_is_refused_and_one_of_32_is_not() {
    for (length, expected) in [(32, Ok(1)), (33, Err(Reason::MemoTooLong.into()))] {
        let order = Transfer { memo: Some(ByteBuf::from(vec![7; length])), ..transfer(1, 2, 5) };
        check(as_it_is, |book| book.transfer(order, NOW), expected);
    }
}

#[test]
fn the_default_subaccount_is_the_same_written_out() {
    let to = Account { subaccount: subaccount(0), ..account(2) };
    let order = Transfer { to, ..transfer(1, 2, 5) };
    let book = check(as_it_is, |book| book.transfer(order, NOW), Ok(1));
    assert_eq!(book.balance(&account(2)), 5);
}

#[test]
fn another_subaccount_is_another_account() {
    let to = Account { subaccount: subaccount(1), ..account(2) };
    let mut book = book();
    ok(book.transfer(Transfer { to, ..transfer(1, 2, 5) }, NOW));
    assert_eq!((book.balance(&to), book.balance(&account(2))), (5, 0));
}

#[test]
fn an_order_ordered_twice_is_done_once() {
    let refusal = Refusal::Duplicate { duplicate_of: 1, canister_id: None };
    let first = |book: &mut TestBook| assert_eq!(book.transfer(timed(NOW), NOW), Ok(1));
    check(first, |book| book.transfer(timed(NOW), NOW + SECOND), Err(refusal));
}

#[test]
fn a_duplicate_is_told_even_when_there_are_no_funds_left_for_it() {
    let first = |book: &mut TestBook| {
        ok(book.transfer(timed(NOW), NOW));
        ok(book.transfer(transfer(1, 3, FUNDS - 2 * FEE - 5), NOW));
    };
    let refusal = Refusal::Duplicate { duplicate_of: 1, canister_id: None };
    check(first, |book| book.transfer(timed(NOW), NOW), Err(refusal));
}

#[test]
fn orders_without_a_time_are_not_compared() {
    let first = |book: &mut TestBook| assert_eq!(book.transfer(transfer(1, 2, 5), NOW), Ok(1));
    check(first, |book| book.transfer(transfer(1, 2, 5), NOW), Ok(2));
}

#[test]
fn orders_that_differ_in_one_field_are_two_orders() {
    let memo = |bytes: &[u8]| Some(ByteBuf::from(bytes));
    let others = [
        timed(NOW + 1),
        Transfer { amount: 6, ..timed(NOW) },
        Transfer { to: account(3), ..timed(NOW) },
        Transfer { fee: Some(FEE), ..timed(NOW) },
        Transfer { memo: memo(b""), ..timed(NOW) },
        Transfer { memo: memo(b"a"), ..timed(NOW) },
        Transfer { spender: Some(account(1)), ..timed(NOW) },
    ];
    for other in others {
        let first = |book: &mut TestBook| assert_eq!(book.transfer(timed(NOW), NOW), Ok(1));
        check(first, |book| book.transfer(other, NOW), Ok(2));
    }
}

#[test]
fn an_order_is_too_old_after_the_window_and_the_drift() {
    let oldest = NOW - WINDOW_NS - DRIFT_NS;
    check(as_it_is, |book| book.transfer(timed(oldest), NOW), Ok(1));
    check(as_it_is, |book| book.transfer(timed(oldest - 1), NOW), Err(Refusal::TooOld));
    check(as_it_is, |book| book.transfer(timed(0), NOW), Err(Refusal::TooOld));
}

#[test]
fn an_order_from_beyond_the_drift_is_from_the_future() {
    let refusal = Refusal::CreatedInFuture { ledger_time: NOW };
    check(as_it_is, |book| book.transfer(timed(NOW + DRIFT_NS), NOW), Ok(1));
    check(as_it_is, |book| book.transfer(timed(NOW + DRIFT_NS + 1), NOW), Err(refusal.clone()));
    check(as_it_is, |book| book.transfer(timed(u64::MAX), NOW), Err(refusal));
}

#[test]
fn what_is_too_old_to_be_repeated_is_forgotten_in_bounded_steps() {
    let mut book = book();
    let orders = 2 * FORGOTTEN_PER_CALL as u64;
    for created in 0..orders {
        ok(book.transfer(Transfer { amount: 0, ..timed(NOW + created) }, NOW));
    }
    assert_eq!(book.index_sizes().1, orders);
    let later = NOW + WINDOW_NS + 2 * DRIFT_NS;
    ok(book.deposit(account(1), FUNDS, None, later).map(|(block, _)| block));
    assert_eq!(book.index_sizes().1, orders - FORGOTTEN_PER_CALL as u64);
    ok(book.deposit(account(1), FUNDS, None, later).map(|(block, _)| block));
    assert_eq!(book.index_sizes().1, 0);
}

#[test]
fn a_spender_moves_what_was_allowed_and_the_fee_counts() {
    let allowed = |book: &mut TestBook| assert_eq!(book.approve(approval(1, 2, 100), NOW), Ok(1));
    let book = check(allowed, |book| book.transfer(transfer_from(2, 1, 3, 60), NOW), Ok(2));
    assert_eq!(book.allowance(&account(1), &account(2), NOW).map(|it| it.amount), Some(100 - 60 - FEE));
    assert_eq!(book.balance(&account(3)), 60);
}

#[test]
fn a_spender_cannot_move_more_than_was_allowed() {
    let allowed = |book: &mut TestBook| assert_eq!(book.approve(approval(1, 2, 100), NOW), Ok(1));
    for amount in [100 - FEE + 1, 100, u128::MAX] {
        let refusal = Refusal::InsufficientAllowance { allowance: 100 };
        check(allowed, |book| book.transfer(transfer_from(2, 1, 3, amount), NOW), Err(refusal));
    }
}

#[test]
fn a_stranger_is_allowed_nothing() {
    let refusal = Refusal::InsufficientAllowance { allowance: 0 };
    check(as_it_is, |book| book.transfer(transfer_from(2, 1, 3, 0), NOW), Err(refusal));
}

#[test]
fn an_allowance_used_up_is_gone() {
    let allowed = |book: &mut TestBook| assert_eq!(book.approve(approval(1, 2, 100), NOW), Ok(1));
    let book = check(allowed, |book| book.transfer(transfer_from(2, 1, 3, 100 - FEE), NOW), Ok(2));
    assert_eq!(book.index_sizes().0, 0);
}

#[test]
fn an_allowance_larger_than_the_balance_does_not_overdraw_it() {
    let allowed = |book: &mut TestBook| assert_eq!(book.approve(approval(1, 2, u128::MAX), NOW), Ok(1));
    let refusal = Refusal::InsufficientFunds { balance: FUNDS - FEE };
    check(allowed, |book| book.transfer(transfer_from(2, 1, 3, FUNDS), NOW), Err(refusal));
}

#[test]
fn the_owner_needs_no_allowance_as_spender() {
    check(as_it_is, |book| book.transfer(transfer_from(1, 1, 2, 5), NOW), Ok(1));
}

#[test]
fn an_approval_for_oneself_is_refused() {
    let spender = Account { subaccount: subaccount(3), ..account(1) };
    let order = Approval { spender, ..approval(1, 1, 5) };
    check(as_it_is, |book| book.approve(order, NOW), Err(Reason::SelfApproval.into()));
}

#[test]
fn an_approval_costs_the_fee() {
    let refusal = Refusal::InsufficientFunds { balance: 0 };
    check(as_it_is, |book| book.approve(approval(2, 1, 5), NOW), Err(refusal));
    let book = check(as_it_is, |book| book.approve(approval(1, 2, 5), NOW), Ok(1));
    assert_eq!(book.balance(&account(1)), FUNDS - FEE);
}

#[test]
fn an_approval_replaces_the_one_before() {
    let first = |book: &mut TestBook| assert_eq!(book.approve(approval(1, 2, 100), NOW), Ok(1));
    let book = check(first, |book| book.approve(approval(1, 2, 7), NOW), Ok(2));
    assert_eq!(book.allowance(&account(1), &account(2), NOW).map(|it| it.amount), Some(7));
}

#[test]
fn an_approval_of_nothing_takes_the_allowance_away() {
    let first = |book: &mut TestBook| assert_eq!(book.approve(approval(1, 2, 100), NOW), Ok(1));
    let book = check(first, |book| book.approve(approval(1, 2, 0), NOW), Ok(2));
    assert_eq!(book.index_sizes().0, 0);
}

#[test]
fn an_allowance_that_is_not_the_expected_one_any_more_wins_the_race() {
    let first = |book: &mut TestBook| {
        ok(book.approve(approval(1, 2, 100), NOW));
        ok(book.transfer(transfer_from(2, 1, 3, 30), NOW));
    };
    let order = |expected| Approval { expected_allowance: Some(expected), ..approval(1, 2, 7) };
    let refusal = Refusal::AllowanceChanged { current_allowance: 60 };
    check(first, |book| book.approve(order(100), NOW), Err(refusal));
    check(first, |book| book.approve(order(60), NOW), Ok(3));
    check(as_it_is, |book| book.approve(order(0), NOW), Ok(1));
}

#[test]
fn an_approval_that_has_expired_is_refused() {
    for expires_at in [0, NOW - 1, NOW] {
        let order = Approval { expires_at: Some(expires_at), ..approval(1, 2, 5) };
        check(as_it_is, |book| book.approve(order, NOW), Err(Refusal::Expired { ledger_time: NOW }));
    }
}

#[test]
fn an_allowance_holds_until_it_expires() {
    let until = NOW + SECOND;
    let first = |book: &mut TestBook| {
        ok(book.approve(Approval { expires_at: Some(until), ..approval(1, 2, 100) }, NOW));
    };
    let order = || transfer_from(2, 1, 3, 5);
    check(first, |book| book.transfer(order(), until - 1), Ok(2));
    let refusal = Refusal::InsufficientAllowance { allowance: 0 };
    check(first, |book| book.transfer(order(), until), Err(refusal));
}

#[test]
fn expired_allowances_are_removed_in_bounded_steps() {
    let mut book = book();
    ok(book.approve(Approval { expires_at: Some(NOW + 1), ..approval(1, 2, 100) }, NOW));
    ok(book.approve(Approval { expires_at: Some(NOW + 9), ..approval(1, 3, 100) }, NOW));
    ok(book.approve(approval(1, 4, 100), NOW));
    ok(book.transfer(transfer(1, 2, 0), NOW + 5));
    assert_eq!(book.index_sizes().0, 2);
}

#[test]
fn an_approval_ordered_twice_is_done_once() {
    let order = || Approval { created_at_time: Some(NOW), ..approval(1, 2, 5) };
    let first = |book: &mut TestBook| assert_eq!(book.approve(order(), NOW), Ok(1));
    let refusal = Refusal::Duplicate { duplicate_of: 1, canister_id: None };
    check(first, |book| book.approve(order(), NOW), Err(refusal));
}

#[test]
fn a_deposit_of_less_than_the_fee_is_refused() {
    let deposit = |amount| move |book: &mut TestBook| Ok(book.deposit(account(2), amount, None, NOW)?.0);
    check(as_it_is, deposit(FEE), Ok(1));
    check(as_it_is, deposit(FEE - 1), Err(Reason::DepositTooSmall.into()));
}

#[test]
fn a_deposit_beyond_what_can_be_counted_is_refused() {
    let deposit = |amount| move |book: &mut TestBook| Ok(book.deposit(account(2), amount, None, NOW)?.0);
    check(as_it_is, deposit(u128::MAX - FUNDS), Ok(1));
    check(as_it_is, deposit(u128::MAX - FUNDS + 1), Err(Reason::SupplyTooLarge.into()));
}

#[test]
fn an_owner_alone_reads_the_list_of_its_allowances() {
    let own = Account { subaccount: subaccount(3), ..account(1) };
    assert_eq!(crate::token::check_owner(account(1).owner, &own), Ok(()));
    for stranger in [account(2).owner, canister(), candid::Principal::anonymous()] {
        let answer = crate::token::check_owner(stranger, &own);
        assert!(matches!(answer, Err(GetAllowancesError::AccessDenied { .. })), "{stranger}");
    }
}

#[test]
fn allowances_are_listed_by_spender_and_in_pages() {
    let mut book = book();
    for spender in [4, 2, 5, 3] {
        ok(book.approve(approval(1, spender, u128::from(spender)), NOW));
    }
    ok(book.approve(Approval { expires_at: Some(NOW + 1), ..approval(1, 3, 3) }, NOW));
    let listed = |after: Option<u8>, take| {
        let spender = after.map_or(crate::key::AccountKey::FIRST, |it| (&account(it)).into());
        let page = book.allowances_after(&((&account(1)).into(), spender), take, NOW + 1);
        page.into_iter().map(|(_, spender, it)| (spender, it.amount)).collect::<Vec<_>>()
    };
    let all = [2, 4, 5].map(|it| (account(it), u128::from(it)));
    assert_eq!(listed(None, 9), all);
    assert_eq!(listed(None, 2), all[..2]);
    assert_eq!(listed(Some(4), 9), all[2..]);
}
