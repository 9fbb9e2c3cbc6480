//! Takes the samples: one turn every [`crate::store::Config::sample_seconds`].
//!
//! Turns do not overlap. Each part of one asks somebody else, and what does not answer leaves a gap in its series
//! and an error in [`sources`], while the others go on. State changes after an answer only, and in a way that
//! another turn's answers cannot be counted twice ([`crate::tally`], [`crate::epochs`], [`crate::series`]).

use crate::ask::{self, BlockRange, Wait};
use crate::interface::{Series, Source};
use crate::tally::{BLOCKS_PER_CALL, Tally};
use crate::watch::{id_of, number_of};
use crate::{change, now, read, small};
use candid::Principal;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Calls for blocks in one turn, so that a long log is read in many turns.
const BLOCK_CALLS_PER_TICK: usize = 8;

thread_local! {
    /// What answered; begins anew with each version of the code.
    static SOURCES: RefCell<BTreeMap<&'static str, Source>> = const { RefCell::new(BTreeMap::new()) };
}

pub fn sources() -> Vec<Source> {
    SOURCES.with_borrow(|sources| sources.values().cloned().collect())
}

/// Notes how asking went, and passes the answer on.
fn note<T>(name: &'static str, answer: Result<T, String>) -> Option<T> {
    SOURCES.with_borrow_mut(|sources| {
        let source = sources.entry(name).or_insert_with(|| Source {
            name: name.to_owned(),
            answered_at_nanos: None,
            error: None,
        });
        match answer {
            Ok(answer) => {
                source.answered_at_nanos = Some(now());
                source.error = None;
                Some(answer)
            }
            Err(error) => {
                source.error = Some(error);
                None
            }
        }
    })
}

fn sample(series: &Series, value: u128) {
    change(|store| store.sample(series, now(), value));
}

/// One turn.
pub async fn tick() {
    tokens().await;
    cycles().await;
    epochs().await;
    canisters().await;
    discover().await;
}

async fn tokens() {
    let Some(ledger) = read(|store| store.config().canisters.ledger) else { return };
    if let Some(supply) = note("token ledger", ask::total_supply(ledger).await) {
        sample(&Series::TokenSupply, small(&supply));
    }
    for _ in 0..BLOCK_CALLS_PER_TICK {
        match note("token ledger's blocks", follow(ledger).await) {
            Some(true) => {}
            Some(false) => {
                let Tally { minted_e8s, burned_e8s, transfers, .. } =
                    read(|store| store.progress().tally.clone());
                sample(&Series::TokenMinted, minted_e8s);
                sample(&Series::TokenBurned, burned_e8s);
                sample(&Series::TokenTransfers, transfers.into());
                return;
            }
            None => return,
        }
    }
}

/// Reads the blocks that come next; whether there were any.
async fn follow(ledger: Principal) -> Result<bool, String> {
    let next = || read(|store| store.progress().tally.next);
    let start = next();
    let range = BlockRange { start, length: BLOCKS_PER_CALL };
    let answer = ask::blocks(ledger, range).await?;
    let archive = answer.archived_blocks.iter().find(|it| it.start <= start && start - it.start < it.length);
    if let Some(archive) = archive {
        let left = archive.length.saturating_sub(start.saturating_sub(archive.start));
        let range = BlockRange { start, length: left.min(BLOCKS_PER_CALL) };
        let blocks = ask::archived(&archive.callback, range).await?;
        change(|store| store.change_progress(|progress| progress.tally.take(start, &blocks)));
    } else if !answer.blocks.is_empty() {
        change(|store| {
            store.change_progress(|progress| {
                progress.tally.skip_to(answer.first_block_index);
                progress.tally.take(answer.first_block_index, &answer.blocks);
            });
        });
    }
    Ok(next() > start)
}

async fn cycles() {
    let canisters = read(|store| store.config().canisters.clone());
    if let Some(ledger) = canisters.cycles_ledger
        && let Some(supply) = note("cycles ledger", ask::total_supply(ledger).await)
    {
        sample(&Series::CyclesSupply, small(&supply));
    }
    if let Some(minting) = canisters.minting
        && let Some(minted) = note("cycles minting", ask::total_cycles_minted(minting).await)
    {
        sample(&Series::CyclesMinted, small(&minted));
    }
}

async fn epochs() {
    let start = read(|store| store.epochs.last_time()).map_or(0, |last| last.saturating_add(1));
    if let Some(epochs) = note("replicas", ask::epochs(ic_cdk::api::subnet_self(), start).await) {
        change(|store| epochs.into_iter().for_each(|epoch| store.add_epoch(epoch)));
    }
}

async fn canisters() {
    let turn = read(|store| store.watch.turn(store.progress().last_sampled));
    for id in turn {
        change(|store| store.change_progress(|progress| progress.last_sampled = Some(id)));
        let status = ask::status(id, Wait::Bounded).await;
        if status.is_err() && ask::exists(id).await == Some(false) {
            change(|store| store.watch.set_gone(&id));
            continue;
        }
        let Some(status) = note("balances", status) else { continue };
        sample(&Series::CanisterBalance(id), small(&status.cycles));
        if let Some(consumed) = note("consumption", ask::consumed(id, Wait::Bounded).await) {
            sample(&Series::CanisterConsumed(id), consumed.total());
        }
    }
}

async fn discover() {
    let Some(search) = read(|store| store.progress().search) else { return };
    let mut found = None;
    for number in search.probes() {
        let id = id_of(number);
        if ask::exists(id).await == Some(true) {
            change(|store| store.watch(id, None));
            found = number_of(&id);
        }
    }
    change(|store| {
        store.change_progress(|progress| {
            if let Some(search) = &mut progress.search {
                search.advance(found);
            }
        });
    });
}
