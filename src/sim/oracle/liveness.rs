//! What must happen once nothing fails any more.

use super::{Finding, violation};
use crate::sim::scenario::SECOND;
use crate::types::*;
use std::collections::BTreeMap;

/// In the calm every honest node gains so many heights …
pub const CALM_HEIGHTS: u64 = 25;
/// … within so many nanoseconds, again and again (I12); the first time this includes catching up (I13).
/// The timeouts that the storm left behind are up to ten seconds long, and the first leaders of the calm
/// may all be sinners: one of 1,500 seeds needs more than a minute.
pub const CALM_WINDOW: u64 = 150 * SECOND;

/// In the calm an epoch ends within so many of its lengths (I12): the first may have begun late, and the second is
/// long enough.
pub const CALM_LENGTHS: u64 = 3;

/// Deadlines of the calm.
pub struct Liveness {
    window: Option<Window>,
    /// Requests that must be executed, with their deadlines.
    awaited: BTreeMap<RequestId, Time>,
    /// The same by deadline.
    due: BTreeMap<(Time, RequestId), ()>,
    nodes: usize,
    /// Heights to be gained in each window.
    heights: u64,
    /// Heights within which an epoch must end; 0 if none need end.
    reign_max: u64,
    /// The highest height when the calm began.
    calm_from: Height,
}

/// Until `end`, every honest node must have reached `goal`.
struct Window {
    goal: Height,
    end: Time,
}

impl Window {
    fn new(now: Time, lowest: Height, heights: u64) -> Window {
        Window { goal: Height(lowest.0 + heights), end: Time(now.0 + CALM_WINDOW) }
    }
}

impl Liveness {
    pub fn new(nodes: usize, heights: u64, epoch_length: u64) -> Liveness {
        Liveness {
            window: None,
            awaited: BTreeMap::new(),
            due: BTreeMap::new(),
            nodes,
            heights,
            reign_max: CALM_LENGTHS * epoch_length,
            calm_from: Height::ZERO,
        }
    }

    pub fn calm(&mut self, now: Time, lowest: Height, highest: Height) {
        self.window = Some(Window::new(now, lowest, self.heights));
        self.calm_from = highest;
    }

    /// The epoch that began at `since` goes on at `highest`.
    pub fn reigns(&self, since: Height, highest: Height) -> Finding {
        let bound = since.max(self.calm_from).0 + self.reign_max;
        if self.window.is_none() || self.reign_max == 0 || highest.0 <= bound {
            return Ok(());
        }
        violation(
            "I12",
            format!("the epoch that began at height {since} does not end up to height {highest}"),
        )
    }

    pub fn admitted(&mut self, id: RequestId, deadline: Time) {
        self.awaited.insert(id, deadline);
        self.due.insert((deadline, id), ());
    }

    pub fn awaits(&self) -> bool {
        !self.awaited.is_empty()
    }

    pub fn executed(&mut self, batch: &Batch) {
        for ingress in &batch.ingress {
            if let Some(deadline) = self.awaited.remove(&ingress.id) {
                self.due.remove(&(deadline, ingress.id));
            }
        }
    }

    pub fn passed(&mut self, now: Time, lowest: Height, standing: impl Fn() -> String) -> Finding {
        let Some(window) = &self.window else {
            return Ok(());
        };
        if lowest >= window.goal {
            self.window = Some(Window::new(now, lowest, self.heights));
        } else if now > window.end {
            let (goal, nodes) = (window.goal, self.nodes);
            return violation(
                "I12",
                format!(
                    "{nodes} nodes in the calm do not reach height {goal} in {} s: {}",
                    CALM_WINDOW / SECOND,
                    standing()
                ),
            );
        }
        match self.due.first_key_value() {
            Some(((deadline, id), ())) if *deadline < now => {
                violation("I14", format!("request {id:?}, admitted in the calm, is not executed in time"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time(1_000);

    fn check(lowest: u64, after: u64, expected: Option<&str>) {
        let mut liveness = Liveness::new(4, CALM_HEIGHTS, 0);
        liveness.calm(START, Height(10), Height(10));
        let verdict = liveness.passed(Time(START.0 + after), Height(lowest), String::new);
        assert_eq!(verdict.err().map(|violation| violation.invariant), expected);
    }

    #[test]
    fn standing_still_is_forgiven_for_a_window_and_not_longer() {
        check(10, CALM_WINDOW, None);
        check(10, CALM_WINDOW + 1, Some("I12"));
        check(10 + CALM_HEIGHTS - 1, CALM_WINDOW + 1, Some("I12"));
        check(10 + CALM_HEIGHTS, CALM_WINDOW + 1, None);
    }

    #[test]
    fn an_epoch_that_does_not_end_is_reported_three_lengths_into_the_calm() {
        let mut liveness = Liveness::new(4, CALM_HEIGHTS, 15);
        assert!(liveness.reigns(Height(0), Height(100)).is_ok());
        liveness.calm(START, Height(90), Height(100));
        assert!(liveness.reigns(Height(0), Height(145)).is_ok());
        assert!(liveness.reigns(Height(120), Height(165)).is_ok());
        assert_eq!(liveness.reigns(Height(0), Height(146)).err().map(|v| v.invariant), Some("I12"));
        assert!(Liveness::new(4, CALM_HEIGHTS, 0).reigns(Height(0), Height(146)).is_ok());
    }

    #[test]
    fn an_admitted_call_must_be_executed_by_its_deadline() {
        let mut liveness = Liveness::new(4, CALM_HEIGHTS, 0);
        liveness.calm(START, Height(10), Height(10));
        liveness.admitted(RequestId([1; 32]), Time(2_000));
        assert!(liveness.passed(Time(2_000), Height(10), String::new).is_ok());
        assert_eq!(
            liveness.passed(Time(2_001), Height(10), String::new).err().map(|v| v.invariant),
            Some("I14")
        );
    }
}
