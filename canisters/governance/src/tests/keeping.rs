//! What is kept, through upgrades and for how long.

use super::*;
use crate::execution::Job;
use crate::interface::{ListBallots, Voter};

#[test]
fn an_upgrade_keeps_neurons_votes_and_what_is_to_be_done() {
    let memory = VectorMemory::default();
    let mut before = Governance::open(memory.clone(), own_id());
    before.configure(canisters(), Voters::Neurons, parameters()).expect("good");
    let large = neuron(&mut before, 1, 50, 50);
    let small = neuron(&mut before, 2, 10, 20);
    follow(&mut before, 2, small, Topic::Governance, &[large]);
    let adopted = propose(&mut before, 1, large, upgrade_of(id(4)));
    let open = propose(&mut before, 2, small, Action::Motion);
    before.claim(person(1), 0, 90 * E8S, NOW).expect("more tokens");
    let shown = (before.status(NOW), before.get_neuron(small, NOW), before.get_proposal(open));
    drop(before);
    let mut after = Governance::open(memory, own_id());
    assert_eq!((after.status(NOW), after.get_neuron(small, NOW), after.get_proposal(open)), shown);
    assert_eq!(
        after.next_job(NOW).map(|(job, _)| job),
        Some(Job::Do { id: adopted, action: upgrade_of(id(4)) })
    );
    vote(&mut after, 1, large, open, Vote::No, NOW);
    let weighed = after.get_ballot(open, Voter::Neuron(large)).map(|it| it.voting_power);
    assert_eq!(weighed, Some(u128::from(75 * E8S)), "as before the tokens that came later");
}

#[test]
fn old_proposals_and_their_ballots_are_forgotten_in_pieces_and_open_ones_are_not() {
    let mut governance = governance();
    let small = neuron(&mut governance, 1, 10, 50);
    let large = neuron(&mut governance, 2, 100, 50);
    let open = propose(&mut governance, 1, small, Action::Motion);
    let ended: Vec<u64> = (0..5).map(|_| propose(&mut governance, 2, large, Action::Motion)).collect();
    while governance.next_job(NOW).is_some() {}
    governance.max_proposals = 3;
    work(&mut governance, NOW);
    let kept: Vec<u64> = governance.proposals.keys().collect();
    assert_eq!(kept, [open, ended[3], ended[4]]);
    assert!(governance.cast_of(ended[0], Voter::Neuron(large)).is_none());
    assert!(governance.cast_of(ended[4], Voter::Neuron(large)).is_some());
}

#[test]
fn ballots_of_the_oldest_ended_proposal_are_forgotten_first() {
    let mut governance = governance();
    let large = neuron(&mut governance, 2, 100, 50);
    let [first, second] = [(); 2].map(|()| propose(&mut governance, 2, large, Action::Motion));
    governance.max_ballots = 1;
    work(&mut governance, NOW);
    assert!(governance.cast_of(first, Voter::Neuron(large)).is_none());
    assert!(governance.cast_of(second, Voter::Neuron(large)).is_some());
    assert!(governance.record(first).is_some());
}

#[test]
fn ballots_are_listed_in_pages_that_meet() {
    let mut governance = governance();
    neuron(&mut governance, 200, 10_000, 50);
    let ids: Vec<u64> = (1..=7).map(|owner| neuron(&mut governance, owner, 10, 50)).collect();
    let proposal = propose(&mut governance, 1, ids[0], Action::Motion);
    for (owner, neuron) in (2..=7).zip(&ids[1..]) {
        vote(&mut governance, owner, *neuron, proposal, Vote::No, NOW);
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = governance.list_ballots(ListBallots { proposal_id: proposal, after, limit: 3 });
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        after = Some(last.voter);
        listed.extend(page.iter().map(|it| it.voter));
    }
    assert_eq!(listed, ids.into_iter().map(Voter::Neuron).collect::<Vec<_>>());
}
