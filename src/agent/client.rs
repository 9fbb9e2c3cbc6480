//! Calls, verified.

use super::identity::{self, IdentityError};
use crate::encoding::management::*;
use crate::types::Principal;
use candid::{CandidType, Decode, Encode, Nat, utils::ArgumentEncoder};
use ic_agent::agent::{CallResponse, RejectCode, RejectResponse};
use ic_agent::{Agent, AgentError, RequestId};
use serde::de::DeserializeOwned;
use std::path::Path;
use std::time::{Duration, Instant};

/// The error code of a call to a canister that is not there.
const NO_CANISTER: &str = "IC0301";
/// How the refusal of an upgrade begins that does not say what becomes of the heap.
const NO_UPGRADE_OPTION: &str = "Missing upgrade option";
/// A subnet that does not answer is asked again for so long: shorter than a signed call is good for.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// No answer of a subnet is larger.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a client's wish was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum AgentFailure {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("{0}")]
    Agent(Box<AgentError>),
    #[error("candid: {0}")]
    Candid(#[from] candid::Error),
    #[error("the module is {have} bytes; at most {most} can be installed")]
    ModuleTooLarge { have: usize, most: usize },
    #[error("the text is not Candid: {0}")]
    Text(String),
}

impl From<AgentError> for AgentFailure {
    fn from(error: AgentError) -> Self {
        AgentFailure::Agent(Box::new(error))
    }
}

impl AgentFailure {
    /// Whether the subnet says that there is no such canister.
    pub fn is_no_canister(&self) -> bool {
        self.reject().is_some_and(|reject| reject.error_code.as_deref() == Some(NO_CANISTER))
    }

    /// Whether the canister, or the subnet for it, says no, and would say it again.
    pub fn is_refusal(&self) -> bool {
        self.reject().is_some_and(|reject| reject.reject_code != RejectCode::SysTransient)
    }

    /// Whether the subnet wants to be told what becomes of a heap that holds a canister's state.
    pub(super) fn misses_upgrade_option(&self) -> bool {
        self.reject().is_some_and(|reject| reject.reject_message.contains(NO_UPGRADE_OPTION))
    }

    /// What the subnet said, if it refused.
    fn reject(&self) -> Option<&RejectResponse> {
        let AgentFailure::Agent(error) = self else { return None };
        match &**error {
            AgentError::CertifiedReject { reject, .. } | AgentError::UncertifiedReject { reject, .. } => {
                Some(reject)
            }
            _ => None,
        }
    }
}

/// How much longer somebody is asked who does not answer.
struct Patience {
    begun: Instant,
    pause: Duration,
}

impl Patience {
    fn new() -> Patience {
        Patience { begun: Instant::now(), pause: PAUSE_MIN }
    }

    /// How long to wait before asking again; `None`: the error stands.
    fn pause_after(&mut self, error: &AgentError) -> Option<Duration> {
        let passes = match error {
            AgentError::TransportError(_) => true,
            AgentError::HttpError(answer) => answer.status >= 500 || answer.status == 429,
            AgentError::UncertifiedReject { reject, .. } => reject.reject_code == RejectCode::SysTransient,
            _ => false,
        };
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSE_MAX);
        (passes && self.begun.elapsed() < PATIENCE).then_some(pause)
    }
}

/// A connection to a subnet, in the name of one identity.
pub struct Client {
    agent: Agent,
}

impl Client {
    /// Connects to a replica or gateway at `url`. Without `root_key` the key is fetched, which trusts that host:
    /// right for a subnet of one's own, wrong for anybody else's.
    pub async fn connect(
        url: &str,
        identity: Option<&Path>,
        root_key: Option<Vec<u8>>,
    ) -> Result<Client, AgentFailure> {
        let agent = Agent::builder()
            .with_url(url)
            .with_boxed_identity(identity::load(identity)?)
            .with_max_response_body_size(ANSWER_BYTES_MAX)
            .build()?;
        match root_key {
            Some(key) => agent.set_root_key(key),
            None => agent.fetch_root_key().await?,
        }
        Ok(Client { agent })
    }

    /// The principal in whose name calls are made.
    pub fn principal(&self) -> Result<Principal, AgentFailure> {
        self.agent.get_principal().map_err(AgentFailure::Text)
    }

    /// An update call; returns the certified reply.
    pub async fn update(
        &self,
        canister: Principal,
        method: &str,
        arg: Vec<u8>,
    ) -> Result<Vec<u8>, AgentFailure> {
        Ok(self.agent.update(&canister, method).with_arg(arg).call_and_wait().await?)
    }

