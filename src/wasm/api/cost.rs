//! What things cost, for canisters that ask beforehand (interface spec, "Cycle cost calculation").

use crate::types::Cycles;
use crate::types::limits::{CYCLES_BYTES, OUTCALL_USAGE_BYTES_MAX};
use crate::wasm::Trap;
use crate::wasm::host::{Host, OUT_OF_BOUNDS};
use crate::wasm::outcall::{self, OutcallUsage};

type Returns<T> = Result<T, Trap>;

/// Answers of the `cost_*` functions that name a key.
const UNKNOWN_ALGORITHM: u32 = 1;
const UNKNOWN_KEY: u32 = 2;

impl Host {
    pub fn cost_call(&mut self, name_size: u64, payload_size: u64, dst: u64) -> Returns<()> {
        let cost = self.call_cost(u128::from(name_size) + u128::from(payload_size));
        self.put_cycles(dst, cost)
    }

    pub fn cost_create_canister(&mut self, dst: u64) -> Returns<()> {
        self.put_cycles(dst, self.run.system.prices.canister_creation)
    }

    pub fn cost_http_request(&mut self, request_size: u64, response_max: u64, dst: u64) -> Returns<()> {
        let prices = self.run.system.prices;
        let request = times(prices.http_request_byte, request_size.into());
        let response = times(prices.http_response_byte, response_max.into());
        self.put_cycles(dst, prices.http_base.saturating_add(request).saturating_add(response))
    }

    pub fn cost_http_request_v2(&mut self, params: u64, params_size: u64, dst: u64) -> Returns<()> {
        if params_size > OUTCALL_USAGE_BYTES_MAX as u64 {
            let what = format!(
                "an outcall's usage of {params_size} bytes, at most {OUTCALL_USAGE_BYTES_MAX} allowed"
            );
            return Err(Trap::contract(what));
        }
        let usage = OutcallUsage::decode(&self.bytes(params, params_size)?);
        let usage = usage.map_err(|error| Trap::contract(format!("not the usage of an outcall: {error}")))?;
        self.put_cycles(dst, outcall::price(self.run.system.subnet_nodes, &usage))
    }

    pub fn cost_sign_with_ecdsa(&mut self, src: u64, size: u64, curve: u32, dst: u64) -> Returns<u32> {
        self.cost_of_key(src, size, dst, curve < 1)
    }

    pub fn cost_sign_with_schnorr(&mut self, src: u64, size: u64, algorithm: u32, dst: u64) -> Returns<u32> {
        self.cost_of_key(src, size, dst, algorithm < 2)
    }

    pub fn cost_vetkd_derive_key(&mut self, src: u64, size: u64, curve: u32, dst: u64) -> Returns<u32> {
        self.cost_of_key(src, size, dst, curve < 1)
    }

    /// The subnet holds no threshold keys: every name of a key is the wrong one.
    fn cost_of_key(&mut self, src: u64, size: u64, dst: u64, known_algorithm: bool) -> Returns<u32> {
        self.heap.read(src, size).ok_or(OUT_OF_BOUNDS)?;
        self.heap.read(dst, CYCLES_BYTES as u64).ok_or(OUT_OF_BOUNDS)?;
        Ok(if known_algorithm { UNKNOWN_KEY } else { UNKNOWN_ALGORITHM })
    }

    /// What a call with `bytes` of name and payload takes besides the cycles attached.
    pub fn call_cost(&self, bytes: u128) -> Cycles {
        let prices = self.run.system.prices;
        let sending = prices.call_base.saturating_add(times(prices.call_byte, bytes));
        sending.saturating_add(prices.call_reservation)
    }
}

fn times(price: Cycles, count: u128) -> Cycles {
    Cycles(price.0.saturating_mul(count))
}
