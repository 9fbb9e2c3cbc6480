//! Atoll's token ledger: the ICP ledger interface, ICRC-1, ICRC-2 and ICRC-3 over one balance book.
//!
//! 1. **One book.** Balances are kept by account identifier; an ICRC account is the account of its
//!    identifier ([`ledger_block`]). Amounts are 64-bit numbers of the smallest unit (10⁻⁸ tokens). The sum
//!    of all balances is the supply: it grows by mints, and shrinks by burns and by fees, which are burnt.
//! 2. **Minting account.** What leaves it is minted, what reaches it is burnt; both are free. A burn takes
//!    at least the fee, or the whole balance where that is less. It gives no allowances, and nothing goes
//!    from it to itself.
//! 3. **Fee.** One fee for transfers and approvals. A caller may name it; another than the ledger's is
//!    refused (`BadFee`).
//! 4. **Time.** `created_at_time` asks for deduplication: older than the window is `TooOld`, more than
//!    60 s ahead `CreatedInFuture`, the same again `Duplicate`. Without it nothing is deduplicated, on the
//!    ICP interface too. (The public ICP ledger puts its own time in its place.) The window holds a bounded
//!    number of transactions; its second half is given out second by second, and who gets nothing is
//!    told `TemporarilyUnavailable`.
//! 5. **Allowances.** `approve` replaces; `expected_allowance` guards against races; what has ended counts
//!    as nothing and is removed a bounded number a call. The owner's account itself needs none.
//! 6. **Callers.** The anonymous principal may move what its account holds (launchers fund new identities
//!    so) but cannot approve.
//! 7. **Errors.** ICRC methods answer every refusal with a variant, `GenericError` with a stable number
//!    where the standard has no other ([`errors`]). `transfer` and `send_dfx` reject what their interface
//!    has no variant for.
//! 8. **Blocks.** Every transaction is a block on two hash chains; after each the tip is certified
//!    ([`certificate`]).
//! 9. **Archives.** When more blocks than `trigger_threshold` are held, the oldest `num_blocks_to_archive`
//!    move to archive canisters that the ledger makes ([`archiving`]). Their module (package
//!    `ledger_archive`) comes with `archive_wasm` of the init or upgrade argument, or from a controller by
//!    `set_archive_wasm`; until it is there, all blocks stay.
//! 10. **State** is in stable memory only: an upgrade reads and writes nothing but settings, and no call
//!     costs more than the logarithm of what is stored, times a constant.
//!
//! `canister` and `standards` hold the entry points; all else but `spawning` works without the system.

pub mod allowance;
pub mod archives;
pub mod archiving;
pub mod blocks;
mod canister;
pub mod certificate;
pub mod config;
pub mod consent;
pub mod errors;
pub mod ledger;
pub mod request;
mod spawning;
mod standards;
#[allow(missing_docs, reason = "fields are the public interfaces' own, described there")]
pub mod types;
pub mod window;

#[cfg(test)]
mod interface;
#[cfg(test)]
mod tests;
