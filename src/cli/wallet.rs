//! `atoll wallet …`: tokens and cycles of one's own, at the ledgers with the ids that tools expect.

pub mod account;
pub mod amount;
pub mod icrc;
pub mod ledgers;

use super::connection::{Connection, ConnectionError};
use crate::agent::AgentFailure;
use account::{Account, AccountError};
use amount::{AmountError, show_tokens};
use clap::{Parser, Subcommand};
use ledgers::{Ledgers, Minted, Purpose};
use serde_json::json;

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Agent(#[from] AgentFailure),
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Amount(#[from] AmountError),
    #[error("candid: {0}")]
    Candid(#[from] candid::Error),
    #[error("the ledger refuses: {0}")]
    Refused(String),
    /// The tokens are on their way: what was paid for can be asked for again.
    #[error("paid with block {block}, but the cycles did not come: {reason}\ngo on with --block {block}")]
    Paid { block: u64, reason: String },
    #[error("cycles go to a principal, not to an account identifier")]
    Identifier,
}

/// Tokens and cycles of an identity.
#[derive(Parser, Debug)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Print how many tokens and cycles an account has.
    Balance {
        /// A principal, or an account identifier of 64 hexadecimal digits; one's own without it.
        #[arg(long, value_name = "ACCOUNT")]
        of: Option<String>,
    },
    /// Send tokens, or cycles.
    Send {
        /// Tokens, e.g. 1.25; with --cycles, cycles, e.g. 2_500_000 or 3.5T.
        amount: String,
        /// A principal; for tokens also an account identifier of 64 hexadecimal digits.
        to: String,
        /// Cycles of the cycles ledger instead of tokens.
        #[arg(long)]
        cycles: bool,
    },
    /// Turn tokens into cycles of the cycles ledger.
    MintCycles {
        /// Tokens, e.g. 1.25.
        #[arg(required_unless_present = "block")]
        tokens: Option<String>,
        /// Go on with what was paid with this block.
        #[arg(long, conflicts_with = "tokens")]
        block: Option<u64>,
    },
}

/// Does what the arguments say and prints the result.
///
/// # Errors
/// [`WalletError`].
pub async fn run(args: Args) -> Result<(), WalletError> {
    let client = args.connection.client().await?;
    let ledgers = Ledgers(&client);
    match args.command {
        Command::Balance { of } => balance(&ledgers, of, args.json).await,
        Command::Send { amount, to, cycles } => send(&ledgers, &amount, &to, cycles, args.json).await,
        Command::MintCycles { tokens, block } => {
            let own = client.principal()?;
            let block = match block {
                Some(block) => block,
                None => ledgers.pay(amount::tokens(&tokens.unwrap_or_default())?, Purpose::Mint(own)).await?,
            };
            let Minted { minted, balance, .. } = ledgers.mint(block).await?;
            match args.json {
                true => println!(
                    "{}",
                    json!({ "block": block, "minted": text(&minted), "balance": text(&balance) })
                ),
                false => println!("{minted} cycles minted, {balance} in the account (block {block})"),
            }
            Ok(())
        }
    }
}

async fn balance(ledgers: &Ledgers<'_>, of: Option<String>, json: bool) -> Result<(), WalletError> {
    let account = match of {
        Some(of) => of.parse()?,
        None => Account::Principal(ledgers.0.principal()?),
    };
    let tokens = ledgers.tokens(&account).await?;
    let cycles = match &account {
        Account::Principal(principal) => Some(ledgers.cycles(principal).await?),
        Account::Identifier(_) => None,
    };
    let (identifier, cycles) = (hex::encode(account.identifier()), cycles.as_ref().map(text));
    if json {
        println!("{}", json!({ "account": identifier, "tokens_e8s": tokens.to_string(), "cycles": cycles }));
        return Ok(());
    }
    println!("account       {identifier}");
    println!("tokens        {}", show_tokens(tokens));
    cycles.into_iter().for_each(|cycles| println!("cycles        {cycles}"));
    Ok(())
}

async fn send(
    ledgers: &Ledgers<'_>,
    amount: &str,
    to: &str,
    cycles: bool,
    json: bool,
) -> Result<(), WalletError> {
    let to: Account = to.parse()?;
    let block = match (cycles, &to) {
        (false, to) => ledgers.send(amount::tokens(amount)?, to.identifier(), 0).await?.to_string(),
        (true, Account::Principal(to)) => text(&ledgers.send_cycles(amount::cycles(amount)?, to).await?),
        (true, Account::Identifier(_)) => return Err(WalletError::Identifier),
    };
    match json {
        true => println!("{}", json!({ "block": block })),
        false => println!("sent (block {block})"),
    }
    Ok(())
}

/// Digits alone: Candid's own have `_` between them.
fn text(number: &candid::Nat) -> String {
    number.0.to_string()
}
