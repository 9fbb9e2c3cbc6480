//! Executed states that wait for their certification, and the newest certified one (rule 7).

use super::handle::CertifiedState;
use crate::state::ReplicatedState;
use crate::telemetry::Metrics;
use crate::types::limits::UNCERTIFIED_STATES_MAX;
use crate::types::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The meeting of executed states and certifications; they come in either order.
pub struct Certifier {
    waiting: Mutex<Waiting>,
    published: watch::Sender<Option<Arc<CertifiedState>>>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct Waiting {
    /// Not yet certified, by height; the oldest are let go when there are too many.
    states: BTreeMap<Height, ReplicatedState>,
    /// Certified, but not executed here yet: the newest only.
    certification: Option<Certification>,
    closed: bool,
}

impl Certifier {
    pub fn new(published: watch::Sender<Option<Arc<CertifiedState>>>, metrics: Arc<Metrics>) -> Certifier {
        Certifier { waiting: Mutex::default(), published, metrics }
    }

    /// What a restart found: served at once if it is certified.
    pub fn recovered(&self, state: ReplicatedState, certification: Option<Certification>) {
        self.executed(state);
        if let Some(certification) = certification {
            self.certified(certification);
        }
    }

    /// A height was executed here.
    pub fn executed(&self, state: ReplicatedState) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.states.insert(state.height(), state);
        if waiting.states.len() > UNCERTIFIED_STATES_MAX {
            waiting.states.pop_first();
        }
        self.publish(&mut waiting);
    }

    /// A height was certified.
    pub fn certified(&self, certification: Certification) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.certification.is_none_or(|last| last.height < certification.height) {
            waiting.certification = Some(certification);
        }
        self.publish(&mut waiting);
    }

    /// Publishes nothing any more, and takes back what was: this replica's word is worth nothing.
    pub fn close(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.closed = true;
        waiting.states.clear();
        self.published.send_replace(None);
    }

    fn publish(&self, waiting: &mut Waiting) {
        let Some(certification) = waiting.certification.filter(|_| !waiting.closed) else { return };
        let Some(state) = waiting.states.remove(&certification.height) else { return };
        // A replica that diverged is about to halt; it publishes nothing first.
        if state.root() != certification.root {
            return;
        }
        waiting.states = waiting.states.split_off(&certification.height);
        let time = state.time();
        let latency = super::wall_clock().saturating_sub(time);
        self.metrics.certified(certification.height, Some(Duration::from_nanos(latency.0)));
        let certified = CertifiedState { height: certification.height, time, certification, state };
        self.published.send_replace(Some(Arc::new(certified)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// States of heights 0 and up; they differ in their time and so in their root.
    fn states(n: u64) -> Vec<ReplicatedState> {
        let mut state = super::super::tests::first_state();
        let mut next = |height| {
            let before = state.clone();
            state.counters.height = Height(height);
            state.counters.time = Time(height);
            state.seal(&before).unwrap();
            state.clone()
        };
        (0..n).map(&mut next).collect()
    }

    fn certification(state: &ReplicatedState) -> Certification {
        let signature = BlsBytes([0; 48]);
        Certification { height: state.height(), root: state.root(), signature }
    }

    /// Gives a certifier `events` and says which height is published after each.
    fn check(events: &[&dyn Fn(&Certifier)], published: &[Option<u64>]) {
        let (sender, receiver) = watch::channel(None);
        let certifier = Certifier::new(sender, Arc::new(Metrics::new().unwrap()));
        let seen = events.iter().map(|event| {
            event(&certifier);
            let state = receiver.borrow().clone();
            state.map(|state: Arc<CertifiedState>| state.height.0)
        });
        assert_eq!(seen.collect::<Vec<_>>(), published);
    }

    #[test]
    fn publishes_a_height_when_both_its_state_and_its_certification_are_there() {
        let states = states(4);
        check(
            &[
                &|certifier| certifier.executed(states[1].clone()),
                &|certifier| certifier.certified(certification(&states[1])),
                &|certifier| certifier.certified(certification(&states[3])),
                &|certifier| certifier.executed(states[2].clone()),
                &|certifier| certifier.executed(states[3].clone()),
                &|certifier| certifier.certified(certification(&states[2])),
            ],
            &[None, Some(1), Some(1), Some(1), Some(3), Some(3)],
        );
    }

    #[test]
    fn serves_what_a_restart_recovered_only_if_it_is_certified() {
        let states = states(3);
        let recovered = |height: usize| Some(certification(&states[height]));
        check(&[&|certifier| certifier.recovered(states[2].clone(), recovered(2))], &[Some(2)]);
        check(&[&|certifier| certifier.recovered(states[2].clone(), recovered(1))], &[None]);
        check(&[&|certifier| certifier.recovered(states[0].clone(), None)], &[None]);
    }

    #[test]
    fn a_diverged_or_closed_replica_publishes_nothing() {
        let states = states(3);
        let other = Certification { root: states[2].root(), ..certification(&states[1]) };
        check(
            &[&|certifier| certifier.executed(states[1].clone()), &|certifier| certifier.certified(other)],
            &[None, None],
        );
        check(
            &[
                &|certifier| certifier.recovered(states[1].clone(), Some(certification(&states[1]))),
                &Certifier::close,
                &|certifier| certifier.recovered(states[2].clone(), Some(certification(&states[2]))),
            ],
            &[Some(1), None, None],
        );
    }

    #[test]
    fn keeps_a_bounded_number_of_states() {
        let states = states(UNCERTIFIED_STATES_MAX as u64 + 2);
        let executed =
            |certifier: &Certifier| states.iter().cloned().for_each(|state| certifier.executed(state));
        check(
            &[&executed, &|certifier| certifier.certified(certification(&states[1])), &|certifier| {
                certifier.certified(certification(&states[2]))
            }],
            &[None, None, Some(2)],
        );
    }
}
