//! What everybody earned in a period: a function of its inputs and nothing else, in integers, rounded down.
//!
//! ```text
//! consumed = to.cycles_consumed_total - from.cycles_consumed_total
//! pot      = consumed × share_permille / (1000 × xdr_permyriad_per_icp)      in e8s
//! work_i   = instructions_i; votes_i, if nobody executed any
//! full_i   = pot × work_i / Σ work
//! e8s_i    = (full_i × proposed_i / (proposed_i + failures_i)) × min(votes_i, blocks_i) / blocks_i
//! ```
//! A token is 10^8 e8s and `xdr_permyriad_per_icp` / 10^4 XDR, and an XDR is 10^12 cycles: so an e8s is worth
//! `xdr_permyriad_per_icp` cycles. Every division rounds down; one by zero is left out (who was never asked to
//! lead has missed nothing). What a node loses for duties that it missed nobody gets. An operator is paid the
//! sum of its nodes; parts of nodes that have no operator, or one without an account, are not paid.

use crate::interface::{Inputs, NodeReward, NodeWork, OperatorReward, Statement};
use candid::{Nat, Principal};
use cycles_interface::Account;
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;
use std::fmt;

/// A whole.
pub const PERMILLE: u32 = 1_000;

/// A whole of [`NodeReward::factor_ppm`].
const MILLION: u64 = 1_000_000;

/// Why there can be no statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoStatement {
    /// Fewer cycles in all at the end than at the beginning.
    Backwards,
    /// There is no rate.
    NoRate,
    /// A share of more than all.
    Share,
    /// More e8s than there are numbers.
    TooLarge,
}

impl fmt::Display for NoStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backwards => "the cycles consumed went backwards",
            Self::NoRate => "the conversion rate is zero",
            Self::Share => "the share is more than all",
            Self::TooLarge => "the pot is too large",
        })
    }
}

/// `amount × part / whole`, rounded down; all of it, if there is no whole.
fn fraction(amount: u64, part: u64, whole: u128) -> u64 {
    match (u128::from(amount) * u128::from(part)).checked_div(whole) {
        Some(quotient) => u64::try_from(quotient).unwrap_or(amount).min(amount),
        None => amount,
    }
}

/// An amount, lowered by the duties that a node missed.
fn lowered(amount: u64, node: &NodeWork) -> u64 {
    let led = u128::from(node.proposed) + u128::from(node.failures);
    let after_leading = fraction(amount, node.proposed, led);
    fraction(after_leading, node.votes, node.blocks.into())
}

fn pot(inputs: &Inputs) -> Result<(u128, u64), NoStatement> {
    let cycles = |total: &Nat| u128::try_from(total.0.clone()).map_err(|_| NoStatement::TooLarge);
    let to = cycles(&inputs.to.cycles_consumed_total)?;
    let consumed =
        to.checked_sub(cycles(&inputs.from.cycles_consumed_total)?).ok_or(NoStatement::Backwards)?;
    if inputs.share_permille > PERMILLE {
        return Err(NoStatement::Share);
    }
    let rate = u128::from(inputs.xdr_permyriad_per_icp) * u128::from(PERMILLE);
    let share = consumed.checked_mul(inputs.share_permille.into()).ok_or(NoStatement::TooLarge)?;
    let pot = share.checked_div(rate).ok_or(NoStatement::NoRate)?;
    Ok((consumed, u64::try_from(pot).map_err(|_| NoStatement::TooLarge)?))
}

fn rewards(nodes: &[NodeWork], pot: u64) -> Vec<NodeReward> {
    let executed = nodes.iter().any(|node| node.instructions > 0);
    let work = |node: &NodeWork| if executed { node.instructions } else { node.votes };
    let all: u128 = nodes.iter().map(|node| u128::from(work(node))).sum();
    let reward = |node: &NodeWork| {
        let full_e8s = if all == 0 { 0 } else { fraction(pot, work(node), all) };
        NodeReward {
            node_id: node.node_id,
            work: work(node),
            full_e8s,
            factor_ppm: u32::try_from(lowered(MILLION, node)).unwrap_or(u32::MAX),
            e8s: lowered(full_e8s, node),
        }
    };
    nodes.iter().map(reward).collect()
}

fn by_operator(nodes: &[NodeWork], rewards: &[NodeReward]) -> Vec<OperatorReward> {
    let mut sums: BTreeMap<Principal, (Account, u64)> = BTreeMap::new();
    for (node, reward) in nodes.iter().zip(rewards) {
        if let (Some(operator), Some(account)) = (node.operator, node.account) {
            let (_, sum) = sums.entry(operator).or_insert((account, 0));
            // The sum of all parts is at most the pot.
            *sum = sum.saturating_add(reward.e8s);
        }
    }
    let paid = sums.into_iter().filter(|(_, (_, e8s))| *e8s > 0);
    paid.map(|(operator, (account, e8s))| OperatorReward { operator, account, e8s }).collect()
}

/// The statement of a period.
///
/// # Errors
/// [`NoStatement`]
pub fn compute(index: u64, parent_hash: Option<[u8; 32]>, inputs: Inputs) -> Result<Statement, NoStatement> {
    let (consumed, pot_e8s) = pot(&inputs)?;
    let nodes = rewards(&inputs.nodes, pot_e8s);
    let operators = by_operator(&inputs.nodes, &nodes);
    let total_e8s = operators.iter().fold(0u64, |sum, operator| sum.saturating_add(operator.e8s));
    Ok(Statement {
        index,
        parent_hash: parent_hash.map(ByteBuf::from),
        inputs,
        cycles_consumed: consumed.into(),
        pot_e8s,
        nodes,
        operators,
        total_e8s,
    })
}

/// A statement as it is hashed and stored.
pub fn encode(statement: &Statement) -> Vec<u8> {
    match candid::encode_one(statement) {
        Ok(bytes) => bytes,
        Err(error) => unreachable!("a statement is always encoded: {error}"),
    }
}
