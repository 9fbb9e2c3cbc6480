//! The governance canister's upgrade.

use super::*;
use crate::upgrade::{MAX_UPGRADE_BYTES, Outcome, STEP_NANOS, Step};
use lease::Held;
use sha2::{Digest, Sha256};

fn asking(module: &[u8]) -> UpgradeGovernance {
    UpgradeGovernance {
        wasm_module: ByteBuf::from(module),
        arg: ByteBuf::from(b"DIDL\0\0".to_vec()),
        sha256: ByteBuf::from(Sha256::digest(module).to_vec()),
        proposal: Some(4),
    }
}

fn asked() -> TestRegistry {
    let mut registry = installed();
    registry.ask_upgrade(voted(), asking(b"\0asm new")).unwrap_or_else(|error| panic!("{error:?}"));
    registry
}

/// The right to the step that is expected.
fn begin(registry: &mut TestRegistry, expected: Step, now: u64) -> Held {
    let begun = registry.begin_step(now);
    assert_eq!(begun.as_ref().map(|(step, _)| *step), Some(expected));
    begun.unwrap_or_else(|| panic!("no step")).1
}

/// Takes the step that is expected, with this outcome.
fn step(registry: &mut TestRegistry, expected: Step, outcome: Outcome) {
    let held = begin(registry, expected, NOW);
    registry.step_went(&held, expected, outcome, NOW);
}

fn status_of(registry: &TestRegistry) -> Option<UpgradeStatus> {
    registry.upgrade().map(|upgrade| upgrade.view.status.clone())
}

fn failed(reason: &str) -> Outcome {
    Outcome::Failed(reason.to_owned())
}

#[test]
fn governance_is_stopped_upgraded_and_started() {
    let mut registry = asked();
    step(&mut registry, Step::Stop, Outcome::Done);
    assert_eq!(registry.module().wasm, b"\0asm new");
    step(&mut registry, Step::Install, Outcome::Done);
    step(&mut registry, Step::Start, Outcome::Done);
    assert_eq!((status_of(&registry), registry.upgrade_step()), (Some(UpgradeStatus::Done), None));
    assert!(registry.module().wasm.is_empty());
    let last = registry.changes(registry.version(), 1).changes.remove(0);
    assert_eq!((last.caller, last.proposal), (own_id(), Some(4)));
}

#[test]
fn what_does_not_stop_or_install_is_started_again_as_it_was() {
    let mut registry = asked();
    step(&mut registry, Step::Stop, failed("busy"));
    step(&mut registry, Step::Start, Outcome::Done);
    let reason = "it did not stop: busy".to_owned();
    assert_eq!(status_of(&registry), Some(UpgradeStatus::Failed(reason)));
    let mut registry = asked();
    step(&mut registry, Step::Stop, Outcome::Done);
    step(&mut registry, Step::Install, failed("trapped"));
    step(&mut registry, Step::Start, Outcome::Done);
    assert_eq!(status_of(&registry), Some(UpgradeStatus::Failed("trapped".to_owned())));
}

#[test]
fn a_start_is_tried_until_it_works() {
    let mut registry = asked();
    step(&mut registry, Step::Stop, Outcome::Done);
    step(&mut registry, Step::Install, Outcome::Done);
    for _ in 0..100 {
        step(&mut registry, Step::Start, failed("queue full"));
    }
    step(&mut registry, Step::Start, Outcome::Done);
    assert_eq!(status_of(&registry), Some(UpgradeStatus::Done));
}

#[test]
fn an_installation_whose_answer_was_lost_is_repeated_only_if_the_module_is_not_there() {
    for (found, next) in [(true, Step::Start), (false, Step::Install)] {
        let mut registry = asked();
        step(&mut registry, Step::Stop, Outcome::Done);
        begin(&mut registry, Step::Install, NOW);
        step(&mut registry, Step::Look, failed("later"));
        let module: &[u8] = if found { b"\0asm new" } else { b"\0asm old" };
        step(&mut registry, Step::Look, Outcome::Found(Some(Sha256::digest(module).to_vec())));
        assert_eq!(registry.upgrade_step(), Some(next));
    }
}

#[test]
fn a_step_of_which_nothing_is_heard_is_taken_by_another_whose_word_counts() {
    let mut registry = asked();
    let lost = begin(&mut registry, Step::Stop, NOW);
    assert!(registry.begin_step(NOW + STEP_NANOS - 1).is_none());
    let next = begin(&mut registry, Step::Stop, NOW + STEP_NANOS);
    registry.step_went(&next, Step::Stop, Outcome::Done, NOW + STEP_NANOS);
    drop(next);
    registry.step_went(&lost, Step::Stop, failed("late"), NOW + STEP_NANOS);
    assert_eq!(status_of(&registry), Some(UpgradeStatus::Installing));
    drop(lost);
    step(&mut registry, Step::Install, Outcome::Done);
}

#[test]
fn an_installation_of_which_nothing_is_heard_is_looked_at_an_hour_later() {
    let mut registry = asked();
    step(&mut registry, Step::Stop, Outcome::Done);
    let lost = begin(&mut registry, Step::Install, NOW);
    assert!(registry.begin_step(NOW + STEP_NANOS - 1).is_none());
    let next = begin(&mut registry, Step::Look, NOW + STEP_NANOS);
    registry.step_went(&lost, Step::Install, failed("late"), NOW + STEP_NANOS);
    let found = Outcome::Found(Some(Sha256::digest(b"\0asm new").to_vec()));
    registry.step_went(&next, Step::Look, found, NOW + STEP_NANOS);
    assert_eq!(status_of(&registry), Some(UpgradeStatus::Starting(None)));
}

#[test]
fn a_second_upgrade_waits_for_the_first() {
    let mut registry = asked();
    let second = registry.ask_upgrade(voted(), asking(b"\0asm other"));
    assert!(matches!(second, Err(Error::NotNow(_))));
    step(&mut registry, Step::Stop, failed("busy"));
    step(&mut registry, Step::Start, Outcome::Done);
    assert!(registry.ask_upgrade(voted(), asking(b"\0asm other")).is_ok());
}

#[test]
fn a_module_of_another_hash_or_too_large_is_refused() {
    let mut registry = installed();
    let other = UpgradeGovernance { sha256: ByteBuf::from([1; 32]), ..asking(b"\0asm") };
    assert!(matches!(registry.ask_upgrade(voted(), other), Err(Error::Invalid(_))));
    let large = registry.ask_upgrade(voted(), asking(&vec![0; MAX_UPGRADE_BYTES]));
    assert!(matches!(large, Err(Error::TooMany(_))));
    assert_eq!(registry.upgrade_step(), None);
}
