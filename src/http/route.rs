//! From a request's head to the endpoint that answers it.

use super::reply::{self, Refusal, Reply};
use super::{Server, body};
use crate::types::Principal;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

/// What the URL says a request is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    /// The effective canister id.
    Canister(Principal),
    /// The effective subnet id.
    Subnet(Principal),
}

/// How the outcome of a call is given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CallStyle {
    /// v2: 202 at once.
    Asynchronous,
    /// v3, v4: the certificate.
    Synchronous,
}

/// The version of `read_state`; they differ in where canister ranges are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Era {
    /// v2: all of a subnet's ranges in one leaf, whatever the subnet.
    Flat,
    /// v3: in shards, but for the root subnet's.
    Sharded,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Endpoint {
    Status,
    Health,
    Membership,
    Call(CallStyle, Scope),
    Query(Scope),
    ReadState(Era, Scope),
}

/// Finds the endpoint.
///
/// # Errors
/// 404, or 400 for an id that is none.
pub(super) fn route(path: &str) -> Result<Endpoint, Refusal> {
    let parts: Vec<&str> = path.split('/').skip(1).take(7).collect();
    match parts.as_slice() {
        ["health"] => Ok(Endpoint::Health),
        ["api", "v2", "status"] => Ok(Endpoint::Status),
        ["atoll", "v1", "membership"] => Ok(Endpoint::Membership),
        ["api", version, "canister", id, verb] => {
            let endpoint = endpoint(version, verb, Scope::Canister)?;
            principal(id).map(endpoint)
        }
        ["api", version @ ("v2" | "v3" | "v4"), "subnet", id, verb] => {
            let supported = matches!((*version, *verb), ("v4", "call") | ("v3", "query") | (_, "read_state"));
            let endpoint = endpoint(version, verb, Scope::Subnet)?;
            if !supported {
                return Err(not_found());
            }
            principal(id).map(endpoint)
        }
        _ => Err(not_found()),
    }
}

fn endpoint(
    version: &str,
    verb: &str,
    scope: fn(Principal) -> Scope,
) -> Result<impl FnOnce(Principal) -> Endpoint, Refusal> {
    let make: fn(Scope) -> Endpoint = match (version, verb) {
        ("v2", "call") => |scope| Endpoint::Call(CallStyle::Asynchronous, scope),
        ("v3" | "v4", "call") => |scope| Endpoint::Call(CallStyle::Synchronous, scope),
        ("v2" | "v3", "query") => Endpoint::Query,
        ("v2", "read_state") => |scope| Endpoint::ReadState(Era::Flat, scope),
        ("v3", "read_state") => |scope| Endpoint::ReadState(Era::Sharded, scope),
        _ => return Err(not_found()),
    };
    Ok(move |id| make(scope(id)))
}

fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "unknown path")
}

fn principal(text: &str) -> Result<Principal, Refusal> {
    let short: String = text.chars().take(100).collect();
    Principal::from_text(text).map_err(|error| Refusal::bad(format!("invalid principal `{short}`: {error}")))
}

impl Server {
    /// Answers any request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Reply {
        self.dispatch(request).await.unwrap_or_else(Refusal::into_reply)
    }

    async fn dispatch(&self, request: Request<Incoming>) -> Result<Reply, Refusal> {
        let (head, body) = request.into_parts();
        let endpoint = route(head.uri.path())?;
        if head.method == Method::OPTIONS {
            return Ok(reply::preflight());
        }
        match (endpoint, &head.method) {
            (Endpoint::Membership, &Method::GET | &Method::HEAD) => return self.members(),
            (Endpoint::Membership, &Method::POST) => return self.change_members(&head.headers, body).await,
            (Endpoint::Membership, _) => return Err(Refusal::method("GET, HEAD, POST, OPTIONS")),
            _ => {}
        }
        let reads = matches!(endpoint, Endpoint::Status | Endpoint::Health);
        match (reads, &head.method) {
            (true, &Method::GET | &Method::HEAD) | (false, &Method::POST) => {}
            (true, _) => return Err(Refusal::method("GET, HEAD, OPTIONS")),
            (false, _) => return Err(Refusal::method("POST, OPTIONS")),
        }
        match endpoint {
            Endpoint::Status => return Ok(self.status()),
            Endpoint::Health => return self.health(),
            Endpoint::Membership | Endpoint::Call(..) | Endpoint::Query(_) | Endpoint::ReadState(..) => {}
        }
        body::check_head(&head.headers, &body)?;
        let body = self.read_body(body).await?;
        match endpoint {
            Endpoint::Call(style, scope) => self.call(style, scope, body).await,
            Endpoint::Query(scope) => self.query(scope, body).await,
            Endpoint::ReadState(era, scope) => self.read_state(era, scope, body).await,
            Endpoint::Status | Endpoint::Health | Endpoint::Membership => Err(not_found()),
        }
    }
}
