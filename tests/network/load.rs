//! Clients under load: each raises the counter again and again and keeps a journal of what it was told.

use ic_agent::agent::RequestStatusResponse;
use ic_agent::export::Principal;
use ic_agent::identity::BasicIdentity;
use ic_agent::{Agent, AgentError, RequestId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the subnet certified to a client: the counter's value after its call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub value: u64,
    /// When the certified reply was verified.
    pub at: Instant,
}

/// What all clients were told, and how often they got no answer and cannot know.
#[derive(Default, Debug)]
pub struct Journal {
    pub entries: Vec<Entry>,
    pub unanswered: u64,
}

/// An agent for `url` with an identity of its own and all verification on.
pub fn agent(url: &str, root_key: &[u8], seed: u8) -> Agent {
    let agent = Agent::builder()
        .with_url(url)
        .with_identity(BasicIdentity::from_raw_key(&[seed; 32]))
        .with_max_polling_time(Duration::from_secs(60))
        .build()
        .expect("an agent");
    agent.set_root_key(root_key.to_vec());
    agent
}

/// Raises the counter once; the certified new value.
pub async fn increment(agent: &Agent, counter: Principal) -> Result<u64, AgentError> {
    let arg = candid::encode_args(()).expect("encodes");
    let reply = agent.update(&counter, "increment").with_arg(arg).call_and_wait().await?;
    let (value,): (u64,) = candid::decode_args(&reply).expect("a nat64");
    Ok(value)
}

/// Raises the counter once; the call's id and the certified new value.
pub async fn increment_by_id(agent: &Agent, counter: Principal) -> Result<(RequestId, u64), AgentError> {
    let arg = candid::encode_args(()).expect("encodes");
    let call = agent.update(&counter, "increment").with_arg(arg).sign()?;
    let id = call.request_id;
    agent.update_signed(counter, call.signed_update).await?;
    let (reply, _) = agent.wait(&id, counter).await?;
    let (value,): (u64,) = candid::decode_args(&reply).expect("a nat64");
    Ok((id, value))
}

/// What the state says now about an earlier call: the counter's value that was its reply, if it is there.
pub async fn reply_of(agent: &Agent, id: &RequestId, counter: Principal) -> Result<Option<u64>, AgentError> {
    let (status, _) = agent.request_status_raw(id, counter).await?;
    let RequestStatusResponse::Replied(reply) = status else { return Ok(None) };
    Ok(candid::decode_args(&reply.arg).ok().map(|(value,): (u64,)| value))
}

/// Runs one client for each URL until `stop`; returns their journals together.
pub async fn run(urls: Vec<String>, root_key: Vec<u8>, counter: Principal, stop: Arc<AtomicBool>) -> Journal {
    let clients: Vec<_> = urls
        .into_iter()
        .enumerate()
        .map(|(index, url)| {
            let (agent, stop) = (agent(&url, &root_key, index as u8 + 1), stop.clone());
            tokio::spawn(async move { client(agent, counter, stop).await })
        })
        .collect();
    let mut all = Journal::default();
    for client in clients {
        let journal = client.await.expect("a client ends");
        all.entries.extend(journal.entries);
        all.unanswered += journal.unanswered;
    }
    all
}

async fn client(agent: Agent, counter: Principal, stop: Arc<AtomicBool>) -> Journal {
    let mut journal = Journal::default();
    while !stop.load(Ordering::Relaxed) {
        match increment(&agent, counter).await {
            Ok(value) => journal.entries.push(Entry { value, at: Instant::now() }),
            Err(_) => {
                journal.unanswered += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
    journal
}

impl Journal {
    /// No certified update was lost or doubled: values are distinct, none exceeds `end`, and what nobody was told
    /// is at most what nobody was answered.
    pub fn check(&self, end: u64) {
        let mut values: Vec<u64> = self.entries.iter().map(|entry| entry.value).collect();
        values.sort_unstable();
        let told = values.len() as u64;
        values.dedup();
        assert_eq!(values.len() as u64, told, "two clients were certified the same value");
        let highest = values.last().copied().unwrap_or_default();
        assert!(highest <= end, "value {highest} was certified, and the counter stands at {end}");
        assert!(
            end - told <= self.unanswered,
            "the counter stands at {end}, {told} calls were answered, only {} were not: some executed twice",
            self.unanswered
        );
    }
}
