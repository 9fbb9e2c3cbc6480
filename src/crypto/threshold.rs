//! Threshold signatures: shares -> signature, on two sharings made by one key generation.

use super::hash::{domain_message, hash_parts};
use super::reader::Reader;
use super::{bls, simulated};
use crate::types::limits::NODES_MAX;
use crate::types::{
    BlsBytes, ChainId, Digest, Epoch, Height, NodeIndex, SignatureShare, StateRoot, ThresholdSignature, View,
    faults_max, quorum,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use zeroize::Zeroizing;

mod dealt;

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
    /// The signature covers the root alone; the height is for people. A root names its height, for the
    /// state's time is in it.
    Certify {
        height: Height,
        root: StateRoot,
    },
}

impl Statement {
    /// The view that it is about.
    fn view(&self) -> Option<View> {
        match self {
            Statement::Notarize { view, .. }
            | Statement::Nullify { view }
            | Statement::Finalize { view, .. }
            | Statement::Beacon { view } => Some(*view),
            Statement::Certify { .. } => None,
        }
    }

    /// The bytes that are signed (room rules 1 and 2).
    fn message(&self, chain: &ChainId) -> Vec<u8> {
        match self {
            Statement::Notarize { view, block } => {
                domain_message("atoll-notarize", &[&chain.0, &view.0.to_be_bytes(), &block.0])
            }
            Statement::Nullify { view } => {
                domain_message("atoll-nullify", &[&chain.0, &view.0.to_be_bytes()])
            }
            Statement::Finalize { view, block } => {
                domain_message("atoll-finalize", &[&chain.0, &view.0.to_be_bytes(), &block.0])
            }
            Statement::Beacon { view } => domain_message("atoll-beacon", &[&chain.0, &view.0.to_be_bytes()]),
            Statement::Certify { height: _, root } => domain_message("ic-state-root", &[&root.0.0]),
        }
    }
}

/// This node's signing shares and everybody's public share keys: what a finished key generation leaves.
/// Either real BLS12-381 keys, or the simulator's hash-based stand-in (`Keyring::simulated`).
#[derive(Clone)]
pub struct Keyring(Arc<Keys>);

struct Keys {
    chain: ChainId,
    epoch: Epoch,
    nodes: usize,
    own: NodeIndex,
    quorum: Sharing,
    beacon: Sharing,
}

enum Sharing {
    Bls(bls::Sharing),
    Simulated(simulated::Sharing),
}

/// Shares did not combine.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CombineError {
    #[error("{have} shares, {need} needed")]
    TooFew { have: usize, need: usize },
    /// Not of this committee, given twice, or not over this statement.
    #[error("invalid shares of nodes {0:?}")]
    Invalid(Vec<NodeIndex>),
}

/// Bytes that are not a keyring.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyringError {
    #[error("unknown keyring format {0}, this program knows {FORMAT}")]
    Format(u8),
    #[error("cut short, too long, or keys that do not belong together")]
    Damaged,
    #[error("a keyring of chain {found}, but the genesis names chain {expected}")]
    Chain { found: ChainId, expected: ChainId },
}

/// How many pairing checks this process has done, whatever for. For metrics.
pub fn pairing_checks() -> u64 {
    bls::checks()
}

/// First byte of a keyring on disk.
const FORMAT: u8 = 2;

/// The place of a node that is not of the committee.
const NOWHERE: NodeIndex = NodeIndex(u16::MAX);

impl Keyring {
    /// The simulator's keyrings for `n` nodes: one hash instead of a pairing, same thresholds, same
    /// interface, forgeable by anyone. Only `sim` and tests may call this (tests/tidy.rs).
    pub fn simulated(chain: ChainId, n: usize) -> Vec<Keyring> {
        Keyring::simulated_of(chain, n, quorum(n))
    }

    /// The same with another number of shares for a quorum: a mistake that the simulator must find.
    #[cfg(test)]
    pub fn simulated_with_quorum(chain: ChainId, n: usize, quorum: usize) -> Vec<Keyring> {
        Keyring::simulated_of(chain, n, quorum)
    }

