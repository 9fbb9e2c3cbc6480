//! Verified pages, kept for a while: bounded in bytes, keyed by all that a proof may be about.
//!
//! 1. Only what was proved is kept, and only if its proof is about the key and nothing else ([`Page::keyed`]).
//! 2. For as long as the canister says (`Cache-Control`), otherwise for a moment; never longer than its certificate is
//!    believed.
//! 3. What is asked with a cookie or an authorization is neither kept nor taken from here.

use super::ask::Asked;
use super::verify::{CERTIFICATE_AGE, KEY_HEADERS, Page, Proof};
use crate::types::Principal;
use bytes::Bytes;
use hyper::http::{HeaderMap, Method, StatusCode, header};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

/// How long a page is kept of which the canister does not say how long.
pub const UNSAID: Duration = Duration::from_secs(1);
/// A larger page is not kept.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What a page costs besides its body.
const OVERHEAD_BYTES: u64 = 4 * 1024;
/// For how many pages of this size room is made at first.
const PAGE_BYTES_USUAL: u64 = 32 * 1024;

/// All that an answer may depend on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    canister: Principal,
    url: String,
    headers: [Option<String>; KEY_HEADERS.len()],
}

impl Key {
    /// The key of a question, if its answer may be anybody's.
    pub fn new(canister: Principal, asked: &Asked) -> Option<Key> {
        let private = ["authorization", "cookie"].iter().any(|name| asked.header(name).is_some());
        if private || asked.method != Method::GET || !asked.body.is_empty() {
            return None;
        }
        let headers = KEY_HEADERS.iter().map(|name| asked.header(name).map(str::to_ascii_lowercase));
        let mut key = Key { canister, url: asked.url.clone(), headers: Default::default() };
        key.headers.iter_mut().zip(headers).for_each(|(place, value)| *place = value);
        Some(key)
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        self.url.len() + self.headers.iter().flatten().map(String::len).sum::<usize>()
    }
}

/// A page that is kept.
pub struct Kept {
    pub page: Page,
    /// When it came, and until when it is good.
    pub since: Instant,
    until: Instant,
    /// Its body, compressed once somebody asked for that.
    pub gzip: OnceLock<Option<Bytes>>,
}

impl Kept {
    /// A page that nobody keeps.
    pub fn for_once(page: Page) -> Arc<Kept> {
        let now = Instant::now();
        Arc::new(Kept { page, since: now, until: now, gzip: OnceLock::new() })
    }
}

#[derive(Clone)]
struct Bytewise;

impl Weighter<Key, Arc<Kept>> for Bytewise {
    fn weight(&self, key: &Key, kept: &Arc<Kept>) -> u64 {
        let headers = kept.page.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
        // Twice, as a body may come to stand there compressed too.
        OVERHEAD_BYTES + (key.bytes() + headers.sum::<usize>()) as u64 + 2 * kept.page.body.len() as u64
    }
}

/// The pages.
pub struct Pages(Cache<Key, Arc<Kept>, Bytewise>);

impl Pages {
    /// Room for so many bytes.
    pub fn new(bytes: u64) -> Pages {
        let pages = usize::try_from(bytes / PAGE_BYTES_USUAL).unwrap_or(usize::MAX).clamp(16, 1 << 20);
        Pages(Cache::with_weighter(pages, bytes, Bytewise))
    }

    /// The page of a key, if it is still good.
    pub fn get(&self, key: &Key) -> Option<Arc<Kept>> {
        let kept = self.0.get(key)?;
        if kept.until > Instant::now() {
            return Some(kept);
        }
        self.0.remove_if(key, |other| Arc::ptr_eq(other, &kept));
        None
    }

    /// Keeps a page if it may be kept.
    pub fn put(&self, key: Option<Key>, mut page: Page) -> Arc<Kept> {
        // It is fetched. From here on those are counted to whom it is sent.
        if let Some(room) = page.room.as_mut().and_then(Arc::get_mut) {
            room.share();
        }
        let time = lifetime(&page, SystemTime::now());
        let (Some(key), Some(time)) = (key, time) else {
            return Kept::for_once(page);
        };
        let since = Instant::now();
        let kept = Arc::new(Kept { page, since, until: since + time, gzip: OnceLock::new() });
        self.0.insert(key, kept.clone());
        kept
    }
}

/// How long a page may be kept.
fn lifetime(page: &Page, now: SystemTime) -> Option<Duration> {
    let proved = matches!(page.proof, Proof::Whole | Proof::Body) && page.keyed;
    let status = matches!(page.status, StatusCode::OK | StatusCode::PARTIAL_CONTENT);
    if !proved || !status || page.body.len() > PAGE_BYTES_MAX {
        return None;
    }
    let believed = (page.certified?.time + CERTIFICATE_AGE).duration_since(now).ok()?;
    Some(allowed(&page.headers)?.min(believed)).filter(|time| !time.is_zero())
}

/// How long the headers of a page allow a cache that many share to keep it; `None`: not at all.
pub fn allowed(headers: &HeaderMap) -> Option<Duration> {
    if varies(headers) {
        return None;
    }
    let lines = headers.get_all(header::CACHE_CONTROL).iter();
    let lines = lines.map(|value| value.to_str().ok()).collect::<Option<Vec<_>>>()?;
    said(&lines.join(","))
}

/// Whether the page depends on what is not in the key.
fn varies(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::VARY).iter();
    let names = values.flat_map(|value| value.to_str().unwrap_or("*").split(','));
    names
        .map(|name| name.trim().to_ascii_lowercase())
        .any(|name| !name.is_empty() && !KEY_HEADERS.contains(&name.as_str()))
        || headers.contains_key(header::SET_COOKIE)
}

