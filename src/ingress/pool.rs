//! Calls that wait for a block, and the memory of those that got into one.

use super::Authenticator;
use crate::types::limits::{
    BLOCK_INGRESS_COUNT_MAX, BLOCK_PAYLOAD_BYTES_MAX, INGRESS_AHEAD_MAX_MS, INGRESS_HISTORY_MAX,
    INGRESS_POOL_BYTES_MAX, INGRESS_POOL_COUNT_MAX,
};
use crate::types::planted::{Bug, planted};
use crate::types::{Block, Payload, RequestId, SignedIngress, Time, Verdict};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// There is no room for another call until blocks have taken some, or some have expired.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the ingress pool is full")]
pub struct PoolFull;

/// Authenticated calls by id.
pub struct Pool {
    authenticator: Arc<Authenticator>,
    waiting: BTreeMap<RequestId, Waiting>,
    /// Waiting calls, oldest first.
    arrivals: BTreeMap<u64, RequestId>,
    /// Waiting calls, first to expire first.
    expiries: BTreeSet<(Time, RequestId)>,
    /// Bytes of the waiting envelopes.
    bytes: usize,
    next_arrival: u64,
    /// Calls in delivered blocks, until none with their id can be valid any more.
    delivered: BTreeSet<RequestId>,
    /// When to forget them, in the order of delivery.
    forget: VecDeque<(Time, RequestId)>,
}

struct Waiting {
    ingress: Arc<SignedIngress>,
    arrival: u64,
}

impl Pool {
    /// An empty pool, in front of blocks whose calls `authenticator` judges.
    pub fn new(authenticator: Arc<Authenticator>) -> Pool {
        Pool {
            authenticator,
            waiting: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            expiries: BTreeSet::new(),
            bytes: 0,
            next_arrival: 0,
            delivered: BTreeSet::new(),
            forget: VecDeque::new(),
        }
    }

    /// How many calls wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Bytes of the envelopes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes in a call that was authenticated. `false`: its id is known already, waiting or delivered.
    ///
    /// # Errors
    /// The pool is full.
    pub fn insert(&mut self, ingress: Arc<SignedIngress>) -> Result<bool, PoolFull> {
        if self.waiting.contains_key(&ingress.id) || self.delivered.contains(&ingress.id) {
            return Ok(false);
        }
        let bytes = self.bytes + ingress.envelope.len();
        let full = self.waiting.len() >= INGRESS_POOL_COUNT_MAX
            || bytes > INGRESS_POOL_BYTES_MAX
            || self.delivered.len() >= INGRESS_HISTORY_MAX;
        if full {
            return Err(PoolFull);
        }
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        self.bytes = bytes;
        self.arrivals.insert(arrival, ingress.id);
        self.expiries.insert((ingress.expiry, ingress.id));
        self.waiting.insert(ingress.id, Waiting { ingress, arrival });
        Ok(true)
    }

    /// What a block with time `time` on top of `ancestors` (the undelivered ones) should carry: calls in
    /// the order in which they came, as many as fit. Other replicas will find it valid.
    pub fn select(&self, time: Time, ancestors: &[Arc<Block>]) -> Payload {
        let taken = ids(ancestors);
        let mut bytes = 0;
        let mut ingress = Vec::new();
        for candidate in self.candidates(time, &taken) {
            if ingress.len() == BLOCK_INGRESS_COUNT_MAX {
                break;
            }
            let size = candidate.envelope.len();
            if bytes + size <= BLOCK_PAYLOAD_BYTES_MAX {
                bytes += size;
                ingress.push(candidate.clone());
            }
        }
        Payload { ingress, ..Payload::default() }
    }

    /// Whether [`Pool::select`] would find anything.
    pub fn has_work(&self, time: Time, ancestors: &[Arc<Block>]) -> bool {
        !self.is_empty() && self.candidates(time, &ids(ancestors)).next().is_some()
    }

