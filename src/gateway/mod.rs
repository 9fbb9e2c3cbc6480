//! Browsers to canisters: `http://<canister-id>.<domain>/…` becomes `http_request` on the canister, and
//! the answer is served only after it was verified.
//!
//! The gateway is a client. It may run on another machine than any replica, and it believes none of them:
//!
//! 1. The subnet's root key is given to it, or fetched once at start for development; it never changes.
//! 2. A response to a query is served only if its certificate, its expression and its hashes verify
//!    (`ic-http-gateway-protocol`, response verification v2 and v1). Otherwise an error page is served,
//!    never the unverified body. A body that comes by a streaming callback is gathered first; one that is too long
//!    for that is refused.
//! 3. A response that a canister wants upgraded is asked for again as an update call, whose certified
//!    reply the agent verifies.
//! 4. `<id>.raw.<domain>` skips rule 2, as the name says to whoever uses it.
//! 5. `/api/…` is passed on to a healthy replica as it is; agents verify for themselves.
//! 6. A replica that does not answer is put aside until a probe finds it healthy; requests go to the next
//!    one. Requests can be repeated: an update call is the same request wherever it arrives.
//! 7. Of a canister that the subnet's governance has frozen there is a page with status 451 that says the reason. Like
//!    every error page, it stands for what one replica said.
//! 8. A file may give canisters domains of their own, and it may change at any time. A host name that names a canister
//!    by its id means that canister, whatever the file says.
//!
//! Bounds stand at the top of [`serve`], [`upstream`] and [`domain`]. Absent: any knowledge of storage, consensus or node.

pub mod domain;
mod frozen;
pub mod host;
pub mod metrics;
mod page;
pub mod serve;
pub mod upstream;

pub use serve::{Config, GatewayError, serve};
