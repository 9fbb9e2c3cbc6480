//! Entry points of ICRC-1, ICRC-2, ICRC-3, ICRC-10, ICRC-21 and ICRC-106.

use crate::canister::{caller_account, damaged, perform, with};
use crate::certificate;
use crate::config::DECIMALS;
use crate::consent::{ConsentError, ConsentInfo, ConsentRequest, Token, consent_message};
use crate::request::{ApproveRequest, TransferRequest};
use crate::types::*;
use candid::{Nat, Principal};
use ic_cdk::{query, update};
use icrc::{Account, MAX_MEMO_LENGTH};
use ledger_block::{BLOCK_TYPES, Party};
use serde_bytes::ByteBuf;

/// More than fits is more than anyone has.
fn number(nat: Nat) -> u128 {
    u128::try_from(nat.0).unwrap_or(u128::MAX)
}

#[query]
fn icrc1_name() -> String {
    with(|ledger| ledger.config().token_name.clone())
}

#[query]
fn icrc1_symbol() -> String {
    with(|ledger| ledger.config().token_symbol.clone())
}

#[query]
fn icrc1_decimals() -> u8 {
    DECIMALS
}

#[query]
fn icrc1_fee() -> Nat {
    with(|ledger| Nat::from(ledger.config().fee))
}

#[query]
fn icrc1_metadata() -> Vec<(String, MetadataValue)> {
    let entry = |name: &str, value| (name.to_string(), value);
    vec![
        entry("icrc1:decimals", MetadataValue::Nat(DECIMALS.into())),
        entry("icrc1:name", MetadataValue::Text(icrc1_name())),
        entry("icrc1:symbol", MetadataValue::Text(icrc1_symbol())),
        entry("icrc1:fee", MetadataValue::Nat(icrc1_fee())),
        entry("icrc1:max_memo_length", MetadataValue::Nat(MAX_MEMO_LENGTH.into())),
    ]
}

#[query]
fn icrc1_total_supply() -> Nat {
    with(|ledger| Nat::from(ledger.total_supply()))
}

#[query]
fn icrc1_minting_account() -> Option<Account> {
    with(|ledger| ledger.config().icrc1_minting_account)
}

#[query]
fn icrc1_balance_of(account: Account) -> Nat {
    with(|ledger| Nat::from(ledger.balance(account.identifier())))
}

#[query]
fn icrc1_supported_standards() -> Vec<SupportedStandard> {
    icrc10_supported_standards()
}

#[query]
fn icrc10_supported_standards() -> Vec<SupportedStandard> {
    let (icrc2, index) = with(|ledger| (ledger.config().icrc2, ledger.config().index));
    let record = |name: &str, page: &str| SupportedStandard {
        name: name.to_string(),
        url: format!("https://github.com/dfinity/{page}"),
    };
    let mut standards = vec![record("ICRC-1", "ICRC-1/tree/main/standards/ICRC-1")];
    if icrc2 {
        standards.push(record("ICRC-2", "ICRC-1/tree/main/standards/ICRC-2"));
    }
    standards.push(record("ICRC-3", "ICRC-1/tree/main/standards/ICRC-3"));
    standards.push(record("ICRC-10", "ICRC/blob/main/ICRCs/ICRC-10/ICRC-10.md"));
    standards.push(record(
        "ICRC-21",
        "wg-identity-authentication/blob/main/topics/ICRC-21/icrc_21_consent_msg.md",
    ));
    if index.is_some() {
        standards.push(record("ICRC-106", "ICRC-1/tree/main/standards/ICRC-106"));
    }
    standards
}

#[update]
fn icrc1_transfer(arg: TransferArg) -> Result<Nat, Icrc1TransferError> {
    let request = TransferRequest {
        from: Party::from(caller_account(arg.from_subaccount)),
        to: Party::from(arg.to),
        spender: None,
        amount: number(arg.amount),
        fee: arg.fee.map(number),
        memo: 0,
        icrc1_memo: arg.memo.map(ByteBuf::into_vec),
        created_at_time: arg.created_at_time,
    };
    Ok(Nat::from(perform(|ledger, now| ledger.transfer(request, now))?))
}

#[update]
fn icrc2_approve(arg: ApproveArgs) -> Result<Nat, ApproveError> {
    let request = ApproveRequest {
        from: caller_account(arg.from_subaccount),
        spender: arg.spender,
        amount: number(arg.amount),
        expected_allowance: arg.expected_allowance.map(number),
        expires_at: arg.expires_at,
        fee: arg.fee.map(number),
        icrc1_memo: arg.memo.map(ByteBuf::into_vec),
        created_at_time: arg.created_at_time,
    };
    Ok(Nat::from(perform(|ledger, now| ledger.approve(request, now))?))
}

#[update]
fn icrc2_transfer_from(arg: TransferFromArgs) -> Result<Nat, TransferFromError> {
    let request = TransferRequest {
        from: Party::from(arg.from),
        to: Party::from(arg.to),
        spender: Some(Party::from(caller_account(arg.spender_subaccount))),
        amount: number(arg.amount),
        fee: arg.fee.map(number),
        memo: 0,
        icrc1_memo: arg.memo.map(ByteBuf::into_vec),
        created_at_time: arg.created_at_time,
    };
    Ok(Nat::from(perform(|ledger, now| ledger.transfer(request, now))?))
}

#[query]
fn icrc2_allowance(args: AllowanceArgs) -> AllowanceAnswer {
    let now = ic_cdk::api::time();
    let allowance = with(|ledger| ledger.allowance(args.account, args.spender, now));
    AllowanceAnswer { allowance: Nat::from(allowance.amount), expires_at: allowance.expires_at }
}

#[query]
fn icrc3_get_blocks(requests: Vec<GetBlocksRequest>) -> GetBlocksResult {
    with(|ledger| ledger.icrc3_get_blocks(&requests)).unwrap_or_else(|_| damaged())
}

#[query]
fn icrc3_get_archives(args: GetArchivesArgs) -> Vec<ArchiveRange> {
    with(|ledger| ledger.icrc3_get_archives(&args))
}

#[query]
fn icrc3_get_tip_certificate() -> Option<DataCertificate> {
    let certificate = ic_cdk::api::data_certificate()?;
    let tip = with(|ledger| ledger.tip());
    let tree = certificate::tip_tree(tip.length.checked_sub(1)?, &tip.hashes?);
    Some(DataCertificate {
        certificate: ByteBuf::from(certificate),
        hash_tree: ByteBuf::from(icrc::tree::encode(&tree)),
    })
}

#[query]
fn icrc3_supported_block_types() -> Vec<SupportedBlockType> {
    BLOCK_TYPES
        .iter()
        .map(|(name, url)| SupportedBlockType { block_type: name.to_string(), url: url.to_string() })
        .collect()
}

#[update]
fn icrc21_canister_call_consent_message(request: ConsentRequest) -> Result<ConsentInfo, ConsentError> {
    with(|ledger| {
        let config = ledger.config();
        consent_message(&request, &Token { symbol: &config.token_symbol, fee: config.fee })
    })
}

#[query]
fn icrc106_get_index_principal() -> Result<Principal, GetIndexPrincipalError> {
    with(|ledger| ledger.config().index).ok_or(GetIndexPrincipalError::IndexPrincipalNotSet)
}
