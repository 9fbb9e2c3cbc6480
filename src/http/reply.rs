//! Replies, and the headers that stand on all of them.

use crate::ingress::AuthError;
use crate::node::{QueryError, SubmitError};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

/// What goes back to a client.
pub(super) type Reply = Response<Full<Bytes>>;

/// CORS as browsers' agents need it (INTEROP.md §5).
const CORS: &[(HeaderName, &str)] = &[
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        "Accept-Ranges, Content-Length, Content-Range, X-Request-Id, X-IC-Canister-Id",
    ),
];
/// And what only a pre-flight request asks for.
const PREFLIGHT: &[(HeaderName, &str)] = &[
    (header::ACCESS_CONTROL_ALLOW_METHODS, "HEAD, GET, POST, PUT, DELETE, PATCH"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "User-Agent, DNT, If-None-Match, If-Modified-Since, Cache-Control, Content-Type, Range, Cookie, \
         X-Requested-With, X-IC-Canister-Id",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "7200"),
];

/// Why a request gets no answer of the subnet's: a status and a sentence that names the reason.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: String,
    allow: Option<&'static str>,
}

impl Refusal {
    pub fn new(status: StatusCode, reason: impl Into<String>) -> Refusal {
        Refusal { status, reason: reason.into(), allow: None }
    }

    /// 400.
    pub fn bad(reason: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, reason)
    }

    /// 503: the same request may succeed soon.
    pub fn busy(reason: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    }

    /// 405.
    pub fn method(allow: &'static str) -> Refusal {
        let reason = format!("method not allowed; use {allow}");
        Refusal { allow: Some(allow), ..Refusal::new(StatusCode::METHOD_NOT_ALLOWED, reason) }
    }

    pub fn into_reply(self) -> Reply {
        let mut reply = reply(self.status, "text/plain; charset=utf-8", self.reason.into());
        let retry = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&self.status);
        if retry {
            reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(allow) = self.allow {
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        reply
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Refusal {
        let status = match error {
            AuthError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Refusal::new(status, error.to_string())
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Refusal {
        Refusal::busy(error.to_string())
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Refusal {
        Refusal::busy(error.to_string())
    }
}

/// 200 with CBOR.
pub(super) fn cbor(body: Vec<u8>) -> Reply {
    reply(StatusCode::OK, "application/cbor", body.into())
}

/// 200 with text.
pub(super) fn text(body: impl Into<String>) -> Reply {
    reply(StatusCode::OK, "text/plain; charset=utf-8", body.into().into())
}

/// 200 with JSON.
pub(super) fn json(body: String) -> Reply {
    reply(StatusCode::OK, "application/json", body.into())
}

/// 202 and nothing: the call is on its way.
pub(super) fn accepted() -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::ACCEPTED;
    add(reply.headers_mut(), CORS);
    reply
}

/// The answer to a browser's pre-flight request.
pub(super) fn preflight() -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::NO_CONTENT;
    add(reply.headers_mut(), CORS);
    add(reply.headers_mut(), PREFLIGHT);
    reply
}

fn reply(status: StatusCode, content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    add(reply.headers_mut(), CORS);
    add(
        reply.headers_mut(),
        &[(header::CONTENT_TYPE, content_type), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")],
    );
    reply
}

fn add(headers: &mut HeaderMap, values: &[(HeaderName, &'static str)]) {
    for (name, value) in values {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
}
