//! `atoll neuron …`: tokens at stake, and the votes that they are.

use super::connection::Connection;
use super::governance::interface::{Command as Order, DissolveState, Done, Followees, Neuron, Topic};
use super::governance::{CommandError, Governance, Place, print_json};
use super::moment::{seconds, span, utc};
use super::wallet::account::identifier;
use super::wallet::amount::{self, show_tokens};
use super::wallet::icrc::IcrcAccount;
use super::wallet::ledgers::Ledgers;
use crate::types::Principal;
use clap::{Parser, Subcommand};
use serde_json::json;
use std::time::SystemTime;

/// Tokens at stake, and the votes that they are.
#[derive(Parser, Debug)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Put tokens at stake: in a new neuron, or with --memo in the one that was made with it.
    Stake {
        /// Tokens, e.g. 1.25; without them, what others sent to the neuron's account is counted.
        #[arg(required_unless_present = "memo")]
        tokens: Option<String>,
        /// The number that tells neurons of one controller apart.
        #[arg(long)]
        memo: Option<u64>,
        /// Lock it for this long, e.g. 180d: it votes from governance's minimum on.
        #[arg(long, value_name = "DURATION")]
        delay: Option<String>,
    },
    /// List one's own neurons, and those that one is a hot key of.
    List {
        /// Somebody else's.
        #[arg(long, value_name = "PRINCIPAL", conflicts_with = "all")]
        of: Option<Principal>,
        /// Everybody's.
        #[arg(long)]
        all: bool,
    },
    /// Show a neuron.
    Show { neuron: u64 },
    /// Let the dissolve delay run down; at its end the tokens can be disbursed.
    Dissolve {
        neuron: u64,
        /// Stop the clock again.
        #[arg(long)]
        stop: bool,
    },
    /// Lock a neuron for longer: more voting power.
    Delay {
        neuron: u64,
        /// How much longer, e.g. 90d, 36h, 15m or 30s.
        duration: String,
    },
    /// Take tokens out of a dissolved neuron.
    Disburse {
        neuron: u64,
        /// Tokens, the ledger's fee among them; all without it.
        #[arg(long, value_name = "TOKENS")]
        amount: Option<String>,
        /// To whom: a principal, or an ICRC-1 account; the controller without it.
        #[arg(long, value_name = "ACCOUNT")]
        to: Option<String>,
    },
    /// Vote as other neurons do, on a topic.
    Follow {
        neuron: u64,
        #[arg(value_enum)]
        topic: Topic,
        /// Whom to follow; nobody if there are none.
        followees: Vec<u64>,
    },
    /// Let another identity vote and propose with a neuron.
    HotKey {
        neuron: u64,
        key: Principal,
        /// No longer.
        #[arg(long)]
        remove: bool,
    },
}

/// Does what the arguments say and prints the result.
///
/// # Errors
/// [`CommandError`].
pub async fn run(args: Args) -> Result<(), CommandError> {
    let client = args.connection.client().await?;
    let governance = Governance::new(&client, &args.place);
    let json = args.json;
    match args.command {
        Command::Stake { tokens, memo, delay } => stake(&governance, tokens, memo, delay, json).await,
        Command::List { of, all } => {
            let of = if all { None } else { Some(of.map_or_else(|| client.principal(), Ok)?) };
            list(&governance.neurons(of).await?, json)
        }
        Command::Show { neuron } => show(&governance.neuron(neuron).await?, json),
        Command::Dissolve { neuron, stop } => {
            let order = if stop { Order::StopDissolving } else { Order::StartDissolving };
            order_and_show(&governance, neuron, order, json).await
        }
        Command::Delay { neuron, duration } => {
            let order = Order::IncreaseDissolveDelay { additional_seconds: seconds(&duration)? };
            order_and_show(&governance, neuron, order, json).await
        }
        Command::Disburse { neuron, amount, to } => {
            let amount_e8s = amount.map(|text| amount::tokens(&text)).transpose()?;
            let to = to.map(|text| text.parse::<IcrcAccount>()).transpose()?;
            disbursed(governance.manage(neuron, Order::Disburse { amount_e8s, to }).await?, json)
        }
        Command::Follow { neuron, topic, followees } => {
            let order = Order::Follow(Followees { topic, followees });
            order_and_show(&governance, neuron, order, json).await
        }
        Command::HotKey { neuron, key: hot_key, remove } => {
            let order = match remove {
                true => Order::RemoveHotKey { hot_key },
                false => Order::AddHotKey { hot_key },
            };
            order_and_show(&governance, neuron, order, json).await
        }
    }
}

