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