    fn simulated_of(chain: ChainId, n: usize, quorum: usize) -> Vec<Keyring> {
        let indexes = (0..=u16::MAX).map(NodeIndex).take(n);
        indexes.map(|own| Keyring::simulated_at(chain, Epoch::ZERO, n, Some(own), quorum)).collect()
    }

    /// The simulator's keyring of one node in any epoch. A threshold of `quorum` is checked by nobody.
    pub(super) fn simulated_at(
        chain: ChainId,
        epoch: Epoch,
        n: usize,
        own: Option<NodeIndex>,
        quorum: usize,
    ) -> Keyring {
        let sharing = |name, threshold| {
            Sharing::Simulated(simulated::Sharing::new(&chain, epoch, name, threshold, n, own))
        };
        let (quorum, beacon) = (sharing("quorum", quorum), sharing("beacon", faults_max(n) + 1));
        Keyring(Arc::new(Keys { chain, epoch, nodes: n, own: own.unwrap_or(NOWHERE), quorum, beacon }))
    }

    /// The keys that a key generation (`dkg`) or a resharing (`reshare`) made.
    pub(super) fn real(
        (chain, epoch): (ChainId, Epoch),
        nodes: usize,
        own: Option<NodeIndex>,
        quorum: bls::Sharing,
        beacon: bls::Sharing,
    ) -> Keyring {
        let (quorum, beacon) = (Sharing::Bls(quorum), Sharing::Bls(beacon));
        Keyring(Arc::new(Keys { chain, epoch, nodes, own: own.unwrap_or(NOWHERE), quorum, beacon }))
    }

    /// The epoch whose shares these are. Nothing about a view of another epoch is signed with them, and no
    /// share about one counts.
    pub fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    /// Whether this node holds shares. Without, it can check what others sign, and no more.
    pub fn signs(&self) -> bool {
        match (&self.0.quorum, &self.0.beacon) {
            (Sharing::Bls(quorum), Sharing::Bls(beacon)) => {
                quorum.secret().is_some() && beacon.secret().is_some()
            }
            _ => self.0.own != NOWHERE,
        }
    }

    /// The secret shares and public shares of both keys, of quorum and beacon; `None` if simulated.
    pub(super) fn sharings(&self) -> Option<[&bls::Sharing; 2]> {
        match (&self.0.quorum, &self.0.beacon) {
            (Sharing::Bls(quorum), Sharing::Bls(beacon)) => Some([quorum, beacon]),
            _ => None,
        }
    }

    /// How many shares a quorum is, for a simulated successor that repeats a planted mistake.
    pub(super) fn quorum_threshold(&self) -> usize {
        self.threshold(&Statement::Nullify { view: View::ZERO })
    }

    /// Whether `statement` may be signed in this epoch.
    fn is_of_epoch(&self, statement: &Statement) -> bool {
        statement.view().is_none_or(|view| view.epoch() == self.0.epoch)
    }

    /// The name of the chain whose keys these are.
    pub fn chain(&self) -> ChainId {
        self.0.chain
    }

    /// Size of the committee.
    pub fn nodes(&self) -> usize {
        self.0.nodes
    }

    /// This node's place in the committee; past the end of it, if it is not of the committee.
    pub fn own(&self) -> NodeIndex {
        self.0.own
    }

    /// The subnet's root public key, 96 bytes compressed in G2.
    pub fn root_key(&self) -> [u8; 96] {
        match &self.0.quorum {
            Sharing::Bls(sharing) => sharing.group().to_bytes(),
            Sharing::Simulated(sharing) => sharing.group(),
        }
    }

    /// How many shares `statement` needs.
    pub fn threshold(&self, statement: &Statement) -> usize {
        match self.sharing(statement) {
            Sharing::Bls(sharing) => sharing.threshold(),
            Sharing::Simulated(sharing) => sharing.threshold(),
        }
    }

