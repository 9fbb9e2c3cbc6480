//! How votes are counted, and when.

use super::*;
use crate::interface::{Tally, Voter};
use crate::proposal::Rules;

/// Neurons of so many tokens each, of persons 1, 2, …; all without a bonus beside the others.
fn voters(tokens: &[u64]) -> (TestGovernance, Vec<u64>) {
    let mut governance = governance();
    let each = tokens.iter().zip(1u8..);
    let ids = each.map(|(tokens, owner)| neuron(&mut governance, owner, *tokens, 50)).collect();
    (governance, ids)
}

fn deadline(governance: &TestGovernance, proposal: u64) -> u64 {
    governance.record(proposal).expect("a proposal").deadline_seconds
}

#[test]
fn the_proposer_votes_yes_and_a_majority_of_all_decides_at_once() {
    let (mut governance, ids) = voters(&[10, 10, 10]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    assert_eq!(status(&governance, proposal), ProposalStatus::Open);
    assert!(governance.cast_of(proposal, Voter::Neuron(ids[0])).is_some_and(|cast| cast.yes));
    vote(&mut governance, 2, ids[1], proposal, Vote::Yes, NOW + 1);
    assert_eq!(status(&governance, proposal), ProposalStatus::Adopted);
}

#[test]
fn enough_no_rejects_at_once_and_the_fee_is_owed() {
    let (mut governance, ids) = voters(&[10, 10, 10]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    let reserved = governance.neuron(ids[0]).expect("a neuron");
    assert_eq!((reserved.reserved_e8s, reserved.owed_e8s), (PROPOSAL_FEE, 0));
    vote(&mut governance, 2, ids[1], proposal, Vote::No, NOW);
    vote(&mut governance, 3, ids[2], proposal, Vote::No, NOW);
    assert_eq!(status(&governance, proposal), ProposalStatus::Rejected);
    let owing = governance.neuron(ids[0]).expect("a neuron");
    assert_eq!((owing.reserved_e8s, owing.owed_e8s, owing.stake_e8s), (0, PROPOSAL_FEE, 10 * E8S));
}

#[test]
fn an_adopted_proposal_has_its_fee_back() {
    let (mut governance, ids) = voters(&[30, 10]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    assert_eq!(status(&governance, proposal), ProposalStatus::Adopted);
    assert_eq!(governance.neuron(ids[0]).map(|it| (it.reserved_e8s, it.owed_e8s)), Some((0, 0)));
}

#[test]
fn at_the_deadline_a_quorum_of_yes_and_a_majority_of_what_was_cast_adopt() {
    for (tokens, no, expected) in [
        (&[30, 10, 60][..], false, ProposalStatus::Adopted),
        (&[30, 10, 60], true, ProposalStatus::Adopted),
        (&[30, 31, 60], true, ProposalStatus::Rejected),
        (&[10, 1, 60], false, ProposalStatus::Rejected),
    ] {
        let (mut governance, ids) = voters(tokens);
        let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
        if no {
            vote(&mut governance, 2, ids[1], proposal, Vote::No, NOW);
        }
        let end = deadline(&governance, proposal);
        work(&mut governance, end - 1);
        assert_eq!(status(&governance, proposal), ProposalStatus::Open, "{tokens:?}");
        work(&mut governance, end);
        assert_eq!(status(&governance, proposal), expected, "{tokens:?}, no: {no}");
    }
}

#[test]
fn a_higher_threshold_wants_more_yes() {
    for (threshold, expected) in [(700, ProposalStatus::Rejected), (650, ProposalStatus::Adopted)] {
        let (mut governance, ids) = voters(&[40, 20, 100]);
        governance.change_config(|config| config.parameters.threshold_permille = threshold);
        let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
        vote(&mut governance, 2, ids[1], proposal, Vote::No, NOW);
        work(&mut governance, NOW + PERIOD + WAIT);
        assert_eq!(status(&governance, proposal), expected, "two thirds beside {threshold}");
    }
}

#[test]
fn nobody_votes_twice_or_too_late() {
    let (mut governance, ids) = voters(&[10, 10, 10]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    for neuron in [ids[0], ids[0]] {
        let again = governance.register_vote(person(1), Some(neuron), proposal, Vote::No, NOW);
        assert!(is_unfit(&again));
    }
    let late = governance.register_vote(person(2), Some(ids[1]), proposal, Vote::Yes, NOW + PERIOD);
    assert!(is_unfit(&late));
    let nothing = governance.register_vote(person(2), Some(ids[1]), 99, Vote::Yes, NOW);
    assert!(matches!(nothing, Err(GovernanceError::NotFound(_))));
    assert_eq!(governance.record(proposal).map(|it| it.tally.no), Some(0));
}

#[test]
fn a_vote_weighs_what_it_did_when_the_proposal_was_made() {
    let (mut governance, ids) = voters(&[10, 10, 50]);
    let first = propose(&mut governance, 1, ids[0], Action::Motion);
    governance.claim(person(2), 0, 40 * E8S, NOW).expect("more tokens");
    let second = propose(&mut governance, 1, ids[0], Action::Motion);
    let longer = Command::IncreaseDissolveDelay { additional_seconds: 50 };
    governance.command(person(2), ids[1], longer, NOW).expect("longer");
    vote(&mut governance, 2, ids[1], first, Vote::Yes, NOW);
    vote(&mut governance, 2, ids[1], second, Vote::Yes, NOW);
    let weighed = |proposal| governance.get_ballot(proposal, Voter::Neuron(ids[1])).map(|it| it.voting_power);
    assert_eq!(weighed(first), Some(u128::from(15 * E8S)));
    assert_eq!(weighed(second), Some(u128::from(60 * E8S)));
}

#[test]
fn a_change_after_a_younger_proposal_ended_does_not_hide_what_it_was_for_an_older_one() {
    let (mut governance, ids) = voters(&[10, 10, 70]);
    let older = propose(&mut governance, 1, ids[0], Action::Motion);
    let younger = propose(&mut governance, 1, ids[0], Action::Motion);
    governance.claim(person(2), 0, 20 * E8S, NOW).expect("more tokens");
    vote(&mut governance, 3, ids[2], younger, Vote::Yes, NOW);
    assert_eq!(status(&governance, younger), ProposalStatus::Adopted);
    governance.claim(person(2), 0, 30 * E8S, NOW).expect("more tokens");
    vote(&mut governance, 2, ids[1], older, Vote::No, NOW);
    let weighed = governance.get_ballot(older, Voter::Neuron(ids[1])).map(|it| it.voting_power);
    assert_eq!(weighed, Some(u128::from(15 * E8S)));
}

#[test]
fn a_neuron_that_came_later_has_no_vote() {
    let (mut governance, ids) = voters(&[10, 50]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    let late = neuron(&mut governance, 9, 100, 50);
    let refused = governance.register_vote(person(9), Some(late), proposal, Vote::No, NOW);
    assert!(is_unauthorized(&refused));
}

#[test]
fn a_dissolving_neuron_weighs_what_was_left_of_its_delay() {
    let (mut governance, ids) = voters(&[10, 10, 100]);
    governance.command(person(2), ids[1], Command::StartDissolving, NOW).expect("locked");
    for (after, expected) in [(20, 13 * E8S), (39, 11 * E8S + E8S / 10)] {
        let now = NOW + after;
        let made = governance.make_proposal(person(1), Some(ids[0]), motion(), now).expect("good");
        vote(&mut governance, 2, ids[1], made, Vote::Yes, now + 300);
        let weighed = governance.get_ballot(made, Voter::Neuron(ids[1])).map(|it| it.voting_power);
        assert_eq!(weighed, Some(u128::from(expected)), "after {after} s");
    }
    let made = governance.make_proposal(person(1), Some(ids[0]), motion(), NOW + 41).expect("good");
    let refused = governance.register_vote(person(2), Some(ids[1]), made, Vote::Yes, NOW + 41);
    assert!(is_unauthorized(&refused), "less than the least delay");
}

#[test]
fn other_parameters_do_not_touch_what_is_voted_on() {
    let (mut governance, ids) = voters(&[10, 10, 100]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    governance.change_config(|config| {
        config.parameters.min_dissolve_delay_seconds = MAX_DELAY;
        config.parameters.quorum_permille = 1;
    });
    vote(&mut governance, 2, ids[1], proposal, Vote::Yes, NOW);
    work(&mut governance, NOW + PERIOD);
    assert_eq!(status(&governance, proposal), ProposalStatus::Rejected, "20 of 120 are not the old quorum");
}

#[test]
fn a_vote_that_turns_the_outcome_late_moves_the_deadline() {
    let (mut governance, ids) = voters(&[30, 35, 10, 60]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    let first = deadline(&governance, proposal);
    assert_eq!(first, NOW + PERIOD);
    vote(&mut governance, 2, ids[1], proposal, Vote::No, first - 100);
    let moved = deadline(&governance, proposal);
    assert_eq!(moved, first - 100 + WAIT - 50, "half of the 100 s since the wait began are off");
    vote(&mut governance, 3, ids[2], proposal, Vote::Yes, moved - 1);
    assert!(deadline(&governance, proposal) > moved, "turned again");
}

#[test]
fn a_vote_that_turns_nothing_or_comes_early_moves_nothing() {
    let (mut governance, ids) = voters(&[30, 10, 35, 60]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    vote(&mut governance, 2, ids[1], proposal, Vote::No, NOW + PERIOD - 1);
    assert_eq!(deadline(&governance, proposal), NOW + PERIOD, "it turned nothing");
    let early = propose(&mut governance, 1, ids[0], Action::Motion);
    vote(&mut governance, 3, ids[2], early, Vote::No, NOW + PERIOD - WAIT);
    assert_eq!(deadline(&governance, early), NOW + PERIOD, "there was time enough");
}

#[test]
fn deadlines_move_by_the_wait_at_most() {
    let rules = Rules::of(&parameters(), NOW);
    let mut deadline = rules.first_deadline_seconds;
    for _ in 0..10_000 {
        deadline = rules.moved_deadline(deadline, deadline - 1);
    }
    assert!(deadline > NOW + PERIOD + WAIT - 5 && deadline <= NOW + PERIOD + WAIT, "{deadline}");
    assert_eq!(rules.moved_deadline(deadline, u64::MAX), NOW + PERIOD + WAIT);
}

#[test]
fn a_verdict_is_given_only_when_no_vote_can_change_it() {
    let rules = Rules::of(&parameters(), NOW);
    for (yes, no, expected) in
        [(500, 0, None), (501, 0, Some(true)), (0, 499, None), (0, 500, Some(false)), (200, 499, None)]
    {
        let tally = Tally { yes, no, total: 1_000 };
        assert_eq!(rules.verdict(&tally), expected, "{tally:?}");
    }
    let unreachable = Rules { quorum_permille: 900, ..rules };
    assert_eq!(unreachable.verdict(&Tally { yes: 800, no: 101, total: 1_000 }), Some(false));
    assert_eq!(unreachable.verdict(&Tally { yes: 800, no: 100, total: 1_000 }), None);
}
