//! A statement of rewards, computed again from its inputs. The rule is that of the rewards canister's preface; this is
//! another hand's writing of it.
//!
//! 1. A token is worth as many cycles as ten-thousandths of an XDR times 10^8: an e8s as many as ten-thousandths.
//! 2. The pot is what was consumed, times the share in thousandths, in e8s, rounded down.
//! 3. Each node's part of the pot is by its instructions; by its votes if nobody executed any.
//! 4. Of its part it keeps what it did of its duties: first the blocks proposed of the views led, of that the votes of
//!    the blocks. Each is rounded down; a duty that a node did not have lowers nothing. What is lost goes to nobody.
//! 5. An operator with an account earns what its nodes earn, if that is anything. The rest is not paid.

use super::interface::{Inputs, NodeReward, NodeWork, OperatorReward, Statement};
use crate::cli::wallet::icrc::IcrcAccount;
use crate::types::Principal;
use std::collections::BTreeMap;
use std::fmt::Debug;

const PERMILLE: u128 = 1_000;
const MILLION: u128 = 1_000_000;

/// What a statement says, and what its inputs come to.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Difference {
    #[error("its inputs are beyond all measure")]
    Overflow,
    #[error("{field} is {stated}, but {computed} follows from the inputs")]
    Field { field: &'static str, stated: String, computed: String },
}

/// Compares each number of a statement with what its inputs come to.
///
/// # Errors
/// The first [`Difference`].
pub fn check(statement: &Statement) -> Result<(), Difference> {
    let inputs = &statement.inputs;
    let consumed = inputs.to.cycles_consumed_total.checked_sub(inputs.from.cycles_consumed_total);
    let consumed = consumed.ok_or(Difference::Overflow)?;
    same("cycles_consumed", &statement.cycles_consumed, &consumed)?;
    let pot = pot(inputs, consumed).ok_or(Difference::Overflow)?;
    same("pot_e8s", &statement.pot_e8s, &pot)?;
    let nodes = rewards(inputs, pot).ok_or(Difference::Overflow)?;
    same("nodes", &statement.nodes, &nodes)?;
    let operators = operators(inputs, &nodes).ok_or(Difference::Overflow)?;
    same("operators", &statement.operators, &operators)?;
    let total = operators.iter().try_fold(0u64, |sum, one| sum.checked_add(one.e8s));
    same("total_e8s", &statement.total_e8s, &total.ok_or(Difference::Overflow)?)
}

fn same<T: PartialEq + Debug>(field: &'static str, stated: &T, computed: &T) -> Result<(), Difference> {
    match stated == computed {
        true => Ok(()),
        false => {
            let (stated, computed) = (format!("{stated:?}"), format!("{computed:?}"));
            Err(Difference::Field { field, stated, computed })
        }
    }
}

fn pot(inputs: &Inputs, consumed: u128) -> Option<u64> {
    let per_e8s = u128::from(inputs.xdr_permyriad_per_icp).checked_mul(PERMILLE)?;
    let share = Some(u128::from(inputs.share_permille)).filter(|share| *share <= PERMILLE)?;
    let shared = consumed.checked_mul(share)?;
    shared.checked_div(per_e8s)?.try_into().ok()
}

fn rewards(inputs: &Inputs, pot: u64) -> Option<Vec<NodeReward>> {
    let executed = inputs.nodes.iter().any(|node| node.instructions > 0);
    let work = |node: &NodeWork| if executed { node.instructions } else { node.votes };
    let all: u128 = inputs.nodes.iter().map(|node| u128::from(work(node))).sum();
    let reward = |node: &NodeWork| {
        let full = u128::from(pot).checked_mul(work(node).into())?.checked_div(all).unwrap_or(0);
        Some(NodeReward {
            node_id: node.node_id,
            work: work(node),
            full_e8s: full.try_into().ok()?,
            factor_ppm: lowered(MILLION, node)?.try_into().ok()?,
            e8s: lowered(full, node)?.try_into().ok()?,
        })
    };
    inputs.nodes.iter().map(reward).collect()
}

/// What is kept of an amount for duties done.
fn lowered(amount: u128, node: &NodeWork) -> Option<u128> {
    let led = u128::from(node.proposed).checked_add(node.failures.into())?;
    let kept = amount.checked_mul(node.proposed.into())?.checked_div(led).unwrap_or(amount);
    let votes = node.votes.min(node.blocks);
    Some(kept.checked_mul(votes.into())?.checked_div(node.blocks.into()).unwrap_or(kept))
}

