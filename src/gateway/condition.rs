//! Conditions of a request (RFC 9110, 13): whether the client has the page already, and whether its range is of it.

use super::verify::Page;
use hyper::http::{HeaderMap, header};

/// A tag without the mark that says "much the same".
fn strong(tag: &str) -> &str {
    tag.trim().trim_start_matches("W/")
}

/// Whether the client has this page.
pub fn has_it(asked: &HeaderMap, page: &Page) -> bool {
    let tags = asked.get_all(header::IF_NONE_MATCH);
    if tags.iter().next().is_some() {
        let Some(tag) = page.header(header::ETAG).map(strong) else { return false };
        let mut known =
            tags.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        return known.any(|known| known.trim() == "*" || strong(known) == tag);
    }
    let since = asked.get(header::IF_MODIFIED_SINCE);
    since.is_some() && since == page.headers.get(header::LAST_MODIFIED)
}

/// Whether a tag that says "much the same" is what a client named.
pub fn names_weakly(asked: &HeaderMap) -> bool {
    asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|value| value.as_bytes().windows(2).any(|two| two == b"W/"))
}

/// Whether a client wants this page only if it is another one (`If-Match`).
pub fn is_unwanted(asked: &HeaderMap, page: &Page) -> bool {
    let mut tags = asked.get_all(header::IF_MATCH).iter().peekable();
    if tags.peek().is_none() {
        return false;
    }
    let tag = page.header(header::ETAG).filter(|tag| !tag.starts_with("W/"));
    let mut known = tags.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    !known.any(|known| known.trim() == "*" || Some(known.trim()) == tag)
}

/// Whether a range is wanted of this page and no other.
pub fn is_of(asked: &HeaderMap, page: &Page) -> bool {
    let Some(condition) = asked.get(header::IF_RANGE) else { return true };
    let Ok(text) = condition.to_str() else { return false };
    match text.starts_with("W/") {
        true => false,
        false => {
            [header::ETAG, header::LAST_MODIFIED].into_iter().any(|name| page.header(name) == Some(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::verify::Proof;
    use bytes::Bytes;
    use hyper::http::{HeaderName, HeaderValue, StatusCode};

    fn page() -> Page {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, HeaderValue::from_static("\"a\""));
        headers.insert(header::LAST_MODIFIED, HeaderValue::from_static("Tue, 01 Jan 2019 00:00:00 GMT"));
        let (status, proof) = (StatusCode::OK, Proof::Whole);
        Page {
            status,
            headers,
            body: Bytes::new(),
            proof,
            certified: None,
            keyed: true,
            ranged: false,
            room: None,
        }
    }

    fn asked(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_client_that_names_the_tag_has_the_page() {
        for (value, has) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(has_it(&asked(header::IF_NONE_MATCH, value), &page()), has, "{value}");
        }
        let since = asked(header::IF_MODIFIED_SINCE, "Tue, 01 Jan 2019 00:00:00 GMT");
        assert!(has_it(&since, &page()));
        let mut both = since;
        both.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"b\""));
        assert!(!has_it(&both, &page()));
        assert!(!has_it(&HeaderMap::new(), &page()));
    }

    #[test]
    fn a_client_that_wants_another_version_is_not_given_this() {
        for (value, unwanted) in [
            ("\"a\"", false),
            ("\"b\", \"a\"", false),
            ("*", false),
            ("\"b\"", true),
            ("W/\"a\"", true),
            ("", true),
        ] {
            assert_eq!(is_unwanted(&asked(header::IF_MATCH, value), &page()), unwanted, "{value}");
        }
        assert!(!is_unwanted(&HeaderMap::new(), &page()));
        let mut weak = page();
        weak.headers.insert(header::ETAG, HeaderValue::from_static("W/\"a\""));
        assert!(is_unwanted(&asked(header::IF_MATCH, "W/\"a\""), &weak));
    }

    #[test]
    fn a_range_of_another_page_is_not_cut_out_of_this() {
        assert!(is_of(&HeaderMap::new(), &page()));
        assert!(is_of(&asked(header::IF_RANGE, "\"a\""), &page()));
        assert!(!is_of(&asked(header::IF_RANGE, "W/\"a\""), &page()));
        assert!(!is_of(&asked(header::IF_RANGE, "\"b\""), &page()));
        assert!(is_of(&asked(header::IF_RANGE, "Tue, 01 Jan 2019 00:00:00 GMT"), &page()));
    }
}
