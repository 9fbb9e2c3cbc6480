//! The state machine.

use super::change::{self, ChangeError};
use super::order::{self, OrderError};
use crate::crypto::node_key::{Committee, EncryptionKey, KeyError};
use crate::crypto::reshare::{
    Complaint, Dealing, PublicShares, ReshareError, Terms, next_keyring, next_public_shares,
};
use crate::crypto::threshold::Keyring;
use crate::types::limits::{COMPLAINT_HEIGHTS, COMPLAINT_PART, DEALING_BYTES_MAX};
use crate::types::{
    ChainId, Digest, Epoch, GenesisNode, Height, MembershipChange, MembershipOrder, NodeIndex, Principal,
    SystemMessage, quorum,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A succession that cannot be: the record is damaged, or this is not the chain it is of.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SuccessionError {
    #[error("the record of the membership is damaged: {0}")]
    Damaged(String),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Reshare(#[from] ReshareError),
}

/// Who the members are, and how far their succession is, after a height.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Succession {
    chain: Digest,
    /// 0: there is no succession.
    epoch_length: u64,
    epoch: Epoch,
    /// The last height of the epoch before.
    start: Height,
    /// Changes of the membership so far.
    version: u64,
    /// Whose orders change the membership, in place of the operators' signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registry: Option<Principal>,
    members: Vec<GenesisNode>,
    #[serde(with = "serde_bytes")]
    shares: Vec<u8>,
    /// The members of the next epoch.
    next: Vec<GenesisNode>,
    /// In the order of the chain.
    dealings: Vec<Dealt>,
    handover: Option<Handover>,
}

/// A good dealing on the chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Dealt {
    dealer: NodeIndex,
    /// The last height at which complaints against it are heard.
    until: Height,
    convicted: bool,
    #[serde(with = "serde_bytes")]
    dealing: Vec<u8>,
}

/// How the shares of this epoch came to be (rule 7).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Handover {
    #[serde(with = "serde_bytes")]
    dealers: Vec<u8>,
    /// The members as the dealers knew them: with the encryption keys of then.
    receivers: Vec<GenesisNode>,
    dealings: Vec<Dealt>,
}

impl Succession {
    /// The first epoch, of the members that genesis names, whose key generation left `shares`.
    pub fn genesis(
        chain: ChainId,
        epoch_length: u64,
        members: Vec<GenesisNode>,
        shares: &PublicShares,
    ) -> Succession {
        Succession {
            chain,
            epoch_length,
            epoch: Epoch::ZERO,
            start: Height::ZERO,
            version: 0,
            registry: None,
            next: members.clone(),
            members,
            shares: shares.to_bytes(),
            dealings: Vec::new(),
            handover: None,
        }
    }

    /// The same, where this canister orders the membership.
    pub fn with_registry(self, registry: Option<Principal>) -> Succession {
        Succession { registry, ..self }
    }

    /// The canister that orders the membership, if there is one.
    pub fn registry(&self) -> Option<Principal> {
        self.registry
    }

