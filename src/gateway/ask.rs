//! Asking a canister for a page through one replica: `http_request`, its stream of parts, `http_request_update`.
//! What comes back is what the replica says, not yet believed ([`super::verify`]).

use super::encodings::encodings;
use super::limit::{Limits, Room};
use super::upstream::{Replica, client};
use crate::types::Principal;
use bytes::Bytes;
use candid::utils::decode_one_with_config;
use candid::{CandidType, DecoderConfig, IDLArgs};
use hyper::http::{Method, header, request::Parts};
use ic_agent::AgentError;
use ic_agent::agent::CallResponse;
use ic_utils::interfaces::http_request::{
    HeaderField, HttpRequestStreamingCallbackAny, HttpResponse, StreamingCallbackHttpResponse,
    StreamingStrategy, Token,
};
use serde::Deserialize;

/// A body that comes in parts is gathered until its hash can be compared: so many bytes and parts at most.
pub const GATHERED_BYTES_MAX: usize = 64 * 1024 * 1024;
pub const GATHERED_PARTS_MAX: usize = 256;
/// Work that reading one reply may cost, in candid's measure; four times what the largest reply costs.
const DECODING_QUOTA: usize = 4 * super::upstream::RESPONSE_BYTES_MAX;
const SKIPPING_QUOTA: usize = 10_000;
/// Versions of response verification that are understood.
const CERTIFICATE_VERSION: u16 = 2;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The replica did not answer. Another may.
    #[error("{0}")]
    Silent(String),
    /// What the replica said does not hold. Another's may.
    #[error("{0}")]
    Unproved(String),
    /// It holds, but is not what it was to continue. Another's may be.
    #[error("{0}")]
    Unfit(String),
    /// The replica says that the canister, or the subnet, refuses.
    #[error("{0}")]
    Rejected(Box<AgentError>),
    #[error("it is larger than {GATHERED_BYTES_MAX} bytes, or comes in more than {GATHERED_PARTS_MAX} parts")]
    TooLarge,
    #[error("too much is being answered at this moment")]
    Busy,
    /// An update call was sent, and no certified reply came.
    #[error("{0}")]
    Unsure(String),
}

impl From<AgentError> for AskError {
    fn from(error: AgentError) -> AskError {
        match error {
            AgentError::RouteProviderError(reason) => AskError::Silent(reason),
            AgentError::TimeoutWaitingForResponse() => AskError::Silent(error.to_string()),
            AgentError::HttpError(ref payload) if payload.status >= 500 || payload.status == 429 => {
                AskError::Silent(error.to_string())
            }
            AgentError::HttpError(_)
            | AgentError::CertifiedReject { .. }
            | AgentError::UncertifiedReject { .. } => AskError::Rejected(Box::new(error)),
            error => AskError::Unproved(error.to_string()),
        }
    }
}

impl From<candid::Error> for AskError {
    fn from(error: candid::Error) -> AskError {
        AskError::Unproved(format!("it is no HTTP response: {error}"))
    }
}

/// What a canister is asked, as it was sent: proofs are about these very values.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    /// Path and query.
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// Headers that are between two ends of a connection, and one that only tells requests apart.
const NOT_PASSED: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// A header's value is no text.
#[derive(Debug, thiserror::Error)]
#[error("the header {0} is not ASCII text")]
pub struct HeaderError(String);

impl Asked {
    /// The question behind a request. HEAD asks for the page that GET would get; who reads conditions is the gateway,
    /// so that the answer is whole.
    pub fn new(parts: &Parts, body: Bytes) -> Result<Asked, HeaderError> {
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let (mut headers, mut cookies) = (Vec::with_capacity(parts.headers.len()), Vec::new());
        for (name, value) in &parts.headers {
            let left_out = NOT_PASSED.contains(&name.as_str())
                || *name == header::ACCEPT_ENCODING
                || reads && is_condition(name);
            if left_out {
                continue;
            }
            let value = value.to_str().map_err(|_| HeaderError(name.to_string()))?;
            match *name == header::COOKIE {
                true => cookies.push(value),
                false => headers.push((name.to_string(), value.to_string())),
            }
        }
        // HTTP/2 has a header for each of them (RFC 9113, 8.2.3).
        if !cookies.is_empty() {
            headers.push((header::COOKIE.to_string(), cookies.join("; ")));
        }
        // HTTP/2 has the host in its URL.
        if let Some(authority) = parts.uri.authority()
            && !parts.headers.contains_key(header::HOST)
        {
            headers.push((header::HOST.to_string(), authority.to_string()));
        }
        headers.push((header::ACCEPT_ENCODING.to_string(), encodings(&parts.headers)));
        let url = parts.uri.path_and_query().map_or("/", |url| url.as_str()).to_string();
        let method = if reads { Method::GET } else { parts.method.clone() };
        Ok(Asked { method, url, headers, body })
    }

