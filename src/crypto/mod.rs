//! Hashes, node and user signatures, threshold signatures, distributed key generation.
//!
//! Rules of this room:
//!
//! 1. What is hashed or signed has one encoding, pinned by a golden test, and begins with a domain
//!    separator of its own: a length byte, then the name (`hash`, `threshold::Statement`). The one
//!    exception is fixed by the Internet Computer's clients: `\x0Dic-state-root`.
//! 2. Everything that replicas sign names the chain, but for certificates, whose key is the chain's.
//! 3. A point is checked for its curve, its subgroup and the identity whenever it is decoded.
//! 4. Secrets are zeroized when dropped and have no `Debug`.
//! 5. There is no randomness here: a random generator, or a seed, is an argument.
//! 6. Nothing here panics on bytes from outside: a wrong length, point or key is a typed error or `false`.
//! 7. Whether a user's signature is valid is the same question on every replica, alone or in a batch
//!    (`user`): replicas must not differ about a block.
//! 8. The simulator's stand-ins (`node_key::simulated`, `Keyring::simulated`) are forgeable by anyone
//!    and are made by `sim` and tests alone (`tests/tidy.rs`).

pub mod dkg;
pub mod genesis;
pub mod hash;
pub mod node_key;
pub mod reshare;
pub mod threshold;
pub mod user;

mod bls;
#[cfg(test)]
pub(crate) use bls::pairing_checks;
pub(crate) mod reader;
mod seed;
mod simulated;
