//! What a statement says: by hand, and at random against the rules that it keeps.

use super::*;
use crate::statement::{NoStatement, compute, encode};
use candid::Nat;
use cycles_interface::Account;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn moment(cycles: u128) -> Moment {
    Moment { timestamp_nanos: NOW, height: 0, cycles_consumed_total: Nat::from(cycles) }
}

/// Proposed, failures, votes, blocks, instructions.
fn node(number: u8, counts: [u64; 5], operator: Option<u8>) -> NodeWork {
    let [proposed, failures, votes, blocks, instructions] = counts;
    NodeWork {
        node_id: principal(number),
        proposed,
        failures,
        votes,
        blocks,
        instructions,
        operator: operator.map(principal),
        account: operator.map(|number| principal(100 + number).into()),
    }
}

fn inputs(cycles: u128, share_permille: u32, nodes: Vec<NodeWork>) -> Inputs {
    Inputs {
        from: moment(1_000),
        to: moment(1_000 + cycles),
        xdr_permyriad_per_icp: RATE,
        share_permille,
        nodes,
    }
}

fn made(inputs: Inputs) -> Statement {
    compute(0, None, inputs).unwrap_or_else(|error| panic!("{error}"))
}

fn earned(statement: &Statement) -> Vec<u64> {
    statement.nodes.iter().map(|node| node.e8s).collect()
}

/// 7 T cycles at 3.5 XDR a token are 2 tokens; half of it is 1 token, 10^8 e8s.
#[test]
fn a_statement_by_hand() {
    let nodes = vec![
        node(1, [10, 0, 100, 100, 500], Some(11)),
        node(2, [9, 1, 100, 100, 300], Some(12)),
        node(3, [10, 0, 50, 100, 100], Some(11)),
        node(4, [0, 0, 100, 100, 100], None),
    ];
    let statement = made(inputs(7_000_000_000_000, 500, nodes));
    assert_eq!(
        (statement.pot_e8s, statement.cycles_consumed.clone()),
        (100_000_000, 7_000_000_000_000u64.into())
    );
    assert_eq!(earned(&statement), [50_000_000, 27_000_000, 5_000_000, 10_000_000]);
    let factors: Vec<u32> = statement.nodes.iter().map(|node| node.factor_ppm).collect();
    assert_eq!(factors, [1_000_000, 900_000, 500_000, 1_000_000]);
    let paid: Vec<_> = statement.operators.iter().map(|it| (it.operator, it.account, it.e8s)).collect();
    let account = |number: u8| Account::from(principal(number));
    assert_eq!(paid, [(principal(11), account(111), 55_000_000), (principal(12), account(112), 27_000_000)]);
    assert_eq!(statement.total_e8s, 82_000_000);
}

#[test]
fn votes_are_the_work_where_nobody_executed_anything() {
    let nodes = vec![node(1, [1, 0, 30, 30, 0], Some(11)), node(2, [1, 0, 10, 30, 0], Some(12))];
    let statement = made(inputs(7_000_000_000_000, 500, nodes));
    assert_eq!(
        statement.nodes.iter().map(|node| node.full_e8s).collect::<Vec<_>>(),
        [75_000_000, 25_000_000]
    );
    assert_eq!(earned(&statement), [75_000_000, 8_333_333]);
}

#[test]
fn nobody_earns_where_nobody_worked_or_nothing_was_consumed() {
    let idle = vec![node(1, [0, 0, 0, 30, 0], Some(11))];
    assert_eq!(made(inputs(7_000_000_000_000, 500, idle)).total_e8s, 0);
    let worked = vec![node(1, [1, 0, 30, 30, 9], Some(11))];
    for (cycles, share) in [(0, 500), (34_999, 1_000), (7_000_000_000_000, 0)] {
        let statement = made(inputs(cycles, share, worked.clone()));
        assert_eq!((statement.pot_e8s, statement.operators.len()), (0, 0));
    }
    assert_eq!(made(inputs(7_000_000_000_000, 500, Vec::new())).total_e8s, 0);
}

#[test]
fn who_missed_every_block_or_every_lead_earns_nothing() {
    let nodes = vec![node(1, [0, 9, 30, 30, 9], Some(11)), node(2, [1, 0, 0, 30, 9], Some(12))];
    let statement = made(inputs(7_000_000_000_000, 500, nodes));
    assert_eq!((earned(&statement), statement.total_e8s), (vec![0, 0], 0));
    assert!(statement.operators.is_empty());
}

