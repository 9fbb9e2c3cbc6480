//! What a client gets of a canister's page: all of it, a range, its head, that it has it already, or parts as they come.

use super::ask::{AskError, Asked};
use super::body::{Body, PARTS_HELD, Reply, Section, holding, parts, whole};
use super::cache::Kept;
use super::compress::{compressed, may_be};
use super::condition::{has_it, is_of, is_unwanted, names_weakly};
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

    fn source(&self) -> Source {
        match is_reload(&self.headers) {
            _ if self.raw => Source::Raw,
            true => Source::Replicas,
            false => Source::Any,
        }
    }
}

/// Whether a page is wanted that was not kept: browsers say so in one of these ways when a page is loaded again.
fn is_reload(headers: &HeaderMap) -> bool {
    let says = |name: HeaderName, words: &[&str]| {
        let texts = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut said = texts.flat_map(|text| text.split(',')).map(|word| word.trim().to_ascii_lowercase());
        said.any(|word| words.contains(&word.as_str()))
    };
    says(header::CACHE_CONTROL, &["no-cache", "no-store", "max-age=0"])
        || !headers.contains_key(header::CACHE_CONTROL) && says(header::PRAGMA, &["no-cache"])
}

/// Answers a wish.
pub async fn respond(fetcher: &Arc<Fetcher>, wish: Wish) -> Result<Reply, AskError> {
    let mut wanted = wish.range();
    // Of what is read, ranges that the gateway does not know are none.
    let asked = match wanted {
        None if wish.reads() => wish.asked.ranged(None),
        _ => wish.asked.clone(),
    };
    let source = wish.source();
    let (mut kept, mut hit) = fetcher.page(wish.canister, &asked, None, source).await?;
    if wanted.is_some() && !is_of(&wish.headers, &kept.page) {
        // The client's part is of another version: it gets the whole of this one.
        wanted = None;
        // What an update call told is not asked for a second time.
        if kept.page.proof != Proof::Update {
            (kept, hit) = fetcher.page(wish.canister, &asked.ranged(None), None, source).await?;
        }
    }
    let mut reply = read(fetcher, &wish, &kept, wanted).await?;
    let headers = reply.headers_mut();
    headers.insert(CACHE_STATUS, HeaderValue::from_static(if hit { "hit" } else { "miss" }));
    if hit {
        headers.insert(header::AGE, kept.since.elapsed().as_secs().into());
    }
    Ok(reply)
}

async fn read(
    fetcher: &Arc<Fetcher>,
    wish: &Wish,
    kept: &Arc<Kept>,
    wanted: Option<Wanted>,
) -> Result<Reply, AskError> {
    let page = &kept.page;
    let conditional = wish.reads() && is_success(page);
    match page.status {
        _ if conditional && is_unwanted(&wish.headers, page) => Ok(empty(StatusCode::PRECONDITION_FAILED)),
        _ if conditional && has_it(&wish.headers, page) => Ok(not_modified(wish, page)),
        // The other parts of what an update call told would take further ones.
        StatusCode::PARTIAL_CONTENT if wish.reads() && page.proof != Proof::Update => match Part::of(page) {
            Ok(part) => assembled(fetcher, wish, page, part, wanted),
            Err(error) if page.proof == Proof::Whole => Err(AskError::Unproved(error)),
            // What nobody vouches for may be of any form.
            Err(_) => as_it_is(fetcher, page),
        },
        StatusCode::OK if wish.reads() => of_whole(fetcher, wish, kept, wanted).await,
        _ => as_it_is(fetcher, page),
    }
}

fn is_success(page: &Page) -> bool {
    matches!(page.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT)
}

fn reply(status: StatusCode, page: &Page, body: Body) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    *reply.headers_mut() = page.headers.clone();
    reply
}

fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(whole(Bytes::new()));
    *reply.status_mut() = status;
    reply
}

/// A body that is a page's, or a part of it, which stays in memory until it is sent.
fn sent(fetcher: &Fetcher, page: &Page, body: Bytes) -> Result<Body, AskError> {
    let place = fetcher.limits.sending(client(), page.body.len()).map_err(|_| AskError::Busy)?;
    Ok(holding(whole(body), (page.room.clone(), place)))
}

fn as_it_is(fetcher: &Fetcher, page: &Page) -> Result<Reply, AskError> {
    Ok(reply(page.status, page, sent(fetcher, page, page.body.clone())?))
}

fn not_modified(wish: &Wish, page: &Page) -> Reply {
    let mut reply = reply(StatusCode::NOT_MODIFIED, page, whole(Bytes::new()));
    let headers = reply.headers_mut();
    for name in [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_RANGE] {
        headers.remove(name);
    }
    depends_on_encoding(headers, page);
    // The client has the compressed form.
    if names_weakly(&wish.headers) {
        weaken(headers);
    }
    reply
}

