//! The notes in stable memory, and the tree on the heap that certifies them.

use ic_certification::{AsHashTree, RbTree};
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{DefaultMemoryImpl, StableBTreeMap, StableCell};
use std::cell::RefCell;

type Memory = VirtualMemory<DefaultMemoryImpl>;

const NOTES: MemoryId = MemoryId::new(0);
const STRIKES: MemoryId = MemoryId::new(1);

thread_local! {
    static MEMORIES: RefCell<MemoryManager<DefaultMemoryImpl>> =
        RefCell::new(MemoryManager::init(DefaultMemoryImpl::default()));
    static MAP: RefCell<StableBTreeMap<String, String, Memory>> =
        RefCell::new(StableBTreeMap::init(memory(NOTES)));
    static COUNT: RefCell<StableCell<u64, Memory>> = RefCell::new(StableCell::init(memory(STRIKES), 0));
    static TREE: RefCell<RbTree<String, Vec<u8>>> = RefCell::new(RbTree::new());
}

fn memory(id: MemoryId) -> Memory {
    MEMORIES.with_borrow(|memories| memories.get(id))
}

/// Certifies what is in stable memory.
pub fn certify() {
    TREE.with_borrow_mut(|tree| {
        MAP.with_borrow(|map| {
            map.iter().for_each(|note| tree.insert(note.key().clone(), note.value().into()))
        });
        ic_cdk::api::certified_data_set(tree.root_hash());
    });
}

/// Writes a note and certifies it; the one that stood there before.
pub fn write(key: String, note: String) -> Option<String> {
    TREE.with_borrow_mut(|tree| {
        tree.insert(key.clone(), note.clone().into());
        ic_cdk::api::certified_data_set(tree.root_hash());
    });
    MAP.with_borrow_mut(|map| map.insert(key, note))
}

/// The note under a key.
pub fn read(key: &String) -> Option<String> {
    MAP.with_borrow(|map| map.get(key))
}

/// CBOR of the hash tree that reveals the note under a key, or that there is none.
pub fn witness(key: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let witness = TREE.with_borrow(|tree| tree.witness(key.as_bytes()));
    if let Err(error) = ciborium::into_writer(&witness, &mut bytes) {
        ic_cdk::trap(format!("no witness: {error}"));
    }
    bytes
}

/// Counts one strike of the clock.
pub fn strike() {
    COUNT.with_borrow_mut(|count| count.set(*count.get() + 1));
}

/// How often the clock has struck.
pub fn strikes() -> u64 {
    COUNT.with_borrow(|count| *count.get())
}
