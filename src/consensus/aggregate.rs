//! Shares become certificates (rule 8); certificates are stored and passed on.
//!
//! The functions here take shares and certificates that may count: the own ones, and those that
//! `receive` let through.

use super::evidence::Equivocation;
use super::machine::Consensus;
use super::share::{Inserted, Shares};
use crate::crypto::threshold::{CombineError, Keyring, Statement};
use crate::types::*;

/// Combines the shares over `subject` as soon as there are enough. Shares that spoil it are removed
/// and their signers added to `culprits`.
pub fn combine<S: Copy + PartialEq>(
    keyring: &Keyring,
    statement: &Statement,
    shares: &mut Shares<S>,
    subject: S,
    culprits: &mut Vec<NodeIndex>,
) -> Option<ThresholdSignature> {
    while shares.count(subject) >= keyring.threshold(statement) {
        match keyring.combine(statement, &shares.over(subject)) {
            Ok(signature) => return Some(signature),
            Err(CombineError::Invalid(invalid)) if !invalid.is_empty() => {
                invalid.iter().for_each(|signer| shares.remove(*signer));
                culprits.extend(invalid);
            }
            Err(_) => return None,
        }
    }
    None
}

impl Consensus {
    /// Counts a vote for `share.block`; with a quorum it is notarized.
    pub(super) fn add_notarization_share(&mut self, share: NotarizationShare) {
        let NotarizationShare { view, block, signer, .. } = share;
        self.add_beacon_share(view, signer, share.beacon);
        let attempt = self.pool.at(view);
        if let Inserted::Conflict(block, first) = attempt.notarize.insert(signer, block, share.share) {
            let first = NotarizationShare { block, share: first, ..share };
            return self.evidence.add(Equivocation::Notarizations(first, share));
        }
        if attempt.notarization.is_some() {
            return;
        }
        let mut culprits = Vec::new();
        let statement = Statement::Notarize { view, block };
        let combined = combine(&self.keys.keyring, &statement, &mut attempt.notarize, block, &mut culprits);
        self.suspect(culprits);
        if let Some(signature) = combined {
            self.add_notarization(Notarization { view, block, signature });
        }
    }

    /// Counts a vote to give up a view; with a quorum it is nullified.
    pub(super) fn add_nullification_share(&mut self, share: NullificationShare) {
        let NullificationShare { view, signer, .. } = share;
        self.add_beacon_share(view, signer, share.beacon);
        let attempt = self.pool.at(view);
        attempt.nullify.insert(signer, (), share.share);
        if attempt.nullification.is_some() {
            return;
        }
        let mut culprits = Vec::new();
        let statement = Statement::Nullify { view };
        let combined = combine(&self.keys.keyring, &statement, &mut attempt.nullify, (), &mut culprits);
        self.suspect(culprits);
        if let Some(signature) = combined {
            self.add_nullification(Nullification { view, signature });
        }
    }

    /// Counts a vote to finalize; with a quorum the block and its ancestors are final.
    pub(super) fn add_finalization_share(&mut self, share: FinalizationShare) {
        let FinalizationShare { view, block, signer, .. } = share;
        let attempt = self.pool.at(view);
        if let Inserted::Conflict(block, first) = attempt.finalize.insert(signer, block, share.share) {
            let first = FinalizationShare { block, share: first, ..share };
            return self.evidence.add(Equivocation::Finalizations(first, share));
        }
        if attempt.finalization.is_some() {
            return;
        }
        let mut culprits = Vec::new();
        let statement = Statement::Finalize { view, block };
        let combined = combine(&self.keys.keyring, &statement, &mut attempt.finalize, block, &mut culprits);
        self.suspect(culprits);
        if let Some(signature) = combined {
            self.pool.at(view).finalization = Some(Finalization { view, block, signature });
        }
    }

    fn add_beacon_share(&mut self, view: View, signer: NodeIndex, share: SignatureShare) {
        let attempt = self.pool.at(view);
        attempt.beacons.insert(signer, (), share);
        if attempt.beacon.is_some() {
            return;
        }
        let mut culprits = Vec::new();
        let statement = Statement::Beacon { view };
        let combined = combine(&self.keys.keyring, &statement, &mut attempt.beacons, (), &mut culprits);
        self.suspect(culprits);
        if let Some(signature) = combined {
            self.add_beacon(RandomBeacon { view, signature });
        }
    }

    /// From now on the shares of these nodes are verified one by one.
    pub(super) fn suspect(&mut self, culprits: Vec<NodeIndex>) {
        culprits.into_iter().for_each(|node| self.peers.suspect(node));
    }

    /// Takes a valid notarization: votes to finalize its block, where this replica may.
    pub(super) fn add_notarization(&mut self, notarization: Notarization) {
        self.pool.at(notarization.view).notarization.get_or_insert(notarization);
        self.finalize(notarization.view);
        self.keep_certificates(notarization.view);
    }

    /// Takes a valid nullification.
    pub(super) fn add_nullification(&mut self, nullification: Nullification) {
        self.pool.at(nullification.view).nullification.get_or_insert(nullification);
        self.keep_certificates(nullification.view);
    }

    /// Takes a valid beacon.
    pub(super) fn add_beacon(&mut self, beacon: RandomBeacon) {
        self.pool.at(beacon.view).beacon.get_or_insert(beacon);
        self.keep_certificates(beacon.view);
    }

    /// Stores the certificates of `view` once its beacon is here too, and passes on those that may be
    /// news to others.
    fn keep_certificates(&mut self, view: View) {
        let news = view.next() >= self.view.number;
        let attempt = self.pool.at(view);
        let Some(beacon) = attempt.beacon else { return };
        let notarization = attempt.notarization.filter(|_| !attempt.notarization_stored);
        let nullification = attempt.nullification.filter(|_| !attempt.nullification_stored);
        attempt.notarization_stored |= notarization.is_some();
        attempt.nullification_stored |= nullification.is_some();
        if let Some(notarization) = notarization {
            self.emit(Effect::Persist(Record::Notarization(notarization, beacon)));
            self.pass_on(news, PeerMessage::Notarization(notarization, beacon));
        }
        if let Some(nullification) = nullification {
            self.emit(Effect::Persist(Record::Nullification(nullification, beacon)));
            self.pass_on(news, PeerMessage::Nullification(nullification, beacon));
        }
    }

    fn pass_on(&mut self, news: bool, message: PeerMessage) {
        if news {
            self.emit(Effect::Broadcast(message));
        }
    }
}
