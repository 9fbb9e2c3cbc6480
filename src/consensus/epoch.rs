//! From one set of shares to the next (rules 15 to 18).

use super::machine::Consensus;
use super::peer::Peers;
use super::pool::Pool;
use crate::crypto::node_key::{Committee, EncryptionKey};
use crate::crypto::reshare::{deal, next_encryption_key};
use crate::crypto::threshold::Keyring;
use crate::membership::{Succession, SuccessionError};
use crate::types::limits::{BLOCK_SYSTEM_COUNT_MAX, SYSTEM_POOL_MAX};
use crate::types::*;
use std::sync::Arc;

/// This replica's part in the succession.
pub struct Handing {
    /// Who the members are after the finalized tip, and who will be.
    pub succession: Succession,
    /// Opens this node's shares of the next epoch.
    encryption: EncryptionKey,
    /// For the dealing of an epoch; it comes from outside, and is on disk.
    pub(super) seed: Option<(Epoch, Seed)>,
    /// Keys of a later epoch than the chain here has reached: its blocks were lost, the keys were not.
    pub(super) kept: Option<Keyring>,
    /// What waits for a block, and whether this replica is the one that says it.
    waiting: Vec<(SystemMessage, bool)>,
    /// This replica dealt in this epoch of its chain, or found that it cannot.
    dealt: bool,
}

impl Handing {
    /// Nothing waits yet.
    pub fn new(succession: Succession, encryption: EncryptionKey, seed: Option<(Epoch, Seed)>) -> Handing {
        Handing { succession, encryption, seed, kept: None, waiting: Vec::new(), dealt: false }
    }

    /// Whether the like of `message` waits already: one dealing of a dealer, one complaint about one, one
    /// change of a version, one order is enough, and nobody fills the pool with many.
    fn has_like(&self, message: &SystemMessage) -> bool {
        use SystemMessage::{Change, Complaint, Dealing, Order};
        self.waiting.iter().any(|(waiting, _)| match (waiting, message) {
            (Dealing { dealer, .. }, Dealing { dealer: other, .. })
            | (Complaint { dealer, .. }, Complaint { dealer: other, .. }) => dealer == other,
            (Change(change), Change(other)) => change.version == other.version,
            (Order(_), Order(_)) => true,
            _ => false,
        })
    }

    /// Keeps `message` unless the like waits already, or there is no room.
    fn keep(&mut self, message: &SystemMessage, own: bool) -> bool {
        if self.has_like(message) || self.waiting.len() >= SYSTEM_POOL_MAX {
            return false;
        }
        self.waiting.push((message.clone(), own));
        true
    }
}

impl Consensus {
    /// The epoch that this replica is in.
    pub fn epoch(&self) -> Epoch {
        self.keys.keyring.epoch()
    }

    /// This replica's keyring.
    pub fn keyring(&self) -> &Keyring {
        &self.keys.keyring
    }

    /// Who the members are after the finalized tip, and who will be.
    pub fn succession(&self) -> &Succession {
        &self.handing.succession
    }

    /// Whether this replica votes: it is a member and has its shares.
    pub fn is_voter(&self) -> bool {
        self.keys.keyring.signs()
    }

    /// The view below the first that is open: the tip's, or the one below the epoch's first.
    pub(super) fn base(&self) -> View {
        let below = View(self.epoch().first_view().0.saturating_sub(1));
        self.chain.tip.view.max(below)
    }

    /// Whether every view strictly between a block's and its child's is nullified. Epochs have no views
    /// between them.
    pub(super) fn is_nullified_between(&self, low: View, high: View) -> bool {
        let below = View(high.epoch().first_view().0.saturating_sub(1));
        self.pool.is_nullified_between(low.max(below), high)
    }

    /// Whether the epoch ends with a block among these, which are not final, newest first: then blocks
    /// above them are void (rule 16).
    pub(super) fn ends_in(&self, branch: &[Arc<Block>]) -> bool {
        let succession = &self.handing.succession;
        if !branch.iter().any(|block| succession.may_end_at(block.height)) {
            return false;
        }
        let mut after = succession.clone();
        let applied = branch.iter().rev().try_for_each(|block| {
            if after.epoch() == succession.epoch() {
                after.apply(block.height, &block.payload.system)?;
            }
            Ok::<_, SuccessionError>(())
        });
        applied.is_ok() && after.epoch() != succession.epoch()
    }

