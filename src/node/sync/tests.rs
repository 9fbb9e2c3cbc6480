//! Fetches from peers that answer at once, lie, keep silent or vanish; and the change of directories.

mod errand;
mod newer;

use super::super::checkpoint::Checkpoints;
use super::super::tests::first_state;
use super::*;
use crate::crypto::hash::{hash_block, sha256};
use crate::execution::module_record;
use crate::state::transfer::{Item, Part};
use crate::state::*;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;
use tempfile::TempDir;

const CHAIN: ChainId = Digest([7; 32]);
const SIGNATURE: BlsBytes = BlsBytes([3; 48]);
const HEIGHT: Height = Height(20);
const PATIENCE: Duration = Duration::from_millis(300);

/// How a peer behaves.
#[derive(Clone, Copy)]
enum Manner {
    Honest,
    Silent,
    /// Has not got the state.
    Ignorant,
    /// Spoils the parts for which this is said.
    Lying(fn(&mut Part)),
}

/// A network whose peers are asked and answer in the same moment.
struct Fake {
    manners: Vec<Manner>,
    offers: Checkpoints,
    /// How many parts are sent before all vanish.
    parts: Mutex<usize>,
    door: Mutex<Option<SyncSender<News>>>,
}

impl Ask for Fake {
    fn peers(&self) -> Vec<NodeIndex> {
        (0..).map(NodeIndex).take(self.manners.len()).collect()
    }

    fn ask(&self, peer: NodeIndex, request: StateRequest) {
        let manner = self.manners[usize::from(peer.0)];
        let mut left = self.parts.lock().unwrap();
        let mut door = self.door.lock().unwrap();
        if matches!(manner, Manner::Silent) || door.is_none() {
            return;
        }
        let item = Item::decode(&request.item).unwrap();
        let part = self.offers.part(request.height, &item, Instant::now()).unwrap();
        let part = part.filter(|_| !matches!(manner, Manner::Ignorant)).map(|bytes| {
            let mut part = Part::decode(&bytes).unwrap();
            if let Manner::Lying(spoil) = manner {
                spoil(&mut part);
            }
            part.encode().unwrap().into()
        });
        let message = PeerMessage::StatePart(StatePart { id: request.id, part });
        door.as_ref().unwrap().send(News::Part(Received::new(peer, message), door::Place::new())).unwrap();
        *left -= 1;
        if *left == 0 {
            *door = None;
        }
    }
}

fn page(seed: u64) -> Option<Page> {
    let mut page = [0u8; limits::PAGE_BYTES];
    for (place, bytes) in page.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *bytes = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ place as u64).to_be_bytes();
    }
    Some(Arc::new(page))
}

/// Some canisters with modules, chunks, pages and a snapshot.
fn fill(state: &mut ReplicatedState, pages: u64) {
    let engine = Engine::new(None);
    for number in 0..3 {
        let id = CanisterId(number);
        let mut canister =
            CanisterState::new(Settings::with_controllers(Vec::new()), Cycles(1 << 70), Time(3));
        let content =
            wat::parse_str(format!("(module (memory 1) (data (i32.const 0) \"{number}\"))")).unwrap();
        let facts = engine.check(&content).unwrap();
        let record = module_record(&content, &facts);
        let module = Arc::new(Module::new(facts.hash, record, Blob::held(Arc::from(content))));
        canister.record.module_hash = Some(module.hash);
        canister.module = Some(module.clone());
        state.add_module(module);
        let chunk: Arc<[u8]> = Arc::from([number as u8; 100]);
        let hash = sha256(&chunk);
        canister.record.chunks.insert(hash, 100);
        state.put_chunk(id, hash, chunk);
        for index in 0..pages {
            canister.heap.set(index, page(number * 10_000 + index)).unwrap();
        }
        canister.stable.set(1 << 20, page(9)).unwrap();
        canister.record.heap_wasm_pages = u32::try_from(pages.div_ceil(16)).unwrap();
        canister.record.stable_wasm_pages = (1 << 16) + 1;
        state.put_canister(id, canister);
    }
}

/// A disk with a state of [`HEIGHT`] that grew over some heights.
struct Place {
    dir: TempDir,
    rocks: Arc<Rocks>,
    state: ReplicatedState,
}

