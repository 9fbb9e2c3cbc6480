//! The reader against what clients may write: other lengths, other orders, other agents.

use super::*;
use crate::encoding::{DecodeError, Fault};
use crate::types::{CanisterId, NodeId, NodeSignature, Principal, QueryResult, RequestId, Time, UserCall};
use ic_agent::agent::{Envelope as AgentEnvelope, EnvelopeContent};
use proptest::prelude::*;
use std::borrow::Cow;

fn text(writer: &mut Vec<u8>, text: &str) {
    writer.push(0x60 | text.len() as u8);
    writer.extend_from_slice(text.as_bytes());
}

/// The same call with definite lengths, and as Jackson and other streaming encoders write it.
fn twins() -> [Vec<u8>; 2] {
    let call = UserCall {
        canister_id: CanisterId(7).principal(),
        method_name: "inc".into(),
        arg: b"DIDL\0\0".to_vec(),
        sender: Principal::anonymous(),
        ingress_expiry: Time(9),
        nonce: None,
        sender_info: None,
    };
    let mut indefinite = vec![0xd9, 0xd9, 0xf7, 0xbf];
    text(&mut indefinite, "content");
    indefinite.push(0xbf);
    // An integer wider than it need be, text and bytes in chunks, and an absent field as null.
    text(&mut indefinite, "ingress_expiry");
    indefinite.extend_from_slice(&[0x1b, 0, 0, 0, 0, 0, 0, 0, 9]);
    text(&mut indefinite, "sender");
    indefinite.extend_from_slice(&[0x41, 4]);
    text(&mut indefinite, "arg");
    indefinite.extend_from_slice(b"\x5f\x42DI\x40\x44DL\0\0\xff");
    text(&mut indefinite, "nonce");
    indefinite.push(0xf6);
    text(&mut indefinite, "request_type");
    indefinite.extend_from_slice(b"\x7f\x62ca\x62ll\xff");
    text(&mut indefinite, "method_name");
    text(&mut indefinite, "inc");
    text(&mut indefinite, "canister_id");
    indefinite.push(0x4a);
    indefinite.extend_from_slice(call.canister_id.as_slice());
    indefinite.extend_from_slice(&[0xff, 0xff]);
    [encode_call(&call, None).to_vec(), indefinite]
}

#[test]
fn the_id_does_not_depend_on_how_lengths_and_absent_fields_are_written() {
    let [definite, indefinite] = twins().map(|bytes| read_call(&bytes).expect("well-formed"));
    assert_eq!(definite, indefinite);
}

