//! Payments for cycles: made, notified of, and worked on step by step.

use super::*;
use crate::payments::{own_id, payment_in};
use cycles_minting::notify::{BlockRead, Paid, PayReport, Step, TokenTransfer, TransferReport};
use cycles_minting::payment::Claim;
use icrc::Subaccount;
use ledger::types::GetBlocksArgs;

impl World {
    /// Somebody pays the minting canister for something.
    pub(super) fn pay(&mut self) {
        let from = self.user();
        let claim = match self.below(3u8) {
            0 => Claim::TopUp { canister: self.canister() },
            1 => Claim::Create { controller: from.owner, settings: None },
            _ => Claim::Mint { to: from, memo: None },
        };
        let memo = if self.chance(0.9) { claim.cause().memo } else { 5 };
        let amount = if self.chance(0.1) { self.below(2 * TOKEN_FEE) } else { self.below(3 * E8S) };
        let to = Account { owner: own_id(), subaccount: Some(Subaccount::new(claim.subaccount())) };
        let request = TransferRequest { memo, ..transfer(from, to, amount) };
        if let Ok(block) = self.tokens.transfer(request, self.now) {
            self.payments.made.push((block, claim));
        }
    }

    /// Somebody notifies of a payment, mostly of a new one and for what it was made.
    pub(super) fn notify(&mut self) {
        let count = self.payments.made.len();
        if count == 0 {
            return;
        }
        let age = if self.chance(0.8) { self.below(count.min(20) as u64) } else { self.below(count as u64) };
        let (block, claim) = self.payments.made[count - 1 - age as usize].clone();
        let claim = if self.chance(0.95) { claim } else { Claim::TopUp { canister: self.canister() } };
        let step = self.payments.mint.notify(block, claim, self.now);
        self.payments.workers.push(step);
        if self.chance(0.2) {
            let swept = self.payments.mint.sweep(self.now);
            self.payments.workers.extend(swept);
        }
    }

    /// A message takes its next step.
    pub(super) fn work(&mut self) {
        let count = self.payments.workers.len();
        if count == 0 {
            return;
        }
        let index = self.below(count as u64) as usize;
        let step = self.payments.workers.swap_remove(index);
        let trapped = self.chance(0.02);
        let (block, next) = match step {
            Step::Answer(_) => return,
            Step::Read { block } => (block, self.read(block, trapped)),
            Step::Pay { block, cycles, .. } => (block, self.paid(block, cycles, trapped)),
            Step::Settle { block, transfer } => (block, self.settle(block, &transfer, trapped)),
        };
        if trapped {
            self.traps += 1;
            self.payments.mint.release(block);
        }
        self.payments.workers.extend(next);
    }

    /// The block is read; a message that hears of it and does not trap sends the cycles at once.
    fn read(&mut self, block: u64, trapped: bool) -> Option<Step> {
        let args = GetBlocksArgs { start: block, length: 1 };
        let read = match self.chance(0.05) {
            true => BlockRead::Failed("stopped".to_owned()),
            false => match self.tokens.ledger.query_blocks(args, None) {
                Ok(answer) => answer.blocks.into_iter().next().map_or(BlockRead::Missing, payment_in),
                Err(error) => panic!("block {block}: {error:?}"),
            },
        };
        if trapped {
            return None;
        }
        let next = self.payments.mint.block_read(block, read, self.now);
        if let Step::Pay { claim, cycles, .. } = &next {
            let report = self.send_minted(block, claim, *cycles);
            self.payments.reports.insert(block, report);
        }
        Some(next)
    }

    fn send_minted(&mut self, block: u64, claim: &Claim, cycles: u128) -> PayReport {
        if self.chance(0.01) {
            return self.payments.fall_short(&mut self.system, cycles, cycles / 3);
        }
        self.system.mint(cycles);
        let fails = self.chance(0.1);
        let result = match claim {
            _ if fails => None,
            Claim::TopUp { canister } if self.system.exists(*canister) => {
                self.system.send(Place::Minting, Place::Canister(*canister), cycles);
                Some(Paid::ToppedUp)
            }
            Claim::TopUp { .. } => None,
            Claim::Create { .. } => self.create(Place::Minting, cycles).map(Paid::Created),
            Claim::Mint { to, .. } => {
                let number = (0..USERS).find(|number| account(*number) == *to).unwrap_or(0);
                let done = self.books.deposit(&mut self.system, Place::Minting, number, cycles, self.now);
                done.map(|(block, balance)| Paid::Deposited { block_index: block.into(), balance })
            }
        };
        match result {
            Some(paid) => {
                self.payments.note_bought(block, cycles);
                PayReport { minted: cycles, returned: 0, burnt: 0, result: Ok(paid) }
            }
            None => {
                let burnt = if self.chance(0.9) { cycles } else { cycles / 2 };
                self.system.send(Place::Minting, Place::Burnt, burnt);
                PayReport { minted: cycles, returned: cycles, burnt, result: Err("came back".to_owned()) }
            }
        }
    }

    fn paid(&mut self, block: u64, cycles: u128, trapped: bool) -> Option<Step> {
        let report = self.payments.reports.remove(&block);
        let report = report.unwrap_or_else(|| panic!("block {block} was not paid"));
        (!trapped).then(|| self.payments.hear(block, report, cycles, self.now))
    }

    fn settle(&mut self, block: u64, order: &TokenTransfer, trapped: bool) -> Option<Step> {
        let report = match self.chance(0.05) {
            true => TransferReport::Refused("stopped".to_owned()),
            false => self.order_tokens(order),
        };
        (!trapped).then(|| self.payments.mint.settled(block, report, self.now))
    }

    fn order_tokens(&mut self, order: &TokenTransfer) -> TransferReport {
        let from = Account { owner: own_id(), subaccount: Some(Subaccount::new(order.from_subaccount)) };
        let Ok(to) = icrc::AccountIdentifier::from_bytes(&order.to.to_bytes()) else {
            panic!("no account: {:?}", order.to);
        };
        let request = TransferRequest {
            to: Party::from(to),
            fee: Some(order.fee.into()),
            memo: order.memo,
            created_at_time: Some(order.created_at_time),
            ..transfer(from, from, order.e8s)
        };
        match self.tokens.transfer(request, self.now) {
            Ok(block) | Err(Refusal::Duplicate { of: block }) => TransferReport::Done(block),
            Err(Refusal::BadFee { expected }) => TransferReport::BadFee(expected),
            Err(Refusal::TooOld { .. }) => TransferReport::TooOld,
            Err(refusal) => TransferReport::Refused(format!("{refusal:?}")),
        }
    }
}
