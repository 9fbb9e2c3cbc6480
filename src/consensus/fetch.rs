//! Blocks known by hash alone are fetched, first from those who voted for them (rule 12).

use super::machine::Consensus;
use super::pool::Attempt;
use crate::types::limits::{BLOCK_FETCHES_MAX, FETCH_PATIENCE_MS, FETCH_RETRY_MS};
use crate::types::*;
use std::collections::BTreeMap;

/// A block that is being fetched.
#[derive(Clone, Copy, Debug)]
pub struct Fetch {
    /// When to ask (again), on the scale of waits.
    due: Time,
    tries: usize,
}

/// All blocks that are being fetched.
pub type Fetches = BTreeMap<Digest, Fetch>;

impl Consensus {
    /// Whether any block is being fetched.
    pub(super) fn is_fetching(&self) -> bool {
        !self.fetches.is_empty()
    }

    /// Whether the block with this hash is being fetched.
    pub(super) fn is_fetching_block(&self, hash: &Digest) -> bool {
        self.fetches.contains_key(hash)
    }

    /// When to ask for a block again.
    pub(super) fn fetch_due(&self) -> Option<Time> {
        self.fetches.values().map(|fetch| fetch.due).min()
    }

    /// Asks for every missing block whose time has come, and forgets those that are here.
    pub(super) fn fetch_blocks(&mut self) {
        let steady = self.clock.steady();
        self.pool.note_ancestors(self.base());
        let missing = self.missing_blocks();
        self.fetches.retain(|hash, _| missing.iter().any(|(_, wanted)| wanted == hash));
        for (view, hash) in missing {
            let due = steady.plus_ms(FETCH_PATIENCE_MS);
            let fetch = self.fetches.entry(hash).or_insert(Fetch { due, tries: 0 });
            if fetch.due > steady {
                continue;
            }
            let tries = fetch.tries;
            *fetch = Fetch { due: steady.plus_ms(FETCH_RETRY_MS), tries: tries.wrapping_add(1) };
            if let Some(peer) = self.holder(view, hash, tries) {
                self.emit(Effect::Send(peer, PeerMessage::FetchBlock(hash)));
            }
        }
    }

    /// Blocks above the tip that a quorum certified, their ancestors, and one that was voted for in the current view
    /// while nothing came from its leader; the newest views first, but at last those that were given up too and that
    /// nothing is built on: nobody may have them any more, and the chain goes on without.
    fn missing_blocks(&self) -> Vec<(View, Digest)> {
        if self.chain.is_backlogged() {
            return Vec::new();
        }
        let above = self.pool.from(self.chain.tip.view.next()).rev();
        let missing = above.flat_map(|(view, attempt)| {
            let voted =
                (view == self.view.number && attempt.candidates.is_empty()).then(|| voted(attempt)).flatten();
            let wanted = attempt.needed_block().or(voted);
            let here = |hash: &Digest| attempt.candidate(hash).is_some() || self.is_assembling(hash);
            let spare = attempt.nullification.is_some() && attempt.ancestor.is_none();
            wanted.filter(|hash| !here(hash)).map(|hash| (spare, view, hash))
        });
        let mut missing: Vec<(bool, View, Digest)> = missing.collect();
        missing.sort_by_key(|(spare, ..)| *spare);
        missing.truncate(BLOCK_FETCHES_MAX);
        missing.into_iter().map(|(_, view, hash)| (view, hash)).collect()
    }

    /// Whom to ask at the `tries`-th time.
    fn holder(&self, view: View, hash: Digest, tries: usize) -> Option<NodeIndex> {
        let asked = self.holders(view, hash);
        let place = tries.checked_rem(asked.len())?;
        asked.get(place).copied()
    }

    /// Whom to ask for a block or its calls, one after the other: those who voted for it, then everybody else. The
    /// only vote that came may be a liar's, or of a replica that is gone, and a certificate says that others have it.
    pub(super) fn holders(&self, view: View, hash: Digest) -> Vec<NodeIndex> {
        let own = self.keys.keyring.own();
        let votes = self.pool.get(view).map(|attempt| attempt.notarize.over(hash)).unwrap_or_default();
        let mut holders: Vec<NodeIndex> =
            votes.into_iter().map(|(node, _)| node).filter(|node| *node != own).collect();
        let mut others = self.others();
        // Replicas begin at different places, so that not all ask the same one.
        for list in [&mut holders, &mut others] {
            let first = usize::from(own.0).checked_rem(list.len()).unwrap_or(0);
            list.rotate_left(first);
        }
        others.retain(|node| !holders.contains(node));
        holders.append(&mut others);
        holders
    }

    /// Answers a peer that lacks a block.
    pub(super) fn serve_block(&mut self, to: NodeIndex, hash: &Digest) {
        let Some(candidate) = self.pool.find(hash) else {
            return;
        };
        let proposal = candidate.compact.clone();
        if self.peers.may_serve(to) {
            self.emit(Effect::Send(to, PeerMessage::Proposal(proposal)));
        }
    }
}

/// The block that most voted for in this view.
fn voted(attempt: &Attempt) -> Option<Digest> {
    attempt.notarize.subjects().max_by_key(|hash| attempt.notarize.count(*hash))
}
