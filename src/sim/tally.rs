//! How often what happened: a simulator whose faults never strike proves nothing.

use std::ops::AddAssign;

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts of one run, or of many added up.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Tally { $($(#[$doc])* pub $name: u64,)* }

        impl AddAssign for Tally {
            fn add_assign(&mut self, other: Tally) {
                $(self.$name += other.$name;)*
            }
        }

        impl Tally {
            /// Every count with its name.
            pub fn rows(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

tally! {
    crashes,
    /// Crashes that took something which was written and not yet safe.
    torn_writes,
    /// Crashes between two effects of one input.
    cut_short,
    restarts,
    /// Crashes that took the whole disk.
    wiped,
    /// Restarts from a state that came from a peer.
    states_fetched,
    /// Finalized blocks that were deleted.
    purged,
    pauses,
    partitions,
    one_way_partitions,
    clogs,
    blackouts,
    clock_steps,
    messages_lost,
    messages_doubled,
    equivocations,
    double_votes,
    forged_shares,
    replays,
    floods,
    misplaced_blocks,
    /// Second copies of nodes.
    twins,
    /// Honest or not, nodes that everything takes longer to and from.
    far_nodes,
    withholdings,
    /// Calls kept back, promised without being there, or answered with others.
    meannesses,
    /// Messages with calls that a block lacked.
    bodies_fetched,
    /// Dealings that were bad for somebody.
    false_dealings,
    /// Epochs that the longest-lived of a run's nodes saw begin.
    epochs,
    /// Changes of the members.
    changes,
    /// Old certifications asserted of other heights.
    perjuries,
    babblings,
    /// Runs in which a sinner's clock was minutes wrong.
    anachronists,
    /// Nodes that left for good.
    desertions,
    leaps,
    /// Messages that took the way through bytes and back.
    encoded,
    /// Messages delivered to a live node.
    delivered,
    calls,
    calls_executed,
    views,
}
