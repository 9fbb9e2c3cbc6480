//! A payment from its notification to its answer, as a machine: it says what to do next ([`Step`]) and is
//! told how that went. It makes no calls itself.
//!
//! ```text
//! notify -> Read -> block_read -> Pay -> paid -> Settle -> settled -> Answer
//!                       |                           ^
//!                       +---- given back -----------+
//! ```
//!
//! 1. The record is in stable memory before each step is taken, so that a second notification, at the
//!    same time or after an upgrade, finds it and does not take the step again.
//! 2. Cycles are minted in the message that sends them, and once for a block: a record that is `Paying` is
//!    never paid again.
//! 3. Tokens move once: an order whose answer was not heard is repeated with the same time, by which the
//!    ledger knows it.
//! 4. A payment that was not decided (block unreadable, no rate, no room in this hour) leaves no record: it
//!    can be notified again.
//! 5. In an accounting mode without tokens no payment begins; one that began before ends as it would have.

use crate::account::AccountIdentifier;
use crate::interface::{ErrorCode, NotifyError};
use crate::limiter::{self, CYCLES_PER_HOUR};
use crate::mint::{Config, MAX_OPEN, Mint};
use crate::payment::{Bought, Cause, Claim, Closed, MEMOS, Open, Payment, Settlement, Stage, shortened};
use crate::rate::cycles_for;
use candid::Principal;
use ic_stable_structures::Memory;

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    Read { block: u64 },
    Pay { block: u64, claim: Claim, cycles: u128 },
    Settle { block: u64, transfer: TokenTransfer },
    Answer(Answer),
}

pub type Answer = Result<Bought, NotifyError>;

/// An order to the token ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenTransfer {
    pub from_subaccount: [u8; 32],
    pub to: AccountIdentifier,
    pub e8s: u64,
    pub fee: u64,
    /// The notified block, so that two orders are never the same to the ledger.
    pub memo: u64,
    pub created_at_time: u64,
}

/// What reading a block gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BlockRead {
    Transfer(Payment),
    /// Something that is no payment.
    Other,
    Missing,
    Failed(String),
}

/// How the cycles went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayReport {
    /// Really minted: less than asked for if there may be no more.
    pub minted: u128,
    /// Of these, back here.
    pub returned: u128,
    /// Of these, burnt.
    pub burnt: u128,
    pub result: Result<Paid, String>,
}

/// What the cycles did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Paid {
    ToppedUp,
    Created(Principal),
    Deposited { block_index: u128, balance: u128 },
}

/// How the tokens went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransferReport {
    /// Now, or by an order before that is the same.
    Done(u64),
    BadFee(u64),
    /// The ledger does not know any more whether it did this.
    TooOld,
    /// It did nothing.
    Refused(String),
}

impl<M: Memory> Mint<M> {
    /// Somebody says that a block paid for something.
    pub fn notify(&mut self, block: u64, claim: Claim, now: u64) -> Step {
        if let Some(closed) = self.get_closed(block) {
            return Step::Answer(match closed.cause == claim.cause() {
                true => closed.answer,
                false => Err(used_otherwise()),
            });
        }
        match self.get_open(block) {
            Some(open) if self.is_worked_on(block) => Step::Answer(early_answer(&open, &claim.cause())),
            Some(Open { stage: Stage::Paying { .. }, .. }) => Step::Answer(Err(NotifyError::Processing)),
            Some(Open { stage: Stage::Settling(settlement), claim: first }) => {
                match first.cause() == claim.cause() {
                    true => self.settle(block, first, settlement, now),
                    false => Step::Answer(Err(used_otherwise())),
                }
            }
            None if block < self.totals().lowest => {
                Step::Answer(Err(NotifyError::TransactionTooOld(self.totals().lowest)))
            }
            None if self.open_payments() >= MAX_OPEN => {
                Step::Answer(Err(ErrorCode::Busy.error("too many payments at once; try again later")))
            }
            None | Some(Open { stage: Stage::Reading, .. }) => {
                if let Err(error) = self.config().check_tokens() {
                    return self.undecided(block, error);
                }
                self.put_open(block, Open { claim, stage: Stage::Reading });
                self.hold(block);
                Step::Read { block }
            }
        }
    }