    /// An update call that outlives lost connections. It is signed once and the same bytes are sent again, so that it
    /// is done once at most.
    pub async fn update_once(
        &self,
        canister: Principal,
        method: &str,
        arg: Vec<u8>,
    ) -> Result<Vec<u8>, AgentFailure> {
        let call = self.agent.update(&canister, method).with_arg(arg).sign()?;
        let mut patience = Patience::new();
        loop {
            match self.deliver(canister, &call.request_id, call.signed_update.clone()).await {
                Ok(reply) => return Ok(reply),
                Err(error) => match patience.pause_after(&error) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error.into()),
                },
            }
        }
    }

    async fn deliver(
        &self,
        canister: Principal,
        id: &RequestId,
        signed: Vec<u8>,
    ) -> Result<Vec<u8>, AgentError> {
        match self.agent.update_signed(canister, signed).await? {
            CallResponse::Response(reply) => Ok(reply),
            CallResponse::Poll(_) => Ok(self.agent.wait(id, canister).await?.0),
        }
    }

    /// A query call that outlives lost connections.
    pub async fn query_patiently(
        &self,
        canister: Principal,
        method: &str,
        arg: Vec<u8>,
    ) -> Result<Vec<u8>, AgentFailure> {
        let mut patience = Patience::new();
        loop {
            match self.agent.query(&canister, method).with_arg(arg.clone()).call().await {
                Ok(reply) => return Ok(reply),
                Err(error) => match patience.pause_after(&error) {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error.into()),
                },
            }
        }
    }

    /// The key that the subnet's certificates are verified with.
    pub fn root_key(&self) -> Vec<u8> {
        self.agent.read_root_key()
    }

    /// A query call; returns the reply, signed by the node that answered.
    pub async fn query(
        &self,
        canister: Principal,
        method: &str,
        arg: Vec<u8>,
    ) -> Result<Vec<u8>, AgentFailure> {
        Ok(self.agent.query(&canister, method).with_arg(arg).call().await?)
    }

    /// A custom section `icp:public <name>` or `icp:private <name>`; `None` where it is not to be had.
    pub async fn metadata(&self, canister: Principal, name: &str) -> Option<Vec<u8>> {
        self.agent.read_state_canister_metadata(canister, name).await.ok()
    }

    /// The hash of a canister's module, certified; `None` while it has none.
    pub async fn module_hash(&self, canister: Principal) -> Result<Option<Vec<u8>>, AgentFailure> {
        match self.agent.read_state_canister_module_hash(canister).await {
            Ok(hash) => Ok(Some(hash)),
            Err(AgentError::LookupPathAbsent(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A call of the management canister on behalf of `canister`.
    pub(super) async fn manage<T: DeserializeOwned + CandidType>(
        &self,
        canister: Principal,
        method: &str,
        arg: impl ArgumentEncoder,
    ) -> Result<T, AgentFailure> {
        let reply = self
            .agent
            .update(&Principal::management_canister(), method)
            .with_effective_canister_id(canister)
            .with_arg(candid::encode_args(arg)?)
            .call_and_wait()
            .await?;
        Ok(Decode!(&reply, T)?)
    }

    /// The same for methods that reply nothing.
    pub(super) async fn manage_unit(
        &self,
        canister: Principal,
        method: &str,
        arg: impl ArgumentEncoder,
    ) -> Result<(), AgentFailure> {
        self.agent
            .update(&Principal::management_canister(), method)
            .with_effective_canister_id(canister)
            .with_arg(candid::encode_args(arg)?)
            .call_and_wait()
            .await?;
        Ok(())
    }

    /// A query of the management canister, near `canister`.
    pub async fn ask_management(
        &self,
        canister: Principal,
        method: &str,
        arg: Vec<u8>,
    ) -> Result<Vec<u8>, AgentFailure> {
        let query = self.agent.query(&Principal::management_canister(), method);
        Ok(query.with_effective_canister_id(canister).with_arg(arg).call().await?)
    }

    /// Creates a canister by the provisional method: without a ledger, on subnets whose genesis allows it.
    pub async fn create(
        &self,
        id: Option<Principal>,
        cycles: Option<u128>,
    ) -> Result<Principal, AgentFailure> {
        let arg = ProvisionalCreateCanisterArgs {
            amount: cycles.map(Nat::from),
            specified_id: id,
            ..ProvisionalCreateCanisterArgs::default()
        };
        // Any canister of the subnet does as the effective one; the first exists on every subnet's range.
        let effective = id.unwrap_or_else(|| crate::types::CanisterId(0).principal());
        let created: CanisterIdRecord =
            self.manage(effective, "provisional_create_canister_with_cycles", (arg,)).await?;
        Ok(created.canister_id)
    }

    /// Status, settings and balance of a canister that the identity controls.
    pub async fn status(&self, canister: Principal) -> Result<CanisterStatusResult, AgentFailure> {
        self.manage(canister, "canister_status", (CanisterIdRecord { canister_id: canister },)).await
    }

    /// Starts a canister.
    pub async fn start(&self, canister: Principal) -> Result<(), AgentFailure> {
        self.manage_unit(canister, "start_canister", (CanisterIdRecord { canister_id: canister },)).await
    }

    /// Stops a canister; resolves when no call of its is open any more.
    pub async fn stop(&self, canister: Principal) -> Result<(), AgentFailure> {
        self.manage_unit(canister, "stop_canister", (CanisterIdRecord { canister_id: canister },)).await
    }

    /// Deletes a stopped canister.
    pub async fn delete(&self, canister: Principal) -> Result<(), AgentFailure> {
        self.manage_unit(canister, "delete_canister", (CanisterIdRecord { canister_id: canister },)).await
    }

    /// The canister's log, oldest first.
    pub async fn logs(&self, canister: Principal) -> Result<Vec<CanisterLogRecord>, AgentFailure> {
        let arg = FetchCanisterLogsArgs { canister_id: canister, filter: None };
        let reply = self.ask_management(canister, "fetch_canister_logs", Encode!(&arg)?).await?;
        Ok(Decode!(&reply, FetchCanisterLogsResult)?.canister_log_records)
    }
}
