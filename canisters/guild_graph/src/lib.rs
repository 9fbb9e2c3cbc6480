//! Guild's graph: who is connected with whom. The second canister of Atoll's sample app Guild, which shows how two
//! canisters keep one truth.
//!
//! # What it keeps
//! 1. Only Guild writes. Who is connected with whom is public, as on the profiles; a person is a number here.
//! 2. A change says what is to be, with a number ([`guild_connections::Change`]). Of a pair the highest number wins,
//!    in whatever order, and however often, changes come; so Guild may repeat what it is not sure of.
//! 3. An ended connection's number is remembered, so that an older change cannot bring it back. Of more than
//!    [`guild_connections::ENDED_MAX`] the oldest is forgotten; then a change of an unknown pair that is not newer than
//!    what was forgotten is refused as too old, and Guild gives it a new number.
//! 4. Both directions of a connection and both people's counts change in one message, which awaits nothing.
//! 5. All state is in stable memory; an upgrade has nothing to save.
//! 6. A question looks at a bounded number of connections ([`guild_connections::STEPS_MAX`]), and what lies beyond is
//!    answered as not known.

#[cfg(test)]
mod tests;

use candid::Principal;
use guild_connections::*;
use ic_cdk::{init, inspect_message, post_upgrade, query, update};
use ic_stable_structures::DefaultMemoryImpl;
use std::cell::RefCell;

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../guild_graph.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../guild_graph.did");

thread_local! {
    static GRAPH: RefCell<Graph<DefaultMemoryImpl>> = RefCell::new(Graph::open(DefaultMemoryImpl::default()));
}

fn read<T>(f: impl FnOnce(&Graph<DefaultMemoryImpl>) -> T) -> T {
    GRAPH.with_borrow(f)
}

#[init]
fn init(args: Option<InitArgs>) {
    GRAPH.with_borrow_mut(|graph| graph.set_guild(args.unwrap_or_default().guild));
}

/// The state is where it was. Without an argument, or with none at all, Guild stays who it is.
#[post_upgrade]
fn post_upgrade() {
    let bytes = ic_cdk::api::msg_arg_data();
    let args = match bytes.is_empty() {
        true => None,
        false => candid::decode_one::<Option<InitArgs>>(&bytes)
            .unwrap_or_else(|error| ic_cdk::trap(format!("unreadable upgrade arguments: {error}"))),
    };
    if let Some(InitArgs { guild: Some(guild) }) = args {
        GRAPH.with_borrow_mut(|graph| graph.set_guild(Some(guild)));
    }
}

/// Users have nothing to write here; Guild's calls do not pass by this.
#[inspect_message]
fn inspect_message() {}

#[update]
fn apply(changes: Vec<Change>) -> Result<Vec<Outcome>, Refusal> {
    GRAPH.with_borrow_mut(|graph| graph.apply(ic_cdk::api::msg_caller(), &changes))
}

#[query]
fn connections(of: PersonId, after: Option<PersonId>, limit: u32) -> PersonPage {
    read(|graph| graph.connections(of, after, limit))
}

#[query]
fn pairs(after: Option<(PersonId, PersonId)>) -> PairPage {
    read(|graph| graph.pairs(after))
}

#[query]
fn between(a: PersonId, b: PersonId) -> Between {
    read(|graph| graph.between(a, b))
}

#[query]
fn degrees(of: PersonId, others: Vec<PersonId>) -> Vec<u8> {
    read(|graph| graph.degrees(of, &others))
}

#[query]
fn suggestions(of: PersonId, limit: u32) -> Vec<Suggestion> {
    read(|graph| graph.suggestions(of, limit))
}

#[query]
fn totals() -> Totals {
    read(Graph::totals)
}

#[query]
fn guild() -> Option<Principal> {
    read(Graph::guild)
}

#[cfg(test)]
mod exported {
    //! The interface that this code has; the last module, so that all methods are known.

    use candid::Principal;
    use guild_connections::*;

    candid::export_service!();

    pub fn interface() -> String {
        __export_service()
    }
}
