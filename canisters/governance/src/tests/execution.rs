//! What follows of adoption.

use super::*;
use crate::action::MAX_MODULE_BYTES;
use crate::execution::{
    ASK_AGAIN_SECONDS, EXECUTION_SECONDS, Job, MAX_FAILURE_BYTES, REGISTRY_PATIENCE_SECONDS, lost,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use interfaces::registry::{GovernanceUpgrade, UpgradeStatus};
use lease::Held;
use std::io::Write;

/// An adopted proposal.
fn adopted(action: Action) -> (TestGovernance, u64) {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 100, 50);
    let proposal = propose(&mut governance, 1, id, action);
    assert_eq!(status(&governance, proposal), ProposalStatus::Adopted);
    (governance, proposal)
}

/// What is to do next, and the right to.
fn begin(governance: &mut TestGovernance, now: u64) -> (Job, Held) {
    governance.next_job(now).unwrap_or_else(|| panic!("there is nothing to do"))
}

/// Whether nothing is begun.
fn is_idle(governance: &mut TestGovernance, now: u64) -> bool {
    governance.next_job(now).is_none()
}

fn rate() -> Action {
    Action::SetConversionRate { xdr_permyriad_per_icp: 9 }
}

fn failure(governance: &TestGovernance, proposal: u64) -> String {
    match status(governance, proposal) {
        ProposalStatus::Failed { reason } => reason,
        other => panic!("not failed: {other:?}"),
    }
}

#[test]
fn what_was_adopted_is_done_once() {
    let (mut governance, id) = adopted(rate());
    let (job, held) = begin(&mut governance, NOW);
    assert_eq!(job, Job::Do { id, action: rate() });
    assert_eq!(status(&governance, id), ProposalStatus::Executing);
    assert!(is_idle(&mut governance, NOW), "it is under way");
    governance.ended(id, Ok(()), NOW + 3);
    drop(held);
    assert_eq!(status(&governance, id), ProposalStatus::Executed);
    assert_eq!(governance.record(id).and_then(|it| it.ended_seconds), Some(NOW + 3));
    assert!(is_idle(&mut governance, NOW));
    assert_eq!(governance.next_due(), None);
    governance.ended(id, Err("late".to_owned()), NOW + 9);
    assert_eq!(status(&governance, id), ProposalStatus::Executed);
}

#[test]
fn a_failure_stands_on_the_record_and_changes_nothing() {
    let (mut governance, id) = adopted(rate());
    let config = *governance.config();
    begin(&mut governance, NOW);
    governance.ended(id, Err("é".repeat(MAX_FAILURE_BYTES)), NOW);
    assert_eq!(failure(&governance, id).len(), MAX_FAILURE_BYTES);
    assert_eq!(*governance.config(), config);
    assert!(is_idle(&mut governance, NOW));
}

#[test]
fn what_was_under_way_when_its_message_trapped_is_not_done_again() {
    let (mut governance, id) = adopted(rate());
    drop(begin(&mut governance, NOW));
    assert_eq!(begin(&mut governance, NOW).0, Job::Ended);
    assert_eq!(Err(failure(&governance, id)), lost());
}

#[test]
fn an_execution_of_which_nothing_is_heard_is_lost_and_stands_in_nobodys_way() {
    let (mut governance, first) = adopted(rate());
    let second = propose(&mut governance, 1, 1, rate());
    let (_, never) = begin(&mut governance, NOW);
    let ends = NOW + EXECUTION_SECONDS;
    assert!(is_idle(&mut governance, ends - 1));
    assert_eq!(governance.next_due(), Some(ends));
    assert_eq!(begin(&mut governance, ends).0, Job::Ended);
    assert_eq!(Err(failure(&governance, first)), lost());
    let (job, held) = begin(&mut governance, ends);
    assert_eq!(job, Job::Do { id: second, action: rate() });
    governance.ended(first, Ok(()), ends);
    drop(never);
    assert_eq!(Err(failure(&governance, first)), lost(), "what is heard after all comes too late");
    assert!(is_idle(&mut governance, ends), "the second is under way");
    drop(held);
}

#[test]
fn a_canister_whose_upgrade_trapped_in_the_middle_is_started() {
    let (mut governance, id) = adopted(upgrade_of(super::id(4)));
    assert_eq!(begin(&mut governance, NOW).0, Job::Do { id, action: upgrade_of(super::id(4)) });
    assert!(governance.modules.is_empty(), "the module is needed once");
    assert_eq!(begin(&mut governance, NOW).0, Job::Restart { id, canister_id: super::id(4) });
}

#[test]
fn a_rejected_upgrade_leaves_no_module() {
    let mut governance = governance();
    let small = neuron(&mut governance, 1, 10, 50);
    let large = neuron(&mut governance, 2, 100, 50);
    let proposal = propose(&mut governance, 1, small, upgrade_of(id(4)));
    assert_eq!(governance.modules.len(), 1);
    vote(&mut governance, 2, large, proposal, Vote::No, NOW);
    assert!(governance.modules.is_empty() && governance.adopted.is_empty());
    assert!(is_idle(&mut governance, NOW));
}

