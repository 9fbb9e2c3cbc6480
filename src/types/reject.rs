//! Refusals: the spec's reject code, a stable error code that tools test for, and a sentence that
//! a developer can act on (interface spec, "Reject codes"; INTEROP.md §2.8).

use serde::{Deserialize, Serialize};
use std::fmt;

/// The spec's reject codes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum RejectCode {
    SysFatal = 1,
    SysTransient = 2,
    DestinationInvalid = 3,
    CanisterReject = 4,
    CanisterError = 5,
    SysUnknown = 6,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal => $reject:ident,)*) => {
        /// Why a call was refused, as `IC0xxx` text. The numbers that clients test are the Internet
        /// Computer's.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[repr(u16)]
        pub enum ErrorCode { $($(#[$doc])* $name = $number,)* }

        impl ErrorCode {
            /// The reject code that goes with this error.
            pub fn reject_code(self) -> RejectCode {
                match self { $(ErrorCode::$name => RejectCode::$reject,)* }
            }
        }
    };
}

error_codes! {
    SubnetOversubscribed = 101 => SysFatal,
    MaxNumberOfCanistersReached = 102 => SysFatal,
    CanisterQueueFull = 201 => SysTransient,
    IngressMessageTimeout = 202 => SysTransient,
    CanisterQueueNotEmpty = 203 => SysTransient,
    IngressHistoryFull = 204 => SysTransient,
    CanisterIdAlreadyExists = 205 => SysTransient,
    StopCanisterRequestTimeout = 206 => SysTransient,
    CanisterOutOfCycles = 207 => SysTransient,
    CanisterInstallCodeRateLimited = 209 => SysTransient,
    CanisterNotFound = 301 => DestinationInvalid,
    CanisterSnapshotNotFound = 305 => DestinationInvalid,
    InsufficientMemoryAllocation = 402 => CanisterReject,
    InsufficientCycles = 403 => CanisterReject,
    SubnetNotFound = 404 => CanisterReject,
    CanisterNotHostedBySubnet = 405 => CanisterReject,
    /// By the canister itself, or by the subnet on its behalf.
    CanisterRejectedMessage = 406 => CanisterReject,
    InvalidManagementPayload = 408 => CanisterReject,
    CanisterSnapshotImmutable = 409 => CanisterReject,
    CanisterTrapped = 502 => CanisterError,
    CanisterCalledTrap = 503 => CanisterError,
    CanisterContractViolation = 504 => CanisterError,
    CanisterInvalidWasm = 505 => CanisterError,
    CanisterDidNotReply = 506 => CanisterError,
    CanisterOutOfMemory = 507 => CanisterError,
    CanisterStopped = 508 => CanisterError,
    CanisterStopping = 509 => CanisterError,
    CanisterNotStopped = 510 => CanisterError,
    CanisterStoppingCancelled = 511 => CanisterError,
    CanisterInvalidController = 512 => CanisterError,
    InsufficientCyclesInCall = 520 => CanisterError,
    CanisterInstructionLimitExceeded = 522 => CanisterError,
    CanisterMemoryAccessLimitExceeded = 524 => CanisterError,
    QueryCallGraphTooDeep = 525 => CanisterError,
    QueryCallGraphTotalInstructionLimitExceeded = 526 => CanisterError,
    CompositeQueryCalledInReplicatedMode = 527 => CanisterError,
    InsufficientCyclesInComputeAllocation = 530 => CanisterError,
    InsufficientCyclesInMemoryAllocation = 531 => CanisterError,
    InsufficientCyclesInMemoryGrow = 532 => CanisterError,
    ReservedCyclesLimitExceededInMemoryAllocation = 533 => CanisterError,
    ReservedCyclesLimitExceededInMemoryGrow = 534 => CanisterError,
    InsufficientCyclesInMessageMemoryGrow = 535 => CanisterError,
    CanisterMethodNotFound = 536 => CanisterError,
    CanisterWasmModuleNotFound = 537 => CanisterError,
    CanisterAlreadyInstalledError = 538 => CanisterError,
    CanisterWasmMemoryLimitExceeded = 539 => CanisterError,
    ReservedCyclesLimitIsTooLow = 540 => CanisterError,
    /// By whoever governs the subnet; not one of the Internet Computer's numbers.
    CanisterFrozen = 590 => CanisterError,
    DeadlineExpired = 601 => SysUnknown,
    ResponseDropped = 602 => SysUnknown,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IC{:04}", *self as u16)
    }
}

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reject {
    pub code: RejectCode,
    pub error: ErrorCode,
    pub message: String,
}

impl Reject {
    /// A refusal whose reject code follows from `error`.
    pub fn new(error: ErrorCode, message: impl Into<String>) -> Reject {
        Reject { code: error.reject_code(), error, message: message.into() }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (reject code {}, {})", self.message, self.code as u8, self.error)
    }
}
