//! Ranges: what a client wants, what a canister's part is, and one from the other.

use super::cache::allowed;
use super::limit::Room;
use super::verify::{CERTIFICATE_AGE, Page};
use crate::types::Digest;
use bytes::Bytes;
use hyper::http::{HeaderMap, StatusCode, header};
use std::ops::Range;
use std::sync::Arc;

/// A whole asset has at most so many bytes: more digits than anybody needs, and few enough to add up.
const TOTAL_MAX: u64 = 1 << 50;

/// What a `Range` header wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    From(u64),
    Between(u64, u64),
    Last(u64),
}

impl Wanted {
    /// What is wanted by a request. Several ranges at once, other units and nonsense want the whole, as RFC 9110 allows.
    pub fn of(headers: &HeaderMap) -> Option<Wanted> {
        let mut values = headers.get_all(header::RANGE).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        let (first, last) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
        let number = |text: &str| {
            let text = text.trim();
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().unwrap_or(u64::MAX))
        };
        match (number(first), number(last)) {
            (Some(first), Some(last)) => (first <= last).then_some(Wanted::Between(first, last)),
            (Some(first), None) => last.trim().is_empty().then_some(Wanted::From(first)),
            (None, Some(count)) => first.trim().is_empty().then_some(Wanted::Last(count)),
            (None, None) => None,
        }
    }

    /// The bytes that are wanted of so many; none if there are none of these.
    pub fn within(self, total: u64) -> Option<Range<u64>> {
        let range = match self {
            Wanted::From(first) => first..total,
            Wanted::Between(first, last) => first..total.min(last.saturating_add(1)),
            Wanted::Last(count) => total.saturating_sub(count)..total,
        };
        (range.start < range.end).then_some(range)
    }
}

/// The part of an asset that a certified page is.
#[derive(Clone)]
pub struct Part {
    pub range: Range<u64>,
    pub total: u64,
    pub body: Bytes,
    /// Keeps the room for the body taken.
    pub room: Option<Arc<Room>>,
}

/// What the parts of one asset have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Whole {
    total: u64,
    version: Version,
    encoding: Option<String>,
}

/// What tells an asset from another one in the same place: what the canister says of that, or else all that it certifies.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Version {
    Tag(String),
    Modified(String),
    /// By the canister's word, what it said stays good for longer than a certificate is believed: so do all parts.
    Lasting,
    Root(Option<Digest>),
}

impl Whole {
    /// Of what a page is a part.
    pub fn of(page: &Page, part: &Part) -> Whole {
        let text = |name| page.header(name).map(str::to_owned);
        let lasts = allowed(&page.headers).is_some_and(|time| time >= CERTIFICATE_AGE);
        let version = match (text(header::ETAG), text(header::LAST_MODIFIED)) {
            (Some(tag), _) => Version::Tag(tag),
            (None, Some(date)) => Version::Modified(date),
            (None, None) if lasts => Version::Lasting,
            (None, None) => Version::Root(page.certified.map(|certified| certified.root)),
        };
        Whole { total: part.total, version, encoding: text(header::CONTENT_ENCODING) }
    }
}

impl Part {
    /// The part that a page is; its `Content-Range` must be certified with it.
    pub fn of(page: &Page) -> Result<Part, String> {
        if page.status != StatusCode::PARTIAL_CONTENT {
            return Err(format!("a part has the status {}", page.status));
        }
        let text = page.header(header::CONTENT_RANGE).ok_or("a part does not say where it stands")?;
        let (range, total) = content_range(text).ok_or_else(|| format!("{text:?} is no place of a part"))?;
        if range.end - range.start != page.body.len() as u64 {
            return Err(format!("a part at {text:?} has {} bytes", page.body.len()));
        }
        Ok(Part { range, total, body: page.body.clone(), room: page.room.clone() })
    }

    /// The bytes of the part that lie in `wanted`, from its start on.
    pub fn slice(&self, wanted: &Range<u64>) -> Option<Bytes> {
        if !self.range.contains(&wanted.start) {
            return None;
        }
        let at = |place: u64| usize::try_from(place - self.range.start).ok();
        Some(self.body.slice(at(wanted.start)?..at(wanted.end.min(self.range.end))?))
    }
}