#[test]
fn every_prefix_is_refused() {
    for bytes in twins() {
        for length in 0..bytes.len() {
            assert!(read_call(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}

#[test]
fn the_self_describing_tag_may_be_absent_but_not_repeated() {
    let [bytes, _] = twins();
    assert!(read_call(&bytes[3..]).is_ok());
    let fault = Fault::WrongType { expected: "map", found: "tag" };
    let twice = [&bytes[..3], &bytes].concat();
    assert_eq!(read_call(&twice), Err(DecodeError { field: "envelope", fault }));
}

#[test]
fn declared_lengths_are_not_believed() {
    for head in [0x5b, 0x7b, 0x9b, 0xbb] {
        let bytes = [[head].as_slice(), &u64::MAX.to_be_bytes()].concat();
        let mut reader = Reader::new(&bytes, "x");
        let error = match head >> 5 {
            2 => reader.bytes().map(|_| ()),
            3 => reader.text().map(|_| ()),
            4 => reader.array(usize::MAX, |reader| reader.unsigned()).map(|_| ()),
            _ => reader.map(|reader, _| reader.unsigned().map(|_| ())),
        };
        assert_eq!(error, Err(Fault::Truncated.at("x")));
    }
}

#[test]
fn arrays_of_arrays_end_at_the_depth_that_is_allowed() {
    fn descend(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        reader.array(1, descend).map(|_| ())
    }
    let deepest = crate::types::limits::CBOR_DEPTH_MAX;
    let nested = |depth: usize| [vec![0x81; depth - 1], vec![0x80]].concat();
    assert_eq!(descend(&mut Reader::new(&nested(deepest), "x")), Ok(()));
    let error = descend(&mut Reader::new(&nested(deepest + 1), "x"));
    assert_eq!(error, Err(Fault::TooDeep { max: deepest }.at("x")));
}

#[test]
fn numbers_of_every_width_come_back() {
    for number in [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, u64::MAX] {
        let mut writer = Writer::new();
        writer.unsigned(number);
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes, "x");
        assert_eq!(reader.unsigned(), Ok(number));
        assert_eq!(reader.finish(), Ok(()));
    }
}

#[test]
fn a_query_answer_is_tagged_and_its_hash_covers_the_time() {
    let (request, timestamp) = (RequestId([3; 32]), Time(1_700_000_000_000_000_000));
    let reject = crate::types::Reject::new(crate::types::ErrorCode::CanisterMethodNotFound, "no such method");
    for result in [QueryResult::Replied(b"DIDL\0\0".to_vec()), QueryResult::Rejected(reject)] {
        let node = NodeId(CanisterId(1).principal());
        let bytes = query_response(&result, timestamp, &NodeSignature([4; 64]), &node);
        let value: ciborium::Value = ciborium::from_reader(bytes.as_slice()).expect("CBOR");
        let ciborium::Value::Tag(55_799, inner) = value else { panic!("no tag") };
        let status = inner.as_map().expect("a map").iter().find(|(key, _)| key.as_text() == Some("status"));
        let expected = if matches!(result, QueryResult::Replied(_)) { "replied" } else { "rejected" };
        assert_eq!(status.and_then(|(_, value)| value.as_text()), Some(expected));
        assert_ne!(
            query_response_hash(&result, timestamp, &request),
            query_response_hash(&result, Time(timestamp.0 + 1), &request)
        );
    }
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..40)
}

fn principal() -> impl Strategy<Value = Principal> {
    proptest::collection::vec(any::<u8>(), 0..=29).prop_map(|bytes| Principal::from_slice(&bytes))
}

fn sender_info() -> impl Strategy<Value = Option<ic_agent::identity::SenderInfo>> {
    let info = (label(), principal(), label()).prop_map(|(info, signer, sig)| {
        ic_agent::identity::SenderInfo { info, signer: signer.as_slice().to_vec(), sig }
    });
    proptest::option::of(info)
}

fn content() -> impl Strategy<Value = EnvelopeContent> {
    let nonce = proptest::option::of(label());
    (nonce, any::<u64>(), principal(), principal(), ".{0,20}", label(), any::<u8>(), sender_info()).prop_map(
        |(nonce, ingress_expiry, sender, canister_id, method_name, arg, kind, sender_info)| match kind % 3 {
            0 => EnvelopeContent::Call {
                nonce,
                ingress_expiry,
                sender,
                canister_id,
                method_name,
                arg,
                sender_info,
            },
            1 => EnvelopeContent::Query {
                nonce,
                ingress_expiry,
                sender,
                canister_id,
                method_name,
                arg,
                sender_info,
            },
            _ => EnvelopeContent::ReadState {
                ingress_expiry,
                sender,
                paths: arg
                    .chunks(3)
                    .map(|path| path.iter().map(|byte| vec![*byte].into()).collect())
                    .collect(),
            },
        },
    )
}

proptest! {
    #[test]
    fn ids_are_ic_agents_ids(content in content()) {
        let envelope = AgentEnvelope {
            content: Cow::Borrowed(&content),
            sender_pubkey: None,
            sender_sig: None,
            sender_delegation: None,
        };
        let bytes = envelope.encode_bytes();
        let (id, expiry) = match content {
            EnvelopeContent::Call { .. } => {
                let read = read_call(&bytes).expect("a call");
                let ingress = read_ingress(bytes.into()).expect("a call");
                prop_assert_eq!(ingress.id, read.id);
                (read.id, read.content.ingress_expiry)
            }
            EnvelopeContent::Query { .. } => {
                let read = read_query(&bytes).expect("a query");
                (read.id, read.content.ingress_expiry)
            }
            EnvelopeContent::ReadState { .. } => {
                let read = read_read_state(&bytes).expect("a read_state");
                (read.id, read.content.ingress_expiry)
            }
        };
        prop_assert_eq!(id.0, *content.to_request_id());
        prop_assert_eq!(expiry.0, content.ingress_expiry());
    }

    #[test]
    fn no_bytes_make_the_readers_of_authenticators_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = read_cose_key(&bytes);
        let _ = read_assertion(&bytes);
        let _ = crate::crypto::user::unwrap_key(&bytes);
    }

    #[test]
    fn what_is_read_is_cbor_for_others_too(at in 0usize..400, to: u8) {
        for mut bytes in twins() {
            let at = at % bytes.len();
            bytes[at] = to;
            if read_call(&bytes).is_ok() {
                let other: Result<ciborium::Value, _> = ciborium::from_reader(bytes.as_slice());
                prop_assert!(other.is_ok());
            }
        }
    }
}
