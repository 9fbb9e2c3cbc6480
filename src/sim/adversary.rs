//! Sinners: functions from effects to effects around an honest replica. Each has one sin and the node's
//! true keys; what it adds is signed as well as anything the honest replica says.

mod babbler;
mod boaster;
mod conspirator;
mod double_voter;
mod equivocator;
mod false_dealer;
mod flooder;
mod forger;
mod miser;
mod perjurer;
mod replayer;
mod usurper;
mod withholder;

use super::random::Random;
use crate::crypto::hash::hash_header;
use crate::crypto::node_key::IdentityKey;
use crate::crypto::threshold::{Keyring, Statement};
use crate::types::*;
use std::sync::Arc;

/// What a node does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sin {
    /// As leader proposes two blocks to two halves; votes for both, and to give the view up.
    Equivocator,
    /// Notarizes, finalizes and nullifies whatever it hears of.
    DoubleVoter,
    /// Its shares and certificates are garbage, or shares of another message.
    Forger,
    /// Says old certificates and standings again.
    Replayer,
    /// Sends shares and blocks of views and heights that are not here yet.
    Flooder,
    /// Builds where no block may stand, also out of its turn.
    Usurper,
    /// Two honest copies of one node, each with a disk of its own, which know nothing of each other.
    Twin,
    /// Keeps calls to itself, and proposes some that nobody has.
    Miser,
    /// Keeps shares, proposals or certificates from some or all.
    Withholder,
    /// Deals its shares out again so that somebody gets bad ones.
    FalseDealer,
    /// Sends damaged, misplaced, extreme and foreign messages.
    Babbler,
    /// Its clock is minutes wrong: the blocks that it proposes are of another time.
    Anachronist,
    /// Leaves for good when the storm is over: the others must live without it.
    Deserter,
    /// Claims heights that nobody has, and serves none. Only in runs of its own: in the swarm it would change what all
    /// other seeds mean.
    Boaster,
    /// Asserts old certifications of heights to come. Only where members change: elsewhere the seeds' meaning would.
    Perjurer,
    /// Only for controls: says nothing at all that is signed.
    Mute,
    /// Only for controls: with others like it, notarizes and finalizes everything for everybody.
    Conspirator,
}

impl Sin {
    /// The sins of a swarm.
    pub const ALLOWED: &[Sin] = &[
        Sin::Equivocator,
        Sin::DoubleVoter,
        Sin::Forger,
        Sin::Replayer,
        Sin::Flooder,
        Sin::Usurper,
        Sin::Twin,
        Sin::Withholder,
        Sin::Miser,
        Sin::FalseDealer,
        Sin::Babbler,
        Sin::Anachronist,
        Sin::Deserter,
    ];

    /// The sins where members change. Nobody deals falsely: who comes late and was dealt bad shares has none for an
    /// epoch (`membership`), and with it more could be missing than the protocol bears.
    pub fn among_changes() -> Vec<Sin> {
        let swarm = Sin::ALLOWED.iter().copied().filter(|sin| *sin != Sin::FalseDealer);
        swarm.chain([Sin::Boaster, Sin::Perjurer]).collect()
    }
}

/// A node's secrets, as its sin needs them.
#[derive(Clone)]
pub struct Keys {
    pub keyring: Keyring,
    pub identity: IdentityKey,
}

/// The hash of the block that is proposed.
fn hash_of(proposal: &CompactProposal) -> Digest {
    hash_header(&proposal.header, &proposal.calls)
}

/// One sinner.
pub struct Adversary {
    sin: Sin,
    /// Its place among the members, which its keyring does not know in an epoch whose shares it lacks.
    place: NodeIndex,
    keys: Keys,
    random: Random,
    withheld: withholder::Withheld,
    fellows: Vec<NodeIndex>,
    /// What the replayer says again, and the call that the miser sends in place of others.
    kept: Vec<PeerMessage>,
    /// Blocks that the usurper may build on.
    known: Vec<(Digest, Arc<Block>)>,
    /// The newest block, and the highest height, of which the flooder heard.
    seen: Option<Arc<CompactProposal>>,
    height: u64,
    /// Deeds done, for the tally.
    deeds: u64,
}

