//! Accounts by owner and by identifier.

use candid::{CandidType, Deserialize, Principal};
use serde::Serialize;
use serde_bytes::ByteArray;
use sha2::{Digest, Sha224};
use std::fmt;

/// Bytes of a subaccount.
pub const SUBACCOUNT_LENGTH: usize = 32;

const IDENTIFIER_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 4;
const DOMAIN: &[u8] = b"\x0Aaccount-id";

/// Tells apart the accounts of one owner; all zeros is the same as none.
pub type Subaccount = ByteArray<SUBACCOUNT_LENGTH>;

/// An ICRC-1 account.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who may spend.
    pub owner: Principal,
    /// Which of the owner's accounts; none is the same as all zeros.
    pub subaccount: Option<Subaccount>,
}

impl From<Principal> for Account {
    fn from(owner: Principal) -> Self {
        Self { owner, subaccount: None }
    }
}

impl Account {
    /// Whether this is the owner's account without a subaccount.
    pub fn is_default(&self) -> bool {
        self.subaccount.is_none_or(|it| *it == [0; SUBACCOUNT_LENGTH])
    }

    /// The name of this account on the ICP interface.
    pub fn identifier(&self) -> AccountIdentifier {
        let mut hasher = Sha224::new();
        hasher.update(DOMAIN);
        hasher.update(self.owner.as_slice());
        hasher.update(self.subaccount.unwrap_or_default().as_slice());
        let hash = hasher.finalize();
        let mut bytes = [0; IDENTIFIER_LENGTH];
        bytes[..CHECKSUM_LENGTH].copy_from_slice(&crc32fast::hash(&hash).to_be_bytes());
        bytes[CHECKSUM_LENGTH..].copy_from_slice(&hash);
        AccountIdentifier(bytes)
    }
}

/// The subaccount that a canister keeps for a principal: its length, its bytes, zeros.
pub fn subaccount_of(principal: Principal) -> [u8; SUBACCOUNT_LENGTH] {
    let bytes = principal.as_slice();
    let mut subaccount = [0; SUBACCOUNT_LENGTH];
    subaccount[0] = bytes.len() as u8;
    subaccount[1..=bytes.len()].copy_from_slice(bytes);
    subaccount
}

/// Checksum and hash of an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountIdentifier([u8; IDENTIFIER_LENGTH]);

/// Why bytes or text are no account identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountIdentifierError {
    /// Not hexadecimal.
    NotHex,
    /// Not 32 bytes.
    WrongLength,
    /// The first four bytes are not the CRC-32 of the rest.
    WrongChecksum,
}

impl fmt::Display for AccountIdentifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHex => "an account identifier is written in hexadecimal digits",
            Self::WrongLength => "an account identifier has 32 bytes (64 hexadecimal digits)",
            Self::WrongChecksum => "the checksum of the account identifier is wrong",
        })
    }
}

impl AccountIdentifier {
    /// Not after any other in order; names no account.
    pub const FIRST: Self = Self([0; IDENTIFIER_LENGTH]);

    /// Reads an identifier and checks its checksum.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccountIdentifierError> {
        let bytes: [u8; IDENTIFIER_LENGTH] =
            bytes.try_into().map_err(|_| AccountIdentifierError::WrongLength)?;
        let (checksum, hash) = bytes.split_at(CHECKSUM_LENGTH);
        if checksum != crc32fast::hash(hash).to_be_bytes() {
            return Err(AccountIdentifierError::WrongChecksum);
        }
        Ok(Self(bytes))
    }

    /// Reads an identifier in hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, AccountIdentifierError> {
        Self::from_bytes(&hex::decode(text).map_err(|_| AccountIdentifierError::NotHex)?)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for AccountIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for AccountIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(feature = "stable")]
mod stable {
    use super::{AccountIdentifier, IDENTIFIER_LENGTH};
    use ic_stable_structures::Storable;
    use ic_stable_structures::storable::Bound;
    use std::borrow::Cow;

    impl Storable for AccountIdentifier {
        const BOUND: Bound = Bound::Bounded { max_size: IDENTIFIER_LENGTH as u32, is_fixed_size: true };

        fn to_bytes(&self) -> Cow<'_, [u8]> {
            Cow::Borrowed(&self.0)
        }

        fn into_bytes(self) -> Vec<u8> {
            self.0.to_vec()
        }

        /// Bytes of a canister's own stable memory, checked when they came in.
        fn from_bytes(bytes: Cow<[u8]>) -> Self {
            let mut identifier = [0; IDENTIFIER_LENGTH];
            identifier.copy_from_slice(&bytes);
            Self(identifier)
        }
    }
}