/// `bytes 0-9/20`
fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|number| digits && *number < TOTAL_MAX)
    };
    let (first, last, total) = (number(first)?, number(last)?, number(total)?);
    (first <= last && last < total).then_some((first..last + 1, total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::verify::Proof;
    use hyper::http::HeaderValue;

    fn wanted(text: &str) -> Option<Wanted> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(text).expect("a value"));
        Wanted::of(&headers)
    }

    #[test]
    fn a_range_is_read_and_nonsense_wants_the_whole() {
        assert_eq!(wanted("bytes=0-1"), Some(Wanted::Between(0, 1)));
        assert_eq!(wanted("bytes=7-"), Some(Wanted::From(7)));
        assert_eq!(wanted("bytes=-7"), Some(Wanted::Last(7)));
        assert_eq!(wanted("bytes=1-99999999999999999999999"), Some(Wanted::Between(1, u64::MAX)));
        for text in
            ["bytes=", "bytes=-", "bytes=2-1", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "0-1"]
        {
            assert_eq!(wanted(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_is_cut_to_what_there_is() {
        assert_eq!(Wanted::Between(2, 100).within(10), Some(2..10));
        assert_eq!(Wanted::Between(0, u64::MAX).within(10), Some(0..10));
        assert_eq!(Wanted::From(10).within(10), None);
        assert_eq!(Wanted::Last(3).within(10), Some(7..10));
        assert_eq!(Wanted::Last(30).within(10), Some(0..10));
        assert_eq!(Wanted::Last(0).within(10), None);
        assert_eq!(Wanted::From(0).within(0), None);
    }

    fn page(place: &str, size: usize) -> Page {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_RANGE, HeaderValue::from_str(place).expect("a value"));
        let body: Vec<u8> = (0..size).map(|index| index as u8).collect();
        Page {
            status: StatusCode::PARTIAL_CONTENT,
            headers,
            body: body.into(),
            proof: Proof::Whole,
            certified: None,
            keyed: true,
            ranged: false,
            room: None,
        }
    }

    #[test]
    fn a_part_must_be_as_long_as_it_says_and_lie_in_the_whole() {
        assert!(Part::of(&page("bytes 0-9/20", 10)).is_ok());
        for (place, size) in [
            ("bytes 0-9/20", 9),
            ("bytes 0-9/20", 11),
            ("bytes 9-0/20", 10),
            ("bytes 0-9/9", 10),
            ("bytes 0-9/*", 10),
            ("bytes */20", 0),
            ("bytes 0-18446744073709551615/18446744073709551615", 0),
            ("items 0-9/20", 10),
            ("", 0),
        ] {
            assert!(Part::of(&page(place, size)).is_err(), "{place} {size}");
        }
        let whole = Page { status: StatusCode::OK, ..page("bytes 0-9/20", 10) };
        assert!(Part::of(&whole).is_err());
    }

    #[test]
    fn parts_of_two_versions_are_not_parts_of_one_whole() {
        let certified = |root: u8| {
            let (time, root) = (std::time::SystemTime::now(), Digest([root; 32]));
            Some(crate::gateway::verify::Certified { time, root })
        };
        let whole = |header: Option<(header::HeaderName, &'static str)>, root: u8| {
            let mut page = Page { certified: certified(root), ..page("bytes 0-9/20", 10) };
            page.headers.extend(header.map(|(name, value)| (name, HeaderValue::from_static(value))));
            Whole::of(&page, &Part::of(&page).expect("a part"))
        };
        let (tag, modified) = (header::ETAG, header::LAST_MODIFIED);
        // A canister that says which version it is may certify other things meanwhile.
        assert_eq!(whole(Some((tag.clone(), "\"a\"")), 1), whole(Some((tag.clone(), "\"a\"")), 2));
        assert_ne!(whole(Some((tag.clone(), "\"a\"")), 1), whole(Some((tag, "\"b\"")), 1));
        assert_eq!(whole(Some((modified.clone(), "then")), 1), whole(Some((modified.clone(), "then")), 2));
        assert_ne!(whole(Some((modified.clone(), "then")), 1), whole(Some((modified, "now")), 1));
        let control = |value: &'static str| Some((header::CACHE_CONTROL, value));
        assert_eq!(whole(control("max-age=3600"), 1), whole(control("max-age=3600"), 2));
        assert_ne!(whole(control("max-age=60"), 1), whole(control("max-age=60"), 2));
        assert_eq!(whole(None, 1), whole(None, 1));
        assert_ne!(whole(None, 1), whole(None, 2));
    }

    #[test]
    fn a_part_is_cut_to_what_is_wanted_of_it() {
        let part = Part::of(&page("bytes 100-109/200", 10)).expect("a part");
        assert_eq!(part.slice(&(103..106)).as_deref(), Some(&[3, 4, 5][..]));
        assert_eq!(part.slice(&(108..150)).as_deref(), Some(&[8, 9][..]));
        assert_eq!(part.slice(&(110..111)), None);
        assert_eq!(part.slice(&(99..111)), None);
    }
}
