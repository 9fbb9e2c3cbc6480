//! Accounts as transactions name them.

use icrc::{Account, AccountIdentifier};

/// One side of a transaction: an account, and its owner where the call named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// The account's key.
    pub identifier: AccountIdentifier,
    /// The account as the call named it; none where it named only the identifier.
    pub account: Option<Account>,
}

impl From<Account> for Party {
    fn from(account: Account) -> Self {
        Self { identifier: account.identifier(), account: Some(account) }
    }
}

impl From<AccountIdentifier> for Party {
    fn from(identifier: AccountIdentifier) -> Self {
        Self { identifier, account: None }
    }
}
