//! The replica's thread (rule 1): inputs one by one, effects in order.

use super::ceremony::Latecomers;
use super::certified::Certifier;
use super::checkpoint::Checkpoints;
use super::evidence::write_evidence;
use super::jobs::{ChainDoor, ChainJob};
use super::key::KeyDir;
use super::mailbox::{Admitted, Event, Mailbox};
use super::peers::PeerBook;
use super::stall::Progress;
use super::sync::News;
use super::{End, NodeError, wall_clock};
use crate::ingress::PoolFull;
use crate::membership::Succession;
use crate::membership::change::ChangeError;
use crate::net::{Net, Received};
use crate::replica::Replica;
use crate::storage::Rocks;
use crate::telemetry::Metrics;
use crate::types::limits::{TURN_CALLS_MAX, TURN_EVENTS_MAX};
use crate::types::*;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The replica between its mailbox and the outside.
pub struct Order {
    pub replica: Replica,
    pub latecomers: Latecomers,
    pub mailbox: Arc<Mailbox>,
    pub outside: Outside,
}

/// Where effects go.
pub struct Outside {
    pub chain: ChainId,
    pub peers: PeerBook,
    pub data_dir: PathBuf,
    pub key_dir: KeyDir,
    pub mailbox: Arc<Mailbox>,
    pub rocks: Arc<Rocks>,
    pub net: Arc<Net>,
    pub certifier: Arc<Certifier>,
    pub metrics: Arc<Metrics>,
    pub batches: SyncSender<Batch>,
    pub chain_jobs: ChainDoor,
    pub checkpoints: Arc<Checkpoints>,
    pub sync: SyncSender<News>,
    pub timer: Option<Instant>,
    #[cfg(feature = "malicious")]
    pub malice: super::malice::Malice,
}

impl Order {
    /// Runs until told to stop, or until the replica halts itself.
    ///
    /// # Errors
    /// The disk fails.
    pub fn run(mut self, recovered: Recovered) -> Result<Option<End>, NodeError> {
        let started = Input::Started(Box::new(recovered));
        let mut effects = self.replica.handle(wall_clock(), started);
        let mut progress = Progress::new(Instant::now());
        loop {
            if let Some(end) = self.outside.perform(effects)? {
                return Ok(Some(end));
            }
            self.outside.metrics.view(self.replica.status().view, self.replica.consensus().is_silent());
            progress.look(Instant::now(), &self.replica, &self.outside.metrics);
            let events = self.mailbox.take(TURN_EVENTS_MAX, TURN_CALLS_MAX, self.outside.timer);
            if events.iter().any(|event| matches!(event, Event::Stop)) {
                return Ok(Some(End::Stopped));
            }
            effects = Vec::new();
            for event in events {
                let follow = self.take(event);
                let opens = follow.iter().any(|effect| matches!(effect, Effect::OpenEpoch(_)));
                effects.extend(follow);
                // Places are others' from here on: what came of the earlier ones is told by its generation.
                if opens && let Some(end) = self.outside.perform(std::mem::take(&mut effects))? {
                    return Ok(Some(end));
                }
            }
            if self.outside.timer.is_some_and(|deadline| deadline <= Instant::now()) {
                self.outside.timer = None;
                effects.extend(self.replica.handle(wall_clock(), Input::Timer));
            }
        }
    }

    /// What an event brought is let go here; so is its sender's room.
    fn take(&mut self, event: Event) -> Vec<Effect> {
        let input = match event {
            Event::Peer(received) => return self.take_message(&received),
            Event::PeerIngress { ingress, .. } => Input::PeerIngress(ingress),
            Event::Bodies { room, .. } if self.is_stale(&room) => return Vec::new(),
            Event::Bodies { block, bodies, room } => Input::Bodies { from: room.from, block, bodies },
            Event::Ingress { ingress, answer, .. } => return self.take_call(ingress, answer),
            Event::Executed(executed) => Input::Executed(executed),
            Event::Change { change, answer, .. } => {
                let verdict = self.succession().changed(self.next_height(), &change);
                return self.take_members(verdict, SystemMessage::Change(*change), answer);
            }
            Event::Order { order, answer, .. } => {
                let verdict = self.succession().ordered(self.next_height(), &order);
                return self.take_members(verdict, SystemMessage::Order(*order), answer);
            }
            Event::Seed { epoch, seed } => Input::Seed { epoch, seed },
            Event::Stop => return Vec::new(),
        };
        self.replica.handle(wall_clock(), input)
    }

    /// The client hears at once whether its call has found room.
    fn take_call(&mut self, ingress: Arc<SignedIngress>, answer: Admitted) -> Vec<Effect> {
        let effects = self.replica.handle(wall_clock(), Input::Ingress(ingress));
        let refused = effects.iter().any(|effect| matches!(effect, Effect::IngressRefused(_)));
        let _ = answer.send(if refused { Err(PoolFull) } else { Ok(()) });
        effects
    }

    fn succession(&self) -> &Succession {
        self.replica.consensus().succession()
    }

    fn next_height(&self) -> Height {
        self.replica.status().finalized.next()
    }

