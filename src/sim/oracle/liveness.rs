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
    pub fn new(nodes: usize, heights: u64) -> Liveness {
        Liveness { window: None, awaited: BTreeMap::new(), due: BTreeMap::new(), nodes, heights }
    }

    pub fn calm(&mut self, now: Time, lowest: Height) {
        self.window = Some(Window::new(now, lowest, self.heights));
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
        let mut liveness = Liveness::new(4, CALM_HEIGHTS);
        liveness.calm(START, Height(10));
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
    fn an_admitted_call_must_be_executed_by_its_deadline() {
        let mut liveness = Liveness::new(4, CALM_HEIGHTS);
        liveness.calm(START, Height(10));
        liveness.admitted(RequestId([1; 32]), Time(2_000));
        assert!(liveness.passed(Time(2_000), Height(10), String::new).is_ok());
        assert_eq!(
            liveness.passed(Time(2_001), Height(10), String::new).err().map(|v| v.invariant),
            Some("I14")
        );
    }
}
