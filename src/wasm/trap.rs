//! Why a run ended early, and what the caller is told (rule 9).

use crate::state::HostFailure;
use crate::types::limits::REJECT_MESSAGE_BYTES_MAX;
use crate::types::{CanisterId, ErrorCode, Instructions, Reject};

/// The end of a run by a fault of the canister, or of the host.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Trap {
    /// A WebAssembly instruction trapped.
    #[error("{0}")]
    Wasm(&'static str),
    /// The canister called `ic0.trap`.
    #[error("ic0.trap: {0}")]
    Called(String),
    /// The canister used the System API as it must not be used.
    #[error("{0}")]
    Contract(String),
    #[error("instruction limit exceeded")]
    InstructionLimit,
    #[error("memory access limit exceeded")]
    MemoryAccessLimit,
    #[error("out of memory")]
    OutOfMemory,
    #[error("no {0}")]
    MethodNotFound(String),
    /// Not the canister's fault: nothing may be derived from this run.
    #[error(transparent)]
    Host(#[from] HostFailure),
}

impl Trap {
    /// A violation of the System API's contract.
    pub fn contract(what: impl Into<String>) -> Trap {
        Trap::Contract(what.into())
    }

    /// What the caller is told, or the host's failure.
    pub fn into_reject(self, canister: CanisterId, limit: Instructions) -> Result<Reject, HostFailure> {
        let (code, what) = match self {
            Trap::Host(failure) => return Err(failure),
            Trap::Wasm(what) => (ErrorCode::CanisterTrapped, format!("Canister trapped: {what}")),
            Trap::Called(text) => {
                let what = format!("Canister called `ic0.trap` with message: '{text}'");
                (ErrorCode::CanisterCalledTrap, what)
            }
            Trap::Contract(what) => {
                let what = format!("Canister violated contract: {what}");
                (ErrorCode::CanisterContractViolation, what)
            }
            Trap::InstructionLimit => {
                let what = format!(
                    "Canister exceeded the limit of {limit} instructions for single message execution."
                );
                (ErrorCode::CanisterInstructionLimitExceeded, what)
            }
            Trap::MemoryAccessLimit => {
                let what = "Canister exceeded memory access limits: too many stable memory pages".into();
                (ErrorCode::CanisterMemoryAccessLimitExceeded, what)
            }
            Trap::OutOfMemory => {
                let what = "Canister cannot grow its memory: out of memory".into();
                (ErrorCode::CanisterOutOfMemory, what)
            }
            Trap::MethodNotFound(method) => {
                (ErrorCode::CanisterMethodNotFound, format!("Canister has no {method}"))
            }
        };
        Ok(Reject::new(code, format!("Error from Canister {canister}: {what}")))
    }
}

/// Text of a canister, as much of it as a reject keeps, without the bytes that are not valid UTF-8.
pub fn text(bytes: &[u8]) -> String {
    let kept = bytes.get(..REJECT_MESSAGE_BYTES_MAX).unwrap_or(bytes);
    kept.utf8_chunks().map(|chunk| chunk.valid()).collect()
}
