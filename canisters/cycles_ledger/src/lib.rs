//! The cycles ledger: ICRC-1, ICRC-2 and ICRC-3 over cycles, and what cycles are for.
//!
//! # What it keeps
//! 1. Every balance is backed: `deposited = supply + fees + withdrawn + in_flight` ([`book::Totals`]),
//!    to the unit, after every message.
//! 2. Cycles leave only after the balance was debited and the block written ([`flight`]). What comes back
//!    is credited once. A callback that traps leaves the flight, which nobody is paid for twice.
//! 3. An order that names its time is done once within the window, and refused outside of it ([`seen`]).
//! 4. An allowance never pays more than it says, nor after it expired ([`allowance`]).
//! 5. The tip of the log is certified after every block.
//! 6. All state is in stable memory ([`memory`]); an upgrade has nothing to save. A call costs O(log n).
//!
//! # Where it differs from the public cycles ledger
//! Orders that it traps on for their content (memo too long, approval for oneself) are answered with
//! `GenericError`. An amount of more than 128 bits is `InsufficientFunds` where a balance must pay it, and
//! `GenericError` in an approval.

pub mod allowance;
pub mod block;
pub mod book;
pub mod errors;
pub mod flight;
pub mod interface;
pub mod key;
pub mod memory;
mod metrics;
mod outgoing;
pub mod refusal;
pub mod seen;
pub mod value;

#[cfg(test)]
mod tests;

use allowance::MAX_PAGE;
use block::{BLOCK_TYPES, ICRC1_URL, ICRC2_URL};
use book::{Approval, Book, Settings, Transfer};
use candid::{Nat, Principal};
use cycles_interface::{
    Account, CanisterSettings, DepositArgs, DepositResult, SubnetSelection, encode_hash_tree,
};
use errors::*;
use flight::{Departure, Landing, Purpose, Refunds};
use ic_cdk::{init, post_upgrade, query, update};
use ic_certification::{HashTree, fork, label, leaf};
use ic_stable_structures::DefaultMemoryImpl;
use interface::*;
use key::AccountKey;
use outgoing::Failure;
use refusal::{Reason, Refusal};
use serde_bytes::ByteBuf;
use std::cell::RefCell;

/// Digits after the point.
const DECIMALS: u8 = 12;
const NAME: &str = "Trillion Cycles";
const SYMBOL: &str = "TCYCLES";
/// 100 M cycles.
const FEE: u128 = 100_000_000;

/// Most blocks in one answer, whatever installation says: 2 MB of them.
const MAX_BLOCKS_PER_REQUEST: u64 = 2_000;
/// Most ranges in one request for blocks.
const MAX_RANGES: usize = 100;
/// Most accounts with a balance from the start.
const MAX_INITIAL_BALANCES: usize = 10_000;

/// `rkp4c-7iaaa-aaaaa-aaaca-cai`.
const MINTING_CANISTER: [u8; 10] = [0, 0, 0, 0, 0, 0, 0, 4, 1, 1];

const ICRC3_URL: &str = "https://github.com/dfinity/ICRC-1/blob/main/standards/ICRC-3/README.md";
const ICRC10_URL: &str = "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-10/ICRC-10.md";
const ICRC103_URL: &str = "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-103/ICRC-103.md";
const ICRC106_URL: &str = "https://github.com/dfinity/ICRC/blob/main/ICRCs/ICRC-106/ICRC-106.md";

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../cycles_ledger.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../cycles_ledger.did");

thread_local! {
    static BOOK: RefCell<Book<DefaultMemoryImpl>> =
        RefCell::new(Book::open(DefaultMemoryImpl::default(), default_settings()));
}

fn default_settings() -> Settings {
    Settings {
        name: NAME.to_owned(),
        symbol: SYMBOL.to_owned(),
        fee: FEE,
        max_blocks_per_request: MAX_BLOCKS_PER_REQUEST,
        index_id: None,
        minting_canister: Principal::from_slice(&MINTING_CANISTER),
    }
}

fn read<T>(f: impl FnOnce(&Book<DefaultMemoryImpl>) -> T) -> T {
    BOOK.with_borrow(f)
}

/// Changes the book and certifies its tip.
fn change<T>(f: impl FnOnce(&mut Book<DefaultMemoryImpl>) -> T) -> T {
    let answer = BOOK.with_borrow_mut(f);
    certify();
    answer
}

fn certify() {
    ic_cdk::api::certified_data_set(tip_tree().digest());
}

