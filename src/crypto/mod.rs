//! Hashes, node and user signatures, threshold signatures, distributed key generation.

pub mod dkg;
pub mod hash;
pub mod node_key;
pub mod threshold;
pub mod user;
