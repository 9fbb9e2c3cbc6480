//! What each node did for the chain, and what the subnet took for its work: the record from which nodes are paid.
//!
//! 1. Every block's proposer, the members whose votes it acknowledges for its parent, and the leaders of the views
//!    before it in which nothing came onto the chain are counted, by node id: totals since genesis.
//! 2. Votes for a block come with the block after it, so they count then, with the instructions of the height that was
//!    voted for.
//! 3. At every height that is a multiple of the genesis' `epoch_length` (of [`EPOCH_LENGTH_DEFAULT`], if keys are never
//!    renewed) there is a [`Sample`] of all totals; the newest [`SAMPLES_MAX`] are kept.
//! 4. Nodes that have left are kept too, as long as there are no more than [`DUTIES_MAX`]: then the one that did
//!    something longest ago goes, and begins at zero if it comes back.

use crate::types::limits::{DUTIES_MAX, EPOCH_LENGTH_DEFAULT, SAMPLES_MAX};
use crate::types::{Batch, Cycles, Height, Instructions, NodeId, NodeIndex, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What one node did, since genesis.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Duty {
    pub proposed: u64,
    /// Views in which it led and nothing came onto the chain.
    pub missed: u64,
    pub votes: u64,
    /// Of the heights that it voted for.
    pub instructions: Instructions,
    /// When it last did something, or should have.
    pub last: Height,
}

/// What all nodes did until now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Duties {
    pub nodes: BTreeMap<NodeId, Duty>,
    /// Blocks that acknowledge votes. Whose parent came with its certificate alone, before its votes, acknowledges
    /// nobody's; it says nothing about who voted.
    pub acknowledging: u64,
    /// Instructions of all heights.
    pub instructions: Instructions,
    /// Those of the last height.
    pub latest: Instructions,
}

impl Duties {
    /// Counts what `batch` says of `members`, who stand in the order of `NodeIndex`.
    pub(super) fn count(&mut self, members: &[NodeId], batch: &Batch) {
        let latest = self.latest;
        self.acknowledging = self.acknowledging.saturating_add(u64::from(!batch.voters.is_empty()));
        let mut note = |index: NodeIndex, change: &dyn Fn(&mut Duty)| {
            if let Some(id) = members.get(usize::from(index.0)) {
                let duty = self.nodes.entry(*id).or_default();
                duty.last = batch.height;
                change(duty);
            }
        };
        note(batch.proposer, &|duty| duty.proposed = duty.proposed.saturating_add(1));
        for voter in &batch.voters {
            note(*voter, &|duty| {
                duty.votes = duty.votes.saturating_add(1);
                duty.instructions = duty.instructions.saturating_add(latest);
            });
        }
        for leader in &batch.missed {
            note(*leader, &|duty| duty.missed = duty.missed.saturating_add(1));
        }
        self.forget(members);
    }

    fn forget(&mut self, members: &[NodeId]) {
        while self.nodes.len() > DUTIES_MAX {
            let gone = self.nodes.iter().filter(|(id, _)| !members.contains(id));
            let Some(oldest) = gone.min_by_key(|(id, duty)| (duty.last, **id)).map(|(id, _)| *id) else {
                return;
            };
            self.nodes.remove(&oldest);
        }
    }

    /// The height used so many instructions.
    pub(super) fn end_height(&mut self, instructions: Instructions) {
        self.latest = instructions;
        self.instructions = self.instructions.saturating_add(instructions);
    }
}

/// All totals after one height.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sample {
    pub time: Time,
    pub height: Height,
    /// Blocks that acknowledge votes.
    pub acknowledging: u64,
    /// Cycles that are gone, but for those that the minting canister burned itself.
    pub cycles_consumed: Cycles,
    pub instructions: Instructions,
    pub nodes: BTreeMap<NodeId, Duty>,
}

/// The newest samples, with their numbers.
#[derive(Clone, Default)]
pub struct Samples {
    first: u64,
    samples: VecDeque<Arc<Sample>>,
}

impl Samples {
    /// Those that were kept under the numbers from `first` on.
    pub(super) fn restored(first: u64, samples: impl Iterator<Item = Arc<Sample>>) -> Samples {
        Samples { first, samples: samples.collect() }
    }

