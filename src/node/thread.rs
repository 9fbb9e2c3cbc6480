//! Threads whose end, however it comes, is noticed.

use super::{End, NodeError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};
use tokio::sync::mpsc::UnboundedSender;

/// Starts threads; tells `ended` when one is over.
#[derive(Clone)]
pub struct Threads(pub UnboundedSender<End>);

impl Threads {
    /// Starts `work` on a thread named `name`. An error or a panic is the end of the node; `Ok(None)`
    /// is the end of this thread alone.
    ///
    /// # Errors
    /// The operating system has no thread left.
    pub fn spawn(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<Option<End>, NodeError> + Send + 'static,
    ) -> Result<JoinHandle<()>, NodeError> {
        let ended = self.0.clone();
        let thread = name.to_string();
        let body = move || {
            let end = match catch_unwind(AssertUnwindSafe(work)) {
                Ok(Ok(end)) => end,
                Ok(Err(error)) => Some(End::Failed(error)),
                Err(_) => Some(End::Failed(NodeError::Panic(thread))),
            };
            if let Some(end) = end {
                let _ = ended.send(end);
            }
        };
        let spawned = Builder::new().name(name.to_string()).spawn(body);
        spawned.map_err(NodeError::io(format!("starting thread {name}")))
    }
}

/// How many threads to give to work that can use all cores: between 1 and `max`.
pub fn parallelism(max: usize) -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).clamp(1, max)
}
