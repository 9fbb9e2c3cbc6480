//! ICRC-1, ICRC-2, ICRC-10, ICRC-103 and ICRC-106.

use crate::allowance::MAX_PAGE;
use crate::block::{ICRC1_URL, ICRC2_URL};
use crate::book::{Approval, Transfer};
use crate::interface::*;
use crate::key::AccountKey;
use crate::refusal::{Reason, Refusal};
use crate::{DECIMALS, caller, change, now, payable, read, small, small_fee};
use candid::{Nat, Principal};
use ic_cdk::{query, update};
use icrc::token::*;
use icrc::{Account, MAX_MEMO_LENGTH};

const ICRC3_URL: &str = "https://github.com/dfinity/ICRC-1/blob/main/standards/ICRC-3/README.md";
const ICRC10_URL: &str = "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-10/ICRC-10.md";
const ICRC103_URL: &str = "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-103/ICRC-103.md";
const ICRC106_URL: &str = "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-106/ICRC-106.md";

#[query]
fn icrc1_name() -> String {
    read(|book| book.settings().name.clone())
}

#[query]
fn icrc1_symbol() -> String {
    read(|book| book.settings().symbol.clone())
}

#[query]
fn icrc1_decimals() -> u8 {
    DECIMALS
}

#[query]
fn icrc1_fee() -> Nat {
    read(|book| book.settings().fee.into())
}

#[query]
fn icrc1_metadata() -> Vec<(String, MetadataValue)> {
    vec![
        ("icrc1:decimals".to_owned(), MetadataValue::Nat(DECIMALS.into())),
        ("icrc1:name".to_owned(), MetadataValue::Text(icrc1_name())),
        ("icrc1:symbol".to_owned(), MetadataValue::Text(icrc1_symbol())),
        ("icrc1:fee".to_owned(), MetadataValue::Nat(icrc1_fee())),
        ("icrc1:max_memo_length".to_owned(), MetadataValue::Nat(MAX_MEMO_LENGTH.into())),
        ("icrc103:public_allowances".to_owned(), MetadataValue::Text("false".to_owned())),
        ("icrc103:max_take_value".to_owned(), MetadataValue::Nat(MAX_PAGE.into())),
    ]
}

/// Cycles are made by no account.
#[query]
fn icrc1_minting_account() -> Option<Account> {
    None
}

#[query]
fn icrc1_total_supply() -> Nat {
    read(|book| book.totals().supply.into())
}

#[query]
fn icrc1_balance_of(account: Account) -> Nat {
    read(|book| book.spendable(&account, now()).into())
}

#[query]
fn icrc1_supported_standards() -> Vec<SupportedStandard> {
    [
        ("ICRC-1", ICRC1_URL),
        ("ICRC-2", ICRC2_URL),
        ("ICRC-3", ICRC3_URL),
        ("ICRC-10", ICRC10_URL),
        ("ICRC-103", ICRC103_URL),
        ("ICRC-106", ICRC106_URL),
    ]
    .map(|(name, url)| SupportedStandard { name: name.to_owned(), url: url.to_owned() })
    .to_vec()
}

#[query]
fn icrc10_supported_standards() -> Vec<SupportedStandard> {
    icrc1_supported_standards()
}

#[update]
fn icrc1_transfer(args: TransferArg) -> Result<Nat, TransferError> {
    let from = caller(args.from_subaccount);
    let order = Transfer {
        from,
        to: args.to,
        spender: None,
        amount: payable(args.amount, &from)?,
        fee: small_fee(args.fee)?,
        memo: args.memo,
        created_at_time: args.created_at_time,
    };
    Ok(change(|book| book.transfer(order, now()))?.into())
}

#[update]
fn icrc2_transfer_from(args: TransferFromArgs) -> Result<Nat, TransferFromError> {
    let order = Transfer {
        from: args.from,
        to: args.to,
        spender: Some(caller(args.spender_subaccount)),
        amount: payable(args.amount, &args.from)?,
        fee: small_fee(args.fee)?,
        memo: args.memo,
        created_at_time: args.created_at_time,
    };
    Ok(change(|book| book.transfer(order, now()))?.into())
}

#[update]
fn icrc2_approve(args: ApproveArgs) -> Result<Nat, ApproveError> {
    let from = caller(args.from_subaccount);
    let current = || read(|book| book.allowance(&from, &args.spender, now()).map_or(0, |it| it.amount));
    let expected_allowance = args
        .expected_allowance
        .map(|it| small(it).ok_or_else(|| Refusal::AllowanceChanged { current_allowance: current() }))
        .transpose()?;
    let order = Approval {
        from,
        spender: args.spender,
        amount: small(args.amount).ok_or(Refusal::from(Reason::AmountTooLarge))?,
        expected_allowance,
        expires_at: args.expires_at,
        fee: small_fee(args.fee)?,
        memo: args.memo,
        created_at_time: args.created_at_time,
    };
    Ok(change(|book| book.approve(order, now()))?.into())
}

#[query]
fn icrc2_allowance(args: AllowanceArgs) -> AllowanceAnswer {
    match read(|book| book.allowance(&args.account, &args.spender, now())) {
        None => AllowanceAnswer { allowance: Nat::from(0u8), expires_at: None },
        Some(it) => AllowanceAnswer { allowance: it.amount.into(), expires_at: it.expires_at },
    }
}

/// Allowances are their owner's affair: others are denied access.
pub(crate) fn check_owner(caller: Principal, account: &Account) -> Result<(), GetAllowancesError> {
    match account.owner == caller {
        true => Ok(()),
        false => Err(GetAllowancesError::AccessDenied {
            reason: "only the owner sees an account's allowances".to_owned(),
        }),
    }
}

#[query]
fn icrc103_get_allowances(args: GetAllowancesArgs) -> Result<Vec<AllowanceOfPair>, GetAllowancesError> {
    let from = args.from_account.unwrap_or_else(|| caller(None));
    check_owner(ic_cdk::api::msg_caller(), &from)?;
    let take = args.take.and_then(|it| usize::try_from(it.0).ok()).unwrap_or(MAX_PAGE);
    let after =
        (AccountKey::from(&from), args.prev_spender.map_or(AccountKey::FIRST, |it| AccountKey::from(&it)));
    let page = read(|book| book.allowances_after(&after, take, now()));
    let shown = page.into_iter().map(|(from_account, to_spender, it)| AllowanceOfPair {
        from_account,
        to_spender,
        allowance: it.amount.into(),
        expires_at: it.expires_at,
    });
    Ok(shown.collect())
}

#[query]
fn icrc106_get_index_principal() -> Result<Principal, GetIndexPrincipalError> {
    read(|book| book.settings().index_id).ok_or(GetIndexPrincipalError::IndexPrincipalNotSet)
}
