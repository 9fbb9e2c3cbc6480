//! Chains of delegations: from the key that is the sender to the key that signed the request.

use super::authenticate::AuthError;
use super::batch::{Check, Claimed, Complaint};
use super::key::SenderKey;
use crate::encoding::cbor::{Permissions, SignedDelegation};
use crate::types::{Principal, Time};
use std::collections::BTreeSet;

/// Where a chain of delegations ends.
pub(super) struct Chain {
    /// The key that must have signed the request.
    pub key: SenderKey,
    /// The canisters that every delegation with targets names; `None` when none has targets.
    pub targets: Option<Vec<Principal>>,
}

/// Follows the chain from the sender's key; its length and the number of targets were bounded when it
/// was read.
pub(super) fn follow(
    check: Check<'_>,
    sender: &SenderKey,
    delegations: &[SignedDelegation],
) -> Result<Chain, AuthError> {
    let mut key = sender.clone();
    for (index, delegation) in delegations.iter().enumerate() {
        let message = [b"\x1aic-request-auth-delegation".as_slice(), &delegation.hash.0].concat();
        let signature = delegation.signature.as_slice();
        check(key, Claimed { message, signature, complaint: Complaint::Delegation(index) })?;
        key = SenderKey::from_der(&delegation.pubkey)
            .map_err(|error| AuthError::DelegationKey { index, error })?;
    }
    Ok(Chain { key, targets: common_targets(delegations) })
}

/// What costs no signature check: no key twice, nothing expired.
pub(super) fn check_fresh(
    sender_pubkey: &[u8],
    delegations: &[SignedDelegation],
    now: Time,
) -> Result<(), AuthError> {
    let mut keys = BTreeSet::from([sender_pubkey]);
    for (index, SignedDelegation { pubkey, expiration, .. }) in delegations.iter().enumerate() {
        if !keys.insert(pubkey) {
            return Err(AuthError::DelegationCycle { index });
        }
        if *expiration < now {
            return Err(AuthError::DelegationExpired { index, expiration: *expiration, now });
        }
    }
    Ok(())
}

/// Whether some delegation excludes update calls.
pub(super) fn queries_only(delegations: &[SignedDelegation]) -> bool {
    delegations.iter().any(|delegation| delegation.permissions == Some(Permissions::Queries))
}

fn common_targets(delegations: &[SignedDelegation]) -> Option<Vec<Principal>> {
    let sets = delegations.iter().filter_map(|delegation| delegation.targets.as_ref());
    let sets = sets.map(|targets| targets.iter().copied().collect::<BTreeSet<_>>());
    let common = sets.reduce(|common, targets| &common & &targets)?;
    Some(common.into_iter().collect())
}
