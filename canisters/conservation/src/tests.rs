use crate::world::World;

const SEED: u64 = 5;
/// Operations between two readings of every balance, and an upgrade.
const READ_EVERY: u32 = 1_000;

/// Runs operations and says what they came to.
fn run(operations: u32, seed: u64) {
    let mut world = World::new(seed);
    for operation in 0..operations {
        world.turn();
        if operation % READ_EVERY == 0 {
            world.check_balances();
            world.upgrade();
            world.check_balances();
        }
    }
    world.check_balances();
    let totals = world.books.book.totals().clone();
    println!(
        "{operations} operations: {} token blocks, {} cycles blocks, {} payments bought, {} canisters deleted, \
         {} traps, {} of {} tokens e8s in fees, {totals:?}",
        world.tokens.ledger.tip().length,
        world.books.book.log_length(),
        world.payments.bought(),
        world.deleted,
        world.traps,
        world.tokens.fees,
        world.tokens.ledger.total_supply(),
    );
    let share = u64::from(operations / 1_000);
    assert!(world.payments.bought() as u64 > 10 * share, "payments bought");
    assert!(world.deleted > 5 * share && world.traps > share / 2, "deletions and traps");
    assert!(totals.granted > 0 && totals.withdrawn > 0 && totals.fees > 0);
}

#[test]
fn two_hundred_thousand_operations_over_three_canisters_drift_by_nothing() {
    run(200_000, SEED);
}

/// By hand: `cargo test --release -p conservation -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes"]
fn a_million_operations_over_three_canisters_drift_by_nothing() {
    run(1_000_000, SEED + 1);
}
