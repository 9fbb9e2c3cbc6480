//! A fetched state in the place of the own one.

use super::*;

#[test]
fn the_proof_that_an_epochs_last_block_is_final_is_carried_over() {
    let mut own = Memory::new();
    (1..=2).for_each(|view| own.persist(&[proposal(view)]).unwrap());
    let names = |view| Finalization { view: View(view), block: hash(view), signature: signature(view) };
    let void = Record::Void { blocks: vec![(Arc::new(block(3, 0)), beacon(3))], finalization: names(3) };
    own.persist(&[finalized(1, 1), finalized(2, 9), void]).unwrap();
    let certification = Certification { height: Height(1), root: root(1), signature: signature(1) };
    let package = ChainSegment {
        blocks: vec![(Arc::new(block(1, 0)), beacon(1))],
        finalization: names(1),
        certification: Some(certification),
    };
    assert!(own.adopt(&package, &Memory::new()).unwrap());
    let segment = own.chain_segment(Height(1)).unwrap().unwrap();
    assert_eq!(heights(&segment), [1, 2, 3]);
    assert_eq!(segment.finalization, names(3));
}

#[test]
fn of_a_package_only_the_block_of_its_state_is_adopted() {
    let mut own = Memory::new();
    let blocks = (1..=2).map(|view| (Arc::new(block(view, 0)), beacon(view))).collect();
    let finalization = Finalization { view: View(2), block: hash(2), signature: signature(2) };
    let certification = Some(Certification { height: Height(1), root: root(1), signature: signature(1) });
    let package = ChainSegment { blocks, finalization, certification };
    assert!(own.adopt(&package, &Memory::new()).unwrap());
    let recovered = own.recover().unwrap();
    let heights: Vec<_> = recovered.finalized.iter().map(|(_, block, ..)| block.height).collect();
    assert_eq!(heights, [Height(1)]);
}

#[test]
fn nothing_is_left_of_an_adoption_that_a_crash_cut_short() {
    let dir = tempfile::tempdir().unwrap();
    let rocks = open(dir.path());
    let package = |view: u64| ChainSegment {
        blocks: vec![(Arc::new(block(view, 0)), beacon(view))],
        finalization: Finalization { view: View(view), block: hash(view), signature: signature(view) },
        certification: Some(Certification {
            height: Height(view),
            root: root(view),
            signature: signature(view),
        }),
    };
    rocks.adopt(&package(1)).unwrap();
    rocks.adopt(&package(3)).unwrap();
    let recovered = rocks.recover().unwrap();
    let heights: Vec<_> = recovered.finalized.iter().map(|(_, block, ..)| block.height).collect();
    assert_eq!(heights, [Height(3)]);
    assert!(rocks.chain_segment(Height(1)).unwrap().is_none());
}
