//! Accounts of ICRC-1 in text: a principal, or for a subaccount `PRINCIPAL-CHECKSUM.SUBACCOUNT`.

use crate::types::Principal;
use candid::{CandidType, Deserialize};
use serde::{Serialize, Serializer};
use serde_bytes::ByteBuf;
use std::fmt;
use std::str::FromStr;

const SUBACCOUNT_BYTES: usize = 32;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// An owner, and one of its accounts.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct IcrcAccount {
    pub owner: Principal,
    pub subaccount: Option<ByteBuf>,
}

/// A text is no account.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IcrcAccountError {
    #[error("{0:?} is no account: a principal, or PRINCIPAL-CHECKSUM.SUBACCOUNT in hexadecimal digits")]
    Form(String),
    #[error("the account {0} has a wrong checksum: a letter is mistyped")]
    Checksum(String),
}

impl IcrcAccount {
    /// The account with 32 bytes of subaccount, zeros if there is none.
    pub fn subaccount(&self) -> [u8; SUBACCOUNT_BYTES] {
        let bytes = self.subaccount.as_ref().and_then(|bytes| bytes.as_slice().try_into().ok());
        bytes.unwrap_or([0; SUBACCOUNT_BYTES])
    }
}

fn checksum(owner: &Principal, subaccount: &[u8; SUBACCOUNT_BYTES]) -> String {
    let sum = crc32fast::hash(&[owner.as_slice(), subaccount].concat());
    // 32 bits are seven letters of five bits, zeros behind.
    let bits = u64::from(sum) << 3;
    let letter = |index: u32| char::from(BASE32[(bits >> (30 - 5 * index) & 31) as usize]);
    (0..7).map(letter).collect()
}

impl fmt::Display for IcrcAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subaccount = self.subaccount();
        let digits = hex::encode(subaccount);
        match digits.trim_start_matches('0') {
            "" => write!(f, "{}", self.owner),
            digits => write!(f, "{}-{}.{digits}", self.owner, checksum(&self.owner, &subaccount)),
        }
    }
}

impl Serialize for IcrcAccount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for IcrcAccount {
    type Err = IcrcAccountError;

    fn from_str(text: &str) -> Result<IcrcAccount, IcrcAccountError> {
        let form = || IcrcAccountError::Form(text.into());
        let Some((front, digits)) = text.split_once('.') else {
            let owner = Principal::from_text(text).map_err(|_| form())?;
            return Ok(IcrcAccount { owner, subaccount: None });
        };
        let (owner, sum) = front.rsplit_once('-').ok_or_else(form)?;
        let owner = Principal::from_text(owner).map_err(|_| form())?;
        if digits.is_empty() || digits.len() > 2 * SUBACCOUNT_BYTES || digits.starts_with('0') {
            return Err(form());
        }
        let mut subaccount = [0; SUBACCOUNT_BYTES];
        hex::decode_to_slice(format!("{digits:0>64}"), &mut subaccount).map_err(|_| form())?;
        match checksum(&owner, &subaccount) == sum {
            true => Ok(IcrcAccount { owner, subaccount: Some(ByteBuf::from(subaccount)) }),
            false => Err(IcrcAccountError::Checksum(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the standard's text.
    const OWNER: &str = "k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae";
    const FULL: &str = "k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae-dfxgiyy.102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20";
    const SHORT: &str = "k2t6j-2nvnp-4zjm3-25dtz-6xhaa-c7boj-5gayf-oj3xs-i43lp-teztq-6ae-6cc627i.1";

    #[test]
    fn accounts_are_read_and_shown_as_the_standard_has_them() {
        for text in [OWNER, FULL, SHORT] {
            let account: IcrcAccount = text.parse().expect("an account");
            assert_eq!(account.to_string(), text);
        }
        let full: IcrcAccount = FULL.parse().expect("an account");
        assert_eq!(full.subaccount()[..3], [1, 2, 3]);
        let plain = IcrcAccount { subaccount: Some(ByteBuf::from([0; 32])), ..full };
        assert_eq!(plain.to_string(), OWNER);
    }

    #[test]
    fn what_is_no_account_is_refused() {
        let check = |text: String, expected: fn(String) -> IcrcAccountError| {
            assert_eq!(text.parse::<IcrcAccount>(), Err(expected(text)));
        };
        check("me".into(), IcrcAccountError::Form);
        check(format!("{OWNER}.1"), IcrcAccountError::Form);
        check(SHORT.replace(".1", ".01"), IcrcAccountError::Form);
        check(SHORT.replace(".1", "."), IcrcAccountError::Form);
        check(SHORT.replace(".1", ".x"), IcrcAccountError::Form);
        check(SHORT.replace(".1", ".2"), IcrcAccountError::Checksum);
    }
}
