//! A deterministic table of accounts, with the replay protection that the real executor has, and cycles
//! that are set aside, paid and refunded.

use super::Outcome;
use crate::crypto::hash::{hash_parts, sha256};
use crate::membership::Succession;
use crate::sim::oracle::Books;
use crate::state::{Column, HostFailure, StateDelta, StateSource, Write};
use crate::types::planted::{Bug, planted};
use crate::types::*;
use imbl::OrdMap;
use std::collections::BTreeMap;

/// Accounts that calls raise, and the requests that did.
#[derive(Clone, Default)]
pub struct Ledger {
    height: Height,
    time: Time,
    accounts: BTreeMap<u8, Account>,
    /// Executed requests by id, until they expire.
    history: OrdMap<RequestId, Entry>,
    /// Chained over every request that took effect.
    journal: Digest,
    /// Cycles of all accounts.
    cycles: u64,
    members: Option<Members>,
}

/// Who the members are, and the digest of that.
#[derive(Clone)]
struct Members {
    succession: Succession,
    encoded: bytes::Bytes,
    digest: Digest,
}

impl Members {
    fn of(succession: Succession) -> Members {
        let encoded = succession.encode();
        Members { digest: sha256(&encoded), encoded: encoded.into(), succession }
    }
}

#[derive(Clone, Copy)]
struct Account {
    /// How often it was raised.
    count: u64,
    cycles: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    expiry: Time,
    answer: u64,
}

/// Where the ledger's values are on disk.
const KEY: &[u8] = b"ledger";
const MEMBERS: &[u8] = b"members";
/// An account there: its key, and two numbers.
const LINE_BYTES: usize = 17;
/// What an account has when it is named for the first time.
const MINTED: u64 = 1_000;
/// What a call sets aside, and how much of it is the price.
const SET_ASIDE: u64 = 10;
const PRICE: u64 = 3;

impl Ledger {
    /// A ledger at genesis.
    pub fn of(members: Succession) -> Ledger {
        Ledger { members: Some(Members::of(members)), ..Ledger::default() }
    }

    /// Who the members are, encoded.
    pub fn succession(&self) -> Option<bytes::Bytes> {
        self.members.as_ref().map(|members| members.encoded.clone())
    }

    /// The ledger that `source` holds.
    ///
    /// # Errors
    /// [`HostFailure`] if it holds none.
    pub fn restored(source: &dyn StateSource) -> Result<Ledger, HostFailure> {
        let missing = || HostFailure("no ledger on disk".into());
        let values = source.get(Column::Subnet, KEY)?.ok_or_else(missing)?;
        let (fixed, accounts) = values.split_at_checked(56).ok_or_else(missing)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte));
        let mut journal = Digest::ZERO;
        journal.0.copy_from_slice(&fixed[24..]);
        let history = source.scan(Column::History, &[])?.into_iter().filter_map(|(id, entry)| {
            let (expiry, answer) = entry.split_at_checked(8)?;
            let entry = Entry { expiry: Time(number(expiry)), answer: number(answer) };
            Some((RequestId(id.try_into().ok()?), entry))
        });
        let members = source.get(Column::Subnet, MEMBERS)?.map(|bytes| Succession::decode(&bytes));
        let members = members.transpose().map_err(|error| HostFailure(error.to_string()))?;
        let members = members.map(Members::of);
        let account =
            |line: &[u8]| (line[0], Account { count: number(&line[1..9]), cycles: number(&line[9..]) });
        Ok(Ledger {
            height: Height(number(&fixed[..8])),
            time: Time(number(&fixed[8..16])),
            cycles: number(&fixed[16..24]),
            members,
            journal,
            accounts: accounts.chunks_exact(LINE_BYTES).map(account).collect(),
            history: history.collect(),
        })
    }

    /// The last height executed.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Executed requests, with their expiry.
    pub fn history(&self) -> Vec<(RequestId, Time)> {
        self.history.iter().map(|(id, entry)| (*id, entry.expiry)).collect()
    }

    /// What the call was answered.
    pub fn answer(&self, id: &RequestId) -> Option<u64> {
        self.history.get(id).map(|entry| entry.answer)
    }

    /// Executes the next height.
    ///
    /// # Errors
    /// The record of the members is damaged.
    pub fn execute(&mut self, batch: &Batch) -> Result<Outcome, HostFailure> {
        self.height = batch.height;
        self.time = batch.time;
        self.journal = hash_parts(
            "sim-height",
            &[&self.journal.0, &batch.randomness.0, &batch.proposer.0.to_be_bytes()],
        );
        let mut writes = self.apply_system(batch)?;
        let mut finished = Vec::new();
        for ingress in &batch.ingress {
            let Some(Entry { expiry, answer }) = self.apply(ingress) else { continue };
            finished.push(ingress.id);
            let entry = [expiry.0.to_be_bytes(), answer.to_be_bytes()].concat();
            writes.push(write(Column::History, &ingress.id.0, entry));
        }
        let accounts = self.ordered();
        writes.push(write(Column::Subnet, KEY, self.values(&accounts)));
        Ok(Outcome {
            root: self.root_over(&accounts),
            finished,
            delta: StateDelta { height: self.height, writes, dropped: Vec::new() },
            books: self.books(),
        })
    }

    fn apply_system(&mut self, batch: &Batch) -> Result<Vec<Write>, HostFailure> {
        let Some(members) = &mut self.members else {
            return Ok(Vec::new());
        };
        let changed = members.succession.apply(batch.height, &batch.system);
        if changed.map_err(|error| HostFailure(error.to_string()))? {
            *members = Members::of(members.succession.clone());
        } else if batch.height > Height(1) {
            return Ok(Vec::new());
        }
        Ok(vec![write(Column::Subnet, MEMBERS, members.encoded.to_vec())])
    }

    fn values(&self, accounts: &[u8]) -> Vec<u8> {
        let numbers = [self.height.0, self.time.0, self.cycles].map(u64::to_be_bytes);
        [numbers.as_flattened(), &self.journal.0, accounts].concat()
    }

    fn apply(&mut self, ingress: &Ingress) -> Option<Entry> {
        let expiry = ingress.call.ingress_expiry;
        if expiry < self.time || self.history.contains_key(&ingress.id) {
            return None;
        }
        self.journal = hash_parts("sim-call", &[&self.journal.0, &ingress.id.0]);
        let key = ingress.call.arg.first().copied().unwrap_or_default();
        self.pay(key, key.wrapping_add(7) % 32);
        let account = self.account(key);
        account.count += 1;
        let entry = Entry { expiry, answer: account.count };
        self.history.insert(ingress.id, entry);
        Some(entry)
    }

    /// Sets cycles aside, pays the price with them, and refunds the rest.
    fn pay(&mut self, from: u8, to: u8) {
        let payer = self.account(from);
        let set_aside = SET_ASIDE.min(payer.cycles);
        payer.cycles -= set_aside;
        let price = PRICE.min(set_aside);
        self.account(to).cycles += price;
        let refund = if planted(Bug::RefundTwice) { 2 * (set_aside - price) } else { set_aside - price };
        self.account(from).cycles += refund;
        self.cycles = self.cycles + price + refund - set_aside;
    }

    fn account(&mut self, key: u8) -> &mut Account {
        if !self.accounts.contains_key(&key) {
            self.cycles += MINTED;
        }
        self.accounts.entry(key).or_insert(Account { count: 0, cycles: MINTED })
    }

    fn books(&self) -> Books {
        Books { there: self.cycles.into(), minted: u128::from(MINTED) * self.accounts.len() as u128 }
    }

    /// The root after the last height.
    pub fn root(&self) -> StateRoot {
        self.root_over(&self.ordered())
    }

    fn root_over(&self, accounts: &[u8]) -> StateRoot {
        let disordered = planted(Bug::HashOrderRoot).then(|| self.disordered());
        let accounts = disordered.as_deref().unwrap_or(accounts);
        let (height, time) = (self.height.0.to_be_bytes(), self.time.0.to_be_bytes());
        let members = self.members.as_ref().map_or(Digest::ZERO, |members| members.digest);
        StateRoot(hash_parts("sim-ledger", &[&height, &time, accounts, &self.journal.0, &members.0]))
    }

    fn ordered(&self) -> Vec<u8> {
        lines(self.accounts.iter())
    }

    #[cfg(test)]
    fn disordered(&self) -> Vec<u8> {
        let map: std::collections::HashMap<u8, Account> =
            self.accounts.iter().map(|(key, account)| (*key, *account)).collect();
        lines(map.iter())
    }

    #[cfg(not(test))]
    fn disordered(&self) -> Vec<u8> {
        self.ordered()
    }
}

