//! Who the peers are, and where this node reaches them.

use super::NodeError;
use super::config::{Config, ConfigError, indexes};
use super::known::KnownMembers;
use crate::crypto::node_key::Committee;
use crate::membership::Succession;
use crate::net::{Member, Membership, Net};
use crate::types::{ChainId, Epoch, Genesis, GenesisNode, NewEpoch, NodeIndex};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What does not change about this node's view of its peers, and its place among them.
#[derive(Clone)]
pub struct PeerBook {
    chain: ChainId,
    identity: [u8; 32],
    /// Addresses that differ, seen from here, from those on the cards, by identity key.
    overrides: BTreeMap<String, String>,
    /// What the operator says, until the own chain is as far.
    known: Option<Arc<KnownMembers>>,
    own: Arc<Mutex<Option<NodeIndex>>>,
}

impl PeerBook {
    /// # Errors
    /// An override for a node that the genesis does not name; a file of members that cannot be used.
    pub fn new(
        config: &Config,
        genesis: &Genesis,
        chain: ChainId,
        identity: [u8; 32],
    ) -> Result<PeerBook, ConfigError> {
        let addresses = config.addresses(genesis)?;
        let named = genesis.nodes.iter().zip(addresses);
        let overrides = named.map(|(node, address)| (node.identity_key.clone(), address)).collect();
        let known = config.members.as_deref().map(KnownMembers::load).transpose()?.map(Arc::new);
        Ok(PeerBook { chain, identity, overrides, known, own: Arc::default() })
    }

    /// These nodes, in the order of their places.
    ///
    /// # Errors
    /// A key that is none.
    fn membership(&self, nodes: &[GenesisNode]) -> Result<Membership, NodeError> {
        let committee = Committee::from_nodes(nodes)?;
        let own = committee.index_of(&self.identity);
        *self.own.lock().unwrap_or_else(PoisonError::into_inner) = own;
        let keys = indexes(nodes.len()).filter_map(|index| committee.tls_key(index));
        let address = |node: &GenesisNode| {
            let other = self.overrides.get(&node.identity_key);
            other.unwrap_or(&node.address).clone()
        };
        let nodes = keys.zip(nodes).map(|(tls_key, node)| Member { tls_key, address: address(node) });
        Ok(Membership { chain: self.chain, own, nodes: nodes.collect() })
    }

    /// Those whom the stored chain names, or genesis where there is none.
    ///
    /// # Errors
    /// A key that is none.
    pub fn first(&self, genesis: &Genesis, stored: Option<&Succession>) -> Result<Membership, NodeError> {
        let Some(stored) = stored else { return self.of_epoch(Epoch::ZERO, &genesis.nodes) };
        self.of_epoch(stored.epoch(), &[stored.members(), &stored.guests()].concat())
    }

    /// The members and guests of an epoch are the peers from now on.
    ///
    /// # Errors
    /// A key that is none.
    pub fn meet(&self, net: &Net, opened: &NewEpoch) -> Result<(), NodeError> {
        let nodes = [&opened.members[..], &opened.guests].concat();
        Ok(net.set_members(self.of_epoch(opened.epoch, &nodes)?)?)
    }

    fn of_epoch(&self, epoch: Epoch, nodes: &[GenesisNode]) -> Result<Membership, NodeError> {
        self.membership(self.known.as_ref().map_or(nodes, |known| known.or_later(epoch, nodes)))
    }

    /// This node's place, if it has one.
    pub fn own(&self) -> Option<NodeIndex> {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
