//! Accounts and blocks of the token ledger: what a block is, how it is hashed and how it is shown.
//!
//! 1. **One account, two names.** An ICRC account and its account identifier ([`icrc`]) name the same
//!    balance.
//! 2. **One block, two encodings.** Each block is hashed twice: as the protobuf message `Block` of the
//!    ICP ledger, whose `parent_hash` is the SHA-256 of the previous message, and as the ICRC-3 `Value`,
//!    whose `phash` is the representation-independent hash of the previous value. Both are pure functions
//!    of what is stored, and golden tests pin them.
//! 3. **Stored** is the protobuf message as it was hashed, and beside it what it cannot say: the `phash`,
//!    the owners of accounts where a call named them, and whether the caller named the fee.
//! 4. **ICRC-3 block types.** Blocks whose accounts are all known by owner have the untyped form of
//!    ICRC-1 and ICRC-2 (`1xfer`, `1mint`, `1burn`, `2approve`, `2xfer`, `2burn`). Where the ICP interface
//!    named an account by its identifier alone, no ICRC account can be given: the block then has `btype`
//!    `icp_xfer`, `icp_mint` or `icp_burn`, `tx.op` equal to it, and such an account is a `Blob` of the
//!    32 bytes of its identifier instead of an `Array`.
//! 5. A memo of the ICP interface that is not zero is `tx.icp_memo : Nat` in the value.
//!
//! Nothing here calls the system.

mod account;
mod archive;
mod block;
mod log;
mod proto;
mod value;
pub mod wire;

pub use account::Party;
pub use archive::ArchiveStore;
pub use block::{Block, BlockDecodeError, Hashes, Operation, StoredBlock, Transaction};
pub use log::{BlockLog, MAX_BLOCKS_PER_RESPONSE, MAX_RANGES_PER_REQUEST, overlap};
pub use value::BLOCK_TYPES;

#[cfg(test)]
mod tests;
