//! Wire and disk: what goes in comes out, the bytes are the ones that other versions know, and no
//! bytes at all make a decoder panic.

use super::{DecodeError, cbor, peer, proto, record};
use crate::crypto::hash::{hash_calls, sha256};
use crate::types::limits::{
    BLOCK_INGRESS_COUNT_MAX, CHAIN_LINKS_MAX, MISSED_VIEWS_MAX, ORDER_BYTES_MAX, ORDER_PROOF_BYTES_MAX,
};
use crate::types::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::Arc;

fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn bls(byte: u8) -> BlsBytes {
    BlsBytes([byte; 48])
}

fn ingress(method: &str, expiry: u64) -> Arc<SignedIngress> {
    let call = UserCall {
        canister_id: CanisterId(7).principal(),
        method_name: method.to_owned(),
        arg: b"DIDL\0\0".to_vec(),
        sender: Principal::anonymous(),
        ingress_expiry: Time(expiry),
        nonce: Some(vec![1, 2, 3]),
        sender_info: None,
    };
    Arc::new(cbor::read_ingress(cbor::encode_call(&call, None)).expect("a well-formed call"))
}

fn block(view: u64, methods: &[&str]) -> Block {
    Block {
        view: View(view),
        height: Height(view),
        parent: digest(1),
        parent_view: View(view.saturating_sub(1)),
        proposer: NodeIndex(3),
        time: Time(1_700_000_000_000_000_000),
        attendance: Attendance::default(),
        payload: Payload {
            ingress: methods.iter().map(|method| ingress(method, 9)).collect(),
            ..Payload::default()
        },
    }
}

/// One system message of every kind.
fn system_messages() -> [SystemMessage; 4] {
    let (epoch, dealer, receiver) = (Epoch(1), NodeIndex(2), NodeIndex(3));
    let node = GenesisNode {
        name: "a".into(),
        identity_key: "01".into(),
        tls_key: "02".into(),
        encryption_key: "03".into(),
        address: "[::1]:9".into(),
    };
    [
        SystemMessage::Dealing { epoch, dealer, dealing: Bytes::from_static(b"dealing") },
        SystemMessage::Complaint { epoch, dealer, receiver, complaint: Bytes::from_static(b"complaint") },
        SystemMessage::Change(MembershipChange {
            version: 4,
            remove: vec![[5; 32]],
            add: vec![node],
            signatures: vec![(NodeIndex(0), NodeSignature([6; 64]))],
        }),
        SystemMessage::Order(MembershipOrder {
            order: Bytes::from_static(b"order"),
            certificate: Bytes::from_static(b"certificate"),
            witness: Bytes::from_static(b"witness"),
        }),
    ]
}

#[test]
fn a_block_with_system_messages_comes_back_as_it_was_written() {
    let mut block = block(8, &["inc"]);
    block.payload.system = system_messages().to_vec();
    let bytes = record::encode_block(&block);
    assert_eq!(record::decode_block(bytes.into()), Ok(block.clone()));
    block.payload.system = vec![system_messages()[0].clone(); 17];
    let error = record::decode_block(record::encode_block(&block).into()).unwrap_err();
    assert!(error.to_string().contains("block.system"), "{error}");
}

#[test]
fn a_change_of_the_membership_comes_back_as_it_was_written_and_is_bounded() {
    let [.., SystemMessage::Change(change), _] = system_messages() else { panic!() };
    assert_eq!(
        super::system::decode_change(super::system::encode_change(&change).into()),
        Ok(change.clone())
    );
    let crowd = MembershipChange { remove: vec![[0; 32]; 65], ..change.clone() };
    assert!(super::system::decode_change(super::system::encode_change(&crowd).into()).is_err());
    let mut wordy = change;
    wordy.add[0].address = "a".repeat(300);
    assert!(super::system::decode_change(super::system::encode_change(&wordy).into()).is_err());
}

/// What is left of a block's attendance when its voters and missed views travel as these bytes.
fn attendance(voters: &'static [u8], missed: Vec<u8>) -> Result<Attendance, DecodeError> {
    use prost::Message;
    let mut wire = proto::Block::from(&block(8, &[]));
    (wire.voters, wire.missed) = (Bytes::from_static(voters), missed.into());
    record::decode_block(wire.encode_to_vec().into()).map(|block| block.attendance)
}

