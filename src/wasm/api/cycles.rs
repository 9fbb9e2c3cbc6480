//! Cycles: what the message brought, what the canister has, what things cost.

use crate::types::Cycles;
use crate::wasm::Trap;
use crate::wasm::host::{Host, cycles};

type Returns<T> = Result<T, Trap>;

impl Host {
    pub fn msg_cycles_available(&mut self) -> Returns<u64> {
        as_u64("cycles available", self.available())
    }

    pub fn msg_cycles_available128(&mut self, dst: u64) -> Returns<()> {
        self.put_cycles(dst, self.available())
    }

    pub fn msg_cycles_refunded(&mut self) -> Returns<u64> {
        as_u64("cycles refunded", self.run.system.cycles_refunded)
    }

    pub fn msg_cycles_refunded128(&mut self, dst: u64) -> Returns<()> {
        self.put_cycles(dst, self.run.system.cycles_refunded)
    }

    pub fn msg_cycles_accept(&mut self, amount: u64) -> Returns<u64> {
        let accepted = self.accept(Cycles(amount.into()));
        as_u64("cycles accepted", accepted)
    }

    pub fn msg_cycles_accept128(&mut self, high: u64, low: u64, dst: u64) -> Returns<()> {
        let accepted = self.accept(cycles(high, low));
        self.put_cycles(dst, accepted)
    }

    pub fn cycles_burn128(&mut self, high: u64, low: u64, dst: u64) -> Returns<()> {
        let burned = cycles(high, low).min(self.liquid());
        self.run.changes.cycles_burned = self.run.changes.cycles_burned.saturating_add(burned);
        self.put_cycles(dst, burned)
    }

    pub fn canister_cycle_balance(&mut self) -> Returns<u64> {
        as_u64("the cycle balance", self.balance())
    }

    pub fn canister_cycle_balance128(&mut self, dst: u64) -> Returns<()> {
        self.put_cycles(dst, self.balance())
    }

    pub fn canister_liquid_cycle_balance128(&mut self, dst: u64) -> Returns<()> {
        self.put_cycles(dst, self.liquid())
    }

    pub fn cost_call(&mut self, name_size: u64, payload_size: u64, dst: u64) -> Returns<()> {
        let cost = self.call_cost(u128::from(name_size) + u128::from(payload_size));
        self.put_cycles(dst, cost)
    }

    pub fn cost_create_canister(&mut self, dst: u64) -> Returns<()> {
        self.put_cycles(dst, self.run.system.prices.canister_creation)
    }

    pub fn cost_http_request(&mut self, request_size: u64, response_max: u64, dst: u64) -> Returns<()> {
        let prices = self.run.system.prices;
        let bytes = u128::from(request_size) + u128::from(response_max);
        let cost = prices.http_base.saturating_add(times(prices.http_byte, bytes));
        self.put_cycles(dst, cost)
    }

    pub fn cost_sign_with_ecdsa(&mut self, src: u64, size: u64, curve: u32, _dst: u64) -> Returns<u32> {
        self.cost_of_key(src, size, curve, 1)
    }

    pub fn cost_sign_with_schnorr(&mut self, src: u64, size: u64, algorithm: u32, _dst: u64) -> Returns<u32> {
        self.cost_of_key(src, size, algorithm, 2)
    }

    pub fn cost_vetkd_derive_key(&mut self, src: u64, size: u64, curve: u32, _dst: u64) -> Returns<u32> {
        self.cost_of_key(src, size, curve, 1)
    }

    /// The subnet holds no threshold keys: every name of a key is the wrong one (2), unless the
    /// algorithm already is (1).
    fn cost_of_key(&mut self, src: u32, size: u32, algorithm: u32, algorithms: u32) -> Returns<u32> {
        self.bytes(src, size)?;
        Ok(if algorithm < algorithms { 2 } else { 1 })
    }

    /// What the caller attached and nobody has accepted; nothing once the call is answered.
    fn available(&self) -> Cycles {
        match self.answered() {
            true => Cycles::ZERO,
            false => self.run.system.cycles_available.saturating_sub(self.run.changes.cycles_accepted),
        }
    }

    fn accept(&mut self, max: Cycles) -> Cycles {
        let accepted = max.min(self.available());
        self.run.changes.cycles_accepted = self.run.changes.cycles_accepted.saturating_add(accepted);
        accepted
    }

    /// The balance as the canister sees it now.
    pub fn balance(&self) -> Cycles {
        let changes = &self.run.changes;
        let attached = self.run.call.as_ref().map_or(Cycles::ZERO, |call| call.cycles);
        let balance = self.run.system.balance.saturating_add(changes.cycles_accepted);
        let spent = changes.cycles_burned.saturating_add(changes.cycles_spent_on_calls);
        balance.saturating_sub(spent.saturating_add(attached))
    }

    /// What of the balance may be given away.
    pub fn liquid(&self) -> Cycles {
        self.balance().saturating_sub(self.run.system.freezing_limit)
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

fn as_u64(what: &str, amount: Cycles) -> Returns<u64> {
    u64::try_from(amount.0).map_err(|_| Trap::contract(format!("{what}: {amount} do not fit into 64 bits")))
}
