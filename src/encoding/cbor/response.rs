//! What users get back (interface spec, "HTTPS Interface"). Every body carries the self-describing
//! tag; an error code is always a text, never `null` (INTEROP.md §2.7).

use super::{SELF_DESCRIBING_TAG, Writer};
use crate::encoding::request_id::{Value, hash_of_map};
use crate::types::{Digest, Height, NodeId, NodeSignature, QueryResult, Reject, RequestId, Time};

fn tagged() -> Writer {
    let mut writer = Writer::new();
    writer.tag(SELF_DESCRIBING_TAG);
    writer
}

/// The version of the interface specification that is served.
pub const IC_API_VERSION: &str = "0.66.0";

/// `GET /api/v2/status`. `root_key` is DER-encoded and absent until the key generation is done.
pub fn status(
    root_key: Option<&[u8]>,
    impl_version: &str,
    health: &str,
    certified: Option<Height>,
) -> Vec<u8> {
    let mut writer = tagged();
    writer.map(3 + usize::from(root_key.is_some()) + usize::from(certified.is_some()));
    writer.text("ic_api_version").text(IC_API_VERSION);
    writer.text("impl_version").text(impl_version);
    writer.text("replica_health_status").text(health);
    if let Some(root_key) = root_key {
        writer.text("root_key").bytes(root_key);
    }
    if let Some(Height(height)) = certified {
        writer.text("certified_height").unsigned(height);
    }
    writer.into_bytes()
}

/// A synchronous call whose outcome `certificate` proves.
pub fn call_replied(certificate: &[u8]) -> Vec<u8> {
    let mut writer = tagged();
    writer.map(2).text("status").text("replied").text("certificate").bytes(certificate);
    writer.into_bytes()
}

/// A synchronous call that this replica refused before anybody ordered it.
pub fn non_replicated_rejection(reject: &Reject) -> Vec<u8> {
    let mut writer = tagged();
    writer.map(4).text("status").text("non_replicated_rejection");
    write_reject(&mut writer, reject);
    writer.into_bytes()
}

/// An asynchronous (v2) call that this replica refused before anybody ordered it.
pub fn async_rejection(reject: &Reject) -> Vec<u8> {
    let mut writer = tagged();
    write_reject(writer.map(3), reject);
    writer.into_bytes()
}

/// The answer to `read_state`.
pub fn read_state_response(certificate: &[u8]) -> Vec<u8> {
    let mut writer = tagged();
    writer.map(1).text("certificate").bytes(certificate);
    writer.into_bytes()
}

/// The answer to a query with the signature of the node that answered.
pub fn query_response(
    result: &QueryResult,
    timestamp: Time,
    signature: &NodeSignature,
    node: &NodeId,
) -> Vec<u8> {
    let mut writer = tagged();
    match result {
        QueryResult::Replied(arg) => {
            writer.map(3).text("status").text("replied");
            writer.text("reply").map(1).text("arg").bytes(arg);
        }
        QueryResult::Rejected(reject) => {
            writer.map(5).text("status").text("rejected");
            write_reject(&mut writer, reject);
        }
    }
    writer.text("signatures").array(1).map(3);
    writer.text("timestamp").unsigned(timestamp.0);
    writer.text("signature").bytes(&signature.0);
    writer.text("identity").bytes(node.0.as_slice());
    writer.into_bytes()
}

/// What a node signs of a query's answer, after the domain `\x0Bic-response`.
pub fn query_response_hash(result: &QueryResult, timestamp: Time, request: &RequestId) -> Digest {
    let code;
    let mut fields = vec![("timestamp", Value::Nat(timestamp.0)), ("request_id", Value::Bytes(&request.0))];
    match result {
        QueryResult::Replied(arg) => {
            fields.push(("status", Value::Text("replied")));
            fields.push(("reply", Value::Map(vec![("arg", Value::Bytes(arg))])));
        }
        QueryResult::Rejected(reject) => {
            code = reject.error.to_string();
            fields.push(("status", Value::Text("rejected")));
            fields.push(("reject_code", Value::Nat(reject.code as u64)));
            fields.push(("reject_message", Value::Text(&reject.message)));
            fields.push(("error_code", Value::Text(&code)));
        }
    }
    hash_of_map(&fields)
}

fn write_reject(writer: &mut Writer, reject: &Reject) {
    writer.text("reject_code").unsigned(reject.code as u64);
    writer.text("reject_message").text(&reject.message);
    writer.text("error_code").text(&reject.error.to_string());
}
