//! Compression of verified pages that their canister has not compressed, for clients that take it.

use super::cache::Kept;
use super::encodings::takes;
use super::verify::Page;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::http::{HeaderMap, StatusCode, header};
use std::io::Write;
use std::sync::Arc;

/// Shorter bodies gain nothing; longer ones cost too much.
const BODY_BYTES_MIN: usize = 1_024;
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Quick: what is compressed here is compressed while somebody waits.
const LEVEL: u32 = 4;

/// The page's body compressed, where that is wanted and shorter.
pub async fn compressed(asked: &HeaderMap, kept: &Arc<Kept>) -> Option<Bytes> {
    if !may_be(&kept.page) || !takes(asked, "gzip") {
        return None;
    }
    if let Some(known) = kept.gzip.get() {
        return known.clone();
    }
    let work = kept.clone();
    let body = tokio::task::spawn_blocking(move || gzip(&work.page.body)).await.ok()?;
    kept.gzip.get_or_init(|| body).clone()
}

/// Whether a page would be compressed for somebody, so that its form depends on what is accepted.
pub fn may_be(page: &Page) -> bool {
    let size = page.body.len();
    let whole = page.status == StatusCode::OK && !page.headers.contains_key(header::CONTENT_ENCODING);
    let changed = page.header(header::CACHE_CONTROL).is_some_and(|text| text.contains("no-transform"));
    let kind = page.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    whole && !changed && (BODY_BYTES_MIN..=BODY_BYTES_MAX).contains(&size) && is_text(kind)
}

fn is_text(kind: &str) -> bool {
    const KINDS: &[&str] = &[
        "application/javascript",
        "application/json",
        "application/ld+json",
        "application/manifest+json",
        "application/wasm",
        "application/xml",
        "image/svg+xml",
        "image/x-icon",
    ];
    kind.starts_with("text/") && kind != "text/event-stream" || KINDS.contains(&kind)
}

fn gzip(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::new(LEVEL));
    encoder.write_all(body).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < body.len()).then(|| packed.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::verify::Proof;
    use hyper::http::{HeaderName, HeaderValue};

    async fn check(
        accepted: &'static str,
        headers: &[(HeaderName, &'static str)],
        body: Vec<u8>,
        packed: bool,
    ) {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let page = Page {
            status: StatusCode::OK,
            headers: headers.collect(),
            body: body.clone().into(),
            proof: Proof::Whole,
            certified: None,
            keyed: true,
            ranged: false,
            room: None,
        };
        let asked = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
        let found = compressed(&asked, &Kept::for_once(page)).await;
        assert_eq!(found.is_some(), packed, "{accepted}");
        if let Some(found) = found {
            let mut unpacked = Vec::new();
            std::io::copy(&mut flate2::read::GzDecoder::new(&*found), &mut unpacked).expect("gzip");
            assert_eq!(unpacked, body);
        }
    }

    #[tokio::test]
    async fn text_is_compressed_for_who_takes_it() {
        let text = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        let body = || b"word ".repeat(1_000);
        check("gzip", &text, body(), true).await;
        check("br;q=1, GZIP;q=0.1", &text, body(), true).await;
        check("gzip;q=0, *", &text, body(), false).await;
        check("br", &text, body(), false).await;
        check("gzip", &text, b"short".to_vec(), false).await;
        check("gzip", &[(header::CONTENT_TYPE, "video/mp4")], body(), false).await;
        check("gzip", &[text[0].clone(), (header::CONTENT_ENCODING, "br")], body(), false).await;
        check("gzip", &[text[0].clone(), (header::CACHE_CONTROL, "no-transform")], body(), false).await;
    }
}