#[test]
fn a_motion_ends_at_once() {
    let (mut governance, id) = adopted(Action::Motion);
    assert_eq!(begin(&mut governance, NOW).0, Job::Ended);
    assert_eq!(status(&governance, id), ProposalStatus::Executed);
}

#[test]
fn parameters_are_in_force_once_adopted() {
    let other = Parameters { quorum_permille: 1, ..parameters() };
    let (mut governance, id) = adopted(Action::SetParameters(other));
    assert_eq!(governance.config().parameters, parameters());
    begin(&mut governance, NOW);
    assert_eq!((governance.config().parameters, status(&governance, id)), (other, ProposalStatus::Executed));
}

#[test]
fn adopted_proposals_are_executed_one_after_the_other() {
    let (mut governance, first) = adopted(rate());
    let second = propose(&mut governance, 1, 1, rate());
    let (_, held) = begin(&mut governance, NOW);
    governance.ended(first, Err("no".to_owned()), NOW);
    assert!(is_idle(&mut governance, NOW));
    drop(held);
    assert_eq!(begin(&mut governance, NOW).0, Job::Do { id: second, action: rate() });
}

/// The registry has the module for this canister.
fn handed_over() -> (TestGovernance, u64) {
    let (mut governance, id) = adopted(upgrade_of(own_id()));
    assert!(matches!(begin(&mut governance, NOW).0, Job::HandOver { .. }));
    governance.handed_over(id, Ok(()), NOW);
    (governance, id)
}

fn answer(id: u64, status: UpgradeStatus) -> Result<Option<GovernanceUpgrade>, String> {
    Ok(Some(GovernanceUpgrade { proposal: Some(id), sha256: ByteBuf::new(), asked_nanos: 0, status }))
}

#[test]
fn the_upgrade_of_this_canister_ends_as_the_registry_says() {
    let (mut governance, id) = handed_over();
    assert!(is_idle(&mut governance, NOW), "not at once");
    let mut now = NOW;
    for unfinished in [answer(id, UpgradeStatus::Stopping), Err("stopped".to_owned())] {
        now += ASK_AGAIN_SECONDS;
        assert_eq!(begin(&mut governance, now).0, Job::Ask { id });
        governance.asked(id, unfinished, now);
        assert_eq!(status(&governance, id), ProposalStatus::Executing);
    }
    governance.asked(id, answer(id, UpgradeStatus::Done), now);
    assert_eq!(status(&governance, id), ProposalStatus::Executed);
}

#[test]
fn an_upgrade_of_this_canister_that_failed_or_is_unknown_ends_as_failed() {
    for (said, expected) in [
        (answer(1, UpgradeStatus::Failed("it trapped".to_owned())), "it trapped"),
        (Ok(None), "knows nothing"),
        (answer(99, UpgradeStatus::Done), "knows nothing"),
    ] {
        let (mut governance, id) = handed_over();
        governance.asked(id, said, NOW);
        assert!(failure(&governance, id).contains(expected));
    }
}

#[test]
fn a_registry_that_never_says_does_not_stand_in_the_way_for_ever() {
    let (mut governance, id) = handed_over();
    governance.asked(id, Err("stopped".to_owned()), NOW + REGISTRY_PATIENCE_SECONDS + 1);
    assert!(failure(&governance, id).contains("does not say"));
}

#[test]
fn a_module_that_is_too_large_is_proposed_packed_and_installed_as_it_was_proposed() {
    let module = [&b"\0asm\x01\0\0\0"[..], &vec![7; MAX_MODULE_BYTES]].concat();
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&module).expect("memory");
    let packed = packed.finish().expect("memory");
    for canister_id in [own_id(), super::id(4)] {
        let sha256 = ByteBuf::from(Sha256::digest(&packed).to_vec());
        let (wasm_module, arg) = (ByteBuf::from(packed.clone()), ByteBuf::new());
        let (mut governance, _) =
            adopted(Action::UpgradeCanister { canister_id, wasm_module, arg, sha256: sha256.clone() });
        let done = match begin(&mut governance, NOW).0 {
            Job::HandOver { wasm_module, sha256, .. } => (wasm_module, sha256),
            Job::Do { action: Action::UpgradeCanister { wasm_module, sha256, .. }, .. } => {
                (wasm_module.into_vec(), sha256.into_vec())
            }
            other => panic!("no upgrade: {other:?}"),
        };
        assert_eq!(done, (packed.clone(), sha256.into_vec()));
    }
}

#[test]
fn a_module_that_the_registry_does_not_take_fails() {
    let (mut governance, id) = adopted(upgrade_of(own_id()));
    begin(&mut governance, NOW);
    governance.handed_over(id, Err("not now".to_owned()), NOW);
    assert_eq!(failure(&governance, id), "not now");
}
