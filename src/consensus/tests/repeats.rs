//! One machine, fed by hand: what it asks for again, what it sends again, and what it goes on without.

use super::cluster::{CHAIN, keys};
use super::shares::{BLOCK, NOW, combined, node, peer};
use crate::consensus::Consensus;
use crate::crypto::hash::{hash_call, hash_header};
use crate::crypto::threshold::Statement;
use crate::types::limits::*;
use crate::types::*;
use bytes::Bytes;
use std::sync::Arc;

fn beacon(view: View) -> RandomBeacon {
    RandomBeacon { view, signature: combined(Statement::Beacon { view }) }
}

fn nullification(view: View) -> PeerMessage {
    let signature = combined(Statement::Nullify { view });
    PeerMessage::Nullification(Nullification { view, signature }, beacon(view))
}

fn notarization(view: View, block: Digest) -> PeerMessage {
    let signature = combined(Statement::Notarize { view, block });
    PeerMessage::Notarization(Notarization { view, block, signature }, beacon(view))
}

fn finalization(view: View, block: Digest) -> Finalization {
    Finalization { view, block, signature: combined(Statement::Finalize { view, block }) }
}

/// A block that node 1 signed, with its hash.
struct Signed {
    hash: Digest,
    proposal: Arc<CompactProposal>,
}

impl Signed {
    fn on(parent: Option<&Signed>, view: u64, calls: &[Digest]) -> Signed {
        let below = parent.map(|parent| &parent.proposal.header);
        let height = below.map_or(Height::ZERO, |below| below.height).next();
        let header = Block {
            view: View(view),
            height,
            parent: parent.map_or(Digest::ZERO, |parent| parent.hash),
            parent_view: below.map_or(View(0), |below| below.view),
            proposer: NodeIndex(1),
            time: NOW.plus_ms(height.0),
            attendance: Attendance::default(),
            payload: Payload::default(),
        };
        let hash = hash_header(&header, calls);
        let message = [CHAIN.0, hash.0].concat();
        let signature = keys(4)[1].identity.sign("atoll-proposal", &message);
        Signed { hash, proposal: Arc::new(CompactProposal { header, calls: calls.to_vec(), signature }) }
    }

    fn message(&self) -> PeerMessage {
        PeerMessage::Proposal(self.proposal.clone())
    }
}

/// Gives the machine each of these blocks when it asks for it, and says in which order it asked.
fn answer(consensus: &mut Consensus, blocks: &[&Signed]) -> Vec<Digest> {
    let mut asked = Vec::new();
    for round in 1..=2 * blocks.len() as u64 {
        let now = NOW.plus_ms(round * FETCH_RETRY_MS);
        for effect in consensus.handle(now, Input::Timer) {
            if let Effect::Send(_, PeerMessage::FetchBlock(hash)) = effect {
                asked.push(hash);
                let block = blocks.iter().find(|block| block.hash == hash).expect("one of these");
                consensus.handle(now, peer(2, block.message()));
            }
        }
    }
    asked
}

/// Whether the machine has the block: it answers a peer that asks for it.
fn serves(consensus: &mut Consensus, block: Digest) -> bool {
    let effects = consensus.handle(NOW, peer(2, PeerMessage::FetchBlock(block)));
    effects.iter().any(|effect| matches!(effect, Effect::Send(_, PeerMessage::Proposal(_))))
}

/// The first view was notarized and given up, and all that came here is that it was given up.
#[test]
fn the_parent_of_a_certified_block_is_fetched_and_kept_without_a_certificate_of_its_own() {
    let parent = Signed::on(None, 1, &[]);
    let child = Signed::on(Some(&parent), 2, &[]);
    let mut consensus = node(0);
    consensus.handle(NOW, peer(2, nullification(View(1))));
    consensus.handle(NOW, peer(2, notarization(View(2), child.hash)));
    assert_eq!(answer(&mut consensus, &[&child, &parent]), [child.hash, parent.hash]);
    for view in 3..=4 {
        consensus.handle(NOW, peer(2, nullification(View(view))));
    }
    assert_eq!(consensus.view(), View(5));
    assert!(serves(&mut consensus, child.hash) && serves(&mut consensus, parent.hash));
}

