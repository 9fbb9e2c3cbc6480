//! A whole subnet on one thread: virtual time, network, disk, faults. Seed in, verdict out.
//!
//! 1. The replicas are the production machines ([`crate::replica::Replica`]), unchanged. Only their
//!    hands are simulated: clock, network, disk, execution, users.
//! 2. A run is a function of its [`Scenario`], and a swarm's scenario of its seed: no wall clock, no
//!    hash-map order, no thread. The trace hash of two runs of one seed is equal, in every build.
//! 3. `Effect::Persist` is a barrier, as on a real disk: what is written and not yet safe is torn at a
//!    random point by a crash, and effects after the barrier have not happened.
//! 4. Keys are simulated ones (one hash for a pairing), but for the profile `keys`. Everything above the
//!    signatures is real.
//! 5. The [`oracle`] judges after every event and shares no predicate with the code that it judges.
//! 6. First a storm, in which safety must hold; then a calm, in which the subnet must also live.
//! 7. At most f nodes sin, except in the controls, which prove that the oracle would notice.
//!
//! 8. A failure is made smaller ([`shrink`]): what can be switched off without losing it is no part of it.
//!
//! `atoll sim --from SEED --seeds 1 --heights H --profile P` replays any failure.

pub mod adversary;
pub mod clock;
mod disk;
mod executor;
mod fault;
mod host;
mod network;
pub mod oracle;
mod queue;
pub mod random;
pub mod scenario;
pub mod shrink;
mod tally;
mod trace;
mod workload;
mod world;

pub use oracle::Violation;
pub use scenario::{Ending, Profile, Scenario};
pub use tally::Tally;
pub use world::{Verdict, run};

#[cfg(test)]
mod tests;
