//! An archive of the token ledger: keeps blocks that the ledger no longer holds, and serves them.
//!
//! Only its ledger appends, in order and without gaps. An append that repeats blocks changes nothing and is
//! answered as the first was: with the index expected next. Whether a chain of blocks is whole, readers
//! check by its hashes, up to the tip that the ledger certifies. All state is in stable memory.

use candid::Principal;
use ic_cdk::{init, query, update};
use ic_stable_structures::DefaultMemoryImpl;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use icrc::history::{GetBlocksRequest, GetBlocksResult};
use ledger_block::ArchiveStore;
use ledger_block::wire::{
    AppendArgs, AppendResult, ArchiveInit, GetBlocksArgs, QueryArchiveResult, QueryEncodedArchiveResult,
};
use std::cell::RefCell;

type Memory = VirtualMemory<DefaultMemoryImpl>;

thread_local! {
    static STORE: RefCell<ArchiveStore<Memory>> = RefCell::new({
        let memories = MemoryManager::init(DefaultMemoryImpl::default());
        ArchiveStore::open(|number| memories.get(MemoryId::new(number)))
    });
}

fn with<R>(action: impl FnOnce(&mut ArchiveStore<Memory>) -> R) -> R {
    STORE.with_borrow_mut(action)
}

const INTERFACE: &[u8] = include_bytes!("../archive.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg_attr(target_arch = "wasm32", unsafe(link_section = "icp:public candid:service"))]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../archive.did");

#[init]
fn init(args: ArchiveInit) {
    with(|store| store.begin(args.ledger, args.first_index));
}

/// Takes blocks from the ledger; answers the index expected next.
#[update]
fn append_blocks(args: AppendArgs) -> AppendResult {
    let caller = ic_cdk::api::msg_caller();
    with(|store| store.append(caller, args))
}

/// The canister whose blocks these are.
#[query]
fn ledger() -> Principal {
    with(|store| store.ledger())
}

#[query]
fn get_blocks(args: GetBlocksArgs) -> QueryArchiveResult {
    with(|store| store.get_blocks(args))
}

#[query]
fn get_encoded_blocks(args: GetBlocksArgs) -> QueryEncodedArchiveResult {
    with(|store| store.get_encoded_blocks(args))
}

#[query]
fn icrc3_get_blocks(requests: Vec<GetBlocksRequest>) -> GetBlocksResult {
    with(|store| store.icrc3_get_blocks(&requests))
        .unwrap_or_else(|_| ic_cdk::trap("a stored block is damaged"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid_parser::utils::{CandidSource, service_compatible, service_equal};

    candid::export_service!();

    #[test]
    fn the_exported_interface_is_the_one_in_the_metadata() {
        let exported = __export_service();
        let written = std::str::from_utf8(&SERVICE).unwrap();
        service_equal(CandidSource::Text(&exported), CandidSource::Text(written)).unwrap();
    }

    #[test]
    fn the_exported_interface_can_stand_in_for_the_public_archives() {
        let exported = __export_service();
        let public = include_str!("../public.did");
        service_compatible(CandidSource::Text(&exported), CandidSource::Text(public)).unwrap();
    }
}
