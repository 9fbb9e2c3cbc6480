//! From the counts of `node_metrics_history` to what each node did in a period.
//!
//! 1. Counts are totals since genesis, one entry at the end of each epoch; a node's work in an epoch is the
//!    difference to what was known of it before. A node that was not known began with nothing.
//! 2. The subnet forgets nodes that left long ago: one that comes back begins with nothing again, so counts that
//!    are smaller than the known ones are all work. We forget, too: a node that is not known, and whose counts say
//!    more than it can have done since the last entry, has done nothing that we know of.
//! 3. In an epoch in which none of a node's counts moved it was no member, and had no duties.
//! 4. A period ends with the first entry that is at least [`period`](Period::is_over) after its beginning; with the
//!    one before that, if there are more than [`MAX_NODES`] nodes in all.

use crate::interface::Moment;
use candid::{CandidType, Nat, Principal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most nodes in one statement, and most that are remembered for the next.
pub const MAX_NODES: usize = 1_000;

#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    pub proposed: u64,
    pub failures: u64,
    pub votes: u64,
    pub instructions: u64,
}

/// A node's counts, in an entry.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct NodeMetrics {
    pub node_id: Principal,
    pub num_blocks_proposed_total: u64,
    pub num_block_failures_total: u64,
    pub num_votes_total: u64,
    pub num_instructions_total: u64,
}

impl NodeMetrics {
    fn counts(&self) -> Counts {
        Counts {
            proposed: self.num_blocks_proposed_total,
            failures: self.num_block_failures_total,
            votes: self.num_votes_total,
            instructions: self.num_instructions_total,
        }
    }
}

/// An entry of `node_metrics_history`.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub timestamp_nanos: u64,
    pub node_metrics: Vec<NodeMetrics>,
    pub height: u64,
    pub cycles_consumed_total: Nat,
    pub blocks_total: u64,
}

/// Where a period begins: what was known then.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Baseline {
    pub timestamp_nanos: u64,
    pub height: u64,
    pub cycles_consumed_total: u128,
    pub blocks_total: u64,
    pub nodes: BTreeMap<Principal, Counts>,
}

impl Baseline {
    /// Of a subnet on which nothing has happened.
    pub fn genesis(now: u64) -> Self {
        Self {
            timestamp_nanos: now,
            height: 0,
            cycles_consumed_total: 0,
            blocks_total: 0,
            nodes: BTreeMap::new(),
        }
    }

    pub fn moment(&self) -> Moment {
        Moment {
            timestamp_nanos: self.timestamp_nanos,
            height: self.height,
            cycles_consumed_total: self.cycles_consumed_total.into(),
        }
    }

    /// What is known after an entry. Of nodes that it does not have, as many are remembered as there is room
    /// for.
    ///
    /// # Errors
    /// More cycles than there are.
    pub fn after(&self, entry: &Entry) -> Result<Self, String> {
        let cycles_consumed_total = u128::try_from(entry.cycles_consumed_total.0.clone())
            .map_err(|_| format!("{} cycles consumed", entry.cycles_consumed_total))?;
        let mut nodes: BTreeMap<_, _> =
            entry.node_metrics.iter().map(|node| (node.node_id, node.counts())).collect();
        for (id, counts) in &self.nodes {
            if nodes.len() < MAX_NODES {
                nodes.entry(*id).or_insert(*counts);
            }
        }
        Ok(Self {
            timestamp_nanos: entry.timestamp_nanos,
            height: entry.height,
            cycles_consumed_total,
            blocks_total: entry.blocks_total,
            nodes,
        })
    }
}

/// What a node did, and how many blocks there were while it was a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    pub counts: Counts,
    pub blocks: u64,
}

/// A period that ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Period {
    pub from: Moment,
    pub to: Moment,
    pub nodes: BTreeMap<Principal, Work>,
    /// Where the next one begins.
    pub end: Baseline,
}

impl Period {
    /// Whether a time is as far from the beginning as a period is long.
    pub fn is_over(from: u64, period_nanos: u64, at: u64) -> bool {
        at.saturating_sub(from) >= period_nanos
    }

    /// The period after `baseline`, if it is over by these entries, which are in order.
    ///
    /// # Errors
    /// Entries that no subnet gives.
    pub fn find(baseline: &Baseline, period_nanos: u64, entries: &[Entry]) -> Result<Option<Self>, String> {
        let from = baseline.moment();
        let mut known = baseline.clone();
        let mut nodes = BTreeMap::new();
        let mut ended = false;
        for entry in entries.iter().filter(|entry| entry.height > baseline.height) {
            let Some(sum) = add(&nodes, &known, entry)? else {
                ended = known.height > baseline.height;
                break;
            };
            (nodes, known) = (sum, known.after(entry)?);
            if Self::is_over(from.timestamp_nanos, period_nanos, entry.timestamp_nanos) {
                ended = true;
                break;
            }
        }
        let to = known.moment();
        Ok(ended.then_some(Self { from, to, nodes, end: known }))
    }
}

/// The sums with one more epoch; none if there would be too many nodes.
fn add(
    sums: &BTreeMap<Principal, Work>,
    known: &Baseline,
    entry: &Entry,
) -> Result<Option<BTreeMap<Principal, Work>>, String> {
    let backwards = || format!("the entry at height {} is before the one at {}", entry.height, known.height);
    let blocks = entry.blocks_total.checked_sub(known.blocks_total).ok_or_else(backwards)?;
    if entry.height <= known.height || entry.timestamp_nanos < known.timestamp_nanos {
        return Err(backwards());
    }
    if entry.node_metrics.len() > MAX_NODES {
        return Err(format!("an entry of {} nodes", entry.node_metrics.len()));
    }
    let mut sums = sums.clone();
    for node in &entry.node_metrics {
        let done = work_since(known.nodes.get(&node.node_id), node.counts(), blocks);
        if done != Counts::default() {
            let sum = sums.entry(node.node_id).or_default();
            *sum = Work { counts: plus(sum.counts, done), blocks: sum.blocks.saturating_add(blocks) };
        }
    }
    Ok((sums.len() <= MAX_NODES).then_some(sums))
}

/// Rules 1 and 2.
fn work_since(known: Option<&Counts>, now: Counts, blocks: u64) -> Counts {
    match known {
        Some(before) => minus(now, *before).unwrap_or(now),
        None if now.votes > blocks || now.proposed > blocks => Counts::default(),
        None => now,
    }
}

fn minus(now: Counts, before: Counts) -> Option<Counts> {
    Some(Counts {
        proposed: now.proposed.checked_sub(before.proposed)?,
        failures: now.failures.checked_sub(before.failures)?,
        votes: now.votes.checked_sub(before.votes)?,
        instructions: now.instructions.checked_sub(before.instructions)?,
    })
}

fn plus(one: Counts, other: Counts) -> Counts {
    Counts {
        proposed: one.proposed.saturating_add(other.proposed),
        failures: one.failures.saturating_add(other.failures),
        votes: one.votes.saturating_add(other.votes),
        instructions: one.instructions.saturating_add(other.instructions),
    }
}
