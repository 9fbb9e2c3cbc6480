//! The front end, as built into the module, and the small files that tell it where it is.

use super::answer::{Answer, headers};
use super::site::Site;

include!(concat!(env!("OUT_DIR"), "/front_end.rs"));

const INDEX: &str = "index.html";

/// Nothing from elsewhere: scripts, styles, media and calls come from this canister's own origin. `blob:` is for the
/// video that a user has chosen and not yet uploaded.
pub const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
img-src 'self' blob: data:; media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "webmanifest") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "text/plain; charset=utf-8",
    }
}

/// Files whose name holds the hash of what is in them never change.
fn cache(name: &str) -> &'static str {
    if name.contains('-') { "public, max-age=31536000, immutable" } else { "no-cache" }
}

fn answer(status: u16, content_type: &str, cache: &str, body: Vec<u8>) -> Answer {
    let headers = headers(&[
        ("content-type", content_type),
        ("cache-control", cache),
        ("content-security-policy", SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
        ("cross-origin-opener-policy", "same-origin-allow-popups"),
    ]);
    Answer { status, headers, body }
}

/// A site with the front end.
pub fn site() -> Site {
    let index =
        FILES.iter().find(|(name, _)| *name == INDEX).map(|(_, body)| body.to_vec()).unwrap_or_default();
    let page = answer(200, content_type(INDEX), "no-cache", index);
    let missing = answer(404, "text/plain; charset=utf-8", "no-cache", b"There is no such file.".to_vec());
    let mut site = Site::new(page.clone(), missing);
    site.put("", page);
    for (name, body) in FILES.iter().filter(|(name, _)| *name != INDEX) {
        site.put(name, answer(200, content_type(name), cache(name), body.to_vec()));
    }
    site
}

/// A small document that the canister writes itself.
pub fn put_json(site: &mut Site, name: &str, body: Vec<u8>) {
    site.put(name, answer(200, "application/json", "no-cache", body));
}
