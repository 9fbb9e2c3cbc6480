//! The key-generation ceremony at first start: n nodes that know each other's genesis keys make the
//! subnet's threshold keys, without a dealer (`crypto::dkg` has the arithmetic). Pure.
//!
//! Every message is signed by its sender's identity key over the chain, the step and the content, and
//! every step waits for the one before it from **all** n nodes:
//!
//! 1. *Commit*: the hash of the dealing to come. Nobody can choose after seeing the others.
//! 2. *Deal*: the dealing. It must have the hash that was committed to, and its degrees, points, proofs
//!    and the share for this node must hold.
//! 3. *Keys*: the sender's public shares, and every commit as the sender received it, with its
//!    signature. A dealer that committed to two dealings is thereby proved to have.
//! 4. *Agree*: the hash of all dealings and all public shares. With n equal ones, the keys are in force.
//! 5. *Done*: the transcript with n agreements, for a node that missed the end. It proves itself.
//!
//! All n must take part, for no agreement protocol exists before the keys do: with fewer, two halves
//! of the committee could leave with different keys. A node that deals falsely, speaks twice or
//! disagrees is named, and the ceremony stops with an error: nothing is ever half in force. The
//! operators then start again with another genesis, which is another chain. (Whoever stops after it
//! agreed itself cannot know whether all the others went on: started again, it takes the keys from
//! their transcript, if they have one.)
//!
//! A node remembers one thing across restarts, its seed, and has it on disk before it speaks
//! ([`CeremonyEffect::Persist`]). It then says the same again; what it heard, the others repeat. A
//! node that lost its seed, and only that, speaks twice and stops the ceremony.
//!
//! State is bounded: one message of each step from each node, each of bounded size.

mod judge;
mod step;
mod transcript;

use self::step::{AGREE, COMMIT, DEAL, KEYS, STEPS, signed_bytes, step_of};
use crate::crypto::dkg::{self, DealingError, Outcome};
use crate::crypto::hash::sha256;
use crate::crypto::node_key::{Committee, EncryptionKey, IdentityKey};
use crate::types::limits::{CEREMONY_RETRANSMIT_MS, DEALING_BYTES_MAX, TRANSCRIPT_BYTES_MAX};
use crate::types::{CeremonyMessage, CeremonyStep, ChainId, NodeIndex, NodeSignature, Time};
use bytes::Bytes;
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// What a node brings to the ceremony.
pub struct CeremonyKeys {
    pub chain: ChainId,
    pub committee: Committee,
    pub identity: IdentityKey,
    pub encryption: EncryptionKey,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum CeremonyInput {
    /// Always the first input.
    Started,
    Peer(NodeIndex, CeremonyMessage),
    /// The moment last asked for by `SetTimer`.
    Timer,
}

/// Something to be done by the hands, in order.
pub enum CeremonyEffect {
    /// A barrier: no later effect before these secret bytes are on disk (file 0600). Given to
    /// [`Ceremony::new`] after a restart.
    Persist(Zeroizing<Vec<u8>>),
    /// To every other node.
    Broadcast(CeremonyMessage),
    Send(NodeIndex, CeremonyMessage),
    SetTimer(Time),
    /// A peer's message was not taken; for the log.
    Refused {
        from: NodeIndex,
        reason: Refusal,
    },
    /// The keys are in force. Both are to be on disk before anything is signed: the keyring (secret,
    /// `Keyring::from_bytes`), and the transcript, for [`Ceremony::over`].
    Finished {
        keyring: Zeroizing<Vec<u8>>,
        transcript: Bytes,
    },
    /// The ceremony is over without keys.
    Failed(CeremonyError),
}

/// Why a ceremony cannot begin, or stopped. Names the node at fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CeremonyError {
    #[error("this node's identity key is not in the genesis")]
    Stranger,
    #[error("this node's encryption key is not the one in the genesis")]
    EncryptionKey,
    #[error("the seed on disk is damaged or of another chain")]
    Seed,
    #[error("node {node} said two things in step {step}")]
    Equivocation { node: NodeIndex, step: &'static str },
    #[error("node {dealer} sent another dealing than it committed to")]
    Uncommitted { dealer: NodeIndex },
    #[error("node {dealer} dealt falsely: {error}")]
    Dealing { dealer: NodeIndex, error: DealingError },
    #[error("node {node} sent false keys: {error}")]
    Keys { node: NodeIndex, error: DealingError },
    #[error("node {node} says that node {about} committed to something that it did not sign")]
    FalseWitness { node: NodeIndex, about: NodeIndex },
    #[error("node {node} agreed to other keys")]
    Disagreement { node: NodeIndex },
    #[error("the keys do not add up: {0}")]
    Keyring(DealingError),
}

/// Why a message was dropped. It can be anybody's noise, so it stops nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("it came from another node than it names")]
    Sender,
    #[error("its signature does not hold: another key, or another genesis")]
    Signature,
    #[error("it is too large, or too small")]
    Size,
    #[error("its transcript is malformed, or not agreed to by all")]
    Transcript,
}

