//! Tokens: how they become a neuron's stake, and how they leave it.
//!
//! # Rules
//! 1. What a neuron's account holds at the ledger is its stake and what its one order moves; more, where somebody
//!    transferred more and did not have it claimed yet.
//! 2. An order is kept before the ledger hears of it, and until the answer is known. One whose answer was lost is
//!    repeated as it was, which the ledger knows by its time and number. When it is too old for that, the balance
//!    says whether it was done; so that it can, the stake is made to be all of it before tokens are ordered to move.
//!    What is transferred to the account in the meantime may be taken for what was not done: a neuron never has more
//!    at stake than its account holds.
//! 3. An order that was not done gives everything back.

use crate::governance::{Governance, MAX_NEURONS};
use crate::interface::{GovernanceError, Voters};
use crate::neuron::{Neuron, Order, Purpose, subaccount_of};
use candid::Principal;
use cycles_interface::{Account, Subaccount};
use ic_stable_structures::Memory;

/// How often one order is made again because the ledger wants another fee.
const MAX_BAD_FEES: u32 = 3;
/// Most neurons looked at in one search for those of which tokens are to move.
const SWEPT_PER_CALL: usize = 100;

/// What the ledger is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    pub from_subaccount: Subaccount,
    pub to: Account,
    pub amount_e8s: u64,
    /// None where burning costs nothing.
    pub fee_e8s: Option<u64>,
    pub memo: [u8; 16],
    pub created_at_nanos: u64,
}

/// What it answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Report {
    /// Now, or by an order before that is the same.
    Done(u64),
    BadFee(u64),
    /// So little is not burnt.
    TooSmall,
    /// It does not know any more whether it did this.
    TooOld,
    /// It did nothing.
    Refused(String),
    /// There was no answer that says whether it did it.
    Unheard(String),
}

/// What follows for an order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settled {
    /// With the block, if it is known.
    Done { block: Option<u64>, amount_e8s: u64 },
    /// Everything is as it was before the order.
    Undone(GovernanceError),
    /// To be told to the ledger again, with another fee.
    Again,
    /// The balance says whether it was done: [`Governance::reconcile`].
    Unclear,
    /// It is repeated later.
    Later(GovernanceError),
}

fn busy() -> GovernanceError {
    GovernanceError::Busy("tokens of the neuron are moving; try again later".to_owned())
}

impl<M: Memory> Governance<M> {
    /// Whether there are neurons here.
    ///
    /// # Errors
    /// Operators vote.
    pub fn require_neurons(&self) -> Result<(), GovernanceError> {
        match self.config().voters {
            Voters::Neurons => Ok(()),
            Voters::Operators => Err(GovernanceError::PreconditionFailed(
                "operators vote here; there are no neurons".to_owned(),
            )),
        }
    }

    /// The balance of somebody's account for a neuron was read: it is the neuron's stake. The caller holds the
    /// account since before it was read.
    ///
    /// # Errors
    /// Why there is no neuron, or why its stake is what it was.
    pub fn claim(
        &mut self,
        controller: Principal,
        memo: u64,
        balance_e8s: u64,
        now_seconds: u64,
    ) -> Result<u64, GovernanceError> {
        if let Some(mut neuron) =
            self.neuron_at(&subaccount_of(controller, memo)).and_then(|id| self.neuron(id))
        {
            if neuron.order.is_some() {
                return Err(busy());
            }
            neuron.stake_e8s = balance_e8s;
            let id = neuron.id;
            self.put_neuron(neuron);
            return Ok(id);
        }
        let needed_e8s = self.config().parameters.minimum_stake_e8s;
        if balance_e8s < needed_e8s {
            return Err(GovernanceError::InsufficientFunds { available_e8s: balance_e8s, needed_e8s });
        }
        if self.neurons.len() >= MAX_NEURONS {
            return Err(GovernanceError::TooMany("there are 1000000 neurons".to_owned()));
        }
        let id = self.count(|totals| {
            totals.last_neuron += 1;
            totals.last_neuron
        });
        self.put_neuron(Neuron::new(id, controller, memo, balance_e8s, now_seconds));
        Ok(id)
    }

