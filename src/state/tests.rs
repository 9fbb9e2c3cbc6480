mod economy;

use super::record::key;
use super::*;
use crate::certification::Lookup;
use crate::types::*;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Columns in memory, written by deltas.
#[derive(Default)]
pub(super) struct Shelf(Mutex<BTreeMap<(Column, Vec<u8>), Bytes>>);

impl Shelf {
    /// What is written now: a source must not change while it is read.
    fn snapshot(&self) -> Arc<Shelf> {
        Arc::new(Shelf(Mutex::new(self.0.lock().unwrap().clone())))
    }

    pub(super) fn write(&self, delta: &StateDelta) {
        let mut entries = self.0.lock().unwrap();
        for (column, prefix) in &delta.dropped {
            entries.retain(|(of, key), _| of != column || !key.starts_with(prefix));
        }
        for write in &delta.writes {
            let key = (write.column, write.key.clone());
            match &write.value {
                Some(value) => entries.insert(key, value.clone()),
                None => entries.remove(&key),
            };
        }
    }
}

impl StateSource for Shelf {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Bytes>, HostFailure> {
        Ok(self.0.lock().unwrap().get(&(column, key.to_vec())).cloned())
    }
    fn scan_from(
        &self,
        column: Column,
        first: &[u8],
        bytes: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure> {
        let mut taken = 0;
        let mut within = |value: &Bytes| {
            let is_room = taken == 0 || taken < bytes;
            taken += value.len();
            is_room
        };
        let entries = self.scan(column, b"")?.into_iter().filter(|(key, _)| key.as_slice() >= first);
        Ok(entries.take_while(|(_, value)| within(value)).collect())
    }
    fn scan(&self, column: Column, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure> {
        let entries = self.0.lock().unwrap();
        let matching = entries.iter().filter(|((at, key), _)| *at == column && key.starts_with(prefix));
        Ok(matching.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }
}

fn genesis() -> ReplicatedState {
    let genesis = Genesis::local("test", Vec::new());
    let subnet = SubnetId(Principal::from_slice(&[9; 29]));
    let nodes = [1u8, 2].map(|n| (NodeId(Principal::from_slice(&[n; 29])), [n; 32]));
    ReplicatedState::genesis(&genesis, &[7; 133], subnet, &nodes).unwrap()
}

fn full() -> ReplicatedState {
    let mut state = genesis();
    fill(&mut state);
    state
}

/// A state with something of everything, and the one before it.
pub(super) fn filled() -> (ReplicatedState, ReplicatedState) {
    let before = genesis();
    let mut state = before.clone();
    fill(&mut state);
    (state, before)
}

/// Adds something of everything.
fn fill(state: &mut ReplicatedState) {
    let controller = Principal::from_slice(&[1, 2, 3]);
    let mut canister = CanisterState::new(
        Settings::with_controllers(vec![controller]),
        Cycles(u128::from(u64::MAX) + 5),
        Time(3),
    );
    let record = ModuleRecord {
        exports: ["canister_update inc".to_owned(), GLOBAL_TIMER.to_owned()].into(),
        metadata: [("candid:service".to_owned(), Metadata { public: true, content: b"service {}".to_vec() })]
            .into(),
        bytes: 3,
    };
    let content = Blob::held(Arc::from([1u8, 2, 3].as_slice()));
    let module = Arc::new(Module::new(Digest([4; 32]), record, content));
    canister.record.module_hash = Some(module.hash);
    canister.module = Some(module.clone());
    canister.heap.set(7, Some(Arc::new([5; limits::PAGE_BYTES]))).unwrap();
    canister.stable.set(1 << 30, Some(Arc::new([6; limits::PAGE_BYTES]))).unwrap();
    canister.record.heap_wasm_pages = 1;
    canister.record.globals = vec![Global::V128(1 << 100), Global::F32(0x7fc0_0001)];
    canister.record.global_timer = Time(99);
    canister.record.certified_data = vec![1; 32];
    canister.record.chunks.insert(Digest([8; 32]), 2);
    canister.queue.push(Message::Ingress(Arc::new(ingress(1))));
    canister.queue.push(Message::Ingress(Arc::new(ingress(2))));
    canister.held.push(Message::Ingress(Arc::new(ingress(4))));
    canister.log.push(Time(4), b"hello".to_vec());
    canister.snapshots.insert(0, Arc::new(snapshot(&canister)));
    state.add_module(module.clone());
    state.add_module(module);
    state.put_chunk(CanisterId(5), Digest([8; 32]), Arc::from([1u8, 2].as_slice()));
    state.put_canister(CanisterId(5), canister);
    state.management.push(Message::Ingress(Arc::new(ingress(3))));
    state.set_history(RequestId([1; 32]), entry(IngressStatus::Received));
    state.set_history(RequestId([2; 32]), entry(IngressStatus::Replied(b"ok".to_vec())));
}

/// What is taken of the canister.
fn snapshot(canister: &CanisterState) -> Snapshot {
    let record = &canister.record;
    Snapshot {
        record: SnapshotRecord {
            source: SnapshotSource::TakenFromCanister,
            taken: Time(4),
            canister_version: record.canister_version,
            module_hash: record.module_hash,
            module_bytes: 3,
            module_root: Digest::ZERO,
            module_layers: Layers::default(),
            globals: record.globals.clone(),
            heap_root: record.heap_root,
            heap_layers: record.heap_layers.clone(),
            heap_wasm_pages: record.heap_wasm_pages,
            stable_root: record.stable_root,
            stable_layers: record.stable_layers.clone(),
            stable_wasm_pages: record.stable_wasm_pages,
            certified_data: record.certified_data.clone(),
            global_timer: Some(record.global_timer),
            hook: Some(record.low_memory_hook),
            chunks: record.chunks.clone(),
        },
        module: canister.module.clone(),
        module_pages: PageMap::new(),
        heap: canister.heap.clone(),
        stable: canister.stable.clone(),
    }
}

/// Canister 5 in the middle of the installation of a module that nobody runs yet.
fn pause(state: &mut ReplicatedState) {
    let record = ModuleRecord { exports: Default::default(), metadata: Default::default(), bytes: 2 };
    let content = Blob::held(Arc::from([6u8, 6].as_slice()));
    let module = Arc::new(Module::new(Digest([6; 32]), record, content));
    let install = Install {
        origin: Origin::Ingress { id: RequestId([1; 32]), sender: Principal::anonymous() },
        cycles: Cycles(5),
        mode: crate::encoding::management::InstallMode::Upgrade(None),
        module_hash: module.hash,
        compile_cost: Instructions(3),
        arg: vec![1, 2],
        sender_canister_version: None,
    };
    state.add_module(module);
    let number = state.next_place();
    state.change_canister(CanisterId(5), |canister| {
        canister.record.granted = Some(Instructions(7));
        canister.paused = Some(Arc::new(Paused {
            number,
            task: Task::Install(Box::new(install)),
            moment: Moment {
                time: Time(3),
                memory_max: Bytes(9),
                guaranteed_calls_room: 8,
                mint_room: Cycles(1),
                tariff: Tariff::default(),
            },
            before: canister.record.clone(),
            prepaid: Cycles(8),
        }));
    });
}

#[test]
fn a_paused_run_restores_with_its_module_and_is_written_once() {
    let shelf = Arc::new(Shelf::default());
    let mut state = genesis();
    advance(&mut state, &shelf, |state| {
        fill(state);
        pause(state);
    });
    let restored = ReplicatedState::restore(shelf.snapshot()).unwrap();
    assert_eq!(restored.root(), state.root());
    let paused = restored.paused(CanisterId(5)).unwrap();
    assert_eq!(paused, state.paused(CanisterId(5)).unwrap());
    assert_eq!(paused.cycles(), Cycles(13));
    assert_eq!((restored.under_way(), restored.next_place()), (vec![CanisterId(5)], 1));
    assert_eq!((restored.next_active(None), restored.due_timers(Time(99))), (None, vec![]));
    let module = restored.module(&Digest([6; 32])).unwrap();
    assert_eq!(&*module.content.load().unwrap(), &[6, 6]);
    let written =
        |delta: &StateDelta| delta.writes.iter().any(|write| write.key == key::paused(CanisterId(5)));
    let delta = advance(&mut state, &shelf, |state| {
        state.change_canister(CanisterId(5), |canister| canister.record.granted = Some(Instructions(8)));
    });
    assert!(!written(&delta));
    let delta = advance(&mut state, &shelf, |state| {
        state.change_canister(CanisterId(5), |canister| {
            canister.paused = None;
            canister.record.granted = None;
        });
        state.release_module(&Digest([6; 32]));
    });
    assert!(written(&delta));
    let restored = ReplicatedState::restore(shelf).unwrap();
    assert_eq!((restored.root(), restored.paused_count()), (state.root(), 0));
    assert_eq!(restored.due_timers(Time(99)), [CanisterId(5)]);
}

fn ingress(n: u8) -> Ingress {
    let call = UserCall {
        canister_id: CanisterId(5).principal(),
        method_name: "inc".into(),
        arg: vec![n],
        sender: Principal::anonymous(),
        ingress_expiry: Time(1_000),
        nonce: Some(vec![n]),
        sender_info: None,
    };
    Ingress { id: RequestId([n; 32]), call }
}

fn entry(status: IngressStatus) -> HistoryEntry {
    HistoryEntry {
        sender: Principal::anonymous(),
        receiver: CanisterId(5).principal(),
        expiry: Time(1_000),
        completed: Time::ZERO,
        status,
    }
}

/// Seals `changes` as the next height and writes its delta.
fn advance(
    state: &mut ReplicatedState,
    shelf: &Shelf,
    changes: impl FnOnce(&mut ReplicatedState),
) -> StateDelta {
    let before = state.clone();
    state.counters.height = state.counters.height.next();
    state.counters.time = Time(state.counters.time.0 + 1);
    changes(state);
    let (delta, root) = state.seal(&before).unwrap();
    assert_eq!(root, state.root());
    shelf.write(&delta);
    delta
}

#[test]
fn what_was_written_restores_to_the_same_root() {
    let shelf = Arc::new(Shelf::default());
    let mut state = genesis();
    advance(&mut state, &shelf, fill);
    let restored = ReplicatedState::restore(shelf.clone()).unwrap();
    assert_eq!(restored.root(), state.root());
    assert_eq!(restored.next_active(None), Some(CanisterId(5)));
    assert_eq!(restored.due_timers(Time(99)), [CanisterId(5)]);
    assert_eq!(restored.allocated(), state.allocated());
    assert_eq!(&*restored.chunk(CanisterId(5), &Digest([8; 32])).unwrap().load().unwrap(), &[1, 2]);
    let canister = restored.canister(CanisterId(5)).unwrap();
    assert_eq!(canister.record, state.canister(CanisterId(5)).unwrap().record);
    assert_eq!(&*canister.module.as_ref().unwrap().content.load().unwrap(), &[1, 2, 3]);
    assert_eq!(canister.heap.get(7).unwrap().unwrap()[0], 5);
}

#[test]
fn a_restored_state_goes_on_as_the_one_that_ran_through() {
    let shelf = Arc::new(Shelf::default());
    let mut state = genesis();
    advance(&mut state, &shelf, fill);
    let mut restored = ReplicatedState::restore(shelf.snapshot()).unwrap();
    let change = |state: &mut ReplicatedState| {
        state.change_canister(CanisterId(5), |canister| {
            canister.queue.pop();
            canister.record.cycles = Cycles(1);
            canister.heap.set(7, None).unwrap();
        });
        state.set_history(RequestId([1; 32]), entry(IngressStatus::Done));
        state.management.pop();
    };
    let ran = advance(&mut state, &shelf, change);
    let again = advance(&mut restored, &Shelf::default(), change);
    assert_eq!(ran, again);
    assert_eq!(state.root(), restored.root());
}

#[test]
fn deleting_leaves_nothing_behind() {
    let shelf = Shelf::default();
    let mut state = genesis();
    advance(&mut state, &shelf, |_| ());
    let empty = shelf.0.lock().unwrap().keys().cloned().collect::<Vec<_>>();
    let tree = state.tree().subtree(&[b"canister"]).is_some();
    advance(&mut state, &shelf, fill);
    advance(&mut state, &shelf, |state| {
        state.remove_canister(CanisterId(5));
        state.release_module(&Digest([4; 32]));
        state.release_module(&Digest([4; 32]));
        state.release_chunks(CanisterId(5), [Digest([8; 32])]);
        state.remove_history(RequestId([1; 32]));
        state.remove_history(RequestId([2; 32]));
        state.management.pop();
    });
    assert_eq!(shelf.0.lock().unwrap().keys().cloned().collect::<Vec<_>>(), empty);
    assert_eq!(state.tree().subtree(&[b"canister"]).is_some(), tree);
    assert_eq!((state.allocated(), state.active_count()), (Allocated::default(), 0));
}

#[test]
fn a_canister_made_again_with_the_same_id_keeps_nothing_of_the_old_one() {
    let shelf = Arc::new(Shelf::default());
    let mut state = genesis();
    advance(&mut state, &shelf, fill);
    advance(&mut state, &shelf, |state| {
        state.remove_canister(CanisterId(5));
        let mut canister = CanisterState::new(Settings::with_controllers(vec![]), Cycles(9), Time(8));
        canister.queue.push(Message::Ingress(Arc::new(ingress(7))));
        state.put_canister(CanisterId(5), canister);
    });
    let restored = ReplicatedState::restore(shelf).unwrap();
    assert_eq!(restored.root(), state.root());
    let messages: Vec<_> = restored.canister(CanisterId(5)).unwrap().queue.iter().cloned().collect();
    assert_eq!(messages, [Arc::new(Message::Ingress(Arc::new(ingress(7))))]);
}

/// Changes canister 5, checks that what is on disk restores to it, and returns how many pages were written.
fn step(
    state: &mut ReplicatedState,
    shelf: &Arc<Shelf>,
    change: impl FnOnce(&mut CanisterState),
) -> (usize, usize) {
    let delta = advance(state, shelf, |state| {
        state.change_canister(CanisterId(5), change).unwrap();
    });
    let restored = ReplicatedState::restore(shelf.snapshot()).unwrap();
    assert_eq!(restored.root(), state.root());
    let [kept, found] = [&*state, &restored].map(|state| state.canister(CanisterId(5)).unwrap());
    assert_eq!(kept.heap.pages().unwrap(), found.heap.pages().unwrap());
    for (number, snapshot) in &kept.snapshots {
        let found = found.snapshots.get(number).unwrap();
        assert_eq!(snapshot.heap.pages().unwrap(), found.heap.pages().unwrap());
        assert_eq!(snapshot.stable.pages().unwrap(), found.stable.pages().unwrap());
    }
    (delta.writes.iter().filter(|write| write.column == Column::Page).count(), delta.dropped.len() / 2)
}

fn set_heap(canister: &mut CanisterState, index: u64, byte: u8) {
    canister.heap.set(index, Some(Arc::new([byte; limits::PAGE_BYTES]))).unwrap();
}

fn take(canister: &mut CanisterState, number: u64) {
    let snapshot = snapshot(canister);
    canister.snapshots.insert(number, Arc::new(snapshot));
}

#[test]
fn a_snapshot_shares_its_pages_on_disk_until_they_differ() {
    let shelf = Arc::new(Shelf::default());
    let mut state = genesis();
    advance(&mut state, &shelf, fill);
    let check = |state: &mut ReplicatedState, change: &dyn Fn(&mut CanisterState), expected| {
        assert_eq!(step(state, &shelf, change), expected);
    };
    check(&mut state, &|canister| canister.snapshots.clear(), (0, 0));
    check(&mut state, &|canister| (10..20).for_each(|index| set_heap(canister, index, 1)), (10, 0));
    check(&mut state, &|canister| take(canister, 1), (0, 0));
    check(&mut state, &|canister| set_heap(canister, 10, 2), (1, 0));
    check(&mut state, &|canister| canister.heap.set(11, None).unwrap(), (1, 0));
    check(
        &mut state,
        &|canister| {
            set_heap(canister, 12, 3);
            take(canister, 2);
        },
        (1, 0),
    );
    check(
        &mut state,
        &|canister| {
            let snapshot = canister.snapshots.get(&1).unwrap().clone();
            canister.heap = snapshot.heap.clone();
            canister.record.heap_layers = snapshot.record.heap_layers.clone();
        },
        (0, 0),
    );
    check(&mut state, &|canister| set_heap(canister, 13, 4), (1, 0));
    check(&mut state, &|canister| drop(canister.snapshots.remove(&2)), (0, 2));
    check(&mut state, &|canister| canister.clear_heap(), (0, 1));
    check(&mut state, &|canister| drop(canister.snapshots.remove(&1)), (0, 1));
}

#[test]
fn many_layers_are_put_together_as_the_canister_is_used() {
    let shelf = Arc::new(Shelf::default());
    let mut state = genesis();
    advance(&mut state, &shelf, fill);
    step(&mut state, &shelf, |canister| {
        (0..limits::SETTLE_PAGES as u64 + 10).for_each(|index| set_heap(canister, 100 + index, 9));
    });
    for n in 0..20u8 {
        step(&mut state, &shelf, |canister| {
            canister.snapshots.clear();
            take(canister, u64::from(n) + 1);
        });
        for _ in 0..3 {
            step(&mut state, &shelf, |canister| set_heap(canister, u64::from(n), n + 1));
        }
        let canister = state.canister(CanisterId(5)).unwrap();
        assert!(canister.record.heap_layers.volumes.len() <= limits::LAYERS_SETTLED_MAX + 3);
    }
    step(&mut state, &shelf, |canister| canister.snapshots.clear());
    for n in 0..3u8 {
        step(&mut state, &shelf, |canister| set_heap(canister, 50, n + 1));
    }
    let (delta, volumes) = (state.canister(CanisterId(5)).unwrap(), shelf.0.lock().unwrap());
    let on_disk: std::collections::BTreeSet<_> = volumes
        .keys()
        .filter(|(column, _)| *column == Column::Page)
        .map(|(_, key)| key[..8].to_vec())
        .collect();
    let listed = delta.record.heap_layers.volumes.len() + delta.record.stable_layers.volumes.len();
    assert_eq!(on_disk.len(), listed, "volumes that nobody lists are dropped");
}

#[test]
fn a_height_without_changes_writes_only_the_counters() {
    let mut state = full();
    let shelf = Shelf::default();
    advance(&mut state, &shelf, |_| ());
    let delta = advance(&mut state, &shelf, |_| ());
    let keys: Vec<_> = delta.writes.iter().map(|write| write.key.as_slice()).collect();
    assert_eq!(keys, [key::COUNTERS]);
}

#[test]
fn every_record_that_changes_changes_the_root() {
    let check = |change: &dyn Fn(&mut ReplicatedState)| {
        let (mut plain, mut changed) = (full(), full());
        advance(&mut plain, &Shelf::default(), |_| ());
        advance(&mut changed, &Shelf::default(), change);
        assert_ne!(plain.root(), changed.root());
    };
    let canister = |change: fn(&mut CanisterState)| {
        move |state: &mut ReplicatedState| {
            state.change_canister(CanisterId(5), change).unwrap();
        }
    };
    check(&canister(|canister| canister.record.cycles = Cycles(1)));
    check(&canister(|canister| canister.record.next_callback = 1));
    check(&canister(|canister| canister.stable.set(0, Some(Arc::new([1; 4096]))).unwrap()));
    check(&canister(|canister| canister.queue.pop().map(|_| ()).unwrap()));
    check(&canister(|canister| canister.queue.push(Message::Ingress(Arc::new(ingress(9))))));
    check(&canister(|canister| canister.log.push(Time(5), b"more".to_vec())));
    check(&canister(|canister| canister.snapshots.clear()));
    check(&canister(|canister| {
        let snapshot = canister.snapshots.get_mut(&0).unwrap();
        let page = Some(Arc::new([1; limits::PAGE_BYTES]));
        Arc::make_mut(snapshot).stable.set(3, page).unwrap();
    }));
    check(&canister(|canister| canister.record.frozen = Some(frozen())));
    check(&|state| state.set_tariff(Tariff { call: Cycles(1), ..Tariff::default() }));
    check(&|state| state.count_duties(&batch(1)));
    check(&|state| state.sample_duties(Instructions(1)));
    check(&|state| state.counters.burned = Cycles(1));
    check(&|state| state.management.push(Message::Ingress(Arc::new(ingress(9)))));
    check(&|state| {
        let entry = HistoryEntry { expiry: Time(5), ..entry(IngressStatus::Received) };
        state.set_history(RequestId([1; 32]), entry);
    });
}

#[test]
fn damage_on_disk_is_named_and_never_a_panic() {
    let check = |column: Column, key: Vec<u8>, value: Option<&'static [u8]>| {
        let shelf = Arc::new(Shelf::default());
        let mut state = full();
        advance(&mut state, &shelf, |_| ());
        let value = value.map(Bytes::from_static);
        shelf.write(&StateDelta {
            height: Height(2),
            writes: vec![Write { column, key, value }],
            dropped: vec![],
        });
        let error = ReplicatedState::restore(shelf).err().expect("damage must be found");
        assert!(error.to_string().contains("disk"), "{error}");
    };
    check(Column::Subnet, key::COUNTERS.to_vec(), None);
    check(Column::Subnet, key::COUNTERS.to_vec(), Some(b"\xff"));
    check(Column::Subnet, key::management(0), None);
    check(Column::Subnet, key::PRICES.to_vec(), Some(b"x"));
    check(Column::Subnet, key::DUTIES.to_vec(), Some(b"x"));
    check(Column::Subnet, key::sample(0), Some(b"x"));
    check(Column::Canister, key::canister(CanisterId(5)), Some(b""));
    check(Column::Canister, key::canister(CanisterId(5)), None);
    check(Column::Canister, key::belonging(CanisterId(5), key::MESSAGE, 0), None);
    check(Column::Canister, key::belonging(CanisterId(5), key::LOG, 0), None);
    check(Column::Canister, key::belonging(CanisterId(5), key::SNAPSHOT, 0), Some(b"x"));
    check(Column::Canister, key::belonging(CanisterId(5), b'?', 0), Some(b"x"));
    check(Column::Canister, key::belonging(CanisterId(5), key::HELD, 0), None);
    check(Column::Canister, key::paused(CanisterId(5)), Some(b"x"));
    check(Column::Canister, vec![1, 2], Some(b"x"));
    check(Column::Module, key::module_record(&Digest([4; 32])), None);
    check(Column::History, vec![1], Some(b"x"));
}

#[test]
fn the_encoding_of_records_is_pinned() {
    let hash = |bytes: Vec<u8>| crate::crypto::hash::sha256(&bytes).to_string();
    let state = full();
    let canister = &state.canister(CanisterId(5)).unwrap().record;
    let entry = entry(IngressStatus::Replied(b"ok".to_vec()));
    let digests = [
        hash(record::encode(canister).unwrap()),
        hash(record::encode(&entry).unwrap()),
        hash(record::encode(&state.counters).unwrap()),
        hash(record::encode(state.subnet()).unwrap()),
        hash(record::encode(&Message::Ingress(Arc::new(ingress(1)))).unwrap()),
    ];
    let pinned = [
        "dd16c625dcc8066b436e3e6ffb52c3c9fa9c7c30c4e5b3d93de0e6423a5ffa8d",
        "6eb64ad60e3f5587d0ffb3decdfdcbf227d1ec96346bbbe685bcebc9916893df",
        "dc9ba2942013253dbe462bb0a57c3a42e076e7d7fd29d4b9edd345b63226ecec",
        "eb7b0019fc2d72eb2f19a2f9de0b71aa93a0dd13ec1f7e8f90e669e0137e0ecf",
        "f96bd53e12f38466d36db522092cc2141fb27209a68d998a139c10f247c89213",
    ];
    assert_eq!(digests, pinned);
}

fn frozen() -> Frozen {
    Frozen { reason: "spam".into(), since: Time(7) }
}

/// Says that both nodes voted for the block before, and that the second missed a view.
fn batch(height: u64) -> Batch {
    Batch {
        height: Height(height),
        time: Time(height),
        randomness: Digest::ZERO,
        proposer: NodeIndex(0),
        voters: vec![NodeIndex(0), NodeIndex(1)],
        missed: vec![NodeIndex(1)],
        ingress: Vec::new(),
        system: Vec::new(),
    }
}

#[test]
fn the_tree_shows_the_subnet_as_the_interface_spec_says() {
    let state = genesis();
    let id = [9u8; 29];
    let leaf = |path: &[&[u8]]| state.tree().leaf(path).map(<[u8]>::to_vec);
    let ranges = hex::decode("d9d9f781824a000000000000000001014affffffffffffffff0101").unwrap();
    assert_eq!(leaf(&[b"time"]), Some(vec![0]));
    assert_eq!(leaf(&[b"subnet", &id, b"public_key"]), Some(vec![7; 133]));
    assert_eq!(leaf(&[b"subnet", &id, b"canister_ranges"]), Some(ranges.clone()));
    assert_eq!(leaf(&[b"canister_ranges", &id, &ranges[6..16]]), Some(ranges));
    assert_eq!(leaf(&[b"subnet", &id, b"type"]), Some(b"application".to_vec()));
    let key = leaf(&[b"subnet", &id, b"node", &[2; 29], b"public_key"]).unwrap();
    assert_eq!(hex::encode(&key), format!("302a300506032b6570032100{}", "02".repeat(32)));
}

/// JavaScript agents dereference every fork below it, pruned ones too (INTEROP.md §2.6).
#[test]
fn the_nodes_of_the_subnet_are_revealed_without_a_pruned_one() {
    let state = genesis();
    let id = vec![9u8; 29];
    for path in [vec![b"subnet".to_vec()], vec![b"subnet".to_vec(), id.clone(), b"node".to_vec()]] {
        let witness = state.tree().witness(&[path]);
        let Lookup::Found(nodes) = witness.lookup_subtree(&[b"subnet", &id, b"node"]) else { panic!() };
        assert_eq!(nodes.labels(), [[1; 29], [2; 29]]);
        assert_eq!(nodes.leaves().len(), 2);
        assert!(!format!("{nodes:?}").contains("Pruned"));
    }
}

#[test]
fn the_tree_shows_metrics_of_which_the_bytes_are_measured_every_ten_heights() {
    let mut state = genesis();
    let shelf = Shelf::default();
    let path: [&[u8]; 3] = [b"subnet", &[9; 29], b"metrics"];
    let metrics = |state: &ReplicatedState| {
        let leaf = state.tree().leaf(&path).expect("always there");
        let value: ciborium::Value = ciborium::from_reader(leaf).expect("CBOR");
        let map = value.into_map().expect("a map");
        let number =
            |value: &ciborium::Value| value.as_integer().and_then(|number| u64::try_from(number).ok());
        let field =
            |name: &str| &map.iter().find(|(key, _)| key.as_text() == Some(name)).expect("the field").1;
        let halves = field("consumed_cycles_total").as_map().expect("a map of halves");
        let halves: Vec<_> = halves.iter().map(|(key, half)| (number(key), number(half))).collect();
        let names = ["num_canisters", "canister_state_bytes", "update_transactions_total"];
        (names.map(|name| number(field(name)).expect("a number")), halves)
    };
    assert_eq!(metrics(&state), ([0, 0, 0], vec![(Some(0), Some(0))]));
    advance(&mut state, &shelf, fill);
    advance(&mut state, &shelf, |state| {
        state.counters.messages = 5;
        state.counters.burned = Cycles((3 << 64) + 7);
    });
    let halves = vec![(Some(0), Some(7)), (Some(1), Some(3))];
    assert_eq!(metrics(&state), ([1, 0, 5], halves.clone()));
    let held = state.allocated().bytes;
    while state.height() < Height(10) {
        assert_eq!(metrics(&state).0[1], 0);
        advance(&mut state, &shelf, |_| ());
    }
    assert!(held > 0);
    assert_eq!(metrics(&state), ([1, held, 5], halves));
}

#[test]
fn the_tree_shows_canisters_and_calls() {
    let mut state = genesis();
    advance(&mut state, &Shelf::default(), |state| {
        fill(state);
        let reject = Reject::new(ErrorCode::CanisterTrapped, "boom");
        state.set_history(RequestId([3; 32]), entry(IngressStatus::Rejected(reject)));
    });
    let id = CanisterId(5).principal();
    let canister = |label: &[u8]| state.tree().leaf(&[b"canister", id.as_slice(), label]).map(<[u8]>::to_vec);
    assert_eq!(canister(b"module_hash"), Some(vec![4; 32]));
    assert_eq!(canister(b"certified_data"), Some(vec![1; 32]));
    assert_eq!(canister(b"controllers"), Some(hex::decode("d9d9f78143010203").unwrap()));
    let metadata: [&[u8]; 4] = [b"canister", id.as_slice(), b"metadata", b"candid:service"];
    assert_eq!(state.tree().leaf(&metadata), Some(b"service {}".as_slice()));
    let call =
        |n: u8, label: &[u8]| state.tree().leaf(&[b"request_status", &[n; 32], label]).map(<[u8]>::to_vec);
    assert_eq!(call(1, b"status"), Some(b"received".to_vec()));
    assert_eq!(call(2, b"status"), Some(b"replied".to_vec()));
    assert_eq!(call(2, b"reply"), Some(b"ok".to_vec()));
    assert_eq!(call(3, b"status"), Some(b"rejected".to_vec()));
    assert_eq!(call(3, b"reject_code"), Some(vec![5]));
    assert_eq!(call(3, b"reject_message"), Some(b"boom".to_vec()));
    assert_eq!(call(3, b"error_code"), Some(b"IC0502".to_vec()));
    assert_eq!(canister(b"canister_creation_timestamp"), Some(vec![3]));
    for (status, shown) in [(IngressStatus::Processing, "processing"), (IngressStatus::Done, "done")] {
        let mut state = state.clone();
        advance(&mut state, &Shelf::default(), |state| state.set_history(RequestId([2; 32]), entry(status)));
        let subtree = state.tree().subtree(&[b"request_status", &[2; 32]]).expect("known");
        assert_eq!(subtree.labels(), [b"status"]);
        assert_eq!(subtree.leaf(&[b"status"]), Some(shown.as_bytes()));
    }
}

#[test]
fn history_changes_with_time_at_the_moments_of_its_rules() {
    let mut history = History::default();
    let id = RequestId([1; 32]);
    history.set(id, entry(IngressStatus::Received));
    assert_eq!((history.due_before(Time(1_000)), history.due_before(Time(1_001))), (None, Some(id)));
    history.set(id, entry(IngressStatus::Processing));
    assert_eq!(history.due_before(Time(u64::MAX)), None);
    history.set(id, HistoryEntry { completed: Time(10), ..entry(IngressStatus::Replied(vec![])) });
    let forgotten = Time(10).plus_ms(limits::INGRESS_TTL_MS);
    assert_eq!(history.due_before(forgotten), None);
    assert_eq!(history.due_before(Time(forgotten.0 + 1)), Some(id));
    history.remove(&id);
    assert_eq!((history.due_before(Time(u64::MAX)), history.len()), (None, 0));
}

#[test]
fn answers_beyond_the_bound_are_forgotten_oldest_first() {
    let mut history = History::default();
    let answer = |completed: u64, bytes: u64| HistoryEntry {
        completed: Time(completed),
        ..entry(IngressStatus::Replied(vec![0; bytes as usize]))
    };
    let half = limits::INGRESS_HISTORY_BYTES_MAX / 2;
    history.set(RequestId([2; 32]), answer(20, half));
    history.set(RequestId([1; 32]), answer(30, half));
    assert_eq!(history.excess(), None);
    history.set(RequestId([3; 32]), answer(10, 1));
    assert_eq!(history.excess(), Some(RequestId([3; 32])));
    history.set(RequestId([3; 32]), HistoryEntry { status: IngressStatus::Done, ..answer(10, 0) });
    assert_eq!(history.excess(), None);
}

#[test]
fn bytes_of_waiting_messages_are_counted_until_they_leave() {
    let mut state = genesis();
    fill(&mut state);
    let waiting = 4;
    assert_eq!(state.queue_bytes(), waiting);
    state.change_canister(CanisterId(5), |canister| canister.queue.pop());
    state.management.pop();
    assert_eq!(state.queue_bytes(), waiting - 2, "one in the queue, one held back");
    state.remove_canister(CanisterId(5));
    assert_eq!(state.queue_bytes(), 0);
}
