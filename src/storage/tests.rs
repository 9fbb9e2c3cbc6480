mod adopted;

use super::schema::meta;
use super::*;
use crate::encoding::peer;
use crate::state::{Column, StateDelta, StateSource, Write};
use crate::types::*;
use bytes::Bytes;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const CHAIN: ChainId = Digest([0xc4; 32]);

fn open(dir: &Path) -> Rocks {
    Rocks::open(dir, &CHAIN, Votes::None).unwrap()
}

/// What both disks can do.
trait Disk {
    fn persist(&mut self, records: &[Record]) -> Result<(), StorageError>;
    fn commit(&mut self, delta: &StateDelta, root: StateRoot) -> Result<(), StorageError>;
    fn recover(&self) -> Result<Recovered, StorageError>;
    fn chain_segment(&self, from: Height) -> Result<Option<ChainSegment>, StorageError>;
}

macro_rules! disk {
    ($($name:ident),*) => { $(
        impl Disk for $name {
            fn persist(&mut self, records: &[Record]) -> Result<(), StorageError> {
                $name::persist(self, records)
            }
            fn commit(&mut self, delta: &StateDelta, root: StateRoot) -> Result<(), StorageError> {
                $name::commit(self, delta, root)
            }
            fn recover(&self) -> Result<Recovered, StorageError> {
                $name::recover(self)
            }
            fn chain_segment(&self, from: Height) -> Result<Option<ChainSegment>, StorageError> {
                $name::chain_segment(self, from)
            }
        }
    )* };
}
disk!(Rocks, Memory);

/// Runs a check on a directory and on the simulator's disk.
fn on_both(check: impl Fn(&mut dyn Disk)) {
    let dir = TempDir::new().unwrap();
    check(&mut open(dir.path()));
    check(&mut Memory::new());
}

fn hash(view: u64) -> Digest {
    let mut digest = Digest([0xb1; 32]);
    digest.0[..8].copy_from_slice(&view.to_be_bytes());
    digest
}

fn signature(n: u64) -> BlsBytes {
    BlsBytes([n as u8; 48])
}

/// An anonymous call with an argument of this many bytes.
fn ingress(argument: usize) -> SignedIngress {
    let call = UserCall {
        canister_id: CanisterId(1).principal(),
        method_name: "put".into(),
        arg: vec![7; argument],
        sender: Principal::anonymous(),
        ingress_expiry: Time(5),
        nonce: None,
        sender_info: None,
    };
    let envelope = crate::encoding::cbor::encode_call(&call, None);
    crate::encoding::cbor::read_ingress(envelope).unwrap()
}

/// The block of a chain in which every view finalized one.
fn block(view: u64, payload: usize) -> Block {
    let ingress = (payload > 0).then(|| Arc::new(ingress(payload))).into_iter().collect();
    Block {
        view: View(view),
        height: Height(view),
        parent: if view == 1 { Digest::ZERO } else { hash(view - 1) },
        parent_view: View(view - 1),
        proposer: NodeIndex(2),
        time: Time(view * 1_000),
        attendance: Attendance::default(),
        payload: Payload { ingress, ..Payload::default() },
    }
}

fn proposal(view: u64) -> Record {
    let (block, signature) = (block(view, 0), NodeSignature([3; 64]));
    Record::Proposal { hash: hash(view), proposal: Arc::new(Proposal { block, signature }) }
}

fn beacon(view: u64) -> RandomBeacon {
    RandomBeacon { view: View(view), signature: signature(view) }
}

/// That the block of `view` is final, by a finalization of the block of `by`.
fn finalized(view: u64, by: u64) -> Record {
    let finalization = Finalization { view: View(by), block: hash(by), signature: signature(by) };
    let (height, hash) = (Height(view), hash(view));
    Record::Finalized { height, hash, beacon: beacon(view), finalization }
}

fn notarization(view: u64) -> Record {
    let (block, signature) = (hash(view), signature(view));
    Record::Notarization(Notarization { view: View(view), block, signature }, beacon(view))
}

