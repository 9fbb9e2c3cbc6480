//! One simulated node: the production replica, with a disk, a clock and an executor of its own, and
//! perhaps a sinner around it.

use super::adversary::Adversary;
use super::clock::Clock;
use super::disk::{Disk, DiskError};
use super::executor::Executor;
use crate::crypto::node_key::{Committee, IdentityKey};
use crate::crypto::threshold::Keyring;
use crate::membership::Succession;
use crate::replica::{Keys, Replica};
use crate::storage::Memory;
use crate::types::*;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Views ahead of the current one about which a replica may keep something, and two at the edges.
const VIEWS_AHEAD: usize = 66;

/// A node, up or down.
pub struct Host {
    /// Which node it is: the first members are the first of all.
    pub member: NodeIndex,
    /// The keys on its disk.
    pub keyring: Keyring,
    pub identity: IdentityKey,
    pub committee: Committee,
    pub genesis: Arc<Genesis>,
    /// The members before the first block.
    pub first: Succession,
    pub clock: Clock,
    pub disk: Disk,
    pub adversary: Option<Adversary>,
    /// `None` while it is down.
    pub life: Option<Life>,
    /// Counts lives, so that events of an earlier one find nobody.
    pub incarnation: u32,
    /// What a peer gets that asks for blocks which are purged here; on disk.
    pub offer: Option<(ChainSegment, Memory)>,
    /// When it lost its disk last: what was under way to it then is lost with its connections.
    pub wiped: Option<Time>,
    /// The height to which it does not hold again what was lost with its disk.
    pub lacks: Option<Height>,
    /// Stands still until then.
    pub paused_until: Time,
}

/// What a node has in memory.
pub struct Life {
    pub replica: Replica,
    pub executor: Executor,
    /// Effects to be performed, in order.
    pub outbox: VecDeque<Effect>,
    /// Inputs that wait until the outbox is empty.
    pub inbox: VecDeque<Input>,
    /// A barrier is under way: how much of the log it makes safe.
    pub syncing: Option<usize>,
    pub batches: VecDeque<Batch>,
    /// A state that may be offered once it is certified.
    pub frozen: Option<(Height, Memory)>,
    /// A state is being fetched.
    pub fetching: bool,
    /// The nodes that it takes messages from and sends them to, by place: the members and guests of its epoch.
    pub peers: Vec<NodeIndex>,
    /// The replica knows of other peers than these already: until they are met, what comes is of no place.
    pub moving: bool,
    /// What each node was offered last: held on to while it may be fetched, whatever is offered to others by then.
    pub lent: BTreeMap<NodeIndex, (ChainSegment, Memory)>,
    /// The moment asked for, by the node's clock, and how often one was asked for.
    pub timer: (Time, u64),
}

impl Host {
    /// Starts the node from its disk; the replica has yet to be told what was recovered.
    ///
    /// # Errors
    /// The disk does not make sense.
    pub fn start(&mut self) -> Result<Recovered, DiskError> {
        let (recovered, executor) = self.disk.recover()?;
        let (keyring, identity) = (self.keyring.clone(), self.identity.clone());
        let keys = Keys::simulated(keyring, identity, &self.committee, self.genesis.epoch_length);
        let keys = Keys { genesis: self.first.clone(), ..keys };
        self.life = Some(Life {
            replica: Replica::new(keys, &self.genesis),
            executor,
            outbox: VecDeque::new(),
            inbox: VecDeque::new(),
            syncing: None,
            batches: VecDeque::new(),
            frozen: None,
            fetching: false,
            peers: self.committee.indexes().collect(),
            moving: false,
            lent: BTreeMap::new(),
            timer: (Time::ZERO, 0),
        });
        Ok(recovered)
    }

    /// These are the peers now, the members first; the keys of an epoch are on disk, if there are any.
    pub fn open_epoch(&mut self, opened: &NewEpoch, peers: Vec<NodeIndex>) {
        let Some(life) = &mut self.life else { return };
        let place = peers.iter().take(opened.members.len()).position(|peer| *peer == self.member);
        if life.peers != peers {
            life.inbox.retain(|input| !matches!(input, Input::Peer(..)));
        }
        life.peers = peers;
        if opened.keys.is_none() {
            return;
        }
        self.keyring = life.replica.consensus().keyring().clone();
        if let Some(adversary) = &mut self.adversary {
            adversary.rekey(self.keyring.clone(), place.map(|place| NodeIndex(place as u16)));
        }
    }

    /// Who stands at `place` for it; at first, that are the first members.
    pub fn peer(&self, place: NodeIndex) -> Option<NodeIndex> {
        self.life.as_ref()?.peers.get(usize::from(place.0)).copied()
    }

    /// At which place `node` stands for it: it takes nothing from others.
    pub fn place_of(&self, node: NodeIndex) -> Option<NodeIndex> {
        let life = self.life.as_ref().filter(|life| !life.moving)?;
        let place = life.peers.iter().position(|peer| *peer == node)?;
        Some(NodeIndex(place as u16))
    }

    /// Hands one input to the replica: whether it opens an epoch; `Err` is the text of a panic.
    pub fn handle(&mut self, now: Time, input: Input) -> Result<bool, String> {
        let local = self.clock.read(now);
        let Some(life) = &mut self.life else {
            return Ok(false);
        };
        let heard = match (&mut self.adversary, &input) {
            (Some(adversary), Input::Peer(_, message)) => adversary.hear(message),
            _ => Vec::new(),
        };
        let replica = &mut life.replica;
        let handled = catch_unwind(AssertUnwindSafe(|| replica.handle(local, input)));
        let mut effects = handled.map_err(|panic| panic_text(&*panic))?;
        if let Some(adversary) = &mut self.adversary {
            effects = adversary.twist(effects);
        }
        let opens = effects.iter().any(|effect| matches!(effect, Effect::OpenEpoch(_)));
        life.outbox.extend(effects);
        life.outbox.extend(heard);
        Ok(opens)
    }

    /// Whether what it lost with its disk is not made good yet: it gives no votes, or would give none after a crash,
    /// for want of memory or of shares; or others hold more.
    pub fn is_impaired(&mut self) -> bool {
        let Some(height) = self.lacks else { return false };
        let remembers = self.disk.lacks_votes() == Ok(false);
        let whole = self.life.as_ref().is_some_and(|life| {
            let consensus = life.replica.consensus();
            let votes = consensus.is_voter() || !life.peers.contains(&self.member);
            remembers && votes && life.replica.status().certified >= height
        });
        self.lacks = self.lacks.filter(|_| !whole);
        !whole
    }

    /// Where the replica says that it stands.
    pub fn status(&self) -> Option<PeerStatus> {
        self.life.as_ref().map(|life| life.replica.status())
    }
}

impl Life {
    /// What has grown beyond its bound: effects that wait beyond `effects`, calls that wait beyond all
    /// `calls` there ever were, views kept beyond those that are open and those that may be ahead.
    pub fn excess(&self, effects: usize, calls: usize) -> Option<String> {
        let consensus = self.replica.consensus();
        let open = consensus.view().saturating_sub(consensus.finalized_view()).0;
        let views = usize::try_from(open).unwrap_or(usize::MAX).saturating_add(VIEWS_AHEAD);
        let (waiting, _) = self.replica.waiting();
        match () {
            () if self.outbox.len() > effects => Some(format!("{} effects wait", self.outbox.len())),
            () if waiting > calls => Some(format!("{waiting} of {calls} calls wait")),
            () if consensus.views_kept() > views => {
                Some(format!("{} views kept, {open} open", consensus.views_kept()))
            }
            () => None,
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_string()
}
