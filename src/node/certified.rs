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