    fn candidates<'a>(
        &'a self,
        time: Time,
        taken: &'a BTreeSet<RequestId>,
    ) -> impl Iterator<Item = &'a Arc<SignedIngress>> {
        let waiting = self.arrivals.values().filter_map(|id| self.waiting.get(id));
        waiting
            .map(|waiting| &waiting.ingress)
            .filter(move |ingress| valid_at(ingress, time) && !taken.contains(&ingress.id))
    }

    /// Whether `block` on top of `ancestors` (the undelivered ones) may be voted for (rule 2).
    pub fn validate(&self, block: &Block, ancestors: &[Arc<Block>]) -> Verdict {
        match self.find_fault(block, ancestors) {
            None => Verdict::Valid,
            Some(fault) => Verdict::Permanent(fault),
        }
    }

    fn find_fault(&self, block: &Block, ancestors: &[Arc<Block>]) -> Option<String> {
        let ingress = &block.payload.ingress;
        if ingress.len() > BLOCK_INGRESS_COUNT_MAX {
            return Some(format!("{} calls in a block", ingress.len()));
        }
        let bytes: usize = ingress.iter().map(|ingress| ingress.envelope.len()).sum();
        if bytes > BLOCK_PAYLOAD_BYTES_MAX {
            return Some(format!("{bytes} bytes of calls in a block"));
        }
        let mut taken = ids(ancestors);
        for call in ingress {
            if self.delivered.contains(&call.id) || !taken.insert(call.id) {
                return Some(format!("call {} is in the chain twice", call.id));
            }
        }
        ingress.iter().find_map(|call| self.find_call_fault(call, block.time))
    }

    fn find_call_fault(&self, call: &SignedIngress, block_time: Time) -> Option<String> {
        if !valid_at(call, block_time) {
            return Some(format!(
                "call {} expires at {}, the block is of {block_time}",
                call.id, call.expiry
            ));
        }
        let known = self.waiting.get(&call.id);
        if known.is_some_and(|waiting| waiting.ingress.envelope == call.envelope) {
            return None;
        }
        let error = self.authenticator.authenticate_in_block(call.envelope.clone(), block_time).err()?;
        Some(format!("call {}: {error}", call.id))
    }

    /// A finalized block: its calls wait no longer, and are remembered. Blocks come oldest first.
    pub fn deliver(&mut self, block: &Block) {
        for ingress in &block.payload.ingress {
            self.remove(&ingress.id);
            if !planted(Bug::DeliveredForgotten) && self.delivered.insert(ingress.id) {
                self.forget.push_back((block.time.plus_ms(INGRESS_AHEAD_MAX_MS), ingress.id));
            }
        }
        self.forget_below(block.time);
    }

    /// After a restart, before any block is delivered: calls that earlier blocks carried, with their
    /// expiry.
    pub fn remember(&mut self, executed: &[(RequestId, Time)]) {
        let mut until: Vec<(Time, RequestId)> = executed.iter().map(|(id, expiry)| (*expiry, *id)).collect();
        until.sort_unstable();
        self.delivered.extend(until.iter().map(|(_, id)| *id));
        self.forget.extend(until);
    }

    /// Drops waiting calls that no block with time `now` or later can carry.
    pub fn purge_expired(&mut self, now: Time) {
        while let Some((_, id)) = self.expiries.first().copied().filter(|(expiry, _)| *expiry < now) {
            self.remove(&id);
        }
    }

    /// Forgets delivered calls that no block after `time` can carry. By the chain's time and never by
    /// the own clock: a clock that runs ahead would let a call into the chain twice.
    fn forget_below(&mut self, time: Time) {
        while let Some((_, id)) = self.forget.front().copied().filter(|(until, _)| *until < time) {
            self.forget.pop_front();
            self.delivered.remove(&id);
        }
    }

    fn remove(&mut self, id: &RequestId) {
        if let Some(Waiting { ingress, arrival }) = self.waiting.remove(id) {
            self.arrivals.remove(&arrival);
            self.expiries.remove(&(ingress.expiry, ingress.id));
            self.bytes -= ingress.envelope.len();
        }
    }
}

/// Whether a block with time `time` may carry `call`, as far as time goes.
fn valid_at(call: &SignedIngress, time: Time) -> bool {
    planted(Bug::ExpiryUnchecked) || (time..=time.plus_ms(INGRESS_AHEAD_MAX_MS)).contains(&call.expiry)
}

fn ids(blocks: &[Arc<Block>]) -> BTreeSet<RequestId> {
    let blocks: &[Arc<Block>] = if planted(Bug::AncestorsForgotten) { &[] } else { blocks };
    blocks.iter().flat_map(|block| &block.payload.ingress).map(|ingress| ingress.id).collect()
}
