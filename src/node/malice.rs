//! A replica that breaks the rules, with its true keys, for tests of the honest ones. Only in builds with the feature
//! `malicious`, which no release can have: it does not compile without debug assertions, and `tests/supply.rs` looks
//! for [`MARK`] in the binary; and in unit tests, so that it goes on compiling.

#[cfg(all(feature = "malicious", not(debug_assertions)))]
compile_error!("the feature `malicious` is for test builds, with debug assertions: `make malicious`");

use crate::consensus::Keys;
use crate::crypto::hash::hash_header;
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
            Some(behaviour) => self.misbehave(*behaviour, effects),
        }
    }

    fn misbehave(&self, behaviour: Behaviour, effects: Vec<Effect>) -> Vec<Effect> {
        match behaviour {
            Behaviour::Equivocate => effects.into_iter().flat_map(|effect| self.equivocate(effect)).collect(),
            Behaviour::BadShares => effects.into_iter().map(|effect| self.spoil(effect)).collect(),
        }
    }

    fn equivocate(&self, effect: Effect) -> Vec<Effect> {
        match &effect {
            Effect::Broadcast(PeerMessage::Proposal(left)) if left.header.proposer == self.own() => {
                let right = self.twin(left);
                let halves = self.others().map(|node| {
                    let proposal = if node.0 % 2 == 0 { left } else { &right };
                    Effect::Send(node, PeerMessage::Proposal(Arc::clone(proposal)))
                });
                let votes = [left, &right].map(|proposal| {
                    let hash = hash_header(&proposal.header, &proposal.calls);
                    Effect::Broadcast(self.notarize(proposal.header.view, hash))
                });
                let mut effects: Vec<Effect> = halves.collect();
                effects.extend(votes);
                effects.push(Effect::Broadcast(self.nullify(left.header.view)));
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
    fn twin(&self, proposal: &CompactProposal) -> Arc<CompactProposal> {
        let time = proposal.header.time.saturating_add(Time(1));
        let header = Block { time, payload: Payload::default(), ..proposal.header.clone() };
        let calls = Vec::new();
        let message = [self.0.keyring.chain().0, hash_header(&header, &calls).0].concat();
        let signature = self.0.identity.sign(PROPOSAL_DOMAIN, &message);
        Arc::new(CompactProposal { header, calls, signature })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::node_key;
    use crate::crypto::threshold::Keyring;
    use std::collections::BTreeSet;

    const CHAIN: ChainId = Digest([7; 32]);

    fn liar() -> Malice {
        let (identities, committee) = node_key::simulated(CHAIN, 4);
        let keyring = Keyring::dealt(CHAIN, 4).swap_remove(0);
        Malice(Keys::simulated(keyring, identities[0].clone(), &committee, 0))
    }

    #[test]
    fn an_equivocator_says_two_things_and_both_are_signed() {
        let liar = liar();
        let header = Block {
            view: View(3),
            height: Height(3),
            parent: Digest([1; 32]),
            parent_view: View(2),
            proposer: liar.own(),
            time: Time(5),
            attendance: Attendance::default(),
            payload: Payload::default(),
        };
        let signature = NodeSignature([0; 64]);
        let proposal = Arc::new(CompactProposal { header, calls: vec![Digest([2; 32])], signature });
        let said = vec![Effect::Broadcast(PeerMessage::Proposal(proposal))];
        let (mut sent, mut voted) = (BTreeSet::new(), BTreeSet::new());
        for effect in liar.misbehave(Behaviour::Equivocate, said) {
            match effect {
                Effect::Send(_, PeerMessage::Proposal(proposal)) => {
                    sent.insert(hash_header(&proposal.header, &proposal.calls));
                }
                Effect::Broadcast(PeerMessage::NotarizationShare(share)) => {
                    let statement = Statement::Notarize { view: share.view, block: share.block };
                    assert!(liar.0.keyring.verify_share(&statement, share.signer, &share.share));
                    voted.insert(share.block);
                }
                _ => {}
            }
        }
        assert_eq!((sent.len(), &sent), (2, &voted));
    }

    #[test]
    fn a_bad_share_is_of_something_else() {
        let liar = liar();
        let honest = liar.notarize(View(3), Digest([1; 32]));
        let said = vec![Effect::Broadcast(honest)];
        let effects = liar.misbehave(Behaviour::BadShares, said);
        let [Effect::Broadcast(PeerMessage::NotarizationShare(share))] = effects.as_slice() else {
            panic!("{} effects", effects.len());
        };
        let statement = Statement::Notarize { view: share.view, block: share.block };
        assert!(!liar.0.keyring.verify_share(&statement, share.signer, &share.share));
    }
}