    /// The block was read: is it the payment that was claimed, and what does it buy?
    pub fn block_read(&mut self, block: u64, read: BlockRead, now: u64) -> Step {
        let claim = match self.get_open(block) {
            Some(Open { claim, stage: Stage::Reading }) => claim,
            _ => return self.answer(block, Err(NotifyError::Processing)),
        };
        let payment = match self.check_payment(&claim, read) {
            Ok(payment) => payment,
            Err(error) => return self.undecided(block, error),
        };
        match self.price(&claim, &payment, now) {
            Ok(cycles) => {
                let minute = limiter::minute(now);
                self.count(|totals| {
                    totals.minted = totals.minted.saturating_add(cycles);
                    totals.limiter.count(cycles, now);
                });
                let stage = Stage::Paying { payer: payment.from, e8s: payment.e8s, cycles, minute };
                self.put_open(block, Open { claim: claim.clone(), stage });
                Step::Pay { block, claim, cycles }
            }
            Err(Unpayable::Later(error)) => self.undecided(block, error),
            Err(Unpayable::Never(reason)) => {
                let settlement = Settlement::new(payment.from, payment.e8s, Err(reason), now);
                self.settle(block, claim, settlement, now)
            }
        }
    }

    /// The cycles were sent, or came back.
    pub fn paid(&mut self, block: u64, report: PayReport, now: u64) -> Step {
        let (claim, payer, e8s, cycles, minute) = match self.get_open(block) {
            Some(Open { claim, stage: Stage::Paying { payer, e8s, cycles, minute } }) => {
                (claim, payer, e8s, cycles, minute)
            }
            _ => return self.answer(block, Err(NotifyError::Processing)),
        };
        let delivered = report.minted.saturating_sub(report.returned);
        self.count(|totals| {
            totals.minted = totals.minted.saturating_sub(cycles.saturating_sub(report.minted));
            totals.burnt_back = totals.burnt_back.saturating_add(report.burnt);
            totals.limiter.give_back(cycles.saturating_sub(delivered), minute);
        });
        let verdict = match report.result {
            Ok(Paid::ToppedUp) => Ok(Bought::Cycles { cycles: delivered }),
            Ok(Paid::Created(canister_id)) => Ok(Bought::Canister { canister_id }),
            Ok(Paid::Deposited { block_index, balance }) => {
                Ok(Bought::Deposit { block_index, minted: delivered, balance })
            }
            Err(reason) if delivered > 0 => {
                Ok(Bought::Unconfirmed { cycles: delivered, reason: shortened(reason) })
            }
            Err(reason) => Err(reason),
        };
        self.settle(block, claim, Settlement::new(payer, e8s, verdict, now), now)
    }

    /// The ledger answered an order for tokens.
    pub fn settled(&mut self, block: u64, report: TransferReport, now: u64) -> Step {
        let (claim, mut settlement) = match self.get_open(block) {
            Some(Open { claim, stage: Stage::Settling(settlement) }) => (claim, settlement),
            _ => return self.answer(block, Err(NotifyError::Processing)),
        };
        match report {
            TransferReport::Done(index) => self.finish(block, &claim, settlement.verdict, Some(index)),
            TransferReport::TooOld if settlement.repeated => {
                self.finish(block, &claim, settlement.verdict, None)
            }
            TransferReport::BadFee(fee) if settlement.may_change_fee() => {
                self.set_config(Config { transfer_fee_e8s: fee, ..self.config().clone() });
                settlement.bad_fees += 1;
                settlement.unanswered = false;
                self.settle(block, claim, settlement, now)
            }
            TransferReport::BadFee(_) => self.postpone(block, claim, settlement, "the fee changed"),
            TransferReport::TooOld => self.postpone(block, claim, settlement, "the ledger's time differs"),
            TransferReport::Refused(reason) => self.postpone(block, claim, settlement, &reason),
        }
    }

    /// Tokens that did not move when they should have: the order for the next of them.
    pub fn sweep(&mut self, now: u64) -> Option<Step> {
        let (block, open) = self.next_idle(|open| matches!(open.stage, Stage::Settling(_)))?;
        match open.stage {
            Stage::Settling(settlement) => Some(self.settle(block, open.claim, settlement, now)),
            _ => None,
        }
    }

    fn check_payment(&self, claim: &Claim, read: BlockRead) -> Result<Payment, NotifyError> {
        let invalid = |reason: &str| Err(NotifyError::InvalidTransaction(reason.to_owned()));
        let payment = match read {
            BlockRead::Transfer(payment) => payment,
            BlockRead::Other => return invalid("the block is no transfer"),
            BlockRead::Missing => {
                return Err(ErrorCode::FailedToFetchBlock.error("the ledger has no such block"));
            }
            BlockRead::Failed(reason) => return Err(ErrorCode::FailedToFetchBlock.error(reason)),
        };
        let expected = AccountIdentifier::of(self.own_id, claim.subaccount());
        let memo = payment.effective_memo();
        if payment.to != expected {
            return invalid(&format!("the transfer went to {:?}, not to {expected:?}", payment.to));
        }
        if MEMOS.contains(&memo) && memo != claim.cause().memo {
            return invalid(&format!("the memo {memo:#x} is for something else"));
        }
        Ok(payment)
    }