#[test]
fn what_cannot_be_stated_is_an_error() {
    let one = vec![node(1, [1, 0, 1, 1, 1], Some(11))];
    let good = inputs(1, 1, one.clone());
    let cases = [
        (Inputs { from: moment(5_000), ..good.clone() }, NoStatement::Backwards),
        (Inputs { xdr_permyriad_per_icp: 0, ..good.clone() }, NoStatement::NoRate),
        (Inputs { share_permille: 1_001, ..good.clone() }, NoStatement::Share),
        (inputs(u128::MAX - 1_000, 1_000, one.clone()), NoStatement::TooLarge),
        (inputs(u128::from(u64::MAX) * 35_000 * 2, 1_000, one), NoStatement::TooLarge),
    ];
    for (inputs, expected) in cases {
        assert_eq!(compute(0, None, inputs).err(), Some(expected));
    }
}

fn count(random: &mut StdRng) -> u64 {
    match random.gen_range(0..10) {
        0 => 0,
        1 => u64::MAX,
        2..=4 => random.gen_range(0..10),
        _ => random.gen_range(0..1_000_000_000),
    }
}

fn random_inputs(random: &mut StdRng) -> Inputs {
    let nodes = (0..random.gen_range(0..20)).map(|number| {
        let counts = [0; 5].map(|_: u64| count(random));
        let operator = random.gen_bool(0.8).then(|| random.gen_range(1..6));
        let mut node = node(number, counts, operator);
        if random.gen_bool(0.1) {
            node.account = None;
        }
        node
    });
    let nodes = nodes.collect();
    let cycles = random.gen_range(0..u128::from(u64::MAX) * 1_000);
    let rate = 1_000 << random.gen_range(0..44);
    Inputs { xdr_permyriad_per_icp: rate, ..inputs(cycles, random.gen_range(0..=1_000), nodes) }
}

#[test]
fn no_more_than_the_pot_is_paid_and_no_node_more_than_its_part() {
    let mut random = StdRng::seed_from_u64(1);
    let mut paid = 0;
    for _ in 0..20_000 {
        let statement = made(random_inputs(&mut random));
        let sum = |amounts: Vec<u64>| amounts.into_iter().map(u128::from).sum::<u128>();
        assert!(
            sum(statement.nodes.iter().map(|node| node.full_e8s).collect()) <= u128::from(statement.pot_e8s)
        );
        assert!(statement.nodes.iter().all(|node| node.e8s <= node.full_e8s && node.factor_ppm <= 1_000_000));
        let by_operators = sum(statement.operators.iter().map(|it| it.e8s).collect());
        assert_eq!(by_operators, u128::from(statement.total_e8s));
        assert!(by_operators <= sum(earned(&statement)));
        let Inputs { xdr_permyriad_per_icp, share_permille, .. } = statement.inputs;
        let worth = Nat::from(statement.pot_e8s) * Nat::from(xdr_permyriad_per_icp) * Nat::from(1_000u32);
        assert!(worth <= statement.cycles_consumed * Nat::from(share_permille));
        paid += u32::from(statement.total_e8s > 0);
    }
    assert!(paid > 5_000, "{paid}");
}

#[test]
fn what_one_node_loses_for_missed_duties_nobody_gets() {
    let mut random = StdRng::seed_from_u64(2);
    let mut lowered = 0;
    for _ in 0..20_000 {
        let mut inputs = random_inputs(&mut random);
        // With instructions, votes are a duty only.
        if inputs.nodes.is_empty() || inputs.nodes.iter().all(|node| node.instructions == 0) {
            continue;
        }
        let before = made(inputs.clone());
        let loser = random.gen_range(0..inputs.nodes.len());
        let node = &mut inputs.nodes[loser];
        match random.gen_range(0..3) {
            0 => node.failures = node.failures.saturating_add(count(&mut random)),
            1 => node.votes -= random.gen_range(0..=node.votes),
            _ if node.blocks > 0 => node.blocks = node.blocks.saturating_add(count(&mut random)),
            _ => continue,
        }
        let after = made(inputs);
        for (place, (before, after)) in before.nodes.iter().zip(&after.nodes).enumerate() {
            match place == loser {
                true => assert!(after.e8s <= before.e8s),
                false => assert_eq!(after, before),
            }
        }
        assert!(after.total_e8s <= before.total_e8s);
        lowered += u32::from(after.total_e8s < before.total_e8s);
    }
    assert!(lowered > 1_000, "{lowered}");
}

#[test]
fn the_same_inputs_make_the_same_bytes_and_are_read_back_from_them() {
    let mut random = StdRng::seed_from_u64(3);
    for index in 0..500 {
        let inputs = random_inputs(&mut random);
        let parent = random.gen_bool(0.5).then(|| random.r#gen());
        let bytes = |inputs: Inputs| compute(index, parent, inputs).map(|it| encode(&it));
        let once = bytes(inputs.clone()).unwrap_or_else(|error| panic!("{error}"));
        let read: Statement = candid::decode_one(&once).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.inputs, inputs);
        // Whoever has the bytes can compute them again.
        assert_eq!(bytes(read.inputs), Ok(once));
    }
}
