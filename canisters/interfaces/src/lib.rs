//! What canisters ask of each other and of the subnet: one set of types, so that owner and callers cannot drift
//! apart.
//!
//! 1. A module has the name of whom its types belong to. The types of a canister are those of its `.did`, by which
//!    the owner's tests check them.
//! 2. There are no entry points here: whoever uses a type exports nothing of its owner.
//! 3. Of answers a caller may read less than there is. Where several read the same part it is here, too; where one
//!    does, it is that caller's own.
//!
//! What ledgers say alike is in `icrc`; what the cycles ledger and the minting canister say, in `cycles_interface`.

pub mod management;
pub mod registry;
pub mod rewards;
