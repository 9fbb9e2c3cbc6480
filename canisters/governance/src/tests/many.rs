//! A hundred thousand neurons.

use super::*;
use crate::interface::Voter;
use crate::neuron::{Lock, Neuron};
use crate::voting::FOLLOWERS_PER_PIECE;

const MANY: u64 = 100_000;

#[test]
fn a_hundred_thousand_followers_are_visited_in_bounded_pieces_and_all_are_counted() {
    let mut governance = governance();
    let leader = neuron(&mut governance, 1, 10, 50);
    let silent = neuron(&mut governance, 2, 3 * MANY, 50);
    for memo in 1..=MANY {
        let id = governance.count(|totals| {
            totals.last_neuron += 1;
            totals.last_neuron
        });
        let lock = Lock::Locked { delay_seconds: MAX_DELAY };
        governance.put_neuron(Neuron { lock, ..Neuron::new(id, person(3), memo, E8S, NOW) });
        governance.set_followees(id, Topic::All, vec![leader]);
    }
    let proposal = propose(&mut governance, 1, leader, Action::Motion);
    assert_eq!(governance.ballots.len(), 1, "no ballots are copied");
    let mut pieces = 0;
    let mut counted = 1;
    while !governance.waves.is_empty() {
        governance.work(NOW);
        pieces += 1;
        assert!(governance.ballots.len() <= counted + FOLLOWERS_PER_PIECE as u64);
        counted = governance.ballots.len();
    }
    assert_eq!(counted, MANY + 1);
    assert!(pieces >= MANY / FOLLOWERS_PER_PIECE as u64);
    let info = governance.get_proposal(proposal).expect("a proposal");
    let own = 15 * E8S - PROPOSAL_FEE * 3 / 2;
    assert_eq!(info.tally.yes, u128::from(own + 2 * MANY * E8S));
    assert_eq!(info.tally.total, info.tally.yes + u128::from(MANY * E8S * 9 / 2));
    assert!(governance.cast_of(proposal, Voter::Neuron(silent)).is_none());
}
