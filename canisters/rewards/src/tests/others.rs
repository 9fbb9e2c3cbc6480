//! What the other canisters take and answer, as their files say it. An `opt` of another type does not pass.

use super::*;
use crate::calls::{Node, Operator, RateResponse, assign, transfer_args};
use crate::payments::Order;
use candid::types::Type;
use candid::types::subtype::{Gamma, OptReport, subtype_with_config};
use candid::{CandidType, Nat};
use candid_parser::utils::CandidSource;
use icrc::token::{TransferArg, TransferError};
use serde_bytes::ByteBuf;

const REGISTRY: &str = include_str!("../../../registry/registry.did");
const MINTING: &str = include_str!("../../../cycles_minting/cycles_minting.did");
const LEDGER: &str = include_str!("../../../ledger/ledger.did");

/// Whether a canister's method takes `args` and answers what `answer` can read.
fn check(file: &str, method: &str, args: &[Type], answer: Type) {
    let loaded = CandidSource::Text(file).load().unwrap_or_else(|error| panic!("{error}"));
    let (env, Some(service)) = loaded else { panic!("a file without service") };
    let function = env.get_method(&service, method).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((function.args.len(), function.rets.len()), (args.len(), 1), "{method}");
    let fits = |one: &Type, other: &Type| {
        subtype_with_config(OptReport::Error, &mut Gamma::new(), &env, one, other)
            .unwrap_or_else(|error| panic!("{method}: {error:?}"));
    };
    args.iter().zip(&function.args).for_each(|(ours, theirs)| fits(ours, theirs));
    fits(&function.rets[0], &answer);
}

#[test]
fn the_registry_the_minting_canister_and_the_ledger_are_as_they_are_called() {
    check(REGISTRY, "list_nodes", &[], Vec::<Node>::ty());
    check(REGISTRY, "list_operators", &[], Vec::<Operator>::ty());
    check(MINTING, "get_icp_xdr_conversion_rate", &[], RateResponse::ty());
    check(LEDGER, "icrc1_transfer", &[TransferArg::ty()], Result::<Nat, TransferError>::ty());
}

#[test]
#[should_panic(expected = "list_operators")]
fn another_answer_would_be_noticed() {
    check(REGISTRY, "list_operators", &[], Vec::<Node>::ty());
}

#[test]
fn a_node_works_for_its_operator_and_is_paid_to_that_operators_account() {
    let node =
        |number, operator: Option<u8>| Node { node_id: principal(number), operator: operator.map(principal) };
    let operator = |number, account: Option<u8>| Operator {
        operator: principal(number),
        reward_account: account.map(|number| principal(number).into()),
    };
    let nodes = vec![node(1, Some(11)), node(2, Some(12)), node(3, None), node(4, Some(13))];
    let expected = BTreeMap::from([
        (principal(1), (principal(11), Some(principal(111).into()))),
        (principal(2), (principal(12), None)),
        (principal(4), (principal(13), None)),
    ]);
    assert_eq!(assign(nodes, vec![operator(11, Some(111)), operator(12, None)]), expected);
}

#[test]
fn an_order_is_a_transfer_without_fee_that_can_be_told_apart() {
    let order = Order {
        place: (3, 4),
        to: principal(111).into(),
        e8s: 77,
        memo: vec![9; 12],
        created_at_time: NOW,
        repeated: false,
    };
    let args = transfer_args(&order);
    assert_eq!((args.to, args.amount), (principal(111).into(), Nat::from(77u8)));
    assert_eq!((args.fee, args.from_subaccount), (None, None));
    assert_eq!((args.memo, args.created_at_time), (Some(ByteBuf::from([9; 12])), Some(NOW)));
}
