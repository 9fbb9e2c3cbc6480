//! Calls that wait for a block, and the memory of those that got into one.

use super::Authenticator;
use crate::crypto::hash::hash_call;
use crate::types::limits::{
    BLOCK_INGRESS_COUNT_MAX, BLOCK_PAYLOAD_BYTES_MAX, INGRESS_AHEAD_MAX_MS, INGRESS_HISTORY_MAX,
    INGRESS_POOL_BYTES_MAX, INGRESS_POOL_COUNT_MAX, INGRESS_TWINS_MAX,
};
use crate::types::planted::{Bug, planted};
use crate::types::{Block, Digest, Payload, RequestId, SignedIngress, Time, Verdict};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// There is no room for another call until blocks have taken some, or some have expired.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the ingress pool is full")]
pub struct PoolFull;

/// Authenticated calls by the hashes of their bodies: of one request there may be several, each with another
/// valid signature.
pub struct Pool {
    authenticator: Arc<Authenticator>,
    waiting: BTreeMap<Digest, Waiting>,
    /// The bodies of each request, in the order of their hashes.
    requests: BTreeMap<RequestId, BTreeSet<Digest>>,
    /// Waiting calls, oldest first.
    arrivals: BTreeMap<u64, Digest>,
    /// Waiting calls, first to expire first.
    expiries: BTreeSet<(Time, Digest)>,
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
            requests: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            expiries: BTreeSet::new(),
            bytes: 0,
            next_arrival: 0,
            delivered: BTreeSet::new(),
            forget: VecDeque::new(),
        }
    }

    /// How many calls wait, twins included.
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

    /// Takes in a call that was authenticated. `false`: its id is known already, waiting or delivered. A few
    /// twins of a waiting call are kept all the same, for blocks that carry them.
    ///
    /// # Errors
    /// The pool is full.
    pub fn insert(&mut self, ingress: Arc<SignedIngress>) -> Result<bool, PoolFull> {
        let hash = hash_call(&ingress.envelope);
        let twins = self.requests.get(&ingress.id).map_or(0, BTreeSet::len);
        if self.waiting.contains_key(&hash)
            || self.delivered.contains(&ingress.id)
            || twins >= INGRESS_TWINS_MAX
        {
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
        self.arrivals.insert(arrival, hash);
        self.expiries.insert((ingress.expiry, hash));
        self.requests.entry(ingress.id).or_default().insert(hash);
        self.waiting.insert(hash, Waiting { ingress, arrival });
        Ok(twins == 0)
    }

    /// The waiting calls whose bodies have these hashes, each in its place.
    pub fn find(&self, calls: &[Digest]) -> Vec<Option<Arc<SignedIngress>>> {
        let find = |hash: &Digest| self.waiting.get(hash).map(|waiting| waiting.ingress.clone());
        calls.iter().map(find).collect()
    }

    /// What a block with time `time` on top of `ancestors` (the undelivered ones) should carry: calls in
    /// the order in which they came, as many as fit. Other replicas will find it valid.
    pub fn select(&self, time: Time, ancestors: &[Arc<Block>]) -> Payload {
        let taken = ids(ancestors);
        let (mut bytes, mut chosen) = (0, BTreeSet::new());
        let mut ingress = Vec::new();
        for candidate in self.candidates(time, &taken) {
            if ingress.len() == BLOCK_INGRESS_COUNT_MAX {
                break;
            }
            let size = candidate.envelope.len();
            if bytes + size <= BLOCK_PAYLOAD_BYTES_MAX && chosen.insert(candidate.id) {
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
        let waiting = self.arrivals.values().filter_map(|hash| self.waiting.get(hash));
        waiting
            .map(|waiting| &waiting.ingress)
            .filter(move |ingress| valid_at(ingress, time) && !taken.contains(&ingress.id))
    }

    /// Whether `block` on top of `ancestors` (the undelivered ones) may be voted for (rule 2). `proven`: all its
    /// calls were authenticated when they came.
    pub fn validate(&self, block: &Block, ancestors: &[Arc<Block>], proven: bool) -> Verdict {
        match self.find_fault(block, ancestors, proven) {
            None => Verdict::Valid,
            Some(fault) => Verdict::Permanent(fault),
        }
    }

    fn find_fault(&self, block: &Block, ancestors: &[Arc<Block>], proven: bool) -> Option<String> {
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
        ingress.iter().find_map(|call| self.find_call_fault(call, block.time, proven))
    }

    fn find_call_fault(&self, call: &SignedIngress, block_time: Time, proven: bool) -> Option<String> {
        if !valid_at(call, block_time) {
            return Some(format!(
                "call {} expires at {}, the block is of {block_time}",
                call.id, call.expiry
            ));
        }
        if proven || self.waiting.contains_key(&hash_call(&call.envelope)) {
            return None;
        }
        let error = self.authenticator.authenticate_body(call.envelope.clone()).err()?;
        Some(format!("call {}: {error}", call.id))
    }

    /// A finalized block: its calls wait no longer, and are remembered. Blocks come oldest first.
    pub fn deliver(&mut self, block: &Block) {
        for ingress in &block.payload.ingress {
            self.remove_request(&ingress.id);
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
        while let Some((_, hash)) = self.expiries.first().copied().filter(|(expiry, _)| *expiry < now) {
            self.remove(&hash);
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

    /// Removes a call and all its twins.
    fn remove_request(&mut self, id: &RequestId) {
        let bodies = self.requests.get(id).cloned().unwrap_or_default();
        bodies.iter().for_each(|hash| self.remove(hash));
    }

    fn remove(&mut self, hash: &Digest) {
        let Some(Waiting { ingress, arrival }) = self.waiting.remove(hash) else { return };
        self.arrivals.remove(&arrival);
        self.expiries.remove(&(ingress.expiry, *hash));
        self.bytes -= ingress.envelope.len();
        if let Some(bodies) = self.requests.get_mut(&ingress.id) {
            bodies.remove(hash);
            if bodies.is_empty() {
                self.requests.remove(&ingress.id);
            }
        }
    }
}

/// Whether a block with time `time` may carry `call`, as far as time goes.
pub fn valid_at(call: &SignedIngress, time: Time) -> bool {
    planted(Bug::ExpiryUnchecked) || (time..=time.plus_ms(INGRESS_AHEAD_MAX_MS)).contains(&call.expiry)
}

fn ids(blocks: &[Arc<Block>]) -> BTreeSet<RequestId> {
    let blocks: &[Arc<Block>] = if planted(Bug::AncestorsForgotten) { &[] } else { blocks };
    blocks.iter().flat_map(|block| &block.payload.ingress).map(|ingress| ingress.id).collect()
}
