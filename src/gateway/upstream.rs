//! The replicas behind the gateway: requests go to a healthy one, and to the next when it fails.
//!
//! Requests of one client go to the same replica as long as it is healthy: certified heights of two replicas differ for
//! a moment, and who was just told that a canister exists must not be told by the next replica that it does not.
//!
//! A replica is unhealthy when it cannot be reached, or probes are not answered: not when an answer is late, large or
//! wrong, which who asks may have caused. One whose answer is late while another's comes is asked later for a while.
//!
//! A replica whose answer did not hold, while another's to the same question did, is put aside: first for a minute,
//! each time for twice as long if it was for another canister, so that no single canister can do that to a replica. Others
//! are asked for pages before it; if there is nobody else, its answers are judged like all. Agents judge for themselves.

use super::lies::Lies;
use crate::types::Principal;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::http::{Request, Response, StatusCode, Uri, header, request::Parts};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ic_agent::agent::HttpService;
use ic_agent::{Agent, AgentError};
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A replica must answer an update call within this time (it waits for the certificate itself).
const CALL_ATTEMPT: Duration = Duration::from_secs(15);
/// A replica must answer anything else within this time.
const ATTEMPT: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(2);
/// A probe that takes longer means unhealthy.
const PROBE: Duration = Duration::from_secs(2);
/// Replicas close a connection that is idle for ten seconds; one that is closed at the very moment when it is used
/// again fails a request for nothing.
const IDLE: Duration = Duration::from_secs(5);
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// So many probes in succession must fail: one may be late on a busy machine.
const PROBES_MISSED: u32 = 2;
/// An update call of a page is waited for so long.
const POLLING: Duration = Duration::from_secs(60);
/// Requests to one replica at once; others wait.
const AT_ONCE: usize = 1_024;
/// How long a replica is asked later whose answer was late.
const LATE: Duration = Duration::from_secs(10);
/// Of the reason that a replica says for not answering, so much is passed on.
const REASON_BYTES_MAX: usize = 1_024;
/// Largest body taken from a replica.
pub const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// No replica answered.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error("no replica answered; the last one said: {0}")]
    NoReplica(String),
    #[error("{0} is not an http:// URL of a replica")]
    Url(String),
    #[error("no replica is configured")]
    NoneConfigured,
    #[error("agent: {0}")]
    Agent(#[from] Box<AgentError>),
}

tokio::task_local! {
    /// Where the client of the current task comes from.
    static CLIENT: IpAddr;
}

/// Runs `work` on behalf of a client.
pub async fn on_behalf_of<F: Future>(client: IpAddr, work: F) -> F::Output {
    CLIENT.scope(client, work).await
}

/// The client of the current task, for tasks that work for it too.
pub fn client() -> Option<IpAddr> {
    CLIENT.try_with(|client| *client).ok()
}

/// A number that is the same for all requests of a client.
fn preference() -> usize {
    let mix = |sum: usize, byte: &u8| sum.wrapping_mul(31).wrapping_add(usize::from(*byte));
    match client() {
        Some(IpAddr::V4(address)) => address.octets().iter().fold(0, mix),
        Some(IpAddr::V6(address)) => address.octets().iter().fold(0, mix),
        None => 0,
    }
}

/// Why there is no answer to a request.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("the request cannot be passed on: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the replica cannot be reached: {0}")]
    Unreachable(#[from] hyper_util::client::legacy::Error),
    #[error("no answer in {0:?}")]
    Late(Duration),
    #[error("its answer is none: {0}")]
    Answer(Box<dyn std::error::Error + Send + Sync>),
}

/// The way to one replica.
struct Line {
    /// `host:port`
    authority: String,
    client: Client<HttpConnector, Full<Bytes>>,
    healthy: AtomicBool,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority)
    }
}

