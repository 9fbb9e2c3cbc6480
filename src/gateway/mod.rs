//! Browsers to canisters: `http://<canister-id>.<domain>/…` becomes `http_request` on the canister, and
//! the answer is served only after it was verified.
//!
//! The gateway is a client. It may run on another machine than any replica, and it believes none of them:
//!
//! 1. The subnet's root key is given to it, or fetched once at start for development; it never changes.
//! 2. A response to a query is served only if its certificate, its expression and its hashes verify
//!    (`ic-response-verification`, versions 2 and 1), and only what of it is certified. Otherwise an error page is
//!    served, never the unverified body. Version 1 is believed of canisters that prove to know no other.
//! 3. A body in parts is no way around that. Parts of a streaming callback are gathered and verified together, before
//!    any goes out; too many are refused. Parts that are certified ranges are verified one by one and put together: a
//!    client that asked for no range gets the whole, one that did gets exactly its range, whatever parts there are.
//! 4. A response that a canister wants upgraded is asked for again as one update call, whose certified
//!    reply the agent verifies; so are its parts.
//! 5. `<id>.raw.<domain>` skips rule 2, as the name says to whoever uses it.
//! 6. `/api/…` is passed on to a healthy replica as it is; agents verify for themselves.
//! 7. A replica that cannot be reached is asked last until a probe finds it healthy; one whose answer does not verify
//!    while another's does, twice, is put aside. Requests can be repeated: an update call is the same request wherever it
//!    arrives. A refusal counts when more replicas say it than may be faulty, at least two.
//! 8. Verified pages are kept within a bound, keyed by all that their proof may be about, as long as their canister and
//!    their certificate allow. Conditions, ranges and compression are answered from what was verified.
//! 9. Of a canister that the subnet's governance has frozen there is a page with status 451 that says the reason. Like
//!    every error page, it stands for what replicas said.
//! 10. A file may give canisters domains of their own, and it may change at any time. A host name that names a canister
//!     by its id means that canister, whatever the file says, and below a canister's name there is no page ([`host`]).
//! 11. Clients have deadlines and shares, also of the memory that bodies take while they come and go; who asks too much is
//!     turned away with 429, and when everybody does, 503, with `Retry-After`, before anything costs much.
//! 12. What a canister says of requests from other origins holds, also before they are made (`OPTIONS`); of a path of
//!     which it says nothing the gateway allows every origin, without credentials.
//! 13. A page of the gateway's own calls any canister's methods, under a host name of its own ([`candid_page`]).
//!
//! Bounds stand at the top of the files. Absent: any knowledge of storage, consensus or node.

mod accept;
mod answer;
mod answers;
mod ask;
mod authority;
mod body;
mod cache;
mod candid_page;
mod compress;
mod condition;
pub mod domain;
mod encodings;
mod fetch;
mod form;
mod frozen;
pub mod host;
mod lies;
mod limit;
pub mod metrics;
mod page;
mod preflight;
mod range;
mod respond;
pub mod serve;
mod tls;
pub mod upstream;
mod verify;

#[cfg(test)]
mod tests;

pub use accept::Deadlines;
pub use limit::{Memory, Share};
pub use serve::{Config, GatewayError, serve};
pub use tls::Tls;
