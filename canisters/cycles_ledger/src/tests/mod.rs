//! The book's rules, one case each; its sums against a model; its interface against the file.

mod interface;
mod log;
mod model;
mod outgoing;
mod quota;
mod rules;
mod upgrade;

use crate::allowance::Allowance;
use crate::book::{Approval, Book, Settings, Totals, Transfer};
use crate::default_settings;
use crate::flight::{Departure, Purpose};
use crate::refusal::Refusal;
use candid::Principal;
use ic_stable_structures::VectorMemory;
use icrc::{Account, Subaccount};

type TestBook = Book<VectorMemory>;

/// The time at which tests begin.
const NOW: u64 = 1_800_000_000_000_000_000;
const FEE: u128 = 10;
/// What account 1 has in the beginning.
const FUNDS: u128 = 1_000;
/// Accounts that tests use.
const ACCOUNTS: u8 = 6;

fn account(number: u8) -> Account {
    Account { owner: Principal::from_slice(&[number, 1]), subaccount: None }
}

fn canister() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 9, 1, 1])
}

fn settings() -> Settings {
    Settings { fee: FEE, ..default_settings() }
}

/// A book in which account 1 has [`FUNDS`].
fn book() -> TestBook {
    let mut book = Book::open(VectorMemory::default(), settings());
    assert_eq!(book.deposit(account(1), FUNDS, None, NOW), Ok((0, FUNDS)));
    book
}

fn transfer(from: u8, to: u8, amount: u128) -> Transfer {
    Transfer {
        from: account(from),
        to: account(to),
        spender: None,
        amount,
        fee: None,
        memo: None,
        created_at_time: None,
    }
}

fn transfer_from(spender: u8, from: u8, to: u8, amount: u128) -> Transfer {
    Transfer { spender: Some(account(spender)), ..transfer(from, to, amount) }
}

fn approval(from: u8, spender: u8, amount: u128) -> Approval {
    Approval {
        from: account(from),
        spender: account(spender),
        amount,
        expected_allowance: None,
        expires_at: None,
        fee: None,
        memo: None,
        created_at_time: None,
    }
}

fn withdrawal(from: u8, amount: u128) -> Departure {
    Departure {
        from: account(from),
        spender: None,
        amount,
        purpose: Purpose::Withdrawal { to: canister() },
        created_at_time: None,
    }
}

/// All that a refusal must leave as it was.
#[derive(PartialEq, Eq, Debug)]
struct Snapshot {
    totals: Totals,
    blocks: u64,
    flights: u64,
    balances: Vec<u128>,
    allowances: Vec<Option<Allowance>>,
}

fn snapshot(book: &TestBook) -> Snapshot {
    let pairs = (0..ACCOUNTS).flat_map(|from| (0..ACCOUNTS).map(move |spender| (from, spender)));
    Snapshot {
        totals: book.totals().clone(),
        blocks: book.log_length(),
        flights: book.flights(),
        balances: (0..ACCOUNTS).map(|it| book.balance(&account(it))).collect(),
        allowances: pairs
            .map(|(from, spender)| book.allowance(&account(from), &account(spender), NOW))
            .collect(),
    }
}

/// Rule 1 of the crate, for the accounts that tests use.
fn assert_balanced(book: &TestBook) {
    let Totals { supply, deposited, fees, withdrawn, in_flight, .. } = *book.totals();
    assert_eq!((0..ACCOUNTS).map(|it| book.balance(&account(it))).sum::<u128>(), supply);
    assert_eq!(supply + fees + withdrawn + in_flight, deposited);
}

/// Prepares a book, gives an order, compares the answer; a refusal changes nothing.
fn check(
    prepare: impl FnOnce(&mut TestBook),
    order: impl FnOnce(&mut TestBook) -> Result<u64, Refusal>,
    expected: Result<u64, Refusal>,
) -> TestBook {
    let mut book = book();
    prepare(&mut book);
    let before = snapshot(&book);
    let answer = order(&mut book);
    assert_eq!(answer, expected);
    if answer.is_err() {
        assert_eq!(snapshot(&book), before);
    }
    assert_balanced(&book);
    book
}

/// No preparation.
fn as_it_is(_: &mut TestBook) {}

fn ok(answer: Result<u64, Refusal>) -> u64 {
    match answer {
        Ok(block) => block,
        Err(refusal) => panic!("refused: {refusal:?}"),
    }
}

fn subaccount(byte: u8) -> Option<Subaccount> {
    Some(Subaccount::new([byte; 32]))
}
