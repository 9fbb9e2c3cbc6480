//! The canisters as they are now, asked for by a composite query: nothing of it is stored or paid for.
//!
//! An observer may list all canisters and see what they hold. Without that right the list is of those that are
//! watched, with what everybody may know, and says so.

use crate::ask::{self, Range, Wait};
use crate::interface::*;
use crate::read;
use crate::watch::{id_of, number_of};
use candid::Principal;

/// Canisters in one answer: each takes four calls, of 500 that a composite query may make.
pub const PAGE_CANISTERS_MAX: u64 = 40;

pub async fn list(args: ListCanistersArgs) -> CanistersResult {
    let limit = match args.limit.min(PAGE_CANISTERS_MAX) {
        0 => return Err(AskError::NoLimit),
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let (total, partial, ids) = match ask::canisters().await {
        Ok(ranges) => (count(&ranges), None, after(&ranges, args.after, limit)),
        Err(error) => {
            let watched = read(|store| store.watch.list());
            let all: Vec<_> = watched.into_iter().filter(|(_, it)| !it.gone).map(|(id, _)| id).collect();
            let later = all.iter().filter(|id| args.after.is_none_or(|after| after < **id));
            let ids: Vec<_> = later.copied().take(limit.saturating_add(1)).collect();
            (all.len() as u64, Some(error), ids)
        }
    };
    let next = (ids.len() > limit).then(|| ids.get(limit - 1).copied()).flatten();
    let mut canisters = Vec::with_capacity(limit);
    for id in ids.into_iter().take(limit) {
        let (view, there) = view(id).await;
        if there || partial.is_none() {
            canisters.push(view);
        }
    }
    Ok(CanisterPage { total, partial, canisters, next })
}

fn bounds(range: &Range) -> Option<(u64, u64)> {
    number_of(&range.start).zip(number_of(&range.end))
}

/// Ids in all ranges.
pub fn count(ranges: &[Range]) -> u64 {
    let sizes = ranges.iter().filter_map(bounds).map(|(start, end)| match end.checked_sub(start) {
        Some(more) => more.saturating_add(1),
        None => 0,
    });
    sizes.fold(0, u64::saturating_add)
}

/// The first ids after one, one more than `limit` if there are so many.
pub fn after(ranges: &[Range], last: Option<Principal>, limit: usize) -> Vec<Principal> {
    let above = |(start, end): (u64, u64)| match last.as_ref().and_then(number_of) {
        Some(u64::MAX) => None,
        Some(last) => Some((start.max(last.saturating_add(1)), end)),
        None => Some((start, end)),
    };
    let numbers = ranges.iter().filter_map(bounds).filter_map(above).flat_map(|(start, end)| start..=end);
    numbers.take(limit.saturating_add(1)).map(id_of).collect()
}

/// The canister, and whether there is one.
async fn view(canister_id: Principal) -> (CanisterView, bool) {
    let info = ask::info(canister_id, Wait::Query).await.ok();
    let name = read(|store| store.watch.get(&canister_id)).and_then(|it| it.name);
    let there = info.is_some();
    let view = CanisterView {
        canister_id,
        name,
        module_hash: info.as_ref().and_then(|info| info.module_hash.clone()),
        controllers: info.map(|info| info.controllers).unwrap_or_default(),
        status: ask::status(canister_id, Wait::Query).await.ok(),
        consumed: ask::consumed(canister_id, Wait::Query).await.ok(),
        frozen: ask::frozen(canister_id).await.ok().flatten(),
        recent: read(|store| store.recent(&canister_id)),
    };
    (view, there)
}
