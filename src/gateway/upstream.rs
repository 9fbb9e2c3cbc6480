//! The replicas behind the gateway: requests go to a healthy one, and to the next when it fails.
//!
//! Requests of one client go to the same replica as long as it is healthy: certified heights of two replicas differ for
//! a moment, and who was just told that a canister exists must not be told by the next replica that it does not.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::http::{Request, Response, StatusCode, Uri, request::Parts};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ic_agent::AgentError;
use ic_agent::agent::HttpService;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A replica must answer an update call within this time (it waits for the certificate itself).
const CALL_ATTEMPT: Duration = Duration::from_secs(15);
/// A replica must answer anything else within this time.
const ATTEMPT: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(2);
/// A probe that takes longer means unhealthy.
const PROBE: Duration = Duration::from_secs(2);
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
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
}

tokio::task_local! {
    /// Where the client of the current task comes from.
    static CLIENT: IpAddr;
}

/// Runs `work` on behalf of a client.
pub async fn on_behalf_of<F: Future>(client: IpAddr, work: F) -> F::Output {
    CLIENT.scope(client, work).await
}

/// A number that is the same for all requests of a client.
fn preference() -> usize {
    let mix = |sum: usize, byte: &u8| sum.wrapping_mul(31).wrapping_add(usize::from(*byte));
    let of = |client: &IpAddr| match client {
        IpAddr::V4(address) => address.octets().iter().fold(0, mix),
        IpAddr::V6(address) => address.octets().iter().fold(0, mix),
    };
    CLIENT.try_with(of).unwrap_or_default()
}

struct Replica {
    /// `host:port`
    authority: String,
    healthy: AtomicBool,
}

/// The replicas and a connection pool to them.
pub struct Upstream {
    replicas: Vec<Replica>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.replicas.iter().map(|replica| &replica.authority)).finish()
    }
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
        let replica =
            |url: &String| Ok(Replica { authority: authority(url)?, healthy: AtomicBool::new(true) });
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        let replicas = urls.iter().map(replica).collect::<Result<Vec<_>, _>>()?;
        Ok(Upstream { replicas, client })
    }

    /// How many replicas the last probes found healthy.
    pub fn healthy(&self) -> usize {
        self.replicas.iter().filter(|replica| replica.healthy.load(Ordering::Relaxed)).count()
    }

    /// All replicas, healthy ones first, starting with the one that the client prefers.
    fn order(&self) -> Vec<&Replica> {
        let start = preference();
        let rotated = (0..self.replicas.len())
            .filter_map(|offset| self.replicas.get(start.wrapping_add(offset) % self.replicas.len()));
        let (mut first, last): (Vec<_>, Vec<_>) =
            rotated.partition(|replica| replica.healthy.load(Ordering::Relaxed));
        first.extend(last);
        first
    }

    /// Sends a request to a healthy replica, and to the next ones while it fails to answer or answers 503.
    pub async fn send(&self, parts: &Parts, body: &Bytes) -> Result<Response<Bytes>, UpstreamError> {
        let mut last = String::new();
        for replica in self.order() {
            match self.attempt(replica, parts, body.clone()).await {
                Ok(response) if response.status() != StatusCode::SERVICE_UNAVAILABLE => return Ok(response),
                Ok(response) => last = String::from_utf8_lossy(response.body()).into_owned(),
                Err(error) => {
                    replica.healthy.store(false, Ordering::Relaxed);
                    last = error;
                }
            }
        }
        Err(UpstreamError::NoReplica(last))
    }

    async fn attempt(
        &self,
        replica: &Replica,
        parts: &Parts,
        body: Bytes,
    ) -> Result<Response<Bytes>, String> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let limit = if path.ends_with("/call") { CALL_ATTEMPT } else { ATTEMPT };
        let mut request = Request::builder()
            .method(parts.method.clone())
            .uri(format!("http://{}{path}", replica.authority))
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        if let Some(content_type) = parts.headers.get("content-type") {
            request.headers_mut().insert("content-type", content_type.clone());
        }
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, RESPONSE_BYTES_MAX).collect().await.map_err(|e| e.to_string())?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        tokio::time::timeout(limit, exchange).await.map_err(|_| format!("no answer in {limit:?}"))?
    }

    async fn probe(&self, replica: &Replica) {
        let parts = Request::get("/health").body(()).map(|request| request.into_parts().0);
        let healthy = match parts {
            Ok(parts) => {
                let answer = tokio::time::timeout(PROBE, self.attempt(replica, &parts, Bytes::new())).await;
                matches!(answer, Ok(Ok(response)) if response.status().is_success())
            }
            Err(_) => false,
        };
        replica.healthy.store(healthy, Ordering::Relaxed);
    }

    /// Probes every replica at a fixed interval, for ever.
    pub async fn watch(&self) {
        let mut ticks = tokio::time::interval(PROBE_INTERVAL);
        loop {
            ticks.tick().await;
            let probes = self.replicas.iter().map(|replica| self.probe(replica));
            futures_join(probes).await;
        }
    }
}

/// Runs all futures to their end, together.
async fn futures_join<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        pending.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

type AgentResponse<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, AgentError>> + Send + 'a>>;

/// The agent's requests take the same way as everybody's: healthy replica first, then the next.
impl HttpService for Upstream {
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
            self.send(&parts, &body).await.map_err(|error| AgentError::RouteProviderError(error.to_string()))
        })
    }
}
