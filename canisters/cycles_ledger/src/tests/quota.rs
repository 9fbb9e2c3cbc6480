//! Cycles that owners have each period.

use super::*;
use crate::flight::Landing;
use crate::quota::{GRANT_MEMO, MAX_OWNERS_PER_CALL, MAX_PAGE, Members, Quota, QuotaError, RESERVE};
use crate::refusal::Reason;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

const ALLOWANCE: u128 = 500;
const PERIOD_SECONDS: u64 = 100;
const PERIOD: u64 = PERIOD_SECONDS * 1_000_000_000;
/// The beginning of a period.
const START: u64 = NOW / PERIOD * PERIOD;
/// Cycles that the canister holds beside the reserve and what account 1 deposited.
const POOL: u128 = 10_000;

fn governance() -> Principal {
    Principal::from_slice(&[200, 1])
}

fn owner(number: u8) -> Principal {
    account(number).owner
}

fn quota(members: Members) -> Quota {
    Quota { cycles: ALLOWANCE, period_seconds: PERIOD_SECONDS, members, governance: Some(governance()) }
}

fn quota_book(members: Members) -> TestBook {
    let mut book = book();
    book.set_settings(Settings { quota: Some(quota(members)), ..settings() });
    book.set_held(FUNDS + RESERVE + POOL);
    book
}

fn last_memo(book: &TestBook, from_the_end: u64) -> Option<Vec<u8>> {
    let block = book.block(book.log_length() - from_the_end)?;
    block.transaction.memo.map(|memo| memo.into_vec())
}

#[test]
fn the_first_payment_in_a_period_fills_the_account_up_on_the_record() {
    let mut book = quota_book(Members::Everyone);
    assert_eq!((book.balance(&account(2)), book.spendable(&account(2), START)), (0, ALLOWANCE));
    assert_eq!(book.transfer(transfer(2, 3, 100), START), Ok(2));
    assert_eq!(last_memo(&book, 2).as_deref(), Some(GRANT_MEMO));
    assert_eq!(book.balance(&account(2)), ALLOWANCE - 100 - FEE);
    assert_eq!(book.totals().granted, ALLOWANCE);
    assert_balanced(&book);
    assert_eq!(book.transfer(transfer(2, 3, 50), START + 1), Ok(3), "the second grants nothing");
    assert_eq!(book.totals().granted, ALLOWANCE);
}

#[test]
fn what_is_left_counts_so_that_nothing_piles_up() {
    let mut book = quota_book(Members::Everyone);
    ok(book.transfer(transfer(2, 3, 100), START));
    for passed in [1, 2, 9] {
        let time = START + passed * PERIOD;
        assert_eq!(book.spendable(&account(2), time), ALLOWANCE, "{passed} periods later");
        ok(book.transfer(transfer(2, 3, 0), time));
        assert_eq!(book.balance(&account(2)), ALLOWANCE - FEE);
    }
    assert_balanced(&book);
}

#[test]
fn who_has_more_than_the_allowance_gets_nothing_in_that_period() {
    let mut book = quota_book(Members::Everyone);
    assert_eq!(book.transfer(transfer(1, 3, 900), START), Ok(1));
    assert_eq!(book.totals().granted, 0);
    assert_eq!(book.spendable(&account(1), START + 1), FUNDS - 900 - FEE);
    assert_eq!(book.spendable(&account(1), START + PERIOD), ALLOWANCE);
}

#[test]
fn a_payment_that_is_refused_grants_nothing() {
    let mut book = quota_book(Members::Everyone);
    let before = snapshot(&book);
    let refusal = Refusal::InsufficientFunds { balance: ALLOWANCE };
    assert_eq!(book.transfer(transfer(2, 3, ALLOWANCE), START), Err(refusal.clone()));
    assert_eq!(book.depart(withdrawal(2, ALLOWANCE), START), Err(refusal));
    assert_eq!(book.approve(approval(2, 2, 5), START), Err(Reason::SelfApproval.into()));
    assert_eq!(snapshot(&book), before);
    assert_eq!(book.quota_of(owner(2)).1, None);
}

