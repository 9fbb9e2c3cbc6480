//! What every executed state must keep: answers until their calls expire (I6), and cycles (I8).

use super::{Finding, violation};
use crate::types::*;

/// Answers looked at after a restart.
const LOOKED_AT_AFTER_RESTART: usize = 64;

/// An answer that the reference execution gave.
#[derive(Clone, Copy, Debug)]
struct Answer {
    id: RequestId,
    expiry: Time,
    height: Height,
    /// What the answer says, in short.
    says: u64,
}

/// All answers, and which of them each node is asked for next: one at each height, in turn.
pub struct States {
    answers: Vec<Answer>,
    next: Vec<usize>,
}

/// Cycles that a state holds and has burned, and those that were ever minted in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Books {
    pub there: u128,
    pub minted: u128,
}

impl States {
    pub fn new(nodes: usize) -> States {
        States { answers: Vec::new(), next: vec![0; nodes] }
    }

    /// The reference answered the call `id` at `height`.
    pub fn answered(&mut self, id: RequestId, expiry: Time, height: Height, says: u64) {
        self.answers.push(Answer { id, expiry, height, says });
    }

    /// I8, at every height.
    pub fn balanced(&self, node: NodeIndex, height: Height, books: Books) -> Finding {
        if books.there == books.minted {
            return Ok(());
        }
        let Books { there, minted } = books;
        violation(
            "I8",
            format!("node {node} at height {height}: {minted} cycles were minted, {there} are there"),
        )
    }

    /// I6, one answer a height: `look` says what the state of `node` after `height` answers.
    pub fn look(
        &mut self,
        node: NodeIndex,
        height: Height,
        time: Time,
        look: impl Fn(&RequestId) -> Option<u64>,
    ) -> Finding {
        let next = &mut self.next[usize::from(node.0)];
        *next += 1;
        match self.answers.get(*next % self.answers.len().max(1)) {
            Some(answer) => kept(answer, node, height, time, look),
            None => Ok(()),
        }
    }

    /// I6 after a restart: the newest answers.
    pub fn look_again(
        &self,
        node: NodeIndex,
        height: Height,
        time: Time,
        look: impl Fn(&RequestId) -> Option<u64>,
    ) -> Finding {
        let mut newest = self.answers.iter().rev().take(LOOKED_AT_AFTER_RESTART);
        newest.try_for_each(|answer| kept(answer, node, height, time, &look))
    }
}

fn kept(
    answer: &Answer,
    node: NodeIndex,
    height: Height,
    time: Time,
    look: impl Fn(&RequestId) -> Option<u64>,
) -> Finding {
    if answer.height > height || answer.expiry < time {
        return Ok(());
    }
    match look(&answer.id) {
        Some(says) if says == answer.says => Ok(()),
        found => {
            let Answer { id, height: given, says, .. } = answer;
            violation(
                "I6",
                format!(
                    "node {node} at height {height} answers {id:?} with {found:x?}; at {given} it was {says:x}"
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeIndex = NodeIndex(0);
    const ID: RequestId = RequestId([1; 32]);

    fn check(height: u64, time: u64, found: Option<u64>, expected: Option<&str>) {
        let mut states = States::new(1);
        states.answered(ID, Time(100), Height(5), 7);
        let (height, time) = (Height(height), Time(time));
        let name = |finding: Finding| finding.err().map(|violation| violation.invariant);
        assert_eq!(name(states.look(NODE, height, time, |_| found)), expected);
        assert_eq!(name(states.look_again(NODE, height, time, |_| found)), expected);
    }

    #[test]
    fn an_answer_stays_as_it_was_until_its_call_expires() {
        check(5, 100, Some(7), None);
        check(9, 100, None, Some("I6"));
        check(9, 100, Some(8), Some("I6"));
        check(9, 101, None, None);
        check(4, 50, None, None);
    }

    #[test]
    fn cycles_come_from_nowhere_but_the_mint() {
        let states = States::new(1);
        let name =
            |there| states.balanced(NODE, Height(1), Books { there, minted: 5 }).err().map(|v| v.invariant);
        assert_eq!((name(4), name(5), name(6)), (Some("I8"), None, Some("I8")));
    }
}