    /// What a block on top of `branch` says about the subnet itself.
    pub(super) fn system_payload(&self, height: Height, branch: &[Arc<Block>]) -> Vec<SystemMessage> {
        let said =
            |message: &SystemMessage| branch.iter().any(|block| block.payload.system.contains(message));
        let waiting = self.handing.waiting.iter().map(|(message, _)| message);
        let awaited =
            waiting.filter(|message| self.handing.succession.awaits(height, message) && !said(message));
        awaited.take(BLOCK_SYSTEM_COUNT_MAX).cloned().collect()
    }

    /// A message for the chain, from this node's own interface: kept, and told to the others until it is on
    /// the chain. Nothing if it would change nothing.
    pub(super) fn take_system(&mut self, message: SystemMessage) {
        if self.handing.succession.admits(self.chain.tip.height.next(), &message) {
            self.spread(message);
        }
    }

    fn spread(&mut self, message: SystemMessage) {
        if self.handing.keep(&message, true) {
            self.emit(Effect::Broadcast(PeerMessage::System(Box::new(message))));
        }
    }

    /// What a peer wants on the chain. A dealing comes from its dealer.
    pub(super) fn receive_system(&mut self, from: NodeIndex, message: &SystemMessage) {
        let height = self.chain.tip.height.next();
        let foreign = matches!(message, SystemMessage::Dealing { dealer, .. } if *dealer != from);
        if foreign || self.handing.has_like(message) || !self.handing.succession.awaits(height, message) {
            return;
        }
        if self.handing.succession.admits(height, message) {
            self.handing.keep(message, false);
        } else {
            self.peers.fault(from);
        }
    }

    /// Says again what this replica wants on the chain and is not on it.
    pub(super) fn resend_system(&mut self) {
        let own = self.handing.waiting.iter().filter(|(_, own)| *own);
        let messages: Vec<SystemMessage> = own.map(|(message, _)| message.clone()).collect();
        for message in messages {
            self.emit(Effect::Broadcast(PeerMessage::System(Box::new(message))));
        }
    }

    /// Deals this replica's shares out again, once an epoch, when it is time; not in an epoch that others may have left.
    pub(super) fn deal(&mut self) -> bool {
        let handing = &self.handing;
        let ready = !handing.dealt && self.is_voter();
        let seed = handing.seed.as_ref().filter(|(of, _)| ready && *of == self.epoch());
        let Some((_, seed)) = seed else { return false };
        let own = self.keys.keyring.own();
        let due = handing.succession.is_dealing(self.chain.tip.height.next());
        if !due || handing.succession.has_dealt(own) || self.is_behind() {
            return false;
        }
        let terms = handing.succession.terms().ok();
        let dealing = terms.and_then(|terms| deal(&seed.0, &terms, &self.keys.keyring));
        self.handing.dealt = true;
        if let Some(dealing) = dealing {
            let epoch = self.epoch();
            self.spread(SystemMessage::Dealing { epoch, dealer: own, dealing: dealing.into() });
        }
        true
    }

    /// Fresh randomness for the dealing of an epoch.
    pub(super) fn take_seed(&mut self, epoch: Epoch, seed: Seed) {
        if epoch == self.epoch() {
            self.handing.seed = Some((epoch, seed));
        }
    }

    /// A block is final: what it says about the subnet takes effect. With the last block of an epoch, the
    /// next is opened.
    pub(super) fn apply_system(&mut self, block: &Block) {
        let before = (self.handing.succession.epoch(), self.handing.succession.version());
        let applied = self.handing.succession.apply(block.height, &block.payload.system);
        match applied {
            // A record that is damaged, or that more than f faulty replicas brought about.
            Err(_) => self.stopped = true,
            Ok(false) => {}
            Ok(true) if self.handing.succession.epoch() != before.0 => self.open_epoch(),
            Ok(true) if self.handing.succession.version() != before.1 => self.tell_epoch(None),
            Ok(true) => self.complain(block.height.next()),
        }
        let Handing { succession, waiting, .. } = &mut self.handing;
        waiting.retain(|(message, _)| succession.awaits(block.height.next(), message));
    }

    /// Proves that dealings gave this node bad shares, if they did.
    pub(super) fn complain(&mut self, height: Height) {
        let identity = self.keys.identity.public_key();
        let complaints = self.handing.succession.complaints(height, &identity, &self.handing.encryption);
        for complaint in complaints.unwrap_or_default() {
            self.spread(complaint);
        }
    }

