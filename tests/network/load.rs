//! Clients that raise the counter, once or again and again.

use ic_agent::agent::RequestStatusResponse;
use ic_agent::export::Principal;
use ic_agent::identity::BasicIdentity;
use ic_agent::{Agent, AgentError, RequestId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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

/// Runs one client for each URL until `stop`; how many updates were certified to them.
pub async fn run(urls: Vec<String>, root_key: Vec<u8>, counter: Principal, stop: Arc<AtomicBool>) -> usize {
    let clients: Vec<_> = urls
        .into_iter()
        .enumerate()
        .map(|(index, url)| {
            let (agent, stop) = (agent(&url, &root_key, index as u8 + 1), stop.clone());
            tokio::spawn(async move { client(agent, counter, stop).await })
        })
        .collect();
    let mut certified = 0;
    for client in clients {
        certified += client.await.expect("a client ends");
    }
    certified
}

async fn client(agent: Agent, counter: Principal, stop: Arc<AtomicBool>) -> usize {
    let mut certified = 0;
    while !stop.load(Ordering::Relaxed) {
        match increment(&agent, counter).await {
            Ok(_) => certified += 1,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    certified
}
