//! The clients: each raises the counter again and again, and goes to another replica when one does not answer, with the
//! same signed bytes: a call that reaches several replicas is executed once all the same.
//!
//! A reply counts when its certificate was verified and the journal has it on disk. Its certificate is read at another
//! replica than the one that was called.

use super::journal::{Journal, Line, Reply};
use crate::types::Principal;
use ic_agent::agent::RequestStatusResponse;
use ic_agent::identity::BasicIdentity;
use ic_agent::{Agent, AgentError, RequestId};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{sleep, timeout};

/// A replica that says nothing for so long is left for another.
const PATIENCE: Duration = Duration::from_secs(12);
/// A certificate is looked for at one replica for so long.
const LOOKS: usize = 40;
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// Between two replicas that do not answer.
const PAUSE: Duration = Duration::from_millis(50);
/// So long after its expiry a call can become nothing any more.
const EXPIRY_SLACK_NS: u64 = 5_000_000_000;
/// Newest replies that are kept at hand.
const RECENT_MAX: usize = 64;
/// Before and after a run the counter is read by raising it; so often, if nobody answers.
const RAISES_MAX: usize = 20;
/// What calls carry besides, so that blocks have some weight.
const PAYLOAD_BYTES: usize = 512;

/// How a reply was found again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    Replied {
        value: u64,
        certificate: Vec<u8>,
    },
    Rejected(String),
    /// The reply is not kept any more, or not there.
    Gone,
}

/// The clients' identities, at every replica.
pub struct Accounts {
    pub counter: Principal,
    /// By client, then by replica.
    agents: Vec<Vec<Agent>>,
}

impl Accounts {
    /// # Errors
    /// A URL is none.
    pub fn new(
        clients: usize,
        urls: &[String],
        root_key: &[u8],
        counter: Principal,
    ) -> Result<Accounts, AgentError> {
        let agents = |client: usize| urls.iter().map(move |url| agent(client, url, root_key)).collect();
        let agents = (0..clients).map(agents).collect::<Result<_, AgentError>>()?;
        Ok(Accounts { counter, agents })
    }

    fn at(&self, client: usize, replica: usize) -> Option<&Agent> {
        self.agents.get(client)?.get(replica)
    }

    /// How many replicas there are.
    pub fn replicas(&self) -> usize {
        self.agents.first().map_or(0, Vec::len)
    }

    /// What a replica says, with a certificate, about a call of a client.
    ///
    /// # Errors
    /// It does not answer, or with what is not certified.
    pub async fn status(&self, client: usize, replica: usize, request: &RequestId) -> Result<Found, String> {
        let agent = self.at(client, replica).ok_or("no such client or replica")?;
        let asked = timeout(PATIENCE, agent.request_status_raw(request, self.counter));
        let (status, certificate) =
            asked.await.map_err(|_| "no answer".to_string())?.map_err(|error| error.to_string())?;
        match status {
            RequestStatusResponse::Replied(reply) => {
                let (value,) = candid::decode_args(&reply.arg).map_err(|error| error.to_string())?;
                let mut bytes = Vec::new();
                ciborium::into_writer(&certificate, &mut bytes).map_err(|error| error.to_string())?;
                Ok(Found::Replied { value, certificate: bytes })
            }
            RequestStatusResponse::Rejected(reject) => Ok(Found::Rejected(reject.reject_message)),
            _ => Ok(Found::Gone),
        }
    }

    /// Raises the counter in the first client's name, at one replica after the other: its new value, and how many
    /// calls that took; those without an answer may have raised it too.
    ///
    /// # Errors
    /// What the last replica said.
    pub async fn raise(&self) -> Result<(u64, u64), String> {
        let mut said = "no replica".to_string();
        for attempt in 1..=RAISES_MAX {
            let Some(agent) = self.at(0, attempt % self.replicas().max(1)) else { break };
            let call = agent.update(&self.counter, "increment").with_arg(payload());
            match timeout(PATIENCE, call.call_and_wait()).await {
                Ok(Ok(reply)) => {
                    let value = candid::decode_args(&reply).map_err(|error| error.to_string());
                    return value.map(|(value,)| (value, attempt as u64));
                }
                Ok(Err(error)) => said = error.to_string(),
                Err(_) => said = "no answer".to_string(),
            }
            sleep(Duration::from_secs(1)).await;
        }
        Err(said)
    }

    /// What the counter stands at by a query of one replica, which the replica signs.
    ///
    /// # Errors
    /// It does not answer, or not with its signature.
    pub async fn value(&self, replica: usize) -> Result<u64, String> {
        let agent = self.at(0, replica).ok_or("no such replica")?;
        let arg = candid::encode_args(()).map_err(|error| error.to_string())?;
        let reply = agent.query(&self.counter, "get").with_arg(arg).call().await;
        let (value,) = candid::decode_args(&reply.map_err(|error| error.to_string())?)
            .map_err(|error| error.to_string())?;
        Ok(value)
    }
}

