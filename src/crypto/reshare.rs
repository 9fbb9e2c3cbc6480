//! Resharing: fresh shares of the same two keys for the committee of the next epoch. Pure arithmetic; which
//! dealings count is decided on the chain (`membership`).
//!
//! Every member deals its own share of each sharing out again, by a random polynomial with that share as its
//! constant term. Whoever multiplies what it got from a set of dealers by their Lagrange factors and adds it
//! up has a share of the same key on a fresh polynomial. Shares of two epochs lie on different polynomials and
//! combine to nothing.
//!
//! 1. A polynomial has exactly the degree of the next committee's threshold less one; no coefficient is zero.
//! 2. Commitments are in G2, so that the next public shares follow from them; the constant term is the
//!    dealer's public share of this epoch, which everybody knows.
//! 3. The dealer signs the whole dealing with each of its two shares, over chain, epoch, its own place and the
//!    next committee. So a dealing is of its dealer, and is for nothing else.
//! 4. Each share is encrypted to its receiver under a label: chain, epoch, dealer, receiver, sharing
//!    ([`cipher`]). A ciphertext that is taken over from another's dealing is no ciphertext.
//! 5. All but the encrypted shares can be checked by everybody. A receiver whose share is bad shows the one
//!    secret that opens it ([`Complaint`]): then everybody can judge. A false complaint is known as false.
//! 6. A dealing names the key to which its dealer's shares of the epoch after the next are to be encrypted.
//!    Secret keys of both kinds are forgotten with their epoch, so that no disk and no chain tells the old
//!    shares afterwards.
//! 7. A dealing is a function of its seed.

mod cipher;
mod public_shares;
mod shared;
mod simulated;

#[cfg(test)]
mod tests;

pub use public_shares::PublicShares;

use self::shared::{Label, Shared};
use super::bls;
use super::dkg::Kind;
use super::hash::{domain_message, hash_parts};
use super::node_key::{Committee, EncryptionKey, is_encryption_key};
use super::reader::Reader;
use super::seed::SeedStream;
use super::threshold::Keyring;
use crate::types::limits::{DEALING_BYTES_MAX, NODES_MAX};
use crate::types::{BlsBytes, ChainId, Digest, Epoch, NodeIndex, quorum};
use blst::min_sig::SecretKey;
use std::collections::BTreeSet;
use threshold_crypto::PK_SIZE;
use zeroize::Zeroizing;

/// The dealing of the largest committee to the largest fits its bound, whatever the thresholds are.
const _: () = {
    let sharing = 2 + NODES_MAX * (96 + cipher::BYTES);
    assert!(2 * (sharing + 48) + PK_SIZE <= DEALING_BYTES_MAX);
};

/// Bytes of a [`Complaint`].
pub const COMPLAINT_BYTES: usize = 1 + PK_SIZE;

/// What a resharing starts from and leads to; equal on all nodes.
#[derive(Clone)]
pub struct Terms {
    pub chain: ChainId,
    /// The epoch of the dealers.
    pub epoch: Epoch,
    /// The public shares of that epoch.
    pub dealers: PublicShares,
    /// The committee of the next epoch.
    pub receivers: Committee,
}

impl Terms {
    fn label(&self, kind: Kind, dealer: NodeIndex) -> Label<'_> {
        Label { chain: &self.chain, epoch: self.epoch, dealer, kind }
    }

    /// What the dealer signs with both of its shares (rule 3).
    fn claim(&self, kind: Kind, dealer: NodeIndex, body: &[u8]) -> Vec<u8> {
        let (epoch, place) = (self.epoch.0.to_be_bytes(), dealer.0.to_be_bytes());
        let (receivers, body) = (self.receivers.digest(), hash_parts("atoll-reshare-body", &[body]));
        let parts: [&[u8]; 6] = [&self.chain.0, &epoch, &place, &[kind as u8], &receivers.0, &body.0];
        domain_message("atoll-reshare", &parts)
    }
}

