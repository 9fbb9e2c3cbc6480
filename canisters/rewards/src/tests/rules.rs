//! Parameters, and statements as they are kept.

use super::*;
use crate::book::{MAX_PERIOD_SECONDS, MAX_STATEMENTS_PER_PAGE, Stage};
use crate::payments::Report;
use cycles_interface::Account;
use ic_certification::LookupResult;
use sha2::{Digest, Sha256};

fn setting(period_seconds: Option<u64>, share_permille: Option<u32>) -> SetParameters {
    SetParameters { period_seconds, share_permille }
}

#[test]
fn nobody_but_governance_sets_parameters() {
    let mut book = book();
    let before = book.parameters().clone();
    for stranger in [Principal::anonymous(), principal(1), Principal::management_canister()] {
        let refused = book.set_parameters(stranger, setting(Some(5), Some(1)));
        assert!(matches!(refused, Err(Error::Unauthorized(_))), "{stranger}");
    }
    assert_eq!(*book.parameters(), before);
    assert_eq!(book.set_parameters(governance(), setting(Some(5), None)), Ok(()));
    assert_eq!(*book.parameters(), Parameters { period_seconds: 5, ..before });
}

#[test]
fn parameters_have_bounds() {
    let mut book = book();
    let before = book.parameters().clone();
    for args in
        [setting(Some(0), None), setting(Some(MAX_PERIOD_SECONDS + 1), None), setting(None, Some(1_001))]
    {
        assert!(matches!(book.set_parameters(governance(), args), Err(Error::Invalid(_))), "{args:?}");
    }
    assert_eq!(*book.parameters(), before);
}

#[test]
fn an_upgrade_keeps_what_it_does_not_name() {
    let memory = VectorMemory::default();
    let mut book = opened(&memory);
    stated(&mut book, 7_000_000_000_000, &[1, 2], &assignments());
    let before = (book.parameters().clone(), book.status(), book.tip_tree().digest());
    drop(book);
    let mut book = Book::open(memory, principal(98), own_id());
    assert_eq!((book.parameters().clone(), book.status(), book.tip_tree().digest()), before);
    let args = InitArgs { ledger: Some(principal(55)), ..InitArgs::default() };
    assert_eq!(book.configure(args), Ok(()));
    assert_eq!(*book.parameters(), Parameters { ledger: principal(55), ..before.0 });
}

#[test]
fn operators_are_paid_for_all_of_their_nodes_and_nobody_else_is() {
    let mut book = book();
    let index = stated(&mut book, 7_000_000_000_000, &[1, 2, 3, 4], &assignments());
    let StatementView { statement, payments, .. } = view(&book, index);
    assert_eq!(statement.nodes.iter().map(|node| node.e8s).collect::<Vec<_>>(), [25_000_000; 4]);
    let expected =
        OperatorReward { operator: principal(11), account: principal(111).into(), e8s: 50_000_000 };
    assert_eq!(statement.operators, [expected]);
    assert_eq!((payments, book.pending_payments()), (vec![Payment::Pending(None)], 1));
}

#[test]
fn who_names_the_minting_account_has_named_none() {
    let zeros = Account { owner: own_id(), subaccount: Some([0; 32].into()) };
    let beside = Account { owner: own_id(), subaccount: Some([1; 32].into()) };
    let check = |account: Account, is_paid: bool| {
        let mut book = book();
        let assignments = Assignments::from([(principal(1), (principal(11), Some(account)))]);
        let index = stated(&mut book, 7_000_000_000_000, &[1], &assignments);
        let statement = view(&book, index).statement;
        assert_eq!(statement.inputs.nodes[0].account, is_paid.then_some(account));
        assert_eq!(statement.operators.len(), usize::from(is_paid));
        assert_eq!(book.pending_payments(), u64::from(is_paid));
    };
    check(own_id().into(), false);
    check(zeros, false);
    check(beside, true);
    check(principal(111).into(), true);
}

#[test]
fn a_period_is_stated_once() {
    let mut book = book();
    let baseline = Baseline::genesis(NOW);
    let entries = [entry(100, 100, 5, vec![totals(1, [1, 0, 1, 1])])];
    let period = find(&baseline, &entries).unwrap_or_else(|| panic!("not over"));
    assert_eq!(book.make(period.clone(), RATE, &assignments(), NOW), Ok(0));
    assert!(book.make(period.clone(), RATE, &assignments(), NOW).is_err());
    book.begin(baseline);
    assert_eq!((book.state().statements, book.baseline()), (1, Some(&period.end)));
}

#[test]
fn without_a_rate_nothing_is_stated_and_the_period_waits() {
    let mut book = book();
    let entries = [entry(100, 100, 5, vec![totals(1, [1, 0, 1, 1])])];
    let period = find(&Baseline::genesis(NOW), &entries).unwrap_or_else(|| panic!("not over"));
    assert!(book.make(period, 0, &assignments(), NOW).is_err());
    assert_eq!((book.state().statements, book.status().from_nanos), (0, NOW));
}

#[test]
fn statements_are_linked_and_the_last_one_is_certified() {
    let mut book = book();
    assert_eq!(book.tip_tree(), ic_certification::empty());
    let mut parent = None;
    for index in 0..3u64 {
        stated(&mut book, 7_000_000_000_000, &[1, 2], &assignments());
        let StatementView { statement, hash, .. } = view(&book, index);
        assert_eq!((statement.index, statement.parent_hash), (index, parent));
        let encoded = book.kept(index).map(|kept| kept.encoded).unwrap_or_default();
        assert_eq!(hash[..], Sha256::digest(&encoded)[..]);
        let tree = book.tip_tree();
        let found = |label: &str| match tree.lookup_path([label.as_bytes()]) {
            LookupResult::Found(bytes) => bytes.to_vec(),
            other => panic!("{label}: {other:?}"),
        };
        assert_eq!(found("last_statement_hash"), hash.to_vec());
        assert_eq!(found("last_statement_index"), index.to_be_bytes());
        parent = Some(hash);
    }
}

#[test]
fn old_statements_are_forgotten_when_they_are_paid() {
    let mut book = book();
    book.max_statements = 3;
    for _ in 0..5 {
        stated(&mut book, 7_000_000_000_000, &[1], &assignments());
    }
    assert_eq!((book.state().oldest, book.list(0, 100).len()), (0, 5));
    for index in 0..2 {
        let order = book.order((index, 0), NOW).unwrap_or_else(|| panic!("nothing to pay"));
        book.reported(&order, Report::Done(9u8.into()));
    }
    for _ in 0..3 {
        stated(&mut book, 0, &[1], &assignments());
    }
    assert_eq!((book.state().oldest, book.statement(1), book.kept(2).is_some()), (2, None, true));
    assert_eq!(book.kept(2).map(|kept| kept.payments), Some(vec![Stage::Pending(None)]));
}

#[test]
fn pages_are_bounded() {
    let mut book = book();
    for _ in 0..30 {
        stated(&mut book, 0, &[1], &assignments());
    }
    let indexes = |from, limit| -> Vec<u64> {
        book.list(from, limit).iter().map(|view| view.statement.index).collect()
    };
    assert_eq!(indexes(28, 100), [28, 29]);
    assert_eq!(indexes(3, 2), [3, 4]);
    assert_eq!(indexes(0, u64::MAX).len() as u64, MAX_STATEMENTS_PER_PAGE);
    assert!(indexes(u64::MAX, u64::MAX).is_empty());
}
