//! `atoll canister …`: create, install, call and look at canisters.

use super::connection::{Connection, ConnectionError};
use super::wallet::ledgers::{Ledgers, Purpose};
use super::wallet::{WalletError, amount};
use crate::agent::interface::Interface;
use crate::agent::{AgentFailure, Client, Mode};
use crate::types::Principal;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum CanisterError {
    #[error(transparent)]
    Agent(#[from] AgentFailure),
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Wallet(#[from] WalletError),
    #[error("{path} is not a status.json of a test network: {reason}")]
    Network { path: PathBuf, reason: String },
    #[error("no canister is called {0} in {1}")]
    NoName(String, PathBuf),
}

#[derive(Parser, Debug)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Create a canister (on subnets whose genesis allows the provisional methods) and print its id.
    Create {
        /// The id that it shall have.
        #[arg(long)]
        id: Option<Principal>,
        /// Cycles that it starts with.
        #[arg(long)]
        cycles: Option<u128>,
    },
    /// Install a module into a canister.
    Install {
        canister: Principal,
        /// The Wasm module, plain or gzipped.
        #[arg(long)]
        wasm: PathBuf,
        #[arg(long, value_enum, default_value = "install")]
        mode: InstallMode,
        /// Argument of the initialization, as Candid text.
        #[arg(long, default_value = "()")]
        arg: String,
    },
    /// Call a method; a method that the interface declares a query is queried.
    Call {
        canister: Principal,
        method: String,
        /// Arguments as Candid text.
        #[arg(default_value = "()")]
        arg: String,
    },
    /// Query a method: one replica answers, without consensus.
    Query {
        canister: Principal,
        method: String,
        #[arg(default_value = "()")]
        arg: String,
    },
    /// Show status, settings and cycles of a canister.
    Status { canister: Principal },
    /// Show what a canister printed, oldest first.
    Logs { canister: Principal },
    /// Start a stopped canister.
    Start { canister: Principal },
    /// Stop a canister.
    Stop { canister: Principal },
    /// Delete a stopped canister.
    Delete { canister: Principal },
    /// Give a canister cycles, for tokens or from the own account of the cycles ledger.
    TopUp {
        canister: Principal,
        /// Tokens, e.g. 1.25, that become cycles.
        #[arg(long, required_unless_present_any = ["cycles", "block"], conflicts_with_all = ["cycles", "block"])]
        tokens: Option<String>,
        /// Cycles, e.g. 2_500_000 or 3.5T.
        #[arg(long, conflicts_with = "block")]
        cycles: Option<String>,
        /// Go on with what was paid with this block.
        #[arg(long)]
        block: Option<u64>,
    },
    /// Print the id of a canister that the local network installed.
    Id {
        name: String,
        /// The network's status.json.
        #[arg(long, default_value = "testnet/run/status.json")]
        status: PathBuf,
    },
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum InstallMode {
    Install,
    Reinstall,
    Upgrade,
}

impl From<InstallMode> for Mode {
    fn from(mode: InstallMode) -> Mode {
        match mode {
            InstallMode::Install => Mode::Install,
            InstallMode::Reinstall => Mode::Reinstall,
            InstallMode::Upgrade => Mode::Upgrade,
        }
    }
}

/// Does what the arguments say and prints the result.
pub async fn run(args: Args) -> Result<(), CanisterError> {
    if let Command::Id { name, status } = &args.command {
        println!("{}", installed(name, status)?);
        return Ok(());
    }
    let client = args.connection.client().await?;
    perform(&client, args.command).await
}

async fn perform(client: &Client, command: Command) -> Result<(), CanisterError> {
    match command {
        Command::Create { id, cycles } => println!("{}", client.create(id, cycles).await?),
        Command::Install { canister, wasm, mode, arg } => {
            install(client, canister, wasm, mode.into(), &arg).await?
        }
        Command::Call { canister, method, arg } => call(client, canister, &method, &arg, false).await?,
        Command::Query { canister, method, arg } => call(client, canister, &method, &arg, true).await?,
        Command::Status { canister } => status(client, canister).await?,
        Command::Logs { canister } => logs(client, canister).await?,
        Command::Start { canister } => client.start(canister).await?,
        Command::Stop { canister } => client.stop(canister).await?,
        Command::Delete { canister } => client.delete(canister).await?,
        Command::TopUp { canister, tokens, cycles, block } => {
            let given = top_up(&Ledgers(client), canister, tokens, cycles, block).await?;
            println!("{given} cycles for {canister}");
        }
        Command::Id { .. } => {}
    }
    Ok(())
}

async fn top_up(
    ledgers: &Ledgers<'_>,
    canister: Principal,
    tokens: Option<String>,
    cycles: Option<String>,
    block: Option<u64>,
) -> Result<candid::Nat, WalletError> {
    if let Some(cycles) = cycles {
        let cycles = amount::cycles(&cycles)?;
        ledgers.withdraw(cycles, canister).await?;
        return Ok(cycles.into());
    }
    let block = match block {
        Some(block) => block,
        None => {
            let tokens = amount::tokens(&tokens.unwrap_or_default())?;
            ledgers.pay(tokens, Purpose::TopUp(canister)).await?
        }
    };
    ledgers.top_up(block, canister).await
}

async fn install(
    client: &Client,
    canister: Principal,
    path: PathBuf,
    mode: Mode,
    arg: &str,
) -> Result<(), CanisterError> {
    let module = std::fs::read(&path).map_err(|source| CanisterError::Read { path, source })?;
    let arg = Interface::of(client, canister).await.encode_init(arg)?;
    client.install(canister, mode, &module, arg).await?;
    println!("installed {} bytes in {canister}", module.len());
    Ok(())
}

async fn call(
    client: &Client,
    canister: Principal,
    method: &str,
    arg: &str,
    query: bool,
) -> Result<(), CanisterError> {
    let interface = Interface::of(client, canister).await;
    let arg = interface.encode(method, arg)?;
    let reply = match query || interface.is_query(method) {
        true => client.query(canister, method, arg).await?,
        false => client.update(canister, method, arg).await?,
    };
    println!("{}", interface.decode(method, &reply)?);
    Ok(())
}

async fn status(client: &Client, canister: Principal) -> Result<(), CanisterError> {
    let status = client.status(canister).await?;
    println!("canister      {canister}");
    println!("status        {}", format!("{:?}", status.status).to_lowercase());
    println!("module hash   {}", status.module_hash.as_ref().map_or("none".into(), hex::encode));
    println!("cycles        {}", status.cycles);
    println!("memory        {} bytes", status.memory_size);
    for controller in &status.settings.controllers {
        println!("controller    {controller}");
    }
    Ok(())
}

async fn logs(client: &Client, canister: Principal) -> Result<(), CanisterError> {
    for record in client.logs(canister).await? {
        let text = String::from_utf8_lossy(&record.content).into_owned();
        println!("[{}. {} ns] {text}", record.idx, record.timestamp_nanos);
    }
    Ok(())
}

fn installed(name: &str, path: &PathBuf) -> Result<String, CanisterError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| CanisterError::Read { path: path.clone(), source })?;
    let status: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| CanisterError::Network { path: path.clone(), reason: error.to_string() })?;
    let id = status.get("canisters").and_then(|canisters| canisters.get(name)).and_then(|id| id.as_str());
    id.map(str::to_string).ok_or_else(|| CanisterError::NoName(name.to_string(), path.clone()))
}
