//! The root after each height, signed by a quorum (rule 10).

use super::aggregate::combine;
use super::evidence::Equivocation;
use super::machine::Consensus;
use super::share::{Inserted, Shares};
use crate::crypto::threshold::Statement;
use crate::types::limits::CERTIFICATIONS_AHEAD_MAX;
use crate::types::planted::{Bug, planted};
use crate::types::*;
use std::collections::BTreeMap;

/// What is known about the roots of heights above the certified one.
#[derive(Clone, Debug, Default)]
pub struct Certifier {
    /// The newest certification that agrees with this replica's own state.
    newest: Option<Certification>,
    /// Own roots of executed heights.
    roots: BTreeMap<Height, StateRoot>,
    shares: BTreeMap<Height, Shares<StateRoot>>,
    /// Combined here, from shares for this very height.
    proven: BTreeMap<Height, Certification>,
    /// Said by peers; one each.
    asserted: BTreeMap<Height, BTreeMap<NodeIndex, Certification>>,
}

impl Certifier {
    /// What a restart knows.
    pub fn recovered(newest: Option<Certification>) -> Certifier {
        Certifier { newest, ..Certifier::default() }
    }

    /// The certified height, 0 before the first.
    pub fn height(&self) -> Height {
        self.newest.map_or(Height::ZERO, |certification| certification.height)
    }

    /// The newest certification.
    pub fn newest(&self) -> Option<Certification> {
        self.newest
    }

    /// The own root after `height`, if it is not certified yet.
    pub fn root(&self, height: Height) -> Option<StateRoot> {
        self.roots.get(&height).copied()
    }

    /// The lowest executed height that is not certified, and who signed the same root as this replica.
    pub fn uncertified(&self) -> Option<(Height, Vec<NodeIndex>)> {
        let (height, root) = self.roots.first_key_value()?;
        let shares = self.shares.get(height).map(|shares| shares.over(*root)).unwrap_or_default();
        Some((*height, shares.into_iter().map(|(signer, _)| signer).collect()))
    }

    fn accept(&mut self, certification: Certification) {
        let above = certification.height.next();
        self.newest = Some(certification);
        self.roots = self.roots.split_off(&above);
        self.shares = self.shares.split_off(&above);
        self.proven = self.proven.split_off(&above);
        self.asserted = self.asserted.split_off(&above);
    }
}

impl Consensus {
    /// A height came back from execution: sign its root.
    pub(super) fn take_executed(&mut self, executed: Executed) {
        let Executed { height, root } = executed;
        self.chain.executed = self.chain.executed.max(height);
        if height <= self.certifier.height() {
            return;
        }
        self.certifier.roots.insert(height, root);
        self.sign_root(height, root);
        self.certify(height);
    }

    /// Says what the state after `height` is, if this replica votes.
    fn sign_root(&mut self, height: Height, root: StateRoot) {
        if self.is_voter() {
            let share = self.certification_share(height, root);
            self.emit(Effect::Broadcast(PeerMessage::CertificationShare(share)));
            self.add_certification_share(share);
        }
    }

    /// In a new epoch: shares of the old one are worth nothing any more, so what is not certified is signed
    /// again. Nor do assertions of the old members count, of whom more may lie than the new ones bear.
    pub(super) fn certify_again(&mut self) {
        self.certifier.shares.clear();
        if !planted(Bug::AssertionsKept) {
            self.certifier.asserted.clear();
        }
        let roots: Vec<(Height, StateRoot)> =
            self.certifier.roots.iter().map(|(height, root)| (*height, *root)).collect();
        roots.into_iter().for_each(|(height, root)| self.sign_root(height, root));
    }

    /// This replica's share for its own root after `height`.
    pub(super) fn certification_share(&self, height: Height, root: StateRoot) -> CertificationShare {
        let keyring = &self.keys.keyring;
        let share = keyring.sign_share(&Statement::Certify { height, root });
        CertificationShare { epoch: keyring.epoch(), height, root, signer: keyring.own(), share }
    }

    /// Whether anything about the root of `height` is still of use.
    pub(super) fn is_certifiable(&self, height: Height) -> bool {
        let highest = self.chain.executed.0.saturating_add(CERTIFICATIONS_AHEAD_MAX);
        height > self.certifier.height() && height.0 <= highest
    }

    /// Counts a share; with a quorum the height is certified.
    pub(super) fn add_certification_share(&mut self, share: CertificationShare) {
        let CertificationShare { height, root, signer, .. } = share;
        let shares = self.certifier.shares.entry(height).or_default();
        if let Inserted::Conflict(root, first) = shares.insert(signer, root, share.share) {
            let first = CertificationShare { root, share: first, ..share };
            return self.evidence.add(Equivocation::Certifications(first, share));
        }
        if self.certifier.proven.contains_key(&height) {
            return;
        }
        let mut culprits = Vec::new();
        let statement = Statement::Certify { height, root };
        let combined = combine(&self.keys.keyring, &statement, shares, root, &mut culprits);
        self.suspect(culprits);
        if let Some(signature) = combined {
            self.certifier.proven.insert(height, Certification { height, root, signature });
            self.certify(height);
        }
    }

    /// A peer says that this is certified. Verified once the own root of the height is known.
    pub(super) fn assert_certification(&mut self, from: NodeIndex, certification: Certification) {
        let height = certification.height;
        if self.is_certifiable(height) {
            self.certifier.asserted.entry(height).or_default().entry(from).or_insert(certification);
            self.certify(height);
        }
    }

    /// Compares what is certified at `height` with the own root.
    fn certify(&mut self, height: Height) {
        let Some(own) = self.certifier.root(height) else {
            return;
        };
        let proven = self.certifier.proven.get(&height).copied();
        match proven.or_else(|| self.credible(height, own)) {
            Some(certification) if certification.root == own => {
                self.certifier.accept(certification);
                self.emit(Effect::Persist(Record::Certification(certification)));
                self.emit(Effect::Certified(certification));
            }
            Some(certified) => {
                self.emit(Effect::Halt(Box::new(Divergence { height, own, certified })));
                self.stopped = true;
            }
            None => {}
        }
    }

    /// Among valid certifications that peers assert: one that agrees with the own root, or one for
    /// another root that f + 1 peers assert, so that an honest one does.
    fn credible(&mut self, height: Height, own: StateRoot) -> Option<Certification> {
        let asserted = self.certifier.asserted.get_mut(&height)?;
        let keyring = &self.keys.keyring;
        let invalid = asserted.iter().filter(|(_, said)| {
            !keyring.verify(&Statement::Certify { height, root: said.root }, &said.signature)
        });
        let liars: Vec<NodeIndex> = invalid.map(|(peer, _)| *peer).collect();
        for liar in liars {
            asserted.remove(&liar);
            self.peers.fault(liar);
        }
        let agreeing = asserted.values().find(|said| said.root == own);
        let others = |root| asserted.values().filter(|said| said.root == root).count();
        let liars = if planted(Bug::OneLiarHalts) { 0 } else { faults_max(keyring.nodes()) };
        let outvoted = || asserted.values().find(|said| others(said.root) > liars);
        agreeing.or_else(outvoted).copied()
    }
}