impl Line {
    async fn attempt(&self, parts: &Parts, body: Bytes) -> Result<Response<Bytes>, LineError> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let limit = if path.ends_with("/call") { CALL_ATTEMPT } else { ATTEMPT };
        let mut request = Request::builder()
            .method(parts.method.clone())
            .uri(format!("http://{}{path}", self.authority))
            .body(Full::new(body))?;
        for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING] {
            if let Some(value) = parts.headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let exchange = async {
            let response = self.client.request(request).await.inspect_err(|_| self.fails())?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, RESPONSE_BYTES_MAX).collect().await.map_err(LineError::Answer)?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        tokio::time::timeout(limit, exchange).await.map_err(|_| LineError::Late(limit))?
    }

    /// Others are asked first until a probe finds it healthy.
    fn fails(&self) {
        self.healthy.store(false, Ordering::Relaxed);
    }

    fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }
}

type AgentResponse<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, AgentError>> + Send + 'a>>;

/// An agent whose requests all go to this replica, so that it is known whose answer is judged.
impl HttpService for Line {
    fn call<'a, 'async_trait>(
        &'a self,
        request: &'a (dyn Fn() -> Result<Request<Bytes>, AgentError> + Send + Sync),
        _max_retries: usize,
        _size_limit: Option<usize>,
    ) -> AgentResponse<'async_trait>
    where
        'a: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let (parts, body) = request()?.into_parts();
            let answer = self.attempt(&parts, body).await;
            answer.map_err(|error| AgentError::RouteProviderError(error.to_string()))
        })
    }
}

/// One replica, and what is thought of it.
pub struct Replica {
    line: Arc<Line>,
    /// Asks this replica and no other.
    pub agent: Agent,
    /// Probes that failed, one after the other.
    missed: AtomicU32,
    /// Until when it is put aside, and until when it counts as late, in milliseconds since the start.
    aside: AtomicU64,
    late: AtomicU64,
    lies: Mutex<Lies>,
}

impl Replica {
    fn new(url: &str, client: Client<HttpConnector, Full<Bytes>>) -> Result<Replica, UpstreamError> {
        let line = Arc::new(Line { authority: authority(url)?, client, healthy: AtomicBool::new(true) });
        // The URL is never dialled: the line has its own.
        let agent = Agent::builder()
            .with_url("http://replica.invalid")
            .with_arc_http_middleware(line.clone())
            .with_max_response_body_size(RESPONSE_BYTES_MAX)
            .with_max_concurrent_requests(AT_ONCE)
            .with_max_polling_time(POLLING)
            .build()
            .map_err(Box::new)?;
        let never = || AtomicU64::new(0);
        let (missed, lies) = (AtomicU32::new(0), Mutex::default());
        Ok(Replica { line, agent, missed, aside: never(), late: never(), lies })
    }

    /// `host:port`
    pub fn name(&self) -> &str {
        &self.line.authority
    }
}

/// The replicas and a connection pool to them.
pub struct Upstream {
    begun: Instant,
    replicas: Vec<Arc<Replica>>,
}

fn authority(url: &str) -> Result<String, UpstreamError> {
    let refused = || UpstreamError::Url(url.to_string());
    let uri: Uri = url.parse().map_err(|_| refused())?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) => Ok(authority.to_string()),
        _ => Err(refused()),
    }
}

impl Upstream {
    /// Replicas by URL, e.g. `http://127.0.0.1:9101`.
    pub fn new(urls: &[String]) -> Result<Upstream, UpstreamError> {
        if urls.is_empty() {
            return Err(UpstreamError::NoneConfigured);
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        let replicas = urls
            .iter()
            .map(|url| Replica::new(url, client.clone()).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Upstream { begun: Instant::now(), replicas })
    }

    /// Tells all agents the subnet's key; without one, the first replica that answers is believed.
    pub async fn set_root_key(&self, key: Option<Vec<u8>>) -> Result<Vec<u8>, UpstreamError> {
        let key = match key {
            Some(key) => key,
            None => self.fetch_root_key().await?,
        };
        self.replicas.iter().for_each(|replica| replica.agent.set_root_key(key.clone()));
        Ok(key)
    }

    async fn fetch_root_key(&self) -> Result<Vec<u8>, UpstreamError> {
        let mut last = UpstreamError::NoneConfigured;
        for replica in &self.replicas {
            match replica.agent.fetch_root_key().await {
                Ok(()) => return Ok(replica.agent.read_root_key()),
                Err(error) => last = UpstreamError::Agent(Box::new(error)),
            }
        }
        Err(last)
    }

    /// How many replicas the last probes found healthy.
    pub fn healthy(&self) -> usize {
        self.replicas.iter().filter(|replica| replica.line.is_healthy()).count()
    }

    /// How many replicas are put aside now.
    pub fn aside(&self) -> usize {
        self.replicas.iter().filter(|replica| self.is_aside(replica)).count()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The time so far ahead.
    fn ahead(&self, pause: Duration) -> u64 {
        self.now().saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX))
    }

