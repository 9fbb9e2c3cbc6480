//! What each step is checked for, what convicts whom, and what the whole comes to.

use super::step::{AGREE, COMMIT, DEAL, KEYS, STEPS, step_of};
use super::transcript::{self, Part};
use super::{Ceremony, CeremonyEffect, CeremonyError, CeremonyKeys, Phase, Refusal};
use crate::crypto::dkg::{Dealing, DealingError, Outcome};
use crate::crypto::hash::sha256;
use crate::types::{CeremonyMessage, CeremonyStep, Digest, NodeIndex, NodeSignature};
use bytes::Bytes;

impl Ceremony {
    /// Keeps the first message of its step and sender. A second, different one is an equivocation.
    pub(super) fn keep(&mut self, message: CeremonyMessage) -> Result<Result<(), Refusal>, CeremonyError> {
        let (step, node) = (step_of(&message.step), message.sender);
        let Some(slot) = self.heard.get(usize::from(node.0)).and_then(|heard| heard.get(step)) else {
            return Ok(Err(Refusal::Sender));
        };
        if slot.as_ref().is_some_and(|kept| transcript::same(&kept.step, &message.step)) {
            return Ok(Ok(()));
        }
        if !self.verify(node, &message.step, &message.signature) {
            return Ok(Err(Refusal::Signature));
        }
        if let Some(kept) = slot {
            self.check_commits_seen(kept, &message)?;
            return Err(CeremonyError::Equivocation { node, step: STEPS[step] });
        }
        self.heard[usize::from(node.0)][step] = Some(message);
        Ok(Ok(()))
    }

    /// Step 2's checks, and step 3's content.
    pub(super) fn make_keys(&mut self) -> Result<Bytes, CeremonyError> {
        let commits: Vec<(Digest, NodeSignature)> = self.commits().collect();
        let dealings: Vec<Bytes> = self.dealings().collect();
        for ((dealer, (commit, _)), dealing) in self.keys.committee.indexes().zip(&commits).zip(&dealings) {
            if sha256(dealing) != *commit {
                return Err(CeremonyError::Uncommitted { dealer });
            }
        }
        let outcome =
            self.open(&dealings).map_err(|(dealer, error)| CeremonyError::Dealing { dealer, error })?;
        let keys = transcript::encode_keys(&outcome.public_shares(), &commits);
        self.outcome = Some(outcome);
        Ok(keys)
    }

    fn open(&self, dealings: &[Bytes]) -> Result<Outcome, (NodeIndex, DealingError)> {
        let CeremonyKeys { chain, committee, encryption, .. } = &self.keys;
        let decode = |(dealer, bytes): (NodeIndex, &Bytes)| {
            Dealing::decode(bytes, chain, dealer, dealings.len()).map_err(|error| (dealer, error))
        };
        let dealings = committee.indexes().zip(dealings).map(decode).collect::<Result<Vec<_>, _>>()?;
        Outcome::of(*chain, self.own, encryption, &dealings)
    }

    /// Step 3's checks of what came since the last time. The commits come first: keys from dealings
    /// that this node was not shown fail for no fault of their sender's.
    pub(super) fn check_keys(&mut self) -> Result<(), CeremonyError> {
        let Some(outcome) = &self.outcome else {
            return Ok(());
        };
        let commits: Vec<(Digest, NodeSignature)> = self.commits().collect();
        let mut checked = Vec::new();
        let nodes = self.keys.committee.indexes();
        for node in nodes.filter(|node| !self.checked.contains(node)) {
            let Some(content) = self.keys_of(node) else {
                continue;
            };
            let error = |error| CeremonyError::Keys { node, error };
            let (shares, seen) = transcript::decode_keys(content).ok_or(error(DealingError::PublicShares))?;
            self.check_witness(node, &commits, &seen)?;
            outcome.check(node, &shares).map_err(error)?;
            checked.push(node);
        }
        self.checked.extend(checked);
        Ok(())
    }

    /// A node that sends other keys than before may have been shown other commits before it restarted.
    fn check_commits_seen(
        &self,
        kept: &CeremonyMessage,
        message: &CeremonyMessage,
    ) -> Result<(), CeremonyError> {
        let (CeremonyStep::Keys(before), CeremonyStep::Keys(after)) = (&kept.step, &message.step) else {
            return Ok(());
        };
        let (before, after) = (transcript::decode_keys(before), transcript::decode_keys(after));
        let (Some((_, before)), Some((_, after))) = (before, after) else { return Ok(()) };
        self.check_witness(message.sender, &before, &after)
    }

