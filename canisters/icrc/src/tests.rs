use super::*;
use candid::{Int, Nat, Principal};
use ic_certification::{HashTree, LookupResult};
use serde_bytes::ByteBuf;

fn account(owner: &str, subaccount: Option<u8>) -> Account {
    let mut bytes = [0; SUBACCOUNT_LENGTH];
    bytes[SUBACCOUNT_LENGTH - 1] = subaccount.unwrap_or(0);
    Account {
        owner: Principal::from_text(owner).unwrap(),
        subaccount: subaccount.map(|_| Subaccount::new(bytes)),
    }
}

const ANONYMOUS: &str = "2vxsx-fae";
const LEDGER: &str = "ryjl3-tyaaa-aaaaa-aaaba-cai";

fn blob(hexadecimal: &str) -> Value {
    Value::Blob(ByteBuf::from(hex::decode(hexadecimal).unwrap()))
}

#[test]
fn hashes_values_as_the_standards_test_vectors_do() {
    let text = |text: &str| Value::Text(text.to_string());
    let nat = |number: u64| Value::Nat(Nat::from(number));
    let field = |name: &str, value: Value| (name.to_string(), value);
    let check = |value: Value, expected: &str| assert_eq!(hex::encode(value.hash()), expected, "{value:?}");
    check(nat(42), "684888c0ebb17f374298b65ee2807526c066094c701bcc7ebbe1c1095f494fc1");
    check(Value::Int(Int::from(-42)), "de5a6f78116eca62d7fc5ce159d23ae6b889b365a1739ad2cf36f925a140d0cc");
    check(text("Hello, World!"), "dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f");
    check(blob("01020304"), "9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a");
    check(
        Value::Array(vec![nat(3), text("foo"), blob("0506")]),
        "514a04011caa503990d446b7dec5d79e19c221ae607fb08b2848c67734d468d6",
    );
    check(
        Value::Map(vec![
            field("from", blob("00abcdef0012340056789a00bcdef000012345678900abcdef01")),
            field("to", blob("00ab0def0012340056789a00bcdef000012345678900abcdef01")),
            field("amount", nat(42)),
            field("created_at", nat(1699218263)),
            field("memo", nat(0)),
        ]),
        "c56ece650e1de4269c5bdeff7875949e3e2033f85b2d193c2ff4f7f78bdcfc75",
    );
}

#[test]
fn derives_the_public_account_identifiers() {
    let check = |account: Account, expected: &str| {
        assert_eq!(account.identifier().to_string(), expected);
        assert_eq!(AccountIdentifier::parse(expected), Ok(account.identifier()));
    };
    check(account(ANONYMOUS, None), "1c7a48ba6a562aa9eaa2481a9049cdf0433b9738c992d698c31d8abf89cadc79");
    // the governance canister, which is the public ledger's minting account
    check(
        account("rrkah-fqaaa-aaaaa-aaaaq-cai", None),
        "082ecf2e3f647ac600f43f38a68342fba5b8e68b085f02592b77f39808a8d2b5",
    );
}

#[test]
fn no_subaccount_and_the_zero_subaccount_are_one_account() {
    assert_eq!(account(LEDGER, None).identifier(), account(LEDGER, Some(0)).identifier());
    assert_ne!(account(LEDGER, None).identifier(), account(LEDGER, Some(1)).identifier());
}

#[test]
fn refuses_identifiers_with_a_wrong_checksum_length_or_digit() {
    let good = account(ANONYMOUS, None).identifier().to_string();
    let check = |text: &str, expected| assert_eq!(AccountIdentifier::parse(text), Err(expected), "{text}");
    check(&good.replacen("1c", "1d", 1), AccountIdentifierError::WrongChecksum);
    check(&good[2..], AccountIdentifierError::WrongLength);
    check("", AccountIdentifierError::WrongLength);
    check(&good.replacen('c', "x", 1), AccountIdentifierError::NotHex);
}

#[test]
fn the_order_of_a_maps_entries_changes_no_hash() {
    let map = [("from", Value::text("a")), ("to", Value::blob(b"b")), ("amount", Value::nat(42u64))];
    let ordered = Value::Map(map.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect());
    let reversed = Value::Map(map.iter().rev().map(|(name, it)| ((*name).to_owned(), it.clone())).collect());
    assert_eq!(ordered.hash(), reversed.hash());
}

#[test]
fn a_subaccount_of_a_principal_is_its_length_and_its_bytes() {
    let subaccount = subaccount_of(Principal::from_text(LEDGER).unwrap());
    assert_eq!(subaccount[..12], [10, 0, 0, 0, 0, 0, 0, 0, 2, 1, 1, 0]);
    let longest = subaccount_of(Principal::from_slice(&[7; 29]));
    assert_eq!(longest, [&[29][..], &[7; 29], &[0; 2]].concat()[..]);
}

#[test]
fn a_range_ends_where_indices_end() {
    let check = |start: u128, length: u128, expected: std::ops::Range<u64>| {
        let request = history::GetBlocksRequest { start: start.into(), length: length.into() };
        assert_eq!(request.range(), expected, "{start} {length}");
    };
    check(3, 4, 3..7);
    check(0, 0, 0..0);
    check(u64::MAX.into(), 9, u64::MAX..u64::MAX);
    check(5, u128::MAX, 5..u64::MAX);
    check(u128::MAX, u128::MAX, u64::MAX..u64::MAX);
}

#[test]
fn a_tip_is_found_in_the_tree_that_clients_read() {
    let tree = tree::tip(300, &[7; 32]);
    let self_described = tree::encode_self_described(&tree);
    assert_eq!(self_described[..3], [0xd9, 0xd9, 0xf7]);
    assert_eq!(self_described[3..], tree::encode(&tree));
    let read: HashTree = ciborium::from_reader(tree::encode(&tree).as_slice()).unwrap();
    assert_eq!(read.digest(), tree.digest());
    for (label, leaf) in [("last_block_index", &[0xac, 0x02][..]), ("last_block_hash", &[7; 32])] {
        assert_eq!(read.lookup_path([label.as_bytes()]), LookupResult::Found(leaf), "{label}");
    }
}
