//! What blocks say of their parents' voters and of missed views (rule 19).

use super::cluster::{CHAIN, Cluster, keys};
use crate::crypto::hash::hash_header;
use crate::types::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The blocks that node 0 delivered, by height.
fn delivered(cluster: &Cluster) -> BTreeMap<Height, Block> {
    let node = &cluster.nodes[0];
    let block = |hash: &Digest| node.disk.blocks.get(hash).map(|block| Block::clone(block));
    let blocks = node.delivered.iter().filter_map(|(height, hash, _)| Some((*height, block(hash)?)));
    blocks.collect()
}

#[test]
fn all_votes_of_an_idle_subnet_are_acknowledged() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(10_000);
    let blocks = delivered(&cluster);
    assert!(blocks.len() > 12 && blocks[&Height(1)].attendance.is_empty());
    for block in blocks.values().skip(1) {
        assert_eq!((block.attendance.voters.len(), &block.attendance.missed[..]), (4, &[][..]));
    }
}

#[test]
fn a_vote_that_comes_when_its_block_is_final_is_acknowledged_too() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(1_000);
    // Node 3 hears of each proposal so late that the others have made it final.
    let held: std::cell::RefCell<Vec<PeerMessage>> = Default::default();
    let held = std::rc::Rc::new(held);
    let kept = held.clone();
    cluster.link = Box::new(move |from, _, message| match message {
        PeerMessage::NotarizationShare(_) if from == 3 => {
            kept.borrow_mut().push(message.clone());
            None
        }
        _ => Some(message.clone()),
    });
    for _ in 0..1_000 {
        cluster.run_ms(10);
        let tip = cluster.consensus(0).finalized_view();
        let late = |message: &PeerMessage| matches!(message, PeerMessage::NotarizationShare(share) if share.view == tip);
        let votes: Vec<PeerMessage> = held.borrow().iter().filter(|vote| late(vote)).cloned().collect();
        for (vote, to) in votes.into_iter().flat_map(|vote| (0..3).map(move |to| (vote.clone(), to))) {
            cluster.input(to, Input::Peer(NodeIndex(3), vote));
        }
    }
    let blocks = delivered(&cluster);
    let whole = blocks.values().filter(|block| block.proposer.0 != 3 && block.attendance.voters.len() == 4);
    // Eighteen blocks, of which node 3 proposes some.
    assert!(whole.count() > 8, "{blocks:?}");
}

#[test]
fn who_is_away_is_acknowledged_no_vote_and_its_views_are_named() {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(2_000);
    cluster.crash(2);
    cluster.run_ms(500);
    let away = cluster.consensus(0).view();
    cluster.run_ms(60_000);
    let blocks = delivered(&cluster);
    let mut missed = 0;
    for block in blocks.values().filter(|block| block.parent_view > away) {
        let Attendance { voters, missed: leaders } = &block.attendance;
        assert!(voters.is_empty() || voters.len() == 3 && !voters.contains(&NodeIndex(2)), "{voters:?}");
        assert_eq!(leaders.len() as u64, block.view.0 - block.parent_view.0 - 1);
        assert!(leaders.iter().all(|leader| *leader == NodeIndex(2)), "{leaders:?}");
        missed += leaders.len();
    }
    assert!(missed > 5, "{missed} views");
}

/// Node 0 says this of the others in its blocks; whether any of them comes onto the chain.
fn check_false(says: fn(&mut Attendance), believed: bool) {
    let mut cluster = Cluster::started(4);
    cluster.run_ms(2_000);
    let identity = keys(4).swap_remove(0).identity;
    cluster.link = Box::new(move |from, _, message| match message {
        PeerMessage::Proposal(proposal) if from == 0 && proposal.header.proposer.0 == 0 => {
            let (mut header, calls) = (proposal.header.clone(), proposal.calls.clone());
            says(&mut header.attendance);
            let signed = [CHAIN.0, hash_header(&header, &calls).0].concat();
            let signature = identity.sign("atoll-proposal", &signed);
            Some(PeerMessage::Proposal(Arc::new(CompactProposal { header, calls, signature })))
        }
        _ => Some(message.clone()),
    });
    cluster.run_ms(500);
    let from = cluster.finalized(1) + 2;
    cluster.run_ms(60_000);
    let node = &cluster.nodes[1];
    let proposer = |hash: &Digest| node.disk.blocks.get(hash).map(|block| block.proposer);
    let after = node.delivered.iter().filter(|(height, _, _)| height.0 > from);
    let proposers: Vec<NodeIndex> = after.filter_map(|(_, hash, _)| proposer(hash)).collect();
    assert!(proposers.len() > 30, "{}", proposers.len());
    assert_eq!(proposers.contains(&NodeIndex(0)), believed);
}

#[test]
fn a_block_that_says_what_cannot_be_gets_no_votes() {
    check_false(|_| (), true);
    check_false(|said| said.voters.clear(), true);
    check_false(|said| said.voters.extend([NodeIndex(4)]), false);
    check_false(|said| said.voters = [0, 1].map(NodeIndex).into(), false);
    check_false(|said| said.missed.push(NodeIndex(1)), false);
}

#[test]
fn the_first_block_of_an_epoch_acknowledges_no_votes() {
    let mut cluster = Cluster::new(4);
    cluster.epoch_length = 20;
    (0..4).for_each(|node| cluster.start(node));
    cluster.run_ms(40_000);
    assert!(cluster.consensus(0).epoch() > Epoch::ZERO);
    let blocks = delivered(&cluster);
    let mut first = blocks.values().filter(|block| block.view.epoch() != block.parent_view.epoch());
    assert!(first.next().is_some_and(|block| block.attendance.is_empty() && block.height > Height(1)));
    let (_, second) = blocks.iter().find(|(_, block)| block.parent_view.epoch() > Epoch::ZERO).unwrap();
    assert!(second.attendance.voters.len() >= 3);
}
