//! Which view it is, who leads it, and when it is over (rule 1).

use super::machine::Consensus;
use super::propose::Proposing;
use crate::types::limits::{
    GATHER_CALL_US, GATHER_MAX_MS, RESEND_MAX_MS, RESEND_MIN_MS, SILENT_VIEWS_MAX, UNCERTIFIED_HEIGHTS_MAX,
    VIEW_TIMEOUT_MAX_MS,
};
use crate::types::*;

/// The view that this replica is in. Moments are on the scale of waits.
#[derive(Clone, Copy, Debug)]
pub struct CurrentView {
    pub number: View,
    pub leader: NodeIndex,
    pub entered: Time,
    /// The epoch ends with a block below, as far as was known when the view was entered: no payload is proposed.
    pub is_void: bool,
    /// Since when something waits to be proposed.
    pub waiting_since: Option<Time>,
    pub proposing: Proposing,
    /// Since when the leader gathers calls for its block.
    pub gathering_since: Time,
    /// Views left by nullification since the last finalization: each doubles the timeout.
    pub nullified_in_row: u32,
}

/// How busy the subnet is, as this replica sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// Calls in the block last voted for, or half of what the figure was before, if that is more.
    pub calls: u64,
    /// When that vote was, on the scale of waits.
    pub voted: Time,
}

impl Load {
    /// A block of so many calls was voted for.
    pub fn add(&mut self, calls: usize, now: Time) {
        self.calls = u64::try_from(calls).unwrap_or(u64::MAX).max(self.calls / 2);
        self.voted = now;
    }
}

impl Consensus {
    /// Enters the view after the highest certified one, if that is a later one than the current.
    pub(super) fn enter(&mut self) -> bool {
        let Some((view, attempt)) = self.pool.highest_certified(self.view.number) else {
            return false;
        };
        let (beacon, nullified) = (attempt.beacon, attempt.certified_block().is_none());
        let leader = self.keys.keyring.leader(view.next(), beacon.as_ref().map(|beacon| &beacon.signature));
        if nullified {
            self.view.nullified_in_row = self.view.nullified_in_row.saturating_add(1);
        }
        if view > self.view.number {
            self.peers.hear_all(view);
        }
        self.open(view.next(), leader);
        true
    }

    /// Makes `view` the current one.
    pub(super) fn open(&mut self, view: View, leader: NodeIndex) {
        self.pool.tidy(self.base(), view, leader);
        let own = self.keys.keyring.own();
        let proposed = self.pool.get(view).is_some_and(|attempt| {
            attempt.notarized.is_some()
                || attempt.candidates.iter().any(|candidate| candidate.block.proposer == own)
        });
        self.view = CurrentView {
            number: view,
            leader,
            entered: self.clock.steady(),
            is_void: false,
            waiting_since: None,
            proposing: if proposed { Proposing::Done } else { Proposing::Idle },
            gathering_since: self.load.voted,
            nullified_in_row: self.view.nullified_in_row,
        };
        self.view.is_void = self.ends_in(&self.pending());
    }

    /// Something waits to be proposed in the current view.
    pub(super) fn payload_waits(&mut self) {
        self.view.waiting_since.get_or_insert(self.clock.steady());
        if self.view.proposing == Proposing::Empty {
            self.view.proposing = Proposing::Idle;
            self.view.gathering_since = self.clock.steady();
        }
    }

    /// When a leader for which calls wait proposes them.
    pub(super) fn gathered(&self) -> Time {
        let gather_us = self.load.calls.saturating_mul(GATHER_CALL_US).min(GATHER_MAX_MS * 1_000);
        self.view.gathering_since.saturating_add(Time(gather_us * 1_000)).min(self.heartbeat())
    }

    /// When an idle leader proposes.
    pub(super) fn heartbeat(&self) -> Time {
        self.view.entered.plus_ms(self.pace.heartbeat_ms)
    }

    /// Whether an idle leader's time has come.
    pub(super) fn is_heartbeat_due(&self) -> bool {
        self.clock.steady() >= self.heartbeat()
    }

    /// Whether blocks on top of `parent` carry no payload, because certification is behind.
    pub(super) fn is_throttled(&self, parent: Height) -> bool {
        parent.saturating_sub(self.certifier.height()).0 >= UNCERTIFIED_HEIGHTS_MAX
    }

    /// When a proposal of the current view is due.
    pub(super) fn proposal_expected(&self) -> Time {
        let paused = self.view.is_void || self.is_throttled(self.chain.tip.height);
        let waiting = self.view.waiting_since.filter(|_| !paused);
        waiting.map_or(self.heartbeat(), |since| since.min(self.heartbeat()))
    }

    /// Whether the leader said nothing for so many views that nobody should wait for it.
    fn is_leader_silent(&self) -> bool {
        let CurrentView { number, leader, .. } = self.view;
        leader != self.keys.keyring.own()
            && number.saturating_sub(self.peers.heard(leader)).0 > SILENT_VIEWS_MAX
    }

    /// When the current view is given up.
    pub(super) fn deadline(&self) -> Time {
        if self.is_leader_silent() {
            return self.view.entered;
        }
        let doubled = 1u64.checked_shl(self.view.nullified_in_row.min(32)).unwrap_or(u64::MAX);
        let timeout_ms = self.pace.view_timeout_ms.saturating_mul(doubled);
        let longest_ms = VIEW_TIMEOUT_MAX_MS.max(self.pace.view_timeout_ms);
        self.proposal_expected().plus_ms(timeout_ms.min(longest_ms))
    }

    /// The pace at which what may have been lost is sent again.
    pub(super) fn resend_ms(&self) -> u64 {
        (self.pace.view_timeout_ms / 2).clamp(RESEND_MIN_MS, RESEND_MAX_MS)
    }

    /// Asks to be woken when the next wait is over.
    pub(super) fn rearm(&mut self) {
        let steady = self.clock.steady();
        let waits = [
            Some(self.resend_due),
            Some(self.deadline()),
            Some(self.heartbeat()).filter(|_| self.view.leader == self.keys.keyring.own()),
            Some(self.gathered()).filter(|_| self.view.leader == self.keys.keyring.own()),
            self.revalidation_due(),
            self.fetch_due(),
            self.bodies_due(),
            self.chain_fetch_due(),
        ];
        let next = waits.into_iter().flatten().filter(|due| *due > steady).min();
        let wake = next.map(|due| self.clock.wall_at(due));
        if let Some(at) = wake.filter(|_| wake != self.armed) {
            self.armed = wake;
            self.emit(Effect::SetTimer(at));
        }
    }
}
