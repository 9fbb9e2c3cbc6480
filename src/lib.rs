//! Atoll: a replicated, Internet-Computer-compatible canister runtime that anyone can host.
//!
//! Rooms in layer order; a room names only rooms above it (`tests/tidy.rs` holds the table).
//! *Words* say what things are, *machines* what happens, *hands* touch the outside world, *doors*
//! put them together.

// Words: pure.
pub mod certification;
pub mod crypto;
pub mod encoding;
pub mod types;

// Machines: pure; no clock, no I/O, no threads, no async, no hash-ordered iteration, no logging.
pub mod consensus;
pub mod execution;
pub mod ingress;
pub mod membership;
pub mod replica;
pub mod state;
pub mod wasm;

// Hands: the outside world; no protocol decision is taken here.
pub mod agent;
pub mod gateway;
pub mod http;
pub mod net;
pub mod node;
pub mod storage;
pub mod telemetry;

// Doors.
pub mod cli;
pub mod sim;