/// What is wrong with a dealing, or with the keys that come of some.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReshareError {
    #[error("the dealing is cut short or too long")]
    Size,
    #[error("its dealer is not of the committee")]
    Dealer,
    #[error("a polynomial of degree {found}, {expected} expected")]
    Degree { found: usize, expected: usize },
    #[error("a commitment that is no point of G2's subgroup, or the identity")]
    Point,
    #[error("a constant term that is not the dealer's share")]
    Constant,
    #[error("an encryption key that is none")]
    EncryptionKey,
    #[error("not signed by the dealer's shares for this chain, epoch, place and committee")]
    Proof,
    #[error("two dealings of one dealer")]
    Twice,
    #[error("{have} dealings, {need} needed")]
    TooFew { have: usize, need: usize },
    #[error("dealings that do not add up to the key")]
    Degenerate,
}

/// Deals this node's shares out again (rule 7). The seed must be fresh for the epoch, secret, and kept until
/// the epoch is over. `None` without shares, or when real and simulated keys are mixed.
pub fn deal(seed: &[u8; 32], terms: &Terms, keyring: &Keyring) -> Option<Vec<u8>> {
    let dealer = keyring.own();
    let Some(sharings) = keyring.sharings() else {
        return keyring.signs().then(|| simulated::deal(terms, dealer, &[]));
    };
    let seed = hash_parts("atoll-reshare-seed", &[seed, &terms.chain.0, &terms.epoch.0.to_be_bytes()]);
    let mut stream = SeedStream::new(&hash_parts("atoll-reshare", &[&seed.0, &terms.receivers.digest().0]));
    let mut bytes = Vec::new();
    for (kind, sharing) in [Kind::Quorum, Kind::Beacon].into_iter().zip(sharings) {
        let label = terms.label(kind, dealer);
        bytes.extend(shared::encode(&label, sharing.secret()?, &terms.receivers, &mut stream)?);
    }
    bytes.extend(derive_encryption_key(&seed).public_key());
    let body = bytes.clone();
    for (kind, sharing) in [Kind::Quorum, Kind::Beacon].into_iter().zip(sharings) {
        bytes.extend(bls::sign(sharing.secret()?, &terms.claim(kind, dealer, &body)).0);
    }
    Some(bytes)
}

/// A simulated dealing that is bad for `victims`, as a sinner makes it.
pub fn deal_badly(terms: &Terms, dealer: NodeIndex, victims: &[NodeIndex]) -> Vec<u8> {
    simulated::deal(terms, dealer, victims)
}

/// The secret key that belongs to what [`deal`] names with the same seed (rule 6).
pub fn next_encryption_key(seed: &[u8; 32], chain: &ChainId, epoch: Epoch) -> EncryptionKey {
    derive_encryption_key(&hash_parts("atoll-reshare-seed", &[seed, &chain.0, &epoch.0.to_be_bytes()]))
}

fn derive_encryption_key(seed: &Digest) -> EncryptionKey {
    EncryptionKey::generate(&mut SeedStream::new(&hash_parts("atoll-next-encryption-key", &[&seed.0])))
}

/// A dealing of which everything holds that everybody can check.
#[derive(Clone)]
pub struct Dealing {
    dealer: NodeIndex,
    content: Content,
}

#[derive(Clone)]
enum Content {
    Bls { shared: Box<[Shared; 2]>, next_encryption: [u8; PK_SIZE] },
    Simulated(simulated::Dealing),
}