fn operators(inputs: &Inputs, nodes: &[NodeReward]) -> Option<Vec<OperatorReward>> {
    let mut sums: BTreeMap<Principal, (IcrcAccount, u64)> = BTreeMap::new();
    for (work, reward) in inputs.nodes.iter().zip(nodes) {
        if let (Some(operator), Some(account)) = (work.operator, &work.account) {
            let sum = &mut sums.entry(operator).or_insert_with(|| (account.clone(), 0)).1;
            *sum = sum.checked_add(reward.e8s)?;
        }
    }
    let reward = |(operator, (account, e8s))| OperatorReward { operator, account, e8s };
    Some(sums.into_iter().map(reward).filter(|one| one.e8s > 0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::rewards::interface::Moment;

    fn moment(cycles_consumed_total: u128) -> Moment {
        Moment { timestamp_nanos: 0, height: 0, cycles_consumed_total }
    }

    fn node(id: u8, instructions: u64, duties: [u64; 4], operator: Option<u8>) -> NodeWork {
        let [proposed, failures, votes, blocks] = duties;
        let operator = operator.map(|id| Principal::from_slice(&[id; 29]));
        let account = operator.map(|owner| IcrcAccount { owner, subaccount: None });
        let node_id = Principal::from_slice(&[id; 29]);
        NodeWork { node_id, proposed, failures, votes, blocks, instructions, operator, account }
    }

    fn reward(id: u8, work: u64, full_e8s: u64, factor_ppm: u32, e8s: u64) -> NodeReward {
        NodeReward { node_id: Principal::from_slice(&[id; 29]), work, full_e8s, factor_ppm, e8s }
    }

    fn paid(id: u8, e8s: u64) -> OperatorReward {
        let operator = Principal::from_slice(&[id; 29]);
        OperatorReward { operator, account: IcrcAccount { owner: operator, subaccount: None }, e8s }
    }

    /// 35 T cycles at 3.5 T a token are ten tokens, of which half is paid.
    fn statement() -> Statement {
        Statement {
            index: 0,
            parent_hash: None,
            inputs: Inputs {
                from: moment(1_000),
                to: moment(35_000_000_001_000),
                xdr_permyriad_per_icp: 35_000,
                share_permille: 500,
                nodes: vec![
                    node(1, 500, [10, 0, 100, 100], Some(9)),
                    node(2, 300, [9, 1, 100, 100], Some(9)),
                    node(3, 200, [0, 0, 50, 100], Some(8)),
                    node(4, 0, [0, 0, 0, 0], None),
                ],
            },
            cycles_consumed: 35_000_000_000_000,
            pot_e8s: 500_000_000,
            nodes: vec![
                reward(1, 500, 250_000_000, 1_000_000, 250_000_000),
                reward(2, 300, 150_000_000, 900_000, 135_000_000),
                reward(3, 200, 100_000_000, 500_000, 50_000_000),
                reward(4, 0, 0, 1_000_000, 0),
            ],
            operators: vec![paid(8, 50_000_000), paid(9, 385_000_000)],
            total_e8s: 435_000_000,
        }
    }

    #[test]
    fn a_statement_that_follows_from_its_inputs_is_right() {
        assert_eq!(check(&statement()), Ok(()));
    }

    #[test]
    fn a_number_that_does_not_follow_is_named() {
        let check = |change: fn(&mut Statement), expected: &str| {
            let mut changed = statement();
            change(&mut changed);
            let error = check(&changed).expect_err("refused").to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(
            |all| all.cycles_consumed += 1,
            "cycles_consumed is 35000000000001, but 35000000000000 follows",
        );
        check(|all| all.pot_e8s -= 1, "pot_e8s is 499999999");
        check(|all| all.nodes[1].e8s += 1, "nodes is ");
        check(|all| all.operators[0].e8s += 1, "operators is ");
        check(|all| all.operators.truncate(1), "operators is ");
        check(|all| all.total_e8s += 1, "total_e8s is 435000001");
        check(|all| all.inputs.to.cycles_consumed_total = 0, "its inputs are beyond all measure");
        check(|all| all.inputs.share_permille = 1_001, "its inputs are beyond all measure");
        check(|all| all.inputs.xdr_permyriad_per_icp = 0, "its inputs are beyond all measure");
    }

    #[test]
    fn each_step_is_rounded_down_and_who_earns_nothing_is_not_named() {
        let node = node(1, 1, [2, 1, 2, 3], None);
        assert_eq!(lowered(10, &node), Some(4), "of 10 two thirds are 6, of those 4");
        assert_eq!(lowered(MILLION, &node), Some(444_444));
        let mut poor = statement();
        poor.inputs.nodes[2].votes = 0;
        poor.nodes[2] = reward(3, 200, 100_000_000, 0, 0);
        poor.operators.remove(0);
        poor.total_e8s = 385_000_000;
        assert_eq!(check(&poor), Ok(()));
    }

    #[test]
    fn work_is_votes_where_nobody_executed_anything() {
        let mut idle = statement();
        idle.inputs.nodes = vec![node(1, 0, [1, 0, 3, 3], Some(9)), node(2, 0, [1, 0, 1, 3], None)];
        idle.nodes = vec![
            reward(1, 3, 375_000_000, 1_000_000, 375_000_000),
            reward(2, 1, 125_000_000, 333_333, 41_666_666),
        ];
        idle.operators = vec![paid(9, 375_000_000)];
        idle.total_e8s = 375_000_000;
        assert_eq!(check(&idle), Ok(()));
    }
}