#[test]
fn a_grant_is_whole_or_waits_for_cycles_that_are_nobodys() {
    let mut book = quota_book(Members::Everyone);
    let mut check = |held, spendable| {
        book.set_held(held);
        assert_eq!(book.spendable(&account(2), START), spendable, "{held} held");
    };
    check(0, 0);
    check(FUNDS, 0);
    check(FUNDS + ALLOWANCE, 0);
    check(FUNDS + RESERVE, 0);
    check(FUNDS + RESERVE + ALLOWANCE - 1, 0);
    check(FUNDS + RESERVE + ALLOWANCE, ALLOWANCE);
    ok(book.transfer(transfer(2, 3, 100), START));
    let refusal = Refusal::InsufficientFunds { balance: 0 };
    assert_eq!(book.transfer(transfer(4, 3, 0), START), Err(refusal), "the pool is empty but for fees");
}

#[test]
fn subaccounts_are_granted_nothing() {
    let mut book = quota_book(Members::Everyone);
    let check = |book: &mut TestBook, bytes: Option<u8>, spendable| {
        let from = Account { subaccount: bytes.and_then(subaccount), ..account(2) };
        assert_eq!(book.spendable(&from, START), spendable, "{bytes:?}");
    };
    check(&mut book, Some(7), 0);
    check(&mut book, Some(0), ALLOWANCE);
    check(&mut book, None, ALLOWANCE);
}

/// As rule 2 says: an allowance bounds what comes in a period, not what an owner has.
#[test]
fn an_owner_who_moves_the_allowance_away_is_filled_up_each_period() {
    let mut book = quota_book(Members::Everyone);
    let own = Account { subaccount: subaccount(7), ..account(2) };
    for passed in 1..=4 {
        let order = Transfer { to: own, ..transfer(2, 2, ALLOWANCE - FEE) };
        ok(book.transfer(order, START + passed * PERIOD));
        assert_eq!(book.balance(&own), u128::from(passed) * (ALLOWANCE - FEE));
    }
    assert_eq!(book.totals().granted, 4 * ALLOWANCE);
}

#[test]
fn a_spender_uses_what_is_due_to_the_owner() {
    let mut book = quota_book(Members::Everyone);
    ok(book.approve(approval(2, 4, 300), START));
    let later = START + PERIOD;
    ok(book.transfer(transfer_from(4, 2, 3, 200), later));
    assert_eq!(book.balance(&account(2)), ALLOWANCE - 200 - FEE);
    assert_eq!(book.quota_of(owner(4)).1, None, "the spender was granted nothing");
    assert_balanced(&book);
}

#[test]
fn allowances_pay_for_canisters_and_come_back_once() {
    let mut book = quota_book(Members::Everyone);
    let order = Departure { purpose: Purpose::Creation, ..withdrawal(2, 400) };
    let flight = ok(book.depart(order, START));
    assert_eq!(last_memo(&book, 2).as_deref(), Some(GRANT_MEMO));
    book.land(flight, Landing::Failed { returned: 400 }, START + 1);
    book.land(flight, Landing::Failed { returned: 400 }, START + 1);
    assert_eq!(book.balance(&account(2)), ALLOWANCE - 2 * FEE);
    let flight = ok(book.depart(withdrawal(2, 300), START + 2));
    book.land(flight, Landing::Arrived { canister_id: None, returned: 0 }, START + 3);
    assert_eq!((book.totals().granted, book.totals().withdrawn), (ALLOWANCE, 300));
    assert_balanced(&book);
}

