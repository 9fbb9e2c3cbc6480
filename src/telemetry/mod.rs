//! What people and their tools see of a running node: structured logs, Prometheus metrics, health.
//!
//! 1. Machines return facts, hands count them here: nothing below the hands knows this room.
//! 2. Where the Internet Computer has a metric, its name and labels are used, so that its dashboards
//!    work (INTEROP.md §7); everything else is named `atoll_*`. Units stand last in a name.
//! 3. Metrics and health are served on an address of their own, with few connections, short
//!    timeouts and no request bodies: an operator's port, not a user's ([`serve`]).
//! 4. Log lines are for people and are no interface; nothing parses them.

mod health;
mod log;
mod metric;
mod process;
mod serve;

pub use health::Health;
pub use log::{LogFormat, start_log};
pub use metric::{HeightFacts, MetricError, Metrics, QueryOutcome};
pub use serve::{Page, Pages, serve};