/// The tree of ICRC-3 that certifies the last block; empty before the first one.
fn tip_tree() -> HashTree {
    read(|book| match (book.totals().tip, book.log_length().checked_sub(1)) {
        (Some(tip), Some(index)) => fork(
            label("last_block_hash", leaf(tip.to_vec())),
            label("last_block_index", leaf(value::leb128(&index.into()))),
        ),
        _ => ic_certification::empty(),
    })
}

fn now() -> u64 {
    ic_cdk::api::time()
}

fn caller(subaccount: Option<cycles_interface::Subaccount>) -> Account {
    Account { owner: ic_cdk::api::msg_caller(), subaccount }
}

/// Numbers of more than 128 bits are larger than any sum here.
fn small(number: Nat) -> Option<u128> {
    u128::try_from(number.0).ok()
}

/// An amount that a balance has to pay.
fn payable(amount: Nat, from: &Account) -> Result<u128, Refusal> {
    small(amount).ok_or_else(|| Refusal::InsufficientFunds { balance: read(|book| book.balance(from)) })
}

fn small_fee(fee: Option<Nat>) -> Result<Option<u128>, Refusal> {
    let refusal = || Refusal::BadFee { expected_fee: read(|book| book.settings().fee) };
    fee.map(|fee| small(fee).ok_or_else(refusal)).transpose()
}

#[init]
fn init(ledger_args: LedgerArgs) {
    let LedgerArgs::Init(args) = ledger_args else { ic_cdk::trap("a first installation takes Init") };
    let defaults = default_settings();
    let fee = match args.fee.map(small) {
        None => defaults.fee,
        Some(Some(fee)) => fee,
        Some(None) => ic_cdk::trap("the fee has more than 128 bits"),
    };
    let settings = Settings {
        name: args.token_name.unwrap_or(defaults.name),
        symbol: args.token_symbol.unwrap_or(defaults.symbol),
        fee,
        max_blocks_per_request: args.max_blocks_per_request.clamp(1, MAX_BLOCKS_PER_REQUEST),
        index_id: args.index_id,
        minting_canister: args.minting_canister_id.unwrap_or(defaults.minting_canister),
    };
    let balances = args.initial_balances.unwrap_or_default();
    if balances.len() > MAX_INITIAL_BALANCES {
        ic_cdk::trap("too many initial balances");
    }
    change(|book| {
        book.set_settings(settings);
        for (account, amount) in balances {
            let amount = small(amount).unwrap_or_else(|| ic_cdk::trap("a balance has more than 128 bits"));
            if let Err(refusal) = book.deposit(account, amount, None, now()) {
                ic_cdk::trap(format!("initial balance of {}: {refusal:?}", account.owner));
            }
        }
    });
}

