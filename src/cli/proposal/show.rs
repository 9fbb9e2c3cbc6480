//! Proposals on a terminal.

use crate::cli::governance::interface::{Action, Ballot, ProposalInfo, ProposalStatus, Tally, Voter};
use crate::cli::governance::{CommandError, print_json};
use crate::cli::moment::utc;
use crate::cli::neuron::show_power;
use crate::cli::wallet::amount::show_tokens;
use serde_json::{Value, json};

const PERMILLE: u128 = 1_000;
/// Letters of a title in a list.
const TITLE_LETTERS: usize = 48;

pub fn list(proposals: &[ProposalInfo], json: bool) -> Result<(), CommandError> {
    if json {
        return print_json(&proposals);
    }
    println!("{:>8}  {:<9} {:>7} {:>7}  title", "proposal", "status", "yes", "no");
    for info in proposals {
        let title: String = info.proposal.title.chars().take(TITLE_LETTERS).collect();
        let (yes, no) = (share(info.tally.yes, info.tally.total), share(info.tally.no, info.tally.total));
        println!("{:>8}  {:<9} {yes:>7} {no:>7}  {title}", info.id, word(&info.status));
    }
    Ok(())
}

pub fn proposal(info: &ProposalInfo, ballots: Option<&[Ballot]>, json: bool) -> Result<(), CommandError> {
    if json {
        let mut value = serde_json::to_value(info)?;
        if let (Value::Object(fields), Some(ballots)) = (&mut value, ballots) {
            fields.insert("ballots".into(), json!(ballots));
        }
        return print_json(&value);
    }
    println!("proposal       {} ({:?})", info.id, info.topic);
    println!("title          {}", info.proposal.title);
    action(&info.proposal.action)?;
    println!("status         {}", status(info));
    println!("votes          {}", votes(&info.tally));
    println!(
        "adopted        by more than {}, and at least {} of all",
        share(info.threshold_permille.into(), PERMILLE),
        share(info.quorum_permille.into(), PERMILLE)
    );
    println!("proposer       {}, {}", voter(&info.proposer), utc(info.created_seconds));
    if info.fee_e8s > 0 {
        println!("fee            {} tokens, burnt if it is rejected", show_tokens(info.fee_e8s));
    }
    if !info.proposal.url.is_empty() {
        println!("details        {}", info.proposal.url);
    }
    if !info.proposal.summary.is_empty() {
        println!("\n{}", info.proposal.summary);
    }
    for (index, ballot) in ballots.unwrap_or_default().iter().enumerate() {
        let lead = if index == 0 { "\nballots\n" } else { "" };
        let how = if ballot.followed { ", by itself or following" } else { "" };
        let (who, power) = (voter(&ballot.voter), show_power(ballot.voting_power));
        println!("{lead}  {who}: {:?} with {power}, {}{how}", ballot.vote, utc(ballot.cast_seconds));
    }
    Ok(())
}

/// The action's name and fields, as the record has them.
fn action(action: &Action) -> Result<(), CommandError> {
    let (name, fields) = match serde_json::to_value(action)? {
        Value::Object(variant) => variant.into_iter().next().unwrap_or_default(),
        Value::String(name) => (name, Value::Null),
        other => (other.to_string(), Value::Null),
    };
    println!("action         {name}");
    if let Value::Object(fields) = fields {
        for (field, value) in fields.into_iter().filter(|(_, value)| !value.is_null() && *value != json!(""))
        {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            println!("  {field:<22} {value}");
        }
    }
    Ok(())
}

fn status(info: &ProposalInfo) -> String {
    let at = |moment: Option<u64>| moment.map_or(String::new(), |seconds| format!(", {}", utc(seconds)));
    match &info.status {
        ProposalStatus::Open => format!("open until {}", utc(info.deadline_seconds)),
        ProposalStatus::Rejected => format!("rejected{}", at(info.decided_seconds)),
        ProposalStatus::Adopted => format!("adopted{}; it will be executed", at(info.decided_seconds)),
        ProposalStatus::Executing => format!("adopted{}; it is being executed", at(info.decided_seconds)),
        ProposalStatus::Executed => format!("executed{}", at(info.ended_seconds)),
        ProposalStatus::Failed { reason } => {
            format!("adopted, but it could not be executed{}: {reason}", at(info.ended_seconds))
        }
    }
}

fn word(status: &ProposalStatus) -> &'static str {
    match status {
        ProposalStatus::Open => "open",
        ProposalStatus::Rejected => "rejected",
        ProposalStatus::Adopted => "adopted",
        ProposalStatus::Executing => "executing",
        ProposalStatus::Executed => "executed",
        ProposalStatus::Failed { .. } => "failed",
    }
}

fn votes(tally: &Tally) -> String {
    let (yes, no) = (share(tally.yes, tally.total), share(tally.no, tally.total));
    format!("yes {yes}, no {no} of {}", show_power(tally.total))
}

fn voter(voter: &Voter) -> String {
    match voter {
        Voter::Neuron(id) => format!("neuron {id}"),
        Voter::Operator(principal) => format!("operator {principal}"),
    }
}

/// In percent, with one digit behind the point, rounded down.
fn share(part: u128, whole: u128) -> String {
    let permille = part.saturating_mul(PERMILLE).checked_div(whole).unwrap_or(0);
    format!("{}.{} %", permille / 10, permille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_down_and_nothing_has_no_shares() {
        let check = |part, whole, expected| assert_eq!(share(part, whole), expected);
        check(1, 3, "33.3 %");
        check(2, 3, "66.6 %");
        check(3, 3, "100.0 %");
        check(0, 0, "0.0 %");
    }
}