fn nullification(view: u64) -> Record {
    let signature = signature(view);
    Record::Nullification(Nullification { view: View(view), signature }, beacon(view))
}

fn votes(view: u64) -> [Record; 2] {
    let (view, block) = (View(view), hash(view));
    [Vote::Notarize { view, block }, Vote::Finalize { view, block }].map(Record::Vote)
}

fn certification(height: u64) -> Record {
    let (root, signature) = (root(height), signature(height));
    Record::Certification(Certification { height: Height(height), root, signature })
}

fn root(height: u64) -> StateRoot {
    StateRoot(Digest([height as u8; 32]))
}

fn delta(height: u64) -> StateDelta {
    let value = height.to_be_bytes().to_vec();
    let page = Bytes::from(vec![height as u8; 4_096]);
    let writes = vec![
        Write::set(Column::Subnet, b"newest".to_vec(), value.clone()),
        Write::set(Column::Canister, value.clone(), value.clone()),
        Write::set(Column::Page, [value.as_slice(), &[0; 9]].concat(), page),
        Write::remove(Column::Canister, (height - 1).to_be_bytes().to_vec()),
    ];
    StateDelta { height: Height(height), writes, dropped: Vec::new() }
}

fn run_to(disk: &mut dyn Disk, from: u64, to: u64) {
    for view in from..=to {
        disk.persist(&[proposal(view)]).unwrap();
        disk.persist(&votes(view)).unwrap();
        disk.persist(&[notarization(view), finalized(view, view)]).unwrap();
        disk.commit(&delta(view), root(view)).unwrap();
        disk.persist(&[certification(view)]).unwrap();
    }
}

/// What the state of a height must look like, and nothing of another.
fn check_state(source: &dyn StateSource, height: u64) {
    let value = Bytes::from(height.to_be_bytes().to_vec());
    assert_eq!(source.get(Column::Subnet, b"newest").unwrap().as_ref(), Some(&value));
    let canisters = source.scan(Column::Canister, b"").unwrap();
    assert_eq!(canisters, [(value.to_vec(), value)]);
    let pages = source.scan(Column::Page, b"").unwrap();
    assert_eq!(pages.len() as u64, height);
    assert!(pages.iter().all(|(key, page)| page[..] == [key[7]; 4_096]));
}

#[test]
fn an_empty_disk_recovers_nothing() {
    on_both(|disk| {
        let recovered = disk.recover().unwrap();
        assert_eq!((recovered.executed, recovered.root), (Height::ZERO, None));
        assert!(recovered.finalized.is_empty() && recovered.votes.is_empty());
        assert_eq!(disk.chain_segment(Height(1)).unwrap(), None);
    });
}

#[test]
fn recovers_the_tip_and_what_is_above_it() {
    on_both(|disk| {
        run_to(disk, 1, 5);
        disk.persist(&[proposal(6), finalized(6, 6), proposal(8), nullification(7)]).unwrap();
        disk.persist(&votes(8)).unwrap();
        disk.persist(&[notarization(8), Record::Vote(Vote::Nullify { view: View(9) })]).unwrap();
        let recovered = disk.recover().unwrap();
        assert_eq!((recovered.executed, recovered.root), (Height(5), Some(root(5))));
        let chain: Vec<_> =
            recovered.finalized.iter().map(|(hash, block, _)| (*hash, block.height.0)).collect();
        assert_eq!(chain, [(hash(5), 5), (hash(6), 6)]);
        assert_eq!(recovered.finalized[1].2, beacon(6));
        assert_eq!(recovered.finalization.unwrap().block, hash(6));
        assert_eq!(recovered.certification.unwrap().height, Height(5));
        let Record::Proposal { proposal, .. } = proposal(8) else { unreachable!() };
        assert_eq!(recovered.proposals, [(hash(8), proposal)]);
        assert_eq!(recovered.notarizations[0].0.view, View(8));
        assert_eq!(recovered.nullifications[0].0.view, View(7));
        let kept: Vec<_> =
            votes(8).into_iter().chain([Record::Vote(Vote::Nullify { view: View(9) })]).collect();
        assert_eq!(recovered.votes.into_iter().map(Record::Vote).collect::<Vec<_>>(), kept);
    });
}