#[test]
fn attendance_comes_back_as_it_was_written_in_the_one_form_that_it_has() {
    let (voters, missed) = ([0, 9, 63].map(NodeIndex).into(), vec![NodeIndex(300), NodeIndex(2)]);
    let whole = Block { attendance: Attendance { voters, missed }, ..block(8, &["inc"]) };
    assert_eq!(record::decode_block(record::encode_block(&whole).into()), Ok(whole));
    assert_eq!(attendance(&[], Vec::new()), Ok(Attendance::default()));
    let check = |voters: &'static [u8], missed: Vec<u8>, expected: &str| {
        let error = attendance(voters, missed).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&[1, 0], Vec::new(), "block.voters");
    check(&[1; 9], Vec::new(), "block.voters");
    check(&[], vec![1], "block.missed");
    check(&[], vec![0; 2 * MISSED_VIEWS_MAX + 2], "block.missed");
}

#[test]
fn an_order_of_the_registry_is_bounded() {
    let [.., SystemMessage::Order(order)] = system_messages() else { panic!() };
    let check = |long: fn(&mut MembershipOrder), field: &str| {
        let (mut order, mut block) = (order.clone(), block(8, &[]));
        long(&mut order);
        block.payload.system = vec![SystemMessage::Order(order)];
        let error = record::decode_block(record::encode_block(&block).into()).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    };
    check(|order| order.order = Bytes::from(vec![0; ORDER_BYTES_MAX + 1]), "order.order");
    check(|order| order.certificate = Bytes::from(vec![0; ORDER_PROOF_BYTES_MAX + 1]), "order.certificate");
    check(|order| order.witness = Bytes::from(vec![0; ORDER_PROOF_BYTES_MAX + 1]), "order.witness");
}

fn finalization(view: u64) -> Finalization {
    Finalization { view: View(view), block: digest(2), signature: bls(3) }
}

fn beacon(view: u64) -> RandomBeacon {
    RandomBeacon { view: View(view), signature: bls(4) }
}

fn certification() -> Certification {
    Certification { height: Height(5), root: StateRoot(digest(6)), signature: bls(7) }
}

fn ceremony(step: CeremonyStep) -> PeerMessage {
    let signature = NodeSignature([9; 64]);
    PeerMessage::Ceremony(Box::new(CeremonyMessage { sender: NodeIndex(2), step, signature }))
}

