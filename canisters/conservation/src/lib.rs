//! The token ledger, cycles minting and the cycles ledger in one world, under random operations.
//!
//! The world moves cycles as the system would: a move takes from one place what it gives to another, and
//! calls can fail, come back in part, or have their answer trapped. It also keeps every balance itself,
//! by rules that know nothing of blocks, keys or memories. The three libraries must agree with it to the unit:
//!
//! 1. **Tokens.** Supply is what was minted less what was burnt and the fees; every balance is the world's.
//! 2. **Cycles.** The cycles ledger holds what its book says was deposited and did not leave. The sum of its
//!    balances is backed, grants of a quota included; every balance is the world's.
//! 3. **Minting.** The system minted what the minting canister counts, and each payment bought at most once.
//! 4. **Traps.** What a trapped callback did not hear of is the only difference, and is known to the unit.
//!
//! All three libraries are opened again from their stable memory now and then, as by upgrades.

#[cfg(test)]
mod books;
#[cfg(test)]
mod payments;
#[cfg(test)]
mod system;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod world;
