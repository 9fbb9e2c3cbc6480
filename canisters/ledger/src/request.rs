//! Requests of both interfaces, and the transactions that they mean.

use crate::ledger::{Ledger, Refusal};
use ic_stable_structures::Memory;
use icrc::{Account, MAX_MEMO_LENGTH};
use ledger_block::{Operation, Party, Transaction};

/// Tokens move, appear or vanish, by what the minting account's part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferRequest {
    /// Who pays.
    pub from: Party,
    /// Who gets.
    pub to: Party,
    /// Who asks, where it is not the payer.
    pub spender: Option<Party>,
    /// How much; more than anyone can have is just too much.
    pub amount: u128,
    /// The fee that the caller thinks it is.
    pub fee: Option<u128>,
    /// Memo of the ICP interface.
    pub memo: u64,
    /// Memo of the ICRC interface.
    pub icrc1_memo: Option<Vec<u8>>,
    /// When the caller made it.
    pub created_at_time: Option<u64>,
}

/// An allowance is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApproveRequest {
    /// Whose tokens.
    pub from: Account,
    /// Who may spend them.
    pub spender: Account,
    /// How much; more than anyone can have is everything.
    pub amount: u128,
    /// The allowance that the caller thinks there is.
    pub expected_allowance: Option<u128>,
    /// When it ends.
    pub expires_at: Option<u64>,
    /// The fee that the caller thinks it is.
    pub fee: Option<u128>,
    /// Memo.
    pub icrc1_memo: Option<Vec<u8>>,
    /// When the caller made it.
    pub created_at_time: Option<u64>,
}

fn validate_memo(memo: &Option<Vec<u8>>) -> Result<(), Refusal> {
    match memo {
        Some(memo) if memo.len() > MAX_MEMO_LENGTH => Err(Refusal::MemoTooLong),
        _ => Ok(()),
    }
}

fn validate_fee(given: Option<u128>, expected: u64) -> Result<(), Refusal> {
    match given {
        Some(given) if given != u128::from(expected) => Err(Refusal::BadFee { expected }),
        _ => Ok(()),
    }
}

impl<M: Memory> Ledger<M> {
    /// Does a transfer, mint or burn.
    pub fn transfer(&mut self, request: TransferRequest, now: u64) -> Result<u64, Refusal> {
        validate_memo(&request.icrc1_memo)?;
        if request.spender.is_some() && !self.config().icrc2 {
            return Err(Refusal::NoAllowances);
        }
        let operation = self.operation_of(&request)?;
        let transaction = Transaction {
            operation,
            memo: request.memo,
            icrc1_memo: request.icrc1_memo,
            created_at_time: request.created_at_time,
            fee_given: request.fee.is_some(),
        };
        self.submit(transaction, now)
    }

    fn operation_of(&self, request: &TransferRequest) -> Result<Operation, Refusal> {
        let TransferRequest { from, to, spender, .. } = *request;
        let is_minter = |party: Party| self.is_minting_account(&party.identifier);
        match (is_minter(from), is_minter(to)) {
            (true, true) => Err(Refusal::MintToMinter),
            (true, false) if spender.is_some() => Err(Refusal::MinterDelegates),
            (true, false) => {
                validate_fee(request.fee, 0)?;
                let room = u64::MAX - self.total_supply();
                Ok(Operation::Mint { to, amount: within(request.amount, || room)? })
            }
            (false, true) => {
                validate_fee(request.fee, 0)?;
                self.validate_burn(request)?;
                Ok(Operation::Burn {
                    from,
                    spender,
                    amount: within(request.amount, || self.balance_of(from))?,
                })
            }
            (false, false) => {
                let fee = self.config().fee;
                validate_fee(request.fee, fee)?;
                let amount = within(request.amount, || self.balance_of(from))?;
                Ok(Operation::Transfer { from, to, spender, amount, fee })
            }
        }
    }

    fn balance_of(&self, party: Party) -> u64 {
        self.balance(party.identifier)
    }

    /// At least the fee is burnt, or all there is where that is less; never nothing.
    fn validate_burn(&self, request: &TransferRequest) -> Result<(), Refusal> {
        let fee = self.config().fee;
        let least = fee.min(self.balance_of(request.from));
        if request.amount == 0 {
            return Err(Refusal::BadBurn { least: fee });
        }
        if request.amount < u128::from(least) {
            return Err(Refusal::BadBurn { least });
        }
        Ok(())
    }

    /// Sets an allowance.
    pub fn approve(&mut self, request: ApproveRequest, now: u64) -> Result<u64, Refusal> {
        self.validate_approval(&request)?;
        let fee = self.config().fee;
        let (from, spender) = (Party::from(request.from), Party::from(request.spender));
        let expected_allowance = match request.expected_allowance.map(u64::try_from) {
            None => None,
            Some(Ok(expected)) => Some(expected),
            Some(Err(_)) => {
                let current = self.allowance(request.from, request.spender, now).amount;
                return Err(Refusal::AllowanceChanged { current });
            }
        };
        let operation = Operation::Approve {
            from,
            spender,
            allowance: u64::try_from(request.amount).unwrap_or(u64::MAX),
            expected_allowance,
            expires_at: request.expires_at,
            fee,
        };
        let transaction = Transaction {
            operation,
            memo: 0,
            icrc1_memo: request.icrc1_memo,
            created_at_time: request.created_at_time,
            fee_given: request.fee.is_some(),
        };
        self.submit(transaction, now)
    }

    fn validate_approval(&self, request: &ApproveRequest) -> Result<(), Refusal> {
        if !self.config().icrc2 {
            return Err(Refusal::NoAllowances);
        }
        if request.from.owner == candid::Principal::anonymous() {
            return Err(Refusal::Anonymous);
        }
        if request.from.owner == request.spender.owner {
            return Err(Refusal::SelfApproval);
        }
        if self.is_minting_account(&request.from.identifier()) {
            return Err(Refusal::MinterDelegates);
        }
        validate_memo(&request.icrc1_memo)?;
        validate_fee(request.fee, self.config().fee)
    }
}

/// An amount that fits; what does not, nobody has.
fn within(amount: u128, balance: impl FnOnce() -> u64) -> Result<u64, Refusal> {
    u64::try_from(amount).map_err(|_| Refusal::InsufficientFunds { balance: balance() })
}
