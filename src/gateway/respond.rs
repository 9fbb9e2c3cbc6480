//! What a client gets of a canister's page: all of it, a range, its head, that it has it already, or parts as they come.

use super::ask::{AskError, Asked};
use super::body::{Reply, parts, whole};
use super::cache::Kept;
use super::compress::{compressed, may_be};
use super::condition::{has_it, is_of};
use super::fetch::{Expected, Fetcher, Source};
use super::range::{Part, Wanted, Whole};
use super::upstream::{client, on_behalf_of};
use super::verify::{Page, Proof};
use crate::types::Principal;
use bytes::Bytes;
use hyper::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

/// Where a page came from: `hit` or `miss`.
const CACHE_STATUS: HeaderName = HeaderName::from_static("x-ic-cache-status");

/// A request for a page.
pub struct Wish {
    pub canister: Principal,
    pub raw: bool,
    pub method: Method,
    pub headers: HeaderMap,
    pub asked: Asked,
}

impl Wish {
    /// The wish behind a request.
    pub fn new(canister: Principal, raw: bool, parts: &request::Parts, asked: Asked) -> Wish {
        Wish { canister, raw, method: parts.method.clone(), headers: parts.headers.clone(), asked }
    }

    fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    fn range(&self) -> Option<Wanted> {
        if self.method == Method::GET { Wanted::of(&self.headers) } else { None }
    }

    /// A page that is loaded anew is not one that was kept.
    fn source(&self) -> Source {
        let values = self.headers.get_all(header::CACHE_CONTROL).iter();
        let mut texts = values.filter_map(|value| value.to_str().ok());
        match texts.any(|text| text.contains("no-cache") || text.contains("no-store")) {
            _ if self.raw => Source::Raw,
            true => Source::Replicas,
            false => Source::Any,
        }
    }
}

/// Answers a wish.
pub async fn respond(fetcher: &Arc<Fetcher>, wish: Wish) -> Result<Reply, AskError> {
    let wanted = wish.range();
    let asked = match wanted {
        Some(_) => wish.asked.clone(),
        None => wish.asked.ranged(None),
    };
    let source = wish.source();
    let (mut kept, mut hit) = fetcher.page(wish.canister, &asked, None, source).await?;
    let mut wanted = wanted;
    if wanted.is_some() && !is_of(&wish.headers, &kept.page) {
        // The client's part is of another version: it gets the whole of this one.
        wanted = None;
        // What an update call told is not asked for a second time.
        if kept.page.proof != Proof::Update {
            (kept, hit) = fetcher.page(wish.canister, &asked.ranged(None), None, source).await?;
        }
    }
    let mut reply = match kept.page.status {
        _ if wish.reads() && is_success(&kept.page) && has_it(&wish.headers, &kept.page) => {
            not_modified(&kept.page)
        }
        StatusCode::PARTIAL_CONTENT if wish.reads() => assembled(fetcher, &wish, &kept.page, wanted)?,
        StatusCode::OK if wish.reads() => of_whole(&wish, &kept, wanted).await,
        status => reply(status, &kept.page, whole(kept.page.body.clone())),
    };
    let status = HeaderValue::from_static(if hit { "hit" } else { "miss" });
    reply.headers_mut().insert(CACHE_STATUS, status);
    Ok(reply)
}

fn is_success(page: &Page) -> bool {
    matches!(page.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT)
}

fn reply(status: StatusCode, page: &Page, body: super::body::Body) -> Reply {
    let mut reply = Response::new(super::body::holding(body, page.room.clone()));
    *reply.status_mut() = status;
    *reply.headers_mut() = page.headers.clone();
    reply
}

fn not_modified(page: &Page) -> Reply {
    let mut reply = reply(StatusCode::NOT_MODIFIED, page, whole(Bytes::new()));
    for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_RANGE] {
        reply.headers_mut().remove(name);
    }
    reply
}

fn length(headers: &mut HeaderMap, length: u64) {
    headers.insert(header::CONTENT_LENGTH, length.into());
}

fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

fn place(headers: &mut HeaderMap, range: &Range<u64>, total: u64) {
    let text = format!("bytes {}-{}/{total}", range.start, range.end.saturating_sub(1));
    set(headers, header::CONTENT_RANGE, &text);
}

