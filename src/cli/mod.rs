//! The command line: one file per subcommand. Nothing here takes a decision that another room could.
//!
//! Exit codes: 0 done or stopped as asked; 1 failed (the message on standard error says why, and names
//! what); 2 wrong usage, or a replica that halted because its state diverged.

pub mod assets;
pub mod canister;
pub mod connection;
mod exchange;
pub mod file;
pub mod gateway;
pub mod genesis;
pub mod governance;
pub mod health;
pub mod keygen;
mod moment;
pub mod neuron;
pub mod node;
pub mod proposal;
pub mod proxy;
pub mod replay;
pub mod replica;
pub mod rewards;
pub mod sim;
pub mod state;
pub mod testnet;
pub mod wallet;

use clap::{Parser, Subcommand};
use std::future::Future;
use std::process::ExitCode;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// A replicated, Internet-Computer-compatible canister runtime that anyone can host.
#[derive(Parser, Debug)]
#[command(name = "atoll", version, propagate_version = true)]
struct Atoll {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Keygen(keygen::Args),
    Genesis(genesis::Args),
    Replica(replica::Args),
    Gateway(gateway::Args),
    Health(health::Args),
    Testnet(testnet::Args),
    Launcher(testnet::launcher::Args),
    Canister(canister::Args),
    Assets(assets::Args),
    Wallet(wallet::Args),
    Neuron(neuron::Args),
    Proposal(proposal::Args),
    Rewards(rewards::Args),
    Node(node::Args),
    Proxy(proxy::Args),
    State(state::Args),
    Replay(replay::Args),
    Sim(sim::SimArgs),
}

/// Parses the command line and runs its command.
pub fn main() -> ExitCode {
    match testnet::launcher::parse::<Atoll>(std::env::args_os().collect()).command {
        Command::Keygen(args) => told("keygen", keygen::run(args)),
        Command::Genesis(args) => told("genesis", genesis::run(args)),
        Command::Replica(args) => replica::run(&args),
        Command::Gateway(args) => run_gateway(args),
        Command::Health(args) => told("health", health::run(args)),
        Command::Testnet(args) => told("testnet", testnet::run(&args)),
        Command::Launcher(args) => told("launcher", testnet::launcher::run(args)),
        Command::Canister(args) => told("canister", block_on(canister::run(args))),
        Command::Assets(args) => told("assets", block_on(assets::run(args))),
        Command::Wallet(args) => told("wallet", block_on(wallet::run(args))),
        Command::Neuron(args) => told("neuron", block_on(neuron::run(args))),
        Command::Proposal(args) => told("proposal", block_on(proposal::run(args))),
        Command::Rewards(args) => told("rewards", block_on(rewards::run(args))),
        Command::Node(args) => told("node", node::run(&args)),
        Command::Proxy(args) => told("proxy", block_on(proxy::run(&args))),
        Command::State(args) => told("state", state::run(&args)),
        Command::Replay(args) => told("replay", replay::run(&args)),
        Command::Sim(args) => sim::run_sim(&args),
    }
}

fn run_gateway(args: gateway::Args) -> ExitCode {
    crate::telemetry::start_log(Default::default());
    told("gateway", block_on(async { gateway::run(args, stop_signal()).await }))
}

/// 0, or 1 with the error on standard error.
fn told<E: std::fmt::Display>(command: &str, result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("atoll {command}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs `work` on a tokio runtime with a few threads.
fn block_on<E: std::fmt::Display>(work: impl Future<Output = Result<(), E>>) -> Result<(), String> {
    let runtime = runtime().map_err(|error| format!("cannot start: {error}"))?;
    let done = runtime.block_on(work).map_err(|error| error.to_string());
    // Threads that still read or compress for work that failed hold nobody up.
    runtime.shutdown_background();
    done
}

fn runtime() -> std::io::Result<Runtime> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
    Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

/// Resolves at SIGTERM or SIGINT.
async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
