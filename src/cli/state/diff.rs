//! What differs between the states of two stopped replicas.

use crate::state::{CanisterState, Column, HostFailure, ReplicatedState, StateSource, record};
use crate::types::{CanisterId, RequestId};
use bytes::Bytes;
use ciborium::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Pages of one memory that are named.
const PAGES_NAMED_MAX: usize = 8;

/// One line for each difference; empty if the states are equal. The records of both are read whole, of
/// memories only the digests.
///
/// # Errors
/// [`HostFailure`] if a state is damaged.
pub fn differences(sources: [Arc<dyn StateSource>; 2]) -> Result<Vec<String>, HostFailure> {
    let [one, other] = [restore(&sources[0])?, restore(&sources[1])?];
    let mut lines = Vec::new();
    if one.height() != other.height() {
        lines.push(format!("the states are of heights {} and {}", one.height(), other.height()));
    }
    for column in [Column::Subnet, Column::Canister, Column::History] {
        let records = [scan(&sources[0], column)?, scan(&sources[1], column)?];
        let keys: BTreeSet<&Vec<u8>> = records.iter().flat_map(BTreeMap::keys).collect();
        for key in keys {
            let values = [records[0].get(key), records[1].get(key)];
            if values[0] != values[1] {
                lines.push(format!("{}: {}", name(column, key), what_differs(values)));
            }
        }
    }
    for (id, canister) in one.canisters() {
        if let Some(theirs) = other.canister(*id) {
            lines.extend(memory_differences(*id, [canister, theirs])?);
        }
    }
    Ok(lines)
}

fn restore(source: &Arc<dyn StateSource>) -> Result<ReplicatedState, HostFailure> {
    ReplicatedState::restore(source.clone())
}

fn scan(source: &Arc<dyn StateSource>, column: Column) -> Result<BTreeMap<Vec<u8>, Bytes>, HostFailure> {
    Ok(source.scan(column, b"")?.into_iter().collect())
}

/// Whose record this is.
fn name(column: Column, key: &[u8]) -> String {
    let belonging = |kind: u8| match kind {
        record::key::MESSAGE => "a waiting message",
        record::key::HELD => "a call that is held back",
        record::key::LOG => "a line of the log",
        record::key::PAUSED => "the paused run",
        record::key::SNAPSHOT => "a snapshot",
        _ => "something",
    };
    match (column, key.split_first_chunk::<8>()) {
        (Column::Canister, Some((number, rest))) => {
            let id = CanisterId(u64::from_be_bytes(*number)).principal();
            match rest.first() {
                Some(kind) => format!("canister {id}, {}", belonging(*kind)),
                None => format!("canister {id}"),
            }
        }
        (Column::History, _) => match <[u8; 32]>::try_from(key) {
            Ok(id) => format!("request {}", RequestId(id)),
            Err(_) => format!("request {}", hex::encode(key)),
        },
        _ => format!("subnet, {}", String::from_utf8_lossy(key)),
    }
}

/// The fields in which two records differ.
fn what_differs(values: [Option<&Bytes>; 2]) -> String {
    let [Some(one), Some(other)] = values else {
        let side = if values[0].is_some() { "first" } else { "second" };
        return format!("only the {side} state has it");
    };
    let fields = [fields(one), fields(other)];
    let names: BTreeSet<&String> = fields.iter().flat_map(BTreeMap::keys).collect();
    let differ = names.into_iter().filter(|name| fields[0].get(*name) != fields[1].get(*name));
    let differ: Vec<&str> = differ.map(String::as_str).collect();
    match differ.is_empty() {
        true => "another value".into(),
        false => differ.join(", "),
    }
}

/// The fields of a record by name; none if it is no map.
fn fields(bytes: &Bytes) -> BTreeMap<String, Value> {
    let Ok(Value::Map(entries)) = record::decode::<Value>("a record", bytes) else {
        return BTreeMap::new();
    };
    let named = entries.into_iter().filter_map(|(name, value)| Some((name.into_text().ok()?, value)));
    named.collect()
}

fn memory_differences(
    id: CanisterId,
    canisters: [&Arc<CanisterState>; 2],
) -> Result<Vec<String>, HostFailure> {
    let heaps = canisters.map(|canister| &canister.heap);
    let stables = canisters.map(|canister| &canister.stable);
    let mut lines = Vec::new();
    for (memory, [one, other]) in [("heap", heaps), ("stable memory", stables)] {
        if one.root() == other.root() {
            continue;
        }
        let changes = one.changes_since(other)?;
        let named: Vec<String> =
            changes.iter().take(PAGES_NAMED_MAX).map(|(index, _)| index.to_string()).collect();
        let more = match changes.len().saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.push(format!(
            "canister {}: {memory} differs in page {}{more}",
            id.principal(),
            named.join(", ")
        ));
    }
    Ok(lines)
}