#[test]
fn a_reopened_directory_goes_on() {
    let dir = TempDir::new().unwrap();
    run_to(&mut open(dir.path()), 1, 3);
    let mut rocks = open(dir.path());
    check_state(&*rocks.source(), 3);
    run_to(&mut rocks, 4, 6);
    drop(rocks);
    let rocks = open(dir.path());
    check_state(&*rocks.source(), 6);
    assert_eq!(rocks.recover().unwrap().executed, Height(6));
    assert_eq!(rocks.chain_segment(Height(1)).unwrap().unwrap().blocks.len(), 6);
}

/// Keys of the families that must not grow with the chain.
fn entries_by_view(dir: &Path) -> usize {
    let rocks = open(dir);
    let count = |family| rocks.columns().range(family, &[], usize::MAX).unwrap().len();
    schema::BY_VIEW.into_iter().map(count).sum()
}

#[test]
fn only_views_that_are_not_final_take_up_space() {
    let dir = TempDir::new().unwrap();
    run_to(&mut open(dir.path()), 1, 20);
    assert_eq!(entries_by_view(dir.path()), 0);
    let rocks = open(dir.path());
    rocks.persist(&votes(21)).unwrap();
    rocks.persist(&votes(20)).unwrap();
    drop(rocks);
    assert_eq!(entries_by_view(dir.path()), 2);
    let rocks = open(dir.path());
    rocks.persist(&[proposal(21), finalized(21, 21)]).unwrap();
    drop(rocks);
    assert_eq!(entries_by_view(dir.path()), 0);
}

#[test]
fn a_block_that_lost_its_view_is_deleted_and_the_final_one_kept() {
    let dir = TempDir::new().unwrap();
    let rocks = open(dir.path());
    let mut twin = block(1, 0);
    twin.time = Time(77);
    let signature = NodeSignature([4; 64]);
    let twin =
        Record::Proposal { hash: Digest([9; 32]), proposal: Arc::new(Proposal { block: twin, signature }) };
    rocks.persist(&[twin, proposal(1), finalized(1, 1)]).unwrap();
    let blocks = rocks.columns().range(Family::Block, &[], usize::MAX).unwrap();
    assert_eq!(blocks.iter().map(|(key, _)| key.as_slice()).collect::<Vec<_>>(), [hash(1).0]);
}

#[test]
fn a_late_proposal_of_a_final_view_does_not_endanger_the_final_block() {
    on_both(|disk| {
        run_to(disk, 1, 3);
        disk.persist(&[proposal(2)]).unwrap();
        run_to(disk, 4, 4);
        assert_eq!(disk.chain_segment(Height(1)).unwrap().unwrap().blocks.len(), 4);
    });
}

#[test]
fn heights_that_do_not_follow_are_refused() {
    on_both(|disk| {
        run_to(disk, 1, 2);
        let error = disk.persist(&[finalized(4, 4)]).unwrap_err().to_string();
        assert_eq!(error, "finalized height 4 does not follow 2");
    });
    on_both(|disk| {
        run_to(disk, 1, 2);
        let error = disk.commit(&delta(4), root(4)).unwrap_err().to_string();
        assert_eq!(error, "committed height 4 does not follow 2");
    });
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let dir = TempDir::new().unwrap();
    let rocks = open(dir.path());
    assert!(rocks.persist(&[finalized(4, 4)]).is_err());
    let error = rocks.persist(&votes(1)).unwrap_err().to_string();
    assert_eq!(error, "database: an earlier write failed");
}

#[test]
fn an_older_certification_does_not_replace_a_newer_one() {
    on_both(|disk| {
        disk.persist(&[certification(9), certification(8)]).unwrap();
        assert_eq!(disk.recover().unwrap().certification.unwrap().height, Height(9));
    });
}

