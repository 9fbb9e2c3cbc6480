//! What will happen, ordered by (time, sequence): events of one moment happen in the order in which they
//! were scheduled, so a run depends on nothing but its seed.

use crate::types::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A queue of future events. Events are large and lie still; only their keys move in the heap.
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<(Time, u64, usize)>>,
    sequence: u64,
    events: Vec<Option<E>>,
    /// Places in `events` that are empty.
    free: Vec<usize>,
}

impl<E> Queue<E> {
    /// An empty queue.
    pub fn new() -> Queue<E> {
        Queue { heap: BinaryHeap::new(), sequence: 0, events: Vec::new(), free: Vec::new() }
    }

    /// Schedules `event` for `at`.
    pub fn push(&mut self, at: Time, event: E) {
        let place = match self.free.pop() {
            Some(place) => {
                self.events[place] = Some(event);
                place
            }
            None => {
                self.events.push(Some(event));
                self.events.len() - 1
            }
        };
        self.heap.push(Reverse((at, self.sequence, place)));
        self.sequence += 1;
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// The earliest event and its time.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let Reverse((at, _, place)) = self.heap.pop()?;
        self.free.push(place);
        self.events[place].take().map(|event| (at, event))
    }
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Queue::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_events_by_time_and_then_by_arrival() {
        let mut queue = Queue::new();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (1, 'b')] {
            queue.push(Time(at), event);
        }
        let order: String = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(order, "abcd");
    }
}