/// One message of every kind, with its name.
fn messages() -> Vec<(&'static str, PeerMessage)> {
    let (view, block_hash, signer, share) = (View(8), digest(1), NodeIndex(2), bls(3));
    let chain = ChainSegment {
        blocks: vec![(Arc::new(block(1, &[])), beacon(1)), (Arc::new(block(2, &["inc"])), beacon(2))],
        finalization: finalization(2),
        certification: Some(certification()),
    };
    let notarization = Notarization { view, block: block_hash, signature: share };
    let nullification = Nullification { view, signature: share };
    let notarization_share = NotarizationShare { view, block: block_hash, signer, share, beacon: bls(4) };
    let certification_share =
        CertificationShare { epoch: Epoch(1), height: Height(5), root: StateRoot(digest(6)), signer, share };
    let status = PeerStatus { view, entered: View(9), finalized: Height(7), certified: Height(6) };
    let whole = block(8, &["inc", "dec"]);
    let proposal = CompactProposal {
        header: whole.header(),
        calls: hash_calls(&whole.payload),
        signature: NodeSignature([5; 64]),
    };
    let envelopes = [Bytes::from_static(b"one"), Bytes::from_static(b"another")];
    let mut messages = vec![
        ("proposal", PeerMessage::Proposal(Arc::new(proposal))),
        ("notarization share", PeerMessage::NotarizationShare(notarization_share)),
        (
            "nullification share",
            PeerMessage::NullificationShare(NullificationShare { view, signer, share, beacon: bls(4) }),
        ),
        (
            "finalization share",
            PeerMessage::FinalizationShare(FinalizationShare { view, block: block_hash, signer, share }),
        ),
        ("certification share", PeerMessage::CertificationShare(certification_share)),
        ("notarization", PeerMessage::Notarization(notarization, beacon(8))),
        ("nullification", PeerMessage::Nullification(nullification, beacon(8))),
        ("finalization", PeerMessage::Finalization(finalization(8))),
        ("certification", PeerMessage::Certification(certification())),
        ("ingress", PeerMessage::Ingress(Bytes::from_static(b"an envelope"))),
        ("status", PeerMessage::Status(status)),
        ("fetch block", PeerMessage::FetchBlock(block_hash)),
        (
            "fetch bodies",
            PeerMessage::FetchBodies { block: block_hash, places: [0, 7, 999].into_iter().collect() },
        ),
        (
            "bodies",
            PeerMessage::Bodies { block: block_hash, bodies: [7, 999].into_iter().zip(envelopes).collect() },
        ),
        ("fetch chain", PeerMessage::FetchChain(Height(77))),
        ("package", PeerMessage::Package(Box::new(chain.clone()))),
        ("chain", PeerMessage::Chain(Box::new(chain))),
        (
            "fetch state",
            PeerMessage::FetchState(StateRequest {
                id: 5,
                height: Height(6),
                item: Bytes::from_static(b"item"),
            }),
        ),
        ("state part", PeerMessage::StatePart(StatePart { id: 5, part: Some(Bytes::from_static(b"part")) })),
        ("no state part", PeerMessage::StatePart(StatePart { id: 5, part: None })),
        ("commit", ceremony(CeremonyStep::Commit(digest(1)))),
        ("deal", ceremony(CeremonyStep::Deal(Bytes::from_static(b"dealing")))),
        ("keys", ceremony(CeremonyStep::Keys(Bytes::from_static(b"keys")))),
        ("agree", ceremony(CeremonyStep::Agree(digest(2)))),
        ("done", ceremony(CeremonyStep::Done(Bytes::from_static(b"transcript")))),
    ];
    // Orders came later: their bytes are pinned by themselves.
    let [dealing, complaint, change, _] = system_messages();
    let system = [dealing, complaint, change];
    messages.extend(system.map(|message| ("system", PeerMessage::System(Box::new(message)))));
    messages
}

#[test]
fn every_peer_message_comes_back_as_it_was_sent() {
    for (name, message) in messages() {
        assert_eq!(peer::decode(peer::encode(&message)), Ok(message), "{name}");
    }
}

#[test]
fn the_bytes_of_peer_messages_are_pinned() {
    let all: Vec<u8> = messages().iter().flat_map(|(_, message)| peer::encode(message)).collect();
    assert_eq!(sha256(&all).to_string(), GOLDEN_PEER);
}

const GOLDEN_PEER: &str = "ba3dbc6eeb23ef119c362f83cdee1c7af53cb3e78eed1571574586e93c8211f3";

#[test]
fn the_bytes_of_orders_and_of_attendance_are_pinned() {
    let [.., order] = system_messages();
    let message = PeerMessage::System(Box::new(order));
    let bytes = peer::encode(&message);
    assert_eq!(&bytes[..], b"\xf2\x01\x1f\x22\x1d\x0a\x05order\x12\x0bcertificate\x1a\x07witness");
    assert_eq!(peer::decode(bytes), Ok(message));
    let (voters, missed) = ([0, 1, 9].map(NodeIndex).into(), vec![NodeIndex(258)]);
    let with = Block { attendance: Attendance { voters, missed }, ..block(8, &["inc"]) };
    let without = record::encode_block(&block(8, &["inc"]));
    let said = b"\xaa\x01\x02\x03\x02\xb2\x01\x02\x01\x02";
    assert_eq!(record::encode_block(&with), [&without[..], said].concat());
}

#[test]
fn every_truncated_peer_message_is_an_error_or_another_message() {
    for (name, message) in messages() {
        let bytes = peer::encode(&message);
        for length in 0..bytes.len() {
            assert_ne!(peer::decode(bytes.slice(..length)), Ok(message.clone()), "{name} cut at {length}");
        }
    }
}