#[test]
fn a_source_is_a_snapshot_and_outlives_the_directory_handle() {
    let dir = TempDir::new().unwrap();
    let mut rocks = open(dir.path());
    run_to(&mut rocks, 1, 2);
    let source = rocks.source();
    run_to(&mut rocks, 3, 5);
    drop(rocks);
    check_state(&*source, 2);
    let keys = [1u64, 9, 2].map(|n| [n.to_be_bytes().as_slice(), &[0; 9]].concat());
    let pages = source.get_many(Column::Page, &keys).unwrap();
    assert_eq!(
        pages.iter().map(|page| page.as_ref().map(|page| page[0])).collect::<Vec<_>>(),
        [Some(1), None, Some(2)]
    );
}

#[test]
fn another_chain_or_layout_is_refused() {
    let dir = TempDir::new().unwrap();
    drop(open(dir.path()));
    let other = Rocks::open(dir.path(), &Digest([1; 32]), Votes::None).err().unwrap();
    assert!(matches!(other, StorageError::Chain { .. }), "{other}");
    let rocks = open(dir.path());
    rocks.overwrite(Family::Meta, meta::VERSION, &[0, 0, 0, 9]);
    drop(rocks);
    let error = Rocks::open(dir.path(), &CHAIN, Votes::None).err().unwrap().to_string();
    assert_eq!(error, "the directory holds layout version 9, this is version 1");
}

/// Damages one value of a chain of three heights and checks what recovery says.
fn check_damage(family: Family, key: &[u8], value: &[u8], expected: &str) {
    let dir = TempDir::new().unwrap();
    let mut rocks = open(dir.path());
    run_to(&mut rocks, 1, 3);
    rocks.persist(&votes(4)).unwrap();
    rocks.persist(&[proposal(4)]).unwrap();
    rocks.overwrite(family, key, value);
    drop(rocks);
    let result = Rocks::open(dir.path(), &CHAIN, Votes::None).and_then(|rocks| rocks.recover());
    let error = result.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains(expected), "{family:?}: {error:?}, not {expected:?}");
}

#[test]
fn damaged_values_are_named() {
    let (height, view) = (schema::height_key(Height(3)), schema::view_key(View(4)));
    check_damage(Family::Block, &hash(3).0, b"junk", "block 0000000000000003");
    check_damage(Family::Finalized, &height, b"junk", "finalized 0000000000000003 on disk is damaged");
    check_damage(Family::Meta, meta::EXECUTED, b"junk", "meta 6578656375746564 on disk is damaged");
    check_damage(Family::Meta, meta::CERTIFICATION, b"junk", "is damaged");
    check_damage(Family::Vote, &[view.as_slice(), &[0]].concat(), b"junk", "vote 0000000000000004");
    check_damage(Family::Vote, b"x", b"junk", "vote 78 on disk is damaged: the key is too short");
    check_damage(Family::Proposal, &schema::proposal_key(View(4), &hash(4)), b"junk", "proposal 0000");
    check_damage(Family::Proposal, &view, &[0; 64], "proposal 0000");
    let executed = [9u64.to_be_bytes().as_slice(), &[0; 32]].concat();
    let expected = "the executed height 9 is above the finalized tip 3";
    check_damage(Family::Meta, meta::EXECUTED, &executed, expected);
    let other = crate::encoding::record::encode_block(&block(2, 0));
    check_damage(Family::Block, &hash(3).0, &other, "not of this chain");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// The newest log of a directory.
fn newest_log(dir: &Path) -> std::path::PathBuf {
    let entries = fs::read_dir(dir.join("db")).unwrap().map(|entry| entry.unwrap().path());
    let logs = entries.filter(|path| path.extension().is_some_and(|end| end == "log"));
    logs.max().unwrap()
}

/// What holds for a prefix of what was written.
fn check_prefix(rocks: &Rocks) -> (u64, u64) {
    let recovered = rocks.recover().unwrap();
    let executed = recovered.executed;
    let tip = recovered.finalized.last().map_or(executed, |(_, block, _)| block.height);
    assert!(tip >= executed && tip.0 <= executed.0 + 1);
    if executed > Height::ZERO {
        assert_eq!(recovered.root, Some(root(executed.0)));
        check_state(&*rocks.source(), executed.0);
    }
    assert!(recovered.votes.iter().all(|vote| vote.view().0 > tip.0));
    (executed.0, tip.0)
}

#[test]
fn a_torn_log_leaves_a_prefix() {
    let dir = TempDir::new().unwrap();
    let mut rocks = open(dir.path());
    run_to(&mut rocks, 1, 12);
    let whole = fs::read(newest_log(dir.path())).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..whole.len()).step_by(whole.len() / 60) {
        let torn = TempDir::new().unwrap();
        copy(dir.path(), torn.path());
        fs::remove_file(torn.path().join("synced")).unwrap();
        fs::write(newest_log(torn.path()), &whole[..whole.len() - cut]).unwrap();
        // Without its first write the directory is not known to be a chain's.
        if let Ok(rocks) = Rocks::open(torn.path(), &CHAIN, Votes::None) {
            seen.insert(check_prefix(&rocks));
        }
    }
    assert!(seen.len() > 10, "{seen:?}");
}

