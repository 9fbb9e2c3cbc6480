//! Entry points: from messages to the library and back.

use crate::certificate;
use crate::config::{Config, DECIMALS, initial_balances};
use crate::ledger::{Ledger, Refusal};
use crate::request::TransferRequest;
use crate::types::*;
use crate::{allowance, spawning};
use ic_cdk::{init, post_upgrade, query, update};
use ic_stable_structures::DefaultMemoryImpl;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use icrc::{Account, AccountIdentifier, Subaccount};
use ledger_block::{Operation, Party, Transaction};
use serde_bytes::ByteBuf;
use std::cell::RefCell;

/// Stable memory of one structure.
pub type Memory = VirtualMemory<DefaultMemoryImpl>;

/// 2 MiB a bucket: small structures stay small, and all together may grow to 64 GiB.
const BUCKET_PAGES: u16 = 32;

thread_local! {
    static LEDGER: RefCell<Ledger<Memory>> = RefCell::new({
        let memories =
            MemoryManager::init_with_bucket_size(DefaultMemoryImpl::default(), BUCKET_PAGES);
        Ledger::open(|number| memories.get(MemoryId::new(number)))
    });
}

/// Works with the ledger.
pub(crate) fn with<R>(action: impl FnOnce(&mut Ledger<Memory>) -> R) -> R {
    LEDGER.with_borrow_mut(action)
}