#[test]
fn records_come_back_as_they_were_written() {
    let (block, notarization) =
        (block(3, &["inc"]), Notarization { view: View(3), block: digest(1), signature: bls(2) });
    let nullification = Nullification { view: View(4), signature: bls(2) };
    let proposal = Proposal { block: block.clone(), signature: NodeSignature([5; 64]) };
    let finalized = record::Finalized {
        height: Height(3),
        hash: digest(1),
        beacon: beacon(3),
        finalization: finalization(4),
    };
    assert_eq!(record::decode_block(record::encode_block(&block).into()), Ok(block));
    assert_eq!(record::decode_proposal(record::encode_proposal(&proposal).into()), Ok(proposal));
    let bytes = record::encode_notarization(&notarization, &beacon(3));
    assert_eq!(record::decode_notarization(bytes.into()), Ok((notarization, beacon(3))));
    let bytes = record::encode_nullification(&nullification, &beacon(4));
    assert_eq!(record::decode_nullification(bytes.into()), Ok((nullification, beacon(4))));
    assert_eq!(record::decode_finalized(record::encode_finalized(&finalized).into()), Ok(finalized));
    let bytes = record::encode_certification(&certification());
    assert_eq!(record::decode_certification(bytes.into()), Ok(certification()));
    for vote in votes() {
        assert_eq!(record::decode_vote(record::encode_vote(&vote).into()), Ok(vote));
    }
}

fn votes() -> [Vote; 3] {
    let (view, block) = (View(3), digest(1));
    [Vote::Notarize { view, block }, Vote::Nullify { view }, Vote::Finalize { view, block }]
}

#[test]
fn the_bytes_of_records_are_pinned() {
    let proposal = Proposal { block: block(3, &["inc"]), signature: NodeSignature([5; 64]) };
    let mut all = record::encode_proposal(&proposal);
    all.extend(votes().iter().flat_map(record::encode_vote));
    all.extend(record::encode_finalized(&record::Finalized {
        height: Height(3),
        hash: digest(1),
        beacon: beacon(3),
        finalization: finalization(4),
    }));
    all.extend(record::encode_certification(&certification()));
    assert_eq!(sha256(&all).to_string(), GOLDEN_RECORDS);
}

const GOLDEN_RECORDS: &str = "e1ed8bbc34908ce606ca8fc4e346fd3472bea45a085b1fe2201420c5817196b2";

/// Decodes a message whose protobuf was tampered with, and returns the complaint.
fn complaint(message: proto::peer_message::Message) -> String {
    use prost::Message;
    let bytes = proto::PeerMessage { message: Some(message) }.encode_to_vec();
    peer::decode(bytes).expect_err("must be refused").to_string()
}

#[test]
fn wrong_lengths_and_indices_name_their_field() {
    use proto::peer_message::Message as Wire;
    let share = proto::FinalizationShare {
        view: 1,
        block: Bytes::from_static(&[0; 32]),
        signer: 1,
        share: Bytes::from_static(&[0; 48]),
    };
    let short = proto::FinalizationShare { share: Bytes::from_static(&[0; 47]), ..share.clone() };
    assert_eq!(complaint(Wire::FinalizationShare(short)), "finalization_share.share: 47 bytes, expected 48");
    let far = proto::FinalizationShare { signer: 65_536, ..share };
    assert_eq!(complaint(Wire::FinalizationShare(far)), "finalization_share.signer: number out of range");
    assert_eq!(
        complaint(Wire::FetchBlock(Bytes::from_static(&[0; 33]))),
        "fetch_block: 33 bytes, expected 32"
    );
    assert_eq!(
        complaint(Wire::Proposal(proto::CompactProposal::default())),
        "proposal.signature: 0 bytes, expected 64"
    );
    let proposal = proto::CompactProposal {
        header: Some((&block(3, &[])).into()),
        calls: Bytes::from_static(&[0; 33]),
        signature: Bytes::from_static(&[0; 64]),
    };
    assert_eq!(complaint(Wire::Proposal(proposal)), "proposal.calls: truncated");
    let body = proto::Body { place: 65_536, envelope: Bytes::new() };
    let bodies = proto::Bodies { block: Bytes::from_static(&[0; 32]), bodies: vec![body] };
    assert_eq!(complaint(Wire::Bodies(bodies)), "bodies.place: number out of range");
    assert_eq!(complaint(Wire::Chain(proto::ChainSegment::default())), "chain.finalization: missing");
}