#[test]
fn a_log_that_lost_synced_votes_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut rocks = open(dir.path());
    run_to(&mut rocks, 1, 3);
    rocks.persist(&votes(4)).unwrap();
    let log = newest_log(dir.path());
    let torn = TempDir::new().unwrap();
    copy(dir.path(), torn.path());
    let whole = fs::read(&log).unwrap();
    fs::write(newest_log(torn.path()), &whole[..whole.len() - 1]).unwrap();
    let error = Rocks::open(torn.path(), &CHAIN, Votes::None).err().unwrap();
    assert!(matches!(error, StorageError::LostWrites { .. }), "{error}");
}

#[test]
fn a_log_that_lost_only_unsynced_writes_is_accepted() {
    let dir = TempDir::new().unwrap();
    let mut rocks = open(dir.path());
    run_to(&mut rocks, 1, 3);
    rocks.persist(&[proposal(4), finalized(4, 4)]).unwrap();
    rocks.commit(&delta(4), root(4)).unwrap();
    let torn = TempDir::new().unwrap();
    copy(dir.path(), torn.path());
    let whole = fs::read(newest_log(torn.path())).unwrap();
    fs::write(newest_log(torn.path()), &whole[..whole.len() - 1]).unwrap();
    assert_eq!(check_prefix(&open(torn.path())), (3, 4));
}

#[test]
fn a_copy_made_while_another_thread_writes_is_a_prefix() {
    let dir = TempDir::new().unwrap();
    let mut rocks = open(dir.path());
    run_to(&mut rocks, 1, 1);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| run_to(&mut rocks, 2, 100));
        while !writer.is_finished() {
            let copied = TempDir::new().unwrap();
            // The mark last in the original is copied first: a copy is no instant.
            fs::copy(dir.path().join("synced"), copied.path().join("synced")).unwrap();
            copy(&dir.path().join("db"), &copied.path().join("db"));
            check_prefix(&open(copied.path()));
        }
    });
}

#[test]
fn a_segment_ends_at_a_height_that_its_finalization_names() {
    on_both(|disk| {
        (1..=7).for_each(|view| disk.persist(&[proposal(view)]).unwrap());
        let by = [1, 2, 5, 5, 5, 7];
        (1..=6).for_each(|view| disk.persist(&[finalized(view, by[view as usize - 1])]).unwrap());
        let segment = disk.chain_segment(Height(2)).unwrap().unwrap();
        assert_eq!(heights(&segment), [2, 3, 4, 5]);
        assert_eq!(segment.finalization.block, hash(5));
        assert_eq!(segment.certification, None);
        assert_eq!(disk.chain_segment(Height(6)).unwrap(), None);
        assert_eq!(disk.chain_segment(Height(7)).unwrap(), None);
        disk.persist(&[certification(2)]).unwrap();
        let with = |from| disk.chain_segment(Height(from)).unwrap().unwrap().certification;
        assert_eq!(with(2).map(|certification| certification.height), Some(Height(2)));
        assert_eq!(with(3), None);
    });
}

