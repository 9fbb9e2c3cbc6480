//! The front end's files, as a build put them into the module, and the headers that all answers have.

use crate::answer::{Answer, headers};
use crate::site::{Proved, Site};
use ic_http_certification::utils::add_v2_certificate_header;
use ic_http_certification::{HttpRequest, HttpResponse, StatusCode};

const INDEX: &str = "index.html";

/// Nothing from elsewhere: scripts, styles, media and calls come from the canister's own origin. `blob:` is for what a
/// user has chosen and not yet uploaded.
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

/// A site with a front end, whose page is `index.html`.
pub fn site(files: &[(&str, &[u8])]) -> Site {
    let index = files.iter().find(|(name, _)| *name == INDEX).map(|(_, body)| body.to_vec());
    let page = answer(200, content_type(INDEX), "no-cache", index.unwrap_or_default());
    let missing = answer(404, "text/plain; charset=utf-8", "no-cache", b"There is no such file.".to_vec());
    let mut site = Site::new(page.clone(), missing);
    site.put("", page);
    for (name, body) in files.iter().filter(|(name, _)| *name != INDEX) {
        site.put(name, answer(200, content_type(name), cache(name), body.to_vec()));
    }
    site
}

/// A small document that the canister writes itself.
pub fn put_json(site: &mut Site, name: &str, body: Vec<u8>) {
    site.put(name, answer(200, "application/json", "no-cache", body));
}

/// The response to a request, by what `prove` finds for its path. The method is not looked at: there is nothing to post.
pub fn respond(
    request: &HttpRequest,
    certificate: Option<Vec<u8>>,
    prove: impl FnOnce(&str) -> Proved,
) -> HttpResponse<'static> {
    let Ok(path) = request.get_path() else {
        return HttpResponse::bad_request(b"The URL cannot be read.".to_vec(), vec![]).build();
    };
    let Some(certificate) = certificate else {
        return HttpResponse::internal_server_error(b"No certificate: ask by a query call.".to_vec(), vec![])
            .build();
    };
    let Proved { answer, tree, path } = prove(&path);
    let mut response = HttpResponse::builder()
        .with_status_code(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        .with_headers(answer.headers)
        .with_body(answer.body)
        .build();
    add_v2_certificate_header(&certificate, &mut response, &tree, &path);
    response
}
