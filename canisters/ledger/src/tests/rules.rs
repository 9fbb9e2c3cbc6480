use super::*;
use crate::allowance::MAX_EXPIRED_PER_CALL;
use crate::window::PERMITTED_DRIFT_NANOS;
use icrc::MAX_MEMO_LENGTH;

/// Does a transfer on a fresh ledger; a refusal must leave everything as it was.
fn check(request: TransferRequest, expected: Result<(), Refusal>) {
    let mut ledger = ledger();
    check_on(&mut ledger, request, NOW, expected);
}

fn check_on(ledger: &mut Ledger<Memory>, request: TransferRequest, now: u64, expected: Result<(), Refusal>) {
    let (tip, from, to) =
        (ledger.tip(), ledger.balance(request.from.identifier), ledger.balance(request.to.identifier));
    let result = ledger.transfer(request.clone(), now);
    assert_eq!(result, expected.map(|()| tip.length), "{request:?}");
    if result.is_err() {
        assert_eq!(ledger.tip(), tip);
        assert_eq!(ledger.balance(request.from.identifier), from);
        assert_eq!(ledger.balance(request.to.identifier), to);
    }
}

fn check_approval(
    ledger: &mut Ledger<Memory>,
    request: ApproveRequest,
    now: u64,
    expected: Result<(), Refusal>,
) {
    let tip = ledger.tip();
    let before = ledger.allowance(request.from, request.spender, now);
    let result = ledger.approve(request.clone(), now);
    assert_eq!(result, expected.map(|()| tip.length), "{request:?}");
    if result.is_err() {
        assert_eq!(ledger.tip(), tip);
        assert_eq!(ledger.allowance(request.from, request.spender, now), before);
    }
}

#[test]
fn a_transfer_moves_the_amount_and_burns_the_fee() {
    let mut ledger = ledger();
    check_on(&mut ledger, transfer(user(1), user(2), 100), NOW, Ok(()));
    assert_eq!(balance(&ledger, user(1)), 1_000 - 100 - FEE);
    assert_eq!(balance(&ledger, user(2)), 1_100);
    assert_eq!(ledger.total_supply(), 3_000 - FEE);
}

#[test]
fn another_fee_than_the_ledgers_is_refused() {
    let with_fee = |request: TransferRequest, fee| TransferRequest { fee: Some(fee), ..request };
    let bad = |expected| Err(Refusal::BadFee { expected });
    check(with_fee(transfer(user(1), user(2), 1), FEE.into()), Ok(()));
    check(with_fee(transfer(user(1), user(2), 1), 0), bad(FEE));
    check(with_fee(transfer(user(1), user(2), 1), u128::MAX), bad(FEE));
    check(with_fee(transfer(minter(), user(2), 1), 0), Ok(()));
    check(with_fee(transfer(minter(), user(2), 1), FEE.into()), bad(0));
    check(with_fee(transfer(user(1), minter(), 100), 0), Ok(()));
    check(with_fee(transfer(user(1), minter(), 100), FEE.into()), bad(0));
    let approval = ApproveRequest { fee: Some(1), ..approve(user(1), user(2), 5) };
    check_approval(&mut ledger(), approval, NOW, bad(FEE));
}

#[test]
fn more_than_the_balance_is_refused() {
    let short = |balance| Err(Refusal::InsufficientFunds { balance });
    check(transfer(user(1), user(2), u128::from(1_000 - FEE)), Ok(()));
    check(transfer(user(1), user(2), u128::from(1_000 - FEE + 1)), short(1_000));
    check(transfer(user(1), user(2), u64::MAX.into()), short(1_000));
    check(transfer(user(1), user(2), u128::MAX), short(1_000));
    check(transfer(user(9), user(2), 0), short(0));
    check(transfer(user(1), minter(), 1_001), short(1_000));
    check(transfer(user(1), minter(), u128::MAX), short(1_000));
    check_approval(&mut ledger(), approve(user(9), user(2), 1), NOW, short(0));
}