#[test]
fn listed_members_alone_have_an_allowance_where_members_are_listed() {
    let mut book = quota_book(Members::Listed);
    assert_eq!(book.spendable(&account(2), START), 0);
    assert_eq!(book.quota_list(governance(), &[owner(2), owner(3)], true), Ok(()));
    assert_eq!(book.quota_of(owner(2)), (Some(ALLOWANCE), None));
    assert_eq!(book.spendable(&account(2), START), ALLOWANCE);
    assert_eq!(book.spendable(&account(4), START), 0);
    assert_eq!(book.quota_list(governance(), &[owner(2)], false), Ok(()));
    assert_eq!((book.spendable(&account(2), START), book.members()), (0, 1));
}

#[test]
fn an_owner_that_is_listed_again_is_not_granted_again_in_one_period() {
    let mut book = quota_book(Members::Listed);
    assert_eq!(book.quota_list(governance(), &[owner(2)], true), Ok(()));
    ok(book.transfer(transfer(2, 3, 400), START));
    assert_eq!(book.quota_list(governance(), &[owner(2)], false), Ok(()));
    assert_eq!(book.quota_list(governance(), &[owner(2)], true), Ok(()));
    let left = ALLOWANCE - 400 - FEE;
    assert_eq!(book.spendable(&account(2), START + PERIOD - 1), left);
    assert_eq!(book.spendable(&account(2), START + PERIOD), ALLOWANCE);
}

#[test]
fn a_member_may_have_an_allowance_of_its_own() {
    let mut book = quota_book(Members::Everyone);
    let mut check = |number, cycles, spendable| {
        assert_eq!(book.quota_set_allowance(governance(), owner(number), cycles), Ok(()));
        assert_eq!(book.spendable(&account(number), START), spendable, "{cycles:?}");
    };
    check(2, Some(700), 700);
    check(2, Some(0), 0);
    check(2, Some(POOL + 1), 0);
    check(2, None, ALLOWANCE);
    assert_eq!(book.members(), 0, "of a member like all others there is no record");
}

/// The privileged methods, each with callers who may not.
#[test]
fn governance_alone_lists_unlists_and_sets_allowances() {
    let strangers =
        [owner(1), owner(2), canister(), Principal::anonymous(), Principal::management_canister()];
    for stranger in strangers {
        let mut book = quota_book(Members::Listed);
        assert_eq!(book.quota_list(governance(), &[owner(3)], true), Ok(()));
        let refused = Err(QuotaError::Unauthorized);
        assert_eq!(book.quota_list(stranger, &[stranger], true), refused, "quota_list by {stranger}");
        assert_eq!(book.quota_list(stranger, &[owner(3)], false), refused, "quota_unlist by {stranger}");
        assert_eq!(book.quota_set_allowance(stranger, stranger, Some(9)), refused, "by {stranger}");
        assert_eq!(book.quota_members(None, 9).len(), 1);
        assert_eq!(book.quota_of(owner(3)).0, Some(ALLOWANCE));
    }
}

#[test]
fn nobody_governs_where_no_governance_was_named_or_there_is_no_quota() {
    let mut book = quota_book(Members::Listed);
    book.set_settings(Settings {
        quota: Some(Quota { governance: None, ..quota(Members::Listed) }),
        ..settings()
    });
    assert_eq!(book.quota_list(governance(), &[owner(2)], true), Err(QuotaError::Unauthorized));
    book.set_settings(settings());
    assert_eq!(book.quota_list(governance(), &[owner(2)], true), Err(QuotaError::NoQuota));
    assert_eq!(book.quota_set_allowance(governance(), owner(2), None), Err(QuotaError::NoQuota));
    assert_eq!(book.spendable(&account(2), START), 0);
}

#[test]
fn calls_and_pages_are_bounded() {
    let mut book = quota_book(Members::Listed);
    let many: Vec<_> =
        (0..=MAX_OWNERS_PER_CALL as u32).map(|it| Principal::from_slice(&it.to_be_bytes())).collect();
    let refused = Err(QuotaError::TooMany { max: MAX_OWNERS_PER_CALL as u64 });
    assert_eq!(book.quota_list(governance(), &many, true), refused);
    assert_eq!(book.quota_list(governance(), &many[1..], true), Ok(()));
    let page = book.quota_members(None, usize::MAX);
    assert_eq!(page.len(), MAX_PAGE);
    let next = book.quota_members(page.last().map(|it| it.0), 2);
    assert_eq!(next.iter().map(|it| it.0).collect::<Vec<_>>(), many[MAX_PAGE + 1..MAX_PAGE + 3]);
}

