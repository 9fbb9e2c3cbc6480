//! One machine, fed by hand.

use super::cluster::{CHAIN, PACE, keys};
use crate::consensus::{Consensus, Keys};
use crate::crypto::threshold::{Keyring, Statement};
use crate::types::*;

pub(super) const NOW: Time = Time(1_000_000_000_000);
pub(super) const BLOCK: Digest = Digest([5; 32]);

pub(super) fn node(index: usize) -> Consensus {
    let keys: Keys = keys(4).swap_remove(index);
    let mut consensus = Consensus::new(keys, PACE);
    consensus.handle(NOW, Input::Started(Box::default()));
    consensus
}

pub(super) fn share(signer: u16, view: View, block: Digest) -> NotarizationShare {
    let keyring = &Keyring::simulated(CHAIN, 4)[usize::from(signer)];
    NotarizationShare {
        view,
        block,
        signer: NodeIndex(signer),
        share: keyring.sign_share(&Statement::Notarize { view, block }),
        beacon: keyring.sign_share(&Statement::Beacon { view }),
    }
}

pub(super) fn peer(from: u16, message: PeerMessage) -> Input {
    Input::Peer(NodeIndex(from), message)
}

/// Feeds notarization shares (sent by, share) and says whether the machine left view 1.
fn leaves_view(messages: &[(u16, NotarizationShare)]) -> bool {
    let mut consensus = node(0);
    for (from, share) in messages {
        consensus.handle(NOW, peer(*from, PeerMessage::NotarizationShare(*share)));
    }
    consensus.view() > View(1)
}

#[test]
fn a_quorum_of_shares_notarizes() {
    let of = |signer| (signer, share(signer, View(1), BLOCK));
    assert!(leaves_view(&[of(1), of(2), of(3)]));
    assert!(!leaves_view(&[of(1), of(2)]));
}

#[test]
fn counts_a_repeated_vote_once() {
    let of = |signer| (signer, share(signer, View(1), BLOCK));
    assert!(!leaves_view(&[of(1), of(2), of(2), of(1), of(2)]));
}

/// What a machine writes about its vote to finalize, in order: the vote, and the certificate that it rests on.
fn writes(consensus: &mut Consensus, message: PeerMessage, from: u16) -> Vec<&'static str> {
    let effects = consensus.handle(NOW, peer(from, message));
    let kind = |effect: &Effect| match effect {
        Effect::Persist(Record::Vote(Vote::Finalize { .. })) => Some("vote"),
        Effect::Persist(Record::Notarization(..)) => Some("certificate"),
        _ => None,
    };
    effects.iter().filter_map(kind).collect()
}

#[test]
fn a_vote_to_finalize_stands_behind_its_certificate_on_disk() {
    let mut consensus = node(0);
    let of = |signer| PeerMessage::NotarizationShare(share(signer, View(1), BLOCK));
    assert!(writes(&mut consensus, of(1), 1).is_empty());
    assert!(writes(&mut consensus, of(2), 2).is_empty());
    assert_eq!(writes(&mut consensus, of(3), 3), ["certificate", "vote"]);
}

#[test]
fn a_forged_share_of_the_beacon_does_not_bring_the_vote_before_its_certificate() {
    let mut consensus = node(0);
    let of = |signer| PeerMessage::NotarizationShare(share(signer, View(1), BLOCK));
    let forged = NotarizationShare { beacon: share(3, View(2), BLOCK).beacon, ..share(3, View(1), BLOCK) };
    assert!(writes(&mut consensus, of(1), 1).is_empty());
    assert!(writes(&mut consensus, PeerMessage::NotarizationShare(forged), 3).is_empty());
    assert_eq!(writes(&mut consensus, of(2), 2), ["certificate", "vote"]);
}

/// What all members' shares of a statement combine to.
pub(super) fn combined(statement: Statement) -> BlsBytes {
    let keyrings = Keyring::simulated(CHAIN, 4);
    let shares: Vec<_> =
        keyrings.iter().map(|keyring| (keyring.own(), keyring.sign_share(&statement))).collect();
    keyrings[0].combine(&statement, &shares).expect("all sign")
}

/// Whom the machine asks for a block that it knows by its certificate and by the votes of `voters`, in order.
fn asked_for_the_block(voters: &[u16]) -> Vec<u16> {
    let mut consensus = node(0);
    for voter in voters {
        let vote = PeerMessage::NotarizationShare(share(*voter, View(1), BLOCK));
        consensus.handle(NOW, peer(*voter, vote));
    }
    let (view, block) = (View(1), BLOCK);
    let notarization = Notarization { view, block, signature: combined(Statement::Notarize { view, block }) };
    let beacon = RandomBeacon { view, signature: combined(Statement::Beacon { view }) };
    consensus.handle(NOW, peer(3, PeerMessage::Notarization(notarization, beacon)));
    let rounds = (1..=6).map(|round| NOW.plus_ms(round * limits::FETCH_RETRY_MS));
    let effects = rounds.flat_map(|now| consensus.handle(now, Input::Timer));
    let asked = effects.filter_map(|effect| match effect {
        Effect::Send(to, PeerMessage::FetchBlock(BLOCK)) => Some(to.0),
        _ => None,
    });
    asked.collect()
}

