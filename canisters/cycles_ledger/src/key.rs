//! An account as a key of fixed length: owner (padded), its length, subaccount.

use candid::Principal;
use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use icrc::{Account, SUBACCOUNT_LENGTH, Subaccount};
use std::borrow::Cow;

const OWNER: usize = Principal::MAX_LENGTH_IN_BYTES;
const LENGTH: usize = OWNER + 1 + SUBACCOUNT_LENGTH;

/// Equal for equal accounts, whether the default subaccount is written out or left away.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AccountKey([u8; LENGTH]);

impl AccountKey {
    /// The least key: no account stands before it.
    pub const FIRST: Self = Self([0; LENGTH]);
}

impl From<&Account> for AccountKey {
    fn from(account: &Account) -> Self {
        let owner = account.owner.as_slice();
        let mut key = [0; LENGTH];
        key[..owner.len()].copy_from_slice(owner);
        key[OWNER] = owner.len() as u8;
        if let Some(subaccount) = &account.subaccount {
            key[OWNER + 1..].copy_from_slice(subaccount.as_slice());
        }
        Self(key)
    }
}

impl From<AccountKey> for Account {
    fn from(AccountKey(key): AccountKey) -> Self {
        let length = usize::from(key[OWNER]).min(OWNER);
        let mut subaccount = [0; SUBACCOUNT_LENGTH];
        subaccount.copy_from_slice(&key[OWNER + 1..]);
        Self {
            owner: Principal::from_slice(&key[..length]),
            subaccount: (subaccount != [0; SUBACCOUNT_LENGTH]).then(|| Subaccount::new(subaccount)),
        }
    }
}

impl Storable for AccountKey {
    const BOUND: Bound = Bound::Bounded { max_size: LENGTH as u32, is_fixed_size: true };

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.0)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        let mut key = [0; LENGTH];
        key.copy_from_slice(&bytes);
        Self(key)
    }
}