fn place() -> Place {
    let dir = TempDir::new().unwrap();
    let rocks = Arc::new(Rocks::open(&dir.path().join(CURRENT), &CHAIN, Votes::None).unwrap());
    Place { dir, rocks, state: first_state() }
}

impl Place {
    /// Seals and commits heights up to `height`; what is to be new is done to the first of them.
    fn advance(&mut self, height: Height, change: impl FnOnce(&mut ReplicatedState)) {
        let mut change = Some(change);
        while self.state.height() < height {
            let before = self.state.clone();
            self.state.counters.height = before.height().next();
            self.state.counters.time = Time(self.state.counters.height.0);
            if let Some(change) = change.take() {
                change(&mut self.state);
            }
            let (delta, root) = self.state.seal(&before).unwrap();
            self.rocks.commit(&delta, root).unwrap();
        }
    }

    /// The state of a memory also in a snapshot, and other pages on top of it.
    fn branch_off(&mut self) {
        let next = self.state.height().next();
        self.advance(next, |state| {
            let mut canister = state.canister(CanisterId(1)).unwrap().as_ref().clone();
            let record = &canister.record;
            let snapshot = Snapshot {
                record: SnapshotRecord {
                    source: SnapshotSource::TakenFromCanister,
                    taken: Time(4),
                    canister_version: 1,
                    module_hash: record.module_hash,
                    module_bytes: 3,
                    module_root: Digest::ZERO,
                    module_layers: Layers::default(),
                    globals: Vec::new(),
                    heap_root: record.heap_root,
                    heap_layers: record.heap_layers.clone(),
                    heap_wasm_pages: record.heap_wasm_pages,
                    stable_root: record.stable_root,
                    stable_layers: record.stable_layers.clone(),
                    stable_wasm_pages: record.stable_wasm_pages,
                    certified_data: Vec::new(),
                    global_timer: None,
                    hook: None,
                    chunks: Default::default(),
                },
                module: canister.module.clone(),
                module_pages: PageMap::new(),
                heap: canister.heap.clone(),
                stable: canister.stable.clone(),
            };
            state.add_module(canister.module.clone().unwrap());
            canister.snapshots.insert(0, Arc::new(snapshot));
            state.put_canister(CanisterId(1), canister);
        });
        let next = self.state.height().next();
        self.advance(next, |state| {
            state.change_canister(CanisterId(1), |canister| {
                canister.heap.set(0, None).unwrap();
                canister.heap.set(1, page(77)).unwrap();
            });
        });
    }

    fn full() -> Place {
        let mut place = place();
        place.advance(Height(1), |state| fill(state, 700));
        place.branch_off();
        place.advance(HEIGHT, |_| ());
        place
    }

    fn package(&self) -> ChainSegment {
        let (height, root) = (self.state.height(), self.state.root());
        let block = Block {
            view: View(height.0 + 2),
            height,
            parent: Digest([1; 32]),
            parent_view: View(height.0),
            proposer: NodeIndex(0),
            time: Time(height.0),
            attendance: Attendance::default(),
            payload: Payload::default(),
        };
        let (view, hash) = (block.view, hash_block(&block));
        ChainSegment {
            blocks: vec![(Arc::new(block), RandomBeacon { view, signature: SIGNATURE })],
            finalization: Finalization { view, block: hash, signature: SIGNATURE },
            certification: Some(Certification { height, root, signature: SIGNATURE }),
        }
    }

    fn offers(&self) -> Checkpoints {
        let offers = Checkpoints::open(self.dir.path()).unwrap();
        self.offer(&offers, Instant::now());
        offers
    }

    /// The state as it is now becomes the newest offer.
    fn offer(&self, offers: &Checkpoints, now: Instant) {
        let package = self.package();
        offers.freeze(&self.rocks, self.state.clone()).unwrap();
        let frozen = offers.take(&package.certification.unwrap()).unwrap().unwrap();
        offers.offer(frozen, package, now).unwrap();
    }
}

/// The thread of `own` that fetches over this network.
fn syncing<N>(own: &Place, net: N) -> Sync<N> {
    Sync {
        data_dir: own.dir.path().to_path_buf(),
        chain: CHAIN,
        rocks: own.rocks.clone(),
        engine: Arc::new(Engine::new(None)),
        net: Arc::new(net),
        metrics: Arc::new(Metrics::new().unwrap()),
        patience: PATIENCE,
    }
}

