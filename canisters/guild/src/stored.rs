//! Records of stable memory, as CBOR.

use ic_stable_structures::Storable;
use ic_stable_structures::storable::Bound;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// A record in stable memory. New fields need `#[serde(default)]`, so that older records stay readable.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stored<T>(pub T);

impl<T: Serialize + DeserializeOwned> Storable for Stored<T> {
    const BOUND: Bound = Bound::Unbounded;

    fn to_bytes(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::new();
        if let Err(error) = ciborium::into_writer(&self.0, &mut bytes) {
            unreachable!("a record is always encoded: {error}");
        }
        Cow::Owned(bytes)
    }

    fn into_bytes(self) -> Vec<u8> {
        self.to_bytes().into_owned()
    }

    /// # Panics
    /// When stable memory holds what this canister never wrote.
    fn from_bytes(bytes: Cow<[u8]>) -> Self {
        match ciborium::from_reader(bytes.as_ref()) {
            Ok(record) => Self(record),
            Err(error) => panic!("no record in stable memory: {error}"),
        }
    }
}