/// One node's ceremony.
pub struct Ceremony {
    keys: CeremonyKeys,
    own: NodeIndex,
    seed: Zeroizing<[u8; 32]>,
    dealing: Bytes,
    /// By node, then step: the first of each that was rightly signed.
    heard: Vec<[Option<CeremonyMessage>; 4]>,
    outcome: Option<Outcome>,
    /// Nodes whose step 3 was found good.
    checked: BTreeSet<NodeIndex>,
    phase: Phase,
    /// By node: when it was last sent the transcript.
    answered: Vec<Option<Time>>,
}

enum Phase {
    Running,
    Failed,
    Finished(Bytes),
}

impl Ceremony {
    /// A ceremony that waits for [`CeremonyInput::Started`]. `seed` is fresh randomness; after a restart
    /// `persisted`, what [`CeremonyEffect::Persist`] once wrote, takes its place.
    pub fn new(
        keys: CeremonyKeys,
        seed: [u8; 32],
        persisted: Option<&[u8]>,
    ) -> Result<Ceremony, CeremonyError> {
        let own = keys.committee.index_of(&keys.identity.public_key()).ok_or(CeremonyError::Stranger)?;
        if !keys.committee.encrypts_to(own, &keys.encryption) {
            return Err(CeremonyError::EncryptionKey);
        }
        let seed = match persisted {
            Some(bytes) => step::decode_seed(bytes, &keys.chain).ok_or(CeremonyError::Seed)?,
            None => Zeroizing::new(seed),
        };
        let dealing = dkg::deal(&seed, &keys.chain, &keys.committee, own).ok_or(CeremonyError::Stranger)?;
        let nodes = keys.committee.nodes();
        Ok(Ceremony {
            keys,
            own,
            seed,
            dealing: dealing.into(),
            heard: vec![Default::default(); nodes],
            outcome: None,
            checked: BTreeSet::new(),
            phase: Phase::Running,
            answered: vec![None; nodes],
        })
    }

    /// A ceremony that is over for this node; it answers nodes that missed the end.
    pub fn over(keys: CeremonyKeys, transcript: Bytes) -> Result<Ceremony, CeremonyError> {
        let mut ceremony = Ceremony::new(keys, [0; 32], None)?;
        ceremony.phase = Phase::Finished(transcript);
        Ok(ceremony)
    }

    /// The step that this node cannot finish, and the nodes whose word is missing; for people who wait.
    pub fn waiting_for(&self) -> Option<(&'static str, Vec<NodeIndex>)> {
        let running = matches!(self.phase, Phase::Running);
        let step = (COMMIT..=AGREE).find(|step| running && !self.all(*step))?;
        let heard = self.keys.committee.indexes().zip(&self.heard);
        let silent = heard.filter(|(_, heard)| heard[step].is_none()).map(|(node, _)| node);
        Some((STEPS[step], silent.collect()))
    }

    /// Takes one input; the effects are to be performed in order.
    pub fn handle(&mut self, now: Time, input: CeremonyInput) -> Vec<CeremonyEffect> {
        let mut effects = Vec::new();
        let outcome = match (&self.phase, input) {
            (Phase::Running, CeremonyInput::Started) => self.start(now, &mut effects),
            (Phase::Running, CeremonyInput::Timer) => {
                self.repeat(now, &mut effects);
                Ok(())
            }
            (Phase::Running, CeremonyInput::Peer(from, message)) => self.hear(from, message, &mut effects),
            (Phase::Finished(transcript), CeremonyInput::Peer(from, message)) => {
                let transcript = transcript.clone();
                self.answer(now, from, &message, transcript, &mut effects);
                Ok(())
            }
            (Phase::Finished(_) | Phase::Failed, _) => Ok(()),
        };
        if let Err(error) = outcome {
            self.phase = Phase::Failed;
            effects.push(CeremonyEffect::Failed(error));
        }
        effects
    }

    fn start(&mut self, now: Time, effects: &mut Vec<CeremonyEffect>) -> Result<(), CeremonyError> {
        effects.push(CeremonyEffect::Persist(step::encode_seed(&self.keys.chain, &self.seed)));
        effects.push(CeremonyEffect::SetTimer(now.plus_ms(CEREMONY_RETRANSMIT_MS)));
        self.advance(effects)
    }

    /// Says again everything said so far: any of it may have been lost on the way, or by a restart.
    fn repeat(&self, now: Time, effects: &mut Vec<CeremonyEffect>) {
        let said = self.heard.get(usize::from(self.own.0)).into_iter().flatten().flatten();
        effects.extend(said.cloned().map(CeremonyEffect::Broadcast));
        effects.push(CeremonyEffect::SetTimer(now.plus_ms(CEREMONY_RETRANSMIT_MS)));
    }