/// Lets `own` fetch the state of `other` from peers of these manners, of which all vanish after so many parts.
fn fetch(own: &Place, other: &Place, manners: &[Manner], parts: usize) -> (Outcome, [u64; 2]) {
    let (door, news) = sync_channel(1 << 12);
    let net = Fake {
        manners: manners.to_vec(),
        offers: other.offers(),
        parts: Mutex::new(parts),
        door: Mutex::new(Some(door)),
    };
    let sync = syncing(own, net);
    let outcome = sync.fetch(&other.package(), &news).unwrap();
    let text = sync.metrics.render();
    let bytes = ["peers", "disk"].map(|from| {
        let name = format!("atoll_state_sync_bytes{{from=\"{from}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |value| value.parse().unwrap())
    });
    (outcome, bytes)
}

/// After a fetch and the change of directories, `own`'s directory holds `other`'s state and chain.
fn check_taken_over(own: Place, other: &Place) {
    let Place { dir, rocks, .. } = own;
    drop(rocks);
    take_place(dir.path(), &CHAIN, Votes::MayBeLost).unwrap();
    let rocks = Rocks::open(&dir.path().join(CURRENT), &CHAIN, Votes::MayBeLost).unwrap();
    let recovered = rocks.recover().unwrap();
    assert_eq!((recovered.executed, recovered.root), (other.state.height(), Some(other.state.root())));
    assert_eq!(recovered.finalized.len(), 1);
    assert_eq!(recovered.certification, other.package().certification);
    let restored = ReplicatedState::restore(rocks.source()).unwrap();
    assert_eq!(restored.root(), other.state.root());
    for (id, canister) in other.state.canisters() {
        let pages = restored.canister(*id).unwrap().heap.pages().unwrap();
        assert_eq!(pages, canister.heap.pages().unwrap());
    }
    let left = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), [CURRENT]);
}

#[test]
fn a_state_comes_whole_from_several_peers() {
    let (own, other) = (place(), Place::full());
    let (outcome, [fetched, reused]) = fetch(&own, &other, &[Manner::Honest; 3], usize::MAX);
    assert!(matches!(outcome, Outcome::Complete), "{outcome:?}");
    let pages = 3 * 701 + 1;
    assert!(fetched > pages * limits::PAGE_BYTES as u64 && reused == 0, "{fetched} {reused}");
    check_taken_over(own, &other);
}

#[test]
fn what_was_offered_is_offered_again_after_a_restart() {
    let other = Place::full();
    drop(other.offers());
    fs::create_dir(other.dir.path().join("checkpoint-30.new")).unwrap();
    fs::create_dir(other.dir.path().join("checkpoint-7")).unwrap();
    let offers = Checkpoints::open(other.dir.path()).unwrap();
    assert_eq!(offers.package().as_deref(), Some(&other.package()));
    let part = offers.part(HEIGHT, &Item::Head, Instant::now()).unwrap();
    let head = Part::Head(ByteBuf::from(other.state.head().encode()));
    assert_eq!(part.map(|part| Part::decode(&part).unwrap()), Some(head));
    assert_eq!(offers.part(Height(7), &Item::Head, Instant::now()).unwrap(), None);
    let left = fs::read_dir(other.dir.path()).unwrap().count();
    assert_eq!(left, 2, "the chain and one checkpoint");
}