fn lines<'a>(accounts: impl ExactSizeIterator<Item = (&'a u8, &'a Account)>) -> Vec<u8> {
    let mut lines = Vec::with_capacity(LINE_BYTES * accounts.len());
    for (key, account) in accounts {
        lines.push(*key);
        lines.extend_from_slice(&account.count.to_be_bytes());
        lines.extend_from_slice(&account.cycles.to_be_bytes());
    }
    lines
}

fn write(column: Column, key: &[u8], value: Vec<u8>) -> Write {
    Write { column, key: key.to_vec(), value: Some(value.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn batch(height: u64, ids: &[u8]) -> Batch {
        let ingress = ids.iter().map(|id| {
            let call = UserCall {
                canister_id: Principal::management_canister(),
                method_name: String::new(),
                arg: vec![*id],
                sender: Principal::anonymous(),
                ingress_expiry: Time(1_000),
                nonce: None,
                sender_info: None,
            };
            Arc::new(Ingress { id: RequestId([*id; 32]), call })
        });
        Batch {
            height: Height(height),
            time: Time(height),
            randomness: Digest::ZERO,
            proposer: NodeIndex(0),
            ingress: ingress.collect(),
            system: Vec::new(),
            voters: Vec::new(),
            missed: Vec::new(),
        }
    }

    #[test]
    fn executes_each_request_once() {
        let mut executor = Ledger::default();
        assert_eq!(executor.execute(&batch(1, &[1, 2])).unwrap().finished.len(), 2);
        assert_eq!(executor.execute(&batch(2, &[2, 3])).unwrap().finished, [RequestId([3; 32])]);
    }

    #[test]
    fn executes_nothing_after_its_expiry() {
        let mut executor = Ledger::default();
        assert_eq!(executor.execute(&batch(1_000, &[1])).unwrap().finished.len(), 1);
        assert_eq!(executor.execute(&batch(1_001, &[2])).unwrap().finished.len(), 0);
    }

    #[test]
    fn equal_batches_make_equal_roots_and_others_others() {
        let root = |ids: &[u8]| Ledger::default().execute(&batch(1, ids)).unwrap().root;
        assert_eq!(root(&[1, 2]), root(&[1, 2]));
        assert_ne!(root(&[1, 2]), root(&[2, 1]));
        assert_ne!(root(&[1, 2]), root(&[1]));
    }

    #[test]
    fn cycles_move_and_are_neither_made_nor_lost() {
        let mut executor = Ledger::default();
        for height in 1..=200 {
            let Books { there, minted } = executor.execute(&batch(height, &[height as u8])).unwrap().books;
            assert_eq!(there, minted);
        }
        let sum: u64 = executor.accounts.values().map(|account| account.cycles).sum();
        assert_eq!(sum, executor.cycles);
    }
}
