//! The exported interface beside the written ones.

use crate::canister::{INTERFACE, SERVICE};
use crate::consent::{ConsentError, ConsentInfo, ConsentRequest};
use crate::types::*;
use candid::{Nat, Principal};
use candid_parser::utils::{CandidSource, service_compatible, service_equal};
use icrc::Account;
use serde_bytes::ByteBuf;

candid::export_service!();

#[test]
fn the_exported_interface_is_the_one_in_the_metadata() {
    let exported = __export_service();
    let written = std::str::from_utf8(INTERFACE).unwrap();
    service_equal(CandidSource::Text(&exported), CandidSource::Text(written)).unwrap();
}

#[test]
fn the_exported_interface_can_stand_in_for_the_public_ledgers() {
    let exported = __export_service();
    for public in [include_str!("../public/icp.did"), include_str!("../public/icrc.did")] {
        service_compatible(CandidSource::Text(&exported), CandidSource::Text(public)).unwrap();
    }
}

#[test]
fn the_metadata_is_part_of_the_module() {
    assert_eq!(SERVICE.as_slice(), INTERFACE);
}
