//! Payments: orders to the token ledger to mint.
//!
//! 1. An order carries the time at which it was first given, and the place of the payment as its memo. Both are
//!    stored before it goes out, so that one whose answer was not heard is repeated as it was, and the ledger does
//!    it once.
//! 2. What the ledger refused was not done: it is ordered anew. If a repetition is refused, whether the first was
//!    done is as unknown as it was.
//! 3. A repetition that is too old for the ledger's memory is never paid again: the payment is
//!    [`Stage::Unknown`]. Tokens may be missing then, but none are minted twice.

use crate::book::{Book, Place, Stage, shortened};
use candid::Nat;
use cycles_interface::Account;
use ic_stable_structures::Memory;

/// An order to the ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    pub place: Place,
    pub to: Account,
    pub e8s: u64,
    pub memo: Vec<u8>,
    pub created_at_time: u64,
    /// Its answer was not heard before.
    pub repeated: bool,
}

/// What the ledger said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    Done(Nat),
    TooOld,
    /// It did nothing.
    Refused(String),
    /// What it did cannot be read.
    Unheard(String),
}

/// Statement and number, big-endian.
fn memo(place: Place) -> Vec<u8> {
    [&place.0.to_be_bytes()[..], &place.1.to_be_bytes()].concat()
}

impl<M: Memory> Book<M> {
    /// Gives the order for a payment; none if it is closed.
    pub fn order(&mut self, place: Place, now: u64) -> Option<Order> {
        let view = self.statement(place.0)?;
        let number = usize::try_from(place.1).ok()?;
        let reward = view.statement.operators.get(number)?;
        let (created_at_time, repeated) = match self.kept(place.0)?.payments.get(number)? {
            Stage::Pending(_) => (now, false),
            Stage::Sent { created_at_time } => (*created_at_time, true),
            Stage::Paid { .. } | Stage::Unknown => return None,
        };
        self.set_payment(place, Stage::Sent { created_at_time });
        let (to, e8s) = (reward.account, reward.e8s);
        Some(Order { place, to, e8s, memo: memo(place), created_at_time, repeated })
    }

    /// The ledger answered an order.
    pub fn reported(&mut self, order: &Order, report: Report) {
        let stage = match report {
            Report::Done(block) => {
                self.change_state(|state| {
                    state.minted_e8s = state.minted_e8s.saturating_add(order.e8s.into());
                });
                Stage::Paid { block_index: u128::try_from(block.0).unwrap_or(u128::MAX) }
            }
            Report::TooOld if order.repeated => Stage::Unknown,
            Report::TooOld => Stage::Pending(Some("the ledger's time differs".to_owned())),
            Report::Refused(_) | Report::Unheard(_) if order.repeated => return,
            Report::Refused(reason) => Stage::Pending(Some(shortened(&reason))),
            Report::Unheard(_) => return,
        };
        self.set_payment(order.place, stage);
    }
}
