use super::*;
use crate::archives::MAX_WASM_BYTES;
use crate::config::{DEFAULT_FEE, MAX_NAME_BYTES};
use crate::types::{FeatureFlags, LedgerCanisterPayload, SetArchiveWasmError, UpgradeArgs};
use candid::{Decode, Encode};

fn identifier(number: u8) -> String {
    user(number).identifier().to_string()
}

fn check(args: InitArgs, refused: bool) {
    let result = Config::from_init(&args).and_then(|_| initial_balances(&args));
    assert_eq!(result.is_err(), refused, "{result:?}");
}

#[test]
fn an_installation_names_good_accounts_once() {
    let with = |values: &[(String, u64)]| {
        let initial_values = values.iter().map(|(id, e8s)| (id.clone(), Tokens { e8s: *e8s })).collect();
        InitArgs { initial_values, ..init_args() }
    };
    check(with(&[(identifier(1), 5), (identifier(2), 0)]), false);
    check(with(&[(identifier(1), 5), (identifier(1), 6)]), true);
    check(with(&[(minter().identifier().to_string(), 5)]), true);
    check(with(&[("00".repeat(32), 5)]), true);
    check(InitArgs { minting_account: "abc".to_string(), ..init_args() }, true);
    check(InitArgs { icrc1_minting_account: Some(user(1)), ..init_args() }, true);
    check(InitArgs { icrc1_minting_account: None, ..init_args() }, false);
    check(InitArgs { token_name: Some("n".repeat(MAX_NAME_BYTES)), ..init_args() }, false);
    check(InitArgs { token_name: Some("n".repeat(MAX_NAME_BYTES + 1)), ..init_args() }, true);
    check(InitArgs { token_symbol: Some("n".repeat(MAX_NAME_BYTES + 1)), ..init_args() }, true);
}

#[test]
fn what_an_installation_leaves_out_is_as_on_the_public_ledger() {
    let args = InitArgs {
        transfer_fee: None,
        token_name: None,
        token_symbol: None,
        transaction_window: None,
        ..init_args()
    };
    let config = Config::from_init(&args).unwrap();
    assert_eq!((config.fee, config.icrc2), (DEFAULT_FEE, true));
    assert_eq!((config.token_name.as_str(), config.token_symbol.as_str()), ("Internet Computer", "ICP"));
    assert_eq!(config.window_nanos, 86_400 * SECOND);
}

#[test]
fn an_upgrade_changes_what_it_names_and_keeps_the_rest() {
    let config = Config::from_init(&init_args()).unwrap();
    let none = UpgradeArgs {
        icrc1_minting_account: None,
        feature_flags: None,
        index_principal: None,
        archive_options: None,
        archive_wasm: None,
    };
    assert_eq!(config.upgraded(none.clone()), Ok(config.clone()));
    let flags = UpgradeArgs { feature_flags: Some(FeatureFlags { icrc2: false }), ..none.clone() };
    assert_eq!(config.upgraded(flags), Ok(Config { icrc2: false, ..config.clone() }));
    let index = UpgradeArgs { index_principal: Some(principal(4)), ..none.clone() };
    assert_eq!(config.upgraded(index), Ok(Config { index: Some(principal(4)), ..config.clone() }));
    let archive = Some(archive_options(9, 5));
    let archives = UpgradeArgs { archive_options: archive.clone(), ..none.clone() };
    assert_eq!(config.upgraded(archives), Ok(Config { archive, ..config.clone() }));
    let empty = Some(ArchiveOptions { node_max_memory_size_bytes: Some(0), ..archive_options(9, 5) });
    assert!(config.upgraded(UpgradeArgs { archive_options: empty, ..none.clone() }).is_err());
    let wrong = UpgradeArgs { icrc1_minting_account: Some(user(4)), ..none };
    assert!(config.upgraded(wrong).is_err());
}

#[test]
fn settings_are_read_from_stable_memory_as_they_were_written() {
    let memory = VectorMemory::default();
    let args = InitArgs { archive_options: Some(archive_options(3, 2)), ..init_args() };
    let config = Config::from_init(&args).unwrap();
    open(&memory).set_config(config.clone());
    assert_eq!(open(&memory).config(), &config);
}

/// Deployment scripts know nothing of `archive_wasm`.
#[test]
fn the_public_installation_argument_is_understood() {
    #[derive(candid::CandidType)]
    struct Public {
        minting_account: String,
        initial_values: Vec<(String, Tokens)>,
        send_whitelist: Vec<Principal>,
        transfer_fee: Option<Tokens>,
    }
    #[derive(candid::CandidType)]
    enum Payload {
        Init(Public),
    }
    let public = Payload::Init(Public {
        minting_account: identifier(255),
        initial_values: vec![(identifier(1), Tokens { e8s: 7 })],
        send_whitelist: vec![],
        transfer_fee: Some(Tokens { e8s: FEE }),
    });
    let read = Decode!(&Encode!(&public).unwrap(), LedgerCanisterPayload).unwrap();
    let LedgerCanisterPayload::Init(args) = read else { panic!("{read:?}") };
    assert_eq!(initial_balances(&args), Ok(vec![(user(1).identifier(), 7)]));
    assert_eq!(Config::from_init(&args).unwrap().fee, FEE);
}

#[test]
fn a_controller_alone_hands_over_a_module_of_bounded_length() {
    let check = |from_controller, bytes: &[u8], expected: Result<(), SetArchiveWasmError>| {
        let mut ledger = ledger();
        assert_eq!(ledger.archives.set_wasm(from_controller, bytes.to_vec()), expected);
        assert_eq!(ledger.archives.wasm(), expected.is_ok().then(|| bytes.to_vec()));
        assert_eq!(ledger.archives.has_wasm(), expected.is_ok());
    };
    let not_a_module = || Err(SetArchiveWasmError::NotAModule);
    check(true, b"\0asm\x01\0\0\0", Ok(()));
    check(false, b"\0asm\x01\0\0\0", Err(SetArchiveWasmError::Unauthorized));
    check(true, &[0x1f, 0x8b, 0x08, 0], Ok(()));
    check(true, b"", not_a_module());
    check(true, b"#!/bin/sh", not_a_module());
    let mut long = vec![0; MAX_WASM_BYTES + 1];
    long[..4].copy_from_slice(b"\0asm");
    check(true, &long[..MAX_WASM_BYTES], Ok(()));
    check(true, &long, not_a_module());
}
