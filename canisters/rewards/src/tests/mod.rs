//! The formula, by hand and at random; counts and periods; payments beside a model of the ledger; the interface
//! against the file.

mod formula;
mod interface;
mod others;
mod payments;
mod periods;
mod rules;

use crate::book::{Assignments, Book};
use crate::interface::*;
use crate::work::{Baseline, Entry, NodeMetrics, Period};
use candid::Principal;
use ic_stable_structures::VectorMemory;
use std::collections::BTreeMap;

type TestBook = Book<VectorMemory>;

const NOW: u64 = 1_800_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
const PERIOD: u64 = 100 * SECOND;
/// 3.5 XDR for a token: 35,000 cycles for an e8s.
const RATE: u64 = 35_000;

fn principal(number: u8) -> Principal {
    Principal::from_slice(&[number, 7])
}

fn governance() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
}

fn own_id() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 5, 1, 1])
}

fn book() -> TestBook {
    opened(&VectorMemory::default())
}

fn opened(memory: &VectorMemory) -> TestBook {
    let mut book = Book::open(memory.clone(), principal(99), own_id());
    let args = InitArgs { period_seconds: Some(100), share_permille: Some(500), ..InitArgs::default() };
    book.configure(args).unwrap_or_else(|error| panic!("{error:?}"));
    book.begin(Baseline::genesis(NOW));
    book
}

/// Totals of a node: proposed, failures, votes, instructions.
fn totals(number: u8, counts: [u64; 4]) -> NodeMetrics {
    let [proposed, failures, votes, instructions] = counts;
    NodeMetrics {
        node_id: principal(number),
        num_blocks_proposed_total: proposed,
        num_block_failures_total: failures,
        num_votes_total: votes,
        num_instructions_total: instructions,
    }
}

/// The entry at a height, so many seconds after the beginning.
fn entry(height: u64, seconds: u64, cycles: u128, node_metrics: Vec<NodeMetrics>) -> Entry {
    Entry {
        timestamp_nanos: NOW + seconds * SECOND,
        node_metrics,
        height,
        cycles_consumed_total: cycles.into(),
        blocks_total: height,
    }
}

fn find(baseline: &Baseline, entries: &[Entry]) -> Option<Period> {
    Period::find(baseline, PERIOD, entries).unwrap_or_else(|error| panic!("{error}"))
}

/// Node 1 works for 11, node 2 for 12, who has no account; node 3 for nobody; node 4 for 11.
fn assignments() -> Assignments {
    BTreeMap::from([
        (principal(1), (principal(11), Some(principal(111).into()))),
        (principal(2), (principal(12), None)),
        (principal(4), (principal(11), Some(principal(111).into()))),
    ])
}

/// The next statement: so many cycles were consumed since the last, and each node executed as many instructions.
fn stated(book: &mut TestBook, cycles: u128, nodes: &[u8], assignments: &Assignments) -> u64 {
    let baseline = book.baseline().cloned().unwrap_or_else(|| panic!("no baseline"));
    let before = |number: u8| baseline.nodes.get(&principal(number)).copied().unwrap_or_default();
    let node = |number: &u8| {
        let before = before(*number);
        totals(
            *number,
            [before.proposed + 10, before.failures, before.votes + 100, before.instructions + 1_000],
        )
    };
    let entry = Entry {
        timestamp_nanos: baseline.timestamp_nanos + PERIOD,
        ..entry(
            baseline.height + 100,
            0,
            baseline.cycles_consumed_total + cycles,
            nodes.iter().map(node).collect(),
        )
    };
    let period = find(&baseline, &[entry]).unwrap_or_else(|| panic!("the period is not over"));
    book.make(period, RATE, assignments, NOW).unwrap_or_else(|error| panic!("{error}"))
}

fn view(book: &TestBook, index: u64) -> StatementView {
    book.statement(index).unwrap_or_else(|| panic!("no statement {index}"))
}
