//! The log: chained, hashed as ICRC-3 says, readable.

use super::*;
use crate::flight::Landing;
use crate::value::Value;
use candid::Nat;
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

/// The test vectors of the ICRC-3 standard.
#[test]
fn values_hash_as_the_standard_says() {
    let check = |value: Value, expected: &str| {
        let hash: String = value.hash().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, expected, "{value:?}");
    };
    check(Value::nat(42u64), "684888c0ebb17f374298b65ee2807526c066094c701bcc7ebbe1c1095f494fc1");
    check(Value::text("Hello, World!"), "dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f");
    check(Value::blob(&[1, 2, 3, 4]), "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a");
    let array = vec![Value::nat(3u64), Value::text("foo"), Value::blob(&[5, 6])];
    check(Value::Array(array), "514a04011caa503990d446b7dec5d79e19c221ae607fb08b2848c67734d468d6");
    let map = [("from", Value::text("a")), ("to", Value::blob(b"b")), ("amount", Value::nat(42u64))];
    let ordered = Value::Map(map.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect());
    let reversed = Value::Map(map.iter().rev().map(|(name, it)| ((*name).to_owned(), it.clone())).collect());
    assert_eq!(ordered.hash(), reversed.hash());
}

#[test]
fn numbers_beyond_64_bits_stand_in_blocks() {
    let mut book = TestBook::open(VectorMemory::default(), settings());
    ok(book.deposit(account(1), u128::MAX, None, NOW).map(|(block, _)| block));
    let amount =
        book.block(0).map(|it| fields(it.to_value())).and_then(|it| it.get("tx").cloned()).map(fields);
    assert_eq!(amount.and_then(|it| it.get("amt").cloned()), Some(Value::Nat(Nat::from(u128::MAX))));
}