/// The certificates that the machine sends to all when nothing moves, as (view, whether it notarizes).
fn repeated(consensus: &mut Consensus) -> Vec<(u64, bool)> {
    let mut last = Vec::new();
    for second in 1..=40 {
        let effects = consensus.handle(NOW.plus_ms(second * RESEND_MAX_MS), Input::Timer);
        let certificates = effects.into_iter().filter_map(|effect| match effect {
            Effect::Broadcast(PeerMessage::Notarization(found, _)) => Some((found.view.0, true)),
            Effect::Broadcast(PeerMessage::Nullification(found, _)) => Some((found.view.0, false)),
            _ => None,
        });
        let certificates: Vec<(u64, bool)> = certificates.collect();
        last = if certificates.is_empty() { last } else { certificates };
    }
    last
}

#[test]
fn of_a_view_whose_block_nobody_has_others_learn_that_it_was_given_up() {
    let mut consensus = node(0);
    consensus.handle(NOW, peer(2, nullification(View(1))));
    consensus.handle(NOW, peer(2, nullification(View(2))));
    consensus.handle(NOW, peer(2, notarization(View(2), BLOCK)));
    assert_eq!(repeated(&mut consensus), [(1, false), (2, false), (2, true)]);
}

#[test]
fn the_certificates_of_the_block_to_build_on_are_repeated_however_far_below_it_is() {
    let block = Signed::on(None, 1, &[]);
    let mut consensus = node(0);
    consensus.handle(NOW, peer(2, notarization(View(1), block.hash)));
    answer(&mut consensus, &[&block]);
    for view in 2..=CERTIFICATES_PUSHED_MAX as u64 + 10 {
        consensus.handle(NOW, peer(2, nullification(View(view))));
    }
    let repeated = repeated(&mut consensus);
    assert_eq!(repeated.first(), Some(&(1, true)));
    assert_eq!(repeated.len(), CERTIFICATES_PUSHED_MAX + 1);
}

/// A peer says that it has finalized this height.
fn claim(from: u16, finalized: Height) -> Input {
    let (view, certified) = (View(1), Height::ZERO);
    peer(from, PeerMessage::Status(PeerStatus { view, entered: view, finalized, certified }))
}

/// The segment of this block alone.
fn segment(block: &Signed) -> ChainSegment {
    let view = block.proposal.header.view;
    let blocks = vec![(Arc::new(block.proposal.header.clone()), beacon(view))];
    ChainSegment { blocks, finalization: finalization(view, block.hash), certification: None }
}

fn chain(from: u16, block: &Signed) -> Input {
    peer(from, PeerMessage::Chain(Box::new(segment(block))))
}

/// Whom these effects ask for the chain, and from which height on.
fn asked(effects: Vec<Effect>) -> Vec<(u16, u64)> {
    let question = |effect: Effect| match effect {
        Effect::Send(to, PeerMessage::FetchChain(from)) => Some((to.0, from.0)),
        _ => None,
    };
    effects.into_iter().filter_map(question).collect()
}

/// Over a slow link a segment takes longer than the patience with one peer.
#[test]
fn a_segment_that_comes_when_another_peer_is_asked_already_is_taken() {
    let block = Signed::on(None, 1, &[]);
    let mut consensus = node(0);
    consensus.handle(NOW, peer(2, PeerMessage::Finalization(finalization(View(1), block.hash))));
    let rounds = (1..=90).map(|tenth| NOW.plus_ms(tenth * CHAIN_FETCH_RETRY_MS / 10));
    let questions: Vec<_> =
        rounds.flat_map(|now| asked(consensus.handle(now, Input::Timer))).map(|(to, _)| to).collect();
    assert!(questions.len() > 2 && questions.last() != questions.first(), "{questions:?}");
    let late = NOW.plus_ms(10 * CHAIN_FETCH_RETRY_MS);
    let first = questions.first().copied().expect("somebody");
    let effects = consensus.handle(late, chain(first, &block));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Deliver { .. })), "{effects:?}");
}

