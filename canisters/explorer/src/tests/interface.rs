//! The interface that the code has and that the file promises.

use candid_parser::utils::{CandidSource, service_compatible, service_equal};

const FILE: &str = include_str!("../../explorer.did");

#[test]
fn the_file_says_what_the_code_does() {
    let code = crate::exported::interface();
    if let Err(error) = service_equal(CandidSource::Text(&code), CandidSource::Text(FILE)) {
        panic!("{error}\n{code}");
    }
}

#[test]
fn a_method_that_is_missing_would_be_noticed() {
    let code = crate::exported::interface();
    let more = FILE.replace("  list_sources :", "  list_wells : () -> () query;\n  list_sources :");
    assert!(service_compatible(CandidSource::Text(&code), CandidSource::Text(&more)).is_err());
}
