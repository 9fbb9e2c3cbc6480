//! Mistakes planted on purpose, to prove that the simulator finds them. They exist in test builds only:
//! everywhere else [`planted`] is never true, and nobody can make it so.

/// A mistake that has broken, or could break, a real chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// A vote is sent before it is on disk.
    NoFsyncBeforeVote,
    /// Messages stand before the records that they rest on.
    RecordsLast,
    /// 2f shares make a quorum.
    QuorumTwoF,
    /// A share over one block counts for another, and what comes out is not verified.
    ShareOfAnotherBlock,
    /// A share that spoils a combination is used again.
    CulpritsKept,
    /// A certificate is believed without a look at its signature.
    CertificateUnchecked,
    /// A beacon is believed without a look at its signature.
    BeaconUnchecked,
    /// A fetched chain is believed without a look at its signatures.
    ChainUnverified,
    /// A replica votes for every proposal of a view.
    NotarizeTwice,
    /// A replica that gave a view up votes to finalize it.
    FinalizeAfterNullify,
    /// A restart forgets the votes that it finds.
    VotesForgottenAtRestart,
    /// Finalizing a view deletes the votes of the next one from the disk, too.
    VotesPurgedEarly,
    /// Views between a block and its parent need not be nullified.
    GapUnchecked,
    /// A block may be older than its parent.
    TimeUnchecked,
    /// A block may acknowledge votes, and name leaders, as its leader likes.
    AttendanceUnchecked,
    /// Anybody may propose in any view.
    LeaderUnchecked,
    /// One peer that asserts another root is enough to halt.
    OneLiarHalts,
    /// What members asserted counts after they have left.
    AssertionsKept,
    /// A fetched call is taken for the one that the block names, whatever its bytes.
    BodyUnchecked,
    /// What is lost stays lost.
    NothingResent,
    /// Calls are proposed and accepted after their expiry.
    ExpiryUnchecked,
    /// Calls of delivered blocks are forgotten at once.
    DeliveredForgotten,
    /// Calls of blocks that are not delivered yet are proposed again.
    AncestorsForgotten,
    /// A replica that lost its disk votes as if it had never voted.
    AmnesiaIgnored,
    /// A restart forgets which calls were executed.
    HistoryForgottenAtRestart,
    /// A restart executes the last height again.
    ExecutedAgainAtRestart,
    /// The state root is folded over a hash map, in the map's own order.
    HashOrderRoot,
    /// What an epoch built above its last block is delivered.
    VoidDelivered,
    /// What was set aside and not used is given back twice.
    RefundTwice,
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Whether this thread runs with `bug`.
#[cfg(test)]
pub fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether this thread runs with `bug`: never.
#[cfg(not(test))]
pub const fn planted(_bug: Bug) -> bool {
    false
}

/// From now on this thread runs with `bug`, or with none.
#[cfg(test)]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

#[cfg(test)]
impl Bug {
    /// All of them.
    pub const ALL: &[Bug] = &[
        Bug::NoFsyncBeforeVote,
        Bug::RecordsLast,
        Bug::QuorumTwoF,
        Bug::ShareOfAnotherBlock,
        Bug::CulpritsKept,
        Bug::CertificateUnchecked,
        Bug::BeaconUnchecked,
        Bug::ChainUnverified,
        Bug::NotarizeTwice,
        Bug::FinalizeAfterNullify,
        Bug::VotesForgottenAtRestart,
        Bug::VotesPurgedEarly,
        Bug::GapUnchecked,
        Bug::TimeUnchecked,
        Bug::AttendanceUnchecked,
        Bug::LeaderUnchecked,
        Bug::OneLiarHalts,
        Bug::AssertionsKept,
        Bug::BodyUnchecked,
        Bug::NothingResent,
        Bug::ExpiryUnchecked,
        Bug::DeliveredForgotten,
        Bug::AncestorsForgotten,
        Bug::AmnesiaIgnored,
        Bug::HistoryForgottenAtRestart,
        Bug::ExecutedAgainAtRestart,
        Bug::HashOrderRoot,
        Bug::VoidDelivered,
        Bug::RefundTwice,
    ];
}
