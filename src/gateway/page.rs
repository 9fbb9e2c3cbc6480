//! What the gateway says itself: errors that a person understands, and where to go.

use super::ask::AskError;
use super::body::{Reply, whole};
use super::form::PATH_SEGMENTS_MAX;
use super::frozen::frozen;
use super::limit::Refusal;
use hyper::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use ic_agent::AgentError;
use ic_agent::agent::RejectCode;
use std::time::Duration;

const STYLE: &str = ":root{color-scheme:light dark}body{font:1.05rem/1.5 system-ui,sans-serif;max-width:36rem;\
margin:12vh auto;padding:0 1.25rem}h1{font-size:1.5rem}code{overflow-wrap:anywhere}small{opacity:.8}";
/// Of a detail, which others choose, so much is shown.
const DETAIL_CHARS_MAX: usize = 2_048;
/// Why there is no page, in one word for programs.
const CAUSE: HeaderName = HeaderName::from_static("x-ic-error-cause");

/// Why a canister's page is not shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    NoCanister,
    Frozen,
    Silent,
    Unproved,
    TooLarge,
    Busy,
    Unsure,
    Refused,
}

impl Trouble {
    fn of(error: &AskError) -> Trouble {
        let AskError::Rejected(error) = error else {
            return match error {
                AskError::Unproved(_) | AskError::Unfit(_) => Trouble::Unproved,
                AskError::TooLarge => Trouble::TooLarge,
                AskError::Busy => Trouble::Busy,
                AskError::Unsure(_) => Trouble::Unsure,
                _ => Trouble::Silent,
            };
        };
        match error.as_ref() {
            error if frozen(error).is_some() => Trouble::Frozen,
            AgentError::CertifiedReject { reject, .. } | AgentError::UncertifiedReject { reject, .. }
                if reject.reject_code == RejectCode::DestinationInvalid =>
            {
                Trouble::NoCanister
            }
            // The interface knows no such canister.
            AgentError::HttpError(payload) if matches!(payload.status, 400 | 404) => Trouble::NoCanister,
            _ => Trouble::Refused,
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Trouble::NoCanister => StatusCode::NOT_FOUND,
            Trouble::Frozen => StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS,
            Trouble::Silent | Trouble::Unproved | Trouble::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Trouble::TooLarge | Trouble::Refused => StatusCode::BAD_GATEWAY,
            // No 503: what may be done already is not to be tried again unasked.
            Trouble::Unsure => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn cause(self) -> &'static str {
        match self {
            Trouble::NoCanister => "canister_not_found",
            Trouble::Frozen => "canister_frozen",
            Trouble::Silent => "no_replica",
            Trouble::Unproved => "response_verification_error",
            Trouble::TooLarge => "response_too_large",
            Trouble::Busy => "overloaded",
            Trouble::Unsure => "outcome_unknown",
            Trouble::Refused => "canister_error",
        }
    }

    /// A title, and a sentence.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Trouble::NoCanister => ("No such canister", "This subnet has no canister with that id."),
            Trouble::Frozen => (
                "This canister is frozen",
                "Whoever governs the subnet has decided that its code does not run for now, for the reason below.",
            ),
            Trouble::Silent => (
                "The subnet does not answer",
                "No replica answered. This page can be tried again in a moment.",
            ),
            Trouble::Unproved => (
                "This answer could not be verified",
                "Replicas answered, but the subnet's signature does not cover what they say, so it is not shown.",
            ),
            Trouble::TooLarge => (
                "This answer is too large",
                "It comes in parts that can only be verified together, and they are too many. Its canister can \
certify each part by itself.",
            ),
            Trouble::Busy => {
                ("Too much is asked at this moment", "This page can be tried again in a moment.")
            }
            Trouble::Unsure => (
                "Nobody knows yet what came of this",
                "The canister was asked to do something, and the subnet certified no reply in time. It may have been \
done: look before you ask again.",
            ),
            Trouble::Refused => (
                "The canister did not answer",
                "The canister refused the request or failed while answering it.",
            ),
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A page with a title and a sentence; `detail` is shown as text, never as HTML.
pub fn page(status: StatusCode, title: &str, sentence: &str, detail: &str) -> Reply {
    let retry = match status {
        StatusCode::SERVICE_UNAVAILABLE => "<p><a href=\"\">Try again</a></p>",
        _ => "",
    };
    let detail: String = detail.chars().take(DETAIL_CHARS_MAX).collect();
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{sentence}</p><p><code>{}</code></p>{retry}<p><small>\
{} · Atoll gateway</small></p></html>",
        escape(&detail),
        status.as_u16(),
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
        "It serves canisters under host names of their own: put a canister's id before this host name. To call a \
canister's methods yourself, go to <a href=\"/_/candid\">/_/candid</a>.",
        "http://<canister-id>.localhost:<port>/",
    )
}

/// The answer under a name below a canister's.
pub fn nobodys() -> Reply {
    page(
        StatusCode::NOT_FOUND,
        "No canister has this name",
        "It lies below the name of a canister, which a page here could act for in your browser.",
        "http://<canister-id>.<domain>/",
    )
}

/// The answer to a URL that nobody's proof is compared with.
pub fn too_long() -> Reply {
    page(
        StatusCode::URI_TOO_LONG,
        "This address has too many parts",
        "An answer to it cannot be verified with bounded effort, so it is not asked for.",
        &format!("at most {PATH_SEGMENTS_MAX} parts may stand between the slashes of a path"),
    )
}

/// The answer where a canister's own could not be had or trusted.
pub fn failure(error: &AskError) -> Reply {
    let trouble = Trouble::of(error);
    let (title, sentence) = trouble.words();
    let detail = match error {
        AskError::Rejected(rejected) => frozen(rejected).map_or_else(|| error.to_string(), str::to_owned),
        _ => error.to_string(),
    };
    let mut reply = page(trouble.status(), title, sentence, &detail);
    let headers = reply.headers_mut();
    headers.insert(CAUSE, HeaderValue::from_static(trouble.cause()));
    if trouble.status() == StatusCode::SERVICE_UNAVAILABLE {
        retry_after(&mut reply, Duration::from_secs(1));
    }
    reply
}

fn retry_after(reply: &mut Reply, pause: Duration) {
    let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
    reply.headers_mut().insert(header::RETRY_AFTER, seconds.max(1).into());
}

/// The answer to who asks too much, or at a moment when everybody does.
pub fn turned_away(refused: Refusal) -> Reply {
    let (mut reply, pause) = match refused {
        Refusal::Client(pause) => {
            (refusal(StatusCode::TOO_MANY_REQUESTS, "you ask too much; ask again later"), pause)
        }
        Refusal::Everybody => {
            let text = "too much is being answered at this moment; ask again in a moment";
            (refusal(StatusCode::SERVICE_UNAVAILABLE, text), Duration::from_secs(1))
        }
    };
    retry_after(&mut reply, pause);
    reply
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
    use crate::types::ErrorCode;
    use http_body_util::BodyExt;
    use ic_agent::agent::RejectResponse;

    fn rejected(reject_code: RejectCode, error_code: Option<String>) -> AskError {
        let reject = RejectResponse { reject_code, reject_message: "frozen: <b>spam</b>".into(), error_code };
        AskError::Rejected(Box::new(AgentError::UncertifiedReject { reject, operation: None }))
    }

    async fn text(reply: Reply) -> String {
        let body = reply.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(body.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn the_page_of_a_frozen_canister_says_the_reason_as_text() {
        let code = ErrorCode::CanisterFrozen.to_string();
        let reply = failure(&rejected(RejectCode::CanisterError, Some(code)));
        assert_eq!(reply.status().as_u16(), 451);
        let text = text(reply).await;
        assert!(text.contains("<h1>This canister is frozen</h1>"), "{text}");
        assert!(text.contains("<code>frozen: &lt;b&gt;spam&lt;/b&gt;</code>"), "{text}");
    }

    #[test]
    fn every_trouble_has_its_status_and_says_when_to_ask_again() {
        let check = |error: AskError, status: u16, cause: &str, retry: bool| {
            let reply = failure(&error);
            let found = reply.headers().get(CAUSE).and_then(|value| value.to_str().ok());
            assert_eq!((reply.status().as_u16(), found), (status, Some(cause)), "{error}");
            assert_eq!(reply.headers().contains_key(header::RETRY_AFTER), retry, "{error}");
        };
        check(rejected(RejectCode::DestinationInvalid, None), 404, "canister_not_found", false);
        check(rejected(RejectCode::CanisterError, None), 502, "canister_error", false);
        check(AskError::Unproved("why".into()), 503, "response_verification_error", true);
        check(AskError::Silent("why".into()), 503, "no_replica", true);
        check(AskError::TooLarge, 502, "response_too_large", false);
        check(AskError::Busy, 503, "overloaded", true);
        check(AskError::Unsure("why".into()), 504, "outcome_unknown", false);
        let reply = turned_away(Refusal::Client(Duration::from_millis(1_500)));
        assert_eq!(
            (reply.status().as_u16(), &reply.headers()[header::RETRY_AFTER]),
            (429, &HeaderValue::from(2))
        );
        assert_eq!(turned_away(Refusal::Everybody).status().as_u16(), 503);
    }
}
