//! The signatures of many calls, checked together.

use super::authenticate::{AuthError, Authenticator, Window};
use super::key::{ProofError, SenderKey};
use crate::crypto::user::{PublicKey, Signed, verify_batch};
use crate::types::{SignedIngress, Time};
use bytes::Bytes;
use rand::{CryptoRng, RngCore};

/// What becomes of a signature on a request or a delegation, when the proof leads up to it: checked now, or
/// noted for a batch.
pub(super) type Check<'a> = &'a mut dyn FnMut(SenderKey, Claimed<'_>) -> Result<(), AuthError>;

/// What a key is said to have signed.
pub(super) struct Claimed<'a> {
    pub message: Vec<u8>,
    pub signature: &'a [u8],
    /// What the call is refused for if it did not.
    pub complaint: Complaint,
}

/// The complaint about a signature.
#[derive(Clone, Copy)]
pub(super) enum Complaint {
    Request,
    Delegation(usize),
}

impl Complaint {
    /// With the reason.
    pub fn about(self, error: ProofError) -> AuthError {
        match self {
            Complaint::Request => AuthError::Signature(error),
            Complaint::Delegation(index) => AuthError::DelegationSignature { index, error },
        }
    }
}

/// A signature that is checked together with others: which call's, by which key, of what.
struct Noted {
    call: usize,
    key: PublicKey,
    message: Vec<u8>,
    signature: Vec<u8>,
    complaint: Complaint,
}

impl Authenticator {
    /// Authenticates calls that came in at `now`, their plain signatures together: less than half the
    /// work of one by one ([`verify_batch`]). The answers are those of
    /// [`Authenticator::authenticate_call`], in order; `rng` only weighs.
    pub fn authenticate_calls(
        &self,
        envelopes: Vec<Bytes>,
        now: Time,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Vec<Result<SignedIngress, AuthError>> {
        self.authenticate_together(envelopes, Window::arrival(now), rng)
    }

    /// The same for calls that blocks carry: the answers are those of [`Authenticator::authenticate_body`].
    pub fn authenticate_bodies(
        &self,
        envelopes: Vec<Bytes>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Vec<Result<SignedIngress, AuthError>> {
        self.authenticate_together(envelopes, Window::ANY, rng)
    }

    fn authenticate_together(
        &self,
        envelopes: Vec<Bytes>,
        window: Window,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Vec<Result<SignedIngress, AuthError>> {
        let mut noted = Vec::new();
        let judge = |(call, envelope)| {
            let mut later = |key, claimed: Claimed<'_>| match key {
                SenderKey::Plain(key) => {
                    let Claimed { message, signature, complaint } = claimed;
                    noted.push(Noted { call, key, message, signature: signature.to_vec(), complaint });
                    Ok(())
                }
                other => self.check_now(&other, &claimed),
            };
            self.authenticate_call_in(envelope, window, &mut later).map(|(_, ingress)| ingress)
        };
        let mut calls: Vec<_> = envelopes.into_iter().enumerate().map(judge).collect();
        let signed =
            noted.iter().map(|Noted { key, message, signature, .. }| Signed { key, message, signature });
        let verdicts = verify_batch(&signed.collect::<Vec<_>>(), rng);
        // The last first, so that of each call the first complaint stays; any other came after what was noted.
        for (noted, verdict) in noted.iter().zip(verdicts).rev() {
            if let (Some(call), Err(error)) = (calls.get_mut(noted.call), verdict) {
                *call = Err(noted.complaint.about(error.into()));
            }
        }
        calls
    }
}
