//! What all ledgers say alike, whatever they keep: one set of types, so that two ledgers cannot drift apart.
//!
//! 1. **One account, two names.** An ICRC account (principal, subaccount) and its *account identifier*
//!    (CRC-32 before SHA-224 of `0x0a "account-id"`, principal, subaccount) name the same account. No
//!    subaccount and the subaccount of 32 zeros are the same ([`Account`], [`AccountIdentifier`]).
//! 2. **Candid.** Arguments, answers and errors of ICRC-1, ICRC-2 and ICRC-3 are the standards', letter by
//!    letter ([`token`], [`history`]).
//! 3. **Values.** A block is shown as a [`Value`]; its hash is the representation-independent one of ICRC-3,
//!    pinned by the standard's test vectors.
//! 4. **Trees.** The certified tip is a hash tree with the labels of ICRC-3, in CBOR ([`tree`]).
//!
//! Nothing here calls the system or keeps state: the crate builds for canisters and natively alike. (The
//! public crate `icrc-ledger-types` would do for the types; it has subaccounts as bare arrays, no account
//! identifiers and no trees, and depends on more than all of this.)

mod account;
#[allow(missing_docs, reason = "fields are the standard's own, described there")]
pub mod history;
#[allow(missing_docs, reason = "fields are the standards' own, described there")]
pub mod token;
pub mod tree;
mod value;

pub use account::{
    Account, AccountIdentifier, AccountIdentifierError, SUBACCOUNT_LENGTH, Subaccount, subaccount_of,
};
pub use value::{Hash, Value, leb128};

/// Most bytes of an ICRC-1 memo that these ledgers take.
pub const MAX_MEMO_LENGTH: usize = 32;

#[cfg(test)]
mod tests;