    /// How many cycles a payment buys now.
    fn price(&self, claim: &Claim, payment: &Payment, now: u64) -> Result<u128, Unpayable> {
        let never = |reason: &str| Err(Unpayable::Never(reason.to_owned()));
        if payment.effective_memo() != claim.cause().memo {
            return never("the memo does not say what the payment is for");
        }
        let Some(rate) = self.config().rate else {
            return Err(Unpayable::Later(
                ErrorCode::NoConversionRate.error("there is no conversion rate yet"),
            ));
        };
        match cycles_for(payment.e8s, rate.xdr_permyriad_per_icp) {
            None | Some(0) => never("the amount buys no number of cycles"),
            Some(_) if payment.e8s <= self.config().transfer_fee_e8s => never("the amount is too small"),
            Some(cycles) if cycles > CYCLES_PER_HOUR => never("more cycles than are minted in one hour"),
            Some(cycles) if cycles > self.totals().limiter.room(now) => Err(Unpayable::Later(
                ErrorCode::Busy.error("too many cycles were minted within the last hour; try again later"),
            )),
            Some(cycles) => Ok(cycles),
        }
    }

    /// Orders the tokens to move. An order whose answer was not heard is repeated as it was.
    fn settle(&mut self, block: u64, claim: Claim, mut settlement: Settlement, now: u64) -> Step {
        let config = self.config();
        settlement.repeated = settlement.unanswered;
        if !settlement.repeated {
            settlement.created_at_time = now;
            settlement.fee = if settlement.verdict.is_ok() { 0 } else { config.transfer_fee_e8s };
        }
        if settlement.e8s <= config.transfer_fee_e8s.max(settlement.fee) {
            return self.finish(block, &claim, settlement.verdict, None);
        }
        let to = match settlement.verdict {
            Ok(_) => config.minting_account.clone(),
            Err(_) => settlement.payer.clone(),
        };
        let transfer = TokenTransfer {
            from_subaccount: claim.subaccount(),
            to,
            e8s: settlement.e8s - settlement.fee,
            fee: settlement.fee,
            memo: block,
            created_at_time: settlement.created_at_time,
        };
        settlement.unanswered = true;
        self.put_open(block, Open { claim, stage: Stage::Settling(settlement) });
        self.hold(block);
        Step::Settle { block, transfer }
    }

    /// The ledger did nothing now: the tokens move later. What was bought is bought all the same. Whether an
    /// order before, of which this was the repetition, was done is as unknown as it was.
    fn postpone(&mut self, block: u64, claim: Claim, mut settlement: Settlement, reason: &str) -> Step {
        settlement.unanswered = settlement.repeated;
        settlement.bad_fees = 0;
        let answer = match &settlement.verdict {
            Ok(bought) => Ok(bought.clone()),
            Err(why) => {
                let message = format!("{why}; the tokens are not given back yet: {reason}; notify again");
                Err(ErrorCode::RefundFailed.error(message))
            }
        };
        self.put_open(block, Open { claim, stage: Stage::Settling(settlement) });
        self.answer(block, answer)
    }

    fn finish(
        &mut self,
        block: u64,
        claim: &Claim,
        verdict: Result<Bought, String>,
        moved_in: Option<u64>,
    ) -> Step {
        let answer = verdict.map_err(|reason| NotifyError::Refunded { reason, block_index: moved_in });
        self.close(block, Closed { cause: claim.cause(), answer: answer.clone() });
        self.answer(block, answer)
    }

    /// Nothing was decided: the payment can be notified again.
    fn undecided(&mut self, block: u64, error: NotifyError) -> Step {
        self.remove_open(block);
        self.answer(block, Err(error))
    }

    fn answer(&mut self, block: u64, answer: Answer) -> Step {
        self.release(block);
        Step::Answer(answer)
    }
}

/// Why a payment buys nothing.
enum Unpayable {
    /// Not now.
    Later(NotifyError),
    /// Never: the tokens are given back.
    Never(String),
}

/// What can be said of a payment that another message works on.
fn early_answer(open: &Open, cause: &Cause) -> Answer {
    match &open.stage {
        Stage::Settling(Settlement { verdict: Ok(bought), .. }) if open.claim.cause() == *cause => {
            Ok(bought.clone())
        }
        _ => Err(NotifyError::Processing),
    }
}

fn used_otherwise() -> NotifyError {
    NotifyError::InvalidTransaction("the payment was for something else".to_owned())
}
