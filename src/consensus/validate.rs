//! Whether a proposal may be voted for (rule 3).

use super::chain::{Link, Unlinked};
use super::machine::Consensus;
use super::pool::{Attempt, Candidate, Standing};
use crate::types::limits::{BLOCK_TIME_AHEAD_MAX_MS, REVALIDATE_MS};
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::sync::Arc;

/// Domain of the leader's signature, over the chain id and the block's hash.
pub const PROPOSAL_DOMAIN: &str = "atoll-proposal";

/// Why a proposal is not voted for now.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Objection {
    #[error("proposed by node {proposer}, but node {leader} leads the view")]
    NotLeader { proposer: NodeIndex, leader: NodeIndex },
    #[error("stands below or beside the finalized block")]
    Fork,
    #[error("height {found} on a parent of height {parent}")]
    Height { found: Height, parent: Height },
    #[error("time {found} is not after the parent's {parent}")]
    Time { found: Time, parent: Time },
    #[error("time {found} is too far ahead of this clock's {now}")]
    Ahead { found: Time, now: Time },
    #[error("its parent in view {view} is not known to be notarized")]
    Parent { view: View },
    #[error("a view above its parent's {view} is not known to be nullified")]
    Unnullified { view: View },
    #[error("carries something, but the epoch ends below it")]
    Void,
    #[error("acknowledges a vote of {node}, which is no member's place")]
    Stranger { node: NodeIndex },
    #[error("acknowledges votes for a block that its epoch's members did not vote for")]
    Acknowledged,
    #[error("acknowledges {have} votes for its parent, {need} are a quorum")]
    Voters { have: usize, need: usize },
    #[error("does not name the leaders of the views since its parent")]
    Missed,
    #[error("the leader of a view since its parent is not known")]
    Beacon,
}

impl Objection {
    /// Whether no later knowledge can lift it.
    fn is_permanent(&self) -> bool {
        use Objection::*;
        match self {
            NotLeader { .. } | Fork | Height { .. } | Time { .. } | Void => true,
            Stranger { .. } | Acknowledged | Voters { .. } | Missed => true,
            Ahead { .. } | Parent { .. } | Unnullified { .. } | Beacon => false,
        }
    }
}

impl Consensus {
    /// What the leader signs.
    pub(super) fn proposal_message(&self, hash: &Digest) -> Vec<u8> {
        [self.keys.keyring.chain().0, hash.0].concat()
    }

    /// Whether the proposer signed the block with this hash.
    pub(super) fn verify_proposal(&self, hash: &Digest, proposal: &CompactProposal) -> bool {
        let message = self.proposal_message(hash);
        let proposer = proposal.header.proposer;
        self.keys.committee.verify(proposer, PROPOSAL_DOMAIN, &message, &proposal.signature)
    }

    /// Everything that consensus itself asks of a block of the current view. Returns its ancestors above
    /// the tip.
    fn place(&self, block: &Block) -> Result<Vec<Arc<Block>>, Objection> {
        let leader = self.view.leader;
        if block.proposer != leader && !planted(Bug::LeaderUnchecked) {
            return Err(Objection::NotLeader { proposer: block.proposer, leader });
        }
        let (parent, branch) = self.parent(block)?;
        if block.height != parent.height.next() {
            return Err(Objection::Height { found: block.height, parent: parent.height });
        }
        if block.time <= parent.time && !planted(Bug::TimeUnchecked) {
            return Err(Objection::Time { found: block.time, parent: parent.time });
        }
        if !self.is_nullified_between(parent.view, block.view) {
            return Err(Objection::Unnullified { view: parent.view });
        }
        self.check_attendance(block, &parent)?;
        if !block.payload.is_empty() && self.ends_in(&branch) {
            return Err(Objection::Void);
        }
        let now = self.clock.now();
        if block.time > now.plus_ms(BLOCK_TIME_AHEAD_MAX_MS) {
            return Err(Objection::Ahead { found: block.time, now });
        }
        Ok(branch)
    }

    /// The parent of `block`, notarized or final, and its branch above the tip.
    fn parent(&self, block: &Block) -> Result<(Link, Vec<Arc<Block>>), Objection> {
        let (view, hash, tip) = (block.parent_view, block.parent, self.chain.tip);
        if view == tip.view && hash == tip.hash {
            return Ok((tip, Vec::new()));
        }
        let attempt = self.pool.get(view).filter(|_| view > tip.view);
        match attempt.and_then(Attempt::certified_block) {
            Some(certified) if certified == hash => {}
            Some(_) => return Err(Objection::Fork),
            None if view <= tip.view => return Err(Objection::Fork),
            None => return Err(Objection::Parent { view }),
        }
        let branch = self.branch(view, hash).map_err(|unlinked| match unlinked {
            Unlinked::Missing { view, .. } => Objection::Parent { view },
            Unlinked::Fork => Objection::Fork,
        })?;
        let parent = branch.first().ok_or(Objection::Fork)?;
        Ok((Link::of(hash, parent), branch))
    }

    /// Looks at a proposal of the current view: asks about its payload if that is all that is missing.
    /// True if it may be voted for.
    pub(super) fn weigh(&mut self, candidate: &Candidate) -> bool {
        if matches!(candidate.standing, Standing::Asked | Standing::Refused) {
            return false;
        }
        let ancestors = match self.place(&candidate.block) {
            Ok(branch) => branch,
            Err(objection) => {
                if objection.is_permanent() {
                    self.set_standing(&candidate.hash, Standing::Refused);
                }
                return false;
            }
        };
        match candidate.standing {
            Standing::Valid => return true,
            Standing::Later(due) if due > self.clock.steady() => return false,
            _ => {}
        }
        let (hash, block, proven) = (candidate.hash, candidate.block.clone(), candidate.proven);
        self.set_standing(&hash, Standing::Asked);
        self.emit(Effect::ValidatePayload { hash, block, ancestors, proven });
        false
    }

    /// The answer to `ValidatePayload`.
    pub(super) fn take_verdict(&mut self, hash: &Digest, verdict: &Verdict) {
        let standing = match verdict {
            Verdict::Valid => Standing::Valid,
            Verdict::Permanent(_) => Standing::Refused,
            Verdict::Transient(_) => Standing::Later(self.clock.steady().plus_ms(REVALIDATE_MS)),
        };
        self.set_standing(hash, standing);
    }

    fn set_standing(&mut self, hash: &Digest, standing: Standing) {
        let attempt = self.pool.get_mut(self.view.number);
        if let Some(candidate) = attempt.and_then(|attempt| attempt.candidate_mut(hash)) {
            candidate.standing = standing;
        }
    }

    /// When a payload of the current view is to be asked about again.
    pub(super) fn revalidation_due(&self) -> Option<Time> {
        let candidates = self.pool.get(self.view.number)?.candidates.iter();
        let later = candidates.filter_map(|candidate| match candidate.standing {
            Standing::Later(due) => Some(due),
            _ => None,
        });
        later.min()
    }
}
