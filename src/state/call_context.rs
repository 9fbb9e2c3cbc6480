//! Calls that a canister has not answered yet, and calls of its own whose answers it awaits.

use crate::types::{CallContextId, CallbackId, CanisterId, Cycles, Instructions, Principal};
use crate::types::{RequestId, SenderInfo, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who awaits the answer of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Origin {
    /// A user, through the ingress history.
    Ingress { id: RequestId, sender: Principal },
    /// A canister's callback.
    Canister { sender: CanisterId, callback: CallbackId, deadline: Option<Time> },
    /// Nobody: a timer.
    System,
}

impl Origin {
    /// Who is the caller, as the canister called sees it.
    pub fn caller(&self) -> Principal {
        match self {
            Origin::Ingress { sender, .. } => *sender,
            Origin::Canister { sender, .. } => sender.principal(),
            Origin::System => Principal::management_canister(),
        }
    }

    /// Until when a best-effort answer is awaited.
    pub fn deadline(&self) -> Option<Time> {
        match self {
            Origin::Canister { deadline, .. } => *deadline,
            Origin::Ingress { .. } | Origin::System => None,
        }
    }
}

/// A call between its start and its answer, and until the last callback it waits for has run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CallContext {
    pub origin: Origin,
    /// What a canister vouches for about the user who called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_info: Option<SenderInfo>,
    /// Attached by the caller and not accepted yet.
    pub available: Cycles,
    pub answered: bool,
    /// Its canister was uninstalled: callbacks do not run any more.
    pub deleted: bool,
    /// Callbacks that may still run in this context.
    pub outstanding: u64,
    /// Used by this call until now (performance counter 1).
    pub instructions: Instructions,
    pub started: Time,
}

impl CallContext {
    /// A context without cycles that was opened at `now`. The system awaits no answer.
    pub fn new(origin: Origin, now: Time) -> CallContext {
        CallContext {
            origin,
            sender_info: None,
            available: Cycles::ZERO,
            answered: origin == Origin::System,
            deleted: false,
            outstanding: 0,
            instructions: Instructions::ZERO,
            started: now,
        }
    }
}

/// A call made, whose answer is awaited.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Callback {
    pub context: CallContextId,
    pub respondent: Principal,
    /// Set aside for the largest response and for running the callback.
    pub reserved: Cycles,
    pub on_reply: (u64, u64),
    pub on_reject: (u64, u64),
    pub on_cleanup: Option<(u64, u64)>,
    pub deadline: Option<Time>,
    /// The deadline has passed, and the response that says so is on its way.
    pub given_up: bool,
}

/// How many calls of a canister are in flight: counted from its callbacks, so that a run learns it without
/// looking at all of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InFlight {
    by_respondent: Arc<BTreeMap<Principal, usize>>,
    guaranteed: usize,
}

impl InFlight {
    /// Counts `callbacks`.
    pub fn of<'c>(callbacks: impl IntoIterator<Item = &'c Callback>) -> InFlight {
        let mut calls = InFlight::default();
        callbacks.into_iter().for_each(|callback| calls.add(callback));
        calls
    }

    /// Calls to `respondent`.
    pub fn to(&self, respondent: &Principal) -> usize {
        self.by_respondent.get(respondent).copied().unwrap_or(0)
    }

    /// Calls whose response is guaranteed.
    pub fn guaranteed(&self) -> usize {
        self.guaranteed
    }

    pub(super) fn add(&mut self, callback: &Callback) {
        let count = Arc::make_mut(&mut self.by_respondent).entry(callback.respondent).or_default();
        *count = count.saturating_add(1);
        if callback.deadline.is_none() {
            self.guaranteed = self.guaranteed.saturating_add(1);
        }
    }

    pub(super) fn remove(&mut self, callback: &Callback) {
        let counts = Arc::make_mut(&mut self.by_respondent);
        match counts.get_mut(&callback.respondent) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            _ => {
                counts.remove(&callback.respondent);
            }
        }
        if callback.deadline.is_none() {
            self.guaranteed = self.guaranteed.saturating_sub(1);
        }
    }
}