#[test]
fn repeated_fields_are_counted_before_they_are_allocated() {
    use proto::peer_message::Message as Wire;
    let bomb =
        proto::Block { ingress: vec![Bytes::new(); BLOCK_INGRESS_COUNT_MAX + 1], ..Default::default() };
    let link = proto::ChainLink { block: Some(bomb), beacon: None };
    let chain = proto::ChainSegment { links: vec![link], ..Default::default() };
    assert_eq!(complaint(Wire::Chain(chain)), "block.ingress: more than 1000 entries");
    let signature = Bytes::from_static(&[0; 64]);
    let calls = Bytes::from(vec![0; 32 * (BLOCK_INGRESS_COUNT_MAX + 1)]);
    let header = proto::Block::from(&block(3, &[]));
    let proposal = proto::CompactProposal { header: Some(header), calls, signature };
    assert_eq!(complaint(Wire::Proposal(proposal)), "proposal.calls: more than 1000 entries");
    let bodies = proto::Bodies {
        bodies: vec![proto::Body::default(); BLOCK_INGRESS_COUNT_MAX + 1],
        ..Default::default()
    };
    assert_eq!(complaint(Wire::Bodies(bodies)), "bodies.body: more than 1000 entries");
    let links = vec![proto::ChainLink::default(); CHAIN_LINKS_MAX + 1];
    let chain = proto::ChainSegment { links, ..Default::default() };
    assert_eq!(complaint(Wire::Chain(chain)), "chain.links: more than 1024 entries");
}

#[test]
fn an_envelope_in_a_block_must_be_an_envelope() {
    use proto::peer_message::Message as Wire;
    let mut block = proto::Block::from(&block(3, &[]));
    block.ingress = vec![Bytes::from_static(b"\xa0")];
    let link = proto::ChainLink { block: Some(block), beacon: None };
    let chain = proto::ChainSegment { links: vec![link], ..Default::default() };
    assert_eq!(complaint(Wire::Chain(chain)), "content: missing");
}

#[test]
fn a_proposal_travels_without_its_calls() {
    use proto::peer_message::Message as Wire;
    let proposal = proto::CompactProposal {
        header: Some((&block(3, &["inc"])).into()),
        calls: Bytes::new(),
        signature: Bytes::from_static(&[0; 64]),
    };
    assert_eq!(complaint(Wire::Proposal(proposal)), "proposal.header.ingress: more than 0 entries");
}

/// The complaint about a request for calls at the places that these bytes name.
fn check_places(places: &[u8], expected: &str) {
    let (block, places) = (Bytes::from_static(&[0; 32]), Bytes::copy_from_slice(places));
    let fetch = proto::FetchBodies { block, places };
    assert_eq!(complaint(proto::peer_message::Message::FetchBodies(fetch)), expected);
}

#[test]
fn a_request_for_calls_names_each_once() {
    check_places(&[0, 1, 0, 1], "fetch_bodies.places: number out of range");
    check_places(&[0, 2, 0, 1], "fetch_bodies.places: number out of range");
    check_places(&[0, 1, 0], "fetch_bodies.places: number out of range");
    let all: Vec<u8> = (0..=BLOCK_INGRESS_COUNT_MAX as u16).flat_map(u16::to_be_bytes).collect();
    check_places(&all, "fetch_bodies.places: more than 1000 entries");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let bytes = Bytes::from(bytes);
        let _ = peer::decode(bytes.clone());
        let _ = record::decode_proposal(bytes.clone());
        let _ = record::decode_vote(bytes.clone());
        let _ = cbor::read_query(&bytes);
        let _ = cbor::read_read_state(&bytes);
        let _ = cbor::read_ingress(bytes);
    }

    #[test]
    fn a_flipped_byte_never_panics_and_what_is_read_is_stable(at in 0usize..2_000, flip in 1u8..) {
        for (name, message) in messages() {
            let mut bytes = peer::encode(&message).to_vec();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            if let Ok(read) = peer::decode(bytes) {
                prop_assert_eq!(peer::decode(peer::encode(&read)), Ok(read), "{}", name);
            }
        }
    }

    #[test]
    fn shares_of_any_content_come_back(view: u64, signer: u16, a: [u8; 32], b: [u8; 32]) {
        let mut share = [0; 48];
        share[..32].copy_from_slice(&b);
        let message = PeerMessage::FinalizationShare(FinalizationShare {
            view: View(view), block: Digest(a), signer: NodeIndex(signer), share: BlsBytes(share),
        });
        prop_assert_eq!(peer::decode(peer::encode(&message)), Ok(message));
    }
}