#[test]
fn settings_and_sums_written_before_there_were_quotas_are_read() {
    use cycles_interface::Stored;
    use ic_stable_structures::Storable;
    use serde::Serialize;
    #[derive(Serialize)]
    struct OldSettings {
        name: String,
        symbol: String,
        fee: u128,
        max_blocks_per_request: u64,
        index_id: Option<Principal>,
        minting_canister: Principal,
    }
    #[derive(Serialize)]
    struct OldTotals {
        supply: u128,
        deposited: u128,
        fees: u128,
        withdrawn: u128,
        in_flight: u128,
        tip: Option<serde_bytes::ByteArray<32>>,
    }
    fn bytes(record: impl Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(ciborium::into_writer(&record, &mut bytes).is_ok());
        bytes
    }
    let Settings { name, symbol, fee, max_blocks_per_request, index_id, minting_canister, quota: _ } =
        settings();
    let old = OldSettings { name, symbol, fee, max_blocks_per_request, index_id, minting_canister };
    assert_eq!(Stored::<Settings>::from_bytes(bytes(old).into()).0, settings());
    let old = OldTotals { supply: 1, deposited: 2, fees: 3, withdrawn: 4, in_flight: 5, tip: None };
    let totals = Totals { supply: 1, deposited: 2, fees: 3, withdrawn: 4, in_flight: 5, ..Totals::default() };
    assert_eq!(Stored::<Totals>::from_bytes(bytes(old).into()).0, totals);
}

/// The canister's cycles beside the book: what leaves and comes back moves both, and others top it up.
#[test]
fn under_random_payments_no_period_grants_more_than_an_allowance_and_balances_stay_backed() {
    let mut random = StdRng::seed_from_u64(7);
    let mut book = quota_book(Members::Everyone);
    let (mut held, mut now) = (FUNDS + RESERVE + POOL, START);
    let mut granted: BTreeMap<(u8, u64), u128> = BTreeMap::new();
    let mut away = Vec::new();
    for _ in 0..50_000 {
        now += random.gen_range(0..PERIOD / 20);
        held += random.gen_range(0..20);
        let number = random.gen_range(2..ACCOUNTS);
        book.set_held(held);
        let before = book.totals().granted;
        if random.gen_bool(0.3) && !away.is_empty() {
            let (block, sent) = away.swap_remove(random.gen_range(0..away.len()));
            let returned = if random.gen_bool(0.5) { sent } else { 0 };
            held += returned;
            book.set_held(held);
            book.land(block, Landing::Failed { returned }, now);
        } else if random.gen_bool(0.5) {
            let amount = random.gen_range(0..ALLOWANCE);
            if let Ok(block) = book.depart(withdrawal(number, amount), now) {
                held -= amount;
                away.push((block, amount));
            }
        } else {
            let order = transfer(number, number - 1, random.gen_range(0..100));
            let due = book.due(&order.from, now).is_some();
            let done = book.transfer(order, now).is_ok();
            assert_eq!(book.quota_of(owner(number)).1 == Some(now), due && done);
        }
        *granted.entry((number, now / PERIOD)).or_default() += book.totals().granted - before;
        assert!(book.totals().supply + RESERVE <= held, "what the canister runs on was given away");
    }
    assert!(granted.values().all(|sum| *sum <= ALLOWANCE));
    let sum: u128 = granted.values().sum();
    assert!(sum == book.totals().granted && sum > 100 * ALLOWANCE, "{sum} granted");
    assert_balanced(&book);
}
