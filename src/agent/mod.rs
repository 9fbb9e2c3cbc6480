//! A client of any Atoll or Internet Computer subnet: signs, submits, polls, and verifies what comes back.
//!
//! It stands on `ic-agent`, which checks certificates and node signatures on every answer; this room adds
//! identities from PEM files, the management canister's methods by name, modules too large for one message,
//! Candid between text and bytes by the interface that the canister itself publishes, and the upload of folders to asset
//! canisters.

pub mod assets;
pub mod client;
pub mod identity;
pub mod install;
pub mod interface;

pub use client::{AgentFailure, Client};
pub use install::Mode;
