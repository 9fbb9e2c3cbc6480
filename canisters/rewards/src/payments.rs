//! Payments: orders to the token ledger to mint.
//!
//! 1. An order carries the time at which it was first given, and the place of the payment as its memo. Both are
//!    stored before it goes out, so that one whose answer was not heard is repeated as it was, and the ledger does
//!    it once.
//! 2. What the ledger refused was not done: it is ordered anew. If a repetition is refused, whether the first was
//!    done is as unknown as it was.
//! 3. A repetition that is too old for the ledger's memory is never paid again: the payment is
//!    [`Stage::Unknown`]. Tokens may be missing then, but none are minted twice.
//! 4. What the ledger refused [`MAX_REFUSALS`] times is not ordered any more: it is [`Stage::Refused`], or unknown if
//!    an answer was lost before. A ledger that is busy or cannot be reached refuses nothing.

use crate::book::{Book, Place, Stage, shortened};
use candid::Nat;
use cycles_interface::Account;
use ic_stable_structures::Memory;

/// How often the ledger refuses a payment at most: for most of a day, at one order a minute.
pub const MAX_REFUSALS: u32 = 1_000;

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
    /// It did nothing, and would not.
    Refused(String),
    /// It did nothing, and could not now.
    Unavailable(String),
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
        let (created_at_time, repeated) = match self.stage(place)? {
            Stage::Pending(_) => (now, false),
            Stage::Sent { created_at_time } => (created_at_time, true),
            Stage::Paid { .. } | Stage::Unknown | Stage::Refused(_) => return None,
        };
        self.set_payment(place, Stage::Sent { created_at_time });
        let (to, e8s) = (reward.account, reward.e8s);
        Some(Order { place, to, e8s, memo: memo(place), created_at_time, repeated })
    }

    /// The ledger answered an order. Nothing, if another answer to it came before.
    pub fn reported(&mut self, order: &Order, report: Report) {
        if self.stage(order.place) != Some(Stage::Sent { created_at_time: order.created_at_time }) {
            return;
        }
        let is_last = matches!(report, Report::Refused(_)) && self.count_refusal(order.place) >= MAX_REFUSALS;
        let stage = match report {
            Report::Done(block) => {
                self.change_state(|state| {
                    state.minted_e8s = state.minted_e8s.saturating_add(order.e8s.into());
                });
                Stage::Paid { block_index: u128::try_from(block.0).unwrap_or(u128::MAX) }
            }
            Report::TooOld if order.repeated => Stage::Unknown,
            Report::TooOld => Stage::Pending(Some("the ledger's time differs".to_owned())),
            Report::Refused(_) if is_last && order.repeated => Stage::Unknown,
            Report::Refused(reason) if is_last => Stage::Refused(shortened(&reason)),
            Report::Refused(_) | Report::Unavailable(_) if order.repeated => return,
            Report::Refused(reason) | Report::Unavailable(reason) => Stage::Pending(Some(shortened(&reason))),
            Report::Unheard(_) => return,
        };
        self.set_payment(order.place, stage);
    }
}
