//! What the registry canister answers this node (Candid).

use super::management::{InvalidArgument, decode};
use crate::types::MembershipOrder;
use candid::CandidType;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// The query that names the open order: `() -> (opt record { order, certificate, witness : blob }) query`.
pub const GET_MEMBERSHIP_ORDER: &str = "get_membership_order";

#[derive(CandidType, Serialize, Deserialize)]
struct Open {
    order: ByteBuf,
    certificate: ByteBuf,
    witness: ByteBuf,
}

/// The order that is open, if there is one. Nothing about it is proved yet.
///
/// # Errors
/// The reply is of another type.
pub fn decode_order(reply: &[u8]) -> Result<Option<MembershipOrder>, InvalidArgument> {
    let open: Option<Open> = decode(reply)?;
    Ok(open.map(|Open { order, certificate, witness }| MembershipOrder {
        order: order.into_vec().into(),
        certificate: certificate.into_vec().into(),
        witness: witness.into_vec().into(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::management::encode;

    #[test]
    fn the_registrys_answer_is_read_as_its_interface_has_it() {
        let blob = |content: &[u8]| ByteBuf::from(content);
        let open = Open { order: blob(b"o"), certificate: blob(b"c"), witness: blob(b"w") };
        let order = MembershipOrder { order: "o".into(), certificate: "c".into(), witness: "w".into() };
        assert_eq!(decode_order(&encode(&Some(open)).unwrap()), Ok(Some(order)));
        assert_eq!(decode_order(&encode(&None::<Open>).unwrap()), Ok(None));
        assert!(decode_order(b"DIDL").is_err());
    }
}
