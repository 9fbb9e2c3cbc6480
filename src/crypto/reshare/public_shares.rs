//! Everybody's public shares of both keys in one epoch.

use crate::crypto::bls::{PublicKey, Sharing};
use crate::crypto::dkg::Kind;
use crate::crypto::reader::Reader;
use crate::crypto::threshold::Keyring;
use crate::types::limits::NODES_MAX;
use crate::types::{ChainId, Epoch, NodeIndex, quorum};
use blst::min_sig::SecretKey;
use std::sync::Arc;

/// The public shares of a committee, by node; or, simulated, how many there would be.
#[derive(Clone, PartialEq, Debug)]
pub struct PublicShares(Arc<Shares>);

#[derive(PartialEq, Debug)]
enum Shares {
    Bls(Vec<[PublicKey; 2]>),
    /// `excess`: by how many shares a quorum is more than it must be; 0 but for a planted mistake, which may
    /// be less than nothing.
    Simulated {
        nodes: usize,
        excess: i8,
    },
}

/// First byte of either kind on disk.
const SIMULATED: u8 = 0;
const BLS: u8 = 1;

impl PublicShares {
    /// Those that a keyring holds.
    pub fn of_keyring(keyring: &Keyring) -> PublicShares {
        let nodes = keyring.nodes();
        let Some([quorum_sharing, beacon_sharing]) = keyring.sharings() else {
            let (threshold, least) = (keyring.quorum_threshold() as i64, quorum(nodes) as i64);
            return PublicShares::simulated(nodes, i8::try_from(threshold - least).unwrap_or(0));
        };
        let pairs = quorum_sharing.shares().iter().zip(beacon_sharing.shares());
        PublicShares(Arc::new(Shares::Bls(pairs.map(|(quorum, beacon)| [*quorum, *beacon]).collect())))
    }

    pub(super) fn simulated(nodes: usize, excess: i8) -> PublicShares {
        PublicShares(Arc::new(Shares::Simulated { nodes, excess }))
    }

    pub(super) fn new(quorum: Vec<PublicKey>, beacon: Vec<PublicKey>) -> Option<PublicShares> {
        let fits = quorum.len() == beacon.len();
        let pairs = quorum.into_iter().zip(beacon).map(|(quorum, beacon)| [quorum, beacon]);
        fits.then(|| PublicShares(Arc::new(Shares::Bls(pairs.collect()))))
    }

    /// Size of the committee.
    pub fn nodes(&self) -> usize {
        match &*self.0 {
            Shares::Bls(shares) => shares.len(),
            Shares::Simulated { nodes, .. } => *nodes,
        }
    }

    /// Whether these are the simulator's.
    pub fn is_simulated(&self) -> bool {
        matches!(&*self.0, Shares::Simulated { .. })
    }

    pub(super) fn excess(&self) -> i8 {
        match &*self.0 {
            Shares::Simulated { excess, .. } => *excess,
            Shares::Bls(_) => 0,
        }
    }

    /// A node's shares of quorum and beacon; `None` if it is not of the committee, or simulated.
    pub(super) fn of(&self, node: NodeIndex) -> Option<&[PublicKey; 2]> {
        match &*self.0 {
            Shares::Bls(shares) => shares.get(usize::from(node.0)),
            Shares::Simulated { .. } => None,
        }
    }

    /// The keyring with these public shares; with `secrets`, if they are member `own`'s.
    pub(super) fn keyring(
        &self,
        chain: ChainId,
        epoch: Epoch,
        own: Option<NodeIndex>,
        secrets: Option<(SecretKey, SecretKey)>,
    ) -> Option<Keyring> {
        let Shares::Bls(shares) = &*self.0 else {
            return None;
        };
        let (nodes, own) = (shares.len(), own.filter(|own| usize::from(own.0) < shares.len()));
        let sharing = |kind: Kind, secret: Option<SecretKey>| {
            let keys = shares.iter().filter_map(|pair| pair.get(kind as usize).copied()).collect();
            Sharing::new(kind.threshold(nodes), own.unwrap_or(NodeIndex(u16::MAX)), secret, keys)
        };
        let (quorum_secret, beacon_secret) = secrets.filter(|_| own.is_some()).unzip();
        let quorum = sharing(Kind::Quorum, quorum_secret)?;
        let beacon = sharing(Kind::Beacon, beacon_secret)?;
        Some(Keyring::real((chain, epoch), nodes, own, quorum, beacon))
    }

    /// A keyring that can check signatures of `epoch`, and signs nothing.
    pub fn blind_keyring(&self, chain: ChainId, epoch: Epoch) -> Option<Keyring> {
        match &*self.0 {
            Shares::Bls(_) => self.keyring(chain, epoch, None, None),
            Shares::Simulated { nodes, excess } => {
                Some(super::simulated::keyring(chain, epoch, *nodes, None, *excess))
            }
        }
    }

    /// Whether `keyring` is of the same two keys as these shares.
    pub(super) fn is_same_key(&self, keyring: &Keyring) -> bool {
        let own = self.keyring(keyring.chain(), keyring.epoch(), None, None);
        let groups =
            |keyring: &Keyring| keyring.sharings().map(|[one, other]| [*one.group(), *other.group()]);
        own.is_some_and(|own| groups(&own) == groups(keyring))
    }

    /// For the state's record.
    pub fn to_bytes(&self) -> Vec<u8> {
        let count = (self.nodes() as u16).to_be_bytes();
        match &*self.0 {
            Shares::Simulated { excess, .. } => [&[SIMULATED][..], &count, &excess.to_be_bytes()].concat(),
            Shares::Bls(shares) => {
                let mut bytes = [&[BLS][..], &count].concat();
                shares.iter().flatten().for_each(|key| bytes.extend(key.to_bytes()));
                bytes
            }
        }
    }

    /// Reads what [`PublicShares::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<PublicShares> {
        let mut reader = Reader::new(bytes);
        let [kind] = reader.array()?;
        let nodes = reader.count(NODES_MAX)?;
        let shares = match kind {
            SIMULATED => PublicShares::simulated(nodes, i8::from_be_bytes(reader.array()?)),
            BLS => {
                let mut key = || PublicKey::from_bytes(&reader.array()?);
                let pairs = (0..nodes).map(|_| Some([key()?, key()?])).collect::<Option<_>>()?;
                PublicShares(Arc::new(Shares::Bls(pairs)))
            }
            _ => return None,
        };
        reader.finish(shares)
    }
}
