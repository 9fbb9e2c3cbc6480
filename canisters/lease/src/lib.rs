//! What is done once at a time: a right that is given back, or ends by itself.
//!
//! 1. Who took a [`Lease`] has it as long as the [`Held`] lives: dropped when the work ends, and also when a message
//!    of it traps, since futures are dropped then.
//! 2. A callback never runs if the canister is frozen when the answer comes (ADR 18), or if the answer never comes,
//!    and nobody gives the lease back. So it ends a named time after it was taken or renewed, and the next one takes
//!    it.
//! 3. Who had it before, and goes on after all, can see it by [`Held::is_held`] and has to: what the other one did
//!    since may contradict what it hears. It does not give back what another has.
//!
//! A lease is not in stable memory: an upgrade waits for all answers, or knows of none.

use std::cell::Cell;
use std::rc::Rc;

/// A right that one has at a time.
#[derive(Clone, Debug)]
pub struct Lease {
    /// When it was taken or renewed, by whoever has it.
    since: Rc<Cell<Option<u64>>>,
    /// In the unit of all its times.
    lasting: u64,
}

impl Lease {
    /// Nobody's, and ending so long after it was taken or renewed.
    pub fn lasting(lasting: u64) -> Self {
        Self { since: Rc::default(), lasting }
    }

    /// From when on it can be taken, unless it is renewed or given back before.
    pub fn free_from(&self) -> u64 {
        self.since.get().map_or(0, |since| since.saturating_add(self.lasting))
    }

    /// Whether it could be taken now.
    pub fn is_free(&self, now: u64) -> bool {
        self.free_from() <= now
    }

    /// Takes it, if nobody has it.
    pub fn take(&self, now: u64) -> Option<Held> {
        self.is_free(now).then(|| {
            self.since.set(Some(now));
            Held { since: Rc::clone(&self.since), own: Cell::new(now) }
        })
    }
}

/// The right, as long as it lives and no other has taken it.
#[derive(Debug)]
pub struct Held {
    since: Rc<Cell<Option<u64>>>,
    /// What `since` says if it is this one's.
    own: Cell<u64>,
}

impl Held {
    /// Whether no other has taken it.
    pub fn is_held(&self) -> bool {
        self.since.get() == Some(self.own.get())
    }

    /// Has it from now on for its whole time; whether no other has taken it.
    pub fn renew(&self, now: u64) -> bool {
        let held = self.is_held();
        if held {
            self.since.set(Some(now));
            self.own.set(now);
        }
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_held() {
            self.since.set(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTING: u64 = 100;
    const NOW: u64 = 1_000;

    #[test]
    fn a_lease_is_free_when_nobody_has_it_or_its_time_is_over() {
        let check = |taken: Option<u64>, now: u64, free: bool| {
            let lease = Lease::lasting(LASTING);
            let _held = taken.map(|at| lease.take(at));
            assert_eq!(lease.is_free(now), free, "{taken:?}, {now}");
            assert_eq!(lease.free_from(), taken.map_or(0, |at| at.saturating_add(LASTING)), "{taken:?}");
        };
        check(None, 0, true);
        check(Some(NOW), NOW, false);
        check(Some(NOW), NOW - 1, false);
        check(Some(NOW), NOW + LASTING - 1, false);
        check(Some(NOW), NOW + LASTING, true);
        check(Some(u64::MAX), u64::MAX - 1, false);
    }

    #[test]
    fn work_that_ends_gives_the_lease_back_at_once() {
        let lease = Lease::lasting(LASTING);
        let held = lease.take(NOW).unwrap();
        assert!(held.is_held() && lease.take(NOW).is_none());
        drop(held);
        assert!(lease.take(NOW).is_some_and(|next| next.is_held()));
    }

    #[test]
    fn work_that_never_hears_an_answer_is_followed_by_other_work_and_learns_of_it() {
        let lease = Lease::lasting(LASTING);
        let lost = lease.take(NOW).unwrap();
        assert!(lost.renew(NOW + 2));
        assert!(lease.take(NOW + 1 + LASTING).is_none(), "it counts from the renewal on");
        let next = lease.take(NOW + 2 + LASTING).unwrap();
        assert!(!lost.is_held() && !lost.renew(NOW + 3 + LASTING));
        drop(lost);
        assert!(next.is_held() && !lease.is_free(NOW + 3 + LASTING), "it gives back what is its own only");
        drop(next);
        assert!(lease.is_free(NOW + 3 + LASTING));
    }

    #[test]
    fn leases_do_not_know_of_each_other() {
        let (first, second) = (Lease::lasting(LASTING), Lease::lasting(LASTING));
        let _held = first.take(NOW);
        assert!(second.is_free(NOW));
    }
}
