//! Mistakes planted on purpose, to prove that the simulator finds them. They exist in test builds only
//! and only inside the simulator: no production code knows them.

/// A mistake that has broken, or could break, a real chain.
#[cfg(test)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// A vote is sent before it is on disk.
    NoFsyncBeforeVote,
    /// 2f shares make a quorum.
    QuorumTwoF,
    /// The state root is folded over a hash map, in the map's own order.
    HashOrderRoot,
}

/// Which bug is planted: never one outside of tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Planted(#[cfg(test)] pub Option<Bug>);

impl Planted {
    /// Whether votes go out before they are on disk.
    pub fn sends_votes_unsynced(self) -> bool {
        #[cfg(test)]
        return self.0 == Some(Bug::NoFsyncBeforeVote);
        #[cfg(not(test))]
        false
    }

    /// Whether a quorum is one share short.
    pub fn lowers_quorum(self) -> bool {
        #[cfg(test)]
        return self.0 == Some(Bug::QuorumTwoF);
        #[cfg(not(test))]
        false
    }

    /// Whether the state root depends on a hash map's order.
    pub fn hashes_in_map_order(self) -> bool {
        #[cfg(test)]
        return self.0 == Some(Bug::HashOrderRoot);
        #[cfg(not(test))]
        false
    }
}
