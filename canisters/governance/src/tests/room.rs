//! Slots for proposals, and their price.

use super::*;
use crate::parameters::{MAX_ASKED_E8S, MAX_OPEN_PROPOSALS};
use crate::voting::MAX_OPEN_OF_PROPOSER;

const RICH: u64 = 1_000;

fn freeze() -> Action {
    Action::FreezeCanister { canister_id: id(99), reason: "unlawful".to_owned() }
}

/// With a neuron that is silent, so that nobody else decides alone.
fn quiet() -> TestGovernance {
    let mut governance = governance();
    neuron(&mut governance, 200, 100 * RICH, 50);
    governance
}

fn is_refused(governance: &mut TestGovernance, owner: u8, neuron: u64, action: Action) -> bool {
    is_too_many(&governance.make_proposal(person(owner), Some(neuron), proposal(action), NOW))
}

fn fee(governance: &TestGovernance, proposal: u64) -> u64 {
    governance.record(proposal).expect("a proposal").fee_e8s
}

/// Held back of a neuron, and owed by it.
fn held(governance: &TestGovernance, id: u64) -> (u64, u64) {
    governance.neuron(id).map(|it| (it.reserved_e8s, it.owed_e8s)).expect("a neuron")
}

#[test]
fn two_tiny_neurons_do_not_take_all_slots() {
    let check = |action: Action| {
        let mut governance = quiet();
        for owner in [1, 2] {
            let tiny = neuron(&mut governance, owner, 2, 50);
            let mut make = || {
                let made = proposal(action.clone());
                governance.make_proposal(person(owner), Some(tiny), made, NOW)
            };
            while make().is_ok() {}
        }
        let other = neuron(&mut governance, 3, 10, 50);
        propose(&mut governance, 3, other, freeze());
    };
    [Action::Motion, freeze()].into_iter().for_each(check);
}

#[test]
fn open_proposals_are_bounded_of_one_and_the_last_quarter_is_for_upgrades_and_content() {
    let mut governance = quiet();
    let [first, second, third] = [1, 2, 3].map(|owner| neuron(&mut governance, owner, RICH, 50));
    for _ in 0..MAX_OPEN_OF_PROPOSER {
        propose(&mut governance, 1, first, Action::Motion);
    }
    assert!(is_refused(&mut governance, 1, first, freeze()));
    for _ in 10..15 {
        propose(&mut governance, 2, second, Action::Motion);
    }
    for action in [
        Action::Motion,
        Action::SetConversionRate { xdr_permyriad_per_icp: 1 },
        Action::RemoveNode { node_id: person(5) },
    ] {
        assert!(is_refused(&mut governance, 3, third, action));
    }
    assert_eq!(held(&governance, third), (0, 0), "what is refused costs nothing");
    for action in [freeze(), upgrade_of(id(4)), freeze(), upgrade_of(own_id()), freeze()] {
        propose(&mut governance, 2, second, action);
    }
    assert!(is_refused(&mut governance, 3, third, freeze()));
}

#[test]
fn a_quarter_is_rounded_down_so_that_a_vote_can_always_change_the_parameters() {
    let check = |max_open_proposals: u32, others: usize| {
        let parameters = Parameters { max_open_proposals, ..parameters() };
        assert_eq!(parameters.slots(Topic::Governance), others);
        assert_eq!(parameters.slots(Topic::Content), max_open_proposals as usize);
    };
    for (all, others) in [(1, 1), (3, 3), (4, 3), (20, 15), (MAX_OPEN_PROPOSALS, 75)] {
        check(all, others);
    }
}

#[test]
fn each_five_that_are_open_double_the_fee_and_what_is_on_the_record_is_burnt_or_given_back() {
    let mut governance = quiet();
    let [first, second] = [1, 2].map(|owner| neuron(&mut governance, owner, RICH, 50));
    let made: Vec<u64> = (0..10).map(|_| propose(&mut governance, 1, first, Action::Motion)).collect();
    let fees: Vec<u64> = made.iter().map(|it| fee(&governance, *it)).collect();
    assert_eq!(fees, [[PROPOSAL_FEE; 5], [2 * PROPOSAL_FEE; 5]].concat());
    assert_eq!(held(&governance, first), (15 * PROPOSAL_FEE, 0));
    let next = propose(&mut governance, 2, second, Action::Motion);
    assert_eq!(fee(&governance, next), 4 * PROPOSAL_FEE);
    let silent = governance.neurons.keys().next().expect("the first");
    vote(&mut governance, 200, silent, made[7], Vote::No, NOW);
    assert_eq!(held(&governance, first), (13 * PROPOSAL_FEE, 2 * PROPOSAL_FEE));
    vote(&mut governance, 200, silent, made[8], Vote::Yes, NOW);
    assert_eq!(held(&governance, first), (11 * PROPOSAL_FEE, 2 * PROPOSAL_FEE));
    vote(&mut governance, 200, silent, next, Vote::No, NOW);
    let cheaper = propose(&mut governance, 2, second, Action::Motion);
    assert_eq!(fee(&governance, cheaper), 2 * PROPOSAL_FEE, "of the nine that are not ended");
    assert_eq!(held(&governance, second), (2 * PROPOSAL_FEE, 4 * PROPOSAL_FEE));
}

#[test]
fn a_fee_that_no_neuron_can_hold_is_none() {
    let check = |proposal_fee_e8s: u64, under_way: usize, expected: Option<u64>| {
        let parameters = Parameters { proposal_fee_e8s, ..parameters() };
        assert_eq!(parameters.fee_e8s(under_way), expected, "{proposal_fee_e8s}, {under_way}");
    };
    check(3, 4, Some(3));
    check(3, 5, Some(6));
    check(3, 99, Some(3 << 19));
    check(0, 99, Some(0));
    check(MAX_ASKED_E8S, 54, Some(MAX_ASKED_E8S << 10));
    check(MAX_ASKED_E8S, 55, None);
    check(1, usize::MAX, None);
}

#[test]
fn a_proposal_of_which_the_fee_overflows_is_refused_and_costs_nothing() {
    let mut governance = quiet();
    governance.change_config(|config| {
        config.parameters.max_open_proposals = MAX_OPEN_PROPOSALS;
        config.parameters.proposal_fee_e8s = 0;
    });
    for owner in 1..=6 {
        let id = neuron(&mut governance, owner, 10, 50);
        (0..10).for_each(|_| {
            propose(&mut governance, owner, id, Action::Motion);
        });
    }
    governance.change_config(|config| config.parameters.proposal_fee_e8s = MAX_ASKED_E8S);
    let last = neuron(&mut governance, 7, RICH, 50);
    assert!(is_refused(&mut governance, 7, last, Action::Motion));
    assert_eq!(held(&governance, last), (0, 0));
}