#[test]
fn the_same_transaction_is_done_once_within_the_window() {
    let mut ledger = ledger();
    let timed = TransferRequest { created_at_time: Some(NOW), ..transfer(user(1), user(2), 5) };
    check_on(&mut ledger, timed.clone(), NOW, Ok(()));
    let of = ledger.tip().length - 1;
    check_on(&mut ledger, timed.clone(), NOW, Err(Refusal::Duplicate { of }));
    check_on(&mut ledger, timed.clone(), NOW + WINDOW, Err(Refusal::Duplicate { of }));
    check_on(&mut ledger, timed.clone(), NOW + WINDOW + 1, Err(Refusal::TooOld { window: WINDOW }));
    let others = [
        TransferRequest { memo: 1, ..timed.clone() },
        TransferRequest { icrc1_memo: Some(vec![]), ..timed.clone() },
        TransferRequest { amount: 6, ..timed.clone() },
        TransferRequest { created_at_time: Some(NOW + 1), ..timed.clone() },
        TransferRequest { to: Party::from(user(3)), ..timed.clone() },
        TransferRequest { from: Party::from(user(3)), ..timed },
    ];
    others.into_iter().for_each(|other| check_on(&mut ledger, other, NOW, Ok(())));
}

#[test]
fn an_approval_sent_twice_is_done_once() {
    let mut ledger = ledger();
    let timed = ApproveRequest { created_at_time: Some(NOW), ..approve(user(1), user(2), 5) };
    check_approval(&mut ledger, timed.clone(), NOW, Ok(()));
    let of = ledger.tip().length - 1;
    check_approval(&mut ledger, timed, NOW, Err(Refusal::Duplicate { of }));
}

#[test]
fn without_a_time_nothing_is_deduplicated() {
    let mut ledger = ledger();
    check_on(&mut ledger, transfer(user(1), user(2), 5), NOW, Ok(()));
    check_on(&mut ledger, transfer(user(1), user(2), 5), NOW, Ok(()));
    assert_eq!(ledger.window.count(), 0);
}

#[test]
fn a_transaction_that_failed_may_be_sent_again() {
    let mut ledger = ledger();
    let timed = TransferRequest { created_at_time: Some(NOW), ..transfer(user(4), user(2), 5) };
    check_on(&mut ledger, timed.clone(), NOW, Err(Refusal::InsufficientFunds { balance: 0 }));
    ledger.transfer(transfer(minter(), user(4), 500), NOW).unwrap();
    check_on(&mut ledger, timed, NOW, Ok(()));
}

#[test]
fn transactions_are_too_old_after_the_window_and_in_the_future_after_the_drift() {
    let at = |time| TransferRequest { created_at_time: Some(time), ..transfer(user(1), user(2), 5) };
    check(at(NOW - WINDOW), Ok(()));
    check(at(NOW - WINDOW - 1), Err(Refusal::TooOld { window: WINDOW }));
    check(at(0), Err(Refusal::TooOld { window: WINDOW }));
    check(at(NOW + PERMITTED_DRIFT_NANOS), Ok(()));
    check(at(NOW + PERMITTED_DRIFT_NANOS + 1), Err(Refusal::CreatedInFuture { now: NOW }));
    check(at(u64::MAX), Err(Refusal::CreatedInFuture { now: NOW }));
}

#[test]
fn a_full_window_gives_out_its_second_half_second_by_second() {
    let mut ledger = ledger();
    ledger.window.set_max_transactions(10);
    let timed =
        |memo, now| TransferRequest { memo, created_at_time: Some(now), ..transfer(user(1), user(2), 0) };
    (0..5).for_each(|memo| check_on(&mut ledger, timed(memo, NOW), NOW, Ok(())));
    check_on(&mut ledger, timed(5, NOW), NOW, Err(Refusal::Throttled));
    check_on(&mut ledger, transfer(user(1), user(2), 0), NOW, Ok(()));
    for second in 1..=5 {
        let now = NOW + second * SECOND;
        check_on(&mut ledger, timed(5, now), now, Ok(()));
        check_on(&mut ledger, timed(6, now), now, Err(Refusal::Throttled));
    }
    let full = NOW + 10 * SECOND;
    check_on(&mut ledger, timed(7, full), full, Err(Refusal::Throttled));
    let over = NOW + WINDOW + PERMITTED_DRIFT_NANOS + 1;
    check_on(&mut ledger, timed(8, over), over, Ok(()));
    assert_eq!(ledger.window.count(), 5 + 1, "the five of the first second are forgotten");
}

#[test]
fn memos_have_at_most_32_bytes() {
    let memo = |bytes| Some(vec![7; bytes]);
    let with = |bytes| TransferRequest { icrc1_memo: memo(bytes), ..transfer(user(1), user(2), 1) };
    check(with(0), Ok(()));
    check(with(MAX_MEMO_LENGTH), Ok(()));
    check(with(MAX_MEMO_LENGTH + 1), Err(Refusal::MemoTooLong));
    let approval = ApproveRequest { icrc1_memo: memo(33), ..approve(user(1), user(2), 5) };
    check_approval(&mut ledger(), approval, NOW, Err(Refusal::MemoTooLong));
}

