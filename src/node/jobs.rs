//! What waits for the chain's thread: certified heights, and, behind them, what peers ask for. No peer has more than
//! one question there, so nobody's questions keep those of others out, nor a state from being offered.

use crate::types::{Certification, Height, NodeIndex};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Certified heights that may wait: no more states are frozen at once.
const CERTIFIED_MAX: usize = 2;

/// Work for the chain's thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChainJob {
    /// A height was certified: if its state is frozen, it is offered, and the blocks below are purged.
    Certified(Certification),
    /// Finalized blocks for a peer, or the package if they are not to be had.
    Serve { to: NodeIndex, from: Height },
}

/// Many put, one takes.
#[derive(Default)]
pub struct ChainJobs {
    queues: Mutex<Queues>,
    filled: Condvar,
}

#[derive(Default)]
struct Queues {
    certified: VecDeque<Certification>,
    /// The last question of each peer, in the order in which they began to wait.
    questions: VecDeque<(NodeIndex, Height)>,
    closed: bool,
}

/// The end at which jobs are put. When it is gone, no job can come any more.
pub struct ChainDoor(Arc<ChainJobs>);

impl ChainDoor {
    /// The door of these jobs.
    pub fn new(jobs: Arc<ChainJobs>) -> ChainDoor {
        ChainDoor(jobs)
    }

    /// Puts a job. The oldest certified height is let go if too many wait: what is done for a later one makes up
    /// for it.
    pub fn put(&self, job: ChainJob) {
        let mut queues = self.0.lock();
        match job {
            ChainJob::Certified(certification) => {
                queues.certified.push_back(certification);
                if queues.certified.len() > CERTIFIED_MAX {
                    queues.certified.pop_front();
                }
            }
            ChainJob::Serve { to, from } => match queues.questions.iter_mut().find(|(peer, _)| *peer == to) {
                Some((_, waiting)) => *waiting = from,
                None => queues.questions.push_back((to, from)),
            },
        }
        drop(queues);
        self.0.filled.notify_one();
    }
}

impl Drop for ChainDoor {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.filled.notify_one();
    }
}

impl ChainJobs {
    /// The next job; waits for one. `None` when none can come any more.
    pub fn take(&self) -> Option<ChainJob> {
        let mut queues = self.lock();
        loop {
            if let Some(certification) = queues.certified.pop_front() {
                return Some(ChainJob::Certified(certification));
            }
            if let Some((to, from)) = queues.questions.pop_front() {
                return Some(ChainJob::Serve { to, from });
            }
            if queues.closed {
                return None;
            }
            queues = self.filled.wait(queues).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BlsBytes, Digest, StateRoot};

    fn certified(height: u64) -> ChainJob {
        let (root, signature) = (StateRoot(Digest::ZERO), BlsBytes([0; 48]));
        ChainJob::Certified(Certification { height: Height(height), root, signature })
    }

    fn serve(to: u16, from: u64) -> ChainJob {
        ChainJob::Serve { to: NodeIndex(to), from: Height(from) }
    }

    /// The order in which these jobs are taken.
    fn taken(put: &[ChainJob]) -> Vec<ChainJob> {
        let jobs = Arc::new(ChainJobs::default());
        let door = ChainDoor::new(jobs.clone());
        put.iter().for_each(|job| door.put(*job));
        drop(door);
        std::iter::from_fn(|| jobs.take()).collect()
    }

    #[test]
    fn a_peer_has_one_question_waiting_and_it_is_its_last() {
        assert_eq!(taken(&[serve(1, 5), serve(2, 7), serve(1, 9)]), [serve(1, 9), serve(2, 7)]);
    }

    #[test]
    fn no_flood_of_questions_delays_a_certified_height() {
        let mut flood: Vec<ChainJob> =
            (0..1_000).map(|number| serve(number % 4, u64::from(number))).collect();
        flood.push(certified(500));
        let taken = taken(&flood);
        assert_eq!((taken.len(), taken.first()), (5, Some(&certified(500))));
    }

    #[test]
    fn of_certified_heights_that_wait_the_newest_are_kept() {
        assert_eq!(taken(&[certified(1), certified(2), certified(3)]), [certified(2), certified(3)]);
    }
}
