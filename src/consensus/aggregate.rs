//! Shares become certificates (rule 8); certificates are stored and passed on.
//!
//! The functions here take shares and certificates that may count: the own ones, and those that
//! `receive` let through.

use super::evidence::Equivocation;
use super::machine::Consensus;
use super::pool::Attempt;
use super::share::{Inserted, Shares};
use crate::crypto::threshold::{CombineError, Keyring, Statement};
use crate::types::planted::{Bug, planted};
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
            Err(CombineError::Invalid(invalid)) if !invalid.is_empty() && !planted(Bug::CulpritsKept) => {
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
        let attempt = self.pool.at(view);
        attempt.beacons.insert(signer, (), share.beacon);
        if let Inserted::Conflict(block, first) = attempt.notarize.insert(signer, block, share.share) {
            let first = NotarizationShare { block, share: first, ..share };
            self.evidence.add(Equivocation::Notarizations(first, share));
        } else if attempt.notarization.is_none() {
            let statement = Statement::Notarize { view, block };
            let signature = self.certificate(statement, view, |attempt| &mut attempt.notarize, block);
            if let Some(signature) = signature {
                self.add_notarization(Notarization { view, block, signature });
            }
        }
        self.complete_beacon(view);
    }

    /// Counts a vote to give up a view; with a quorum it is nullified.
    pub(super) fn add_nullification_share(&mut self, share: NullificationShare) {
        let NullificationShare { view, signer, .. } = share;
        let attempt = self.pool.at(view);
        attempt.beacons.insert(signer, (), share.beacon);
        attempt.nullify.insert(signer, (), share.share);
        if attempt.nullification.is_none() {
            let statement = Statement::Nullify { view };
            let signature = self.certificate(statement, view, |attempt| &mut attempt.nullify, ());
            if let Some(signature) = signature {
                self.add_nullification(Nullification { view, signature });
            }
        }
        self.complete_beacon(view);
    }

    /// The signature on `statement` about `view`, once there are shares enough; the view's beacon, if it
    /// is not here yet, comes out of the same check.
    fn certificate<S: Copy + PartialEq>(
        &mut self,
        statement: Statement,
        view: View,
        shares: fn(&mut Attempt) -> &mut Shares<S>,
        subject: S,
    ) -> Option<ThresholdSignature> {
        let keyring = &self.keys.keyring;
        let attempt = self.pool.at(view);
        let votes = shares(attempt).over(subject);
        if votes.len() < keyring.threshold(&statement) {
            return None;
        }
        let both = attempt.beacon.is_none().then(|| {
            let beacons = attempt.beacons.over(());
            keyring.combine_both((&statement, &votes), (&Statement::Beacon { view }, &beacons))
        });
        if let Some((signature, beacon)) = both.flatten() {
            self.add_beacon(RandomBeacon { view, signature: beacon });
            return Some(signature);
        }
        let mut culprits = Vec::new();
        let combined = combine(keyring, &statement, shares(attempt), subject, &mut culprits);
        self.suspect(culprits);
        combined
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
            self.complete_beacon(view);
        }
    }

    /// Makes the beacon of a view that a quorum decided, if it did not come with the certificate.
    pub(super) fn complete_beacon(&mut self, view: View) {
        if self.pool.get(view).is_some_and(Attempt::has_certificate) {
            self.make_beacon(view);
        }
    }

    /// Makes the beacon of a view, if it is not here and its shares are.
    pub(super) fn make_beacon(&mut self, view: View) {
        let Some(attempt) = self.pool.get_mut(view).filter(|attempt| attempt.beacon.is_none()) else {
            return;
        };
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

    /// Takes a valid notarization.
    pub(super) fn add_notarization(&mut self, notarization: Notarization) {
        self.pool.at(notarization.view).notarization.get_or_insert(notarization);
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

    /// Stores the certificates of `view` once its beacon is here too, and passes on those that may be news to others.
    /// Then votes to finalize what is notarized, where this replica may.
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
        self.finalize(view);
    }

    fn pass_on(&mut self, news: bool, message: PeerMessage) {
        if news {
            self.emit(Effect::Broadcast(message));
        }
    }
}