    /// Orders tokens of a dissolved neuron for somebody.
    ///
    /// # Errors
    /// Why nothing changed.
    pub fn begin_disburse(
        &mut self,
        caller: Principal,
        id: u64,
        amount_e8s: Option<u64>,
        to: Option<Account>,
        now_nanos: u64,
    ) -> Result<(), GovernanceError> {
        let mut neuron = self.named_neuron(id)?;
        self.authorize_disburse(caller, &neuron)?;
        if neuron.order.is_some() {
            return Err(busy());
        }
        if !neuron.lock.is_open(now_nanos / crate::NANOS_PER_SECOND) {
            return Err(GovernanceError::PreconditionFailed("the neuron is not dissolved".to_owned()));
        }
        let available_e8s = neuron.free_e8s();
        let e8s = amount_e8s.unwrap_or(available_e8s);
        if e8s > available_e8s {
            return Err(GovernanceError::InsufficientFunds { available_e8s, needed_e8s: e8s });
        }
        let fee_e8s = self.config().transfer_fee_e8s;
        if e8s <= fee_e8s {
            return Err(GovernanceError::Invalid(format!("the ledger's fee is {fee_e8s} e8s")));
        }
        let to = to.unwrap_or(Account::from(neuron.controller));
        neuron.stake_e8s -= e8s;
        self.put_order(neuron, Purpose::Disburse, to, e8s, fee_e8s, now_nanos);
        Ok(())
    }

    /// Orders to burn what a neuron owes, if it does and nothing else is under way.
    pub fn begin_burn(&mut self, id: u64, minting_account: Account, now_nanos: u64) {
        let Some(mut neuron) = self.neuron(id).filter(|it| it.owed_e8s > 0 && it.order.is_none()) else {
            return;
        };
        let e8s = neuron.owed_e8s.min(neuron.stake_e8s);
        neuron.owed_e8s = 0;
        neuron.stake_e8s -= e8s;
        match e8s {
            0 => self.put_neuron(neuron),
            _ => self.put_order(neuron, Purpose::Burn, minting_account, e8s, 0, now_nanos),
        }
    }

    fn put_order(
        &mut self,
        mut neuron: Neuron,
        purpose: Purpose,
        to: Account,
        e8s: u64,
        fee_e8s: u64,
        created_at_nanos: u64,
    ) {
        let number = self.next_order();
        neuron.order =
            Some(Order { number, purpose, to, e8s, fee_e8s, created_at_nanos, sent: 0, bad_fees: 0 });
        self.put_neuron(neuron);
    }

    fn next_order(&mut self) -> u64 {
        self.count(|totals| {
            totals.last_order += 1;
            totals.last_order
        })
    }

    /// What the ledger is to be told of a neuron's order, if it has one.
    pub fn next_transfer(&mut self, id: u64) -> Option<Transfer> {
        let mut neuron = self.neuron(id)?;
        let order = neuron.order.as_mut()?;
        order.sent = order.sent.saturating_add(1);
        let transfer = Transfer {
            from_subaccount: subaccount_of(neuron.controller, neuron.memo),
            to: order.to,
            amount_e8s: order.e8s.saturating_sub(order.fee_e8s),
            fee_e8s: (order.purpose == Purpose::Disburse).then_some(order.fee_e8s),
            memo: crate::keys::pair(id, order.number),
            created_at_nanos: order.created_at_nanos,
        };
        self.put_neuron(neuron);
        Some(transfer)
    }

    /// The ledger answered, or did not.
    pub fn settled(&mut self, id: u64, report: Report, now_nanos: u64) -> Settled {
        let Some((neuron, order)) = self.neuron(id).and_then(|it| it.order.clone().map(|order| (it, order)))
        else {
            return Settled::Undone(GovernanceError::NotFound("there is no order".to_owned()));
        };
        match report {
            Report::Done(block) => self.finish(neuron, &order, Some(block)),
            Report::Unheard(reason) => Settled::Later(GovernanceError::External(format!(
                "the ledger's answer is not known; it is asked again: {reason}"
            ))),
            _ if order.sent > 1 => Settled::Unclear,
            Report::BadFee(fee_e8s) if order.bad_fees < MAX_BAD_FEES && fee_e8s < order.e8s => {
                self.order_again(neuron, order, fee_e8s, now_nanos)
            }
            Report::BadFee(fee_e8s) => {
                self.undo(neuron, &order, format!("the ledger's fee is {fee_e8s} e8s"))
            }
            Report::TooSmall => {
                let forgiven = Order { purpose: Purpose::Disburse, ..order };
                self.undo(neuron, &forgiven, "too little to burn".to_owned())
            }
            Report::TooOld => self.undo(neuron, &order, "the ledger's time differs".to_owned()),
            Report::Refused(reason) => self.undo(neuron, &order, reason),
        }
    }

