//! One vote each operator.

use super::*;
use crate::interface::{Tally, Voter};

/// Persons 1 to 4 are operators.
fn operated() -> TestGovernance {
    let mut governance = governance_of(Voters::Operators);
    governance.set_operators((1..=4).map(person).collect()).expect("few");
    governance
}

fn propose_as(governance: &mut TestGovernance, operator: u8) -> Result<u64, GovernanceError> {
    governance.make_proposal(person(operator), None, motion(), NOW)
}

fn tally(governance: &TestGovernance, proposal: u64) -> Option<Tally> {
    governance.get_proposal(proposal).map(|it| it.tally)
}

#[test]
fn each_operator_has_one_vote_and_more_than_half_adopt() {
    let mut governance = operated();
    let proposal = propose_as(&mut governance, 1).expect("an operator");
    assert_eq!(tally(&governance, proposal), Some(Tally { yes: 1, no: 0, total: 4 }));
    for (operator, expected) in [(2, ProposalStatus::Open), (3, ProposalStatus::Adopted)] {
        governance.register_vote(person(operator), None, proposal, Vote::Yes, NOW).expect("an operator");
        assert_eq!(status(&governance, proposal), expected);
    }
    let ballot = governance.get_ballot(proposal, Voter::Operator(person(3))).expect("voted");
    assert_eq!((ballot.voting_power, ballot.vote), (1, Vote::Yes));
}

#[test]
fn an_operator_votes_once() {
    let mut governance = operated();
    let proposal = propose_as(&mut governance, 1).expect("an operator");
    assert!(is_unfit(&governance.register_vote(person(1), None, proposal, Vote::No, NOW)));
    assert_eq!(tally(&governance, proposal), Some(Tally { yes: 1, no: 0, total: 4 }));
}

#[test]
fn who_is_no_operator_may_not_propose() {
    assert!(is_unauthorized(&propose_as(&mut operated(), 5)));
}

#[test]
fn who_is_no_operator_may_not_vote() {
    let mut governance = operated();
    let proposal = propose_as(&mut governance, 1).expect("an operator");
    assert!(is_unauthorized(&governance.register_vote(person(5), None, proposal, Vote::Yes, NOW)));
}

#[test]
fn who_became_operator_later_does_not_vote_and_who_was_one_does() {
    let mut governance = operated();
    let proposal = propose_as(&mut governance, 1).expect("an operator");
    governance.set_operators(vec![person(1), person(5)]).expect("few");
    let late = governance.register_vote(person(5), None, proposal, Vote::Yes, NOW);
    assert!(is_unauthorized(&late));
    assert_eq!(governance.register_vote(person(2), None, proposal, Vote::No, NOW), Ok(()));
}

#[test]
fn there_are_no_neurons_where_operators_vote() {
    let mut governance = operated();
    assert!(is_unfit(&governance.require_neurons()));
    assert!(is_invalid(&governance.make_proposal(person(1), Some(1), motion(), NOW)));
    let proposal = propose_as(&mut governance, 1).expect("an operator");
    assert!(is_invalid(&governance.register_vote(person(1), Some(1), proposal, Vote::Yes, NOW)));
}

#[test]
fn voters_need_the_canister_that_knows_them() {
    for (voters, canisters) in [
        (Voters::Neurons, Canisters { ledger: None, ..canisters() }),
        (Voters::Operators, Canisters { registry: None, ..canisters() }),
    ] {
        let mut governance = Governance::open(VectorMemory::default(), own_id());
        assert!(governance.configure(canisters, voters, parameters()).is_err());
    }
}

#[test]
fn operators_are_bounded() {
    let many = (0..=1_000u32).map(|number| Principal::from_slice(&number.to_be_bytes())).collect();
    assert!(is_too_many(&operated().set_operators(many)));
}
