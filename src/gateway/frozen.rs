//! Whether a canister gave no page because the subnet's governance has frozen it.

use crate::types::ErrorCode;
use ic_agent::AgentError;
use ic_http_gateway_protocol::HttpGatewayError;

/// What the subnet says about it, if the canister is frozen.
pub fn frozen(error: &HttpGatewayError) -> Option<&str> {
    let HttpGatewayError::AgentError(error) = error else {
        return None;
    };
    let (AgentError::CertifiedReject { reject, .. } | AgentError::UncertifiedReject { reject, .. }) =
        error.as_ref()
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

    fn rejected(error_code: Option<&str>, certified: bool) -> HttpGatewayError {
        let reject = RejectResponse {
            reject_code: RejectCode::CanisterError,
            reject_message: "Canister x is frozen: spam".into(),
            error_code: error_code.map(str::to_owned),
        };
        match certified {
            true => AgentError::CertifiedReject { reject, operation: None }.into(),
            false => AgentError::UncertifiedReject { reject, operation: None }.into(),
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
