//! Which paths of the state tree a request may read (interface spec, "Request: Read state").

use super::reply::Refusal;
use super::route::{Era, Scope};
use crate::node::CertifiedState;
use crate::types::{CanisterId, Principal, RequestId, management_canister};
use hyper::StatusCode;

/// Who reads, where, and within which delegations.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub state: &'a CertifiedState,
    pub era: Era,
    pub scope: Scope,
    pub sender: Principal,
    /// Canisters that the sender's delegations are limited to.
    pub targets: Option<&'a [Principal]>,
}

impl Reader<'_> {
    /// The path to reveal for the path that was asked for.
    ///
    /// # Errors
    /// 403 for what belongs to somebody else, 400 for paths that nobody can read.
    pub fn resolve(&self, path: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, Refusal> {
        let labels: Vec<&[u8]> = path.iter().map(Vec::as_slice).collect();
        match labels.as_slice() {
            [b"time"] => {}
            [b"subnet"] | [b"subnet", _] | [b"subnet", _, b"public_key" | b"type" | b"node"] => {}
            [b"subnet", _, b"node", _] | [b"subnet", _, b"node", _, b"public_key"] => {}
            [b"subnet", id, b"metrics"] if self.scope == subnet(id) => {}
            [b"subnet", id, b"metrics"] => {
                return Err(Refusal::bad(format!(
                    "{} can be read at the endpoint of that subnet only",
                    show(&[b"subnet", id, b"metrics"])
                )));
            }
            [b"subnet", id, b"canister_ranges"] => self.flat_ranges(id)?,
            [b"canister_ranges", _] if matches!(self.scope, Scope::Subnet(_)) => {}
            [b"canister_ranges", _] => {
                return Err(Refusal::bad("/canister_ranges can be read at a subnet's endpoint only"));
            }
            [b"api_boundary_nodes"] | [b"api_boundary_nodes", _] => {}
            [b"api_boundary_nodes", _, b"domain" | b"ipv4_address" | b"ipv6_address"] => {}
            [b"request_status", id] => return self.request_status(id),
            [
                b"request_status",
                id,
                b"status" | b"reply" | b"reject_code" | b"reject_message" | b"error_code",
            ] => return self.request_status(id),
            [
                b"canister",
                id,
                b"module_hash" | b"controllers" | b"canister_creation_timestamp" | b"last_install_timestamp",
            ] => self.canister(id)?,
            [b"canister", id, b"metadata", name] => self.metadata(id, name)?,
            _ => return Err(Refusal::bad(format!("invalid path {}", show(&labels)))),
        }
        Ok(path.to_vec())
    }

    /// The root subnet's are always there; other subnets' only were, before there were shards.
    fn flat_ranges(&self, id: &[u8]) -> Result<(), Refusal> {
        match self.era == Era::Flat || self.state.subnet_id().as_slice() == id {
            true => Ok(()),
            false => Err(Refusal::bad(
                "of subnets that are not the root subnet, read /canister_ranges/<subnet_id>",
            )),
        }
    }

    /// All of a request's status is revealed, whatever part was asked for: agents take what they do not
    /// see for an error (INTEROP.md §2.5).
    fn request_status(&self, id: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
        let id = <[u8; 32]>::try_from(id).map(RequestId);
        let id = id.map_err(|_| Refusal::bad("a request id has 32 bytes"))?;
        let others = self.state.request_sender(&id).is_some_and(|sender| sender != self.sender);
        let beyond = match (self.targets, self.state.request_receiver(&id)) {
            (Some(targets), Some(receiver)) => !targets.contains(&receiver),
            _ => false,
        };
        if others || beyond {
            return Err(forbidden("the status of a request can be read by its sender only"));
        }
        if self.state.request_receiver(&id).is_some_and(|receiver| self.is_elsewhere(receiver)) {
            return Err(forbidden(
                "the status of a call can be read under the id of the called canister only",
            ));
        }
        Ok(vec![b"request_status".to_vec(), id.0.to_vec()])
    }

    /// Whether a call to `receiver` had another effective id than the one in this URL. The chain does not
    /// keep the effective ids of management calls.
    fn is_elsewhere(&self, receiver: Principal) -> bool {
        receiver != management_canister() && self.scope != Scope::Canister(receiver)
    }

    /// The path is about the canister in the URL.
    fn canister(&self, id: &[u8]) -> Result<(), Refusal> {
        match self.scope {
            Scope::Canister(effective) if effective.as_slice() == id => Ok(()),
            _ => Err(Refusal::bad("a canister can be read under its own effective canister id only")),
        }
    }

    fn metadata(&self, id: &[u8], name: &[u8]) -> Result<(), Refusal> {
        self.canister(id)?;
        let name =
            std::str::from_utf8(name).map_err(|_| Refusal::bad("a metadata name is not valid UTF-8"))?;
        let canister = Principal::try_from_slice(id).ok().and_then(|id| CanisterId::from_principal(&id));
        let readable =
            canister.is_none_or(|canister| self.state.may_read_metadata(canister, name, &self.sender));
        match readable {
            true => Ok(()),
            false => Err(forbidden("private metadata can be read by controllers only")),
        }
    }
}

fn subnet(id: &[u8]) -> Scope {
    Scope::Subnet(Principal::try_from_slice(id).unwrap_or(Principal::anonymous()))
}

fn forbidden(reason: &str) -> Refusal {
    Refusal::new(StatusCode::FORBIDDEN, reason)
}

/// At most four labels of at most 32 bytes, so that a stranger's path does not fill a reply.
fn show(labels: &[&[u8]]) -> String {
    let shown = labels.iter().take(4).map(|label| label.iter().take(32).copied().collect::<Vec<u8>>());
    shown.map(|label| format!("/{}", label.escape_ascii())).collect()
}
