//! The page `/metrics`, in the words that Prometheus reads.

use crate::book::Book;
use crate::memory::Memory;
use std::fmt::Write;

/// The ledger's numbers.
pub fn page<M: Memory>(book: &Book<M>, cycle_balance: u128, stable_pages: u64) -> String {
    let totals = book.totals();
    let (allowances, remembered) = book.index_sizes();
    let gauges: [(&str, &str, u128); 12] = [
        ("stable_memory_pages", "Pages of 64 KiB of stable memory.", stable_pages.into()),
        ("cycle_balance", "Cycles of this canister.", cycle_balance),
        ("total_supply", "All balances together.", totals.supply),
        ("deposited", "Cycles that ever came in.", totals.deposited),
        ("granted", "Of these, granted by a quota.", totals.granted),
        ("withdrawn", "Cycles that left for other canisters.", totals.withdrawn),
        ("in_flight", "Cycles attached to calls that have not been answered.", totals.in_flight),
        ("fees", "Fees charged.", totals.fees),
        ("number_of_blocks", "Blocks in the log.", book.log_length().into()),
        ("number_of_balances", "Accounts that are not empty.", book.accounts().into()),
        ("number_of_approvals", "Allowances.", allowances.into()),
        ("transaction_hashes", "Transactions remembered for deduplication.", remembered.into()),
    ];
    let mut page = String::new();
    for (name, help, value) in gauges {
        let name = format!("cycles_ledger_{name}");
        let written = write!(page, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
        debug_assert!(written.is_ok());
    }
    page
}
