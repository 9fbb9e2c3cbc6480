//! Parameters, statements and payments, in stable memory.
//!
//! 1. A statement is made once: the next one begins where the last one ended, and that is stored with it.
//! 2. It is stored, with all of its payments pending, before anything is paid.
//! 3. Statements are linked by hashes, and the last hash is certified.
//! 4. At most [`MAX_STATEMENTS`] are kept; the oldest is forgotten when nothing of it is to be paid any more.

use crate::interface::*;
use crate::statement::{PERMILLE, compute, encode};
use crate::work::{Baseline, Period};
use candid::Principal;
use cycles_interface::{Account, Stored};
use ic_certification::{HashTree, fork, label, leaf};
use ic_stable_structures::memory_manager::{MemoryId, MemoryManager, VirtualMemory};
use ic_stable_structures::{Memory, StableBTreeMap, StableCell};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Most statements that are kept.
pub const MAX_STATEMENTS: u64 = 10_000;
/// Most statements in one answer.
pub const MAX_STATEMENTS_PER_PAGE: u64 = 20;
/// A leap year.
pub const MAX_PERIOD_SECONDS: u64 = 366 * 24 * 3_600;

const USUAL_PERIOD_SECONDS: u64 = 24 * 3_600;
const USUAL_SHARE_PERMILLE: u32 = 500;

/// Most letters that are kept of why something failed.
const MAX_REASON_LENGTH: usize = 300;

pub const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Pages of which segments of stable memory are made: 2 MiB.
const BUCKET_PAGES: u16 = 32;

// A number once used is never used for something else.
const PARAMETERS: MemoryId = MemoryId::new(0);
const STATE: MemoryId = MemoryId::new(1);
const BASELINE: MemoryId = MemoryId::new(2);
const STATEMENTS: MemoryId = MemoryId::new(3);
const PENDING: MemoryId = MemoryId::new(4);
const REFUSALS: MemoryId = MemoryId::new(5);

type Segment<M> = VirtualMemory<M>;

/// How far a payment is, as it is stored.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Stage {
    Pending(Option<String>),
    Sent { created_at_time: u64 },
    Paid { block_index: u128 },
    Unknown,
    Refused(String),
}

impl Stage {
    /// Whether nothing more comes of it.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Paid { .. } | Self::Unknown | Self::Refused(_))
    }
}

impl From<Stage> for Payment {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Pending(reason) => Self::Pending(reason),
            Stage::Sent { created_at_time } => Self::Sent { created_at_time },
            Stage::Paid { block_index } => Self::Paid { block_index: block_index.into() },
            Stage::Unknown => Self::Unknown,
            Stage::Refused(reason) => Self::Refused(reason),
        }
    }
}

/// A statement, and how far its payments are.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Candid of the statement.
    pub encoded: ByteBuf,
    pub hash: [u8; 32],
    pub made_at_nanos: u64,
    pub payments: Vec<Stage>,
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// Statements that were made.
    pub statements: u64,
    /// The oldest one that is kept.
    pub oldest: u64,
    pub last_hash: Option<[u8; 32]>,
    pub minted_e8s: u128,
    pub last_error: Option<String>,
}

/// For whom a node works, as the registry says.
pub type Assignments = BTreeMap<Principal, (Principal, Option<Account>)>;

/// Place of a payment: its statement, and its number there.
pub type Place = (u64, u32);

/// All state.
pub struct Book<M: Memory> {
    parameters: StableCell<Stored<Parameters>, Segment<M>>,
    state: StableCell<Stored<State>, Segment<M>>,
    baseline: StableCell<Stored<Option<Baseline>>, Segment<M>>,
    statements: StableBTreeMap<u64, Stored<Kept>, Segment<M>>,
    pending: StableBTreeMap<Place, (), Segment<M>>,
    /// How often the ledger refused which of them.
    refusals: StableBTreeMap<Place, u32, Segment<M>>,
    /// Who this is: the owner of the minting account.
    own_id: Principal,
    /// [`MAX_STATEMENTS`]; tests do with fewer.
    pub(crate) max_statements: u64,
}

/// The ids that tools expect, of the only subnet that there is.
fn usual(subnet_id: Principal) -> Parameters {
    let id = |number: u8| Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, number, 1, 1]);
    Parameters {
        ledger: id(2),
        minting: id(4),
        registry: id(0),
        governance: id(1),
        subnet_id,
        period_seconds: USUAL_PERIOD_SECONDS,
        share_permille: USUAL_SHARE_PERMILLE,
    }
}

