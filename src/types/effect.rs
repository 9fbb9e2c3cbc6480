//! What goes into the replica machine and what comes out: plain data, performed in order.

use super::*;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Always the first input: what storage recovered.
    Started(Box<Recovered>),
    Peer(NodeIndex, PeerMessage),
    /// A user's call that this replica's HTTP interface authenticated.
    Ingress(Arc<SignedIngress>),
    /// A call that a peer gossiped and this node authenticated off the consensus thread.
    PeerIngress(Arc<SignedIngress>),
    /// Calls of a block that a peer sent, and whether their proofs hold, which was found out off the
    /// consensus thread.
    Bodies {
        from: NodeIndex,
        block: Digest,
        bodies: Vec<Body>,
    },
    /// Answer to [`Effect::FindCalls`]: those that are here, each in its place.
    CallsFound {
        block: Digest,
        calls: Vec<Option<Arc<SignedIngress>>>,
    },
    /// A call that some block of which consensus knows is missing has come; with the hash of its body.
    CallArrived {
        hash: Digest,
        ingress: Arc<SignedIngress>,
    },
    /// Time passed; `now` says how much. Sent at the moment last asked for by `SetTimer`.
    Timer,
    /// A height was executed and its changes handed to storage.
    Executed(Executed),
    /// Answer to [`Effect::SelectPayload`].
    Payload {
        view: View,
        payload: Payload,
    },
    /// Answer to [`Effect::ValidatePayload`].
    PayloadValidated {
        block: Digest,
        verdict: Verdict,
    },
    /// The ingress pool holds something that no block carries yet.
    PayloadWaiting,
    /// Something about the subnet itself that this replica's own interface took.
    System(Box<SystemMessage>),
    /// Answer to [`Effect::OpenEpoch`]: fresh randomness, which is on disk.
    Seed {
        epoch: Epoch,
        seed: Seed,
    },
}

/// The result of executing a height, as far as consensus may know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Executed {
    pub height: Height,
    pub root: StateRoot,
}

/// Whether a block's payload may be voted for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    Valid,
    /// Wrong forever: never vote for this block.
    Permanent(String),
    /// Not now: ask again when time or the chain has moved on.
    Transient(String),
}

/// Something to be done by the hands. Effects of one call are performed strictly in order.
#[derive(Clone, Debug)]
pub enum Effect {
    /// A barrier: no later effect is performed before this record is on disk.
    Persist(Record),
    Send(NodeIndex, PeerMessage),
    /// To every other node.
    Broadcast(PeerMessage),
    /// Call `handle` with [`Input::Timer`] at this moment; replaces the moment asked for before.
    SetTimer(Time),
    /// Heights come in order, each exactly once a run, from the recovered height on.
    Execute(Batch),
    Certified(Certification),
    /// An epoch begins, or it is known who comes with the next. Nothing after it is performed before its keys are on disk in the place of the old ones;
    /// then its members and guests are the peers. Answered by [`Input::Seed`] if this node holds shares.
    OpenEpoch(Box<NewEpoch>),
    /// Look up finalized blocks from `from` on and send them to `to` as one [`PeerMessage::Chain`].
    ServeChain {
        to: NodeIndex,
        from: Height,
    },
    /// This replica is so far behind that its peers have purged the blocks that it needs: fetch the state of this verified
    /// package, and start again from there. May come again, with newer packages, while that goes on.
    FetchState(Box<ChainSegment>),
    /// A call that this replica's HTTP interface took finds no room in the pool: its sender must be told.
    IngressRefused(RequestId),
    /// Stop this replica: it, or a quorum against it, disagrees about an executed state.
    Halt(Box<Divergence>),
    /// Inside the replica only: ask the ingress pool for a payload on top of `ancestors`
    /// (undelivered blocks, newest first). Answered by [`Input::Payload`].
    SelectPayload {
        view: View,
        time: Time,
        ancestors: Vec<Arc<Block>>,
    },
    /// Inside the replica only: may `block` be voted for on top of `ancestors`? `proven`: the proofs of its
    /// calls were checked when they came.
    ValidatePayload {
        hash: Digest,
        block: Arc<Block>,
        ancestors: Vec<Arc<Block>>,
        proven: bool,
    },
    /// Inside the replica only: which calls with these hashes are in the ingress pool? Answered by
    /// [`Input::CallsFound`].
    FindCalls {
        block: Digest,
        calls: Vec<Digest>,
    },
    /// Inside the replica only: a finalized block, oldest first, exactly once, with its beacon.
    /// The replica turns it into [`Effect::Execute`].
    Deliver {
        block: Arc<Block>,
        beacon: RandomBeacon,
    },
}