    fn is_late(&self, replica: &Replica) -> bool {
        replica.late.load(Ordering::Relaxed) > self.now()
    }

    /// Its answer did not come in time, and another's to the same question did.
    pub fn put_back(&self, replica: &Replica) {
        replica.late.store(self.ahead(LATE), Ordering::Relaxed);
    }

    fn is_aside(&self, replica: &Replica) -> bool {
        replica.aside.load(Ordering::Relaxed) > self.now()
    }

    /// What this replica said of a canister does not hold, and another's answer did.
    pub fn put_aside(&self, replica: &Replica, canister: Principal) {
        let mut lies = replica.lies.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = lies.add(canister, Instant::now());
        replica.aside.store(self.ahead(pause), Ordering::Relaxed);
        let replica = replica.name();
        tracing::warn!(replica, %canister, ?pause, "an answer did not verify and another's did: put aside");
    }

    /// All replicas, starting with the one that the client prefers; late ones later, and last those that are unhealthy.
    fn preferred(&self) -> Vec<Arc<Replica>> {
        let (start, count) = (preference(), self.replicas.len());
        let at = |offset: usize| self.replicas.get(start.wrapping_add(offset) % count);
        let mut order: Vec<_> = (0..count).filter_map(at).cloned().collect();
        order.sort_by_key(|replica| (!replica.line.is_healthy(), self.is_late(replica)));
        order
    }

    /// All replicas in the order in which they are asked for pages: last who is put aside.
    pub fn order(&self) -> Vec<Arc<Replica>> {
        let mut order = self.preferred();
        order.sort_by_key(|replica| self.is_aside(replica));
        order
    }

    /// Sends a request to a healthy replica, and to the next ones while it fails to answer or answers 503.
    pub async fn send(&self, parts: &Parts, body: &Bytes) -> Result<Response<Bytes>, UpstreamError> {
        let (mut last, mut late) = (String::new(), Vec::<Arc<Replica>>::new());
        for replica in self.preferred() {
            match replica.line.attempt(parts, body.clone()).await {
                Ok(response) if response.status() != StatusCode::SERVICE_UNAVAILABLE => {
                    late.iter().for_each(|replica| self.put_back(replica));
                    return Ok(response);
                }
                Ok(response) => {
                    let reason = response.body();
                    let reason = reason.get(..REASON_BYTES_MAX).unwrap_or(reason);
                    last = String::from_utf8_lossy(reason).into_owned();
                }
                Err(error) => {
                    last = error.to_string();
                    late.push(replica);
                }
            }
        }
        Err(UpstreamError::NoReplica(last))
    }

    async fn probe(&self, replica: &Replica) {
        let parts = Request::get("/health").body(()).map(|request| request.into_parts().0);
        let healthy = match parts {
            Ok(parts) => {
                let answer = tokio::time::timeout(PROBE, replica.line.attempt(&parts, Bytes::new())).await;
                matches!(answer, Ok(Ok(response)) if response.status().is_success())
            }
            Err(_) => false,
        };
        if healthy {
            replica.missed.store(0, Ordering::Relaxed);
            replica.line.healthy.store(true, Ordering::Relaxed);
        } else if replica.missed.fetch_add(1, Ordering::Relaxed) + 1 >= PROBES_MISSED {
            replica.line.fails();
        }
    }

    /// Probes every replica at a fixed interval, for ever.
    pub async fn watch(&self) {
        let mut ticks = tokio::time::interval(PROBE_INTERVAL);
        loop {
            ticks.tick().await;
            futures::future::join_all(self.replicas.iter().map(|replica| self.probe(replica))).await;
        }
    }
}