#[test]
fn void_blocks_prove_that_the_last_block_is_final() {
    on_both(|disk| {
        (1..=2).for_each(|view| disk.persist(&[proposal(view)]).unwrap());
        disk.persist(&[finalized(1, 1), finalized(2, 9)]).unwrap();
        let names = |block| Finalization { view: View(9), block, signature: signature(9) };
        let void = |view| Record::Void {
            blocks: vec![(Arc::new(block(view, 0)), beacon(view))],
            finalization: names(hash(view)),
        };
        disk.persist(&[void(9)]).unwrap();
        let segment = disk.chain_segment(Height(1)).unwrap().unwrap();
        assert_eq!(heights(&segment), [1], "these follow another block");
        disk.persist(&[void(3)]).unwrap();
        let segment = disk.chain_segment(Height(1)).unwrap().unwrap();
        assert_eq!(heights(&segment), [1, 2, 3]);
        assert_eq!(segment.finalization, names(hash(3)));
        assert_eq!(heights(&disk.chain_segment(Height(2)).unwrap().unwrap()), [2, 3]);
        disk.persist(&[proposal(3), finalized(3, 3)]).unwrap();
        let segment = disk.chain_segment(Height(1)).unwrap().unwrap();
        assert_eq!(heights(&segment), [1, 2, 3], "nothing is void above the last");
    });
}

fn heights(segment: &ChainSegment) -> Vec<u64> {
    segment.blocks.iter().map(|(block, _)| block.height.0).collect()
}

#[test]
fn a_segment_is_bounded_by_count() {
    on_both(|disk| {
        let last = limits::CHAIN_SEGMENT_BLOCKS_MAX as u64 + 9;
        (1..=last).for_each(|view| disk.persist(&[proposal(view), finalized(view, view)]).unwrap());
        let segment = disk.chain_segment(Height(3)).unwrap().unwrap();
        assert_eq!(heights(&segment), (3..3 + 64).collect::<Vec<_>>());
    });
}

/// Finalizes `count` heights by the last of them alone: the length of the first segment, which its reader takes.
fn check_late_finalization(count: usize, expected: Option<usize>) {
    on_both(|disk| {
        let last = count as u64;
        (1..=last).for_each(|view| disk.persist(&[proposal(view), finalized(view, last)]).unwrap());
        let segment = disk.chain_segment(Height(1)).unwrap();
        assert_eq!(segment.as_ref().map(|segment| segment.blocks.len()), expected);
        if let Some(segment) = segment {
            let said = PeerMessage::Chain(Box::new(segment));
            assert_eq!(peer::decode(peer::encode(&said)).as_ref(), Ok(&said));
        }
    });
}

#[test]
fn a_segment_that_waits_long_for_its_finalization_is_read() {
    check_late_finalization(84, Some(84));
    check_late_finalization(limits::CHAIN_LINKS_MAX, Some(limits::CHAIN_LINKS_MAX));
    check_late_finalization(limits::CHAIN_LINKS_MAX + 1, None);
}

#[test]
fn void_blocks_prove_the_end_of_a_segment_that_waited_long() {
    on_both(|disk| {
        (1..=84).for_each(|view| disk.persist(&[proposal(view), finalized(view, 99)]).unwrap());
        let void = Record::Void {
            blocks: vec![(Arc::new(block(85, 0)), beacon(85))],
            finalization: Finalization { view: View(85), block: hash(85), signature: signature(85) },
        };
        disk.persist(&[void]).unwrap();
        assert_eq!(disk.chain_segment(Height(1)).unwrap().unwrap().blocks.len(), 85);
    });
}

/// Finalizes `count` blocks of `size` bytes each, all named by `by`, and counts the first segment.
fn check_bytes(count: u64, size: usize, by: impl Fn(u64) -> u64, expected: Option<usize>) {
    on_both(|disk| {
        for view in 1..=count {
            let block = Record::Block { hash: hash(view), block: Arc::new(block(view, size)) };
            disk.persist(&[block, finalized(view, by(view))]).unwrap();
        }
        let segment = disk.chain_segment(Height(1)).unwrap();
        assert_eq!(segment.map(|segment| segment.blocks.len()), expected);
    });
}

