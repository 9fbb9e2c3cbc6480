//! What blocks carry about the subnet itself, as protobuf.

use super::artifact::{array, bounded, copy, node, present};
use super::bound::Shape;
use super::{DecodeError, Fault, proto};
use crate::types::limits::{
    CHANGE_NODES_MAX, COMPLAINT_BYTES_MAX, DEALING_BYTES_MAX, NODE_FIELD_BYTES_MAX, ORDER_BYTES_MAX,
    ORDER_PROOF_BYTES_MAX,
};
use crate::types::*;
use prost::Message;
use prost::bytes::Bytes;
use proto::system_message::Message as Wire;

const CHANGE: &[Shape] = &[
    Shape { tag: 2, field: "change.remove", max: CHANGE_NODES_MAX, inside: &[] },
    Shape { tag: 3, field: "change.add", max: CHANGE_NODES_MAX, inside: &[] },
    Shape { tag: 4, field: "change.signatures", max: CHANGE_NODES_MAX, inside: &[] },
];
/// What may repeat inside a system message.
pub(super) const SYSTEM_MESSAGE: &[Shape] =
    &[Shape { tag: 3, field: "system.change", max: 1, inside: CHANGE }];

/// A change of the membership on its way from an operator.
pub fn encode_change(change: &MembershipChange) -> Vec<u8> {
    proto::MembershipChange::from(change).encode_to_vec()
}

/// The inverse of [`encode_change`].
///
/// # Errors
/// Bytes that no change has, naming the field. Signatures are not verified here.
pub fn decode_change(bytes: Bytes) -> Result<MembershipChange, DecodeError> {
    super::bound::check(&bytes, CHANGE)?;
    let change = proto::MembershipChange::decode(bytes);
    change.map_err(|error| Fault::Protobuf(error.to_string()).at("change"))?.try_into()
}

impl From<&SystemMessage> for proto::SystemMessage {
    fn from(message: &SystemMessage) -> Self {
        let message = match message {
            SystemMessage::Dealing { epoch, dealer, dealing } => Wire::Dealing(proto::Dealing {
                epoch: epoch.0,
                dealer: u32::from(dealer.0),
                dealing: dealing.clone(),
            }),
            SystemMessage::Complaint { epoch, dealer, receiver, complaint } => {
                Wire::Complaint(proto::Complaint {
                    epoch: epoch.0,
                    dealer: u32::from(dealer.0),
                    receiver: u32::from(receiver.0),
                    complaint: complaint.clone(),
                })
            }
            SystemMessage::Change(change) => Wire::Change(change.into()),
            SystemMessage::Order(order) => Wire::Order(order.into()),
        };
        proto::SystemMessage { message: Some(message) }
    }
}

impl TryFrom<proto::SystemMessage> for SystemMessage {
    type Error = DecodeError;

    fn try_from(message: proto::SystemMessage) -> Result<Self, DecodeError> {
        Ok(match present(message.message, "system")? {
            Wire::Dealing(dealing) => SystemMessage::Dealing {
                epoch: Epoch(dealing.epoch),
                dealer: node(dealing.dealer, "dealing.dealer")?,
                dealing: bounded(dealing.dealing, DEALING_BYTES_MAX, "dealing.dealing")?,
            },
            Wire::Complaint(complaint) => SystemMessage::Complaint {
                epoch: Epoch(complaint.epoch),
                dealer: node(complaint.dealer, "complaint.dealer")?,
                receiver: node(complaint.receiver, "complaint.receiver")?,
                complaint: bounded(complaint.complaint, COMPLAINT_BYTES_MAX, "complaint.complaint")?,
            },
            Wire::Change(change) => SystemMessage::Change(change.try_into()?),
            Wire::Order(order) => SystemMessage::Order(order.try_into()?),
        })
    }
}

impl From<&MembershipChange> for proto::MembershipChange {
    fn from(change: &MembershipChange) -> Self {
        let signature = |(operator, signature): &(NodeIndex, NodeSignature)| proto::OperatorSignature {
            operator: u32::from(operator.0),
            signature: copy(&signature.0),
        };
        proto::MembershipChange {
            version: change.version,
            remove: change.remove.iter().map(|key| copy(key)).collect(),
            add: change.add.iter().map(Into::into).collect(),
            signatures: change.signatures.iter().map(signature).collect(),
        }
    }
}

impl TryFrom<proto::MembershipChange> for MembershipChange {
    type Error = DecodeError;

    fn try_from(change: proto::MembershipChange) -> Result<Self, DecodeError> {
        let remove = change.remove.iter().map(|key| array(key, "change.remove"));
        let signature = |signature: &proto::OperatorSignature| {
            let operator = node(signature.operator, "change.signatures")?;
            let signature = NodeSignature(array(&signature.signature, "change.signatures")?);
            Ok::<_, DecodeError>((operator, signature))
        };
        Ok(MembershipChange {
            version: change.version,
            remove: remove.collect::<Result<_, _>>()?,
            add: change.add.into_iter().map(GenesisNode::try_from).collect::<Result<_, _>>()?,
            signatures: change.signatures.iter().map(signature).collect::<Result<_, DecodeError>>()?,
        })
    }
}

impl From<&MembershipOrder> for proto::MembershipOrder {
    fn from(order: &MembershipOrder) -> Self {
        let MembershipOrder { order, certificate, witness } = order.clone();
        proto::MembershipOrder { order, certificate, witness }
    }
}

impl TryFrom<proto::MembershipOrder> for MembershipOrder {
    type Error = DecodeError;

    fn try_from(order: proto::MembershipOrder) -> Result<Self, DecodeError> {
        let proto::MembershipOrder { order, certificate, witness } = order;
        Ok(MembershipOrder {
            order: bounded(order, ORDER_BYTES_MAX, "order.order")?,
            certificate: bounded(certificate, ORDER_PROOF_BYTES_MAX, "order.certificate")?,
            witness: bounded(witness, ORDER_PROOF_BYTES_MAX, "order.witness")?,
        })
    }
}

impl From<&GenesisNode> for proto::MemberNode {
    fn from(node: &GenesisNode) -> Self {
        let GenesisNode { name, identity_key, tls_key, encryption_key, address } = node.clone();
        proto::MemberNode { name, identity_key, tls_key, encryption_key, address }
    }
}

impl TryFrom<proto::MemberNode> for GenesisNode {
    type Error = DecodeError;

    fn try_from(node: proto::MemberNode) -> Result<Self, DecodeError> {
        let proto::MemberNode { name, identity_key, tls_key, encryption_key, address } = node;
        let fields = [&name, &identity_key, &tls_key, &encryption_key, &address];
        if fields.iter().any(|field| field.len() > NODE_FIELD_BYTES_MAX) {
            return Err(Fault::TooLong { max: NODE_FIELD_BYTES_MAX }.at("change.add"));
        }
        Ok(GenesisNode { name, identity_key, tls_key, encryption_key, address })
    }
}
