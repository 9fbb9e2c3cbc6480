//! The interface that the code has, and that the file promises.

use candid_parser::utils::{CandidSource, service_compatible, service_equal};

const FILE: &str = include_str!("../../cycles_minting.did");

#[test]
fn the_code_keeps_what_the_file_promises() {
    let code = crate::__export_service();
    if let Err(error) = service_compatible(CandidSource::Text(&code), CandidSource::Text(FILE)) {
        panic!("{error}\n{code}");
    }
}

#[test]
fn a_method_that_is_missing_would_be_noticed() {
    let code = crate::__export_service();
    let more = FILE.replace("  notify_top_up :", "  notify_all : () -> ();\n  notify_top_up :");
    assert!(service_compatible(CandidSource::Text(&code), CandidSource::Text(&more)).is_err());
    assert!(service_equal(CandidSource::Text(FILE), CandidSource::Text(&more)).is_err());
}