    fn hear(
        &mut self,
        from: NodeIndex,
        message: CeremonyMessage,
        effects: &mut Vec<CeremonyEffect>,
    ) -> Result<(), CeremonyError> {
        let heard = match self.check(from, &message) {
            Ok(()) => match message.step {
                CeremonyStep::Done(transcript) => self.conclude(transcript, effects),
                _ => self.keep(message)?,
            },
            Err(reason) => Err(reason),
        };
        match heard {
            Ok(()) if matches!(self.phase, Phase::Running) => self.advance(effects),
            Ok(()) => Ok(()),
            Err(reason) => {
                effects.push(CeremonyEffect::Refused { from, reason });
                Ok(())
            }
        }
    }

    /// Sender and sizes, which cost nothing to check.
    fn check(&self, from: NodeIndex, message: &CeremonyMessage) -> Result<(), Refusal> {
        if message.sender != from || usize::from(from.0) >= self.heard.len() || from == self.own {
            return Err(Refusal::Sender);
        }
        let fits = match &message.step {
            CeremonyStep::Commit(_) | CeremonyStep::Agree(_) => true,
            CeremonyStep::Deal(dealing) => dealing.len() <= DEALING_BYTES_MAX,
            CeremonyStep::Keys(keys) => keys.len() == transcript::keys_bytes(self.heard.len()),
            CeremonyStep::Done(transcript) => transcript.len() <= TRANSCRIPT_BYTES_MAX,
        };
        if fits { Ok(()) } else { Err(Refusal::Size) }
    }

    /// Says all that may now be said.
    fn advance(&mut self, effects: &mut Vec<CeremonyEffect>) -> Result<(), CeremonyError> {
        while let Some(step) = self.next_step()? {
            let message = self.say(step);
            effects.push(CeremonyEffect::Broadcast(message));
        }
        self.check_keys()?;
        self.check_agreements()?;
        if self.all(AGREE) { self.finish(effects) } else { Ok(()) }
    }

    /// What this node has not said yet, and may, since it heard the step before from everybody.
    fn next_step(&mut self) -> Result<Option<CeremonyStep>, CeremonyError> {
        let said = |step: usize| self.heard[usize::from(self.own.0)][step].is_some();
        Ok(match (COMMIT..=AGREE).find(|step| !said(*step)) {
            Some(COMMIT) => Some(CeremonyStep::Commit(sha256(&self.dealing))),
            Some(DEAL) if self.all(COMMIT) => Some(CeremonyStep::Deal(self.dealing.clone())),
            Some(KEYS) if self.all(DEAL) => Some(CeremonyStep::Keys(self.make_keys()?)),
            Some(AGREE) if self.all(KEYS) => {
                self.check_keys()?;
                let digest = transcript::digest(&self.keys.chain, &self.parts());
                Some(CeremonyStep::Agree(digest))
            }
            _ => None,
        })
    }

    /// Whether everybody's word of `step` is here.
    fn all(&self, step: usize) -> bool {
        self.heard.iter().all(|heard| heard[step].is_some())
    }

    /// Sends the transcript to a peer that is still at it, now and then.
    fn answer(
        &mut self,
        now: Time,
        from: NodeIndex,
        message: &CeremonyMessage,
        transcript: Bytes,
        effects: &mut Vec<CeremonyEffect>,
    ) {
        if matches!(message.step, CeremonyStep::Done(_)) || self.check(from, message).is_err() {
            return;
        }
        let Some(last) = self.answered.get_mut(usize::from(from.0)) else {
            return;
        };
        if last.is_some_and(|last| now < last.plus_ms(CEREMONY_RETRANSMIT_MS)) {
            return;
        }
        *last = Some(now);
        effects.push(CeremonyEffect::Send(from, self.sign(CeremonyStep::Done(transcript))));
    }

    fn say(&mut self, step: CeremonyStep) -> CeremonyMessage {
        let message = self.sign(step);
        self.heard[usize::from(self.own.0)][step_of(&message.step)] = Some(message.clone());
        message
    }

    fn sign(&self, step: CeremonyStep) -> CeremonyMessage {
        let signature = self.keys.identity.sign(step::DOMAIN, &signed_bytes(&self.keys.chain, &step));
        CeremonyMessage { sender: self.own, step, signature }
    }

    fn verify(&self, node: NodeIndex, step: &CeremonyStep, signature: &NodeSignature) -> bool {
        self.keys.committee.verify(node, step::DOMAIN, &signed_bytes(&self.keys.chain, step), signature)
    }
}

#[cfg(test)]
mod tests;