/// A node whose peers claim many heights, and that has asked peer 1 for the first.
fn lagging() -> Consensus {
    let mut consensus = node(0);
    let effects = (1..=3).flat_map(|from| consensus.handle(NOW, claim(from, Height(9)))).collect();
    assert_eq!(asked(effects), [(1, 1)]);
    consensus
}

#[test]
fn a_stale_answer_ends_the_question() {
    let block = Signed::on(None, 1, &[]);
    let mut consensus = lagging();
    assert_eq!(asked(consensus.handle(NOW, chain(1, &block))), [(2, 2)]);
    assert_eq!(asked(consensus.handle(NOW, chain(2, &block))), [(3, 2)]);
    assert_eq!(consensus.faults(), [0; 4]);
}

#[test]
fn a_stale_answer_leaves_a_newer_question_to_the_same_peer_open() {
    let first = Signed::on(None, 1, &[]);
    let second = Signed::on(Some(&first), 2, &[]);
    let mut consensus = lagging();
    let late = NOW.plus_ms(CHAIN_FETCH_RETRY_MS);
    assert_eq!(asked(consensus.handle(late, Input::Timer)), [(2, 1)]);
    assert!(asked(consensus.handle(late, claim(1, Height(9)))).is_empty());
    assert_eq!(asked(consensus.handle(late, chain(2, &first))), [(3, 2)]);
    assert_eq!(asked(consensus.handle(late, chain(3, &second))), [(1, 3)]);
    assert!(asked(consensus.handle(late, chain(1, &first))).is_empty());
    let later = late.plus_ms(CHAIN_FETCH_RETRY_MS);
    assert_eq!(asked(consensus.handle(later, Input::Timer)), [(2, 3)]);
}

/// The package of the state of this block.
fn package(block: &Signed) -> PeerMessage {
    let (height, root) = (block.proposal.header.height, StateRoot(BLOCK));
    let signature = combined(Statement::Certify { height, root });
    let certification = Some(Certification { height, root, signature });
    PeerMessage::Package(Box::new(ChainSegment { certification, ..segment(block) }))
}

/// Whether a package that peer 1 sends late is fetched, after peer 2 has sent the first block or not.
fn fetches_late_package(is_first_here: bool) -> bool {
    let first = Signed::on(None, 1, &[]);
    let second = Signed::on(Some(&first), 2, &[]);
    let third = Signed::on(Some(&second), 3, &[]);
    let mut consensus = lagging();
    let late = NOW.plus_ms(CHAIN_FETCH_RETRY_MS);
    assert_eq!(asked(consensus.handle(late, Input::Timer)), [(2, 1)]);
    if is_first_here {
        assert_eq!(asked(consensus.handle(late, chain(2, &first))), [(3, 2)]);
    }
    let effects = consensus.handle(late, peer(1, package(&third)));
    effects.iter().any(|effect| matches!(effect, Effect::FetchState(_)))
}

#[test]
fn a_late_package_is_taken_if_nothing_has_come_since_it_was_asked_for() {
    assert!(fetches_late_package(false));
    assert!(!fetches_late_package(true));
}

#[test]
fn a_segment_that_was_asked_for_before_a_package_came_is_taken() {
    let first = Signed::on(None, 1, &[]);
    let third = Signed::on(Some(&Signed::on(Some(&first), 2, &[])), 3, &[]);
    let mut consensus = lagging();
    let late = NOW.plus_ms(CHAIN_FETCH_RETRY_MS);
    assert_eq!(asked(consensus.handle(late, Input::Timer)), [(2, 1)]);
    let effects = consensus.handle(late, peer(2, package(&third)));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::FetchState(_))));
    let effects = consensus.handle(late, chain(1, &first));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Deliver { .. })));
}

