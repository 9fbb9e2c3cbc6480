//! Who may not: one case for each privileged method.

use super::*;

const STRANGER: u8 = 66;
const HOT: u8 = 7;

/// Neuron of person 1, with a hot key.
fn guarded() -> (TestGovernance, u64) {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 5, 50);
    governance.command(person(1), id, Command::AddHotKey { hot_key: person(HOT) }, NOW).expect("room");
    (governance, id)
}

/// A command that somebody may not, and that changes nothing.
fn check(caller: u8, command: Command) {
    let (mut governance, id) = guarded();
    let before = governance.get_neuron(id, NOW);
    assert!(is_unauthorized(&governance.command(person(caller), id, command, NOW)));
    assert_eq!(governance.get_neuron(id, NOW), before);
}

#[test]
fn a_stranger_may_not_lengthen_a_delay() {
    check(STRANGER, Command::IncreaseDissolveDelay { additional_seconds: 5 });
}

#[test]
fn a_hot_key_may_not_lengthen_a_delay() {
    check(HOT, Command::IncreaseDissolveDelay { additional_seconds: 5 });
}

#[test]
fn a_stranger_may_not_start_dissolving() {
    check(STRANGER, Command::StartDissolving);
}

#[test]
fn a_hot_key_may_not_start_dissolving() {
    check(HOT, Command::StartDissolving);
}

#[test]
fn a_stranger_may_not_stop_dissolving() {
    check(STRANGER, Command::StopDissolving);
}

#[test]
fn a_stranger_may_not_add_a_hot_key() {
    check(STRANGER, Command::AddHotKey { hot_key: person(STRANGER) });
}

#[test]
fn a_hot_key_may_not_add_another() {
    check(HOT, Command::AddHotKey { hot_key: person(STRANGER) });
}

#[test]
fn a_stranger_may_not_remove_a_hot_key() {
    check(STRANGER, Command::RemoveHotKey { hot_key: person(HOT) });
}

#[test]
fn a_stranger_may_not_have_a_neuron_follow() {
    check(STRANGER, Command::Follow(Followees { topic: Topic::All, followees: vec![] }));
}

#[test]
fn a_stranger_may_not_disburse() {
    let (mut governance, id) = guarded();
    let refused = governance.begin_disburse(person(STRANGER), id, None, None, NOW * NANOS);
    assert!(is_unauthorized(&refused) && is_unauthorized(&governance.disbursable(person(STRANGER), id)));
    assert!(governance.next_transfer(id).is_none());
}

#[test]
fn a_hot_key_may_not_disburse() {
    let (mut governance, id) = guarded();
    let refused = governance.begin_disburse(person(HOT), id, None, None, NOW * NANOS);
    assert!(is_unauthorized(&refused) && is_unauthorized(&governance.disbursable(person(HOT), id)));
}

#[test]
fn a_stranger_may_not_propose_with_a_neuron() {
    let (mut governance, id) = guarded();
    assert!(is_unauthorized(&governance.make_proposal(person(STRANGER), Some(id), motion(), NOW)));
    assert_eq!(governance.neuron(id).map(|it| it.reserved_e8s), Some(0));
}

#[test]
fn a_stranger_may_not_vote_with_a_neuron() {
    let (mut governance, first) = guarded();
    let second = neuron(&mut governance, 2, 5, 50);
    let proposal = propose(&mut governance, 1, first, Action::Motion);
    let refused = governance.register_vote(person(STRANGER), Some(second), proposal, Vote::No, NOW);
    assert!(is_unauthorized(&refused));
    assert_eq!(governance.record(proposal).map(|it| it.tally.no), Some(0));
}

#[test]
fn a_hot_key_votes_proposes_and_follows() {
    let (mut governance, id) = guarded();
    let other = neuron(&mut governance, 2, 50, 50);
    follow(&mut governance, HOT, id, Topic::Content, &[other]);
    let own = propose(&mut governance, HOT, id, Action::Motion);
    let others = propose(&mut governance, 2, other, Action::Motion);
    assert!(own < others);
    let late = governance.register_vote(person(HOT), Some(id), others, Vote::No, NOW);
    assert!(is_unfit(&late), "decided by the other's votes");
}
