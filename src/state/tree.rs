//! What of the state is in the spec's state tree, and how it is encoded there (interface spec,
//! "State tree").

use super::{CanisterState, Counters, HistoryEntry, IngressStatus, SubnetNode, SubnetRecord};
use crate::certification::LabelTree;
use crate::encoding::cbor::Writer;
use crate::types::{CanisterId, Principal, RequestId, Time};
use ciborium::Value;

/// The private label whose leaf is the digest of all records.
pub const ATOLL_STATE: &[u8] = b"atoll_state";
/// RFC 8410: what precedes a raw Ed25519 key.
const ED25519_DER_PREFIX: [u8; 12] = *b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// A raw Ed25519 key as DER.
pub fn node_key_der(key: &[u8; 32]) -> Vec<u8> {
    [ED25519_DER_PREFIX.as_slice(), key].concat()
}

/// Unsigned LEB128.
fn leb128(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(10);
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// CBOR with the self-describing tag.
fn cbor(value: Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing a plain value to memory cannot fail.
    let _ = ciborium::into_writer(&Value::Tag(55799, Box::new(value)), &mut bytes);
    bytes
}

fn blob(principal: &Principal) -> Value {
    Value::Bytes(principal.as_slice().to_vec())
}

pub(super) fn show_time(tree: &mut LabelTree, time: Time) {
    tree.set_leaf(&[b"time"], leb128(time.0));
}

/// `/subnet/<id>/…` and `/canister_ranges/<id>/…`: this one subnet holds all canister ids.
pub(super) fn show_subnet(tree: &mut LabelTree, subnet: &SubnetRecord) {
    let id = subnet.id.as_slice();
    let [first, last] = [0, u64::MAX].map(|number| CanisterId(number).principal());
    let ranges = cbor(Value::Array(vec![Value::Array(vec![blob(&first), blob(&last)])]));
    tree.set_leaf(&[b"subnet", id, b"public_key"], subnet.root_key.clone());
    tree.set_leaf(&[b"subnet", id, b"canister_ranges"], ranges.clone());
    tree.set_leaf(&[b"subnet", id, b"type"], b"application".to_vec());
    tree.set_leaf(&[b"canister_ranges", id, first.as_slice()], ranges);
    for node in &subnet.nodes {
        let path = [b"subnet", id, b"node", node.id.0.as_slice(), b"public_key"];
        tree.set_leaf(&path, node.public_key.clone());
    }
}

/// Removes `/subnet/<id>/node/…`.
pub(super) fn hide_nodes(tree: &mut LabelTree, subnet: &[u8], nodes: &[SubnetNode]) {
    nodes.iter().for_each(|node| tree.remove(&[b"subnet", subnet, b"node", node.id.0.as_slice()]));
}

/// `/subnet/<id>/metrics`. Cycles are two halves of 64 bits, of which the high one is absent while it is zero.
pub(super) fn show_metrics(
    tree: &mut LabelTree,
    subnet: &SubnetRecord,
    counters: &Counters,
    canisters: usize,
) {
    let (low, high) = (counters.burned.0 as u64, (counters.burned.0 >> 64) as u64);
    let mut writer = Writer::new();
    writer.map(4).text("num_canisters").unsigned(canisters as u64);
    writer.text("canister_state_bytes").unsigned(counters.canister_state_bytes);
    writer.text("consumed_cycles_total").map(1 + usize::from(high > 0)).unsigned(0).unsigned(low);
    if high > 0 {
        writer.unsigned(1).unsigned(high);
    }
    writer.text("update_transactions_total").unsigned(counters.messages);
    tree.set_leaf(&[b"subnet", subnet.id.as_slice(), b"metrics"], writer.into_bytes());
}

/// `/canister/<id>/…`, as far as `now` differs from `before`.
pub(super) fn show_canister(
    tree: &mut LabelTree,
    id: CanisterId,
    before: Option<&CanisterState>,
    now: Option<&CanisterState>,
) {
    let principal = id.principal();
    let base: [&[u8]; 2] = [b"canister", principal.as_slice()];
    let Some(now) = now else {
        tree.remove(&base);
        return;
    };
    let changed = |part: fn(&CanisterState) -> &[u8]| before.is_none_or(|before| part(before) != part(now));
    if before.is_none_or(|before| before.record.settings.controllers != now.record.settings.controllers) {
        let controllers = now.record.settings.controllers.iter().map(blob).collect();
        tree.set_leaf(&[base[0], base[1], b"controllers"], cbor(Value::Array(controllers)));
    }
    if changed(|canister| &canister.record.certified_data) {
        let data = now.record.certified_data.clone();
        tree.set_leaf(&[base[0], base[1], b"certified_data"], data);
    }
    if before.is_none_or(|before| before.record.module_hash != now.record.module_hash) {
        show_module(tree, base, now);
    }
    show_moments(tree, base, before, now);
}

/// `module_hash` and `metadata/<name>`, present while a module is installed.
fn show_module(tree: &mut LabelTree, base: [&[u8]; 2], canister: &CanisterState) {
    tree.remove(&[base[0], base[1], b"metadata"]);
    let Some(module) = &canister.module else {
        tree.remove(&[base[0], base[1], b"module_hash"]);
        return;
    };
    tree.set_leaf(&[base[0], base[1], b"module_hash"], module.hash.0.to_vec());
    for (name, section) in &module.record.metadata {
        let path = [base[0], base[1], b"metadata", name.as_bytes()];
        tree.set_leaf(&path, section.content.clone());
    }
}

fn show_moments(tree: &mut LabelTree, base: [&[u8]; 2], before: Option<&CanisterState>, now: &CanisterState) {
    if before.is_none_or(|before| before.record.created != now.record.created) {
        let created = leb128(now.record.created.0);
        tree.set_leaf(&[base[0], base[1], b"canister_creation_timestamp"], created);
    }
    if before.is_some_and(|before| before.record.installed == now.record.installed) {
        return;
    }
    let path = [base[0], base[1], b"last_install_timestamp".as_slice()];
    match now.record.installed {
        Time::ZERO => tree.remove(&path),
        time => tree.set_leaf(&path, leb128(time.0)),
    }
}

/// `/request_status/<id>/…`.
pub(super) fn show_request(tree: &mut LabelTree, id: &RequestId, entry: Option<&HistoryEntry>) {
    let path: [&[u8]; 2] = [b"request_status", &id.0];
    let Some(entry) = entry else {
        tree.remove(&path);
        return;
    };
    let mut status = LabelTree::new();
    status.set_leaf(&[b"status"], status_text(&entry.status).to_vec());
    match &entry.status {
        IngressStatus::Replied(reply) => status.set_leaf(&[b"reply"], reply.clone()),
        IngressStatus::Rejected(reject) => {
            status.set_leaf(&[b"reject_code"], leb128(reject.code as u64));
            status.set_leaf(&[b"reject_message"], reject.message.clone().into_bytes());
            status.set_leaf(&[b"error_code"], reject.error.to_string().into_bytes());
        }
        IngressStatus::Received | IngressStatus::Processing | IngressStatus::Done => (),
    }
    tree.set_subtree(&path, status);
}

fn status_text(status: &IngressStatus) -> &'static [u8] {
    match status {
        IngressStatus::Received => b"received",
        IngressStatus::Processing => b"processing",
        IngressStatus::Replied(_) => b"replied",
        IngressStatus::Rejected(_) => b"rejected",
        IngressStatus::Done => b"done",
    }
}
