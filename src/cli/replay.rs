//! `atoll replay`: executes a stopped replica's blocks once more and compares the roots.

use crate::node::{Config, ConfigError, NodeError, replay};
use crate::types::{Height, StateRoot};
use std::path::PathBuf;
use std::time::Instant;

/// Execute a stopped replica's blocks once more, from genesis on, and compare the state's root with the one
/// on its disk and the certified one.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The stopped node's configuration, node.toml.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// The replay could not be done, or came to another state.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("after height {height} the root is {found}, but {stored} is on disk", found = found.0, stored = stored.0)]
    Differs { height: Height, found: StateRoot, stored: StateRoot },
    #[error("a quorum certified another root after height {0} than the one that the replay has")]
    Uncertified(Height),
}

/// Heights between two lines of progress.
const TOLD_EVERY: u64 = 1_000;

/// Runs the command.
///
/// # Errors
/// [`ReplayError`]. The disk is as it was.
pub fn run(args: &Args) -> Result<(), ReplayError> {
    let config = Config::load(&args.config)?;
    let started = Instant::now();
    let replayed = replay(&config, |height, end| {
        if height.0.is_multiple_of(TOLD_EVERY) {
            println!("height {height} of {end}, {} s", started.elapsed().as_secs());
        }
    })?;
    let height = replayed.height;
    if replayed.found != replayed.stored {
        return Err(ReplayError::Differs { height, found: replayed.found, stored: replayed.stored });
    }
    if let Some(height) = replayed.uncertified {
        return Err(ReplayError::Uncertified(height));
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{height} heights with {} calls in {seconds:.1} s: root {}, as on disk",
        replayed.calls, replayed.found.0
    );
    Ok(())
}