/// What `Cache-Control` allows a cache that many share.
fn said(text: &str) -> Option<Duration> {
    let mut seconds = None;
    for word in text.split(',').map(|word| word.trim().to_ascii_lowercase()) {
        let (name, value) = word.split_once('=').unwrap_or((&word, ""));
        let number = || value.trim_matches('"').parse::<u64>().ok();
        match name.trim() {
            "no-store" | "no-cache" | "private" => return None,
            "s-maxage" => seconds = Some((true, number()?)),
            "max-age" if !matches!(seconds, Some((true, _))) => seconds = Some((false, number()?)),
            _ => {}
        }
    }
    Some(seconds.map_or(UNSAID, |(_, seconds)| Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::verify::Certified;
    use crate::types::Digest;
    use hyper::http::HeaderValue;

    fn certified(time: SystemTime) -> Option<Certified> {
        Some(Certified { time, root: Digest([0; 32]) })
    }

    fn page(headers: &[(&'static str, &'static str)], size: usize) -> Page {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
        }
        Page {
            status: StatusCode::OK,
            headers: map,
            body: vec![0; size].into(),
            proof: Proof::Whole,
            certified: certified(SystemTime::now()),
            keyed: true,
            ranged: false,
            room: None,
        }
    }

    fn key(url: &str, headers: &[(&str, &str)]) -> Option<Key> {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let asked = Asked { method: Method::GET, url: url.into(), headers, body: Bytes::new() };
        Key::new(Principal::from_slice(&[1; 10]), &asked)
    }

    fn check(headers: &[(&'static str, &'static str)], expected: Option<u64>) {
        let found =
            lifetime(&page(headers, 1), SystemTime::now()).map(|time| time.as_secs_f64().round() as u64);
        assert_eq!(found, expected, "{headers:?}");
    }

    #[test]
    fn a_page_is_kept_as_long_as_its_canister_says_and_its_certificate_allows() {
        check(&[], Some(1));
        check(&[("cache-control", "public, max-age=60")], Some(60));
        check(&[("cache-control", "max-age=60, s-maxage=7")], Some(7));
        check(&[("cache-control", "s-maxage=7, max-age=60")], Some(7));
        check(&[("cache-control", "public, max-age=31536000, immutable")], Some(300));
        check(&[("cache-control", "max-age=0")], None);
        check(&[("cache-control", "max-age=-1")], None);
        for word in ["no-store", "no-cache", "private, max-age=60", "max-age=60, \u{e9}"] {
            check(&[("cache-control", word)], None);
            check(&[("cache-control", "max-age=60"), ("cache-control", word)], None);
        }
        check(&[("cache-control", "public"), ("cache-control", "max-age=60")], Some(60));
    }

    #[test]
    fn what_depends_on_more_than_the_key_is_not_kept() {
        check(&[("vary", "Accept-Encoding, Origin")], Some(1));
        check(&[("vary", "cookie")], None);
        check(&[("vary", "*")], None);
        check(&[("set-cookie", "a=b")], None);
        for (proof, keyed) in
            [(Proof::Skipped, true), (Proof::Update, true), (Proof::Nothing, true), (Proof::Whole, false)]
        {
            let page = Page { proof, keyed, ..page(&[], 1) };
            assert_eq!(lifetime(&page, SystemTime::now()), None, "{proof:?}");
        }
        let old = SystemTime::now() - CERTIFICATE_AGE;
        assert_eq!(lifetime(&Page { certified: certified(old), ..page(&[], 1) }, SystemTime::now()), None);
        assert_eq!(lifetime(&page(&[], PAGE_BYTES_MAX + 1), SystemTime::now()), None);
    }

    #[test]
    fn questions_that_differ_have_keys_that_differ() {
        let plain = key("/a?b", &[]).expect("a key");
        for other in [
            key("/a?c", &[]),
            key("/a?b", &[("range", "bytes=0-1")]),
            key("/a?b", &[("accept-encoding", "gzip")]),
            // Its canister may allow this origin and no other.
            key("/a?b", &[("origin", "https://a.example")]),
        ] {
            assert_ne!(Some(&plain), other.as_ref());
        }
        assert_eq!(key("/a?b", &[("user-agent", "x")]), Some(plain));
        assert_eq!(key("/", &[("cookie", "a=b")]), None);
        assert_eq!(key("/", &[("authorization", "a")]), None);
    }

    #[test]
    fn the_pages_take_no_more_room_than_they_have() {
        let pages = Pages::new(1_000_000);
        for index in 0..1_000 {
            let kept =
                pages.put(key(&format!("/{index}"), &[]), page(&[("cache-control", "max-age=60")], 10_000));
            assert_eq!(kept.page.body.len(), 10_000);
            assert!(pages.0.weight() <= 1_000_000);
        }
        assert!(pages.0.len() > 10);
        let long: &'static str = "x".repeat(60_000).leak();
        for index in 0..100 {
            let headers = [("cache-control", "max-age=60"), ("x-long", long)];
            pages.put(key(&format!("/long{index}"), &[]), page(&headers, 1));
        }
        // Their bodies alone would all fit.
        assert!(pages.0.len() < 50, "{}", pages.0.len());
        let none = Pages::new(0);
        none.put(key("/", &[]), page(&[("cache-control", "max-age=60")], 10));
        assert!(none.get(&key("/", &[]).expect("a key")).is_none());
        let old = pages.put(key("/old", &[]), page(&[], 10));
        assert!(pages.get(&key("/old", &[]).expect("a key")).is_some_and(|kept| Arc::ptr_eq(&kept, &old)));
    }
}