/// Secret randomness. Zeroized when dropped, never printed.
#[derive(Clone)]
pub struct Seed(pub Zeroizing<[u8; 32]>);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

/// A keyring (`Keyring::to_bytes`), and the key that opens this node's shares of the epoch after.
pub type SecretKeys = (Zeroizing<Vec<u8>>, Zeroizing<[u8; 32]>);

/// What the hands need of an epoch. Its secrets are never printed.
#[derive(Clone)]
pub struct NewEpoch {
    pub epoch: Epoch,
    /// To be stored; nothing if they are on disk.
    pub keys: Option<SecretKeys>,
    /// Whether this node holds shares.
    pub signs: bool,
    /// The members, in the order of `NodeIndex`.
    pub members: Vec<GenesisNode>,
    /// Those who come with the next epoch and listen already; as peers, they have the places after the members.
    pub guests: Vec<GenesisNode>,
}

impl fmt::Debug for NewEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let members = self.members.len();
        f.debug_struct("NewEpoch").field("epoch", &self.epoch).field("members", &members).finish()
    }
}

/// Evidence that this replica's state differs from what a quorum certified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Divergence {
    pub height: Height,
    pub own: StateRoot,
    pub certified: Certification,
}

/// What must be on disk before this replica goes on. One record, one key in `storage::schema`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// A vote, kept so that no restart can vote differently.
    Vote(Vote),
    /// A proposal this replica made, or voted for.
    Proposal {
        hash: Digest,
        proposal: Arc<Proposal>,
    },
    /// A block without its proposer's signature, learnt from a finalized chain.
    Block {
        hash: Digest,
        block: Arc<Block>,
    },
    Notarization(Notarization, RandomBeacon),
    Nullification(Nullification, RandomBeacon),
    /// The block at `height` is final: `finalization` names it or a descendant.
    Finalized {
        height: Height,
        hash: Digest,
        beacon: RandomBeacon,
        finalization: Finalization,
    },
    Certification(Certification),
    /// No vote that was lost can be of a later view than `until` (`Recovered::votes_lost`).
    Recollected {
        until: View,
    },
    /// What an ended epoch built on top of its last block, down to the block that `finalization` names, which
    /// proves that the last block is final. Takes the place of the one before.
    Void {
        blocks: Vec<(Arc<Block>, RandomBeacon)>,
        finalization: Finalization,
    },
}

/// The three votes a replica can give in a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vote {
    Notarize { view: View, block: Digest },
    Nullify { view: View },
    Finalize { view: View, block: Digest },
}

impl Vote {
    /// The view in which the vote was given.
    pub fn view(&self) -> View {
        match self {
            Vote::Notarize { view, .. } | Vote::Nullify { view } | Vote::Finalize { view, .. } => *view,
        }
    }
}

/// What a restart finds on disk.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// Last height whose execution is committed; 0 before the first.
    pub executed: Height,
    /// Root after `executed`; `None` at genesis.
    pub root: Option<StateRoot>,
    /// The newest certification on disk.
    pub certification: Option<Certification>,
    /// Finalized blocks from `executed` (inclusive, when it is not 0) to the finalized tip, oldest
    /// first, each with its hash and beacon.
    pub finalized: Vec<(Digest, Arc<Block>, RandomBeacon)>,
    /// The finalization that names the finalized tip, or the block above it that proved it final.
    pub finalization: Option<Finalization>,
    /// Proposals above the finalized tip.
    pub proposals: Vec<(Digest, Arc<Proposal>)>,
    /// Notarizations of views above the finalized tip's.
    pub notarizations: Vec<(Notarization, RandomBeacon)>,
    /// Nullifications of views above the finalized tip's.
    pub nullifications: Vec<(Nullification, RandomBeacon)>,
    /// Own votes in views above the finalized tip's.
    pub votes: Vec<Vote>,
    /// Requests executed at or below `executed` that have not expired, with their expiry: without
    /// them a restarted replica would vote for blocks that carry them again. From the state's
    /// ingress history: storage leaves this empty, and whoever restores the state fills it in.
    pub executed_requests: Vec<(RequestId, Time)>,
    /// Votes that this node gave before may be lost: it must say nothing that could contradict them.
    pub votes_lost: bool,
    /// In no view up to this one is it known what this node voted: it votes in none of them any more.
    pub votes_lost_until: View,
    /// Who the members are after `executed` (`membership::Succession::encode`): from the state, filled in
    /// likewise. `None` before the first height.
    pub succession: Option<Bytes>,
}
