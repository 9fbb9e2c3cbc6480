//! Account identifiers as the token ledger gives them.

use candid::Principal;
use icrc::{Account, SUBACCOUNT_LENGTH};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::fmt;

/// 32 bytes: the CRC-32 of the rest, and the SHA-224 of owner and subaccount.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct AccountIdentifier(ByteBuf);

/// What is not an account identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoAccountIdentifier;

impl AccountIdentifier {
    pub fn of(owner: Principal, subaccount: [u8; SUBACCOUNT_LENGTH]) -> Self {
        let account = Account { owner, subaccount: Some(subaccount.into()) };
        Self(ByteBuf::from(account.identifier().as_bytes()))
    }

    /// Reads 64 hexadecimal digits whose checksum agrees.
    pub fn parse(text: &str) -> Result<Self, NoAccountIdentifier> {
        let identifier = icrc::AccountIdentifier::parse(text).map_err(|_| NoAccountIdentifier)?;
        Ok(Self(ByteBuf::from(identifier.as_bytes())))
    }

    /// As the ledger gave it.
    pub fn from_ledger(bytes: ByteBuf) -> Self {
        Self(bytes)
    }

    pub fn to_bytes(&self) -> ByteBuf {
        self.0.clone()
    }
}

impl fmt::Debug for AccountIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}
