//! Nodes that said two things at once, remembered for people.

use crate::types::limits::EVIDENCE_MAX;
use crate::types::*;

/// Two messages of one node that no honest node sends both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Equivocation {
    Proposals { view: View, node: NodeIndex, first: (Digest, NodeSignature), second: (Digest, NodeSignature) },
    Notarizations(NotarizationShare, NotarizationShare),
    Finalizations(FinalizationShare, FinalizationShare),
    Certifications(CertificationShare, CertificationShare),
}

impl Equivocation {
    /// Who did it, where, and in which kind: one entry each is kept.
    fn key(&self) -> (NodeIndex, u64, u8) {
        match self {
            Equivocation::Proposals { view, node, .. } => (*node, view.0, 0),
            Equivocation::Notarizations(share, _) => (share.signer, share.view.0, 1),
            Equivocation::Finalizations(share, _) => (share.signer, share.view.0, 2),
            Equivocation::Certifications(share, _) => (share.signer, share.height.0, 3),
        }
    }
}

/// The first `EVIDENCE_MAX` equivocations of a run.
#[derive(Clone, Debug, Default)]
pub struct Evidence(Vec<Equivocation>);

impl Evidence {
    /// Keeps `found` unless the like is here already or there is no room.
    pub fn add(&mut self, found: Equivocation) {
        let known = self.0.iter().any(|kept| kept.key() == found.key());
        if !known && self.0.len() < EVIDENCE_MAX {
            self.0.push(found);
        }
    }

    /// All that is kept, oldest first.
    pub fn all(&self) -> &[Equivocation] {
        &self.0
    }
}