    /// Two commits of one dealer, one of them as `node` received it, convict the dealer if it signed
    /// both, else `node`.
    fn check_witness(
        &self,
        node: NodeIndex,
        here: &[(Digest, NodeSignature)],
        there: &[(Digest, NodeSignature)],
    ) -> Result<(), CeremonyError> {
        let commits = self.keys.committee.indexes().zip(here.iter().zip(there));
        let other = commits.into_iter().find(|(_, (here, there))| here.0 != there.0);
        let Some((dealer, (here, there))) = other else { return Ok(()) };
        let signed = |commit: &(Digest, NodeSignature)| {
            self.verify(dealer, &CeremonyStep::Commit(commit.0), &commit.1)
        };
        Err(if signed(here) && signed(there) {
            CeremonyError::Equivocation { node: dealer, step: STEPS[COMMIT] }
        } else {
            CeremonyError::FalseWitness { node, about: dealer }
        })
    }

    /// After step 3 all honest nodes hold the same; whoever agrees to something else is at fault.
    pub(super) fn check_agreements(&self) -> Result<(), CeremonyError> {
        let agreed = |node: NodeIndex| match &self.heard.get(usize::from(node.0))?[AGREE].as_ref()?.step {
            CeremonyStep::Agree(digest) => Some(*digest),
            _ => None,
        };
        let Some(own) = agreed(self.own) else {
            return Ok(());
        };
        let other =
            self.keys.committee.indexes().find(|node| agreed(*node).is_some_and(|digest| digest != own));
        other.map_or(Ok(()), |node| Err(CeremonyError::Disagreement { node }))
    }

    /// Step 4 is complete: the keys are in force.
    pub(super) fn finish(&mut self, effects: &mut Vec<CeremonyEffect>) -> Result<(), CeremonyError> {
        let parts = self.parts();
        let shares: Vec<_> = parts.iter().map(|part| part.shares).collect();
        let keyring = self.outcome.as_ref().map(|outcome| outcome.keyring(&shares));
        let keyring = keyring.unwrap_or(Err(DealingError::Degenerate)).map_err(CeremonyError::Keyring)?;
        let transcript = transcript::encode(&parts);
        effects
            .push(CeremonyEffect::Finished { keyring: keyring.to_bytes(), transcript: transcript.clone() });
        self.phase = Phase::Finished(transcript);
        Ok(())
    }

    /// Step 5: takes the keys from a transcript that all n nodes agreed to, this one included.
    pub(super) fn conclude(
        &mut self,
        transcript: Bytes,
        effects: &mut Vec<CeremonyEffect>,
    ) -> Result<(), Refusal> {
        let parts = transcript::decode(&transcript, self.heard.len()).ok_or(Refusal::Transcript)?;
        let agreement = CeremonyStep::Agree(transcript::digest(&self.keys.chain, &parts));
        let mut signed = self.keys.committee.indexes().zip(&parts);
        if !signed.all(|(node, part)| self.verify(node, &agreement, &part.agreement)) {
            return Err(Refusal::Transcript);
        }
        let dealings: Vec<Bytes> = parts.iter().map(|part| part.dealing.clone()).collect();
        let outcome = self.open(&dealings).map_err(|_| Refusal::Transcript)?;
        let shares: Vec<_> = parts.iter().map(|part| part.shares).collect();
        let checked = self
            .keys
            .committee
            .indexes()
            .zip(&shares)
            .try_for_each(|(node, shares)| outcome.check(node, shares));
        let keyring = checked.and_then(|()| outcome.keyring(&shares)).map_err(|_| Refusal::Transcript)?;
        effects
            .push(CeremonyEffect::Finished { keyring: keyring.to_bytes(), transcript: transcript.clone() });
        self.phase = Phase::Finished(transcript);
        Ok(())
    }

    fn commits(&self) -> impl Iterator<Item = (Digest, NodeSignature)> {
        self.heard.iter().filter_map(|heard| match heard[COMMIT].as_ref()? {
            CeremonyMessage { step: CeremonyStep::Commit(digest), signature, .. } => {
                Some((*digest, *signature))
            }
            _ => None,
        })
    }

    fn dealings(&self) -> impl Iterator<Item = Bytes> {
        self.heard.iter().filter_map(|heard| match &heard[DEAL].as_ref()?.step {
            CeremonyStep::Deal(dealing) => Some(dealing.clone()),
            _ => None,
        })
    }

    fn keys_of(&self, node: NodeIndex) -> Option<&Bytes> {
        match &self.heard.get(usize::from(node.0))?[KEYS].as_ref()?.step {
            CeremonyStep::Keys(keys) => Some(keys),
            _ => None,
        }
    }

    /// The transcript as far as it is here; an agreement that is still missing is zero.
    pub(super) fn parts(&self) -> Vec<Part> {
        let agreements = self.heard.iter().map(|heard| Some(heard[AGREE].as_ref()?.signature));
        let nodes = self.keys.committee.indexes().zip(self.dealings()).zip(agreements);
        let part = |((node, dealing), agreement): ((NodeIndex, Bytes), Option<NodeSignature>)| {
            let (shares, _) = transcript::decode_keys(self.keys_of(node)?)?;
            let agreement = agreement.unwrap_or(NodeSignature([0; 64]));
            Some(Part { dealing, shares, agreement })
        };
        nodes.filter_map(part).collect()
    }
}
