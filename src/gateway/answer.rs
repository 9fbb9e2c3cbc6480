//! Each request to its target: a canister's page, the interface of a replica, or the gateway itself.

use super::ask::{AskError, Asked};
use super::body::{Account, Progress, Reply, Sent, holding, whole};
use super::candid_page::CandidPage;
use super::domain::Domains;
use super::fetch::{Fetcher, brief};
use super::form::{PATH_SEGMENTS_MAX, segments};
use super::host::{Target, target};
use super::limit::{Limits, Refusal, Room};
use super::metrics::Metrics;
use super::page::{failure, nobodys, refusal, too_long, turned_away, welcome};
use super::preflight::{Preflights, allows};
use super::respond::{Wish, respond};
use super::upstream::Upstream;
use crate::types::Principal;
use crate::types::limits::HTTP_BODY_BYTES_MAX;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Incoming};
use hyper::http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header, request::Parts,
};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;

/// No path of the interface that agents use is longer.
const API_PATH_BYTES_MAX: usize = 1_024;
/// Longest line of the access log.
const LINE_BYTES_MAX: usize = 512;
const CANISTER: HeaderName = HeaderName::from_static("x-ic-canister-id");
/// Browsers come by TLS only, for a year.
const STRICT: &str = "max-age=31536000; includeSubDomains";

/// Everything that answering a request takes.
pub struct Gateway {
    pub upstream: Arc<Upstream>,
    pub fetcher: Arc<Fetcher>,
    pub limits: Arc<Limits>,
    pub metrics: Arc<Metrics>,
    pub preflights: Preflights,
    pub candid_page: CandidPage,
    pub domains: watch::Receiver<Arc<Domains>>,
    /// Update calls are held up by this long.
    pub call_delay: Duration,
    /// A request's body must have come by then.
    pub body: Duration,
    pub access_log: bool,
    /// Whether browsers are told to come by TLS only.
    pub strict: bool,
}

impl Gateway {
    /// Answers, and watches the answer go out.
    pub async fn answer(
        &self,
        request: Request<Incoming>,
        client: IpAddr,
        progress: Arc<Progress>,
    ) -> Response<Sent> {
        let begun = Instant::now();
        let line = self.access_log.then(|| line(&request, client));
        let is_head = request.method() == Method::HEAD;
        let (mut reply, place) = match self.limits.admit(client) {
            Ok(place) => (self.route(request, client).await, Some(place)),
            Err(refused) => {
                self.metrics.refuse(if refused == Refusal::Everybody { "load" } else { "rate" });
                (turned_away(refused), None)
            }
        };
        if self.strict {
            reply.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT));
        }
        match reply.status() {
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => *reply.body_mut() = whole(Bytes::new()),
            _ if is_head => headless(&mut reply),
            _ => {}
        }
        let status = reply.status();
        self.metrics.requests.with_label_values(&[status.as_str()]).inc();
        self.metrics.seconds.observe(begun.elapsed().as_secs_f64());
        let account =
            Account { metrics: self.metrics.clone(), begun, status: status.as_u16(), line, _place: place };
        reply.map(|body| Sent::new(body, progress, account))
    }

    async fn route(&self, request: Request<Incoming>, client: IpAddr) -> Reply {
        let (parts, body) = request.into_parts();
        let domains = self.domains.borrow().clone();
        let target = target(host(&parts), parts.uri.query(), &domains);
        match parts.uri.path() {
            "/health" if target == Target::Gateway => return self.health(),
            "/metrics" if target == Target::Gateway => return self.metrics(),
            _ => {}
        }
        let (body, _room) = match self.read(body, client).await {
            Ok(read) => read,
            Err(reply) => return reply,
        };
        self.metrics.request_bytes.observe(body.len() as f64);
        if parts.uri.path().starts_with("/api/") {
            return self.pass(parts, body, client).await;
        }
        if let Some(reply) = self.candid_page.answer(host(&parts), &parts, &domains) {
            return reply;
        }
        match target {
            Target::Canister { id, raw } => self.page(parts, body, id, raw).await,
            Target::Gateway => welcome(),
            Target::Nobody => nobodys(),
        }
    }

    fn health(&self) -> Reply {
        match self.upstream.healthy() {
            0 => refusal(StatusCode::SERVICE_UNAVAILABLE, "no replica is healthy"),
            healthy => reply_ok("text/plain", format!("{healthy} replicas are healthy\n")),
        }
    }

    fn metrics(&self) -> Reply {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.healthy.set(count(self.upstream.healthy()));
        self.metrics.aside.set(count(self.upstream.aside()));
        reply_ok("text/plain; version=0.0.4", self.metrics.text())
    }

    /// A canister's page, verified.
    async fn page(&self, parts: Parts, body: Bytes, canister: Principal, raw: bool) -> Reply {
        if is_preflight(&parts) {
            return self.canisters_preflight(parts, body, canister, raw).await;
        }
        let mut reply = self.shown(&parts, body, canister, raw).await.unwrap_or_else(|error| failure(&error));
        if !reply.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
            allow_origins(&mut reply);
        }
        if let Ok(id) = HeaderValue::from_str(&canister.to_text()) {
            reply.headers_mut().insert(CANISTER, id);
        }
        reply
    }

    /// What the canister itself allows, if it says that of this path, and otherwise what the gateway does.
    async fn canisters_preflight(&self, parts: Parts, body: Bytes, canister: Principal, raw: bool) -> Reply {
        let path = parts.uri.path().to_string();
        if self.preflights.is_silent(canister, &path) {
            return preflight();
        }
        match self.shown(&parts, body, canister, raw).await {
            Ok(reply) if allows(&reply) => return reply,
            // Whether it would say something is not known.
            Err(AskError::Silent(_) | AskError::Busy | AskError::Unsure(_)) => {}
            _ => self.preflights.remember(canister, path),
        }
        preflight()
    }

    async fn shown(
        &self,
        parts: &Parts,
        body: Bytes,
        canister: Principal,
        raw: bool,
    ) -> Result<Reply, AskError> {
        if segments(parts.uri.path()) > PATH_SEGMENTS_MAX {
            return Ok(too_long());
        }
        let asked = match Asked::new(parts, body) {
            Ok(asked) => asked,
            Err(error) => return Ok(refusal(StatusCode::BAD_REQUEST, &error.to_string())),
        };
        let wish = Wish::new(canister, raw, parts, asked);
        let shown = respond(&self.fetcher, wish).await;
        shown.inspect_err(|error| tracing::warn!(%canister, error = brief(error), "no page"))
    }

    /// An agent's request, passed on as it is.
    async fn pass(&self, parts: Parts, body: Bytes, client: IpAddr) -> Reply {
        if parts.method == Method::OPTIONS {
            return preflight();
        }
        if parts.uri.path_and_query().is_some_and(|path| path.as_str().len() > API_PATH_BYTES_MAX) {
            return refusal(StatusCode::URI_TOO_LONG, "no path of this interface is that long");
        }
        if parts.uri.path().ends_with("/call") {
            tokio::time::sleep(self.call_delay).await;
        }
        let mut reply = match self.upstream.send(&parts, &body).await {
            Ok(response) => {
                let (mut head, body) = response.into_parts();
                head.headers.remove(header::TRANSFER_ENCODING);
                head.headers.remove(header::CONNECTION);
                let mut room = self.limits.reply(Some(client));
                match room.grow(body.len()) {
                    Ok(()) => Reply::from_parts(head, holding(whole(body), room)),
                    Err(refused) => turned_away(refused),
                }
            }
            Err(error) => {
                let mut reply = refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
                reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                reply
            }
        };
        allow_origins(&mut reply);
        reply
    }

    /// A request's body, and its place in memory.
    async fn read(&self, body: Incoming, client: IpAddr) -> Result<(Bytes, Option<Room>), Reply> {
        if body.is_end_stream() {
            return Ok((Bytes::new(), None));
        }
        if body.size_hint().lower() > HTTP_BODY_BYTES_MAX as u64 {
            return Err(too_large());
        }
        match timeout(self.body, self.collect(body, client)).await {
            Ok(read) => read.map(|(body, room)| (body, Some(room))),
            Err(_late) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
        }
    }

    /// Memory is taken for what has come, not for what was announced: announcing costs nothing.
    async fn collect(&self, mut body: Incoming, client: IpAddr) -> Result<(Bytes, Room), Reply> {
        let (mut bytes, mut room) = (BytesMut::new(), self.limits.body(client));
        while let Some(frame) = body.frame().await {
            let broken = |error: hyper::Error| {
                refusal(StatusCode::BAD_REQUEST, &format!("the body broke off: {error}"))
            };
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            if bytes.len() + data.len() > HTTP_BODY_BYTES_MAX {
                return Err(too_large());
            }
            room.grow(data.len()).map_err(|refused| {
                self.metrics.refuse(if refused == Refusal::Everybody { "load" } else { "rate" });
                turned_away(refused)
            })?;
            bytes.extend_from_slice(&data);
        }
        Ok((bytes.freeze(), room))
    }
}

