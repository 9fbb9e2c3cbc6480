//! Account identifiers of the token ledger, and the account that a payment is for.

use candid::Principal;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::fmt;

const SUBACCOUNT: usize = ledger_block::SUBACCOUNT_BYTES;

/// 32 bytes: the CRC-32 of the rest, and the SHA-224 of owner and subaccount.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct AccountIdentifier(ByteBuf);

/// What is not an account identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoAccountIdentifier;

impl AccountIdentifier {
    pub fn of(owner: Principal, subaccount: [u8; SUBACCOUNT]) -> Self {
        let account = ledger_block::Account { owner, subaccount: Some(subaccount.into()) };
        Self(ByteBuf::from(account.identifier().as_bytes()))
    }

    /// Reads 64 hexadecimal digits whose checksum agrees.
    pub fn parse(text: &str) -> Result<Self, NoAccountIdentifier> {
        let identifier = ledger_block::AccountIdentifier::parse(text).map_err(|_| NoAccountIdentifier)?;
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

/// The subaccount of payments for a principal: its length, its bytes, zeros.
pub fn subaccount_of(principal: Principal) -> [u8; SUBACCOUNT] {
    let bytes = principal.as_slice();
    let mut subaccount = [0; SUBACCOUNT];
    subaccount[0] = bytes.len() as u8;
    subaccount[1..=bytes.len()].copy_from_slice(bytes);
    subaccount
}
