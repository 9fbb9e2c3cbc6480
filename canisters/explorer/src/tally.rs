//! What the token ledger's blocks made and burnt, added up block by block.
//!
//! A block counts once: [`Tally::take`] adds what follows the blocks that it has, and nothing else. Fees are burnt,
//! so that `minted - burned` is the supply as long as nothing was skipped (blocks that no longer can be read).

use candid::CandidType;
use serde::{Deserialize, Serialize};

/// Blocks asked for at a time; also the most of an archive's.
pub const BLOCKS_PER_CALL: u64 = 500;

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct Tokens {
    pub e8s: u64,
}

/// The parts of the ledger's operations that count.
#[derive(CandidType, Deserialize, Clone, Debug)]
pub enum Operation {
    Mint { amount: Tokens },
    Burn { amount: Tokens },
    Transfer { fee: Tokens },
    Approve { fee: Tokens },
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct Transaction {
    pub operation: Option<Operation>,
}

#[derive(CandidType, Deserialize, Clone, Debug)]
pub struct Block {
    pub transaction: Transaction,
}

/// Sums over all blocks below `next`.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// The block that comes next.
    pub next: u64,
    pub minted_e8s: u128,
    /// Fees included.
    pub burned_e8s: u128,
    pub fees_e8s: u128,
    pub transfers: u64,
    /// Blocks that could not be read.
    pub skipped: u64,
}

impl Tally {
    /// Adds blocks of which the first has index `first`; nothing if that is not the next one.
    pub fn take(&mut self, first: u64, blocks: &[Block]) {
        if first != self.next {
            return;
        }
        for block in blocks {
            self.add(block.transaction.operation.as_ref());
            self.next = self.next.saturating_add(1);
        }
    }

    fn add(&mut self, operation: Option<&Operation>) {
        match operation {
            Some(Operation::Mint { amount }) => {
                self.minted_e8s = self.minted_e8s.saturating_add(amount.e8s.into());
            }
            Some(Operation::Burn { amount }) => {
                self.burned_e8s = self.burned_e8s.saturating_add(amount.e8s.into());
            }
            Some(Operation::Transfer { fee }) => {
                self.transfers = self.transfers.saturating_add(1);
                self.charge(fee);
            }
            Some(Operation::Approve { fee }) => self.charge(fee),
            None => {}
        }
    }

    fn charge(&mut self, fee: &Tokens) {
        self.fees_e8s = self.fees_e8s.saturating_add(fee.e8s.into());
        self.burned_e8s = self.burned_e8s.saturating_add(fee.e8s.into());
    }

    /// Goes on at `first`, leaving out what is before.
    pub fn skip_to(&mut self, first: u64) {
        self.skipped = self.skipped.saturating_add(first.saturating_sub(self.next));
        self.next = self.next.max(first);
    }
}
