//! The interface that the code has and the file promises.

use candid_parser::utils::{CandidSource, service_equal};

const FILE: &str = include_str!("../../identity.did");

#[test]
fn the_code_is_what_the_file_promises() {
    let code = crate::exported::interface();
    if let Err(error) = service_equal(CandidSource::Text(&code), CandidSource::Text(FILE)) {
        panic!("{error}\n{code}");
    }
}

#[test]
fn a_method_that_is_missing_would_be_noticed() {
    let more = FILE.replace("  stats :", "  more : () -> ();\n  stats :");
    let code = crate::exported::interface();
    assert!(service_equal(CandidSource::Text(&code), CandidSource::Text(&more)).is_err());
}