impl Dealing {
    /// Reads and checks what `dealer` dealt (rules 1 to 3).
    ///
    /// # Errors
    /// [`ReshareError`], which convicts the dealer: the dealing is not to be used.
    pub fn decode(bytes: &[u8], terms: &Terms, dealer: NodeIndex) -> Result<Dealing, ReshareError> {
        let keys = match terms.dealers.of(dealer) {
            Some(keys) => keys,
            None if terms.dealers.is_simulated() => {
                let content = Content::Simulated(simulated::Dealing::decode(bytes, terms, dealer)?);
                return Ok(Dealing { dealer, content });
            }
            None => return Err(ReshareError::Dealer),
        };
        let mut reader = Reader::new(bytes);
        let nodes = terms.receivers.nodes();
        let [quorum_key, beacon_key] = keys;
        let quorum = Shared::decode(&mut reader, Kind::Quorum.threshold(nodes), quorum_key, nodes)?;
        let beacon = Shared::decode(&mut reader, Kind::Beacon.threshold(nodes), beacon_key, nodes)?;
        let next_encryption = reader.array().ok_or(ReshareError::Size)?;
        let proofs = [reader.array(), reader.array()];
        let [Some(quorum_proof), Some(beacon_proof)] = reader.finish(proofs).ok_or(ReshareError::Size)?
        else {
            return Err(ReshareError::Size);
        };
        if !is_encryption_key(&next_encryption) {
            return Err(ReshareError::EncryptionKey);
        }
        let body = bytes.get(..bytes.len().saturating_sub(2 * 48)).ok_or(ReshareError::Size)?;
        let signed = |kind, key: &bls::PublicKey, proof| {
            key.verify(&terms.claim(kind, dealer, body), &BlsBytes(proof))
        };
        if !signed(Kind::Quorum, quorum_key, quorum_proof) || !signed(Kind::Beacon, beacon_key, beacon_proof)
        {
            return Err(ReshareError::Proof);
        }
        let content = Content::Bls { shared: Box::new([quorum, beacon]), next_encryption };
        Ok(Dealing { dealer, content })
    }

    /// Who dealt.
    pub fn dealer(&self) -> NodeIndex {
        self.dealer
    }

    /// The key to which the dealer's shares of the epoch after the next are to be encrypted; none if
    /// simulated.
    pub fn next_encryption_key(&self) -> Option<[u8; PK_SIZE]> {
        match &self.content {
            Content::Bls { next_encryption, .. } => Some(*next_encryption),
            Content::Simulated(_) => None,
        }
    }

    /// What `receiver` has to say against its shares of this dealing, if they are bad (rule 5).
    pub fn complain(&self, terms: &Terms, receiver: NodeIndex, key: &EncryptionKey) -> Option<Complaint> {
        match &self.content {
            Content::Bls { shared, .. } => {
                let kinds = [Kind::Quorum, Kind::Beacon].into_iter().zip(shared.iter());
                let mut bad = kinds.filter(|(kind, shared)| {
                    shared.open(&terms.label(*kind, self.dealer), receiver, key).is_none()
                });
                let (kind, shared) = bad.next()?;
                let point = shared.reveal(&terms.label(kind, self.dealer), receiver, key);
                Some(Complaint { kind, point })
            }
            Content::Simulated(dealing) => dealing.complain(receiver),
        }
    }

    /// Whether `complaint` proves that this dealing's shares for `receiver` are bad.
    pub fn is_convicted_by(&self, terms: &Terms, receiver: NodeIndex, complaint: &Complaint) -> bool {
        match &self.content {
            Content::Bls { shared, .. } => {
                let [quorum, beacon] = &**shared;
                let shared = if complaint.kind == Kind::Quorum { quorum } else { beacon };
                let label = terms.label(complaint.kind, self.dealer);
                terms.receivers.encryption_key(receiver).is_some_and(|key| {
                    shared.is_convicted_by(&label, receiver, &key.to_bytes(), &complaint.point)
                })
            }
            Content::Simulated(dealing) => dealing.complain(receiver).as_ref() == Some(complaint),
        }
    }
}

/// A receiver's word that its share of one sharing is bad, with the secret that opens this share and no
/// other: the receiver's key times the ciphertext's point. It proves itself by a pairing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Complaint {
    kind: Kind,
    point: [u8; PK_SIZE],
}

impl Complaint {
    /// The kind of sharing, and the point.
    pub fn to_bytes(self) -> [u8; COMPLAINT_BYTES] {
        let mut bytes = [self.kind as u8; COMPLAINT_BYTES];
        bytes[1..].copy_from_slice(&self.point);
        bytes
    }