    /// The epoch after the tip begins: its keys, its committee, its first view. What was known of the old
    /// epoch's views is forgotten, and its shares with it.
    fn open_epoch(&mut self) {
        match self.next_keys() {
            Ok((keyring, committee, encryption)) => {
                (self.keys.keyring, self.keys.committee) = (keyring, committee);
                self.handing.encryption = encryption;
            }
            Err(_) => {
                self.stopped = true;
                return;
            }
        }
        // A seed of a later epoch than this waits for it, as its keys do: with it, the keys of the next are found.
        let epoch = self.epoch();
        self.handing.seed.take_if(|(of, _)| *of < epoch);
        self.handing.dealt = false;
        self.handing.waiting.clear();
        self.pool = Pool::default();
        self.fetches.clear();
        self.assemblies.clear();
        self.forget_entered();
        self.catch_up.forget_asked();
        self.peers = Peers::new(self.keys.keyring.nodes());
        // Keys of a later epoch are on disk already, and stay there.
        let new = self.handing.kept.is_none();
        let keys = new.then(|| (self.keys.keyring.to_bytes(), self.handing.encryption.to_bytes()));
        self.tell_epoch(keys);
        let first = self.epoch().first_view();
        let beacon = self.chain.beacon.map(|beacon| beacon.signature);
        self.open(first, self.keys.keyring.leader(first, beacon.as_ref()));
        self.peers.hear_all(first);
        self.certify_again();
    }

    /// Tells the hands who the peers are. Those who come with the next epoch listen already.
    fn tell_epoch(&mut self, keys: Option<SecretKeys>) {
        let (members, guests) =
            (self.handing.succession.members().to_vec(), self.handing.succession.guests());
        // Other guests may stand where guests stood.
        self.peers.resize(members.len());
        self.peers.resize(members.len() + guests.len());
        self.catch_up.forget_guests(members.len());
        let (epoch, signs) = (self.epoch(), self.is_voter());
        self.emit(Effect::OpenEpoch(Box::new(NewEpoch { epoch, keys, signs, members, guests })));
    }

    /// Whether this peer is no member yet: it fetches what is final, and may complain.
    pub(super) fn is_guest(&self, peer: NodeIndex) -> bool {
        usize::from(peer.0) >= self.keys.keyring.nodes()
    }

    /// The first committee is known from genesis.
    fn reached_committee(&self) -> Result<Committee, SuccessionError> {
        let Handing { succession, .. } = &self.handing;
        if succession.epoch() == Epoch::ZERO {
            Ok(self.keys.committee.clone())
        } else {
            succession.committee()
        }
    }

    /// Keys and committee of the epoch after the tip, and what opens the shares of the one after it.
    fn next_keys(&mut self) -> Result<(Keyring, Committee, EncryptionKey), SuccessionError> {
        let succession = &self.handing.succession;
        let (chain, identity) = (self.keys.keyring.chain(), self.keys.identity.public_key());
        let committee = succession.committee()?;
        let mut keys = vec![self.handing.encryption.clone()];
        let dealt = self.handing.seed.as_ref();
        keys.extend(dealt.map(|(of, seed)| next_encryption_key(&seed.0, &chain, *of)));
        let place = committee.index_of(&identity);
        let named = |key: &&EncryptionKey| place.is_some_and(|place| committee.encrypts_to(place, key));
        let encryption = keys.iter().find(named).unwrap_or(&self.handing.encryption).clone();
        let epoch = succession.epoch();
        let keyring = match self.handing.kept.take() {
            Some(kept) if kept.epoch() == epoch => kept,
            Some(kept) if kept.epoch() > epoch => {
                self.handing.kept = Some(kept);
                succession.blind_keyring()?
            }
            _ => match succession.keyring(&identity, &keys)? {
                Some(keyring) => keyring,
                None => succession.blind_keyring()?,
            },
        };
        Ok((keyring, committee, encryption))
    }

    /// After a restart: the keys on disk are of the epoch that the chain has reached, or the epoch is opened
    /// now, as a crash has kept them from being stored; or they are of a later one, and wait.
    pub(super) fn recover_epoch(&mut self, succession: Succession) {
        self.handing.succession = succession;
        let (reached, held) = (self.handing.succession.epoch(), self.keys.keyring.epoch());
        let opened = match held {
            held if held == reached => self.reached_committee(),
            held if held > reached => {
                self.handing.kept = Some(self.keys.keyring.clone());
                self.handing.succession.blind_keyring().and_then(|keyring| {
                    self.keys.keyring = keyring;
                    self.reached_committee()
                })
            }
            _ => {
                self.open_epoch();
                return;
            }
        };
        match opened {
            Ok(committee) => self.keys.committee = committee,
            Err(_) => self.stopped = true,
        }
        self.peers = Peers::new(self.keys.keyring.nodes());
        self.tell_epoch(None);
    }
}