#[test]
fn a_segment_is_bounded_by_bytes() {
    const MIB: usize = 1 << 20;
    check_bytes(12, MIB, |view| view, Some(7));
    check_bytes(12, MIB, |_| 10, Some(10));
    check_bytes(18, MIB, |_| 18, None);
}

#[test]
fn a_crash_of_memory_tears_commits_but_no_records() {
    for kept in 0..=2 {
        let mut disk = Memory::new();
        run_to(&mut disk, 1, 3);
        disk.persist(&[proposal(4), finalized(4, 4), proposal(5), finalized(5, 5)]).unwrap();
        disk.commit(&delta(4), root(4)).unwrap();
        disk.commit(&delta(5), root(5)).unwrap();
        assert_eq!(disk.unsynced(), 2);
        disk.crash(kept).unwrap();
        let recovered = disk.recover().unwrap();
        assert_eq!(recovered.executed, Height(3 + kept as u64));
        assert_eq!(recovered.finalized.last().unwrap().1.height, Height(5));
        check_state(&*disk.source(), 3 + kept as u64);
        disk.commit(&delta(4 + kept as u64), root(4 + kept as u64)).unwrap();
    }
}

/// All files of a directory that hold data, with their lengths.
fn files(dir: &Path) -> Vec<(std::path::PathBuf, usize)> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let ours = entries.filter(|path| !path.file_name().is_some_and(|name| name == "LOG" || name == "LOCK"));
    let mut files: Vec<_> =
        ours.map(|path| (path.clone(), fs::metadata(path).unwrap().len() as usize)).collect();
    files.sort();
    files
}

/// Everything the disk holds, or the first error.
type Everything = (Recovered, Vec<(Vec<u8>, Bytes)>);

fn read_all(dir: &Path) -> Result<Everything, String> {
    let rocks = Rocks::open(dir, &CHAIN, Votes::None).map_err(|error| error.to_string())?;
    let recovered = rocks.recover().map_err(|error| error.to_string())?;
    let source = rocks.source();
    let mut state = Vec::new();
    for column in [Column::Canister, Column::Page, Column::Subnet] {
        state.extend(source.scan(column, b"").map_err(|error| error.to_string())?);
    }
    Ok((recovered, state))
}

/// No byte on disk can change without being noticed, unless nothing depends on it.
#[test]
fn a_flipped_byte_is_named_or_harmless() {
    let dir = TempDir::new().unwrap();
    let mut rocks = open(dir.path());
    run_to(&mut rocks, 1, 10);
    rocks.flush();
    run_to(&mut rocks, 11, 14);
    rocks.persist(&votes(15)).unwrap();
    drop(rocks);
    let (recovered, state) = read_all(dir.path()).unwrap();
    let (mut named, mut harmless) = (0, 0);
    for (path, length) in files(&dir.path().join("db")) {
        for at in [0, 7, length / 3, length / 2, length * 3 / 4, length.saturating_sub(60)] {
            let copied = TempDir::new().unwrap();
            copy(dir.path(), copied.path());
            let target = copied.path().join("db").join(path.file_name().unwrap());
            let mut bytes = fs::read(&target).unwrap();
            let Some(byte) = bytes.get_mut(at) else { continue };
            *byte ^= 0x40;
            fs::write(&target, bytes).unwrap();
            match read_all(copied.path()) {
                Err(error) => named += usize::from(!error.is_empty()),
                Ok((other, content)) => {
                    harmless += 1;
                    assert_eq!(
                        (other.executed, other.root),
                        (recovered.executed, recovered.root),
                        "{path:?} {at}"
                    );
                    assert_eq!(
                        (other.votes, content),
                        (recovered.votes.clone(), state.clone()),
                        "{path:?} {at}"
                    );
                }
            }
        }
    }
    assert!(named > 20, "{named} named, {harmless} harmless");
}