pub(crate) const INTERFACE: &[u8] = include_bytes!("../ledger.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg_attr(target_arch = "wasm32", unsafe(link_section = "icp:public candid:service"))]
#[used]
pub(crate) static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../ledger.did");

/// Tools that have nothing to say send no bytes at all, or no argument.
fn decode_upgrade(bytes: Vec<u8>) -> Option<LedgerCanisterPayload> {
    if bytes.is_empty() {
        return None;
    }
    candid::decode_one(&bytes)
        .unwrap_or_else(|error| ic_cdk::trap(format!("unreadable Upgrade argument: {error}")))
}

#[init]
fn init(payload: LedgerCanisterPayload) {
    let LedgerCanisterPayload::Init(args) = payload else {
        ic_cdk::trap("an installation needs an Init argument")
    };
    let config = Config::from_init(&args).unwrap_or_else(|error| ic_cdk::trap(error));
    let balances = initial_balances(&args).unwrap_or_else(|error| ic_cdk::trap(error));
    with(|ledger| {
        ledger.set_config(config);
        for (account, amount) in balances {
            let operation = Operation::Mint { to: Party::from(account), amount };
            let mint =
                Transaction { operation, memo: 0, icrc1_memo: None, created_at_time: None, fee_given: false };
            ledger
                .submit(mint, ic_cdk::api::time())
                .unwrap_or_else(|refusal| ic_cdk::trap(refusal.to_string()));
        }
    });
    keep_archive_wasm(args.archive_wasm);
    certify();
}

/// Keeps a module that came with an argument, and so from a controller.
fn keep_archive_wasm(wasm: Option<ByteBuf>) {
    if let Some(wasm) = wasm {
        with(|ledger| ledger.archives.set_wasm(true, wasm.into_vec()))
            .unwrap_or_else(|_| ic_cdk::trap("archive_wasm is not a module, or too long"));
    }
}

#[post_upgrade(decode_with = "decode_upgrade")]
fn post_upgrade(args: Option<LedgerCanisterPayload>) {
    match args {
        Some(LedgerCanisterPayload::Init(_)) => ic_cdk::trap("an upgrade needs an Upgrade argument"),
        Some(LedgerCanisterPayload::Upgrade(Some(mut args))) => {
            let wasm = args.archive_wasm.take();
            with(|ledger| {
                let config = ledger.config().upgraded(args).unwrap_or_else(|error| ic_cdk::trap(error));
                ledger.set_config(config);
            });
            keep_archive_wasm(wasm);
        }
        Some(LedgerCanisterPayload::Upgrade(None)) | None => (),
    }
    certify();
    spawning::wake();
}

fn certify() {
    with(|ledger| {
        let tip = ledger.tip();
        if let Some(hashes) = tip.hashes {
            ic_cdk::api::certified_data_set(certificate::tip_tree(tip.length - 1, &hashes).digest());
        }
    });
}

/// Does a transaction for the caller; what follows a block follows here.
pub(crate) fn perform(
    action: impl FnOnce(&mut Ledger<Memory>, u64) -> Result<u64, Refusal>,
) -> Result<u64, Refusal> {
    let index = with(|ledger| action(ledger, ic_cdk::api::time()))?;
    certify();
    spawning::wake();
    Ok(index)
}

pub(crate) fn caller_account(subaccount: Option<Subaccount>) -> Account {
    Account { owner: ic_cdk::api::msg_caller(), subaccount }
}

fn account_of_bytes(bytes: &[u8]) -> AccountIdentifier {
    AccountIdentifier::from_bytes(bytes).unwrap_or_else(|error| ic_cdk::trap(error.to_string()))
}

fn account_of_text(text: &str) -> AccountIdentifier {
    AccountIdentifier::parse(text).unwrap_or_else(|error| ic_cdk::trap(error.to_string()))
}

// The ICP interface.

fn send(args: TransferArgs) -> Result<u64, Refusal> {
    let to = account_of_bytes(&args.to);
    let request = TransferRequest {
        from: Party::from(caller_account(args.from_subaccount)),
        to: Party::from(to),
        spender: None,
        amount: args.amount.e8s.into(),
        fee: Some(args.fee.e8s.into()),
        memo: args.memo,
        icrc1_memo: None,
        created_at_time: args.created_at_time.map(|time| time.timestamp_nanos),
    };
    perform(|ledger, now| ledger.transfer(request, now))
}

#[update]
fn transfer(args: TransferArgs) -> Result<u64, TransferError> {
    send(args).map_err(|refusal| TransferError::try_from(refusal).unwrap_or_else(|words| ic_cdk::trap(words)))
}

#[update]
fn send_dfx(args: SendArgs) -> u64 {
    let SendArgs { memo, amount, fee, from_subaccount, to, created_at_time } = args;
    let to = ByteBuf::from(account_of_text(&to).as_bytes());
    send(TransferArgs { memo, amount, fee, from_subaccount, to, created_at_time })
        .unwrap_or_else(|refusal| ic_cdk::trap(refusal.to_string()))
}

#[query]
fn account_balance(args: AccountBalanceArgs) -> Tokens {
    let account = account_of_bytes(&args.account);
    Tokens { e8s: with(|ledger| ledger.balance(account)) }
}

#[query]
fn account_balance_dfx(args: AccountBalanceArgsDfx) -> Tokens {
    let account = account_of_text(&args.account);
    Tokens { e8s: with(|ledger| ledger.balance(account)) }
}

#[query]
fn account_identifier(account: Account) -> ByteBuf {
    ByteBuf::from(account.identifier().as_bytes())
}

#[query]
fn transfer_fee(_: TransferFeeArg) -> TransferFee {
    TransferFee { transfer_fee: Tokens { e8s: with(|ledger| ledger.config().fee) } }
}

#[query]
fn symbol() -> Symbol {
    Symbol { symbol: with(|ledger| ledger.config().token_symbol.clone()) }
}

#[query]
fn name() -> Name {
    Name { name: with(|ledger| ledger.config().token_name.clone()) }
}

#[query]
fn decimals() -> Decimals {
    Decimals { decimals: DECIMALS.into() }
}

#[query]
fn archives() -> Archives {
    let list = with(|ledger| ledger.archives.list());
    Archives {
        archives: list.into_iter().map(|(_, entry)| Archive { canister_id: entry.canister }).collect(),
    }
}

#[query]
fn query_blocks(args: GetBlocksArgs) -> QueryBlocksResponse {
    with(|ledger| ledger.query_blocks(args, ic_cdk::api::data_certificate())).unwrap_or_else(|_| damaged())
}

#[query]
fn query_encoded_blocks(args: GetBlocksArgs) -> QueryEncodedBlocksResponse {
    with(|ledger| ledger.query_encoded_blocks(args, ic_cdk::api::data_certificate()))
        .unwrap_or_else(|_| damaged())
}

pub(crate) fn damaged() -> ! {
    ic_cdk::trap("a stored block is damaged")
}

#[query]
fn get_allowances(args: GetAllowancesArgs) -> Vec<ListedAllowance> {
    let from = account_of_text(&args.from_account_id);
    let previous = args.prev_spender_id.as_deref().map(account_of_text);
    let take = args
        .take
        .map_or(allowance::MAX_ALLOWANCES_PER_RESPONSE, |take| usize::try_from(take).unwrap_or(usize::MAX));
    with(|ledger| ledger.allowances_of(from, previous, take, ic_cdk::api::time()))
        .into_iter()
        .map(|(spender, allowance)| ListedAllowance {
            from_account_id: from.to_string(),
            to_spender_id: spender.to_string(),
            allowance: Tokens { e8s: allowance.amount },
            expires_at: allowance.expires_at,
        })
        .collect()
}

#[query]
fn is_ledger_ready() -> bool {
    true
}

// Ours.

/// Hands over the module of archives; for controllers only. Answers its SHA-256.
#[update]
fn set_archive_wasm(wasm: ByteBuf) -> Result<ByteBuf, SetArchiveWasmError> {
    let from_controller = ic_cdk::api::is_controller(&ic_cdk::api::msg_caller());
    with(|ledger| ledger.archives.set_wasm(from_controller, wasm.into_vec()))?;
    spawning::wake();
    archive_wasm_hash().ok_or(SetArchiveWasmError::NotAModule)
}

/// SHA-256 of the module that the next archive gets.
#[query]
fn archive_wasm_hash() -> Option<ByteBuf> {
    use sha2::{Digest, Sha256};
    with(|ledger| ledger.archives.wasm()).map(|wasm| ByteBuf::from(Sha256::digest(wasm).to_vec()))
}