    fn order_again(&mut self, mut neuron: Neuron, order: Order, fee_e8s: u64, now_nanos: u64) -> Settled {
        let (number, bad_fees) = (self.next_order(), order.bad_fees + 1);
        let again = Order { number, fee_e8s, created_at_nanos: now_nanos, sent: 0, bad_fees, ..order };
        neuron.order = Some(again);
        self.put_neuron(neuron);
        Settled::Again
    }

    /// The balance was read, of which the ledger's answer said nothing clear: was the order done?
    pub fn reconcile(&mut self, id: u64, balance_e8s: u64) -> Settled {
        let Some((neuron, order)) = self.neuron(id).and_then(|it| it.order.clone().map(|order| (it, order)))
        else {
            return Settled::Undone(GovernanceError::NotFound("there is no order".to_owned()));
        };
        match balance_e8s >= neuron.stake_e8s.saturating_add(order.e8s) {
            true => self.undo(neuron, &order, "the ledger did not do it".to_owned()),
            false => self.finish(neuron, &order, None),
        }
    }

    fn finish(&mut self, mut neuron: Neuron, order: &Order, block: Option<u64>) -> Settled {
        let amount_e8s = order.e8s.saturating_sub(order.fee_e8s);
        self.count(|totals| {
            let sum = match order.purpose {
                Purpose::Disburse => &mut totals.disbursed_e8s,
                Purpose::Burn => &mut totals.burnt_e8s,
            };
            *sum = sum.saturating_add(amount_e8s.into());
            totals.fees_e8s = totals.fees_e8s.saturating_add(order.fee_e8s.into());
        });
        if order.purpose == Purpose::Disburse && order.fee_e8s > 0 {
            self.change_config(|config| config.transfer_fee_e8s = order.fee_e8s);
        }
        neuron.order = None;
        match neuron.is_spent() {
            true => self.remove_neuron(&neuron),
            false => self.put_neuron(neuron),
        }
        Settled::Done { block, amount_e8s }
    }

    fn undo(&mut self, mut neuron: Neuron, order: &Order, reason: String) -> Settled {
        neuron.stake_e8s = neuron.stake_e8s.saturating_add(order.e8s);
        if order.purpose == Purpose::Burn {
            neuron.owed_e8s = neuron.owed_e8s.saturating_add(order.e8s);
        }
        neuron.order = None;
        self.put_neuron(neuron);
        Settled::Undone(GovernanceError::External(format!("the ledger: {reason}")))
    }

    /// A neuron that a caller may disburse.
    ///
    /// # Errors
    /// Why the caller may not.
    pub fn disbursable(&self, caller: Principal, id: u64) -> Result<Neuron, GovernanceError> {
        let neuron = self.named_neuron(id)?;
        self.authorize_disburse(caller, &neuron)?;
        Ok(neuron)
    }

    /// Whether tokens of any neuron are to move.
    pub fn is_unsettled(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// The next neuron of which tokens are to move and on which no message works.
    pub fn next_unsettled(&mut self) -> Option<u64> {
        let from = self.swept.saturating_add(1);
        let seen: Vec<u64> = self.unsettled.keys_range(from..).take(SWEPT_PER_CALL).collect();
        let idle = |id: &&u64| self.neuron(**id).is_some_and(|neuron| !self.is_held(neuron.subaccount()));
        let found = seen.iter().find(idle).copied();
        let more = seen.last().copied().filter(|_| seen.len() == SWEPT_PER_CALL);
        self.swept = found.or(more).unwrap_or(0);
        found
    }
}