#[test]
fn a_block_is_asked_of_those_who_voted_for_it_and_then_of_everybody() {
    assert_eq!(asked_for_the_block(&[]), [1, 2, 3, 1, 2, 3]);
    assert_eq!(asked_for_the_block(&[2]), [2, 1, 3, 2, 1, 3]);
    assert_eq!(asked_for_the_block(&[3, 1]), [1, 3, 2, 1, 3, 2]);
}

#[test]
fn ignores_a_share_that_another_node_relays() {
    let of = |signer| (signer, share(signer, View(1), BLOCK));
    assert!(!leaves_view(&[of(1), of(2), (2, share(3, View(1), BLOCK))]));
}

#[test]
fn ignores_a_second_vote_for_another_block_and_keeps_evidence() {
    let mut consensus = node(0);
    for block in [Digest([6; 32]), BLOCK] {
        consensus.handle(NOW, peer(1, PeerMessage::NotarizationShare(share(1, View(1), block))));
    }
    assert_eq!(consensus.evidence().len(), 1);
    let of = |signer| (signer, share(signer, View(1), BLOCK));
    assert!(!leaves_view(&[
        (1, share(1, View(1), Digest([6; 32]))),
        of(1),
        of(2),
        (3, share(3, View(2), BLOCK))
    ]));
}

#[test]
fn keeps_no_share_beyond_the_window_of_views() {
    let mut consensus = node(0);
    for view in 1..=10_000 {
        consensus.handle(NOW, peer(1, PeerMessage::NotarizationShare(share(1, View(view), BLOCK))));
    }
    consensus.handle(NOW, peer(1, PeerMessage::NotarizationShare(share(1, View(u64::MAX), BLOCK))));
    assert!(consensus.views_kept() <= limits::VIEWS_AHEAD_MAX as usize + 1);
}

#[test]
fn a_liar_is_counted_and_at_last_not_heard() {
    let mut consensus = node(0);
    let signature = BlsBytes([3; 48]);
    for view in 1..=200 {
        let view = View(view);
        let lie = PeerMessage::Notarization(
            Notarization { view, block: BLOCK, signature },
            RandomBeacon { view, signature },
        );
        consensus.handle(NOW, peer(2, lie));
    }
    assert_eq!(consensus.faults()[2], limits::PEER_FAULTS_MAX);
    assert_eq!((consensus.view(), consensus.views_kept()), (View(1), 0));
}

fn certification(height: Height, root: StateRoot) -> Certification {
    Certification { height, root, signature: combined(Statement::Certify { height, root }) }
}

/// Feeds certifications of height 1, then executes it to `own`; the last effect that tells.
fn certify(own: StateRoot, said: &[(u16, StateRoot)]) -> Vec<Effect> {
    let mut consensus = node(0);
    let mut effects = Vec::new();
    for (from, root) in said {
        let message = PeerMessage::Certification(certification(Height(1), *root));
        effects.extend(consensus.handle(NOW, peer(*from, message)));
    }
    effects.extend(consensus.handle(NOW, Input::Executed(Executed { height: Height(1), root: own })));
    effects.retain(|effect| matches!(effect, Effect::Certified(_) | Effect::Halt(_)));
    effects
}

#[test]
fn a_certification_kept_until_its_height_is_executed_certifies_it() {
    let root = StateRoot(Digest([1; 32]));
    assert!(matches!(certify(root, &[(2, root)])[..], [Effect::Certified(_)]));
    assert!(certify(root, &[]).is_empty());
}

/// The signature of a certification covers the root alone: one peer can put another height on it.
#[test]
fn one_peer_cannot_halt_a_replica_with_the_root_of_another_height() {
    let (own, other) = (StateRoot(Digest([1; 32])), StateRoot(Digest([2; 32])));
    assert!(certify(own, &[(2, other)]).is_empty());
    assert!(matches!(certify(own, &[(2, other), (3, other)])[..], [Effect::Halt(_)]));
    assert!(matches!(certify(own, &[(2, other), (3, own)])[..], [Effect::Certified(_)]));
}

#[test]
fn nothing_is_said_before_the_start_or_after_a_halt() {
    let mut consensus = Consensus::new(keys(4).swap_remove(0), PACE);
    assert!(consensus.handle(NOW, Input::Timer).is_empty());
    let (own, other) = (StateRoot(Digest([1; 32])), StateRoot(Digest([2; 32])));
    let mut consensus = node(0);
    consensus.handle(NOW, Input::Executed(Executed { height: Height(1), root: own }));
    for from in [1, 2] {
        consensus.handle(NOW, peer(from, PeerMessage::Certification(certification(Height(1), other))));
    }
    assert!(consensus.is_stopped());
    assert!(consensus.handle(NOW.plus_ms(60_000), Input::Timer).is_empty());
}
