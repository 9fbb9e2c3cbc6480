use super::*;
use crate::state::tests::{Shelf, filled};
use crate::types::limits;
use std::sync::Arc;

/// A state and where it is written.
fn written() -> (ReplicatedState, Arc<Shelf>) {
    let shelf = Arc::new(Shelf::default());
    let (mut state, before) = filled();
    let (delta, _) = state.seal(&before).unwrap();
    shelf.write(&delta);
    (state, shelf)
}

/// Fetches a column in pieces of `bytes`; how many it took.
fn fetch(column: Column, bytes: usize) -> (Vec<(Vec<u8>, Bytes)>, usize) {
    let (state, shelf) = written();
    let digest = digest_of(state.root(), &state.head()).unwrap();
    let (mut records, mut pieces) = (Vec::new(), 0);
    loop {
        let after = records.last().map(|(key, _): &(Vec<u8>, Bytes)| key.clone());
        let piece = state.piece(&*shelf, column, after.as_deref(), bytes).unwrap();
        let checked = check(digest, column, after.as_deref(), &piece).unwrap();
        records.extend(checked.records);
        pieces += 1;
        if checked.is_last {
            return (records, pieces);
        }
    }
}

#[test]
fn all_records_come_whatever_the_size_of_the_pieces() {
    let (_, shelf) = written();
    for column in RECORDS {
        let all = shelf.scan(column, b"").unwrap();
        let (records, pieces) = fetch(column, 1);
        assert_eq!((records, pieces), (all.clone(), all.len().max(1)));
        assert_eq!(fetch(column, usize::MAX), (all, 1));
    }
}

#[test]
fn a_part_of_digests_is_full_or_the_last_and_never_more_than_full() {
    let entries = |count: u64| -> Vec<u8> {
        (0..count).flat_map(|index| [&[0; 8][..], &index.to_be_bytes(), &[1; 32]].concat()).collect()
    };
    let full = limits::STATE_PART_BYTES.div_ceil(48) as u64;
    let read =
        |count| read_digests(&entries(count), None).map(|(read, is_last)| (read.len() as u64, is_last));
    assert_eq!(read(full - 1), Some((full - 1, true)));
    assert_eq!(read(full), Some((full, false)));
    assert_eq!(read(full + 1), None);
}

#[test]
fn the_last_block_of_an_epoch_is_told_from_the_first_of_the_next() {
    let next = (Epoch(5), Height(998));
    assert_eq!([998, 999, 1_200].map(|height| epoch_at(Height(height), next)), [4, 5, 5].map(Epoch));
}

#[test]
fn a_volume_is_as_large_as_the_largest_memory_that_lists_it() {
    let memory = |volumes: &[u64], pages| Memory {
        volumes: volumes.iter().copied().map(VolumeId).collect(),
        root: Digest::ZERO,
        pages,
    };
    let memories = [memory(&[1, 2], 16), memory(&[1], 32), memory(&[3], 8)].into();
    let needs = Needs { memories, ..Needs::default() };
    let volumes: Vec<_> = needs.volumes().into_iter().map(|(id, pages)| (id.0, pages)).collect();
    assert_eq!(volumes, [(1, 32), (2, 16), (3, 8)]);
}

#[test]
fn a_piece_that_is_not_of_the_state_is_refused() {
    let (state, shelf) = written();
    let digest = digest_of(state.root(), &state.head()).unwrap();
    let column = Column::Subnet;
    let right = state.piece(&*shelf, column, None, usize::MAX).unwrap();
    let keys = right.values.len();
    assert!(keys > 1);
    let refused = |piece: &Piece, after: Option<&[u8]>| check(digest, column, after, piece).unwrap_err();

    assert_eq!(check(Digest([1; 32]), column, None, &right), Err(Flaw::Digest));
    assert_eq!(check(digest, Column::Canister, None, &right), Err(Flaw::Gap));
    let mut changed = right.clone();
    changed.values[0] = Bytes::from_static(b"another");
    assert_eq!(refused(&changed, None), Flaw::Value);
    let mut short = right.clone();
    short.values.pop();
    assert_eq!(refused(&short, None), Flaw::Count { values: keys - 1, keys });
    let mut swapped = right.clone();
    swapped.values.swap(0, 1);
    assert_eq!(refused(&swapped, None), Flaw::Value);
    // A later run does not answer for the beginning, nor an earlier one for what follows.
    let first = state.piece(&*shelf, column, None, 1).unwrap();
    let key = check(digest, column, None, &first).unwrap().records[0].0.clone();
    let second = state.piece(&*shelf, column, Some(&key), 1).unwrap();
    assert!(check(digest, column, None, &second).is_err());
    assert!(check(digest, column, Some(&key), &first).is_err());
    let nothing = Piece { values: Vec::new(), ..first };
    assert!(check(digest, column, None, &nothing).is_err());
    assert_eq!(digest_of(StateRoot(Digest([2; 32])), &state.head()), Err(Flaw::Digest));
}