    /// For the state's record.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1_024);
        // A vector takes whatever is written to it, and no field fails to be written.
        let written = ciborium::into_writer(self, &mut bytes);
        debug_assert!(written.is_ok());
        bytes
    }

    /// Reads what [`Succession::encode`] wrote.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Succession, SuccessionError> {
        ciborium::from_reader(bytes).map_err(|error| SuccessionError::Damaged(error.to_string()))
    }

    /// The name of the chain.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// Heights of an epoch, at the least; 0 if there is only one.
    pub fn epoch_length(&self) -> u64 {
        self.epoch_length
    }

    /// The epoch that the next height is of.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The last height of the epoch before.
    pub fn start(&self) -> Height {
        self.start
    }

    /// Changes of the membership so far, those of the next epoch included.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many nodes may come, and how many may leave, in this epoch.
    pub fn changes_max(&self) -> u64 {
        change::changes_max(self.members.len()) as u64
    }

    /// The members, in the order of `NodeIndex`.
    pub fn members(&self) -> &[GenesisNode] {
        &self.members
    }

    /// The members of the next epoch, as far as they are known.
    pub fn next_members(&self) -> &[GenesisNode] {
        &self.next
    }

    /// Those who come with the next epoch: until then they listen.
    pub fn guests(&self) -> Vec<GenesisNode> {
        let known =
            |guest: &GenesisNode| self.members.iter().any(|member| member.identity_key == guest.identity_key);
        self.next.iter().filter(|node| !known(node)).cloned().collect()
    }

    /// The members' keys.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn committee(&self) -> Result<Committee, SuccessionError> {
        Ok(Committee::of_kind(self.shares()?.is_simulated(), &self.members)?)
    }

    fn shares(&self) -> Result<PublicShares, SuccessionError> {
        read_shares(&self.shares)
    }

    /// A keyring that can check this epoch's signatures, and signs nothing.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn blind_keyring(&self) -> Result<Keyring, SuccessionError> {
        let keyring = self.shares()?.blind_keyring(self.chain, self.epoch);
        keyring.ok_or_else(|| SuccessionError::Damaged("public shares without a key".into()))
    }

    /// What members deal under in this epoch.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn terms(&self) -> Result<Terms, SuccessionError> {
        terms(self.chain, self.epoch, &self.shares, &self.next)
    }

    /// Whether members deal in a block at `height` (rule 2).
    pub fn is_dealing(&self, height: Height) -> bool {
        let frozen = self.start.0.saturating_add(self.epoch_length / 2);
        self.epoch_length > 0 && height.0 > frozen
    }

    /// Whether the epoch may end at `height`, if its succession is complete.
    pub fn may_end_at(&self, height: Height) -> bool {
        self.epoch_length > 0 && height > self.start && height.0.is_multiple_of(self.epoch_length)
    }

    /// Whether a dealing of this member is on the chain.
    pub fn has_dealt(&self, dealer: NodeIndex) -> bool {
        self.dealings.iter().any(|dealt| dealt.dealer == dealer)
    }

    /// Whether a message like this would change something in a block at `height`, if it is right.
    pub fn awaits(&self, height: Height, message: &SystemMessage) -> bool {
        match message {
            SystemMessage::Dealing { epoch, dealer, .. } => {
                *epoch == self.epoch && self.is_dealing(height) && !self.has_dealt(*dealer)
            }
            SystemMessage::Complaint { epoch, dealer, .. } => {
                let mut dealings = self.dealings.iter();
                *epoch == self.epoch && dealings.any(|dealt| dealt.dealer == *dealer && dealt.is_open(height))
            }
            SystemMessage::Change(change) => {
                self.registry.is_none() && self.check_due(height, change.version).is_ok()
            }
            SystemMessage::Order(message) => {
                let due = |order: order::Order| self.check_due(height, order.version).is_ok();
                self.registry.is_some() && order::read(&message.order).is_ok_and(due)
            }
        }
    }

    /// Whether `message`, in a block at `height`, would change anything. Costs a few pairings for what
    /// looks right; nothing for what is out of time.
    pub fn admits(&self, height: Height, message: &SystemMessage) -> bool {
        self.clone().take(height, message)
    }

    /// What receiver `identity` has to say against the dealings that are not ripe at `height`; nothing, if `key` is not
    /// the one that the members know of it.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn complaints(
        &self,
        height: Height,
        identity: &[u8; 32],
        key: &EncryptionKey,
    ) -> Result<Vec<SystemMessage>, SuccessionError> {
        let place = self.next.iter().position(|node| node.identity_key == hex::encode(identity));
        let receiver = place.and_then(|place| u16::try_from(place).ok()).map(NodeIndex);
        let Some(receiver) = receiver.filter(|_| self.dealings.iter().any(|dealt| dealt.is_open(height)))
        else {
            return Ok(Vec::new());
        };
        let terms = self.terms()?;
        // Shares that were dealt to another key than this node holds say nothing about their dealer.
        if !terms.receivers.is_simulated() && !terms.receivers.encrypts_to(receiver, key) {
            return Ok(Vec::new());
        }
        let mut complaints = Vec::new();
        for dealt in self.dealings.iter().filter(|dealt| dealt.is_open(height)) {
            let dealing = Dealing::decode(&dealt.dealing, &terms, dealt.dealer)?;
            let complaint = dealing.complain(&terms, receiver, key);
            complaints.extend(complaint.map(|complaint| SystemMessage::Complaint {
                epoch: self.epoch,
                dealer: dealt.dealer,
                receiver,
                complaint: complaint.to_bytes().to_vec().into(),
            }));
        }
        Ok(complaints)
    }

    /// Takes a finalized block's messages; heights come one by one. True if anything changed.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn apply(&mut self, height: Height, messages: &[SystemMessage]) -> Result<bool, SuccessionError> {
        let mut changed = false;
        for message in messages {
            changed |= self.take(height, message);
        }
        if self.may_end_at(height) && self.ripe(height).count() >= quorum(self.members.len()) {
            self.hand_over(height)?;
            changed = true;
        }
        Ok(changed)
    }

    /// Rule 3.
    fn take(&mut self, height: Height, message: &SystemMessage) -> bool {
        match message {
            SystemMessage::Dealing { epoch, dealer, dealing } => {
                *epoch == self.epoch && self.take_dealing(height, *dealer, dealing)
            }
            SystemMessage::Complaint { epoch, dealer, receiver, complaint } => {
                *epoch == self.epoch && self.take_complaint(height, *dealer, *receiver, complaint)
            }
            SystemMessage::Change(change) => self.take_members(self.changed(height, change)),
            SystemMessage::Order(order) => self.take_members(self.ordered(height, order)),
        }
    }

    fn take_members(&mut self, changed: Result<Vec<GenesisNode>, ChangeError>) -> bool {
        let Ok(nodes) = changed else { return false };
        self.next = nodes;
        self.version = self.version.saturating_add(1);
        true
    }

    fn take_dealing(&mut self, height: Height, dealer: NodeIndex, bytes: &[u8]) -> bool {
        let awaited = self.is_dealing(height)
            && usize::from(dealer.0) < self.members.len()
            && !self.has_dealt(dealer)
            && bytes.len() <= DEALING_BYTES_MAX;
        let good = || self.terms().is_ok_and(|terms| Dealing::decode(bytes, &terms, dealer).is_ok());
        if !awaited || !good() {
            return false;
        }
        let open = COMPLAINT_HEIGHTS.max(self.epoch_length / COMPLAINT_PART);
        let until = Height(height.0.saturating_add(open));
        self.dealings.push(Dealt { dealer, until, convicted: false, dealing: bytes.to_vec() });
        true
    }

    /// Rule 4.
    fn take_complaint(
        &mut self,
        height: Height,
        dealer: NodeIndex,
        receiver: NodeIndex,
        complaint: &[u8],
    ) -> bool {
        let Some(complaint) = Complaint::from_bytes(complaint) else { return false };
        let Ok(terms) = self.terms() else { return false };
        let open = self.dealings.iter_mut().find(|dealt| dealt.dealer == dealer && dealt.is_open(height));
        let Some(dealt) = open else { return false };
        let dealing = Dealing::decode(&dealt.dealing, &terms, dealer);
        dealt.convicted = dealing.is_ok_and(|dealing| dealing.is_convicted_by(&terms, receiver, &complaint));
        dealt.convicted
    }

    /// The next members after `change`, if it may be made in a block at `height`.
    ///
    /// # Errors
    /// Why it may not.
    pub fn changed(
        &self,
        height: Height,
        change: &MembershipChange,
    ) -> Result<Vec<GenesisNode>, ChangeError> {
        if let Some(registry) = self.registry {
            return Err(ChangeError::Registry(registry));
        }
        self.check_due(height, change.version)?;
        let (have, need) = (0, quorum(self.members.len()));
        let committee = self.committee().map_err(|_| ChangeError::Signatures { have, need })?;
        change::check_signatures(&self.chain, &committee, change)?;
        change::apply(&self.members, committee.is_simulated(), &self.next, &change.remove, &change.add)
    }

    /// The next members as `message` orders, if the registry did order it and it may be done in a block at `height`.
    ///
    /// # Errors
    /// Why it may not.
    pub fn ordered(
        &self,
        height: Height,
        message: &MembershipOrder,
    ) -> Result<Vec<GenesisNode>, ChangeError> {
        let registry = self.registry.ok_or(OrderError::NoRegistry)?;
        let order = order::read(&message.order)?;
        self.check_due(height, order.version)?;
        let simulated = self.shares().map_err(|_| OrderError::Keys)?.is_simulated();
        let keyring = self.blind_keyring().map_err(|_| OrderError::Keys)?;
        order::verify(message, &registry, &keyring)?;
        let remove: Vec<[u8; 32]> = order.remove.iter().map(|key| **key).collect();
        change::apply(&self.members, simulated, &self.next, &remove, &order.add)
    }

    /// Whether a block at `height` may change version `version` of the membership.
    fn check_due(&self, height: Height, version: u64) -> Result<(), ChangeError> {
        if version != self.version {
            return Err(ChangeError::Version { found: version, current: self.version });
        }
        if self.is_dealing(height) { Err(ChangeError::Dealing) } else { Ok(()) }
    }

    /// Dealings that count at `height`, in order.
    fn ripe(&self, height: Height) -> impl Iterator<Item = &Dealt> {
        self.dealings.iter().filter(move |dealt| !dealt.convicted && !dealt.is_open(height))
    }

    /// Rules 5 and 6.
    fn hand_over(&mut self, height: Height) -> Result<(), SuccessionError> {
        let counted: Vec<Dealt> = self.ripe(height).take(quorum(self.members.len())).cloned().collect();
        let terms = self.terms()?;
        let shares = match next_public_shares(&terms, &read_dealings(&terms, &counted)?) {
            Ok(shares) => shares,
            // Whoever dealt last saw the others' commitments, and made its own so that they cancel out.
            Err(ReshareError::Degenerate) => {
                let last = counted.last().map(|dealt| dealt.dealer);
                let last = self.dealings.iter_mut().find(|dealt| Some(dealt.dealer) == last);
                last.into_iter().for_each(|dealt| dealt.convicted = true);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let mut members = self.next.clone();
        let mut taken: BTreeSet<String> = members.iter().map(|node| node.encryption_key.clone()).collect();
        for dealt in self.dealings.iter().filter(|dealt| !dealt.convicted) {
            let dealing = Dealing::decode(&dealt.dealing, &terms, dealt.dealer)?;
            let dealer = self.members.get(usize::from(dealt.dealer.0));
            let member = members
                .iter_mut()
                .find(|member| dealer.is_some_and(|dealer| dealer.identity_key == member.identity_key));
            let key = dealing.next_encryption_key().map(hex::encode);
            // No two members have one key, whatever they say.
            if let Some((member, key)) = member.zip(key.filter(|key| taken.insert(key.clone()))) {
                member.encryption_key = key;
            }
        }
        self.handover = Some(Handover {
            dealers: std::mem::replace(&mut self.shares, shares.to_bytes()),
            receivers: std::mem::replace(&mut self.next, members.clone()),
            dealings: counted,
        });
        self.members = members;
        self.dealings = Vec::new();
        self.epoch = self.epoch.next();
        self.start = height;
        Ok(())
    }

    /// The keyring of this epoch for the node with this identity: with its shares, if it is a member and
    /// one of `keys` opens them. `None` in the first epoch, whose shares no dealing on the chain made.
    ///
    /// # Errors
    /// The record is damaged.
    pub fn keyring(
        &self,
        identity: &[u8; 32],
        keys: &[EncryptionKey],
    ) -> Result<Option<Keyring>, SuccessionError> {
        let Some(handover) = &self.handover else {
            return Ok(None);
        };
        let made_in = Epoch(self.epoch.0.saturating_sub(1));
        let terms = terms(self.chain, made_in, &handover.dealers, &handover.receivers)?;
        let dealings = read_dealings(&terms, &handover.dealings)?;
        let own = terms.receivers.index_of(identity);
        let fits = |key: &&EncryptionKey| {
            own.is_some_and(|own| terms.receivers.is_simulated() || terms.receivers.encrypts_to(own, key))
        };
        let own = own.zip(keys.iter().find(fits));
        Ok(Some(next_keyring(&terms, &dealings, &self.shares()?, own)?))
    }
}

impl Dealt {
    /// Whether complaints against it are still heard in a block at `height`.
    fn is_open(&self, height: Height) -> bool {
        !self.convicted && height <= self.until
    }
}

fn terms(
    chain: ChainId,
    epoch: Epoch,
    dealers: &[u8],
    receivers: &[GenesisNode],
) -> Result<Terms, SuccessionError> {
    let dealers = read_shares(dealers)?;
    let receivers = Committee::of_kind(dealers.is_simulated(), receivers)?;
    Ok(Terms { chain, epoch, dealers, receivers })
}

fn read_shares(bytes: &[u8]) -> Result<PublicShares, SuccessionError> {
    PublicShares::from_bytes(bytes).ok_or_else(|| SuccessionError::Damaged("public shares".into()))
}

fn read_dealings(terms: &Terms, dealings: &[Dealt]) -> Result<Vec<Dealing>, SuccessionError> {
    let read = |dealt: &Dealt| Ok(Dealing::decode(&dealt.dealing, terms, dealt.dealer)?);
    dealings.iter().map(read).collect()
}
