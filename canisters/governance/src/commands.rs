//! What is done with a neuron at once: its lock, its hot keys, whom it follows.

use crate::governance::Governance;
use crate::interface::{Command, Followees, GovernanceError, Topic};
use crate::keys;
use crate::neuron::{Lock, MAX_HOT_KEYS, Neuron};
use candid::Principal;
use cycles_interface::Stored;
use ic_stable_structures::Memory;

/// Most neurons that one follows in one topic.
pub const MAX_FOLLOWEES: usize = 15;

/// Whether a caller may do this.
fn authorize(neuron: &Neuron, caller: Principal, command: &Command) -> Result<(), GovernanceError> {
    let (allowed, who) = match command {
        Command::Follow(_) => (neuron.is_voted_by(caller), "its controller and hot keys follow"),
        _ => (neuron.is_controlled_by(caller), "only its controller does this"),
    };
    match allowed {
        true => Ok(()),
        false => Err(GovernanceError::NotAuthorized(format!("{caller} and neuron {}: {who}", neuron.id))),
    }
}

fn unfit(why: &str) -> GovernanceError {
    GovernanceError::PreconditionFailed(why.to_owned())
}

fn increase(neuron: &mut Neuron, additional: u64, max: u64, now_seconds: u64) -> Result<(), GovernanceError> {
    if additional == 0 {
        return Err(GovernanceError::Invalid("no more than before".to_owned()));
    }
    let longer = neuron.lock.increased(additional, max, now_seconds);
    if longer == neuron.lock {
        return Err(unfit("the dissolve delay is at its maximum"));
    }
    neuron.lock = longer;
    Ok(())
}

fn start_dissolving(neuron: &mut Neuron, now_seconds: u64) -> Result<(), GovernanceError> {
    match neuron.lock {
        Lock::Locked { delay_seconds: 0 } => Err(unfit("the neuron is dissolved")),
        Lock::Locked { delay_seconds } => {
            let when_dissolved_seconds = now_seconds.saturating_add(delay_seconds);
            neuron.lock = Lock::Dissolving { when_dissolved_seconds };
            Ok(())
        }
        Lock::Dissolving { .. } => Err(unfit("the neuron is dissolving already")),
    }
}

fn stop_dissolving(neuron: &mut Neuron, now_seconds: u64) -> Result<(), GovernanceError> {
    match (neuron.lock, neuron.lock.delay(now_seconds)) {
        (Lock::Dissolving { .. }, 0) => Err(unfit("the neuron is dissolved")),
        (Lock::Dissolving { .. }, delay_seconds) => {
            neuron.lock = Lock::Locked { delay_seconds };
            Ok(())
        }
        (Lock::Locked { .. }, _) => Err(unfit("the neuron is not dissolving")),
    }
}

fn add_hot_key(neuron: &mut Neuron, hot_key: Principal) -> Result<(), GovernanceError> {
    if neuron.is_voted_by(hot_key) {
        return Err(unfit("it votes with the neuron already"));
    }
    if neuron.hot_keys.len() >= MAX_HOT_KEYS {
        return Err(GovernanceError::TooMany("a neuron has at most 10 hot keys".to_owned()));
    }
    neuron.hot_keys.push(hot_key);
    Ok(())
}

fn remove_hot_key(neuron: &mut Neuron, hot_key: Principal) -> Result<(), GovernanceError> {
    let before = neuron.hot_keys.len();
    neuron.hot_keys.retain(|it| *it != hot_key);
    match neuron.hot_keys.len() < before {
        true => Ok(()),
        false => Err(GovernanceError::NotFound("it is no hot key of the neuron".to_owned())),
    }
}

impl<M: Memory> Governance<M> {
    /// Does a command that needs nobody else; disbursing is [`Self::begin_disburse`].
    ///
    /// # Errors
    /// Why nothing changed.
    pub fn command(
        &mut self,
        caller: Principal,
        id: u64,
        command: Command,
        now_seconds: u64,
    ) -> Result<(), GovernanceError> {
        let mut neuron = self.named_neuron(id)?;
        authorize(&neuron, caller, &command)?;
        let max = self.config().parameters.max_dissolve_delay_seconds;
        match command {
            Command::IncreaseDissolveDelay { additional_seconds } => {
                increase(&mut neuron, additional_seconds, max, now_seconds)
            }
            Command::StartDissolving => start_dissolving(&mut neuron, now_seconds),
            Command::StopDissolving => stop_dissolving(&mut neuron, now_seconds),
            Command::AddHotKey { hot_key } => add_hot_key(&mut neuron, hot_key),
            Command::RemoveHotKey { hot_key } => remove_hot_key(&mut neuron, hot_key),
            Command::Follow(followees) => return self.follow(id, followees),
            Command::Disburse { .. } => Err(unfit("disbursing takes the ledger's answer")),
        }?;
        self.put_neuron(neuron);
        Ok(())
    }

    /// Whether a caller may disburse.
    pub(crate) fn authorize_disburse(
        &self,
        caller: Principal,
        neuron: &Neuron,
    ) -> Result<(), GovernanceError> {
        authorize(neuron, caller, &Command::Disburse { amount_e8s: None, to: None })
    }

    fn follow(&mut self, id: u64, wanted: Followees) -> Result<(), GovernanceError> {
        let Followees { topic, followees } = wanted;
        if followees.len() > MAX_FOLLOWEES {
            return Err(GovernanceError::TooMany("a neuron follows at most 15 in a topic".to_owned()));
        }
        for (place, followee) in followees.iter().enumerate() {
            self.named_neuron(*followee)?;
            if *followee == id || followees[..place].contains(followee) {
                return Err(GovernanceError::Invalid(format!("{followee} is itself, or named twice")));
            }
        }
        self.set_followees(id, topic, followees);
        Ok(())
    }

    /// Whom a neuron follows in exactly this topic.
    pub fn followees(&self, id: u64, topic: Topic) -> Vec<u64> {
        self.following.get(&keys::following(id, topic)).map_or(Vec::new(), |Stored(followees)| followees)
    }

    pub(crate) fn set_followees(&mut self, id: u64, topic: Topic, followees: Vec<u64>) {
        for followee in self.followees(id, topic) {
            self.followers.remove(&keys::follower(topic, followee, id));
        }
        for followee in &followees {
            self.followers.insert(keys::follower(topic, *followee, id), ());
        }
        match followees.is_empty() {
            true => self.following.remove(&keys::following(id, topic)),
            false => self.following.insert(keys::following(id, topic), Stored(followees)),
        };
    }
}
