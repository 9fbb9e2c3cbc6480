//! A neuron's life.

use super::*;
use crate::interface::DissolveState;
use crate::neuron::Lock;

fn command(
    governance: &mut TestGovernance,
    id: u64,
    command: Command,
    now: u64,
) -> Result<(), GovernanceError> {
    governance.command(person(1), id, command, now)
}

#[test]
fn a_neuron_of_too_few_tokens_is_refused() {
    let refused = governance().claim(person(1), 0, E8S - 1, NOW);
    let expected = GovernanceError::InsufficientFunds { available_e8s: E8S - 1, needed_e8s: E8S };
    assert_eq!(refused, Err(expected));
}

#[test]
fn who_claims_again_has_the_same_neuron_with_what_is_there_now() {
    let mut governance = governance();
    let first = neuron(&mut governance, 1, 2, 0);
    assert_eq!(governance.claim(person(1), 0, 5 * E8S, NOW), Ok(first));
    assert_eq!(governance.neuron(first).map(|it| it.stake_e8s), Some(5 * E8S));
    assert_ne!(governance.claim(person(1), 1, 5 * E8S, NOW), Ok(first));
}

#[test]
fn a_subaccount_is_the_one_that_tools_compute() {
    // SHA-256 of 0x0c, "neuron-stake", the anonymous principal, and 8 bytes of the number.
    let mut hash = Sha256::new();
    hash.update(b"\x0cneuron-stake\x04\0\0\0\0\0\0\0\x2a");
    let expected: [u8; 32] = hash.finalize().into();
    assert_eq!(crate::neuron::subaccount_of(Principal::anonymous(), 42).into_array(), expected);
}

#[test]
fn a_neuron_dissolves_for_its_delay_and_stops_where_it_is() {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 2, 50);
    command(&mut governance, id, Command::StartDissolving, NOW).expect("locked");
    let shown = |governance: &TestGovernance, now| governance.get_neuron(id, now).map(|it| it.dissolve_state);
    let dissolving = DissolveState::Dissolving { when_dissolved_seconds: NOW + 50 };
    assert_eq!(shown(&governance, NOW + 49), Some(dissolving));
    assert_eq!(shown(&governance, NOW + 50), Some(DissolveState::Dissolved));
    command(&mut governance, id, Command::StopDissolving, NOW + 20).expect("dissolving");
    assert_eq!(shown(&governance, NOW + 90), Some(DissolveState::Locked { delay_seconds: 30 }));
}

#[test]
fn a_delay_grows_up_to_its_maximum() {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 2, 50);
    let longer = |additional_seconds| Command::IncreaseDissolveDelay { additional_seconds };
    command(&mut governance, id, longer(u64::MAX), NOW).expect("longer");
    assert_eq!(governance.neuron(id).map(|it| it.lock), Some(Lock::Locked { delay_seconds: MAX_DELAY }));
    assert!(is_unfit(&command(&mut governance, id, longer(1), NOW)));
    assert!(is_invalid(&command(&mut governance, id, longer(0), NOW)));
}

#[test]
fn a_dissolved_neuron_is_locked_again_by_a_longer_delay() {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 2, 50);
    command(&mut governance, id, Command::StartDissolving, NOW).expect("locked");
    let longer = Command::IncreaseDissolveDelay { additional_seconds: 20 };
    command(&mut governance, id, longer, NOW + 60).expect("longer");
    assert_eq!(governance.neuron(id).map(|it| it.lock), Some(Lock::Locked { delay_seconds: 20 }));
}

#[test]
fn what_the_state_does_not_allow_changes_nothing() {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 2, 0);
    assert!(is_unfit(&command(&mut governance, id, Command::StartDissolving, NOW)));
    assert!(is_unfit(&command(&mut governance, id, Command::StopDissolving, NOW)));
    command(&mut governance, id, Command::IncreaseDissolveDelay { additional_seconds: 9 }, NOW)
        .expect("longer");
    command(&mut governance, id, Command::StartDissolving, NOW).expect("locked");
    let before = governance.neuron(id);
    assert!(is_unfit(&command(&mut governance, id, Command::StartDissolving, NOW)));
    assert!(is_unfit(&command(&mut governance, id, Command::StopDissolving, NOW + 9)));
    assert_eq!(governance.neuron(id), before);
}

#[test]
fn hot_keys_are_added_and_removed_and_bounded() {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 2, 0);
    let add = |number| Command::AddHotKey { hot_key: person(number) };
    for number in 10..20 {
        command(&mut governance, id, add(number), NOW).expect("room");
    }
    assert!(is_unfit(&command(&mut governance, id, add(10), NOW)));
    assert!(is_too_many(&command(&mut governance, id, add(20), NOW)));
    command(&mut governance, id, Command::RemoveHotKey { hot_key: person(10) }, NOW).expect("a hot key");
    let again = command(&mut governance, id, Command::RemoveHotKey { hot_key: person(10) }, NOW);
    assert!(matches!(again, Err(GovernanceError::NotFound(_))));
}

#[test]
fn neurons_are_found_by_whoever_has_to_do_with_them() {
    let mut governance = governance();
    let first = neuron(&mut governance, 1, 2, 0);
    let second = neuron(&mut governance, 2, 2, 0);
    command(&mut governance, first, Command::AddHotKey { hot_key: person(2) }, NOW).expect("room");
    let of = |governance: &TestGovernance, number, after| -> Vec<u64> {
        let list = crate::interface::ListNeurons { of: number, after, limit: 10 };
        governance.list_neurons(list, NOW).iter().map(|it| it.id).collect()
    };
    assert_eq!(of(&governance, Some(person(1)), None), [first]);
    assert_eq!(of(&governance, Some(person(2)), None), [first, second]);
    assert_eq!(of(&governance, None, Some(first)), [second]);
    command(&mut governance, first, Command::RemoveHotKey { hot_key: person(2) }, NOW).expect("a hot key");
    assert_eq!(of(&governance, Some(person(2)), None), [second]);
}

#[test]
fn power_is_stake_times_one_to_two_by_delay() {
    let mut governance = governance();
    for (owner, delay, expected) in [(1, MIN_DELAY - 1, 0), (2, 50, 30), (3, MAX_DELAY, 40)] {
        let id = neuron(&mut governance, owner, 20, delay);
        let power = governance.get_neuron(id, NOW).map(|it| it.voting_power);
        assert_eq!(power, Some(u128::from(expected * E8S)), "delay {delay}");
    }
    assert_eq!(governance.status(NOW).voting_power, u128::from(70 * E8S));
}
