//! What the subnet charges, and what time cost before.
//!
//! 1. The [`Tariff`] is a record of the state; without one, the figures are those that the Internet Computer
//!    publishes for a subnet of 13 nodes (developer-docs, "Cycle costs").
//! 2. Time is charged late, so what it cost is remembered when it changes: as a [`Span`], with the moment at which
//!    the change came. A canister finds those spans that ended after it was charged last.
//! 3. At most [`PRICE_SPANS_MAX`] spans are remembered. When one more comes, the two oldest become one, at the lower
//!    of their prices: nobody ever pays more than stood at the time.

use crate::types::limits::PRICE_SPANS_MAX;
use crate::types::{Cycles, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Cycles for everything that costs, on a subnet of 13 nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tariff {
    /// Taking in a user's call, and each byte of it.
    pub ingress: Cycles,
    pub ingress_byte: Cycles,
    /// A call between canisters, and each byte of it and of its response.
    pub call: Cycles,
    pub call_byte: Cycles,
    /// Executing one message, and each instruction of it.
    pub message: Cycles,
    pub instruction: Cycles,
    /// A GiB for a second.
    pub gib_second: Cycles,
    /// One percent of a core for a second.
    pub compute_percent_second: Cycles,
    /// Making a canister.
    pub creation: Cycles,
    /// An HTTP outcall of pricing version 1, for each node: base, more for each node again, and each byte of request
    /// and largest response. Version 2 has a formula of its own (`wasm::outcall`).
    pub http: Cycles,
    pub http_node: Cycles,
    pub http_request_byte: Cycles,
    pub http_response_byte: Cycles,
}

impl Default for Tariff {
    fn default() -> Tariff {
        Tariff {
            ingress: Cycles(1_200_000),
            ingress_byte: Cycles(2_000),
            call: Cycles(260_000),
            call_byte: Cycles(1_000),
            message: Cycles(5_000_000),
            instruction: Cycles(1),
            gib_second: Cycles(127_000),
            compute_percent_second: Cycles(10_000_000),
            creation: Cycles(500_000_000_000),
            http: Cycles(3_000_000),
            http_node: Cycles(60_000),
            http_request_byte: Cycles(400),
            http_response_byte: Cycles(800),
        }
    }
}

impl Tariff {
    /// Whether it is the one that stands where nobody has set another.
    pub fn is_default(&self) -> bool {
        *self == Tariff::default()
    }
}

/// Time that is over, at what it cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Span {
    pub until: Time,
    /// Nodes of the subnet.
    pub nodes: u32,
    pub gib_second: Cycles,
    pub compute_percent_second: Cycles,
}

impl Span {
    /// Both, at the lower prices.
    fn merged(self, later: Span) -> Span {
        Span {
            until: later.until,
            nodes: self.nodes.min(later.nodes),
            gib_second: self.gib_second.min(later.gib_second),
            compute_percent_second: self.compute_percent_second.min(later.compute_percent_second),
        }
    }
}

/// What is charged now, and what time cost before.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PriceBook {
    pub tariff: Tariff,
    /// Oldest first; each begins where the one before ends.
    past: VecDeque<Span>,
}

impl PriceBook {
    /// The time until `now` cost what the tariff says, on so many nodes.
    pub(super) fn close(&mut self, now: Time, nodes: usize) {
        if self.past.back().is_some_and(|last| last.until >= now) {
            return;
        }
        let Tariff { gib_second, compute_percent_second, .. } = self.tariff;
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        self.past.push_back(Span { until: now, nodes, gib_second, compute_percent_second });
        if self.past.len() > PRICE_SPANS_MAX
            && let (Some(oldest), Some(next)) = (self.past.pop_front(), self.past.pop_front())
        {
            self.past.push_front(oldest.merged(next));
        }
    }

    /// The spans that ended after `time`, oldest first.
    pub fn since(&self, time: Time) -> impl Iterator<Item = &Span> {
        let first = self.past.partition_point(|span| span.until <= time);
        self.past.range(first..)
    }

    /// How many spans are remembered.
    pub fn span_count(&self) -> usize {
        self.past.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(prices: &[(u64, u128, u128, usize)]) -> PriceBook {
        let mut book = PriceBook::default();
        for (until, memory, compute, nodes) in prices {
            book.tariff = Tariff {
                gib_second: Cycles(*memory),
                compute_percent_second: Cycles(*compute),
                ..book.tariff
            };
            book.close(Time(*until), *nodes);
        }
        book
    }

    #[test]
    fn the_spans_after_a_moment_are_those_that_ended_later() {
        let book = book(&[(10, 1, 1, 4), (20, 2, 2, 4), (20, 3, 3, 4), (30, 4, 4, 4)]);
        let check = |time: u64, expected: &[u128]| {
            let found: Vec<u128> = book.since(Time(time)).map(|span| span.gib_second.0).collect();
            assert_eq!(found, expected, "after {time}");
        };
        check(0, &[1, 2, 4]);
        check(9, &[1, 2, 4]);
        check(10, &[2, 4]);
        check(29, &[4]);
        check(30, &[]);
    }

    #[test]
    fn beyond_the_bound_the_oldest_spans_are_one_at_the_lower_prices() {
        let changes: Vec<_> = (1..=PRICE_SPANS_MAX as u64 + 2)
            .map(|n| (n * 10, u128::from(100 - n.min(3)), u128::from(n), 4 + n as usize))
            .collect();
        let book = book(&changes);
        assert_eq!(book.span_count(), PRICE_SPANS_MAX);
        let first = *book.since(Time(0)).next().unwrap();
        let merged =
            Span { until: Time(30), nodes: 5, gib_second: Cycles(97), compute_percent_second: Cycles(1) };
        assert_eq!(first, merged);
        assert_eq!(book.since(Time(30)).next().unwrap().until, Time(40));
    }
}
