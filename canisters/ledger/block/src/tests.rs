use super::*;
use candid::Principal;
use icrc::{Account, SUBACCOUNT_LENGTH, Subaccount, Value};

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

/// One block of each form.
fn blocks() -> Vec<(&'static str, Block)> {
    let user = Party::from(account(ANONYMOUS, None));
    let other = Party::from(account(LEDGER, Some(7)));
    let unnamed = Party::from(account(LEDGER, None).identifier());
    let parent = Some(Hashes { icp: [1; 32], icrc3: [2; 32] });
    let block = |operation, fee_given| Block {
        parent,
        timestamp: 1_700_000_000_000_000_000,
        transaction: Transaction {
            operation,
            memo: 5,
            icrc1_memo: Some(vec![9, 8]),
            created_at_time: Some(1_699_999_999_000_000_000),
            fee_given,
        },
    };
    let transfer = |from, to, spender| Operation::Transfer { from, to, spender, amount: 12, fee: 10_000 };
    let mut first = block(Operation::Mint { to: unnamed, amount: 100 }, false);
    first.parent = None;
    first.transaction.memo = 0;
    first.transaction.icrc1_memo = None;
    first.transaction.created_at_time = None;
    vec![
        ("icp_mint", first),
        ("mint", block(Operation::Mint { to: user, amount: 100 }, false)),
        ("burn", block(Operation::Burn { from: user, spender: None, amount: 100 }, false)),
        ("burn", block(Operation::Burn { from: user, spender: Some(other), amount: 100 }, false)),
        ("icp_burn", block(Operation::Burn { from: unnamed, spender: None, amount: 100 }, false)),
        ("xfer", block(transfer(user, other, None), false)),
        ("xfer", block(transfer(user, other, Some(other)), true)),
        ("icp_xfer", block(transfer(user, unnamed, None), true)),
        (
            "approve",
            block(
                Operation::Approve {
                    from: user,
                    spender: other,
                    allowance: 44,
                    expected_allowance: Some(0),
                    expires_at: Some(2_000_000_000_000_000_000),
                    fee: 10_000,
                },
                true,
            ),
        ),
    ]
}

#[test]
fn a_stored_block_is_read_as_it_was_written() {
    for (_, block) in blocks() {
        let stored = StoredBlock::from(&block);
        assert_eq!(stored.decode().as_ref(), Ok(&block));
        assert_eq!(stored.encoded_block(), Ok(block.encode()));
        assert_eq!(StoredBlock::from_vec(stored.as_bytes().to_vec()), Ok(stored));
    }
    assert_eq!(StoredBlock::from_vec(vec![1, 2, 3]), Err(BlockDecodeError));
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let Value::Map(entries) = value else { panic!("{value:?} is no map") };
    entries.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

#[test]
fn a_block_is_typed_when_and_only_when_an_owner_is_unknown() {
    for (name, block) in blocks() {
        let value = block.to_value();
        let name = Value::Text(name.to_string());
        let typed = block.transaction.operation.parties().into_iter().flatten().any(|p| p.account.is_none());
        assert_eq!(field(&value, "btype"), typed.then_some(&name));
        assert_eq!(field(field(&value, "tx").unwrap(), "op"), Some(&name));
    }
}

#[test]
fn a_value_shows_the_fee_once_at_the_top_unless_the_caller_named_it() {
    for (_, block) in blocks() {
        let value = block.to_value();
        let in_transaction = field(field(&value, "tx").unwrap(), "fee").is_some();
        let charged = !matches!(block.transaction.operation, Operation::Mint { .. } | Operation::Burn { .. });
        assert_eq!(in_transaction, charged && block.transaction.fee_given);
        assert_eq!(field(&value, "fee").is_some(), charged && !block.transaction.fee_given);
    }
}

/// The public ledger's chain is checked by tools: these bytes are for ever. Computed by hand from the tags of
/// `ic_ledger.pb.v1`: Block { 2: TimeStamp, 3: Transaction { 2: Mint { 2: to, 3: amount }, 4: Memo {} } }.
#[test]
fn the_protobuf_encoding_is_the_public_one() {
    let to = account(LEDGER, None).identifier();
    let expected = format!("120a088080a8b1e39fe7cb171a2c122812220a20{to}1a0208642200");
    assert_eq!(hex::encode(blocks()[0].1.encode()), expected);
}

/// First bytes of both hashes, computed by a second implementation (in Python).
#[test]
fn the_hashes_of_each_form_of_block_are_pinned() {
    let seen: Vec<(String, String)> = blocks()
        .iter()
        .map(|(_, block)| block.hashes())
        .map(|hashes| (hex::encode(&hashes.icp[..8]), hex::encode(&hashes.icrc3[..8])))
        .collect();
    let pinned: [(&str, &str); 9] = [
        ("3c4c5ff00744b28f", "a7ac187e3ee7ff29"),
        ("9de519df079eb377", "6179fa63ff19d113"),
        ("f2cb91a47b0752ea", "7f86f5bfffbf76d5"),
        ("bdaf37b126eb6e4f", "f9f4d685439e2a8f"),
        ("8708ea29077e5c26", "030d1a622c78975c"),
        ("9f6b1ddd4dccfa7f", "99e72a0eedcbacdc"),
        ("ee4dc986a7e861ec", "948869a238c273c2"),
        ("18260fbdeaf445f4", "e133e87dc3ac95ce"),
        ("3b000c7cb89ac725", "3753770dba020139"),
    ];
    let pinned: Vec<(String, String)> =
        pinned.iter().map(|(icp, icrc3)| (icp.to_string(), icrc3.to_string())).collect();
    assert_eq!(seen, pinned);
}