/// The book is where it was; an argument may change two settings.
#[post_upgrade]
fn post_upgrade() {
    let bytes = ic_cdk::api::msg_arg_data();
    let args = match bytes.is_empty() {
        true => None,
        false => match candid::decode_one::<Option<LedgerArgs>>(&bytes) {
            Ok(Some(LedgerArgs::Upgrade(args))) => args,
            Ok(None) => None,
            Ok(Some(LedgerArgs::Init(_))) => ic_cdk::trap("an upgrade takes Upgrade"),
            Err(error) => ic_cdk::trap(format!("unreadable upgrade arguments: {error}")),
        },
    };
    change(|book| {
        let mut settings = book.settings().clone();
        let args = args.unwrap_or_default();
        if let Some(max) = args.max_blocks_per_request {
            settings.max_blocks_per_request = max.clamp(1, MAX_BLOCKS_PER_REQUEST);
        }
        match args.change_index_id {
            None => {}
            Some(ChangeIndexId::Unset) => settings.index_id = None,
            Some(ChangeIndexId::SetTo(index)) => settings.index_id = Some(index),
        }
        book.set_settings(settings);
    });
}

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
        ("icrc1:max_memo_length".to_owned(), MetadataValue::Nat(cycles_interface::MAX_MEMO_LENGTH.into())),
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
    read(|book| book.balance(&account).into())
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
fn icrc1_transfer(args: TransferArgs) -> Result<Nat, TransferError> {
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
fn icrc2_allowance(args: AllowanceArgs) -> Allowance {
    match read(|book| book.allowance(&args.account, &args.spender, now())) {
        None => Allowance { allowance: Nat::from(0u8), expires_at: None },
        Some(it) => Allowance { allowance: it.amount.into(), expires_at: it.expires_at },
    }
}

/// Allowances are their owner's affair: others are denied access.
#[query]
fn icrc103_get_allowances(args: GetAllowancesArgs) -> Result<Vec<AllowanceOfPair>, GetAllowancesError> {
    let from = args.from_account.unwrap_or_else(|| caller(None));
    if from.owner != ic_cdk::api::msg_caller() {
        let reason = "only the owner sees an account's allowances".to_owned();
        return Err(GetAllowancesError::AccessDenied { reason });
    }
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

#[query]
fn icrc3_get_archives(_args: GetArchivesArgs) -> Vec<Archive> {
    Vec::new()
}

#[query]
fn icrc3_get_tip_certificate() -> Option<DataCertificate> {
    let certificate = ic_cdk::api::data_certificate()?;
    read(|book| book.totals().tip)?;
    let hash_tree = ByteBuf::from(encode_hash_tree(&tip_tree()));
    Some(DataCertificate { certificate: ByteBuf::from(certificate), hash_tree })
}

#[query]
fn icrc3_get_blocks(args: Vec<GetBlocksRange>) -> GetBlocksResult {
    read(|book| {
        let max = book.settings().max_blocks_per_request as usize;
        let ids = args.into_iter().take(MAX_RANGES).flat_map(|GetBlocksRange { start, length }| {
            let start = u64::try_from(start.0).unwrap_or(u64::MAX);
            let end = start.saturating_add(u64::try_from(length.0).unwrap_or(u64::MAX));
            start..end.min(book.log_length())
        });
        let blocks = ids
            .take(max)
            .filter_map(|id| book.block(id).map(|it| BlockWithId { id: id.into(), block: it.to_value() }))
            .collect();
        GetBlocksResult { log_length: book.log_length().into(), blocks, archived_blocks: Vec::new() }
    })
}

#[query]
fn icrc3_supported_block_types() -> Vec<SupportedBlockType> {
    BLOCK_TYPES
        .map(|(block_type, url)| SupportedBlockType {
            block_type: block_type.to_owned(),
            url: url.to_owned(),
        })
        .to_vec()
}

/// Takes the cycles attached to the call. One that is refused traps, so that they go back.
#[update]
fn deposit(args: DepositArgs) -> DepositResult {
    let amount = ic_cdk::api::msg_cycles_accept(ic_cdk::api::msg_cycles_available());
    match change(|book| book.deposit(args.to, amount, args.memo, now())) {
        Ok((block, balance)) => DepositResult { balance: balance.into(), block_index: block.into() },
        Err(Refusal::Generic(reason)) => ic_cdk::trap(reason.to_string()),
        Err(refusal) => ic_cdk::trap(format!("{refusal:?}")),
    }
}

/// Users have no cycles but here.
fn is_user(principal: Principal) -> bool {
    const SELF_AUTHENTICATING: u8 = 2;
    const ANONYMOUS: u8 = 4;
    match principal.as_slice() {
        [ANONYMOUS] => true,
        bytes => bytes.len() == Principal::MAX_LENGTH_IN_BYTES && bytes.last() == Some(&SELF_AUTHENTICATING),
    }
}

/// Sends cycles to a canister; the block, or what failed and what was given back.
async fn send_out(order: Departure, to: Principal) -> Result<Result<u64, (u64, Failure, Refunds)>, Refusal> {
    let amount = order.amount;
    let block = change(|book| book.depart(order, now()))?;
    let sent = outgoing::deposit_cycles(to, amount).await;
    let landing = match &sent {
        Ok(returned) => Landing::Arrived { canister_id: None, returned: *returned },
        Err(failure) => Landing::Failed { returned: failure.returned },
    };
    let refunds = change(|book| book.land(block, landing, now()));
    Ok(match sent {
        Ok(_) => Ok(block),
        Err(failure) => Err((block, failure, refunds)),
    })
}

#[update]
async fn withdraw(args: WithdrawArgs) -> Result<Nat, WithdrawError> {
    if is_user(args.to) {
        return Err(WithdrawError::InvalidReceiver { receiver: args.to });
    }
    let from = caller(args.from_subaccount);
    let order = Departure {
        from,
        spender: None,
        amount: payable(args.amount, &from)?,
        purpose: Purpose::Withdrawal { to: args.to },
        created_at_time: args.created_at_time,
    };
    send_out(order, args.to).await?.map(Nat::from).map_err(|(_, failure, refunds)| {
        WithdrawError::FailedToWithdraw {
            fee_block: refunds.refund_block.map(Nat::from),
            rejection_code: failure.code,
            rejection_reason: failure.reason,
        }
    })
}

#[update]
async fn withdraw_from(args: WithdrawFromArgs) -> Result<Nat, WithdrawFromError> {
    if is_user(args.to) {
        return Err(WithdrawFromError::InvalidReceiver { receiver: args.to });
    }
    let order = Departure {
        from: args.from,
        spender: Some(caller(args.spender_subaccount)),
        amount: payable(args.amount, &args.from)?,
        purpose: Purpose::Withdrawal { to: args.to },
        created_at_time: args.created_at_time,
    };
    send_out(order, args.to).await?.map(Nat::from).map_err(|(block, failure, refunds)| {
        WithdrawFromError::FailedToWithdrawFrom {
            withdraw_from_block: Some(block.into()),
            refund_block: refunds.refund_block.map(Nat::from),
            approval_refund_block: refunds.approval_refund_block.map(Nat::from),
            rejection_code: failure.code,
            rejection_reason: failure.reason,
        }
    })
}

/// Pays for a new canister; it, or what failed and what was given back.
async fn create(
    order: Departure,
    creation_args: Option<CmcCreateCanisterArgs>,
) -> Result<Result<CreateCanisterSuccess, (u64, Failure, Refunds)>, Refusal> {
    let amount = order.amount;
    let CmcCreateCanisterArgs { settings, subnet_selection } = creation_args.unwrap_or_default();
    let settings = CanisterSettings::controlled_by(settings, ic_cdk::api::msg_caller());
    let selection = subnet_selection.filter(|it| *it != SubnetSelection::Filter(Default::default()));
    let minting_canister = read(|book| book.settings().minting_canister);
    let block = change(|book| book.depart(order, now()))?;
    let created = outgoing::create_canister(minting_canister, settings, selection, amount).await;
    let landing = match &created {
        Ok((id, returned)) => Landing::Arrived { canister_id: Some(*id), returned: *returned },
        Err(failure) => Landing::Failed { returned: failure.returned },
    };
    let refunds = change(|book| book.land(block, landing, now()));
    Ok(match created {
        Ok((canister_id, _)) => Ok(CreateCanisterSuccess { block_id: block.into(), canister_id }),
        Err(failure) => Err((block, failure, refunds)),
    })
}

#[update]
async fn create_canister(args: CreateCanisterArgs) -> Result<CreateCanisterSuccess, CreateCanisterError> {
    let from = caller(args.from_subaccount);
    let order = Departure {
        from,
        spender: None,
        amount: payable(args.amount, &from)?,
        purpose: Purpose::Creation,
        created_at_time: args.created_at_time,
    };
    create(order, args.creation_args).await?.map_err(|(block, failure, refunds)| {
        CreateCanisterError::FailedToCreate {
            fee_block: Some(block.into()),
            refund_block: refunds.refund_block.map(Nat::from),
            error: failure.reason,
        }
    })
}

#[update]
async fn create_canister_from(
    args: CreateCanisterFromArgs,
) -> Result<CreateCanisterSuccess, CreateCanisterFromError> {
    let order = Departure {
        from: args.from,
        spender: Some(caller(args.spender_subaccount)),
        amount: payable(args.amount, &args.from)?,
        purpose: Purpose::Creation,
        created_at_time: args.created_at_time,
    };
    create(order, args.creation_args).await?.map_err(|(block, failure, refunds)| {
        CreateCanisterFromError::FailedToCreateFrom {
            create_from_block: Some(block.into()),
            refund_block: refunds.refund_block.map(Nat::from),
            approval_refund_block: refunds.approval_refund_block.map(Nat::from),
            rejection_code: failure.code,
            rejection_reason: failure.reason,
        }
    })
}

#[query]
fn http_request(request: HttpRequest) -> HttpResponse {
    let path = request.url.split('?').next().unwrap_or_default();
    let (status_code, body) = match path {
        "/metrics" => (
            200,
            read(|book| {
                metrics::page(book, ic_cdk::api::canister_cycle_balance(), ic_cdk::api::stable_size())
            }),
        ),
        _ => (404, "there is only /metrics\n".to_owned()),
    };
    let headers = vec![("content-type".to_owned(), "text/plain; version=0.0.4".to_owned())];
    HttpResponse { status_code, headers, body: ByteBuf::from(body.into_bytes()) }
}

#[cfg(test)]
candid::export_service!();

/// The interface that this code has.
#[cfg(test)]
pub(crate) fn exported_interface() -> String {
    __export_service()
}
