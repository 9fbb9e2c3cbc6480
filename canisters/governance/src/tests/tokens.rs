//! Orders to the ledger: what its answers, and their absence, do.

use super::*;
use crate::neuron::subaccount_of;
use crate::staking::{Report, Settled};
use cycles_interface::Account;

const STAKE: u64 = 5 * E8S;

/// A dissolved neuron of person 1, all of which was ordered to leave.
fn disbursing() -> (TestGovernance, u64) {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 5, 0);
    governance.begin_disburse(person(1), id, None, None, NOW * NANOS).expect("dissolved");
    (governance, id)
}

/// A neuron of person 1 of which a proposal was rejected.
fn owing() -> (TestGovernance, u64) {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 5, 50);
    let other = neuron(&mut governance, 2, 50, 50);
    let proposal = propose(&mut governance, 1, id, Action::Motion);
    vote(&mut governance, 2, other, proposal, Vote::No, NOW);
    (governance, id)
}

fn minting_account() -> Account {
    Account::from(id(32))
}

fn settled(governance: &mut TestGovernance, id: u64, report: Report) -> Settled {
    assert!(governance.next_transfer(id).is_some(), "nothing is ordered");
    governance.settled(id, report, NOW * NANOS)
}

fn stake(governance: &TestGovernance, id: u64) -> Option<u64> {
    governance.neuron(id).map(|it| it.stake_e8s)
}

#[test]
fn all_that_is_disbursed_leaves_no_neuron() {
    let (mut governance, id) = disbursing();
    let transfer = governance.next_transfer(id).expect("an order");
    assert_eq!((transfer.amount_e8s, transfer.fee_e8s), (STAKE - FEE, Some(FEE)));
    assert_eq!(
        (transfer.to, transfer.from_subaccount),
        (Account::from(person(1)), subaccount_of(person(1), 0))
    );
    let done = governance.settled(id, Report::Done(7), NOW * NANOS);
    assert_eq!(done, Settled::Done { block: Some(7), amount_e8s: STAKE - FEE });
    let totals = *governance.totals();
    assert_eq!(
        (totals.disbursed_e8s, totals.fees_e8s, totals.stake_e8s),
        ((STAKE - FEE).into(), FEE.into(), 0)
    );
    assert!(governance.neuron(id).is_none() && governance.neuron_at(&subaccount_of(person(1), 0)).is_none());
}

#[test]
fn a_part_that_is_disbursed_leaves_the_rest() {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 5, 0);
    let to = Account::from(person(9));
    governance.begin_disburse(person(1), id, Some(E8S), Some(to), NOW * NANOS).expect("dissolved");
    assert_eq!(governance.next_transfer(id).map(|it| it.to), Some(to));
    governance.settled(id, Report::Done(7), NOW * NANOS);
    assert_eq!(stake(&governance, id), Some(STAKE - E8S));
}

#[test]
fn what_is_locked_reserved_or_not_there_is_not_disbursed() {
    let mut governance = governance();
    let id = neuron(&mut governance, 1, 5, 50);
    let locked = governance.begin_disburse(person(1), id, None, None, NOW * NANOS);
    assert!(is_unfit(&locked));
    neuron(&mut governance, 2, 50, 50);
    propose(&mut governance, 1, id, Action::Motion);
    governance.command(person(1), id, Command::StartDissolving, NOW).expect("locked");
    let then = (NOW + 50) * NANOS;
    let reserved = governance.begin_disburse(person(1), id, Some(STAKE), None, then);
    let expected =
        GovernanceError::InsufficientFunds { available_e8s: STAKE - PROPOSAL_FEE, needed_e8s: STAKE };
    assert_eq!(reserved, Err(expected));
    assert!(is_invalid(&governance.begin_disburse(person(1), id, Some(FEE), None, then)));
    governance.begin_disburse(person(1), id, None, None, then).expect("the rest");
    assert_eq!(stake(&governance, id), Some(PROPOSAL_FEE));
}

#[test]
fn while_tokens_move_nothing_else_moves_or_is_claimed() {
    let (mut governance, id) = disbursing();
    let busy = Err(GovernanceError::Busy("tokens of the neuron are moving; try again later".to_owned()));
    assert_eq!(governance.begin_disburse(person(1), id, Some(E8S), None, NOW * NANOS), busy);
    assert_eq!(governance.claim(person(1), 0, STAKE, NOW).map(|_| ()), busy);
}