#[test]
fn a_checkpoint_that_is_damaged_is_offered_no_longer() {
    let other = Place::full();
    drop(other.offers());
    let dir = other.dir.path().join("checkpoint-20");
    for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
        if entry.file_name() != "package" {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let offers = Checkpoints::open(other.dir.path()).unwrap();
    assert_eq!(offers.part(HEIGHT, &Item::Head, Instant::now()).unwrap(), None);
    assert_eq!(offers.package(), None);
}

#[test]
fn a_state_that_is_being_fetched_is_held_beside_the_next_one() {
    let mut other = Place::full();
    let offers = other.offers();
    let start = Instant::now();
    assert!(offers.part(HEIGHT, &Item::Head, start).unwrap().is_some());
    other.advance(Height(30), |_| ());
    other.offer(&offers, start);
    for height in [HEIGHT, Height(30)] {
        assert!(offers.part(height, &Item::Head, start).unwrap().is_some());
    }
    let later = start.checked_add(Duration::from_millis(limits::CHECKPOINT_LEASE_MS)).unwrap();
    assert_eq!(offers.part(HEIGHT, &Item::Head, later).unwrap(), None);
}

#[test]
fn the_directory_of_a_state_stays_as_long_as_it_is_read() {
    let mut other = Place::full();
    drop(other.offers());
    let (offers, start) = (Checkpoints::open(other.dir.path()).unwrap(), Instant::now());
    let dir = other.dir.path().to_path_buf();
    let check = |heights: &[u64]| {
        let there = |height: &u64| dir.join(format!("checkpoint-{height}")).exists();
        let found: Vec<u64> = [20, 30, 40].into_iter().filter(there).collect();
        assert_eq!(found, heights);
    };
    check(&[20]);
    assert!(offers.part(HEIGHT, &Item::Head, start).unwrap().is_some());
    other.advance(Height(30), |_| ());
    other.offer(&offers, start);
    check(&[20, 30]);
    assert!(offers.part(HEIGHT, &Item::Head, start).unwrap().is_some());
    other.advance(Height(40), |_| ());
    other.offer(&offers, start.checked_add(Duration::from_millis(limits::CHECKPOINT_LEASE_MS)).unwrap());
    check(&[40]);
}

#[test]
fn silent_and_ignorant_peers_only_cost_time() {
    let (own, other) = (place(), Place::full());
    let manners = [Manner::Silent, Manner::Ignorant, Manner::Honest];
    assert!(matches!(fetch(&own, &other, &manners, usize::MAX).0, Outcome::Complete));
    check_taken_over(own, &other);
    let alone = fetch(&place(), &other, &manners[..2], usize::MAX).0;
    assert!(matches!(alone, Outcome::GivenUp(None)), "{alone:?}");
}

/// Each byte string of a part in which a lie may be.
const LIES: [fn(&mut Part); 10] = [
    |part| {
        if let Part::Head(tree) = part {
            *tree = ByteBuf::from(vec![0x80]);
        }
    },
    |part| {
        if let Part::Records { values, .. } = part {
            values.pop();
        }
    },
    |part| {
        if let Part::Records { values, .. } = part
            && let Some(value) = values.last_mut()
        {
            value.push(0);
        }
    },
    |part| {
        if let Part::Content { bytes, .. } = part {
            bytes[8] ^= 1;
        }
    },
    |part| {
        if let Part::Digests(entries) = part {
            entries[40] ^= 1;
        }
    },
    |part| {
        if let Part::Digests(entries) = part {
            let shorter = entries.len() - 48;
            entries.truncate(shorter);
        }
    },
    |part| {
        if let Part::Digests(entries) = part {
            let beyond = [&entries[entries.len() - 48..][..8], &[0xff; 8], &[1; 32]].concat();
            entries.extend(beyond);
        }
    },
    |part| {
        if let Part::Content { bytes, .. } = part {
            bytes.truncate(1);
        }
    },
    |part| {
        if let Part::Content { total, .. } = part {
            *total += 1;
        }
    },
    |part| {
        if let Part::Pages(pages) = part {
            pages[5_000] ^= 1;
        }
    },
];

#[test]
fn a_lying_peer_is_found_out_before_anything_of_it_is_kept() {
    let other = Place::full();
    for lie in LIES {
        let own = place();
        let (outcome, _) = fetch(&own, &other, &[Manner::Lying(lie), Manner::Honest], usize::MAX);
        assert!(matches!(outcome, Outcome::Complete), "{outcome:?}");
        check_taken_over(own, &other);
        let alone = fetch(&place(), &other, &[Manner::Lying(lie)], usize::MAX).0;
        assert!(matches!(alone, Outcome::GivenUp(None)), "{alone:?}");
    }
}

#[test]
fn a_fetch_that_was_cut_off_goes_on_with_what_is_there() {
    let (own, other) = (place(), Place::full());
    let (outcome, [first, _]) = fetch(&own, &other, &[Manner::Honest; 2], 13);
    assert!(matches!(outcome, Outcome::Stopped), "{outcome:?}");
    let (outcome, [second, reused]) = fetch(&own, &other, &[Manner::Honest; 2], usize::MAX);
    assert!(matches!(outcome, Outcome::Complete), "{outcome:?}");
    assert!(reused > 0 && second < first + second, "{first} {second} {reused}");
    check_taken_over(own, &other);
}

#[test]
fn a_newer_state_is_fetched_over_the_remains_of_an_older_one() {
    let (own, mut other) = (place(), Place::full());
    assert!(matches!(fetch(&own, &other, &[Manner::Honest; 2], 13).0, Outcome::Stopped));
    other.advance(Height(30), |state| {
        state.remove_canister(CanisterId(2));
        state.change_canister(CanisterId(0), |canister| {
            canister.heap.set(3, None).unwrap();
            canister.heap.set(4, page(5)).unwrap();
        });
    });
    let (outcome, [_, reused]) = fetch(&own, &other, &[Manner::Honest; 2], usize::MAX);
    assert!(matches!(outcome, Outcome::Complete) && reused > 0, "{outcome:?} {reused}");
    check_taken_over(own, &other);
}

#[test]
fn pages_that_the_own_state_has_are_not_fetched() {
    let mut own = place();
    own.advance(Height(1), |state| fill(state, 700));
    own.branch_off();
    let other = Place::full();
    let (outcome, [fetched, reused]) = fetch(&own, &other, &[Manner::Honest; 2], usize::MAX);
    assert!(matches!(outcome, Outcome::Complete), "{outcome:?}");
    assert!(reused > 2_000 * limits::PAGE_BYTES as u64 && fetched < 1 << 20, "{fetched} {reused}");
    check_taken_over(own, &other);
}

/// A state with a module of several slices, and chunks.
fn with_large_module() -> Place {
    let mut place = place();
    let text = "a".repeat(2 * limits::STATE_PART_BYTES + 5);
    let content = wat::parse_str(format!("(module (memory 80) (data (i32.const 0) \"{text}\"))")).unwrap();
    place.advance(Height(1), |state| {
        let facts = Engine::new(None).check(&content).unwrap();
        let record = module_record(&content, &facts);
        let module = Arc::new(Module::new(facts.hash, record, Blob::held(Arc::from(content))));
        let mut canister =
            CanisterState::new(Settings::with_controllers(Vec::new()), Cycles(1 << 70), Time(3));
        canister.record.module_hash = Some(module.hash);
        canister.module = Some(module.clone());
        state.add_module(module);
        for number in 0..5 {
            let chunk: Arc<[u8]> = Arc::from([number; 100]);
            let hash = sha256(&chunk);
            canister.record.chunks.insert(hash, 100);
            state.put_chunk(CanisterId(0), hash, chunk);
        }
        state.put_canister(CanisterId(0), canister);
    });
    place.advance(HEIGHT, |_| ());
    place
}

#[test]
fn a_module_that_one_peer_drips_or_does_not_finish_comes_from_another() {
    let drips = Manner::Lying(|part| {
        if let Part::Content { bytes, .. } = part {
            bytes.truncate(1);
        }
    });
    // It is put aside for a chunk while its module is half there.
    let spoils_chunks = Manner::Lying(|part| {
        if let Part::Content { bytes, total: 100 } = part {
            bytes[0] ^= 1;
        }
    });
    for manner in [Manner::Honest, drips, spoils_chunks] {
        let (own, other) = (place(), with_large_module());
        let (outcome, _) = fetch(&own, &other, &[manner, Manner::Honest], usize::MAX);
        assert!(matches!(outcome, Outcome::Complete), "{outcome:?}");
        check_taken_over(own, &other);
    }
}

#[test]
fn a_package_with_the_root_of_another_height_is_of_no_use() {
    let (own, other) = (place(), Place::full());
    let (door, news) = sync_channel(1 << 12);
    let mut package = other.package();
    let certification = package.certification.as_mut().unwrap();
    certification.height = Height(21);
    let offers = other.offers();
    struct Shifted(Fake);
    impl Ask for Shifted {
        fn peers(&self) -> Vec<NodeIndex> {
            self.0.peers()
        }
        fn ask(&self, peer: NodeIndex, request: StateRequest) {
            self.0.ask(peer, StateRequest { height: HEIGHT, ..request });
        }
    }
    let net = Fake {
        manners: vec![Manner::Honest; 2],
        offers,
        parts: Mutex::new(usize::MAX),
        door: Mutex::new(Some(door)),
    };
    let sync = syncing(&own, Shifted(net));
    assert!(matches!(sync.fetch(&package, &news).unwrap(), Outcome::GivenUp(None)));
}

fn finalized(height: u64, view: u64) -> [Record; 2] {
    let block = Block {
        view: View(view),
        height: Height(height),
        parent: Digest([1; 32]),
        parent_view: View(view - 1),
        proposer: NodeIndex(0),
        time: Time(height),
        attendance: Attendance::default(),
        payload: Payload::default(),
    };
    let hash = hash_block(&block);
    let finalization = Finalization { view: View(view), block: hash, signature: SIGNATURE };
    let beacon = RandomBeacon { view: View(view), signature: SIGNATURE };
    let record = Record::Finalized { height: Height(height), hash, beacon, finalization };
    [Record::Block { hash, block: Arc::new(block) }, record]
}

#[test]
fn votes_are_carried_over_and_a_crash_between_the_steps_loses_nothing() {
    let other = Place::full();
    let vote = |view| Vote::Nullify { view: View(view) };
    for step in 0..3 {
        let own = place();
        own.rocks.persist(&finalized(1, 3)).unwrap();
        own.rocks.persist(&[Record::Vote(vote(22)), Record::Vote(vote(23)), Record::Vote(vote(40))]).unwrap();
        assert!(matches!(fetch(&own, &other, &[Manner::Honest], usize::MAX).0, Outcome::Complete));
        let Place { dir, rocks, .. } = own;
        drop(rocks);
        let [current, incoming, replaced] = [CURRENT, INCOMING, REPLACED].map(|name| dir.path().join(name));
        if step > 0 {
            let open = |dir| Rocks::open(dir, &CHAIN, Votes::MayBeLost).unwrap();
            assert!(open(&incoming).carry_over(&open(&current)).unwrap());
            fs::rename(&current, &replaced).unwrap();
        }
        if step > 1 {
            fs::rename(&incoming, &current).unwrap();
        }
        take_place(dir.path(), &CHAIN, Votes::MayBeLost).unwrap();
        let recovered = Rocks::open(&current, &CHAIN, Votes::MayBeLost).unwrap().recover().unwrap();
        assert_eq!(recovered.executed, HEIGHT);
        assert_eq!(recovered.votes, [vote(23), vote(40)], "step {step}");
        assert!(!recovered.votes_lost && !replaced.exists() && !incoming.exists());
    }
}

#[test]
fn a_replica_that_got_as_far_by_itself_keeps_its_own_directory() {
    let other = Place::full();
    let mut own = Place::full();
    own.rocks.persist(&[Record::Vote(Vote::Nullify { view: View(50) })]).unwrap();
    assert!(matches!(fetch(&own, &other, &[Manner::Honest], usize::MAX).0, Outcome::Complete));
    own.advance(Height(25), |_| ());
    let Place { dir, rocks, .. } = own;
    drop(rocks);
    take_place(dir.path(), &CHAIN, Votes::MayBeLost).unwrap();
    let rocks = Rocks::open(&dir.path().join(CURRENT), &CHAIN, Votes::MayBeLost).unwrap();
    assert_eq!(ReplicatedState::restore(rocks.source()).unwrap().height(), Height(25));
    assert!(!dir.path().join(INCOMING).exists());
}

#[test]
fn a_lost_directory_is_known_to_have_held_votes() {
    let other = Place::full();
    let own = place();
    assert!(matches!(fetch(&own, &other, &[Manner::Honest], usize::MAX).0, Outcome::Complete));
    let Place { dir, rocks, .. } = own;
    drop(rocks);
    fs::remove_dir_all(dir.path().join(CURRENT)).unwrap();
    take_place(dir.path(), &CHAIN, Votes::MayBeLost).unwrap();
    let rocks = Rocks::open(&dir.path().join(CURRENT), &CHAIN, Votes::MayBeLost).unwrap();
    assert!(rocks.recover().unwrap().votes_lost);
    rocks.persist(&[Record::Recollected { until: View(7) }]).unwrap();
    let recovered = rocks.recover().unwrap();
    assert!(!recovered.votes_lost && recovered.votes_lost_until == View(7));
}
