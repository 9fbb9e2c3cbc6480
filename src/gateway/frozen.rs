//! Whether a canister gave no page because the subnet's governance has frozen it.

use crate::types::ErrorCode;
use ic_agent::AgentError;

/// What the subnet says about it, if the canister is frozen.
pub fn frozen(error: &AgentError) -> Option<&str> {
    let (AgentError::CertifiedReject { reject, .. } | AgentError::UncertifiedReject { reject, .. }) = error
    else {
        return None;
    };
    let frozen = ErrorCode::CanisterFrozen.to_string();
    (reject.error_code.as_ref() == Some(&frozen)).then_some(&reject.reject_message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ic_agent::agent::{RejectCode, RejectResponse};

    fn rejected(error_code: Option<&str>, certified: bool) -> AgentError {
        let reject = RejectResponse {
            reject_code: RejectCode::CanisterError,
            reject_message: "Canister x is frozen: spam".into(),
            error_code: error_code.map(str::to_owned),
        };
        match certified {
            true => AgentError::CertifiedReject { reject, operation: None },
            false => AgentError::UncertifiedReject { reject, operation: None },
        }
    }

    #[test]
    fn a_frozen_canister_is_known_by_its_error_code_alone() {
        let code = ErrorCode::CanisterFrozen.to_string();
        for certified in [false, true] {
            let reason = Some("Canister x is frozen: spam");
            assert_eq!(frozen(&rejected(Some(&code), certified)), reason);
            assert_eq!(frozen(&rejected(Some("IC0508"), certified)), None);
            assert_eq!(frozen(&rejected(None, certified)), None);
        }
    }
}
