//! The interface that the code has, that the file promises, and that is public.

use candid_parser::utils::{CandidSource, service_compatible, service_equal};

const FILE: &str = include_str!("../../cycles_ledger.did");

#[test]
fn the_code_keeps_what_the_file_promises() {
    let code = crate::exported::interface();
    if let Err(error) = service_compatible(CandidSource::Text(&code), CandidSource::Text(FILE)) {
        panic!("{error}\n{code}");
    }
}

#[test]
fn a_method_that_is_missing_would_be_noticed() {
    let code = crate::exported::interface();
    let more = FILE.replace("  deposit :", "  deposit_twice : () -> ();\n  deposit :");
    assert!(service_compatible(CandidSource::Text(&code), CandidSource::Text(&more)).is_err());
    assert!(service_equal(CandidSource::Text(FILE), CandidSource::Text(&more)).is_err());
}
