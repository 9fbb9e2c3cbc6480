//! `atoll proposal …`: what is proposed, and votes on it.

mod action;
mod show;

use super::connection::Connection;
use super::governance::interface::{Proposal, Vote};
use super::governance::{CommandError, Governance, Place, print_json};
use action::ActionArgs;
use clap::{Parser, Subcommand};
use serde_json::json;

/// What is proposed, and votes on it.
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
    /// List proposals, the newest first.
    List {
        /// Only those that can be voted on.
        #[arg(long)]
        open: bool,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Only those before this one.
        #[arg(long, value_name = "PROPOSAL")]
        before: Option<u64>,
    },
    /// Show a proposal.
    Show {
        proposal: u64,
        /// Who voted how, too.
        #[arg(long)]
        ballots: bool,
    },
    /// Vote, with all neurons that one may vote with, or with those that are named.
    Vote {
        proposal: u64,
        #[arg(value_enum)]
        vote: Vote,
        #[arg(long = "neuron", value_name = "NEURON")]
        neurons: Vec<u64>,
    },
    /// Propose something; the proposer votes for it.
    Make {
        #[arg(long)]
        title: String,
        /// Why, at some length.
        #[arg(long, default_value = "")]
        summary: String,
        /// Where more is to be read.
        #[arg(long, default_value = "")]
        details: String,
        /// The neuron that proposes; need not be said if there is one.
        #[arg(long)]
        neuron: Option<u64>,
        #[command(subcommand)]
        action: ActionArgs,
    },
}

/// Does what the arguments say and prints the result.
///
/// # Errors
/// [`CommandError`].
pub async fn run(args: Args) -> Result<(), CommandError> {
    let client = args.connection.client().await?;
    let governance = Governance::new(&client, &args.place);
    match args.command {
        Command::List { open, limit, before } => {
            show::list(&governance.proposals(open, before, limit).await?, args.json)
        }
        Command::Show { proposal, ballots } => {
            let info = governance.proposal(proposal).await?;
            let ballots = if ballots { Some(governance.ballots(proposal).await?) } else { None };
            show::proposal(&info, ballots.as_deref(), args.json)
        }
        Command::Vote { proposal, vote, neurons } => {
            cast(&governance, proposal, vote, neurons, args.json).await
        }
        Command::Make { title, summary, details, neuron, action } => {
            let neuron = proposer(&governance, neuron).await?;
            let action = action.into_action(&governance).await?;
            let proposal = Proposal { title, summary, url: details, action };
            let id = governance.propose(neuron, proposal).await?;
            match args.json {
                true => print_json(&json!({ "proposal": id })),
                false => {
                    println!("proposal {id} is open: `atoll proposal show {id}`");
                    Ok(())
                }
            }
        }
    }
}

/// The neuron that is named, or the only one there is; none where operators vote.
async fn proposer(governance: &Governance<'_>, named: Option<u64>) -> Result<Option<u64>, CommandError> {
    if named.is_some() {
        return Ok(named);
    }
    match governance.voting_neurons().await?.as_deref() {
        None => Ok(None),
        Some([one]) => Ok(Some(*one)),
        Some(several) => {
            let several: Vec<String> = several.iter().map(u64::to_string).collect();
            Err(CommandError::WhichNeuron(several.join(", ")))
        }
    }
}

/// Votes with each neuron; one that cannot does not hold up the others, and fails the command.
async fn cast(
    governance: &Governance<'_>,
    proposal: u64,
    vote: Vote,
    named: Vec<u64>,
    json: bool,
) -> Result<(), CommandError> {
    let neurons = if named.is_empty() { governance.voting_neurons().await? } else { Some(named) };
    let voters: Vec<Option<u64>> = neurons.map_or(vec![None], |all| all.into_iter().map(Some).collect());
    let (mut cast, mut failed) = (Vec::new(), Vec::new());
    for voter in voters {
        let who = voter.map_or("the operator".to_string(), |id| format!("neuron {id}"));
        match governance.vote(voter, proposal, vote).await {
            Ok(()) => cast.push(who),
            Err(error) => failed.push(format!("{who}: {error}")),
        }
    }
    if json {
        print_json(&json!({ "proposal": proposal, "vote": vote, "voted": cast, "failed": failed }))?;
    } else {
        cast.iter().for_each(|who| println!("{who} voted {vote:?} on proposal {proposal}"));
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(CommandError::Wrong(failed.join("\n"))),
    }
}
