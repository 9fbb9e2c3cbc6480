//! The ingress history: what became of users' calls. It answers polls, and by remembering every call
//! until it has expired it lets none run twice.
//!
//! 1. An entry is made when a call is taken (`Received`), and is `Processing` once its execution began.
//! 2. A call that is still `Received` when it expires is rejected; it will not run any more.
//! 3. A reply or reject stays for [`INGRESS_TTL_MS`] after it was made and at least until the call
//!    expires; then only that the call is `Done` is remembered, for [`INGRESS_DRIFT_MS`]; then nothing.
//! 4. When replies together have more than [`INGRESS_HISTORY_BYTES_MAX`], the oldest become `Done` early.
//! 5. The index `due` orders entries by the moment of their next change, so that time passing costs
//!    only what changes.

use crate::types::limits::{INGRESS_DRIFT_MS, INGRESS_HISTORY_BYTES_MAX, INGRESS_TTL_MS};
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
    /// Bytes of the answer.
    fn answer_bytes(&self) -> u64 {
        match &self.status {
            IngressStatus::Replied(reply) => reply.len() as u64,
            IngressStatus::Rejected(reject) => reject.message.len() as u64,
            IngressStatus::Received | IngressStatus::Processing | IngressStatus::Done => 0,
        }
    }

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
    /// Entries with an answer, oldest first, and the bytes of all answers (rule 4).
    answered: OrdSet<(Time, RequestId)>,
    answer_bytes: u64,
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
        self.unindex(&id);
        if let Some(due) = entry.due() {
            self.due.insert((due, id));
        }
        let bytes = entry.answer_bytes();
        if bytes > 0 {
            self.answered.insert((entry.completed, id));
            self.answer_bytes = self.answer_bytes.saturating_add(bytes);
        }
        self.entries.insert(id, Arc::new(entry));
    }

    /// Forgets the call.
    pub fn remove(&mut self, id: &RequestId) {
        self.unindex(id);
        self.entries.remove(id);
    }

    /// The oldest answer, if all of them have too many bytes (rule 4).
    pub fn excess(&self) -> Option<RequestId> {
        let (_, id) = self.answered.get_min()?;
        (self.answer_bytes > INGRESS_HISTORY_BYTES_MAX).then_some(*id)
    }

    /// The entry that time changes first, if it does so before `now`: expiry is inclusive.
    pub fn due_before(&self, now: Time) -> Option<RequestId> {
        let (due, id) = self.due.get_min()?;
        (*due < now).then_some(*id)
    }

    fn unindex(&mut self, id: &RequestId) {
        let Some(entry) = self.entries.get(id) else {
            return;
        };
        if let Some(due) = entry.due() {
            self.due.remove(&(due, *id));
        }
        let bytes = entry.answer_bytes();
        if bytes > 0 {
            self.answered.remove(&(entry.completed, *id));
            self.answer_bytes = self.answer_bytes.saturating_sub(bytes);
        }
    }
}
