//! The interface that the code has and the file promises.

use candid_parser::utils::{CandidSource, service_compatible, service_equal};

const FILE: &str = include_str!("../../guild.did");

#[test]
fn the_code_is_what_the_file_promises() {
    let code = crate::exported::interface();
    if let Err(error) = service_equal(CandidSource::Text(&code), CandidSource::Text(FILE)) {
        panic!("{error}\n{code}");
    }
}

#[test]
fn a_method_that_is_missing_would_be_noticed() {
    let more = FILE.replace("  me :", "  you : () -> ();\n  me :");
    let code = crate::exported::interface();
    let answers =
        |file: &str| service_compatible(CandidSource::Text(&code), CandidSource::Text(file)).is_ok();
    assert_eq!((answers(FILE), answers(&more)), (true, false));
}
