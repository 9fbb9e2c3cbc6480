//! What the gateway says itself: errors that a person understands, and where to go.

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::http::{HeaderValue, Response, StatusCode, header};
use ic_http_gateway_protocol::HttpGatewayResponseBody;

/// A response of the gateway.
pub type Reply = Response<HttpGatewayResponseBody>;

const STYLE: &str = ":root{color-scheme:light dark}body{font:1.05rem/1.5 system-ui,sans-serif;max-width:36rem;\
margin:12vh auto;padding:0 1.25rem}h1{font-size:1.5rem}code{overflow-wrap:anywhere}";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A body that is whole already.
pub fn whole(body: impl Into<Bytes>) -> HttpGatewayResponseBody {
    Either::Right(Full::new(body.into()))
}

/// A page with a title and a sentence; `detail` is shown as text, never as HTML.
pub fn page(status: StatusCode, title: &str, sentence: &str, detail: &str) -> Reply {
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{sentence}</p><p><code>{}</code></p></html>",
        escape(detail)
    );
    let mut reply = Response::new(whole(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
    );
    reply
}

/// The answer to a request that names no canister.
pub fn welcome() -> Reply {
    page(
        StatusCode::NOT_FOUND,
        "This is an Atoll gateway",
        "It serves canisters under host names of their own: put a canister's id before this host name.",
        "http://<canister-id>.localhost:<port>/",
    )
}

/// The answer where a canister's own could not be had or trusted.
pub fn failure(status: StatusCode, detail: &str) -> Reply {
    let (title, sentence) = match status {
        StatusCode::NOT_FOUND => ("No such canister", "This subnet has no canister with that id."),
        StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => (
            "This canister is frozen",
            "Whoever governs the subnet has decided that its code does not run for now, for the reason below.",
        ),
        StatusCode::SERVICE_UNAVAILABLE => {
            ("The subnet does not answer", "No replica answered. This page can be tried again in a moment.")
        }
        StatusCode::INTERNAL_SERVER_ERROR => (
            "This answer could not be verified",
            "A replica answered, but the subnet's signature does not cover the answer, so it is not shown.",
        ),
        _ => {
            ("The canister did not answer", "The canister refused the request or failed while answering it.")
        }
    };
    page(status, title, sentence, detail)
}

/// A plain refusal of a request that cannot be served.
pub fn refusal(status: StatusCode, text: &str) -> Reply {
    let mut reply = Response::new(whole(format!("{text}\n")));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn the_page_of_a_frozen_canister_says_the_reason_as_text() {
        let reply = failure(StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, "frozen: <b>spam</b>");
        assert_eq!(reply.status().as_u16(), 451);
        let Either::Right(body) = reply.into_body() else { panic!("a page is whole") };
        let Ok(body) = body.collect().await;
        let text = String::from_utf8(body.to_bytes().to_vec()).unwrap();
        assert!(text.contains("<h1>This canister is frozen</h1>"), "{text}");
        assert!(text.contains("frozen: &lt;b&gt;spam&lt;/b&gt;"), "{text}");
    }
}