fn unsatisfiable(total: u64) -> Reply {
    let mut reply = Response::new(whole(Bytes::new()));
    *reply.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    set(reply.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{total}"));
    reply
}

/// A page that is whole, or what is wanted of it.
async fn of_whole(wish: &Wish, kept: &Arc<Kept>, wanted: Option<Wanted>) -> Reply {
    let page = &kept.page;
    if let Some(wanted) = wanted {
        let total = page.body.len() as u64;
        let Some(range) = wanted.within(total) else { return unsatisfiable(total) };
        let part = Part { range: 0..total, total, body: page.body.clone() };
        let body = part.slice(&range).unwrap_or_default();
        let mut reply = reply(StatusCode::PARTIAL_CONTENT, page, whole(body));
        place(reply.headers_mut(), &range, total);
        length(reply.headers_mut(), range.end - range.start);
        return reply;
    }
    let packed = compressed(&wish.headers, kept).await;
    let body = packed.clone().unwrap_or_else(|| page.body.clone());
    let size = body.len() as u64;
    let body = if wish.method == Method::HEAD { Bytes::new() } else { body };
    let mut reply = reply(StatusCode::OK, page, whole(body));
    let headers = reply.headers_mut();
    length(headers, size);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if may_be(page) {
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        if let Some(tag) = page.header(header::ETAG).filter(|tag| !tag.starts_with("W/")) {
            set(headers, header::ETAG, &format!("W/{tag}"));
        }
    }
    reply
}

/// An asset of which `first` is a part: the whole as 200, or what is wanted of it as 206. Each further part is fetched
/// and verified before any of it goes out.
fn assembled(
    fetcher: &Arc<Fetcher>,
    wish: &Wish,
    first: &Page,
    wanted: Option<Wanted>,
) -> Result<Reply, AskError> {
    let part = Part::of(first).map_err(AskError::Unproved)?;
    let (status, range) = match wanted {
        None => (StatusCode::OK, 0..part.total),
        Some(wanted) => match wanted.within(part.total) {
            Some(range) => (StatusCode::PARTIAL_CONTENT, range),
            None => return Ok(unsatisfiable(part.total)),
        },
    };
    let body = match wish.method == Method::HEAD {
        true => whole(Bytes::new()),
        false => {
            let (sender, body) = parts();
            let whole = Whole::of(first, &part);
            let (canister, asked) = (wish.canister, wish.asked.clone());
            let source = if wish.raw { Source::Raw } else { Source::Any };
            let assembly = Assembly {
                fetcher: fetcher.clone(),
                canister,
                asked,
                source,
                whole,
                range: range.clone(),
                sender,
            };
            let client = client().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            tokio::spawn(on_behalf_of(client, assembly.run(part.clone())));
            body
        }
    };
    let mut reply = reply(status, first, body);
    let headers = reply.headers_mut();
    headers.remove(header::CONTENT_RANGE);
    if status == StatusCode::PARTIAL_CONTENT {
        place(headers, &range, part.total);
    }
    length(headers, range.end - range.start);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(reply)
}

struct Assembly {
    fetcher: Arc<Fetcher>,
    canister: Principal,
    asked: Asked,
    source: Source,
    whole: Whole,
    /// What is still to be sent.
    range: Range<u64>,
    sender: Sender<io::Result<Bytes>>,
}

impl Assembly {
    /// Sends part after part, until the end or until the client has gone. Whatever fails cuts the reply off.
    async fn run(mut self, first: Part) {
        let mut held = Some(first);
        while self.range.start < self.range.end {
            let bytes = held.take().and_then(|part| part.slice(&self.range));
            let bytes = match bytes {
                Some(bytes) => Ok(bytes),
                None => self.next().await,
            };
            let ends = bytes.is_err();
            self.range.start += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
            self.fetcher.metrics.parts.inc();
            if self.sender.send(bytes).await.is_err() || ends {
                return;
            }
        }
    }

    async fn next(&self) -> io::Result<Bytes> {
        let place = self.range.start;
        let expected = Expected { place, whole: self.whole.clone() };
        let asked = self.asked.ranged(Some(format!("bytes={place}-")));
        let page = self.fetcher.page(self.canister, &asked, Some(&expected), self.source).await;
        let part = page.map_err(|error| error.to_string()).and_then(|(kept, _)| Part::of(&kept.page));
        let bytes =
            part.and_then(|part| part.slice(&self.range).ok_or_else(|| "a part is missing".to_string()));
        bytes.map_err(|error| {
            tracing::warn!(canister = %self.canister, place, error, "a body is cut off");
            io::Error::other(error)
        })
    }
}