    /// One more; the oldest goes when there are too many.
    pub fn push(&mut self, sample: Sample) {
        self.samples.push_back(Arc::new(sample));
        while self.samples.len() > SAMPLES_MAX {
            self.samples.pop_front();
            self.first = self.first.saturating_add(1);
        }
    }

    /// Number of the oldest.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Number of the next one to come.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.samples.len() as u64)
    }

    /// The sample of this number.
    pub fn get(&self, number: u64) -> Option<&Arc<Sample>> {
        let place = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.samples.get(place)
    }

    /// Those from `time` on, oldest first.
    pub fn since(&self, time: Time) -> impl Iterator<Item = &Arc<Sample>> {
        let first = self.samples.partition_point(|sample| sample.time < time);
        self.samples.range(first..)
    }
}

/// Whether there is a sample after this height.
pub(super) fn is_sampled(height: Height, epoch_length: u64) -> bool {
    let length = if epoch_length == 0 { EPOCH_LENGTH_DEFAULT } else { epoch_length };
    height.0.is_multiple_of(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Digest, Principal};

    fn node(n: u8) -> NodeId {
        NodeId(Principal::from_slice(&[n; 29]))
    }

    fn batch(height: u64, proposer: u16, voters: &[u16], missed: &[u16]) -> Batch {
        let nodes = |places: &[u16]| places.iter().copied().map(NodeIndex).collect();
        Batch {
            height: Height(height),
            time: Time(height),
            randomness: Digest::ZERO,
            proposer: NodeIndex(proposer),
            voters: nodes(voters),
            missed: nodes(missed),
            ingress: Vec::new(),
            system: Vec::new(),
        }
    }

    #[test]
    fn votes_count_with_the_instructions_of_the_height_that_was_voted_for() {
        let members = [node(1), node(2)];
        let mut duties = Duties::default();
        duties.count(&members, &batch(1, 0, &[], &[]));
        duties.end_height(Instructions(70));
        duties.count(&members, &batch(2, 1, &[0, 1], &[0, 0]));
        duties.end_height(Instructions(5));
        duties.count(&members, &batch(3, 1, &[1], &[7]));
        let duty = |proposed, missed, votes, instructions, last| Duty {
            proposed,
            missed,
            votes,
            instructions: Instructions(instructions),
            last: Height(last),
        };
        let expected = [(node(1), duty(1, 2, 1, 70, 2)), (node(2), duty(2, 0, 2, 75, 3))];
        assert_eq!(duties.nodes, expected.into());
        assert_eq!((duties.instructions, duties.latest), (Instructions(75), Instructions(5)));
    }

    #[test]
    fn the_node_that_left_longest_ago_is_forgotten_first() {
        let mut duties = Duties::default();
        for n in 0..DUTIES_MAX as u64 + 2 {
            let id = NodeId(Principal::from_slice(&n.to_be_bytes()));
            duties.count(&[id], &batch(n + 1, 0, &[], &[]));
        }
        assert_eq!(duties.nodes.len(), DUTIES_MAX);
        let first = duties.nodes.values().map(|duty| duty.last).min();
        assert_eq!(first, Some(Height(3)));
    }

    #[test]
    fn only_the_newest_samples_are_kept_and_found_by_time() {
        let mut samples = Samples::default();
        for n in 0..SAMPLES_MAX as u64 + 3 {
            samples.push(Sample {
                time: Time(n * 10),
                height: Height(n),
                acknowledging: n,
                cycles_consumed: Cycles::ZERO,
                instructions: Instructions::ZERO,
                nodes: BTreeMap::new(),
            });
        }
        assert_eq!((samples.first(), samples.end()), (3, SAMPLES_MAX as u64 + 3));
        assert!(samples.get(2).is_none() && samples.get(3).is_some());
        let since = |time: u64| samples.since(Time(time)).next().map(|sample| sample.time.0);
        assert_eq!([since(0), since(41), since(50)], [Some(30), Some(50), Some(50)]);
        assert_eq!(since(SAMPLES_MAX as u64 * 10 + 30), None);
    }
}
