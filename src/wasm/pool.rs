//! Instances kept ready between runs (rule 6).
//!
//! Replicated runs and queries see different versions of a canister's heap at the same time, so each
//! kind has instances of its own: an image then only moves forward, by what one height changed.

use super::instance::Instance;
use crate::state::PageMap;
use crate::types::limits::{INSTANCES_BYTES_MAX, INSTANCES_MAX, INSTANCES_PER_CANISTER_MAX};
use crate::types::{CanisterId, Digest};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Whose instances can serve a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    pub canister: CanisterId,
    pub module: Digest,
    pub replicated: bool,
}

/// Idle instances, least recently used first.
#[derive(Default)]
pub struct Pool {
    idle: Mutex<VecDeque<(Owner, Instance)>>,
}

impl Pool {
    /// An idle instance of `owner`, if there is one: best one whose image already holds `heap`.
    pub fn take(&self, owner: Owner, heap: &PageMap) -> Option<Instance> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let exact = idle.iter().rposition(|(of, instance)| *of == owner && instance.is_at(heap));
        let at = exact.or_else(|| idle.iter().rposition(|(of, _)| *of == owner))?;
        idle.remove(at).map(|(_, instance)| instance)
    }

    /// Keeps `instance` for `owner`, and drops the oldest ones beyond the bounds.
    pub fn keep(&self, owner: Owner, instance: Instance) {
        let mut dropped = Vec::new();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push_back((owner, instance));
        let alike =
            |(of, _): &(Owner, Instance)| of.canister == owner.canister && of.replicated == owner.replicated;
        if idle.iter().filter(|kept| alike(kept)).count() > INSTANCES_PER_CANISTER_MAX {
            dropped.extend(idle.iter().position(alike).and_then(|at| idle.remove(at)));
        }
        let mut bytes: u64 = idle.iter().map(|(_, instance)| instance.bytes()).sum();
        while idle.len() > INSTANCES_MAX || (bytes > INSTANCES_BYTES_MAX && idle.len() > 1) {
            let oldest = idle.pop_front();
            bytes -= oldest.as_ref().map_or(0, |(_, instance)| instance.bytes());
            dropped.extend(oldest);
        }
        drop(idle);
        // Unmapping takes time: not under the lock.
        drop(dropped);
    }
}
