//! The price table: cycles for everything that costs. The figures are those that the Internet Computer
//! publishes for a subnet of 13 nodes (developer-docs, "Cycle costs"), scaled to the number of nodes that
//! do the work: `cycles * nodes / 13`, rounded down.

use crate::types::limits::{CALLBACK_INSTRUCTIONS_MAX, RESPONSE_BYTES_MAX};
use crate::types::{Cycles, Instructions};
use crate::wasm::Prices;

/// Nodes for which the figures below are meant.
const NODES: u128 = 13;

/// Taking in a user's call, and each byte of it.
const INGRESS: u128 = 1_200_000;
const INGRESS_BYTE: u128 = 2_000;
/// A call between canisters, and each byte of it and of its response.
const CALL: u128 = 260_000;
const CALL_BYTE: u128 = 1_000;
/// Executing one message, and each instruction of it.
const MESSAGE: u128 = 5_000_000;
const INSTRUCTION: u128 = 1;
/// A GiB for a second.
const GIB_SECOND: u128 = 127_000;
/// One percent of a core for a second.
const COMPUTE_PERCENT_SECOND: u128 = 10_000_000;
/// Making a canister.
const CREATION: u128 = 500_000_000_000;
/// An HTTP outcall of pricing version 1, for each node: base, more for each node again, and each byte of request
/// and largest response. Version 2 has a formula of its own (`wasm::outcall`).
const HTTP: u128 = 3_000_000;
const HTTP_NODE: u128 = 60_000;
const HTTP_REQUEST_BYTE: u128 = 400;
const HTTP_RESPONSE_BYTE: u128 = 800;
const GIB: u128 = 1 << 30;
const DAY_SECONDS: u128 = 86_400;

/// The prices on a subnet of so many nodes. All of its products stay far below 2^128: amounts are
/// bounded by `limits`.
#[derive(Clone, Copy, Debug)]
pub struct PriceTable {
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
    pub fn new(nodes: usize) -> PriceTable {
        PriceTable { nodes: nodes.max(1) as u128 }
    }

    fn scaled(&self, cycles: u128) -> Cycles {
        Cycles(cycles.saturating_mul(self.nodes) / NODES)
    }

    /// Taking in a user's call of so many bytes.
    pub fn ingress(&self, bytes: usize) -> Cycles {
        self.scaled(INGRESS + INGRESS_BYTE * bytes as u128)
    }

    /// Executing one message of so many instructions.
    pub fn message(&self, instructions: Instructions) -> Cycles {
        self.scaled(MESSAGE + INSTRUCTION * u128::from(instructions.0))
    }

    /// Carrying a response of so many bytes.
    pub fn response(&self, bytes: usize) -> Cycles {
        self.scaled(CALL_BYTE * bytes as u128)
    }

    /// Making a canister.
    pub fn creation(&self) -> Cycles {
        self.scaled(CREATION)
    }

    /// An HTTP outcall without its bytes.
    fn http_base(&self) -> Cycles {
        self.of_every_node(HTTP + HTTP_NODE * self.nodes)
    }

    /// What every node does.
    fn of_every_node(&self, cycles: u128) -> Cycles {
        Cycles(cycles.saturating_mul(self.nodes))
    }

    /// Holding so many bytes and so many percent of a core.
    pub fn idle(&self, bytes: u64, compute_percent: u64) -> IdleRate {
        let memory = GIB_SECOND.saturating_mul(u128::from(bytes));
        let compute = (COMPUTE_PERCENT_SECOND * GIB).saturating_mul(u128::from(compute_percent));
        IdleRate { memory: memory.saturating_mul(self.nodes), compute: compute.saturating_mul(self.nodes) }
    }

    /// What a run must know. The reservation of a call pays for its largest response and for the longest
    /// callback with its cleanup, so that a callback can always run.
    pub fn of_calls(&self) -> Prices {
        let response = self.response(RESPONSE_BYTES_MAX);
        let callback = self.message(CALLBACK_INSTRUCTIONS_MAX);
        Prices {
            call_base: self.scaled(CALL),
            call_byte: self.scaled(CALL_BYTE),
            call_reservation: response.saturating_add(callback),
            canister_creation: self.creation(),
            http_base: self.http_base(),
            http_request_byte: self.of_every_node(HTTP_REQUEST_BYTE),
            http_response_byte: self.of_every_node(HTTP_RESPONSE_BYTE),
        }
    }
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