async fn stake(
    governance: &Governance<'_>,
    tokens: Option<String>,
    memo: Option<u64>,
    delay: Option<String>,
    json: bool,
) -> Result<(), CommandError> {
    let delay = delay.map(|text| seconds(&text)).transpose()?;
    let e8s = tokens.map(|text| amount::tokens(&text)).transpose()?;
    let memo = memo.unwrap_or_else(new_memo);
    if let Some(e8s) = e8s {
        let account = governance.neuron_account(memo).await?;
        let to = identifier(&account.owner, &account.subaccount());
        Ledgers(governance.client()).send(e8s, to, memo).await?;
    }
    let claimed = governance.claim(memo).await;
    let id = claimed.map_err(|error| CommandError::Unclaimed { memo, error: Box::new(error) })?;
    if let Some(additional_seconds) = delay {
        governance.manage(id, Order::IncreaseDissolveDelay { additional_seconds }).await?;
    }
    let neuron = governance.neuron(id).await?;
    if json {
        return print_json(&json!({ "neuron": neuron, "memo": memo.to_string() }));
    }
    show(&neuron, false)?;
    println!("memo           {memo}");
    if neuron.voting_power == 0 {
        println!("\nit does not vote yet: lock it with `atoll neuron delay {id} DURATION`");
    }
    Ok(())
}

/// A number that no other neuron of the caller has.
fn new_memo() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

async fn order_and_show(
    governance: &Governance<'_>,
    neuron: u64,
    order: Order,
    json: bool,
) -> Result<(), CommandError> {
    governance.manage(neuron, order).await?;
    show(&governance.neuron(neuron).await?, json)
}

fn disbursed(done: Done, json: bool) -> Result<(), CommandError> {
    match done {
        done if json => print_json(&done)?,
        Done::Disbursed { block_index, amount_e8s } => {
            println!("{} tokens disbursed (block {block_index})", show_tokens(amount_e8s));
        }
        Done::Done => println!("done"),
    }
    Ok(())
}

fn list(neurons: &[Neuron], json: bool) -> Result<(), CommandError> {
    if json {
        return print_json(&neurons);
    }
    println!("{:>8} {:>20} {:>20}  state", "neuron", "tokens", "voting power");
    for neuron in neurons {
        let (id, tokens, power) = (neuron.id, show_tokens(neuron.stake_e8s), show_power(neuron.voting_power));
        println!("{id:>8} {tokens:>20} {power:>20}  {}", state(neuron));
    }
    Ok(())
}

fn show(neuron: &Neuron, json: bool) -> Result<(), CommandError> {
    if json {
        return print_json(neuron);
    }
    println!("neuron         {}", neuron.id);
    println!("controller     {}", neuron.controller);
    neuron.hot_keys.iter().for_each(|key| println!("hot key        {key}"));
    println!("account        {}", neuron.account);
    println!("stake          {}", show_tokens(neuron.stake_e8s));
    let parts = [
        ("held back", neuron.reserved_e8s, "for open proposals"),
        ("to be burnt", neuron.owed_e8s, "for rejected proposals"),
        ("on their way", neuron.moving_e8s, "the ledger did not answer yet"),
    ];
    for (name, e8s, why) in parts.into_iter().filter(|(_, e8s, _)| *e8s > 0) {
        println!("{name:<14} {} ({why})", show_tokens(e8s));
    }
    println!("voting power   {}", show_power(neuron.voting_power));
    println!("state          {}", state(neuron));
    println!("made           {}", utc(neuron.created_seconds));
    for followees in neuron.followees.iter().filter(|one| !one.followees.is_empty()) {
        let ids: Vec<String> = followees.followees.iter().map(u64::to_string).collect();
        println!("follows        {} ({:?})", ids.join(", "), followees.topic);
    }
    Ok(())
}

fn state(neuron: &Neuron) -> String {
    match neuron.dissolve_state {
        DissolveState::Locked { delay_seconds: 0 } | DissolveState::Dissolved => {
            "dissolved: can be disbursed".into()
        }
        DissolveState::Locked { delay_seconds } => {
            format!("locked for {} once it dissolves", span(delay_seconds))
        }
        DissolveState::Dissolving { when_dissolved_seconds } => {
            format!("dissolving until {}", utc(when_dissolved_seconds))
        }
    }
}

/// Voting power in tokens.
pub fn show_power(power: u128) -> String {
    u64::try_from(power).map_or_else(|_| power.to_string(), show_tokens)
}