fn too_large() -> Reply {
    let text = format!("body too large; at most {HTTP_BODY_BYTES_MAX} bytes are allowed");
    refusal(StatusCode::PAYLOAD_TOO_LARGE, &text)
}

fn host(parts: &Parts) -> &str {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    let header = || parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    authority.or_else(header).unwrap_or_default()
}

/// A reply to HEAD has the length of what GET would get, and no body.
fn headless(reply: &mut Reply) {
    let size = reply.body().size_hint().exact();
    if !reply.headers().contains_key(header::CONTENT_LENGTH)
        && let Some(size) = size
    {
        reply.headers_mut().insert(header::CONTENT_LENGTH, size.into());
    }
    *reply.body_mut() = whole(Bytes::new());
}

fn line(request: &Request<Incoming>, client: IpAddr) -> String {
    let host = request.uri().authority().map(|host| host.as_str()).unwrap_or_else(|| {
        request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("-")
    });
    let version = if request.version() == Version::HTTP_2 { "2" } else { "1.1" };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let line = format!("{client} {} {host}{path} HTTP/{version}", request.method());
    // Whatever stands in a URL, it is one line, and not a long one.
    line.chars().map(|c| if c.is_control() { '?' } else { c }).take(LINE_BYTES_MAX).collect()
}

fn reply_ok(content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Reply::new(whole(body));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// INTEROP.md §5, CORS.
const ALLOWED_HEADERS: &str = "User-Agent, DNT, If-None-Match, If-Modified-Since, Cache-Control, Content-Type, \
Range, Cookie, X-Requested-With, X-IC-Canister-Id";
const EXPOSED_HEADERS: &str = "Accept-Ranges, Content-Length, Content-Range, X-Request-Id, X-IC-Canister-Id";

fn allow_origins(reply: &mut Reply) {
    let headers = reply.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.entry(header::ACCESS_CONTROL_EXPOSE_HEADERS).or_insert(HeaderValue::from_static(EXPOSED_HEADERS));
}

fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Reply {
    let mut reply = Reply::new(whole(Bytes::new()));
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
