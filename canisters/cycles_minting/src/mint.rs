//! The minting canister's state, all of it in stable memory but who is at work.

use crate::account::AccountIdentifier;
use crate::interface::{Accounting, ErrorCode, IcpXdrConversionRate, NotifyError};
use crate::limiter::Limiter;
use crate::payment::{Closed, Open};
use candid::Principal;
use cycles_interface::Stored;
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most payments that are remembered after they ended.
pub const MAX_CLOSED: u64 = 1_000_000;
/// Most remembered payments forgotten in one call: more than one call can add.
pub const FORGOTTEN_PER_CALL: u64 = 16;
/// Most payments under way at once.
pub const MAX_OPEN: u64 = 10_000;

/// What a transfer costs until the ledger says otherwise.
const TRANSFER_FEE_E8S: u64 = 10_000;

/// The rate where there are no tokens and none was named: 1 XDR.
const NOMINAL_PERMYRIAD: u64 = 10_000;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Pages of which segments of stable memory are made: 2 MiB.
const BUCKET_PAGES: u16 = 32;

const CONFIG: MemoryId = MemoryId::new(0);
const TOTALS: MemoryId = MemoryId::new(1);
const OPEN: MemoryId = MemoryId::new(2);
const CLOSED: MemoryId = MemoryId::new(3);

type Segment<M> = VirtualMemory<M>;

/// What installation and votes decide.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Config {
    pub ledger: Principal,
    pub governance: Principal,
    pub cycles_ledger: Principal,
    pub minting_account: AccountIdentifier,
    pub subnet_id: Option<Principal>,
    pub rate: Option<IcpXdrConversionRate>,
    pub transfer_fee_e8s: u64,
    #[serde(default)]
    pub accounting: Accounting,
}

impl Config {
    /// The ids that tools expect.
    pub fn usual() -> Self {
        let id = |number: [u8; 8]| Principal::from_slice(&[&number[..], &[1, 1]].concat());
        let governance = id([0, 0, 0, 0, 0, 0, 0, 1]);
        Self {
            ledger: id([0, 0, 0, 0, 0, 0, 0, 2]),
            governance,
            cycles_ledger: id([0, 0, 0, 0, 2, 0x10, 0, 2]),
            minting_account: AccountIdentifier::of(governance, [0; 32]),
            subnet_id: None,
            rate: None,
            transfer_fee_e8s: TRANSFER_FEE_E8S,
            accounting: Accounting::Market,
        }
    }

    /// This configuration in a mode. Where there are no tokens there is a rate all the same, for tools that ask
    /// for it before anything else.
    pub fn accounted(mut self, accounting: Accounting, now: u64) -> Self {
        self.accounting = accounting;
        if accounting != Accounting::Market {
            self.rate.get_or_insert(IcpXdrConversionRate {
                timestamp_seconds: now / NANOS_PER_SECOND,
                xdr_permyriad_per_icp: NOMINAL_PERMYRIAD,
            });
        }
        self
    }

    /// Whether payments in tokens can be.
    pub fn check_tokens(&self) -> Result<(), NotifyError> {
        let instead = match self.accounting {
            Accounting::Market => return Ok(()),
            Accounting::Quota => "owners have a quota of cycles on the cycles ledger",
            Accounting::Free => "cycles are free by the management canister's provisional calls",
        };
        Err(ErrorCode::NoTokens.error(format!("there are no tokens on this network: {instead}")))
    }
}

/// Sums.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// Cycles minted.
    pub minted: u128,
    /// Minted cycles that came back and were burnt.
    pub burnt_back: u128,
    /// The least block that can still be notified.
    pub lowest: u64,
    pub limiter: Limiter,
}

/// State, and which payments a message is working on. The latter is forgotten by an upgrade, and so is the
/// message.
pub struct Mint<M: Memory> {
    pub(crate) own_id: Principal,
    config: StableCell<Stored<Config>, Segment<M>>,
    totals: StableCell<Stored<Totals>, Segment<M>>,
    open: StableBTreeMap<u64, Stored<Open>, Segment<M>>,
    closed: StableBTreeMap<u64, Stored<Closed>, Segment<M>>,
    working: BTreeSet<u64>,
    /// [`MAX_CLOSED`]; tests do with fewer.
    pub(crate) max_closed: u64,
    /// Where the search for tokens that did not move goes on.
    swept: u64,
}

