//! A replica that breaks the rules, with its true keys, for tests of the honest ones. Only in builds with the feature
//! `malicious`, which no release can have: it does not compile without debug assertions, and `tests/supply.rs` looks
//! for [`MARK`] in the binary.

#[cfg(not(debug_assertions))]
compile_error!("the feature `malicious` is for test builds, with debug assertions: `make malicious`");

use crate::consensus::Keys;
use crate::crypto::hash::hash_block;
use crate::crypto::threshold::Statement;
use crate::types::*;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

/// Written at every start.
const MARK: &str = "[MALICIOUS]";
const PROPOSAL_DOMAIN: &str = "atoll-proposal";

static BEHAVIOUR: OnceLock<Behaviour> = OnceLock::new();

/// What a replica does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behaviour {
    /// As leader proposes two blocks to two halves; votes for both, and in each of its views also to give it up.
    Equivocate,
    /// Its shares are signatures of something else.
    BadShares,
}

impl FromStr for Behaviour {
    type Err = String;

    fn from_str(text: &str) -> Result<Behaviour, String> {
        match text {
            "equivocate" => Ok(Behaviour::Equivocate),
            "bad-shares" => Ok(Behaviour::BadShares),
            other => Err(format!("{other} is neither equivocate nor bad-shares")),
        }
    }
}

/// What this process's replica does wrong from its start on.
pub fn behave(behaviour: Behaviour) {
    eprintln!("{MARK} this replica does {behaviour:?}");
    BEHAVIOUR.get_or_init(|| behaviour);
}

/// The liar, with its keys.
pub struct Malice(pub Keys);

impl Malice {
    /// What is done in the place of `effects`.
    pub fn twist(&self, effects: Vec<Effect>) -> Vec<Effect> {
        match BEHAVIOUR.get() {
            None => effects,
            Some(Behaviour::Equivocate) => {
                effects.into_iter().flat_map(|effect| self.equivocate(effect)).collect()
            }
            Some(Behaviour::BadShares) => effects.into_iter().map(|effect| self.spoil(effect)).collect(),
        }
    }

    fn equivocate(&self, effect: Effect) -> Vec<Effect> {
        match &effect {
            Effect::Broadcast(PeerMessage::Proposal(left)) if left.block.proposer == self.own() => {
                let right = self.twin(left);
                let halves = self.others().map(|node| {
                    let proposal = if node.0 % 2 == 0 { left } else { &right };
                    Effect::Send(node, PeerMessage::Proposal(Arc::clone(proposal)))
                });
                let votes = [left, &right].map(|proposal| {
                    Effect::Broadcast(self.notarize(proposal.block.view, hash_block(&proposal.block)))
                });
                let mut effects: Vec<Effect> = halves.collect();
                effects.extend(votes);
                effects.push(Effect::Broadcast(self.nullify(left.block.view)));
                effects
            }
            _ => vec![effect],
        }
    }

    fn spoil(&self, effect: Effect) -> Effect {
        let Effect::Broadcast(message) = effect else { return effect };
        Effect::Broadcast(match message {
            PeerMessage::NotarizationShare(share) => PeerMessage::NotarizationShare(NotarizationShare {
                share: self.other_share(share.view),
                ..share
            }),
            PeerMessage::FinalizationShare(share) => PeerMessage::FinalizationShare(FinalizationShare {
                share: self.other_share(share.view),
                ..share
            }),
            other => other,
        })
    }

    /// A share of this node's over a statement that nobody asked for.
    fn other_share(&self, view: View) -> SignatureShare {
        self.0.keyring.sign_share(&Statement::Nullify { view: View(view.0.saturating_add(1_000_000)) })
    }

    /// Another block for the same place, as valid.
    fn twin(&self, proposal: &Proposal) -> Arc<Proposal> {
        let block = &proposal.block;
        let block =
            Block { time: block.time.saturating_add(Time(1)), payload: Payload::default(), ..block.clone() };
        let message = [self.0.keyring.chain().0, hash_block(&block).0].concat();
        Arc::new(Proposal { signature: self.0.identity.sign(PROPOSAL_DOMAIN, &message), block })
    }

    fn notarize(&self, view: View, block: Digest) -> PeerMessage {
        PeerMessage::NotarizationShare(NotarizationShare {
            view,
            block,
            signer: self.own(),
            share: self.0.keyring.sign_share(&Statement::Notarize { view, block }),
            beacon: self.0.keyring.sign_share(&Statement::Beacon { view }),
        })
    }

    fn nullify(&self, view: View) -> PeerMessage {
        PeerMessage::NullificationShare(NullificationShare {
            view,
            signer: self.own(),
            share: self.0.keyring.sign_share(&Statement::Nullify { view }),
            beacon: self.0.keyring.sign_share(&Statement::Beacon { view }),
        })
    }

    fn own(&self) -> NodeIndex {
        self.0.keyring.own()
    }

    fn others(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        let own = self.own();
        (0..self.0.keyring.nodes())
            .filter_map(|node| u16::try_from(node).ok())
            .map(NodeIndex)
            .filter(move |node| *node != own)
    }
}
