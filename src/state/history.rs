//! The ingress history: what became of users' calls. It answers polls, and by remembering every call
//! until it has expired it lets none run twice.
//!
//! 1. An entry is made when a call is taken (`Received`), and is `Processing` once its execution began.
//! 2. A call that is still `Received` when it expires is rejected; it will not run any more.
//! 3. A reply or reject stays for [`INGRESS_TTL_MS`] after it was made and at least until the call
//!    expires; then only that the call is `Done` is remembered, for [`INGRESS_DRIFT_MS`]; then nothing.
//! 4. The index `due` orders entries by the moment of their next change, so that time passing costs
//!    only what changes.

use crate::types::limits::{INGRESS_DRIFT_MS, INGRESS_TTL_MS};
use crate::types::{Principal, Reject, RequestId, Time};
use imbl::{OrdMap, OrdSet};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where a call stands (interface spec, "Request status").
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum IngressStatus {
    Received,
    Processing,
    Replied(#[serde(with = "serde_bytes")] Vec<u8>),
    Rejected(Reject),
    /// Answered, and the answer forgotten.
    Done,
}

impl IngressStatus {
    /// Whether the call was answered.
    pub fn is_final(&self) -> bool {
        !matches!(self, IngressStatus::Received | IngressStatus::Processing)
    }
}

/// One call of a user.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub sender: Principal,
    pub receiver: Principal,
    pub expiry: Time,
    /// When it was answered; zero before.
    pub completed: Time,
    pub status: IngressStatus,
}

impl HistoryEntry {
    /// When time alone changes the entry (rules 2 and 3).
    fn due(&self) -> Option<Time> {
        let forgotten = self.completed.plus_ms(INGRESS_TTL_MS).max(self.expiry);
        match self.status {
            IngressStatus::Received => Some(self.expiry),
            IngressStatus::Processing => None,
            IngressStatus::Replied(_) | IngressStatus::Rejected(_) => Some(forgotten),
            IngressStatus::Done => Some(forgotten.plus_ms(INGRESS_DRIFT_MS)),
        }
    }
}

/// All calls that are remembered.
#[derive(Clone, Default)]
pub struct History {
    entries: OrdMap<RequestId, Arc<HistoryEntry>>,
    due: OrdSet<(Time, RequestId)>,
}

impl History {
    /// What is known of the call.
    pub fn get(&self, id: &RequestId) -> Option<&HistoryEntry> {
        self.entries.get(id).map(Arc::as_ref)
    }

    /// How many calls are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&RequestId, &HistoryEntry)> {
        self.entries.iter().map(|(id, entry)| (id, entry.as_ref()))
    }

    /// Sets what is known of the call.
    pub fn set(&mut self, id: RequestId, entry: HistoryEntry) {
        self.forget_due(&id);
        if let Some(due) = entry.due() {
            self.due.insert((due, id));
        }
        self.entries.insert(id, Arc::new(entry));
    }

    /// Forgets the call.
    pub fn remove(&mut self, id: &RequestId) {
        self.forget_due(id);
        self.entries.remove(id);
    }

    /// The entry that time changes first, if it does so before `now`: expiry is inclusive.
    pub fn due_before(&self, now: Time) -> Option<RequestId> {
        let (due, id) = self.due.get_min()?;
        (*due < now).then_some(*id)
    }

    fn forget_due(&mut self, id: &RequestId) {
        if let Some(due) = self.entries.get(id).and_then(|entry| entry.due()) {
            self.due.remove(&(due, *id));
        }
    }
}