fn check(parameters: &Parameters) -> Result<(), Error> {
    if !(1..=MAX_PERIOD_SECONDS).contains(&parameters.period_seconds) {
        return Err(Error::Invalid(format!("a period lasts 1 to {MAX_PERIOD_SECONDS} seconds")));
    }
    if parameters.share_permille > PERMILLE {
        return Err(Error::Invalid(format!("a share is at most {PERMILLE} permille")));
    }
    Ok(())
}

/// The beginning of a reason, so that records are small.
pub fn shortened(reason: &str) -> String {
    reason.chars().take(MAX_REASON_LENGTH).collect()
}

impl<M: Memory> Book<M> {
    pub fn open(memory: M, subnet_id: Principal, own_id: Principal) -> Self {
        let segments = MemoryManager::init_with_bucket_size(memory, BUCKET_PAGES);
        Self {
            parameters: StableCell::init(segments.get(PARAMETERS), Stored(usual(subnet_id))),
            state: StableCell::init(segments.get(STATE), Stored::default()),
            baseline: StableCell::init(segments.get(BASELINE), Stored(None)),
            statements: StableBTreeMap::init(segments.get(STATEMENTS)),
            pending: StableBTreeMap::init(segments.get(PENDING)),
            refusals: StableBTreeMap::init(segments.get(REFUSALS)),
            own_id,
            max_statements: MAX_STATEMENTS,
        }
    }

    pub fn parameters(&self) -> &Parameters {
        &self.parameters.get().0
    }

    pub fn state(&self) -> &State {
        &self.state.get().0
    }

    pub(crate) fn change_state(&mut self, change: impl FnOnce(&mut State)) {
        let mut state = self.state().clone();
        change(&mut state);
        if state != *self.state() {
            self.state.set(Stored(state));
        }
    }

    /// Notes why something failed; none if it works again.
    pub fn note(&mut self, error: Option<&str>) {
        self.change_state(|state| state.last_error = error.map(shortened));
    }

    /// Takes over what installation or an upgrade names.
    ///
    /// # Errors
    /// Parameters that may not be.
    pub fn configure(&mut self, args: InitArgs) -> Result<(), Error> {
        let now = self.parameters().clone();
        let parameters = Parameters {
            ledger: args.ledger.unwrap_or(now.ledger),
            minting: args.minting.unwrap_or(now.minting),
            registry: args.registry.unwrap_or(now.registry),
            governance: args.governance.unwrap_or(now.governance),
            subnet_id: args.subnet_id.unwrap_or(now.subnet_id),
            period_seconds: args.period_seconds.unwrap_or(now.period_seconds),
            share_permille: args.share_permille.unwrap_or(now.share_permille),
        };
        check(&parameters)?;
        self.parameters.set(Stored(parameters));
        Ok(())
    }

    /// From governance alone; for the statements to come.
    ///
    /// # Errors
    /// Nothing changes.
    pub fn set_parameters(&mut self, caller: Principal, args: SetParameters) -> Result<(), Error> {
        if caller != self.parameters().governance {
            return Err(Error::Unauthorized("only the governance canister may do this".to_owned()));
        }
        let SetParameters { period_seconds, share_permille } = args;
        self.configure(InitArgs { period_seconds, share_permille, ..InitArgs::default() })
    }

    /// Where the next statement begins.
    pub fn baseline(&self) -> Option<&Baseline> {
        self.baseline.get().0.as_ref()
    }

    /// Sets where the first statement begins, once.
    pub fn begin(&mut self, baseline: Baseline) {
        if self.baseline().is_none() {
            self.baseline.set(Stored(Some(baseline)));
        }
    }

    pub fn period_nanos(&self) -> u64 {
        self.parameters().period_seconds.saturating_mul(NANOS_PER_SECOND)
    }

    /// Where an operator is paid: the minting account holds nothing, so it is none.
    fn payable(&self, account: Option<Account>) -> Option<Account> {
        account.filter(|account| account.owner != self.own_id || !account.is_default())
    }

    /// Makes the statement of a period (rules 1 and 2). Its number.
    ///
    /// # Errors
    /// None is made: another was in the meantime, or [`crate::statement::NoStatement`].
    pub fn make(
        &mut self,
        period: Period,
        rate: u64,
        assignments: &Assignments,
        now: u64,
    ) -> Result<u64, String> {
        if self.baseline().map(Baseline::moment).as_ref() != Some(&period.from) {
            return Err("another statement begins there".to_owned());
        }
        let nodes = period.nodes.iter().map(|(id, work)| NodeWork {
            node_id: *id,
            proposed: work.counts.proposed,
            failures: work.counts.failures,
            votes: work.counts.votes,
            blocks: work.blocks,
            instructions: work.counts.instructions,
            operator: assignments.get(id).map(|(operator, _)| *operator),
            account: assignments.get(id).and_then(|(_, account)| self.payable(*account)),
        });
        let inputs = Inputs {
            from: period.from,
            to: period.to,
            xdr_permyriad_per_icp: rate,
            share_permille: self.parameters().share_permille,
            nodes: nodes.collect(),
        };
        let index = self.state().statements;
        let statement = compute(index, self.state().last_hash, inputs).map_err(|error| error.to_string())?;
        self.keep(&statement, now);
        self.baseline.set(Stored(Some(period.end)));
        Ok(index)
    }