fn agent(client: usize, url: &str, root_key: &[u8]) -> Result<Agent, AgentError> {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&(client as u64).to_be_bytes());
    let agent = Agent::builder().with_url(url).with_identity(BasicIdentity::from_raw_key(&seed)).build()?;
    agent.set_root_key(root_key.to_vec());
    Ok(agent)
}

/// An argument that the counter does not look at.
fn payload() -> Vec<u8> {
    let bytes: Vec<u8> = (0..PAYLOAD_BYTES).map(|_| rand::random()).collect();
    candid::encode_args((bytes,)).unwrap_or_default()
}

/// Nanoseconds since 1970.
pub fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// What the clients have come to so far.
#[derive(Default)]
pub struct Progress {
    pub certified: AtomicU64,
    pub unanswered: AtomicU64,
    pub rejected: AtomicU64,
    recent: Mutex<VecDeque<Reply>>,
    stop: AtomicBool,
    /// The journal failed: the run is worth nothing.
    broken: AtomicBool,
}

impl Progress {
    /// The newest replies.
    pub fn recent(&self, count: usize) -> Vec<Reply> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().rev().take(count).cloned().collect()
    }

    /// Clients finish the call that they are at, and end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether the journal could not be written.
    pub fn broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    fn count(&self, line: &Line) {
        let counter = match line {
            Line::Sent { .. } => return,
            Line::Replied(reply) => {
                let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
                recent.push_back(reply.clone());
                if recent.len() > RECENT_MAX {
                    recent.pop_front();
                }
                &self.certified
            }
            Line::Rejected { .. } => &self.rejected,
            Line::Unanswered { .. } => &self.unanswered,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs one client until it is told to stop, or the journal fails.
pub async fn client(number: usize, accounts: Arc<Accounts>, journal: Journal, progress: Arc<Progress>) {
    let mut replica = number;
    while !progress.stop.load(Ordering::Relaxed) {
        if !call(number, &mut replica, &accounts, &journal, &progress).await {
            progress.broken.store(true, Ordering::Relaxed);
            return;
        }
    }
}

/// One call, from its signature to its end; false if the journal fails.
async fn call(
    client: usize,
    replica: &mut usize,
    accounts: &Accounts,
    journal: &Journal,
    progress: &Progress,
) -> bool {
    let signed = accounts
        .at(client, 0)
        .map(|agent| agent.update(&accounts.counter, "increment").with_arg(payload()).sign());
    let Some(Ok(signed)) = signed else { return false };
    let request = hex::encode(signed.request_id.as_slice());
    let expiry_ns = signed.ingress_expiry;
    if !journal.write(Line::Sent { client, request: request.clone(), expiry_ns }).await {
        return false;
    }
    let found = loop {
        if now_ns() > expiry_ns.saturating_add(EXPIRY_SLACK_NS) {
            break Found::Gone;
        }
        *replica = (*replica + 1) % accounts.replicas().max(1);
        if let Some(found) = attempt(client, *replica, accounts, &signed).await {
            break found;
        }
        sleep(PAUSE).await;
    };
    let line = match found {
        Found::Replied { value, certificate } => {
            let certificate = hex::encode(certificate);
            Line::Replied(Reply { client, request, expiry_ns, value, certificate })
        }
        Found::Rejected(why) => Line::Rejected { client, request, why },
        Found::Gone => Line::Unanswered { client, request },
    };
    let written = journal.write(line.clone()).await;
    progress.count(&line);
    written
}

/// Sends the call to one replica and looks for its certificate at the next; `None` if nothing came of it yet.
async fn attempt(
    client: usize,
    replica: usize,
    accounts: &Accounts,
    signed: &ic_agent::agent::signed::SignedUpdate,
) -> Option<Found> {
    let agent = accounts.at(client, replica)?;
    let sent = timeout(PATIENCE, agent.update_signed(accounts.counter, signed.signed_update.clone())).await;
    let taken = matches!(sent, Ok(Ok(_) | Err(AgentError::CertifiedReject { .. })));
    let other = (replica + 1) % accounts.replicas().max(1);
    // A replica that did not answer may have passed the call on: one look says whether it did.
    for _ in 0..if taken { LOOKS } else { 1 } {
        match accounts.status(client, other, &signed.request_id).await {
            Ok(Found::Gone) => sleep(LOOK_PAUSE).await,
            Ok(found) => return Some(found),
            Err(_) => return None,
        }
    }
    None
}
