//! Votes by following.

use super::*;
use crate::commands::MAX_FOLLOWEES;
use crate::interface::Voter;

/// One with most of the tokens, who does not vote, and so many of ten tokens, of persons 1, 2, ….
fn voters(count: u8) -> (TestGovernance, Vec<u64>) {
    let mut governance = governance();
    neuron(&mut governance, 200, 10_000, 50);
    let ids = (1..=count).map(|owner| neuron(&mut governance, owner, 10, 50)).collect();
    (governance, ids)
}

/// What somebody voted, and whether by following.
fn voted(governance: &TestGovernance, proposal: u64, neuron: u64) -> Option<(bool, bool)> {
    governance.cast_of(proposal, Voter::Neuron(neuron)).map(|cast| (cast.yes, cast.followed))
}

#[test]
fn who_follows_votes_as_more_than_half_do() {
    let (mut governance, ids) = voters(4);
    follow(&mut governance, 4, ids[3], Topic::Governance, &ids[..3]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    work(&mut governance, NOW);
    assert_eq!(voted(&governance, proposal, ids[3]), None);
    vote(&mut governance, 2, ids[1], proposal, Vote::Yes, NOW);
    work(&mut governance, NOW);
    assert_eq!(voted(&governance, proposal, ids[3]), Some((true, true)));
}

#[test]
fn half_no_is_no() {
    let (mut governance, ids) = voters(3);
    follow(&mut governance, 3, ids[2], Topic::Governance, &ids[..2]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    vote(&mut governance, 2, ids[1], proposal, Vote::No, NOW);
    work(&mut governance, NOW);
    assert_eq!(voted(&governance, proposal, ids[2]), Some((false, true)));
}

#[test]
fn following_goes_on_from_one_to_the_next_and_round_in_circles() {
    let (mut governance, ids) = voters(10);
    for at in 0..10 {
        let owner = u8::try_from(at + 1).expect("few");
        follow(&mut governance, owner, ids[at], Topic::Governance, &[ids[(at + 9) % 10]]);
    }
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    work(&mut governance, NOW);
    assert!(ids[1..].iter().all(|id| voted(&governance, proposal, *id) == Some((true, true))));
    assert_eq!(voted(&governance, proposal, ids[0]), Some((true, false)));
}

#[test]
fn the_topic_of_all_is_for_topics_in_which_nobody_is_followed() {
    let (mut governance, ids) = voters(4);
    follow(&mut governance, 3, ids[2], Topic::All, &[ids[0]]);
    follow(&mut governance, 4, ids[3], Topic::All, &[ids[0]]);
    follow(&mut governance, 4, ids[3], Topic::Content, &[ids[1]]);
    let motion = propose(&mut governance, 1, ids[0], Action::Motion);
    let content = propose(&mut governance, 1, ids[0], Action::UnfreezeCanister { canister_id: id(99) });
    work(&mut governance, NOW);
    assert_eq!(voted(&governance, motion, ids[2]), Some((true, true)));
    assert_eq!(voted(&governance, motion, ids[3]), Some((true, true)));
    assert_eq!(voted(&governance, content, ids[2]), Some((true, true)));
    assert_eq!(voted(&governance, content, ids[3]), None);
    vote(&mut governance, 2, ids[1], content, Vote::No, NOW);
    work(&mut governance, NOW);
    assert_eq!(voted(&governance, content, ids[3]), Some((false, true)));
}

#[test]
fn who_voted_or_follows_nobody_any_more_is_left_alone() {
    let (mut governance, ids) = voters(4);
    follow(&mut governance, 3, ids[2], Topic::Governance, &[ids[1]]);
    follow(&mut governance, 4, ids[3], Topic::Governance, &[ids[1]]);
    follow(&mut governance, 4, ids[3], Topic::Governance, &[]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    vote(&mut governance, 3, ids[2], proposal, Vote::No, NOW);
    vote(&mut governance, 2, ids[1], proposal, Vote::Yes, NOW);
    work(&mut governance, NOW);
    assert_eq!(voted(&governance, proposal, ids[2]), Some((false, false)));
    assert_eq!(voted(&governance, proposal, ids[3]), None);
}

#[test]
fn a_follower_that_came_after_the_proposal_does_not_vote() {
    let (mut governance, ids) = voters(2);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    let late = neuron(&mut governance, 9, 10, 50);
    follow(&mut governance, 9, late, Topic::Governance, &[ids[1]]);
    vote(&mut governance, 2, ids[1], proposal, Vote::Yes, NOW);
    work(&mut governance, NOW);
    assert_eq!(voted(&governance, proposal, late), None);
}

#[test]
fn followees_are_bounded_others_and_exist() {
    let (mut governance, ids) = voters(20);
    let mut with = |followees: &[u64]| {
        let wanted = Followees { topic: Topic::All, followees: followees.to_vec() };
        governance.command(person(20), ids[19], Command::Follow(wanted), NOW)
    };
    assert!(is_too_many(&with(&ids[..=MAX_FOLLOWEES])));
    assert!(is_invalid(&with(&[ids[19]])));
    assert!(is_invalid(&with(&[ids[1], ids[1]])));
    assert!(matches!(with(&[9_999]), Err(GovernanceError::NotFound(_))));
    assert_eq!(with(&ids[..MAX_FOLLOWEES]), Ok(()));
}

#[test]
fn votes_before_the_deadline_count_for_followers_although_it_passes_meanwhile() {
    let (mut governance, ids) = voters(2);
    governance.change_config(|config| config.parameters.quorum_permille = 0);
    follow(&mut governance, 2, ids[1], Topic::Governance, &[ids[0]]);
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    work(&mut governance, NOW + PERIOD);
    assert_eq!(voted(&governance, proposal, ids[1]), Some((true, true)));
    assert_eq!(status(&governance, proposal), ProposalStatus::Adopted);
}