    fn keep(&mut self, statement: &Statement, now: u64) {
        let encoded = ByteBuf::from(encode(statement));
        let hash: [u8; 32] = Sha256::digest(&encoded).into();
        let payments = vec![Stage::Pending(None); statement.operators.len()];
        let index = statement.index;
        for (number, _) in (0..u32::MAX).zip(&payments) {
            self.pending.insert((index, number), ());
        }
        self.statements.insert(index, Stored(Kept { encoded, hash, made_at_nanos: now, payments }));
        self.change_state(|state| {
            state.statements = index.saturating_add(1);
            state.last_hash = Some(hash);
        });
        self.forget();
    }

    /// Rule 4.
    fn forget(&mut self) {
        let oldest = self.state().oldest;
        let is_open = self.pending.range((oldest, 0)..).next().is_some_and(|entry| entry.key().0 == oldest);
        if self.statements.len() > self.max_statements && !is_open {
            self.statements.remove(&oldest);
            self.change_state(|state| state.oldest = oldest.saturating_add(1));
        }
    }

    pub fn kept(&self, index: u64) -> Option<Kept> {
        self.statements.get(&index).map(|Stored(kept)| kept)
    }

    /// Takes over how far a payment is.
    pub(crate) fn set_payment(&mut self, place: Place, stage: Stage) {
        let Some(mut kept) = self.kept(place.0) else { return };
        let number = usize::try_from(place.1).unwrap_or(usize::MAX);
        let Some(payment) = kept.payments.get_mut(number) else { return };
        if stage.is_closed() {
            self.pending.remove(&place);
            self.refusals.remove(&place);
        }
        *payment = stage;
        self.statements.insert(place.0, Stored(kept));
    }

    /// Counts that the ledger refused a payment. How often it did.
    pub(crate) fn count_refusal(&mut self, place: Place) -> u32 {
        let count = self.refusals.get(&place).unwrap_or_default().saturating_add(1);
        self.refusals.insert(place, count);
        count
    }

    /// How far a payment is.
    pub(crate) fn stage(&self, place: Place) -> Option<Stage> {
        let number = usize::try_from(place.1).ok()?;
        self.kept(place.0)?.payments.get(number).cloned()
    }

    /// Payments that are not closed, from a place on.
    pub fn pending_from(&self, from: Place, limit: usize) -> Vec<Place> {
        self.pending.range(from..).take(limit).map(|entry| *entry.key()).collect()
    }

    pub fn pending_payments(&self) -> u64 {
        self.pending.len()
    }

    pub fn statement(&self, index: u64) -> Option<StatementView> {
        let kept = self.kept(index)?;
        let Ok(statement) = candid::decode_one(&kept.encoded) else {
            unreachable!("what was encoded can be decoded")
        };
        Some(StatementView {
            statement,
            hash: ByteBuf::from(kept.hash),
            made_at_nanos: kept.made_at_nanos,
            payments: kept.payments.into_iter().map(Payment::from).collect(),
        })
    }

    pub fn list(&self, from: u64, limit: u64) -> Vec<StatementView> {
        let from = from.max(self.state().oldest);
        let end = from.saturating_add(limit.min(MAX_STATEMENTS_PER_PAGE)).min(self.state().statements);
        (from..end).filter_map(|index| self.statement(index)).collect()
    }

    pub fn status(&self) -> Status {
        let state = self.state();
        Status {
            statements: state.statements,
            oldest: state.oldest,
            from_nanos: self.baseline().map_or(0, |baseline| baseline.timestamp_nanos),
            pending_payments: self.pending_payments(),
            minted_e8s: state.minted_e8s.into(),
            last_error: state.last_error.clone(),
        }
    }

    /// Rule 3; empty before the first statement.
    pub fn tip_tree(&self) -> HashTree {
        let state = self.state();
        match (state.last_hash, state.statements.checked_sub(1)) {
            (Some(hash), Some(index)) => fork(
                label("last_statement_hash", leaf(hash.to_vec())),
                label("last_statement_index", leaf(index.to_be_bytes().to_vec())),
            ),
            _ => ic_certification::empty(),
        }
    }
}
