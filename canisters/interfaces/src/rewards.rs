//! The rewards canister, as far as others change it.

use candid::CandidType;
use serde::Deserialize;
use std::fmt;

/// Argument of `set_parameters`; what is absent stays.
#[derive(CandidType, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetParameters {
    pub period_seconds: Option<u64>,
    pub share_permille: Option<u32>,
}

/// Why nothing was done.
#[derive(CandidType, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Error {
    Unauthorized(String),
    Invalid(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorized(reason) => write!(f, "unauthorized: {reason}"),
            Self::Invalid(reason) => write!(f, "invalid: {reason}"),
        }
    }
}