    /// The value of a header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same question for another range, or for the whole.
    pub fn ranged(&self, range: Option<String>) -> Asked {
        let mut asked = self.clone();
        asked.headers.retain(|(name, _)| name != "range");
        asked.headers.extend(range.map(|range| ("range".to_string(), range)));
        asked
    }

    fn arguments(&self, certificate_version: Option<u16>) -> Result<Vec<u8>, AskError> {
        let Asked { method, url, headers, body } = self;
        let (method, url, body) = (method.as_str(), url.as_str(), serde_bytes::Bytes::new(body));
        let request = match certificate_version {
            Some(_) => candid::encode_one(Query { method, url, headers, body, certificate_version }),
            None => candid::encode_one(Update { method, url, headers, body }),
        };
        request.map_err(|error| AskError::Unproved(error.to_string()))
    }
}

fn is_condition(name: &header::HeaderName) -> bool {
    [
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_MATCH,
        header::IF_UNMODIFIED_SINCE,
        header::IF_RANGE,
    ]
    .contains(name)
}

#[derive(CandidType)]
struct Query<'a> {
    method: &'a str,
    url: &'a str,
    headers: &'a [(String, String)],
    body: &'a serde_bytes::Bytes,
    certificate_version: Option<u16>,
}

#[derive(CandidType)]
struct Update<'a> {
    method: &'a str,
    url: &'a str,
    headers: &'a [(String, String)],
    body: &'a serde_bytes::Bytes,
}

type Answer = HttpResponse<Token, HttpRequestStreamingCallbackAny>;

/// What a replica says that a canister answered, its body gathered.
pub struct Told {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
    /// The canister wants to be asked by an update call.
    pub upgrade: bool,
    /// Room for the body.
    pub room: Option<Room>,
}

fn decode<T: for<'de> Deserialize<'de> + CandidType>(reply: &[u8]) -> Result<T, AskError> {
    let mut config = DecoderConfig::new();
    config.set_decoding_quota(DECODING_QUOTA).set_skipping_quota(SKIPPING_QUOTA);
    Ok(decode_one_with_config(reply, &config)?)
}

/// Asks by query.
pub async fn query(
    replica: &Replica,
    canister: &Principal,
    asked: &Asked,
    limits: &Limits,
) -> Result<Told, AskError> {
    let arguments = asked.arguments(Some(CERTIFICATE_VERSION))?;
    let reply = replica.agent.query(canister, "http_request").with_arg(arguments).call().await?;
    gather(replica, canister, decode(&reply)?, limits, false).await
}

/// The same bytes for every replica, so that the subnet executes them once.
pub fn signed_update(replica: &Replica, canister: &Principal, asked: &Asked) -> Result<Vec<u8>, AskError> {
    let arguments = asked.arguments(None)?;
    Ok(replica.agent.update(canister, "http_request_update").with_arg(arguments).sign()?.signed_update)
}

/// Asks by update call. The reply is certified.
pub async fn update(replica: &Replica, canister: &Principal, signed: &[u8]) -> Result<Vec<u8>, AskError> {
    let agent = &replica.agent;
    match agent.update_signed(*canister, signed.to_vec()).await? {
        CallResponse::Response(reply) => Ok(reply),
        CallResponse::Poll(id) => {
            let status = agent.sign_request_status(*canister, id)?;
            Ok(agent.wait_signed(&id, *canister, status.signed_request_status).await?.0)
        }
    }
}

/// What the certified reply to an update call tells, its parts certified too.
pub async fn told_by_update(
    replica: &Replica,
    canister: &Principal,
    reply: &[u8],
    limits: &Limits,
) -> Result<Told, AskError> {
    gather(replica, canister, decode(reply)?, limits, true).await
}

