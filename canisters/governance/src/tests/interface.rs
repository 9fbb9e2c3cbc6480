//! The interface that the code has, and that the file promises.

use candid_parser::utils::{CandidSource, service_equal};

const FILE: &str = include_str!("../../governance.did");

#[test]
fn the_code_has_the_interface_of_the_file() {
    let code = crate::__export_service();
    if let Err(error) = service_equal(CandidSource::Text(&code), CandidSource::Text(FILE)) {
        panic!("{error}\n{code}");
    }
}

#[test]
fn a_field_that_is_missing_would_be_noticed() {
    let code = crate::__export_service();
    let less = FILE.replace("  quorum_permille : nat32;\n", "");
    assert!(service_equal(CandidSource::Text(&code), CandidSource::Text(&less)).is_err());
}
