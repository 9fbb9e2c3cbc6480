//! The gateway's listener: connections with deadlines and bounds, each request to its target.

use super::domain::{Domains, Follower};
use super::frozen::frozen;
use super::host::{Target, target};
use super::metrics::Metrics;
use super::page::{self, Reply, failure, refusal, welcome, whole};
use super::upstream::{Upstream, UpstreamError, on_behalf_of};
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Limited};
use hyper::body::Incoming;
use hyper::http::{HeaderValue, Request, StatusCode, header};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use ic_agent::Agent;
use ic_http_gateway_protocol::{HttpGatewayClient, HttpGatewayRequestArgs, HttpGatewayResponse};
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Connections open at once; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 4_096;
/// A connection must have sent its first byte by then.
const FIRST_BYTE: Duration = Duration::from_secs(10);
const HEADER: Duration = Duration::from_secs(10);
const BODY: Duration = Duration::from_secs(30);
const HEADER_BYTES_MAX: usize = 64 * 1024;
const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
const STREAMS_MAX: u32 = 128;
const PENDING_RESETS_MAX: usize = 32;
const DRAIN: Duration = Duration::from_secs(3);
/// After a failed accept (no file descriptors left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a gateway needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// `http://host:port` of each replica's public interface.
    pub replicas: Vec<String>,
    /// The subnet's DER-encoded root key. `None`: fetched from a replica at start, which trusts that replica.
    pub root_key: Option<Vec<u8>>,
    /// A file of `domain:canister` lines.
    pub domains: Option<PathBuf>,
    /// Update calls are held up by this long: what a network far away feels like.
    pub call_delay: Duration,
}

/// The gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("agent: {0}")]
    Agent(#[from] ic_agent::AgentError),
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("gateway protocol: {0}")]
    Protocol(#[from] ic_http_gateway_protocol::HttpGatewayError),
}

struct Gateway {
    upstream: Arc<Upstream>,
    client: HttpGatewayClient,
    metrics: Metrics,
    domains: watch::Receiver<Arc<Domains>>,
    call_delay: Duration,
}

async fn start(config: Config, domains: watch::Receiver<Arc<Domains>>) -> Result<Gateway, GatewayError> {
    let upstream = Arc::new(Upstream::new(&config.replicas)?);
    // The URL is never dialled: `Upstream` replaces host and port by a healthy replica's.
    let agent = Agent::builder()
        .with_url("http://replica.invalid")
        .with_arc_http_middleware(upstream.clone())
        .with_max_response_body_size(super::upstream::RESPONSE_BYTES_MAX)
        .build()?;
    match config.root_key {
        Some(key) => agent.set_root_key(key),
        None => agent.fetch_root_key().await?,
    }
    let client = HttpGatewayClient::builder().with_agent(agent).build()?;
    Ok(Gateway { upstream, client, metrics: Metrics::new()?, domains, call_delay: config.call_delay })
}

/// Serves until `shutdown` resolves, then lets open requests finish for a few seconds.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), GatewayError> {
    let (domains, follower) = custom_domains(config.domains.clone()).await;
    let gateway = Arc::new(start(config, domains).await?);
    let upstream = gateway.upstream.clone();
    let probes = tokio::spawn(async move { upstream.watch().await });
    let follower = tokio::spawn(async move {
        if let Some(follower) = follower {
            follower.follow().await;
        }
    });
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let permit = tokio::select! {
            () = &mut shutdown => break,
            permit = connections.clone().acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (Ok(permit), Ok((stream, _))) = (permit, accepted) else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let (gateway, watcher) = (gateway.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection(gateway, stream, watcher).await;
            drop(permit);
        });
    }
    probes.abort();
    follower.abort();
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    Ok(())
}

/// The domains of the file, and who goes on looking at it.
async fn custom_domains(file: Option<PathBuf>) -> (watch::Receiver<Arc<Domains>>, Option<Follower>) {
    let Some(file) = file else {
        return (watch::channel(Arc::default()).1, None);
    };
    let (mut follower, domains) = Follower::new(file);
    follower.look().await;
    (domains, Some(follower))
}

