//! The log: chained, hashed as ICRC-3 says, readable.

use super::*;
use crate::flight::Landing;
use candid::Nat;
use icrc::Value;
use std::collections::BTreeMap;

/// One block of every kind.
fn varied_book() -> TestBook {
    let mut book = book();
    ok(book.transfer(Transfer { fee: Some(FEE), created_at_time: Some(NOW), ..transfer(1, 2, 50) }, NOW + 1));
    ok(book.approve(Approval { expires_at: Some(NOW + 99), ..approval(1, 2, 200) }, NOW + 2));
    ok(book.transfer(transfer_from(2, 1, 3, 5), NOW + 3));
    let block = ok(book.depart(withdrawal(1, 100), NOW + 4));
    book.land(block, Landing::Failed { returned: 100 }, NOW + 5);
    book
}

fn fields(value: Value) -> BTreeMap<String, Value> {
    match value {
        Value::Map(fields) => fields.into_iter().collect(),
        other => panic!("no map: {other:?}"),
    }
}

#[test]
fn every_block_names_the_hash_of_the_one_before() {
    let book = varied_book();
    let mut parent = None;
    for index in 0..book.log_length() {
        let block = book.block(index).unwrap_or_else(|| panic!("no block {index}"));
        assert_eq!(block.parent_hash.map(|it| it.into_array()), parent);
        parent = Some(block.hash());
    }
    assert_eq!(book.totals().tip.map(|it| it.into_array()), parent);
}

#[test]
fn blocks_say_their_type_and_where_the_fee_was_named() {
    let book = varied_book();
    let expected = [
        ("1mint", Some(0), None),
        ("1xfer", None, Some(FEE)),
        ("2approve", Some(FEE), None),
        ("2xfer", Some(FEE), None),
        ("1burn", Some(FEE), None),
        ("1mint", Some(0), None),
    ];
    for (index, (block_type, charged, named)) in expected.into_iter().enumerate() {
        let block = book.block(index as u64).map(|it| fields(it.to_value())).unwrap_or_default();
        assert_eq!(block.get("btype"), Some(&Value::text(block_type)));
        assert_eq!(block.get("fee"), charged.map(Value::nat).as_ref());
        let transaction = block.get("tx").cloned().map(fields).unwrap_or_default();
        assert_eq!(transaction.get("fee"), named.map(Value::nat).as_ref());
        assert_eq!(block.contains_key("phash"), index > 0);
    }
}

#[test]
fn numbers_beyond_64_bits_stand_in_blocks() {
    let mut book = TestBook::open(VectorMemory::default(), settings());
    ok(book.deposit(account(1), u128::MAX, None, NOW).map(|(block, _)| block));
    let amount =
        book.block(0).map(|it| fields(it.to_value())).and_then(|it| it.get("tx").cloned()).map(fields);
    assert_eq!(amount.and_then(|it| it.get("amt").cloned()), Some(Value::Nat(Nat::from(u128::MAX))));
}