#[test]
fn late_answers_teach_patience_and_timely_ones_unteach_it() {
    let first = Signed::on(None, 1, &[]);
    let second = Signed::on(Some(&first), 2, &[]);
    let mut consensus = lagging();
    let mut now = NOW.plus_ms(CHAIN_FETCH_RETRY_MS);
    assert_eq!(asked(consensus.handle(now, Input::Timer)), [(2, 1)]);
    // Peer 1 was late: peer 3 has twice the time, and takes it.
    assert_eq!(asked(consensus.handle(now, chain(1, &first))), [(3, 2)]);
    now = now.plus_ms(2 * CHAIN_FETCH_RETRY_MS - 1);
    assert!(asked(consensus.handle(now, Input::Timer)).is_empty());
    assert_eq!(asked(consensus.handle(now, chain(3, &second))), [(2, 3)]);
    // It was in time: peer 2 has as long as at first.
    now = now.plus_ms(CHAIN_FETCH_RETRY_MS);
    assert_eq!(asked(consensus.handle(now, Input::Timer)), [(3, 3)]);
}

#[test]
fn a_boaster_does_not_wear_out_the_patience_with_others() {
    let mut consensus = node(0);
    let seconds = (1..=120).map(|second| NOW.plus_ms(second * 1_000));
    let boasts = seconds.flat_map(|now| consensus.handle(now, claim(1, Height(u64::MAX)))).collect();
    assert!(asked(boasts).len() > 30);
    let start = NOW.plus_ms(120_000);
    consensus.handle(start, peer(2, PeerMessage::Finalization(finalization(View(1), BLOCK))));
    let rounds = (1..=20).map(|tenth| start.plus_ms(tenth * CHAIN_FETCH_RETRY_MS / 10));
    let questions: Vec<_> = rounds.flat_map(|now| asked(consensus.handle(now, Input::Timer))).collect();
    assert!(questions.iter().any(|(to, _)| *to != 1), "{questions:?}");
}

/// Whether a leader asks for calls on top of three blocks that are not final, of so many bytes each.
fn asks_for_calls(bytes: usize) -> bool {
    let leads = |view: View| {
        let before = View(view.0 - 1);
        keys(4)[0].keyring.leader(view, Some(&beacon(before).signature)) == NodeIndex(0)
    };
    let mut consensus = node(0);
    let mut parent: Option<Signed> = None;
    for view in 1..=3 {
        let envelope = Bytes::from(vec![view as u8; bytes]);
        let calls = [hash_call(&envelope)];
        let block = Signed::on(parent.as_ref(), view, &calls);
        consensus.handle(NOW, peer(2, notarization(View(view), block.hash)));
        answer(&mut consensus, &[&block]);
        let call = SignedIngress { id: RequestId([view as u8; 32]), expiry: Time(u64::MAX), envelope };
        let found = vec![Some(Arc::new(call))];
        consensus.handle(NOW, Input::CallsFound { block: block.hash, calls: found });
        parent = Some(block);
    }
    let led = (5..40).find(|view| leads(View(*view))).expect("one in four is");
    let later = NOW.plus_ms(3 * FETCH_RETRY_MS);
    let mut effects = Vec::new();
    for view in 4..led {
        effects.extend(consensus.handle(later, peer(2, nullification(View(view)))));
    }
    assert_eq!(consensus.view(), View(led));
    assert_eq!(consensus.pending().len(), 3);
    for tenth in 1..=5 {
        effects.extend(consensus.handle(later.plus_ms(tenth * 100), Input::Timer));
    }
    effects.iter().any(|effect| matches!(effect, Effect::SelectPayload { .. }))
}

#[test]
fn no_calls_go_on_top_of_more_unfinished_bytes_than_a_segment_holds() {
    assert!(asks_for_calls(CHAIN_SEGMENT_BYTES_MAX / 3));
    assert!(!asks_for_calls(CHAIN_SEGMENT_BYTES_MAX / 3 + 1));
}