#[test]
fn a_transfer_to_oneself_costs_the_fee() {
    let mut ledger = ledger();
    check_on(&mut ledger, transfer(user(1), user(1), 990), NOW, Ok(()));
    assert_eq!(balance(&ledger, user(1)), 990);
    check_on(
        &mut ledger,
        transfer(user(1), user(1), 990),
        NOW,
        Err(Refusal::InsufficientFunds { balance: 990 }),
    );
}

#[test]
fn nothing_may_be_sent_and_minted_but_not_burnt() {
    check(transfer(user(1), user(2), 0), Ok(()));
    check(transfer(minter(), user(2), 0), Ok(()));
    check(transfer(user(1), minter(), 0), Err(Refusal::BadBurn { least: FEE }));
    check(transfer(user(9), minter(), 0), Err(Refusal::BadBurn { least: FEE }));
}

#[test]
fn accounts_with_nothing_left_are_not_kept() {
    let mut ledger = ledger();
    check_on(&mut ledger, transfer(user(1), user(2), 990), NOW, Ok(()));
    check_on(&mut ledger, transfer(user(2), user(4), 0), NOW, Ok(()));
    assert_eq!(ledger.balances.len(), 2);
}

#[test]
fn mints_and_burns_are_free_and_change_the_supply() {
    let mut ledger = ledger();
    check_on(&mut ledger, transfer(minter(), user(1), 50), NOW, Ok(()));
    assert_eq!((balance(&ledger, user(1)), ledger.total_supply()), (1_050, 3_050));
    check_on(&mut ledger, transfer(user(1), minter(), 1_050), NOW, Ok(()));
    assert_eq!((balance(&ledger, user(1)), ledger.total_supply()), (0, 2_000));
    assert_eq!(balance(&ledger, minter()), 0);
}

#[test]
fn no_more_is_minted_than_can_be_counted() {
    let room = u64::MAX - 3_000;
    check(transfer(minter(), user(1), room.into()), Ok(()));
    check(
        transfer(minter(), user(1), u128::from(room) + 1),
        Err(Refusal::InsufficientFunds { balance: room }),
    );
    check(transfer(minter(), user(1), u128::MAX), Err(Refusal::InsufficientFunds { balance: room }));
}

#[test]
fn a_burn_takes_at_least_the_fee_or_all_there_is() {
    check(transfer(user(1), minter(), FEE.into()), Ok(()));
    check(transfer(user(1), minter(), u128::from(FEE) - 1), Err(Refusal::BadBurn { least: FEE }));
    let mut ledger = ledger();
    ledger.transfer(transfer(minter(), user(4), 3), NOW).unwrap();
    check_on(&mut ledger, transfer(user(4), minter(), 2), NOW, Err(Refusal::BadBurn { least: 3 }));
    check_on(&mut ledger, transfer(user(4), minter(), 3), NOW, Ok(()));
}

#[test]
fn the_minting_account_gives_no_allowance_and_nothing_to_itself() {
    let mut ledger = ledger();
    check_approval(&mut ledger, approve(minter(), user(1), 5), NOW, Err(Refusal::MinterDelegates));
    check(transfer_from(user(1), minter(), user(2), 5), Err(Refusal::MinterDelegates));
    check(transfer(minter(), minter(), 5), Err(Refusal::MintToMinter));
    check(transfer_from(user(1), minter(), minter(), 5), Err(Refusal::MintToMinter));
}

#[test]
fn the_minting_account_may_be_allowed_to_burn() {
    let mut ledger = ledger();
    check_approval(&mut ledger, approve(user(1), user(2), 100), NOW, Ok(()));
    check_on(&mut ledger, transfer_from(user(2), user(1), minter(), 60), NOW, Ok(()));
    let short = Err(Refusal::InsufficientAllowance { allowance: 40 });
    check_on(&mut ledger, transfer_from(user(2), user(1), minter(), 60), NOW, short);
    assert_eq!(balance(&ledger, user(1)), 1_000 - FEE - 60);
    assert_eq!(ledger.allowance(user(1), user(2), NOW).amount, 40);
}

#[test]
fn an_allowance_pays_for_amount_and_fee() {
    let mut ledger = ledger();
    let short = |allowance| Err(Refusal::InsufficientAllowance { allowance });
    check_on(&mut ledger, transfer_from(user(2), user(1), user(3), 1), NOW, short(0));
    check_approval(&mut ledger, approve(user(1), user(2), 100), NOW, Ok(()));
    check_on(&mut ledger, transfer_from(user(2), user(1), user(3), 91), NOW, short(100));
    check_on(&mut ledger, transfer_from(user(2), user(1), user(3), u64::MAX.into()), NOW, short(100));
    check_on(&mut ledger, transfer_from(user(2), user(1), user(3), 90), NOW, Ok(()));
    assert_eq!(ledger.allowance(user(1), user(2), NOW).amount, 0);
    assert_eq!(ledger.allowances.count(), 0);
    assert_eq!(balance(&ledger, user(3)), 1_090);
}