    /// Reads what [`Complaint::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Complaint> {
        let mut reader = Reader::new(bytes);
        let [kind] = reader.array()?;
        let kind = match kind {
            0 => Kind::Quorum,
            1 => Kind::Beacon,
            _ => return None,
        };
        let point = reader.array()?;
        reader.finish(Complaint { kind, point })
    }
}

/// Distinct dealers, and as many as a quorum of their committee.
fn check_dealers(terms: &Terms, dealings: &[Dealing]) -> Result<Vec<NodeIndex>, ReshareError> {
    let dealers: Vec<NodeIndex> = dealings.iter().map(|dealing| dealing.dealer).collect();
    if dealers.iter().collect::<BTreeSet<_>>().len() != dealers.len() {
        return Err(ReshareError::Twice);
    }
    let (have, need) = (dealers.len(), quorum(terms.dealers.nodes()));
    if have < need { Err(ReshareError::TooFew { have, need }) } else { Ok(dealers) }
}

/// The public shares of the next epoch: what `dealings` add up to.
///
/// # Errors
/// Too few dealings, or two of one dealer.
pub fn next_public_shares(terms: &Terms, dealings: &[Dealing]) -> Result<PublicShares, ReshareError> {
    let dealers = check_dealers(terms, dealings)?;
    let nodes = terms.receivers.nodes();
    if terms.dealers.is_simulated() {
        return Ok(PublicShares::simulated(nodes, terms.dealers.excess()));
    }
    let shared = |kind: Kind| dealings.iter().map(move |dealing| dealing.shared(kind));
    let keys = |kind: Kind| {
        let parts = shared(kind).collect::<Option<Vec<&Shared>>>()?;
        shared::next_keys(&dealers, &parts, nodes)
    };
    let (quorum, beacon) = (keys(Kind::Quorum), keys(Kind::Beacon));
    PublicShares::new(quorum.ok_or(ReshareError::Degenerate)?, beacon.ok_or(ReshareError::Degenerate)?)
        .ok_or(ReshareError::Degenerate)
}

/// The keyring of the next epoch, whose public shares are `shares` ([`next_public_shares`]): with secret
/// shares for member `own`, if the dealings give it good ones; else one that can only check.
///
/// # Errors
/// As [`next_public_shares`], or `shares` that are not of the same key.
pub fn next_keyring(
    terms: &Terms,
    dealings: &[Dealing],
    shares: &PublicShares,
    own: Option<(NodeIndex, &EncryptionKey)>,
) -> Result<Keyring, ReshareError> {
    let dealers = check_dealers(terms, dealings)?;
    if let Some(excess) = shares.is_simulated().then(|| shares.excess()) {
        let good = |own: &NodeIndex| dealings.iter().all(|dealing| dealing.is_good_for(*own));
        let own = own.map(|(own, _)| own).filter(good);
        return Ok(simulated::keyring(terms.chain, terms.epoch.next(), shares.nodes(), own, excess));
    }
    let secret = |kind: Kind| -> Option<SecretKey> {
        let (place, key) = own?;
        let share =
            |dealing: &Dealing| dealing.shared(kind)?.open(&terms.label(kind, dealing.dealer), place, key);
        shared::next_secret(&dealers, dealings.iter().map(share))
    };
    let secrets = secret(Kind::Quorum).zip(secret(Kind::Beacon));
    let place = own.map(|(place, _)| place);
    shares
        .keyring(terms.chain, terms.epoch.next(), place, secrets)
        .filter(|keyring| terms.dealers.is_same_key(keyring))
        .ok_or(ReshareError::Degenerate)
}

impl Dealing {
    fn shared(&self, kind: Kind) -> Option<&Shared> {
        match &self.content {
            Content::Bls { shared, .. } => shared.get(kind as usize),
            Content::Simulated(_) => None,
        }
    }

    fn is_good_for(&self, receiver: NodeIndex) -> bool {
        match &self.content {
            Content::Simulated(dealing) => dealing.complain(receiver).is_none(),
            Content::Bls { .. } => false,
        }
    }
}

/// 32 bytes that are wiped when they are dropped.
type SecretBytes = Zeroizing<[u8; 32]>;