/// Most payments looked at in one search.
const SWEPT_PER_CALL: usize = 100;

impl<M: Memory> Mint<M> {
    pub fn open(memory: M, own_id: Principal) -> Self {
        let segments = MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES);
        Self {
            own_id,
            config: StableCell::init(segments.get(CONFIG), Stored(Config::usual())),
            totals: StableCell::init(segments.get(TOTALS), Stored::default()),
            open: StableBTreeMap::init(segments.get(OPEN)),
            closed: StableBTreeMap::init(segments.get(CLOSED)),
            working: BTreeSet::new(),
            max_closed: MAX_CLOSED,
            swept: 0,
        }
    }

    pub fn config(&self) -> &Config {
        &self.config.get().0
    }

    pub fn set_config(&mut self, config: Config) {
        self.config.set(Stored(config));
    }

    /// Takes over a rate that was voted on: from the governance canister, not nothing, not older than the one
    /// in force.
    pub fn adopt_rate(&mut self, caller: Principal, rate: IcpXdrConversionRate) -> Result<(), String> {
        if caller != self.config().governance {
            return Err("only the governance canister sets the conversion rate".to_owned());
        }
        if rate.xdr_permyriad_per_icp == 0 {
            return Err("a rate of nothing".to_owned());
        }
        if self.config().rate.is_some_and(|current| current.timestamp_seconds > rate.timestamp_seconds) {
            return Err("the rate in force is newer".to_owned());
        }
        self.set_config(Config { rate: Some(rate), ..self.config().clone() });
        Ok(())
    }

    pub fn totals(&self) -> &Totals {
        &self.totals.get().0
    }

    pub fn count(&mut self, change: impl FnOnce(&mut Totals)) {
        let mut totals = self.totals().clone();
        change(&mut totals);
        self.totals.set(Stored(totals));
    }

    /// Minted and not burnt again.
    pub fn total_cycles_minted(&self) -> u128 {
        self.totals().minted.saturating_sub(self.totals().burnt_back)
    }

    pub fn open_payments(&self) -> u64 {
        self.open.len()
    }

    pub fn closed_payments(&self) -> u64 {
        self.closed.len()
    }

    pub fn get_open(&self, block: u64) -> Option<Open> {
        self.open.get(&block).map(|Stored(it)| it)
    }

    pub fn get_closed(&self, block: u64) -> Option<Closed> {
        self.closed.get(&block).map(|Stored(it)| it)
    }

    pub(crate) fn put_open(&mut self, block: u64, open: Open) {
        self.open.insert(block, Stored(open));
    }

    pub(crate) fn remove_open(&mut self, block: u64) {
        self.open.remove(&block);
    }

    /// Ends a payment, and forgets some of the oldest if there are too many.
    pub(crate) fn close(&mut self, block: u64, closed: Closed) {
        self.open.remove(&block);
        self.closed.insert(block, Stored(closed));
        for _ in 0..FORGOTTEN_PER_CALL {
            if self.closed.len() <= self.max_closed {
                return;
            }
            if let Some((forgotten, _)) = self.closed.pop_first() {
                self.count(|totals| totals.lowest = totals.lowest.max(forgotten.saturating_add(1)));
            }
        }
    }

    pub(crate) fn is_worked_on(&self, block: u64) -> bool {
        self.working.contains(&block)
    }

    pub(crate) fn hold(&mut self, block: u64) {
        self.working.insert(block);
    }

    /// A message does not work on a payment any more: it answered, or it trapped.
    pub fn release(&mut self, block: u64) {
        self.working.remove(&block);
    }

    /// The next payment that nobody works on, from where the last search ended.
    pub(crate) fn next_idle(&mut self, wanted: impl Fn(&Open) -> bool) -> Option<(u64, Open)> {
        let looked_at: Vec<_> = self
            .open
            .range(self.swept..)
            .take(SWEPT_PER_CALL)
            .map(|entry| (*entry.key(), entry.value().0))
            .collect();
        let last = looked_at.last().map(|(block, _)| *block);
        let found = looked_at.into_iter().find(|(block, open)| !self.is_worked_on(*block) && wanted(open));
        self.swept = match &found {
            Some((block, _)) => block.saturating_add(1),
            None => last.map_or(0, |block| block.saturating_add(1)),
        };
        found
    }
}
