//! Account identifiers of the token ledger, and the account that a payment is for.

use candid::Principal;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha224};
use std::fmt;

/// Separates these hashes from others.
const DOMAIN: &[u8] = b"\x0Aaccount-id";

const SUBACCOUNT: usize = 32;
const CHECKSUM: usize = 4;
const IDENTIFIER: usize = 32;

/// 32 bytes: the CRC-32 of the rest, and the SHA-224 of owner and subaccount.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub struct AccountIdentifier(ByteBuf);

/// What is not an account identifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoAccountIdentifier;

impl AccountIdentifier {
    pub fn of(owner: Principal, subaccount: [u8; SUBACCOUNT]) -> Self {
        let hash = Sha224::new()
            .chain_update(DOMAIN)
            .chain_update(owner.as_slice())
            .chain_update(subaccount)
            .finalize();
        Self(ByteBuf::from([&crc32fast::hash(&hash).to_be_bytes()[..], &hash].concat()))
    }

    /// Reads 64 hexadecimal digits whose checksum agrees.
    pub fn parse(text: &str) -> Result<Self, NoAccountIdentifier> {
        let bytes = hex::decode(text).map_err(|_| NoAccountIdentifier)?;
        match bytes.split_at_checked(CHECKSUM) {
            Some((sum, hash)) if bytes.len() == IDENTIFIER && sum == crc32fast::hash(hash).to_be_bytes() => {
                Ok(Self(ByteBuf::from(bytes)))
            }
            _ => Err(NoAccountIdentifier),
        }
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
