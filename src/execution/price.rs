//! The price table: cycles for everything that costs. The figures are those that the Internet Computer
//! publishes for a subnet of 13 nodes, scaled to the number of nodes that do the work.

use crate::types::limits::{CALLBACK_INSTRUCTIONS_MAX, REPLY_BYTES_MAX};
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

/// The prices on a subnet of so many nodes. All of its products stay far below 2^128: amounts are
/// bounded by `limits`.
#[derive(Clone, Copy, Debug)]
pub struct PriceTable {
    nodes: u128,
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

    /// Holding so many bytes and so many percent of a core for so many seconds.
    pub fn idle(&self, bytes: u64, compute_percent: u64, seconds: u64) -> Cycles {
        let memory = (GIB_SECOND * u128::from(bytes)).saturating_mul(u128::from(seconds)) / GIB;
        let compute = COMPUTE_PERCENT_SECOND * u128::from(compute_percent);
        self.scaled(memory.saturating_add(compute.saturating_mul(u128::from(seconds))))
    }

    /// What a run must know. The reservation of a call pays for its largest response and for the longest
    /// callback with its cleanup, so that a callback can always run.
    pub fn of_calls(&self) -> Prices {
        let response = self.response(REPLY_BYTES_MAX);
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
