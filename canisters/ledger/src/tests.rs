mod archiving;
mod blocks;
mod consent;
mod model;
mod rules;
mod settings;
mod spawning;

use crate::config::{Config, initial_balances};
use crate::ledger::{Ledger, Refusal};
use crate::request::{ApproveRequest, TransferRequest};
use crate::types::{ArchiveOptions, Duration, InitArgs, Tokens};
use candid::Principal;
use ic_stable_structures::VectorMemory;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use icrc::{Account, Subaccount};
use ledger_block::Party;

type Memory = VirtualMemory<VectorMemory>;

const FEE: u64 = 10;
const SECOND: u64 = 1_000_000_000;
const WINDOW_SECONDS: u64 = 100;
const WINDOW: u64 = WINDOW_SECONDS * SECOND;
const NOW: u64 = 1_700_000_000 * SECOND;

fn principal(number: u8) -> Principal {
    Principal::from_slice(&[number, 1, 1])
}

fn user(number: u8) -> Account {
    Account::from(principal(number))
}

fn subaccount(number: u8) -> Subaccount {
    Subaccount::new([number; 32])
}

fn minter() -> Account {
    user(255)
}

/// Stable memory, which stays when a ledger is dropped and opened again.
fn open(memory: &VectorMemory) -> Ledger<Memory> {
    let memories = MemoryManager::init_with_bucket_size(memory.clone(), 1);
    Ledger::open(|number| memories.get(MemoryId::new(number)))
}

fn init_args() -> InitArgs {
    InitArgs {
        minting_account: minter().identifier().to_string(),
        icrc1_minting_account: Some(minter()),
        initial_values: Vec::new(),
        max_message_size_bytes: None,
        transaction_window: Some(Duration { secs: WINDOW_SECONDS, nanos: 0 }),
        archive_options: None,
        send_whitelist: Vec::new(),
        transfer_fee: Some(Tokens { e8s: FEE }),
        token_symbol: Some("TST".to_string()),
        token_name: Some("Test".to_string()),
        feature_flags: None,
        index_principal: None,
        archive_wasm: None,
    }
}

fn archive_options(trigger_threshold: u64, num_blocks_to_archive: u64) -> ArchiveOptions {
    ArchiveOptions {
        trigger_threshold,
        num_blocks_to_archive,
        node_max_memory_size_bytes: None,
        max_message_size_bytes: None,
        controller_id: principal(0),
        more_controller_ids: None,
        cycles_for_archive_creation: None,
        max_transactions_per_response: None,
    }
}

/// A ledger on which users 1, 2 and 3 have 1,000 each.
fn ledger() -> Ledger<Memory> {
    let mut ledger = open(&VectorMemory::default());
    ledger.set_config(Config::from_init(&init_args()).unwrap());
    for number in 1..=3 {
        ledger.transfer(transfer(minter(), user(number), 1_000), NOW).unwrap();
    }
    ledger
}

fn transfer(from: Account, to: Account, amount: u128) -> TransferRequest {
    TransferRequest {
        from: Party::from(from),
        to: Party::from(to),
        spender: None,
        amount,
        fee: None,
        memo: 0,
        icrc1_memo: None,
        created_at_time: None,
    }
}

fn transfer_from(spender: Account, from: Account, to: Account, amount: u128) -> TransferRequest {
    TransferRequest { spender: Some(Party::from(spender)), ..transfer(from, to, amount) }
}

fn approve(from: Account, spender: Account, amount: u128) -> ApproveRequest {
    ApproveRequest {
        from,
        spender,
        amount,
        expected_allowance: None,
        expires_at: None,
        fee: None,
        icrc1_memo: None,
        created_at_time: None,
    }
}

fn balance(ledger: &Ledger<Memory>, account: Account) -> u64 {
    ledger.balance(account.identifier())
}
