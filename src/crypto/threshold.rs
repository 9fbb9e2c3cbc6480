//! Threshold signatures: shares -> signature, on two sharings made by one key generation.

use crate::types::{
    BlsBytes, ChainId, Digest, Height, NodeIndex, SignatureShare, StateRoot, ThresholdSignature,
    View,
};

/// What is signed. Each kind has its own domain separator, so that no signature of one kind is
/// valid as another; `Certification` signs exactly `\x0Dic-state-root` · root, as IC clients check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Statement {
    Notarize {
        view: View,
        block: Digest,
    },
    Nullify {
        view: View,
    },
    Finalize {
        view: View,
        block: Digest,
    },
    /// On the beacon sharing (threshold f+1); all others are on the quorum sharing (threshold n−f).
    Beacon {
        view: View,
    },
    Certify {
        height: Height,
        root: StateRoot,
    },
}

/// This node's signing shares and everybody's public share keys: what a finished key generation leaves.
/// Either real BLS12-381 keys, or the simulator's hash-based stand-in (`Keyring::simulated`).
#[derive(Clone)]
pub struct Keyring(());

/// Shares did not combine.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CombineError {
    #[error("{have} shares, {need} needed")]
    TooFew { have: usize, need: usize },
    #[error("invalid shares of nodes {0:?}")]
    Invalid(Vec<NodeIndex>),
}

impl Keyring {
    /// The simulator's keyrings for `n` nodes: one hash instead of a pairing, same thresholds, same
    /// interface, forgeable by anyone. Only `sim` and tests may call this (tests/tidy.rs).
    pub fn simulated(chain: ChainId, n: usize) -> Vec<Keyring> {
        let _ = (chain, n);
        todo!()
    }
    pub fn chain(&self) -> ChainId {
        todo!()
    }
    pub fn nodes(&self) -> usize {
        todo!()
    }
    pub fn own(&self) -> NodeIndex {
        todo!()
    }
    /// The subnet's root public key, 96 bytes compressed in G2.
    pub fn root_key(&self) -> [u8; 96] {
        todo!()
    }
    /// How many shares `statement` needs.
    pub fn threshold(&self, statement: &Statement) -> usize {
        let _ = statement;
        todo!()
    }
    pub fn sign_share(&self, statement: &Statement) -> SignatureShare {
        let _ = statement;
        todo!()
    }
    pub fn verify_share(
        &self,
        statement: &Statement,
        signer: NodeIndex,
        share: &SignatureShare,
    ) -> bool {
        let _ = (statement, signer, share);
        todo!()
    }
    /// Optimistic: interpolates first, verifies the one result, and looks for culprits only when that
    /// fails. `shares` must name distinct nodes of the committee.
    pub fn combine(
        &self,
        statement: &Statement,
        shares: &[(NodeIndex, SignatureShare)],
    ) -> Result<ThresholdSignature, CombineError> {
        let _ = (statement, shares);
        todo!()
    }
    pub fn verify(&self, statement: &Statement, signature: &ThresholdSignature) -> bool {
        let _ = (statement, signature);
        todo!()
    }
    /// Unpredictable leader of `view`, from the beacon of the view before (`None` for view 1).
    pub fn leader(&self, view: View, beacon: Option<&BlsBytes>) -> NodeIndex {
        let _ = (view, beacon);
        todo!()
    }
}