/// Says that what is sent depends on what the client takes.
fn depends_on_encoding(headers: &mut HeaderMap, page: &Page) {
    if may_be(page) {
        headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

/// Says of the tag that its page comes in more than one form.
fn weaken(headers: &mut HeaderMap) {
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    if let Some(tag) = tag.filter(|tag| !tag.starts_with("W/")).map(|tag| format!("W/{tag}")) {
        set(headers, header::ETAG, &tag);
    }
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
    let mut reply = empty(StatusCode::RANGE_NOT_SATISFIABLE);
    set(reply.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{total}"));
    reply
}

/// A page that is whole, or what is wanted of it.
async fn of_whole(
    fetcher: &Fetcher,
    wish: &Wish,
    kept: &Arc<Kept>,
    wanted: Option<Wanted>,
) -> Result<Reply, AskError> {
    let page = &kept.page;
    if let Some(wanted) = wanted {
        let total = page.body.len() as u64;
        let Some(range) = wanted.within(total) else { return Ok(unsatisfiable(total)) };
        let part = Part { range: 0..total, total, body: page.body.clone(), room: None };
        let body = sent(fetcher, page, part.slice(&range).unwrap_or_default())?;
        let mut reply = reply(StatusCode::PARTIAL_CONTENT, page, body);
        place(reply.headers_mut(), &range, total);
        length(reply.headers_mut(), range.end - range.start);
        depends_on_encoding(reply.headers_mut(), page);
        return Ok(reply);
    }
    let packed = compressed(&wish.headers, kept).await;
    let is_packed = packed.is_some();
    let body = packed.unwrap_or_else(|| page.body.clone());
    let size = body.len() as u64;
    let body = match wish.method == Method::HEAD {
        true => whole(Bytes::new()),
        false => sent(fetcher, page, body)?,
    };
    let mut reply = reply(StatusCode::OK, page, body);
    let headers = reply.headers_mut();
    length(headers, size);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    depends_on_encoding(headers, page);
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        weaken(headers);
    }
    Ok(reply)
}

/// An asset of which `first` is a part: the whole as 200, or what is wanted of it as 206. Each further part is fetched
/// and verified before any of it goes out.
fn assembled(
    fetcher: &Arc<Fetcher>,
    wish: &Wish,
    first: &Page,
    part: Part,
    wanted: Option<Wanted>,
) -> Result<Reply, AskError> {
    let total = part.total;
    let (status, range) = match wanted {
        None => (StatusCode::OK, 0..total),
        Some(wanted) => match wanted.within(total) {
            Some(range) => (StatusCode::PARTIAL_CONTENT, range),
            None => return Ok(unsatisfiable(total)),
        },
    };
    let body = match wish.method == Method::HEAD {
        true => whole(Bytes::new()),
        false => {
            let (sender, body) = parts(range.end - range.start);
            let held = PARTS_HELD.saturating_mul(first.body.len());
            let place = fetcher.limits.sending(client(), held).map_err(|_| AskError::Busy)?;
            let assembly = Assembly {
                fetcher: fetcher.clone(),
                canister: wish.canister,
                asked: wish.asked.clone(),
                source: if wish.raw { Source::Raw } else { Source::Any },
                whole: Whole::of(first, &part),
                range: range.clone(),
                sender,
            };
            let client = client().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            tokio::spawn(on_behalf_of(client, assembly.run(part)));
            holding(body, place)
        }
    };
    let mut reply = reply(status, first, body);
    let headers = reply.headers_mut();
    headers.remove(header::CONTENT_RANGE);
    if status == StatusCode::PARTIAL_CONTENT {
        place(headers, &range, total);
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
    sender: Sender<io::Result<Section>>,
}

impl Assembly {
    /// Sends part after part, until the end or until the client has gone. Whatever fails cuts the reply off.
    async fn run(mut self, first: Part) {
        let mut held = Some(first);
        while self.range.start < self.range.end {
            let section = match held.take().and_then(|part| section(part, &self.range)) {
                Some(section) => Ok(section),
                None => self.next().await,
            };
            let ends = section.is_err();
            self.range.start += section.as_ref().map_or(0, |section| section.bytes.len() as u64);
            self.fetcher.metrics.parts.inc();
            if self.sender.send(section).await.is_err() || ends {
                return;
            }
        }
    }

    async fn next(&self) -> io::Result<Section> {
        self.fetcher.limits.pace(client()).await;
        let place = self.range.start;
        let expected = Expected { place, whole: self.whole.clone() };
        let asked = self.asked.ranged(Some(format!("bytes={place}-")));
        let page = self.fetcher.page(self.canister, &asked, Some(&expected), self.source).await;
        let part = page.map_err(|error| error.to_string()).and_then(|(kept, _)| Part::of(&kept.page));
        let found =
            part.and_then(|part| section(part, &self.range).ok_or_else(|| "a part is missing".to_string()));
        found.map_err(|error| {
            tracing::warn!(canister = %self.canister, place, error, "a body is cut off");
            io::Error::other(error)
        })
    }
}

/// What is wanted of a part.
fn section(part: Part, wanted: &Range<u64>) -> Option<Section> {
    Some(Section { bytes: part.slice(wanted)?, _room: part.room })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_loaded_again_is_not_one_that_was_kept() {
        let check = |headers: &[(HeaderName, &'static str)], expected: bool| {
            let asked = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
            assert_eq!(is_reload(&asked.collect()), expected, "{headers:?}");
        };
        let control = header::CACHE_CONTROL;
        check(&[], false);
        for (value, expected) in [
            ("no-cache", true),
            ("max-age=0", true),
            ("max-age=60, No-Store", true),
            ("max-age=60", false),
            ("max-age=05", false),
            ("", false),
        ] {
            check(&[(control.clone(), value)], expected);
        }
        check(&[(header::PRAGMA, "no-cache")], true);
        check(&[(header::PRAGMA, "no-cache"), (control, "max-age=60")], false);
    }
}