    /// This node's share of the signature on `statement`. What is no share, and counts nowhere, if this node
    /// holds none ([`Keyring::signs`]), or if the statement is of another epoch.
    pub fn sign_share(&self, statement: &Statement) -> SignatureShare {
        if !self.is_of_epoch(statement) {
            return BlsBytes([0; 48]);
        }
        let message = statement.message(&self.0.chain);
        match self.sharing(statement) {
            Sharing::Bls(sharing) => sharing.sign(&message),
            Sharing::Simulated(sharing) => sharing.sign(&message),
        }
    }

    /// Whether `share` is `signer`'s share of the signature on `statement`, which is of this epoch.
    pub fn verify_share(&self, statement: &Statement, signer: NodeIndex, share: &SignatureShare) -> bool {
        if !self.is_of_epoch(statement) {
            return false;
        }
        let message = statement.message(&self.0.chain);
        match self.sharing(statement) {
            Sharing::Bls(sharing) => sharing.verify_share(&message, signer, share),
            Sharing::Simulated(sharing) => sharing.verify_share(&message, signer, share),
        }
    }

    /// Optimistic: interpolates first, verifies the one result, and looks for culprits only when that
    /// fails. `shares` must name distinct nodes of the committee; the first `threshold` of them are used.
    pub fn combine(
        &self,
        statement: &Statement,
        shares: &[(NodeIndex, SignatureShare)],
    ) -> Result<ThresholdSignature, CombineError> {
        let used = self.enough(statement, shares)?;
        let message = statement.message(&self.0.chain);
        let combined = match self.sharing(statement) {
            Sharing::Bls(sharing) => sharing.combine(&message, used),
            Sharing::Simulated(sharing) => sharing.combine(&message, used),
        };
        combined.ok_or_else(|| {
            let invalid =
                shares.iter().filter(|(signer, share)| !self.verify_share(statement, *signer, share));
            CombineError::Invalid(invalid.map(|(signer, _)| *signer).collect())
        })
    }

    /// Two signatures for one check of both: `None` if there are too few shares, or if anything is wrong
    /// with any of those used, which [`Keyring::combine`] then names.
    pub fn combine_both(
        &self,
        first: (&Statement, &[(NodeIndex, SignatureShare)]),
        second: (&Statement, &[(NodeIndex, SignatureShare)]),
    ) -> Option<(ThresholdSignature, ThresholdSignature)> {
        let shares = (self.enough(first.0, first.1).ok()?, self.enough(second.0, second.1).ok()?);
        let messages = (first.0.message(&self.0.chain), second.0.message(&self.0.chain));
        match (self.sharing(first.0), self.sharing(second.0)) {
            (Sharing::Bls(one), Sharing::Bls(other)) => {
                let (one, other) = (one.claim(&messages.0, shares.0)?, other.claim(&messages.1, shares.1)?);
                let bytes = |claim: &bls::Claim<'_>| BlsBytes(claim.signature.to_compressed());
                bls::verify_both(&one, &other).then(|| (bytes(&one), bytes(&other)))
            }
            (Sharing::Simulated(one), Sharing::Simulated(other)) => {
                Some((one.combine(&messages.0, shares.0)?, other.combine(&messages.1, shares.1)?))
            }
            _ => None,
        }
    }