#[test]
fn a_stranger_moves_and_burns_nothing() {
    for to in [user(3), user(4), minter()] {
        let refused = Err(Refusal::InsufficientAllowance { allowance: 0 });
        check(transfer_from(user(4), user(1), to, 100), refused);
    }
}

#[test]
fn an_allowance_stays_whole_when_the_funds_are_short() {
    let mut ledger = ledger();
    check_approval(&mut ledger, approve(user(1), user(2), u128::MAX), NOW, Ok(()));
    assert_eq!(ledger.allowance(user(1), user(2), NOW).amount, u64::MAX);
    let short = Err(Refusal::InsufficientFunds { balance: 990 });
    check_on(&mut ledger, transfer_from(user(2), user(1), user(3), 981), NOW, short);
    assert_eq!(ledger.allowance(user(1), user(2), NOW).amount, u64::MAX);
}

#[test]
fn an_approval_that_expects_another_allowance_loses_the_race() {
    let mut ledger = ledger();
    let expecting = |amount, expected| ApproveRequest {
        expected_allowance: Some(expected),
        ..approve(user(1), user(2), amount)
    };
    let changed = |current| Err(Refusal::AllowanceChanged { current });
    check_approval(&mut ledger, expecting(70, 1), NOW, changed(0));
    check_approval(&mut ledger, expecting(70, 0), NOW, Ok(()));
    check_approval(&mut ledger, expecting(80, 0), NOW, changed(70));
    check_approval(&mut ledger, expecting(80, u128::MAX), NOW, changed(70));
    check_on(&mut ledger, transfer_from(user(2), user(1), user(3), 10), NOW, Ok(()));
    check_approval(&mut ledger, expecting(80, 70), NOW, changed(50));
    check_approval(&mut ledger, expecting(0, 50), NOW, Ok(()));
    assert_eq!(ledger.allowances.count(), 0);
}

#[test]
fn an_allowance_that_ended_is_nothing() {
    let mut ledger = ledger();
    let until = |end| ApproveRequest { expires_at: Some(end), ..approve(user(1), user(2), 100) };
    check_approval(&mut ledger, until(NOW), NOW, Err(Refusal::Expired { now: NOW }));
    check_approval(&mut ledger, until(NOW + 2), NOW, Ok(()));
    assert_eq!(ledger.allowance(user(1), user(2), NOW + 1).amount, 100);
    assert_eq!(ledger.allowance(user(1), user(2), NOW + 2), Default::default());
    let short = Err(Refusal::InsufficientAllowance { allowance: 0 });
    check_on(&mut ledger, transfer_from(user(2), user(1), user(3), 1), NOW + 2, short);
    let renewed = ApproveRequest { expected_allowance: Some(0), ..approve(user(1), user(2), 7) };
    check_approval(&mut ledger, renewed, NOW + 2, Ok(()));
    check_on(&mut ledger, transfer(user(1), user(3), 1), NOW + 3, Ok(()));
    assert_eq!(ledger.allowance(user(1), user(2), u64::MAX).amount, 7, "the new one has no end");
}

#[test]
fn ended_allowances_are_removed_a_bounded_number_a_call() {
    let mut ledger = ledger();
    ledger.transfer(transfer(minter(), user(1), 1_000_000), NOW).unwrap();
    let spenders = 2 * MAX_EXPIRED_PER_CALL as u64 + 50;
    for number in 0..spenders {
        let spender = Account { owner: principal(2), subaccount: Some(subaccount(number as u8)) };
        let request = ApproveRequest { expires_at: Some(NOW + 1), ..approve(user(1), spender, 1) };
        ledger.approve(request, NOW).unwrap();
    }
    let kept = ledger.allowances.count();
    assert_eq!(kept, spenders);
    let mut left = kept;
    while left > 0 {
        ledger.transfer(transfer(user(1), user(3), 1), NOW + 1).unwrap();
        let removed = left - ledger.allowances.count();
        assert_eq!(removed, left.min(MAX_EXPIRED_PER_CALL as u64));
        left -= removed;
    }
}

