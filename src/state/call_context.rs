//! Calls that a canister has not answered yet, and calls of its own whose answers it awaits.

use crate::types::{CallContextId, CallbackId, CanisterId, Cycles, Instructions, Principal};
use crate::types::{RequestId, SenderInfo, Time};
use serde::{Deserialize, Serialize};

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
}
