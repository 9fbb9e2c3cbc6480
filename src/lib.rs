//! Atoll: a replicated, Internet-Computer-compatible canister runtime that anyone can host.
//!
//! Rooms in layer order; a room names only rooms above it (`tests/tidy.rs` holds the table).
//! *Words* say what things are, *machines* what happens, *hands* touch the outside world, *doors*
//! put them together.

// Words: pure.
pub mod types;
pub mod crypto;
pub mod encoding;
pub mod certification;

// Machines: pure; no clock, no I/O, no threads, no async, no hash-ordered iteration, no logging.
pub mod consensus;
pub mod ingress;
pub mod state;
pub mod wasm;
pub mod execution;
pub mod replica;

// Hands: the outside world; no protocol decision is taken here.
pub mod telemetry;
pub mod storage;
pub mod net;
pub mod node;
pub mod http;
pub mod agent;
pub mod gateway;

// Doors.
pub mod sim;
pub mod cli;
