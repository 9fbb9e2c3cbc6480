//! `atoll replica`: runs one replica.

use super::{runtime, stop_signal};
use crate::http;
use crate::node::{Config, End, Node, NodeError};
use crate::telemetry::start_log;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use tokio::sync::watch;

/// Exit code of a replica whose state differs from a quorum's.
const HALTED: u8 = 2;

/// Run one replica in the foreground, until SIGTERM or SIGINT.
///
/// At the first start of a subnet it generates the subnet's keys together with all other nodes of the
/// genesis. Starting again on the same data continues where it stood; without data, from a recent state of the other
/// nodes.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The node's configuration, node.toml.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What it does against the rules: equivocate, or bad-shares.
    #[cfg(feature = "malicious")]
    #[arg(long)]
    behave: Option<crate::node::malice::Behaviour>,
}

/// Runs the replica to its end.
pub fn run(args: &Args) -> ExitCode {
    #[cfg(feature = "malicious")]
    args.behave.into_iter().for_each(crate::node::malice::behave);
    let end = Config::load(&args.config).map_err(NodeError::from).and_then(|config| {
        start_log(config.log_format);
        let runtime = runtime().map_err(|error| NodeError::Io { what: "starting threads".into(), error })?;
        let end = runtime.block_on(serve(&config));
        // Requests under way are not waited for.
        runtime.shutdown_background();
        end
    });
    match end {
        Ok(End::Stopped) => ExitCode::SUCCESS,
        Ok(End::Synced) => start_again(),
        Ok(End::Halted) => {
            eprintln!("atoll replica: halted, because its state differs from the quorum's");
            ExitCode::from(HALTED)
        }
        Ok(End::Failed(error)) | Err(error) => {
            eprintln!("atoll replica: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The same program in the place of this one: nothing of it is left, and its supervisor sees no change.
fn start_again() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| "atoll".into());
    // Not by its path: the file there may be another one by now.
    let error = Command::new("/proc/self/exe").arg0(name).args(arguments).exec();
    eprintln!("atoll replica: starting again from the fetched state: {error}");
    ExitCode::FAILURE
}

async fn serve(config: &Config) -> Result<End, NodeError> {
    let mut node = Node::start(config).await?;
    let (stop, stopping) = watch::channel(());
    if let Some(listener) = node.take_api_listener() {
        let mut stopping = stopping.clone();
        let stopped = async move { drop(stopping.changed().await) };
        tokio::spawn(http::serve(listener, node.handle(), http::Config::default(), stopped));
    }
    let end = node.end(async move {
        stop_signal().await;
        drop(stop);
    });
    Ok(end.await)
}