    /// The first `threshold` of `shares`, whose signers are distinct and of the committee.
    fn enough<'a>(
        &self,
        statement: &Statement,
        shares: &'a [(NodeIndex, SignatureShare)],
    ) -> Result<&'a [(NodeIndex, SignatureShare)], CombineError> {
        if !self.is_of_epoch(statement) {
            return Err(CombineError::Invalid(shares.iter().map(|(signer, _)| *signer).collect()));
        }
        self.check_signers(shares)?;
        let need = self.threshold(statement);
        shares.get(..need).ok_or(CombineError::TooFew { have: shares.len(), need })
    }

    /// Every signer is of the committee, and none is named twice.
    fn check_signers(&self, shares: &[(NodeIndex, SignatureShare)]) -> Result<(), CombineError> {
        let mut seen = BTreeSet::new();
        let signers = shares.iter().map(|(signer, _)| *signer);
        let wrong: Vec<NodeIndex> =
            signers.filter(|signer| usize::from(signer.0) >= self.0.nodes || !seen.insert(*signer)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(CombineError::Invalid(wrong)) }
    }

    /// Whether `signature` is the subnet's on `statement`. The key is one for all epochs: that a certificate
    /// is of the epoch in which it is used is for the caller to see to, by its view.
    pub fn verify(&self, statement: &Statement, signature: &ThresholdSignature) -> bool {
        let message = statement.message(&self.0.chain);
        match self.sharing(statement) {
            Sharing::Bls(sharing) => sharing.group().verify(&message, signature),
            Sharing::Simulated(sharing) => sharing.verify(&message, signature),
        }
    }

    /// Leader of `view`, drawn by the beacon of the view before (`None` for view 1, which the name of
    /// the chain draws). Nobody can tell a later view's leader before f+1 nodes signed the beacon.
    pub fn leader(&self, view: View, beacon: Option<&BlsBytes>) -> NodeIndex {
        let draw = beacon.map_or(&[][..], |beacon| &beacon.0);
        let hash = hash_parts("atoll-leader", &[&self.0.chain.0, &view.0.to_be_bytes(), draw]);
        let [a, b, c, d, e, f, g, h, ..] = hash.0;
        let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % (self.0.nodes as u64).max(1);
        NodeIndex(u16::try_from(number).unwrap_or(0))
    }

    fn sharing(&self, statement: &Statement) -> &Sharing {
        match statement {
            Statement::Beacon { .. } => &self.0.beacon,
            _ => &self.0.quorum,
        }
    }

    /// The keyring for its file: format, chain, epoch, nodes, own index, the two sharings. A simulated one has
    /// no such form and gives the header alone, which `from_bytes` refuses.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let Keys { chain, epoch, nodes, own, quorum, beacon } = &*self.0;
        // Room for everything at once: a vector that grows leaves copies of secrets behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(256 + nodes * 2 * 96));
        bytes.push(FORMAT);
        bytes.extend_from_slice(&chain.0);
        bytes.extend_from_slice(&epoch.0.to_be_bytes());
        bytes.extend_from_slice(&(*nodes as u16).to_be_bytes());
        bytes.extend_from_slice(&own.0.to_be_bytes());
        for sharing in [quorum, beacon] {
            if let Sharing::Bls(sharing) = sharing {
                sharing.encode(&mut bytes);
            }
        }
        bytes
    }

    /// Reads what `to_bytes` wrote, checks that its keys belong together, and that they are `chain`'s.
    pub fn from_bytes(bytes: &[u8], chain: ChainId) -> Result<Keyring, KeyringError> {
        match bytes.first() {
            Some(&FORMAT) => {}
            Some(format) => return Err(KeyringError::Format(*format)),
            None => return Err(KeyringError::Damaged),
        }
        let keyring = Keyring::decode(bytes).ok_or(KeyringError::Damaged)?;
        let found = keyring.chain();
        if found == chain { Ok(keyring) } else { Err(KeyringError::Chain { found, expected: chain }) }
    }

    fn decode(bytes: &[u8]) -> Option<Keyring> {
        let mut reader = Reader::new(bytes);
        let [_format] = reader.array()?;
        let chain = Digest(reader.array()?);
        let epoch = Epoch(u64::from_be_bytes(reader.array()?));
        let nodes = reader.count(NODES_MAX)?;
        let own = NodeIndex(u16::from_be_bytes(reader.array()?));
        if own != NOWHERE && usize::from(own.0) >= nodes {
            return None;
        }
        let quorum_sharing = bls::Sharing::decode(&mut reader, nodes, own)?;
        let beacon_sharing = bls::Sharing::decode(&mut reader, nodes, own)?;
        let thresholds = (quorum_sharing.threshold(), beacon_sharing.threshold());
        let own = Some(own).filter(|own| *own != NOWHERE);
        let keyring = Keyring::real((chain, epoch), nodes, own, quorum_sharing, beacon_sharing);
        reader.finish(keyring).filter(|_| thresholds == (quorum(nodes), faults_max(nodes) + 1))
    }
}

#[cfg(test)]
mod tests;