    /// Whoever brings a change of the membership hears at once whether it may be made.
    fn take_members(
        &mut self,
        verdict: Result<Vec<GenesisNode>, ChangeError>,
        message: SystemMessage,
        answer: oneshot::Sender<Result<(), String>>,
    ) -> Vec<Effect> {
        let refused = verdict.is_err();
        let _ = answer.send(verdict.map(drop).map_err(|error| error.to_string()));
        if refused {
            return Vec::new();
        }
        self.replica.handle(wall_clock(), Input::System(Box::new(message)))
    }

    /// Whether its sender's place may be another's by now.
    fn is_stale(&self, received: &Received) -> bool {
        received.generation != self.outside.net.generation()
    }

    fn take_message(&mut self, received: &Received) -> Vec<Effect> {
        if self.is_stale(received) {
            return Vec::new();
        }
        match &received.message {
            PeerMessage::Ceremony(message) => {
                self.latecomers.answer(received.from, message, &self.outside.net);
                Vec::new()
            }
            message => self.replica.handle(wall_clock(), Input::Peer(received.from, message.clone())),
        }
    }
}

impl Outside {
    /// Records first, in one synced batch, then the rest in order. To write a record earlier than
    /// asked is always right; later never is.
    fn perform(&mut self, effects: Vec<Effect>) -> Result<Option<End>, NodeError> {
        let mut records = Vec::new();
        let mut rest = Vec::new();
        for effect in effects {
            match effect {
                Effect::Persist(record) => records.push(record),
                other => rest.push(other),
            }
        }
        self.persist(&records)?;
        #[cfg(feature = "malicious")]
        let rest = self.malice.twist(rest);
        for effect in rest {
            if let Some(end) = self.perform_one(effect)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    fn persist(&self, records: &[Record]) -> Result<(), NodeError> {
        if records.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        self.rocks.persist(records)?;
        self.metrics.persisted(started.elapsed());
        for record in records {
            match record {
                Record::Proposal { proposal, .. } => self.metrics.proposed(proposal.block.height),
                Record::Nullification(..) => self.metrics.nullified(),
                _ => {}
            }
        }
        Ok(())
    }

    fn perform_one(&mut self, effect: Effect) -> Result<Option<End>, NodeError> {
        match effect {
            Effect::Send(to, message) => {
                self.metrics.sent(&message);
                self.net.send(to, &message);
            }
            Effect::Broadcast(message) => {
                self.metrics.sent(&message);
                self.net.broadcast(&message);
            }
            Effect::SetTimer(at) => {
                let wait = Duration::from_nanos(at.saturating_sub(wall_clock()).0);
                self.timer = Instant::now().checked_add(wait);
            }
            Effect::Execute(batch) => self.execute(batch),
            Effect::Certified(certification) => {
                self.certifier.certified(certification);
                if self.checkpoints.awaits(certification.height) {
                    self.chain_jobs.put(ChainJob::Certified(certification));
                }
            }
            Effect::ServeChain { to, from } => self.chain_jobs.put(ChainJob::Serve { to, from }),
            Effect::FetchState(package) => {
                let _ = self.sync.try_send(News::Package(package));
            }
            Effect::Halt(divergence) => return self.halt(&divergence).map(Some),
            // The client was told when the call was taken.
            Effect::IngressRefused(_) => {}
            Effect::OpenEpoch(opened) => self.open_epoch(&opened)?,
            Effect::Persist(_)
            | Effect::SelectPayload { .. }
            | Effect::ValidatePayload { .. }
            | Effect::FindCalls { .. }
            | Effect::Deliver { .. } => {}
        }
        Ok(None)
    }

    /// The keys of an epoch are on disk before anything is signed with them, and the old ones are not.
    fn open_epoch(&self, opened: &NewEpoch) -> Result<(), NodeError> {
        if let Some(keys) = &opened.keys {
            self.key_dir.store_epoch(keys)?;
        }
        self.peers.meet(&self.net, opened)?;
        let (epoch, members) = (opened.epoch, opened.members.len());
        tracing::info!(epoch = epoch.0, members, signs = opened.signs, "this epoch's keys are in force");
        self.metrics.epoch(epoch, members, opened.signs);
        if opened.signs {
            let seed = self.key_dir.dealing_seed(epoch)?;
            self.mailbox.put(Event::Seed { epoch, seed });
        }
        Ok(())
    }

    /// Waits while execution is far behind: a replica that cannot keep up must not pile up blocks.
    fn execute(&self, batch: Batch) {
        let latency = wall_clock().saturating_sub(batch.time);
        self.metrics.finalized(batch.height, Duration::from_nanos(latency.0));
        let _ = self.batches.send(batch);
    }

    fn halt(&self, divergence: &Divergence) -> Result<End, NodeError> {
        self.certifier.close();
        let own = self.peers.own().unwrap_or(NodeIndex(u16::MAX));
        let evidence = write_evidence(&self.data_dir, &self.chain, own, divergence)?;
        tracing::error!(
            height = divergence.height.0,
            own = %divergence.own.0,
            certified = %divergence.certified.root.0,
            evidence = %evidence.display(),
            "this replica's state differs from the quorum's: halted"
        );
        Ok(End::Halted)
    }
}
