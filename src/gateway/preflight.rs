//! Preflights of browsers: which canisters answer them is remembered for a while, so that those that do not are not
//! asked for nothing.

use super::body::Reply;
use crate::types::Principal;
use hyper::body::Body;
use hyper::http::header;
use quick_cache::sync::Cache;
use std::time::{Duration, Instant};

/// So many paths are remembered, and no longer ones, for so long.
const PATHS_MAX: usize = 16_384;
const PATH_BYTES_MAX: usize = 256;
const SILENT_FOR: Duration = Duration::from_secs(120);

/// Paths of canisters that say nothing of other origins.
pub struct Preflights(Cache<(Principal, String), Instant>);

impl Preflights {
    /// Nothing is known.
    pub fn new() -> Preflights {
        Preflights(Cache::new(PATHS_MAX))
    }

    /// Whether a canister was found to say nothing of this path.
    pub fn is_silent(&self, canister: Principal, path: &str) -> bool {
        let found = self.0.get(&(canister, path.to_string()));
        found.is_some_and(|since| since.elapsed() < SILENT_FOR)
    }

    /// It was.
    pub fn remember(&self, canister: Principal, path: String) {
        if path.len() <= PATH_BYTES_MAX {
            self.0.insert((canister, path), Instant::now());
        }
    }
}

/// Whether a canister's reply is an answer to a preflight: no page that it has for everything, but a success without a
/// body that names an origin.
pub fn allows(reply: &Reply) -> bool {
    reply.status().is_success()
        && reply.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        && reply.body().size_hint().exact() == Some(0)
}

#[cfg(test)]
mod tests {
    use super::super::body::whole;
    use super::*;
    use hyper::http::Response;

    #[test]
    fn only_an_empty_success_that_names_an_origin_answers_a_preflight() {
        let check = |status: u16, origin: Option<&str>, body: &'static str, expected: bool| {
            let mut reply = Response::builder().status(status);
            if let Some(origin) = origin {
                reply = reply.header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            }
            let reply = reply.body(whole(body)).expect("a reply");
            assert_eq!(allows(&reply), expected, "{status} {origin:?} {body}");
        };
        check(204, Some("https://a.example"), "", true);
        check(200, Some("*"), "", true);
        check(200, None, "", false);
        check(200, Some("*"), "<!doctype html>", false);
        check(404, Some("*"), "", false);
    }

    #[test]
    fn a_path_is_remembered_by_its_canister() {
        let (preflights, one) = (Preflights::new(), Principal::from_slice(&[1; 10]));
        preflights.remember(one, "/a".into());
        preflights.remember(one, "x".repeat(PATH_BYTES_MAX + 1));
        assert!(preflights.is_silent(one, "/a"));
        assert!(!preflights.is_silent(one, "/b"));
        assert!(!preflights.is_silent(Principal::from_slice(&[2; 10]), "/a"));
        assert!(!preflights.is_silent(one, &"x".repeat(PATH_BYTES_MAX + 1)));
    }
}