impl Adversary {
    /// A node that commits `sin`; `fellows` are all that commit the same.
    pub fn new(sin: Sin, keys: Keys, fellows: Vec<NodeIndex>, mut random: Random) -> Adversary {
        let withheld = withholder::Withheld::draw(sin, &mut random);
        Adversary {
            sin,
            place: keys.keyring.own(),
            keys,
            random,
            withheld,
            fellows,
            kept: Vec::new(),
            known: Vec::new(),
            seen: None,
            height: 0,
            deeds: 0,
        }
    }

    /// What the node does in place of `effects`.
    pub fn twist(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let twisted = effects.into_iter().flat_map(|effect| match self.sin {
            Sin::Equivocator => self.equivocate(effect),
            Sin::Withholder | Sin::Mute => self.withhold(effect),
            Sin::Forger => self.forge(effect).into_iter().collect(),
            Sin::Boaster => self.boast(effect).into_iter().collect(),
            Sin::FalseDealer => vec![self.deal_falsely(effect)],
            Sin::Perjurer => self.perjure(effect),
            Sin::Usurper => self.usurp(effect),
            Sin::Miser => self.keep_back(effect),
            Sin::Conspirator => self.conspire(effect),
            Sin::DoubleVoter
            | Sin::Replayer
            | Sin::Flooder
            | Sin::Twin
            | Sin::Babbler
            | Sin::Anachronist
            | Sin::Deserter => vec![effect],
        });
        twisted.collect()
    }

    /// What the node does besides, having heard `message`.
    pub fn hear(&mut self, message: &PeerMessage) -> Vec<Effect> {
        match self.sin {
            Sin::Babbler => self.babble(message),
            Sin::Conspirator => self.join_in(message),
            Sin::DoubleVoter => self.vote_again(message),
            Sin::Replayer => self.replay(message),
            Sin::Flooder => self.flood(message),
            Sin::Usurper => self.out_of_turn(message),
            Sin::Miser => self.answer_falsely(message),
            Sin::Equivocator
            | Sin::Forger
            | Sin::Twin
            | Sin::Withholder
            | Sin::FalseDealer
            | Sin::Anachronist
            | Sin::Deserter
            | Sin::Boaster
            | Sin::Perjurer
            | Sin::Mute => Vec::new(),
        }
    }

    /// The node has keys of another epoch now, and this place in it, if any.
    pub fn rekey(&mut self, keyring: Keyring, place: Option<NodeIndex>) {
        self.place = place.unwrap_or(keyring.own());
        self.keys.keyring = keyring;
    }

    /// How many times it sinned.
    pub fn deeds(&self) -> u64 {
        self.deeds
    }

    fn own(&self) -> NodeIndex {
        self.keys.keyring.own()
    }

    /// Every other node.
    fn others(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        let own = self.place;
        (0..self.keys.keyring.nodes()).map(|node| NodeIndex(node as u16)).filter(move |node| *node != own)
    }
}

impl Keys {
    /// The block of this header and these calls, signed as its proposer would sign it.
    pub fn propose(&self, header: Block, calls: Vec<Digest>) -> Arc<CompactProposal> {
        let hash = hash_header(&header, &calls);
        let message = [self.keyring.chain().0, hash.0].concat();
        let signature = self.identity.sign("atoll-proposal", &message);
        Arc::new(CompactProposal { header, calls, signature })
    }

    fn notarize(&self, view: View, block: Digest) -> PeerMessage {
        PeerMessage::NotarizationShare(NotarizationShare {
            view,
            block,
            signer: self.keyring.own(),
            share: self.keyring.sign_share(&Statement::Notarize { view, block }),
            beacon: self.keyring.sign_share(&Statement::Beacon { view }),
        })
    }

    fn nullify(&self, view: View) -> PeerMessage {
        PeerMessage::NullificationShare(NullificationShare {
            view,
            signer: self.keyring.own(),
            share: self.keyring.sign_share(&Statement::Nullify { view }),
            beacon: self.keyring.sign_share(&Statement::Beacon { view }),
        })
    }

    fn finalize(&self, view: View, block: Digest) -> PeerMessage {
        let share = self.keyring.sign_share(&Statement::Finalize { view, block });
        PeerMessage::FinalizationShare(FinalizationShare { view, block, signer: self.keyring.own(), share })
    }
}
