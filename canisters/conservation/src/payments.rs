//! The minting canister and its payments.

use crate::system::{Place, System};
use crate::tokens::minter;
use candid::Principal;
use cycles_minting::account::AccountIdentifier;
use cycles_minting::interface::IcpXdrConversionRate;
use cycles_minting::mint::{Config, Mint};
use cycles_minting::notify::{BlockRead, PayReport, Step};
use cycles_minting::payment::{Claim, Payment};
use ic_stable_structures::VectorMemory;
use ledger_block::wire;
use std::collections::BTreeMap;

/// A token buys as much as an owner has of the quota in a period: both are spent.
const RATE: u64 = 20;

pub fn own_id() -> Principal {
    Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 4, 1, 1])
}

pub struct Payments {
    memory: VectorMemory,
    pub mint: Mint<VectorMemory>,
    /// Notified or not: the block of each, and what it was paid for.
    pub made: Vec<(u64, Claim)>,
    /// Steps that messages are about to take.
    pub workers: Vec<Step>,
    /// Answers of calls with cycles that are on their way back.
    pub reports: BTreeMap<u64, PayReport>,
    bought: BTreeMap<u64, u128>,
    /// What the mint counts and the system could not mint, until the mint hears of it; for ever if it does not.
    short: u128,
    burnt_back: u128,
}

fn config() -> Config {
    Config {
        minting_account: AccountIdentifier::of(minter().owner, [0; 32]),
        rate: Some(IcpXdrConversionRate { timestamp_seconds: 1, xdr_permyriad_per_icp: RATE }),
        ..Config::usual()
    }
}

impl Payments {
    pub fn new() -> Self {
        let memory = VectorMemory::default();
        let mut mint = Mint::open(memory.clone(), own_id());
        mint.set_config(config());
        Self {
            memory,
            mint,
            made: Vec::new(),
            workers: Vec::new(),
            reports: BTreeMap::new(),
            bought: BTreeMap::new(),
            short: 0,
            burnt_back: 0,
        }
    }

    /// An upgrade waits until nothing is being worked on.
    pub fn upgrade(&mut self) {
        if self.workers.is_empty() {
            self.mint = Mint::open(self.memory.clone(), own_id());
        }
    }

    /// The system has fewer than all cycles to mint: they are burnt in the same message.
    pub fn fall_short(&mut self, system: &mut System, cycles: u128, minted: u128) -> PayReport {
        system.mint(minted);
        system.send(Place::Minting, Place::Burnt, minted);
        self.short += cycles - minted;
        PayReport { minted, returned: minted, burnt: minted, result: Err("no more cycles".to_owned()) }
    }

    /// Cycles reached whom they were for: once for a block.
    pub fn note_bought(&mut self, block: u64, cycles: u128) {
        assert_eq!(self.bought.insert(block, cycles), None, "block {block} bought twice");
    }

    /// The mint hears how its cycles went.
    pub fn hear(&mut self, block: u64, report: PayReport, cycles: u128, now: u64) -> Step {
        self.short -= cycles - report.minted;
        self.burnt_back += report.burnt;
        self.mint.paid(block, report, now)
    }

    pub fn check(&self, system: &System) {
        assert_eq!(self.mint.totals().minted, system.minted + self.short);
        assert_eq!(self.mint.totals().burnt_back, self.burnt_back);
    }

    /// How many payments bought something.
    pub fn bought(&self) -> usize {
        self.bought.len()
    }
}

/// A block of the token ledger as the minting canister reads it.
pub fn payment_in(block: wire::Block) -> BlockRead {
    let wire::Transaction { memo, icrc1_memo, operation, .. } = block.transaction;
    match operation {
        Some(wire::Operation::Transfer { from, to, amount, .. }) => BlockRead::Transfer(Payment {
            from: AccountIdentifier::from_ledger(from),
            to: AccountIdentifier::from_ledger(to),
            e8s: amount.e8s,
            memo,
            icrc1_memo,
        }),
        _ => BlockRead::Other,
    }
}
