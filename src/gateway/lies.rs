//! For how long a replica is put aside that lied: a minute first, each time for twice as long if another canister found it
//! lying, and as at first after a day without that.

use crate::types::Principal;
use std::time::{Duration, Instant};

/// How long a replica is put aside the first time, and at most.
const ASIDE: Duration = Duration::from_secs(60);
const ASIDE_MAX: Duration = Duration::from_secs(3_600);
/// After so long without a lie those before are forgotten.
const FORGIVEN: Duration = Duration::from_secs(86_400);

/// Why a replica was put aside.
#[derive(Default)]
pub struct Lies {
    count: u32,
    /// The last one: of which canister, and when.
    last: Option<(Principal, Instant)>,
}

impl Lies {
    /// One more; for how long the replica is put aside.
    pub fn add(&mut self, canister: Principal, now: Instant) -> Duration {
        let before = self.last.filter(|(_, when)| now.saturating_duration_since(*when) < FORGIVEN);
        self.count = match before {
            None => 1,
            Some((known, _)) if known == canister => self.count,
            Some(_) => self.count.saturating_add(1),
        };
        self.last = Some((canister, now));
        ASIDE.saturating_mul(1 << (self.count - 1).min(16)).min(ASIDE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_put_aside_for_longer_when_other_canisters_find_it_lying_and_forgiven_after_a_day() {
        let (mut lies, begun) = (Lies::default(), Instant::now());
        let id = |byte: u8| Principal::from_slice(&[byte; 10]);
        for (canister, hours, minutes) in [
            (1, 0, 1),
            (1, 1, 1),
            (1, 2, 1),
            (2, 3, 2),
            (1, 4, 4),
            (1, 5, 4),
            (3, 6, 8),
            (3, 30, 1),
            (4, 31, 2),
        ] {
            let pause = lies.add(id(canister), begun + Duration::from_secs(hours * 3_600));
            assert_eq!(pause, minutes * ASIDE, "canister {canister} after {hours} hours");
        }
        for canister in 10..40 {
            lies.add(id(canister), begun + Duration::from_secs(32 * 3_600));
        }
        assert_eq!(lies.add(id(1), begun + Duration::from_secs(33 * 3_600)), ASIDE_MAX);
    }
}
