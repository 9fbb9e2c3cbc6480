//! The interface that the code has, and that the file promises.

use candid_parser::utils::{CandidSource, service_equal};

const FILE: &str = include_str!("../../registry.did");

#[test]
fn the_code_is_what_the_file_promises() {
    let code = crate::__export_service();
    if let Err(error) = service_equal(CandidSource::Text(&code), CandidSource::Text(FILE)) {
        panic!("{error}\n{code}");
    }
}

#[test]
fn a_method_that_is_missing_would_be_noticed() {
    let code = crate::__export_service();
    let more = FILE.replace("  list_nodes :", "  list_all : () -> ();\n  list_nodes :");
    assert!(service_equal(CandidSource::Text(&code), CandidSource::Text(&more)).is_err());
}
