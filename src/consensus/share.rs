//! Shares of one kind: one per signer (rule 8).

use crate::types::planted::{Bug, planted};
use crate::types::{NodeIndex, SignatureShare};
use std::collections::BTreeMap;

/// Shares by signer, each over a subject (a block, a root, or nothing further).
#[derive(Clone, Debug)]
pub struct Shares<S> {
    by_signer: BTreeMap<NodeIndex, (S, SignatureShare)>,
}

/// What became of a share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inserted<S> {
    New,
    /// The signer's share over this subject is here already.
    Known,
    /// The signer gave a share over another subject before, which stays.
    Conflict(S, SignatureShare),
}

impl<S> Default for Shares<S> {
    fn default() -> Self {
        Shares { by_signer: BTreeMap::new() }
    }
}

impl<S: Copy + PartialEq> Shares<S> {
    /// Keeps the first share of each signer.
    pub fn insert(&mut self, signer: NodeIndex, subject: S, share: SignatureShare) -> Inserted<S> {
        match self.by_signer.get(&signer) {
            None => {
                self.by_signer.insert(signer, (subject, share));
                Inserted::New
            }
            Some((known, _)) if *known == subject => Inserted::Known,
            Some((known, share)) => Inserted::Conflict(*known, *share),
        }
    }

    /// The subject and share of `signer`.
    pub fn of(&self, signer: NodeIndex) -> Option<(S, SignatureShare)> {
        self.by_signer.get(&signer).copied()
    }

    /// Forgets the share of `signer`.
    pub fn remove(&mut self, signer: NodeIndex) {
        self.by_signer.remove(&signer);
    }

    /// Who signed `subject`, in order of index.
    pub fn over(&self, subject: S) -> Vec<(NodeIndex, SignatureShare)> {
        let any = planted(Bug::ShareOfAnotherBlock);
        let same = self.by_signer.iter().filter(|(_, (known, _))| *known == subject || any);
        same.map(|(signer, (_, share))| (*signer, *share)).collect()
    }

    /// How many signed `subject`.
    pub fn count(&self, subject: S) -> usize {
        let any = planted(Bug::ShareOfAnotherBlock);
        self.by_signer.values().filter(|(known, _)| *known == subject || any).count()
    }

    /// Who signed anything, in order of index.
    pub fn signers(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        self.by_signer.keys().copied()
    }

    /// What the signers signed, in order of index.
    pub fn subjects(&self) -> impl Iterator<Item = S> + '_ {
        self.by_signer.values().map(|(subject, _)| *subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::BlsBytes;

    #[test]
    fn counts_a_repeated_share_once_and_keeps_the_first_of_two() {
        let (first, second) = (BlsBytes([1; 48]), BlsBytes([2; 48]));
        let mut shares = Shares::default();
        assert_eq!(shares.insert(NodeIndex(3), 'a', first), Inserted::New);
        assert_eq!(shares.insert(NodeIndex(3), 'a', second), Inserted::Known);
        assert_eq!(shares.insert(NodeIndex(3), 'b', second), Inserted::Conflict('a', first));
        assert_eq!((shares.count('a'), shares.count('b')), (1, 0));
        assert_eq!(shares.over('a'), [(NodeIndex(3), first)]);
    }
}
