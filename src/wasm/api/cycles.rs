//! Cycles: what the message brought, and what the canister has.

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

    /// Makes cycles out of nothing, as much as there may be: for the one canister that genesis names.
    pub fn mint_cycles128(&mut self, high: u64, low: u64, dst: u64) -> Returns<()> {
        let Some(room) = self.run.system.mint_room else {
            return Err(Trap::contract(
                "ic0.mint_cycles128 is for the subnet's cycles minting canister alone",
            ));
        };
        let minted = cycles(high, low).min(room.saturating_sub(self.run.changes.cycles_minted));
        self.run.changes.cycles_minted = self.run.changes.cycles_minted.saturating_add(minted);
        self.put_cycles(dst, minted)
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
        let income = changes.cycles_accepted.saturating_add(changes.cycles_minted);
        let balance = self.run.system.balance.saturating_add(income);
        let spent = changes.cycles_burned.saturating_add(changes.cycles_spent_on_calls);
        balance.saturating_sub(spent.saturating_add(attached))
    }

    /// What of the balance may be given away.
    pub fn liquid(&self) -> Cycles {
        self.balance().saturating_sub(self.run.system.freezing_limit)
    }
}

fn as_u64(what: &str, amount: Cycles) -> Returns<u64> {
    u64::try_from(amount.0).map_err(|_| Trap::contract(format!("{what}: {amount} do not fit into 64 bits")))
}
