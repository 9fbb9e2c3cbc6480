//! The System API's functions (interface spec, "System API"), by chapter. Types and contexts stand in
//! `import`; here every function finds its context checked and its call charged.

mod canister;
mod cost;
mod cycles;
mod message;
mod outgoing;
mod stable;
