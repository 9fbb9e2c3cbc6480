//! Accounts of the token ledger.

use crate::types::Principal;
use sha2::{Digest, Sha224};
use std::str::FromStr;

const DOMAIN: &[u8] = b"\x0Aaccount-id";

/// Whose account is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Account {
    /// The one without a subaccount.
    Principal(Principal),
    Identifier([u8; 32]),
}

/// A text is no account.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AccountError {
    #[error("{0:?} is neither a principal nor 64 hexadecimal digits")]
    Neither(String),
    #[error("the account identifier {0} has a wrong checksum: a digit is mistyped")]
    Checksum(String),
}

impl FromStr for Account {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Account, AccountError> {
        if let Ok(principal) = Principal::from_text(text) {
            return Ok(Account::Principal(principal));
        }
        let bytes = hex::decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let bytes = bytes.ok_or_else(|| AccountError::Neither(text.into()))?;
        let (sum, hash) = bytes.split_at(4);
        match crc32fast::hash(hash).to_be_bytes() == sum {
            true => Ok(Account::Identifier(bytes)),
            false => Err(AccountError::Checksum(text.into())),
        }
    }
}

impl Account {
    /// The token ledger's name for it.
    pub fn identifier(&self) -> [u8; 32] {
        match self {
            Account::Principal(principal) => identifier(principal, &[0; 32]),
            Account::Identifier(identifier) => *identifier,
        }
    }
}

/// Account identifier of a subaccount: CRC-32 and SHA-224 over domain, owner and subaccount.
pub fn identifier(owner: &Principal, subaccount: &[u8; 32]) -> [u8; 32] {
    let hash = Sha224::new().chain_update(DOMAIN).chain_update(owner).chain_update(subaccount).finalize();
    let mut identifier = [0; 32];
    identifier[..4].copy_from_slice(&crc32fast::hash(&hash).to_be_bytes());
    identifier[4..].copy_from_slice(&hash);
    identifier
}

/// The subaccount that a canister keeps for a principal: length and bytes, zeros behind.
pub fn subaccount_for(principal: &Principal) -> [u8; 32] {
    let mut subaccount = [0; 32];
    let bytes = principal.as_slice();
    // A principal has at most 29 bytes.
    subaccount[0] = bytes.len() as u8;
    subaccount[1..=bytes.len()].copy_from_slice(bytes);
    subaccount
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANONYMOUS: &str = "1c7a48ba6a562aa9eaa2481a9049cdf0433b9738c992d698c31d8abf89cadc79";

    #[test]
    fn an_account_is_a_principal_or_an_identifier_with_its_checksum() {
        let principal: Account = "2vxsx-fae".parse().unwrap();
        assert_eq!(hex::encode(principal.identifier()), ANONYMOUS);
        let identifier: Account = ANONYMOUS.parse().unwrap();
        assert_eq!(identifier.identifier(), principal.identifier());
        let mistyped = ANONYMOUS.replace("1c7a", "1c7b");
        assert_eq!(mistyped.parse::<Account>(), Err(AccountError::Checksum(mistyped)));
        assert_eq!("me".parse::<Account>(), Err(AccountError::Neither("me".into())));
    }

    #[test]
    fn a_subaccount_for_a_principal_begins_with_its_length() {
        let subaccount = subaccount_for(&Principal::from_slice(&[7; 29]));
        assert_eq!((subaccount[0], subaccount[29], subaccount[30]), (29, 7, 0));
    }
}
