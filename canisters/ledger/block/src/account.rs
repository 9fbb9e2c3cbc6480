//! Accounts by owner and by identifier.

use candid::{CandidType, Deserialize, Principal};
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use serde::Serialize;
use serde_bytes::ByteArray;
use sha2::{Digest, Sha224};
use std::borrow::Cow;
use std::fmt;

/// Length of a subaccount.
pub const SUBACCOUNT_BYTES: usize = 32;

const IDENTIFIER_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;
const DOMAIN: &[u8] = b"\x0Aaccount-id";

/// Tells apart the accounts of one principal.
pub type Subaccount = ByteArray<SUBACCOUNT_BYTES>;

/// An ICRC-1 account.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who may spend.
    pub owner: Principal,
    /// Which of the owner's accounts; none is the same as all zeros.
    pub subaccount: Option<Subaccount>,
}

impl Account {
    /// The account that `owner` has without a subaccount.
    pub fn of(owner: Principal) -> Self {
        Self { owner, subaccount: None }
    }

    /// The name of this account on the ICP interface.
    pub fn identifier(&self) -> AccountIdentifier {
        let mut hasher = Sha224::new();
        hasher.update(DOMAIN);
        hasher.update(self.owner.as_slice());
        hasher.update(self.subaccount.unwrap_or_default().as_slice());
        let hash = hasher.finalize();
        let mut bytes = [0; IDENTIFIER_BYTES];
        bytes[..CHECKSUM_BYTES].copy_from_slice(&crc32fast::hash(&hash).to_be_bytes());
        bytes[CHECKSUM_BYTES..].copy_from_slice(&hash);
        AccountIdentifier(bytes)
    }
}

/// Checksum and hash of an account: the key of the balance book.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountIdentifier([u8; IDENTIFIER_BYTES]);

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
    pub const FIRST: Self = Self([0; IDENTIFIER_BYTES]);

    /// Reads an identifier and checks its checksum.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccountIdentifierError> {
        let bytes: [u8; IDENTIFIER_BYTES] =
            bytes.try_into().map_err(|_| AccountIdentifierError::WrongLength)?;
        let (checksum, hash) = bytes.split_at(CHECKSUM_BYTES);
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

impl Storable for AccountIdentifier {
    const BOUND: Bound = Bound::Bounded { max_size: IDENTIFIER_BYTES as u32, is_fixed_size: true };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// Bytes of our own stable memory, checked when they came in.
    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        let mut identifier = [0; IDENTIFIER_BYTES];
        identifier.copy_from_slice(&bytes);
        Self(identifier)
    }
}

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