/// The whole body of an answer. Its parts come from queries, or, where nothing but certified replies will do, from
/// update calls of the same method.
async fn gather(
    replica: &Replica,
    canister: &Principal,
    answer: Answer,
    limits: &Limits,
    certified: bool,
) -> Result<Told, AskError> {
    let headers =
        answer.headers.into_iter().map(|HeaderField(k, v)| (k.into_owned(), v.into_owned())).collect();
    let (status, upgrade) = (answer.status_code, answer.upgrade == Some(true));
    let (body, room) = match answer.streaming_strategy {
        Some(StreamingStrategy::Callback(strategy)) if !upgrade => {
            let callback = strategy.callback.0;
            if callback.principal != *canister {
                return Err(AskError::Unproved("its parts come from another canister".into()));
            }
            let first = (answer.body, Some(strategy.token));
            parts(replica, canister, &callback.method, first, limits, certified).await?
        }
        _ => {
            let mut room = limits.reply(client());
            room.grow(answer.body.len()).map_err(|_| AskError::Busy)?;
            (Bytes::from(answer.body), room)
        }
    };
    Ok(Told { status, headers, body, upgrade, room: Some(room) })
}

async fn parts(
    replica: &Replica,
    canister: &Principal,
    method: &str,
    (mut body, mut token): (Vec<u8>, Option<Token>),
    limits: &Limits,
    certified: bool,
) -> Result<(Bytes, Room), AskError> {
    let mut room = limits.reply(client());
    room.grow(body.len()).map_err(|_| AskError::Busy)?;
    for _ in 0..GATHERED_PARTS_MAX {
        let Some(next) = token else { return Ok((body.into(), room)) };
        limits.pace(client()).await;
        let arguments = IDLArgs::new(&[next.0]).to_bytes()?;
        let reply = match certified {
            false => replica.agent.query(canister, method).with_arg(arguments).call().await?,
            true => replica.agent.update(canister, method).with_arg(arguments).call_and_wait().await?,
        };
        let part: StreamingCallbackHttpResponse<Token> = decode(&reply)?;
        if body.len() + part.body.len() > GATHERED_BYTES_MAX {
            return Err(AskError::TooLarge);
        }
        room.grow(part.body.len()).map_err(|_| AskError::Busy)?;
        body.extend_from_slice(&part.body);
        token = part.token;
    }
    Err(AskError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::http::Request;

    fn asked(headers: &[(&str, &str)]) -> Asked {
        let mut request = Request::get("/a?b=c");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Asked::new(&request.body(()).expect("a request").into_parts().0, Bytes::new()).expect("text")
    }

    fn check_encodings(value: Option<&str>, expected: &str) {
        let headers: Vec<_> = value.map(|value| ("accept-encoding", value)).into_iter().collect();
        assert_eq!(asked(&headers).header("accept-encoding"), Some(expected), "{value:?}");
    }

    #[test]
    fn identity_is_always_among_the_encodings() {
        check_encodings(None, "identity");
        check_encodings(Some("gzip, deflate, br"), "br, deflate, gzip, identity");
        check_encodings(Some("GZip;q=0.5, br;q=0, *"), "gzip, identity");
        check_encodings(Some("identity;q=0"), "identity");
        check_encodings(Some(";;;,,q=,"), "identity");
    }

    #[test]
    fn the_cookies_of_a_request_are_one_header() {
        let asked = asked(&[("cookie", "a=b"), ("x-a", "b"), ("cookie", "c=d; e=f")]);
        let cookies: Vec<&str> = asked
            .headers
            .iter()
            .filter(|(name, _)| name == "cookie")
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(cookies, ["a=b; c=d; e=f"]);
    }

    #[test]
    fn what_is_between_two_ends_is_not_passed_on() {
        let asked =
            asked(&[("connection", "x"), ("x-request-id", "1"), ("if-none-match", "\"a\""), ("x-a", "b")]);
        let names: Vec<&str> = asked.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x-a", "accept-encoding"]);
        assert_eq!(asked.url, "/a?b=c");
        assert_eq!(asked.ranged(Some("bytes=1-".into())).header("range"), Some("bytes=1-"));
    }

    #[test]
    fn a_head_request_asks_for_the_page() {
        let (parts, ()) = Request::head("/").body(()).expect("a request").into_parts();
        assert_eq!(Asked::new(&parts, Bytes::new()).expect("text").method, Method::GET);
    }

    #[test]
    fn bytes_that_are_no_response_are_no_panic() {
        for bytes in
            [&b""[..], b"DIDL", b"DIDL\0\0", b"DIDL\x01\x6d\x7f\x01\0\xff\xff\xff\xff\x0f", &[0xff; 64]]
        {
            assert!(matches!(decode::<Answer>(bytes), Err(AskError::Unproved(_))), "{bytes:?}");
        }
    }
}