#[test]
fn an_order_that_was_refused_gives_everything_back() {
    for report in [Report::Refused("no".to_owned()), Report::TooOld, Report::BadFee(STAKE)] {
        let (mut governance, id) = disbursing();
        assert_eq!(stake(&governance, id), Some(0));
        assert!(matches!(
            settled(&mut governance, id, report),
            Settled::Undone(GovernanceError::External(_))
        ));
        assert_eq!(stake(&governance, id), Some(STAKE));
        assert_eq!(governance.totals().disbursed_e8s, 0);
    }
}

#[test]
fn another_fee_makes_another_order_a_few_times() {
    let (mut governance, id) = disbursing();
    let first = governance.next_transfer(id).expect("an order");
    assert_eq!(governance.settled(id, Report::BadFee(3 * FEE), NOW * NANOS), Settled::Again);
    let second = governance.next_transfer(id).expect("an order");
    assert_eq!((second.amount_e8s, second.fee_e8s), (STAKE - 3 * FEE, Some(3 * FEE)));
    assert_ne!(first.memo, second.memo);
    assert_eq!(governance.settled(id, Report::BadFee(4 * FEE), NOW * NANOS), Settled::Again);
    assert_eq!(settled(&mut governance, id, Report::BadFee(5 * FEE)), Settled::Again);
    assert!(matches!(settled(&mut governance, id, Report::BadFee(6 * FEE)), Settled::Undone(_)));
    assert_eq!(stake(&governance, id), Some(STAKE));
}

#[test]
fn an_order_without_an_answer_is_repeated_as_it_was() {
    let (mut governance, id) = disbursing();
    let first = governance.next_transfer(id).expect("an order");
    let unheard = governance.settled(id, Report::Unheard("stopped".to_owned()), NOW * NANOS);
    assert!(matches!(unheard, Settled::Later(_)));
    assert_eq!(governance.next_unsettled(), Some(id));
    assert_eq!(governance.next_transfer(id), Some(first));
    assert!(matches!(governance.settled(id, Report::Done(3), NOW * NANOS), Settled::Done { .. }));
    assert!(!governance.is_unsettled());
}

#[test]
fn a_lost_order_that_is_too_old_is_told_by_the_balance() {
    for (balance, done) in [(0, true), (STAKE - 1, true), (STAKE, false), (STAKE + E8S, false)] {
        let (mut governance, id) = disbursing();
        settled(&mut governance, id, Report::Unheard("trapped".to_owned()));
        assert_eq!(settled(&mut governance, id, Report::TooOld), Settled::Unclear);
        let outcome = governance.reconcile(id, balance);
        assert_eq!(matches!(outcome, Settled::Done { block: None, .. }), done, "{balance}");
        assert_eq!(stake(&governance, id), (!done).then_some(STAKE), "{balance}");
    }
}

#[test]
fn a_fee_that_is_owed_is_burnt_once() {
    let (mut governance, id) = owing();
    assert_eq!(governance.next_unsettled(), Some(id));
    governance.begin_burn(id, minting_account(), NOW * NANOS);
    governance.begin_burn(id, minting_account(), NOW * NANOS);
    let transfer = governance.next_transfer(id).expect("an order");
    assert_eq!((transfer.to, transfer.amount_e8s, transfer.fee_e8s), (minting_account(), PROPOSAL_FEE, None));
    governance.settled(id, Report::Done(3), NOW * NANOS);
    assert_eq!(governance.totals().burnt_e8s, u128::from(PROPOSAL_FEE));
    assert_eq!((stake(&governance, id), governance.next_transfer(id)), (Some(STAKE - PROPOSAL_FEE), None));
    assert!(!governance.is_unsettled());
}

#[test]
fn a_fee_that_could_not_be_burnt_is_still_owed_and_one_too_small_is_forgiven() {
    let (mut governance, id) = owing();
    governance.begin_burn(id, minting_account(), NOW * NANOS);
    settled(&mut governance, id, Report::Refused("no".to_owned()));
    let owed = |governance: &TestGovernance| governance.neuron(id).map(|it| (it.stake_e8s, it.owed_e8s));
    assert_eq!(owed(&governance), Some((STAKE, PROPOSAL_FEE)));
    governance.begin_burn(id, minting_account(), NOW * NANOS);
    settled(&mut governance, id, Report::TooSmall);
    assert_eq!(owed(&governance), Some((STAKE, 0)));
    assert_eq!(governance.totals().burnt_e8s, 0);
}

#[test]
fn an_account_that_a_message_holds_is_passed_over() {
    let (mut governance, id) = owing();
    let subaccount = subaccount_of(person(1), 0);
    assert!(governance.hold(subaccount) && !governance.hold(subaccount));
    assert_eq!(governance.next_unsettled(), None);
    governance.release(subaccount);
    assert_eq!(governance.next_unsettled(), Some(id));
}
