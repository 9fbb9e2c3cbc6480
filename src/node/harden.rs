//! What keeps keys out of core files and other processes.

use super::NodeError;

/// No core files; no other process of this user may trace this one or read its memory.
///
/// # Errors
/// The operating system refuses.
pub fn harden() -> Result<(), NodeError> {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(rustix::process::Resource::Core, none)
        .map_err(|error| NodeError::io("limiting core files")(error.into()))?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
        .map_err(|error| NodeError::io("making the process undumpable")(error.into()))
}
