//! Where cycles are.

use candid::Principal;
use std::collections::BTreeMap;

/// A place for cycles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The cycles ledger's balance.
    Ledger,
    /// The minting canister's balance.
    Minting,
    /// Attached to calls that have not been answered.
    Away,
    Canister(Principal),
    /// Nowhere any more.
    Burnt,
}

/// All cycles; a move creates none.
#[derive(Default)]
pub struct System {
    pub minted: u128,
    ledger: u128,
    minting: u128,
    away: u128,
    burnt: u128,
    canisters: BTreeMap<Principal, u128>,
    created: u64,
}

impl System {
    /// The genesis gives the cycles ledger its first cycles.
    pub fn new(pool: u128) -> Self {
        Self { ledger: pool, ..Self::default() }
    }

    pub fn mint(&mut self, amount: u128) {
        self.minted += amount;
        self.minting += amount;
    }

    fn purse(&mut self, place: Place) -> &mut u128 {
        match place {
            Place::Ledger => &mut self.ledger,
            Place::Minting => &mut self.minting,
            Place::Away => &mut self.away,
            Place::Burnt => &mut self.burnt,
            Place::Canister(id) => self.canisters.get_mut(&id).unwrap_or_else(|| panic!("{id} is gone")),
        }
    }

    /// # Panics
    /// When there is less.
    pub fn send(&mut self, from: Place, to: Place, amount: u128) {
        let left = self.purse(from).checked_sub(amount);
        *self.purse(from) = left.unwrap_or_else(|| panic!("{from:?} has less than {amount}"));
        *self.purse(to) += amount;
    }

    pub fn held(&mut self, place: Place) -> u128 {
        *self.purse(place)
    }

    pub fn create(&mut self) -> Principal {
        self.created += 1;
        let id = Principal::from_slice(&[&self.created.to_be_bytes()[..], &[1, 1]].concat());
        self.canisters.insert(id, 0);
        id
    }

    /// Deletes a canister with all that it has.
    pub fn delete(&mut self, id: Principal) {
        self.burnt += self.canisters.remove(&id).unwrap_or(0);
    }

    pub fn exists(&self, id: Principal) -> bool {
        self.canisters.contains_key(&id)
    }

    pub fn canisters(&self) -> Vec<Principal> {
        self.canisters.keys().copied().collect()
    }
}
