//! Prices, and what nodes did for the chain, as the state keeps them (`price`, `duty`).

use super::ReplicatedState;
use crate::state::duty::is_sampled;
use crate::state::{PriceBook, Sample, Samples, Tariff, Use};
use crate::types::*;
use std::sync::Arc;

impl ReplicatedState {
    /// What is charged, and what time cost before.
    pub fn prices(&self) -> &PriceBook {
        &self.prices
    }

    /// Time from now on costs something else, as `change` and the number of nodes say.
    pub(super) fn reprice(&mut self, change: impl FnOnce(&mut Tariff)) {
        let prices = Arc::make_mut(&mut self.prices);
        prices.close(self.counters.time, self.subnet.nodes.len());
        change(&mut prices.tariff);
        self.counters.repriced = Some(CanisterId(0));
    }

    /// Sets what is charged from now on.
    pub fn set_tariff(&mut self, tariff: Tariff) {
        self.reprice(|now| *now = tariff);
    }

    /// At most `count` canisters from `first` on, and where to go on after them.
    pub fn canister_ids(&self, first: CanisterId, count: usize) -> (Vec<CanisterId>, Option<CanisterId>) {
        let mut ids = self.canisters.range(first..).map(|(id, _)| *id);
        (ids.by_ref().take(count).collect(), ids.next())
    }

    /// What the nodes did, sampled from time to time.
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Counts what the batch says of the members' duties (`duty`). Members are those before the batch.
    pub fn count_duties(&mut self, batch: &Batch) {
        let members: Vec<NodeId> = self.subnet.nodes.iter().map(|node| node.id).collect();
        Arc::make_mut(&mut self.duties).count(&members, batch);
    }

    /// The height used so many instructions; if it ends an epoch, there is a sample.
    pub fn sample_duties(&mut self, instructions: Instructions) {
        Arc::make_mut(&mut self.duties).end_height(instructions);
        let (height, time) = (self.counters.height, self.counters.time);
        let epoch_length = self.succession.as_ref().map_or(0, |succession| succession.epoch_length());
        if !is_sampled(height, epoch_length) {
            return;
        }
        let mut nodes = self.duties.nodes.clone();
        for member in &self.subnet.nodes {
            nodes.entry(member.id).or_default();
        }
        let (cycles_consumed, instructions) = (self.cycles_consumed(), self.duties.instructions);
        let acknowledging = self.duties.acknowledging;
        self.samples.push(Sample { time, height, acknowledging, cycles_consumed, instructions, nodes });
    }

    /// Cycles that are gone since genesis, but for those that the minting canister burned: it returns payments so.
    fn cycles_consumed(&self) -> Cycles {
        let minting = self.subnet.minting_canister.and_then(|id| self.canister(id));
        let returned = minting.map_or(Cycles::ZERO, |canister| canister.record.consumed.on(Use::Burned));
        self.counters.burned.saturating_sub(returned)
    }
}