/// One connection, HTTP/1.1 or HTTP/2. Its end, whatever the reason, concerns nobody else.
async fn connection(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let _ = stream.set_nodelay(true);
    // `auto` has no deadline of its own before it has read the protocol's version.
    if !matches!(tokio::time::timeout(FIRST_BYTE, stream.readable()).await, Ok(Ok(()))) {
        return;
    }
    let client = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
    let service = service_fn(move |request| {
        let gateway = gateway.clone();
        // HTTP/2 answers each request in a task of its own, so the client is named for each.
        async move { Ok::<_, Infallible>(on_behalf_of(client, gateway.answer(request)).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER).max_buf_size(HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let _ = watcher.watch(connection).await;
}

impl Gateway {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let begun = Instant::now();
        let reply = self.route(request).await;
        self.metrics.requests.with_label_values(&[reply.status().as_str()]).inc();
        self.metrics.seconds.observe(begun.elapsed().as_secs_f64());
        reply
    }

    async fn route(&self, request: Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        let host = parts
            .uri
            .authority()
            .map(|authority| authority.as_str())
            .or_else(|| parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()))
            .unwrap_or_default();
        let domains = self.domains.borrow().clone();
        let target = target(host, parts.uri.query(), &domains);
        match parts.uri.path() {
            "/health" if target == Target::Gateway => return self.health(),
            "/metrics" if target == Target::Gateway => {
                return reply_ok("text/plain; version=0.0.4", self.metrics.text());
            }
            _ => {}
        }
        let body = match read(body).await {
            Ok(body) => body,
            Err(reply) => return reply,
        };
        if parts.uri.path().starts_with("/api/") {
            return self.pass(parts, body).await;
        }
        match target {
            Target::Canister { id, raw } => self.page(Request::from_parts(parts, body), id, raw).await,
            Target::Gateway => welcome(),
        }
    }

    fn health(&self) -> Reply {
        match self.upstream.healthy() {
            0 => refusal(StatusCode::SERVICE_UNAVAILABLE, "no replica is healthy"),
            healthy => reply_ok("text/plain", format!("{healthy} replicas are healthy\n")),
        }
    }

    /// A canister's page, verified.
    async fn page(&self, request: Request<Bytes>, canister_id: crate::types::Principal, raw: bool) -> Reply {
        let args = HttpGatewayRequestArgs { canister_request: request, canister_id };
        let mut builder = self.client.request(args);
        builder.unsafe_set_skip_verification(raw);
        let answer = builder.send().await;
        let unverified = !raw && streams_unverified(&answer);
        let mut reply = match answer.metadata.internal_error {
            None if unverified => {
                tracing::warn!(canister = %canister_id, "a stream that cannot be verified");
                failure(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "it comes in more parts than are verified together",
                )
            }
            None => answer.canister_response,
            Some(error) => match frozen(&error) {
                Some(reason) => failure(StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, reason),
                None => {
                    let status = answer.canister_response.status();
                    tracing::warn!(canister = %canister_id, %status, %error, "no verified answer");
                    failure(status, &error.to_string())
                }
            },
        };
        if let Ok(id) = HeaderValue::from_str(&canister_id.to_text()) {
            reply.headers_mut().insert("x-ic-canister-id", id);
        }
        reply
    }

    /// An agent's request, passed on as it is.
    async fn pass(&self, parts: hyper::http::request::Parts, body: Bytes) -> Reply {
        if parts.method == hyper::Method::OPTIONS {
            return preflight();
        }
        if parts.uri.path().ends_with("/call") {
            tokio::time::sleep(self.call_delay).await;
        }
        match self.upstream.send(&parts, &body).await {
            Ok(response) => {
                let (mut head, body) = response.into_parts();
                head.headers.remove(header::TRANSFER_ENCODING);
                head.headers.remove(header::CONNECTION);
                let mut reply = Reply::from_parts(head, whole(body));
                allow_origins(&mut reply);
                reply
            }
            Err(error) => {
                let mut reply = failure(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
                reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                allow_origins(&mut reply);
                reply
            }
        }
    }
}

/// Whether the body comes from a streaming callback for longer than the protocol's crate gathers it (four calls): it
/// passes on what follows without verification. Streams of certified ranges have a verified first part, and each
/// further one is verified as it comes.
fn streams_unverified(answer: &HttpGatewayResponse) -> bool {
    let streams = matches!(answer.canister_response.body(), Either::Left(_));
    streams && answer.metadata.response_verification_version.is_none()
}

fn reply_ok(content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Reply::new(page::whole(body));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

async fn read(body: Incoming) -> Result<Bytes, Reply> {
    match tokio::time::timeout(BODY, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive")),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 10 MiB"))
        }
        Ok(Err(error)) => Err(refusal(StatusCode::BAD_REQUEST, &format!("the body cannot be read: {error}"))),
        Ok(Ok(body)) => Ok(body.to_bytes()),
    }
}

/// INTEROP.md §5, CORS.
const ALLOWED_HEADERS: &str = "User-Agent, DNT, If-None-Match, If-Modified-Since, Cache-Control, Content-Type, \
Range, Cookie, X-Requested-With, X-IC-Canister-Id";
const EXPOSED_HEADERS: &str = "Accept-Ranges, Content-Length, Content-Range, X-Request-Id, X-IC-Canister-Id";

fn allow_origins(reply: &mut Reply) {
    let headers = reply.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
}

fn preflight() -> Reply {
    let mut reply = Reply::new(page::whole(Bytes::new()));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    let headers = reply.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("HEAD, GET, POST, PUT, DELETE, PATCH"),
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
    allow_origins(&mut reply);
    reply
}
