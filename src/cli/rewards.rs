//! `atoll rewards …`: what those who run nodes earned, and why.

mod interface;
mod recompute;

use super::connection::Connection;
use super::governance::{Canister, CommandError, print_json};
use super::moment::utc;
use super::wallet::amount::show_tokens;
use crate::crypto::hash::sha256;
use crate::types::Principal;
use candid::Decode;
use clap::{Parser, Subcommand};
use interface::{Payment, Statement, StatementView, Status};
use serde_bytes::ByteBuf;
use serde_json::json;

/// wxns6-qiaaa-aaaaa-aaaqa-cai
const REWARDS: &str = "wxns6-qiaaa-aaaaa-aaaqa-cai";
const NANOS: u64 = 1_000_000_000;

/// What those who run nodes earned, and why.
#[derive(Parser, Debug)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    /// The rewards canister.
    #[arg(long, global = true, value_name = "CANISTER", default_value = REWARDS)]
    rewards: Principal,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show a statement: what was consumed, what each node did, and what was paid.
    Show {
        /// Its number; the newest without it.
        #[arg(long, value_name = "N")]
        statement: Option<u64>,
        /// Compute it again from its inputs, and compare it with what the subnet certifies.
        #[arg(long)]
        verify: bool,
    },
}

/// Does what the arguments say and prints the result.
///
/// # Errors
/// [`CommandError`]; also if a statement is not what its inputs come to.
pub async fn run(args: Args) -> Result<(), CommandError> {
    let client = args.connection.client().await?;
    let canister = Canister { client: &client, id: args.rewards };
    let Command::Show { statement, verify } = args.command;
    let status: Status = canister.query("get_status", &()).await?;
    let newest = status.statements.checked_sub(1);
    let Some(index) = statement.or(newest) else { return show_status(&status, args.json) };
    let view: Option<StatementView> = canister.query("get_statement", &index).await?;
    let Some(view) = view else {
        let there = newest.map_or("none yet".into(), |newest| format!("{} to {newest}", status.oldest));
        return Err(CommandError::Unknown(format!("statement {index}; there are {there}")));
    };
    if verify {
        verify_statement(&canister, &status, &view).await?;
    }
    if args.json {
        return print_json(&json!({ "statement": view, "verified": verify }));
    }
    show(&view);
    if verify {
        println!("\nverified       each number follows from the inputs, and the subnet certifies them");
    }
    Ok(())
}

/// Compares what is shown with what the subnet certifies, its hash and its parent's, and with its own inputs.
async fn verify_statement(
    canister: &Canister<'_>,
    status: &Status,
    view: &StatementView,
) -> Result<(), CommandError> {
    let index = view.statement.index;
    let wrong = |what: String| CommandError::Wrong(format!("statement {index} is not right: {what}"));
    let encoded = encoded(canister, index).await?;
    let certified = Decode!(&encoded, Statement)?;
    if certified != view.statement {
        return Err(wrong("the replica shows another one than the subnet certifies".into()));
    }
    if sha256(&encoded).0.as_slice() != view.hash.as_slice() {
        return Err(wrong("its hash is another one".into()));
    }
    if index > status.oldest {
        let parent = sha256(&self::encoded(canister, index - 1).await?);
        if certified.parent_hash.as_ref().map(|hash| hash.as_slice()) != Some(parent.0.as_slice()) {
            return Err(wrong("it does not name the hash of the statement before".into()));
        }
    }
    recompute::check(&certified).map_err(|error| wrong(error.to_string()))
}

/// A statement as it is hashed, certified by the subnet.
async fn encoded(canister: &Canister<'_>, index: u64) -> Result<Vec<u8>, CommandError> {
    let encoded: Option<ByteBuf> = canister.update("get_encoded_statement", &index).await?;
    let encoded = encoded.ok_or_else(|| CommandError::Unknown(format!("statement {index} any more")))?;
    Ok(encoded.into_vec())
}

fn show_status(status: &Status, json: bool) -> Result<(), CommandError> {
    if json {
        return print_json(&json!({ "statement": null, "status": status }));
    }
    println!("no statement yet; the first begins at {}", utc(status.from_nanos / NANOS));
    status.last_error.iter().for_each(|error| println!("the last attempt failed: {error}"));
    Ok(())
}

fn show(view: &StatementView) {
    let Statement { index, inputs, cycles_consumed, pot_e8s, nodes, operators, total_e8s, .. } =
        &view.statement;
    println!("statement      {index}");
    let (from, to) = (inputs.from.timestamp_nanos / NANOS, inputs.to.timestamp_nanos / NANOS);
    println!("period         {} to {}", utc(from), utc(to));
    println!("consumed       {cycles_consumed} cycles");
    println!("rate           {} ten-thousandths of an XDR for a token", inputs.xdr_permyriad_per_icp);
    println!("pot            {} tokens ({} ‰ of that)", show_tokens(*pot_e8s), inputs.share_permille);
    println!("hash           {}", hex::encode(&view.hash));
    println!("\n{:<63} {:>9} {:>9} {:>11} {:>18}", "node", "missed", "votes", "of pot", "earned");
    for (work, reward) in inputs.nodes.iter().zip(nodes) {
        let missed = format!("{}/{}", work.failures, work.failures.saturating_add(work.proposed));
        let votes = format!("{}/{}", work.votes, work.blocks);
        let (node, part) = (work.node_id.to_text(), show_tokens(reward.full_e8s));
        println!("{node:<63} {missed:>9} {votes:>9} {part:>11} {:>18}", show_tokens(reward.e8s));
    }
    println!("\n{:<63} {:>18}  payment", "operator", "tokens");
    for (index, reward) in operators.iter().enumerate() {
        let how = view.payments.get(index).map_or("unknown".into(), payment);
        println!("{:<63} {:>18}  {how}", reward.operator.to_text(), show_tokens(reward.e8s));
        println!("  to {}", reward.account);
    }
    println!("{:<63} {:>18}", "all", show_tokens(*total_e8s));
}

fn payment(payment: &Payment) -> String {
    match payment {
        Payment::Pending(None) => "to be paid".into(),
        Payment::Pending(Some(error)) => format!("to be paid ({error})"),
        Payment::Sent { .. } => "on its way".into(),
        Payment::Paid { block_index } => format!("block {block_index}"),
        Payment::Unknown => "unknown: the ledger's answer was lost".into(),
        Payment::Refused(reason) => format!("refused ({reason})"),
    }
}
