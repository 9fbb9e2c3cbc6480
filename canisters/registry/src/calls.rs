//! The calls to the management canister.

use crate::chain::Membership;
use crate::upgrade::Outcome;
use candid::{CandidType, Principal};
use ic_cdk::call::Call;
use interfaces::management::{CanisterId, CanisterStatus, InstallCode, InstallMode};
use serde::de::DeserializeOwned;
use serde_bytes::{ByteBuf, Bytes};

/// Calls whose outcome must be known: answers are waited for without an end.
async fn manage<A: CandidType, R: CandidType + DeserializeOwned>(method: &str, arg: A) -> Result<R, String> {
    let call = Call::unbounded_wait(Principal::management_canister(), method).with_arg(arg);
    let response = call.await.map_err(|error| error.to_string())?;
    response.candid().map_err(|error| error.to_string())
}

/// An answer that is nothing.
async fn order<A: CandidType>(method: &str, arg: A) -> Outcome {
    let call = Call::unbounded_wait(Principal::management_canister(), method).with_arg(arg);
    match call.await {
        Ok(_) => Outcome::Done,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

pub async fn membership() -> Result<Membership, String> {
    let call = Call::unbounded_wait(Principal::management_canister(), "atoll_membership");
    let response = call.await.map_err(|error| error.to_string())?;
    response.candid().map_err(|error| error.to_string())
}

pub async fn stop(canister_id: Principal) -> Outcome {
    order("stop_canister", CanisterId { canister_id }).await
}

pub async fn start(canister_id: Principal) -> Outcome {
    order("start_canister", CanisterId { canister_id }).await
}

/// The hash of the canister's module.
pub async fn look(canister_id: Principal) -> Outcome {
    match manage::<_, CanisterStatus>("canister_status", CanisterId { canister_id }).await {
        Ok(status) => Outcome::Found(status.module_hash.map(ByteBuf::into_vec)),
        Err(reason) => Outcome::Failed(reason),
    }
}

pub async fn upgrade(canister_id: Principal, wasm: Vec<u8>, arg: Vec<u8>) -> Outcome {
    let (wasm_module, arg) = (Bytes::new(&wasm), Bytes::new(&arg));
    order("install_code", InstallCode { mode: InstallMode::Upgrade(None), canister_id, wasm_module, arg })
        .await
}
