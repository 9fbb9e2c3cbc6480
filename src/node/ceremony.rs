//! The key generation of the first start, and answers to those that missed its end.

use super::key::{KeyDir, SubnetKeys};
use super::mailbox::{Event, Mailbox};
use super::{End, NodeError, wall_clock};
use crate::consensus::ceremony::{Ceremony, CeremonyEffect, CeremonyInput, CeremonyKeys};
use crate::net::Net;
use crate::types::limits::TURN_EVENTS_MAX;
use crate::types::*;
use bytes::Bytes;
use rand::RngCore;
use rand::rngs::OsRng;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How the ceremony ended.
pub enum Ceremonial {
    Keys(SubnetKeys),
    Ended(End),
}

/// Takes part until the keys are in force and on disk.
///
/// # Errors
/// Another node broke the rules (it is named), or the disk fails.
pub fn generate_keys(
    keys: CeremonyKeys,
    chain: ChainId,
    disk: &KeyDir,
    mailbox: &Mailbox,
    net: &Arc<Net>,
) -> Result<Ceremonial, NodeError> {
    let mut seed = [0; 32];
    OsRng.fill_bytes(&mut seed);
    let persisted = disk.load_seed()?;
    let ceremony = Ceremony::new(keys, seed, persisted.as_ref().map(|bytes| bytes.as_slice()))?;
    tracing::info!("no subnet keys yet: generating them together with all other nodes");
    let mut stage = Stage { ceremony, chain, disk, net, timer: None };
    let mut keys = stage.handle(CeremonyInput::Started)?;
    loop {
        if let Some(keys) = keys {
            tracing::info!("the subnet's keys are in force");
            return Ok(Ceremonial::Keys(keys));
        }
        keys = match stage.wait(mailbox) {
            Some(inputs) => stage.handle_all(inputs)?,
            None => return Ok(Ceremonial::Ended(End::Stopped)),
        };
    }
}

/// The ceremony between mailbox, disk and network.
struct Stage<'a> {
    ceremony: Ceremony,
    chain: ChainId,
    disk: &'a KeyDir,
    net: &'a Arc<Net>,
    timer: Option<Instant>,
}

impl Stage<'_> {
    /// What came, or `None` to stop. All that is not of the ceremony comes too early; its senders
    /// repeat it.
    fn wait(&mut self, mailbox: &Mailbox) -> Option<Vec<CeremonyInput>> {
        let mut inputs = Vec::new();
        for event in mailbox.take(TURN_EVENTS_MAX, usize::MAX, self.timer) {
            match event {
                Event::Stop => return None,
                Event::Peer(received) => {
                    if let PeerMessage::Ceremony(message) = &received.message {
                        inputs.push(CeremonyInput::Peer(received.from, (**message).clone()));
                    }
                }
                _ => {}
            }
        }
        if self.timer.is_some_and(|deadline| deadline <= Instant::now()) {
            self.timer = None;
            inputs.push(CeremonyInput::Timer);
            if let Some((step, nodes)) = self.ceremony.waiting_for() {
                let nodes: Vec<u16> = nodes.iter().map(|node| node.0).collect();
                tracing::info!(step, ?nodes, "key generation waits for nodes");
            }
        }
        Some(inputs)
    }

    fn handle_all(&mut self, inputs: Vec<CeremonyInput>) -> Result<Option<SubnetKeys>, NodeError> {
        for input in inputs {
            if let Some(keys) = self.handle(input)? {
                return Ok(Some(keys));
            }
        }
        Ok(None)
    }

    fn handle(&mut self, input: CeremonyInput) -> Result<Option<SubnetKeys>, NodeError> {
        let mut keys = None;
        for effect in self.ceremony.handle(wall_clock(), input) {
            match effect {
                CeremonyEffect::Persist(seed) => self.disk.store_seed(&seed)?,
                CeremonyEffect::Broadcast(message) => self.net.broadcast(&wire(message)),
                CeremonyEffect::Send(to, message) => self.net.send(to, &wire(message)),
                CeremonyEffect::SetTimer(at) => {
                    let wait = Duration::from_nanos(at.saturating_sub(wall_clock()).0);
                    self.timer = Instant::now().checked_add(wait);
                }
                CeremonyEffect::Refused { from, reason } => {
                    tracing::warn!(peer = from.0, %reason, "a ceremony message was refused");
                }
                CeremonyEffect::Finished { keyring, transcript } => {
                    keys = Some(self.disk.store_subnet_keys(self.chain, &keyring, &transcript)?);
                }
                CeremonyEffect::Failed(error) => return Err(error.into()),
            }
        }
        Ok(keys)
    }
}

fn wire(message: CeremonyMessage) -> PeerMessage {
    PeerMessage::Ceremony(Box::new(message))
}

/// The ceremony that is over, for nodes that missed its end. In a later epoch what it left is worth nothing.
pub struct Latecomers(Option<Ceremony>);

impl Latecomers {
    /// # Errors
    /// The keys are not of the genesis.
    pub fn new(ended: Option<(CeremonyKeys, Bytes)>) -> Result<Latecomers, NodeError> {
        let ceremony = ended.map(|(keys, transcript)| Ceremony::over(keys, transcript)).transpose()?;
        Ok(Latecomers(ceremony))
    }

    pub fn answer(&mut self, from: NodeIndex, message: &CeremonyMessage, net: &Net) {
        let Some(ceremony) = &mut self.0 else { return };
        let input = CeremonyInput::Peer(from, message.clone());
        for effect in ceremony.handle(wall_clock(), input) {
            if let CeremonyEffect::Send(to, message) = effect {
                net.send(to, &wire(message));
            }
        }
    }
}