#[test]
fn old_transactions_are_forgotten_a_bounded_number_a_call() {
    let mut ledger = ledger();
    ledger.transfer(transfer(minter(), user(1), 1_000_000), NOW).unwrap();
    for memo in 0..150 {
        let request = TransferRequest { memo, created_at_time: Some(NOW), ..transfer(user(1), user(2), 1) };
        ledger.transfer(request, NOW).unwrap();
    }
    let later = NOW + WINDOW + PERMITTED_DRIFT_NANOS + 1;
    for left in [50, 0, 0] {
        ledger.transfer(transfer(user(1), user(2), 1), later).unwrap();
        assert_eq!(ledger.window.count(), left);
    }
}

#[test]
fn owners_need_no_allowance_for_the_account_itself_and_get_none_for_others() {
    let mut ledger = ledger();
    check_on(&mut ledger, transfer_from(user(1), user(1), user(2), 5), NOW, Ok(()));
    let sibling = Account { owner: principal(1), subaccount: Some(subaccount(1)) };
    let short = Err(Refusal::InsufficientAllowance { allowance: 0 });
    check_on(&mut ledger, transfer_from(sibling, user(1), user(2), 5), NOW, short);
    check_approval(&mut ledger, approve(user(1), sibling, 5), NOW, Err(Refusal::SelfApproval));
    check_approval(&mut ledger, approve(user(1), user(1), 5), NOW, Err(Refusal::SelfApproval));
}

#[test]
fn nobody_in_particular_may_send_but_not_approve() {
    let mut ledger = ledger();
    let nobody = Account::from(Principal::anonymous());
    ledger.transfer(transfer(minter(), nobody, 500), NOW).unwrap();
    check_on(&mut ledger, transfer(nobody, user(1), 5), NOW, Ok(()));
    check_approval(&mut ledger, approve(nobody, user(1), 5), NOW, Err(Refusal::Anonymous));
}

#[test]
fn no_subaccount_and_the_zero_subaccount_share_balance_and_allowance() {
    let mut ledger = ledger();
    let zero = |number| Account { owner: principal(number), subaccount: Some(subaccount(0)) };
    check_on(&mut ledger, transfer(zero(1), user(2), 990), NOW, Ok(()));
    assert_eq!(balance(&ledger, user(1)), 0);
    check_approval(&mut ledger, approve(zero(2), user(3), 100), NOW, Ok(()));
    check_on(&mut ledger, transfer_from(zero(3), user(2), zero(1), 90), NOW, Ok(()));
    assert_eq!(balance(&ledger, user(1)), 90);
}

#[test]
fn an_account_identifier_and_its_icrc_account_share_a_balance() {
    let mut ledger = ledger();
    let to = Party::from(user(7).identifier());
    check_on(&mut ledger, TransferRequest { to, ..transfer(user(1), user(7), 40) }, NOW, Ok(()));
    assert_eq!(balance(&ledger, user(7)), 40);
    check_on(&mut ledger, transfer(user(7), user(1), 30), NOW, Ok(()));
}

#[test]
fn allowances_can_be_turned_off() {
    let mut ledger = ledger();
    ledger.set_config(Config { icrc2: false, ..ledger.config().clone() });
    check_approval(&mut ledger, approve(user(1), user(2), 5), NOW, Err(Refusal::NoAllowances));
    check_on(&mut ledger, transfer_from(user(2), user(1), user(3), 1), NOW, Err(Refusal::NoAllowances));
    check_on(&mut ledger, transfer(user(1), user(3), 1), NOW, Ok(()));
}

#[test]
fn allowances_are_listed_in_the_order_of_spenders_page_by_page() {
    let mut ledger = ledger();
    let ended = ApproveRequest { expires_at: Some(NOW + 1), ..approve(user(1), user(9), 5) };
    ledger.approve(ended, NOW).unwrap();
    (4..8).for_each(|spender| {
        ledger.approve(approve(user(1), user(spender), u128::from(spender)), NOW).unwrap();
    });
    ledger.approve(approve(user(2), user(4), 1), NOW).unwrap();
    let mut expected: Vec<_> =
        (4..8).map(|spender| (user(spender).identifier(), u64::from(spender))).collect();
    expected.sort();
    let page = |previous, take| -> Vec<_> {
        ledger
            .allowances_of(user(1).identifier(), previous, take, NOW + 1)
            .into_iter()
            .map(|(spender, allowance)| (spender, allowance.amount))
            .collect()
    };
    assert_eq!(page(None, 100), expected);
    assert_eq!(page(Some(expected[1].0), 1_000), expected[2..]);
    assert_eq!(page(None, 2), expected[..2]);
    assert_eq!(page(Some(expected[3].0), 100), []);
}
