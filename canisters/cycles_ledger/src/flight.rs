//! Cycles that leave: the balance is debited and the block written before the call that carries them;
//! what comes back of it is credited afterwards.
//!
//! A flight lands once. As at the public cycles ledger a failure costs a second fee: the refund is what
//! came back less the fee, in a `1mint` block with a memo of 0xff bytes. A spender's allowance is then
//! given back too, less the fees, and charged like an approval, if that is worth it and the approval it
//! came from is still the one that holds.

use crate::allowance::{Allowance, pair};
use crate::block::{Operation, Transaction};
use crate::book::Book;
use crate::memory::Memory;
use crate::refusal::Refusal;
use candid::Principal;
use cycles_interface::Stored;
use icrc::{Account, MAX_MEMO_LENGTH};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

/// Most calls that may be unanswered at once.
pub const MAX_FLIGHTS: u64 = 10_000;

/// The memo of blocks that give back.
pub const REFUND_MEMO: [u8; MAX_MEMO_LENGTH] = [0xff; MAX_MEMO_LENGTH];

/// The memo of blocks that pay for a new canister.
const CREATION_MEMO: &[u8] = b"create_canister";

/// What the cycles are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    Withdrawal { to: Principal },
    Creation,
}

/// An order to send cycles out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Departure {
    pub from: Account,
    pub spender: Option<Account>,
    pub amount: u128,
    pub purpose: Purpose,
    pub created_at_time: Option<u64>,
}

/// What must be known of a departure when it lands.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Flight {
    from: Account,
    amount: u128,
    /// The spender and the approval that was used.
    spender: Option<(Account, u64)>,
    /// Under which hash the order is remembered.
    remembered: Option<ByteArray<32>>,
}

/// How a call ended; `returned` are the cycles that came back with the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Landing {
    Arrived { canister_id: Option<Principal>, returned: u128 },
    Failed { returned: u128 },
}

/// Blocks written at a landing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Refunds {
    pub refund_block: Option<u64>,
    pub approval_refund_block: Option<u64>,
}

impl Purpose {
    /// The memo that tells blocks of withdrawals and creations from others: the CBOR of `[receiver]`, as
    /// at the public ledger, or a word.
    fn memo(&self) -> ByteBuf {
        ByteBuf::from(match self {
            Self::Creation => CREATION_MEMO.to_vec(),
            Self::Withdrawal { to } => {
                let id = to.as_slice();
                let head: &[u8] = match id.len() {
                    short @ 0..24 => &[0x81, 0x40 + short as u8],
                    long => &[0x81, 0x58, long as u8],
                };
                [head, id].concat()
            }
        })
    }
}

impl<M: Memory> Book<M> {
    /// Takes cycles from an account to send them out; the index of the block, by which the flight lands.
    pub fn depart(&mut self, order: Departure, now: u64) -> Result<u64, Refusal> {
        let Departure { from, spender, amount, purpose, created_at_time } = order;
        let transaction = Transaction {
            operation: Operation::Burn { from, spender, amount },
            memo: Some(purpose.memo()),
            created_at_time,
        };
        self.check_seen(&transaction, now)?;
        let charge = self.check_charge(&from, spender.as_ref(), amount, now)?;
        if self.flights.len() >= MAX_FLIGHTS {
            return Err(Refusal::TemporarilyUnavailable);
        }
        self.prune(now);
        self.apply_charge(&from, spender.as_ref(), &charge, true, now);
        self.count(|totals| totals.in_flight += amount);
        let (block, remembered) = self.append(transaction, charge.fee, now);
        let spender = spender.zip(charge.used.map(|allowance| allowance.granted));
        let flight = Flight { from, amount, spender, remembered: remembered.map(ByteArray::new) };
        self.flights.insert(block, Stored(flight));
        Ok(block)
    }

    /// Books how a flight ended. One that has landed does not land again.
    pub fn land(&mut self, block: u64, landing: Landing, now: u64) -> Refunds {
        let Some(Stored(flight)) = self.flights.remove(&block) else { return Refunds::default() };
        match landing {
            Landing::Arrived { canister_id, returned } => {
                if let (Some(hash), Some(id)) = (flight.remembered, canister_id) {
                    self.seen.note_canister(&hash, id);
                }
                let refund_block = self.give_back(&flight, returned.min(flight.amount), 0, now);
                self.drop_empty_allowance(&flight, now);
                Refunds { refund_block, approval_refund_block: None }
            }
            Landing::Failed { returned } => {
                let fee = self.settings().fee;
                let refund_block = self.give_back(&flight, returned.min(flight.amount), fee, now);
                let approval_refund_block = self.give_allowance_back(&flight, now);
                self.drop_empty_allowance(&flight, now);
                Refunds { refund_block, approval_refund_block }
            }
        }
    }

    /// Credits what came back, less a fee; counts the rest of the flight as withdrawn.
    fn give_back(&mut self, flight: &Flight, returned: u128, fee: u128, now: u64) -> Option<u64> {
        let fee = fee.min(returned);
        let amount = returned - fee;
        self.count(|totals| {
            totals.in_flight -= flight.amount;
            totals.withdrawn += flight.amount - returned;
            totals.fees += fee;
            totals.supply += amount;
        });
        if amount == 0 {
            return None;
        }
        self.credit(&flight.from, amount);
        let operation = Operation::Mint { to: flight.from, amount };
        Some(self.append(refund(operation), 0, now).0)
    }

    fn give_allowance_back(&mut self, flight: &Flight, now: u64) -> Option<u64> {
        let (spender, granted) = flight.spender?;
        let pair = pair(&flight.from, &spender);
        let allowance = self.allowances.get(&pair, now).filter(|it| it.granted == granted)?;
        let fee = self.settings().fee;
        let worth = flight.amount.checked_sub(fee)?.checked_sub(fee).filter(|worth| *worth > 0)?;
        let charge = self.check_charge(&flight.from, None, 0, now).ok()?;
        self.apply_charge(&flight.from, None, &charge, false, now);
        let amount = allowance.amount.saturating_add(worth);
        let operation = Operation::Approve {
            from: flight.from,
            spender,
            amount,
            expected_allowance: None,
            expires_at: allowance.expires_at,
            fee: None,
        };
        let (block, _) = self.append(refund(operation), fee, now);
        self.grant(&pair, Allowance { amount, ..allowance });
        Some(block)
    }

    /// An allowance that was used up by this flight is no longer kept for its refund.
    fn drop_empty_allowance(&mut self, flight: &Flight, now: u64) {
        let Some((spender, granted)) = flight.spender else { return };
        let pair = pair(&flight.from, &spender);
        if self.allowances.get(&pair, now).is_some_and(|it| it.granted == granted && it.amount == 0) {
            self.allowances.remove(&pair);
        }
    }
}

fn refund(operation: Operation) -> Transaction {
    Transaction { operation, memo: Some(ByteBuf::from(REFUND_MEMO)), created_at_time: None }
}
