//! `execute_batch(state, batch)`; queries; scheduler; management canister; cycles prices.
//!
//! 1. **Only batch and state.** What a height does depends on its batch and the state before alone; order is
//!    that of ids, queues and time, never of a hash table.
//! 2. **Order of a height.** What the batch says of the members' duties is counted; time passes over history, funds, deadlines and stops; users' calls enter; hooks of
//!    low memory, timers that are due and heartbeats run; canisters have the turns that their compute
//!    allocations give them; then management calls and canisters take turns until nothing waits or
//!    [`HEIGHT_INSTRUCTIONS_MAX`](crate::types::limits::HEIGHT_INSTRUCTIONS_MAX) are used. What is left
//!    waits in its queue for the next height.
//! 3. **A run is all or nothing.** A trap leaves cycles, memory, calls and answers as they were; what it
//!    cost and what it printed stays.
//! 4. **Every call is answered once**: by the canister, by a trap, by the subnet when nobody can answer any
//!    more. A response takes the place that its request held, so it always fits.
//! 5. **Cycles are conserved**: balances, reservations, what calls carry and what contexts hold, and what
//!    was burned, together are what was minted. Arithmetic on them is checked.
//! 6. **Validate, then change**: a management call that is refused has changed nothing but fees and log.
//! 7. **Long runs go on.** A run that takes more than a slice is paused: it is granted another slice in each
//!    height that follows, and what came of it is applied in the height in which it ends. Until then
//!    its canister runs nothing else, and nothing of it changes but its balance and its queues. Other
//!    canisters go on.
//! 8. **Idle is free**: a canister pays for time when it is next touched, or when its funds end (`charge`).
//! 9. **Frozen is still**: the code of a canister that the governance canister has frozen does not run for anybody.
//!    Calls of it are refused with the reason, those that wait too; what it was in the middle of ends as if it had
//!    trapped; responses to its calls come without its callbacks, so that whoever waits for it hears the reason and
//!    cycles are where they belong; its timer, heartbeat and hook wait. It pays for its time, can be topped up and looked at,
//!    and nobody can change it (`management::govern`).

mod batch;
mod callback;
mod charge;
mod commit;
mod freeze;
mod growth;
mod induct;
mod inspect;
mod management;
mod message;
mod paused;
pub mod price;
mod query;
mod route;
mod run;
mod schedule;
mod stop;
mod task;
#[cfg(test)]
mod tests;

pub use crate::encoding::management::effective_canister_id;
pub use batch::{Executed, HeightFacts, execute_batch};
pub use inspect::inspect;
pub use management::install::module_record;
pub use query::query;

use batch::Executor;
