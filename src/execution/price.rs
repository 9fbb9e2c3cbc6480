//! The price table: cycles for everything that costs. The figures are those of the state's tariff, for a subnet of 13
//! nodes, scaled to the number of nodes that do the work: `cycles * nodes / 13`, rounded down.

use crate::state::{ReplicatedState, Span, Tariff};
use crate::types::limits::{CALLBACK_INSTRUCTIONS_MAX, RESPONSE_BYTES_MAX};
use crate::types::{Cycles, Instructions};
use crate::wasm::Prices;

/// Nodes for which the tariff is meant.
const NODES: u128 = 13;
const GIB: u128 = 1 << 30;
const DAY_SECONDS: u128 = 86_400;

/// The prices on a subnet of so many nodes. All of its products stay far below 2^128: amounts and
/// prices are bounded by `limits`.
#[derive(Clone, Copy, Debug)]
pub struct PriceTable {
    tariff: Tariff,
    nodes: u128,
}

/// What existing costs: cycles a second, as a fraction, so that nothing is lost to rounding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdleRate {
    memory: u128,
    compute: u128,
}

impl PriceTable {
    /// Prices for `nodes` nodes.
    pub fn new(tariff: Tariff, nodes: usize) -> PriceTable {
        PriceTable { tariff, nodes: nodes.max(1) as u128 }
    }

    /// What is charged after the height of `state`.
    pub fn of(state: &ReplicatedState) -> PriceTable {
        PriceTable::new(state.prices().tariff, state.subnet().nodes.len())
    }

    /// The same subnet with other prices.
    pub fn with_tariff(self, tariff: Tariff) -> PriceTable {
        PriceTable { tariff, ..self }
    }

    /// The prices.
    pub fn tariff(&self) -> Tariff {
        self.tariff
    }

    /// What time cost in a span that is over.
    pub fn of_span(span: &Span) -> PriceTable {
        let Span { nodes, gib_second, compute_percent_second, .. } = *span;
        let tariff = Tariff { gib_second, compute_percent_second, ..Tariff::default() };
        PriceTable { tariff, nodes: u128::from(nodes).max(1) }
    }

    fn scaled(&self, cycles: u128) -> Cycles {
        Cycles(cycles.saturating_mul(self.nodes) / NODES)
    }

    /// Taking in a user's call of so many bytes.
    pub fn ingress(&self, bytes: usize) -> Cycles {
        self.scaled(plus(self.tariff.ingress, self.tariff.ingress_byte, bytes as u128))
    }

    /// Executing one message of so many instructions.
    pub fn message(&self, instructions: Instructions) -> Cycles {
        self.scaled(plus(self.tariff.message, self.tariff.instruction, instructions.0.into()))
    }

    /// Carrying a response of so many bytes.
    pub fn response(&self, bytes: usize) -> Cycles {
        self.scaled(plus(Cycles::ZERO, self.tariff.call_byte, bytes as u128))
    }

    /// Making a canister.
    pub fn creation(&self) -> Cycles {
        self.scaled(self.tariff.creation.0)
    }

    /// An HTTP outcall without its bytes.
    fn http_base(&self) -> Cycles {
        self.of_every_node(plus(self.tariff.http, self.tariff.http_node, self.nodes))
    }

    /// What every node does.
    fn of_every_node(&self, cycles: u128) -> Cycles {
        Cycles(cycles.saturating_mul(self.nodes))
    }

    /// Holding so many bytes and so many percent of a core.
    pub fn idle(&self, bytes: u64, compute_percent: u64) -> IdleRate {
        let memory = self.tariff.gib_second.0.saturating_mul(u128::from(bytes));
        let compute =
            self.tariff.compute_percent_second.0.saturating_mul(GIB.saturating_mul(compute_percent.into()));
        IdleRate { memory: memory.saturating_mul(self.nodes), compute: compute.saturating_mul(self.nodes) }
    }

    /// What a run must know. The reservation of a call pays for its largest response and for the longest
    /// callback with its cleanup, so that a callback can always run.
    pub fn of_calls(&self) -> Prices {
        let response = self.response(RESPONSE_BYTES_MAX);
        let callback = self.message(CALLBACK_INSTRUCTIONS_MAX);
        Prices {
            call_base: self.scaled(self.tariff.call.0),
            call_byte: self.scaled(self.tariff.call_byte.0),
            call_reservation: response.saturating_add(callback),
            canister_creation: self.creation(),
            http_base: self.http_base(),
            http_request_byte: self.of_every_node(self.tariff.http_request_byte.0),
            http_response_byte: self.of_every_node(self.tariff.http_response_byte.0),
        }
    }
}

/// `base`, and `each` for every one of `count`.
fn plus(base: Cycles, each: Cycles, count: u128) -> u128 {
    base.0.saturating_add(each.0.saturating_mul(count))
}

impl IdleRate {
    /// The rates are in cycles a second times this.
    const SCALE: u128 = NODES * GIB;

    /// `rate * seconds / SCALE` without overflow: the whole cycles a second and the rest apart.
    fn over(rate: u128, seconds: u128) -> Cycles {
        let (whole, rest) = (rate / IdleRate::SCALE, rate % IdleRate::SCALE);
        let rest = rest.saturating_mul(seconds) / IdleRate::SCALE;
        Cycles(whole.saturating_mul(seconds).saturating_add(rest))
    }

    fn rate(self) -> u128 {
        self.memory.saturating_add(self.compute)
    }

    /// What so many seconds cost.
    pub fn for_seconds(self, seconds: u64) -> Cycles {
        IdleRate::over(self.rate(), seconds.into())
    }

    /// What of that is for memory; the rest is for the compute allocation.
    pub fn memory_for_seconds(self, seconds: u64) -> Cycles {
        IdleRate::over(self.memory, seconds.into())
    }

    /// Cycles a day.
    pub fn a_day(self) -> Cycles {
        IdleRate::over(self.rate(), DAY_SECONDS)
    }

    /// What `seconds` cost at the whole cycles of [`IdleRate::a_day`] (interface spec, "Cycle bookkeeping
    /// and resource consumption").
    pub fn freezing_limit(self, seconds: u64) -> Cycles {
        let (day, seconds) = (self.a_day().0, u128::from(seconds));
        let rest = (day % DAY_SECONDS).saturating_mul(seconds) / DAY_SECONDS;
        Cycles((day / DAY_SECONDS).saturating_mul(seconds).saturating_add(rest))
    }

    /// The number of seconds that `funds` do not pay for any more (of immense funds, a lower bound of
    /// it); `None` if nothing costs, or if they last longer than time is counted.
    pub fn seconds_paid(self, funds: Cycles) -> Option<u64> {
        let rate = Some(self.rate()).filter(|rate| *rate > 0)?;
        let unpaid = funds.0.saturating_add(1);
        let seconds = match unpaid.checked_mul(IdleRate::SCALE) {
            Some(scaled) => scaled.div_ceil(rate),
            None => (unpaid / rate).saturating_mul(IdleRate::SCALE),
        };
        u64::try_from(seconds).ok()
    }
}
