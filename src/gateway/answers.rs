//! What replicas say one after the other when they are asked for a page, and what follows if none of it is one.

use super::ask::AskError;
use super::upstream::Replica;
use std::sync::Arc;

/// What the replicas that were asked so far said instead of a page that verifies.
#[derive(Default)]
pub struct Answers {
    /// What does not hold, and who said it.
    pub doubted: Vec<Arc<Replica>>,
    unproved: Option<AskError>,
    /// Refusals, and by whom.
    pub refused: Vec<(Arc<Replica>, AskError)>,
    /// Why the last of these did not answer.
    silent: Option<AskError>,
    pub late: Vec<Arc<Replica>>,
}

impl Answers {
    /// Takes up what a replica said; what decides by itself is given back.
    pub fn take(&mut self, replica: Arc<Replica>, error: AskError) -> Result<(), AskError> {
        match error {
            AskError::Silent(_) => {
                self.silent = Some(error);
                self.late.push(replica);
            }
            AskError::Unfit(_) => self.unproved = Some(error),
            AskError::Unproved(_) | AskError::TooLarge => {
                self.unproved = Some(error);
                self.doubted.push(replica);
            }
            AskError::Rejected(_) => self.refused.push((replica, error)),
            AskError::Busy | AskError::Unsure(_) => return Err(error),
        }
        Ok(())
    }

    /// Whether there is no need to ask further, if so many replicas must say a refusal.
    pub fn suffice(&self, enough: usize) -> bool {
        self.refused.len() >= enough || self.doubted.len() > enough
    }

    /// Why there is no page.
    pub fn verdict(mut self, enough: usize) -> AskError {
        let refused = self.refused.pop().map(|(_, error)| error);
        let first = match self.refused.len() + 1 >= enough {
            true => refused.or(self.unproved),
            false => self.unproved.or(refused),
        };
        let nobody = || AskError::Silent("no replica is configured".into());
        first.or(self.silent).unwrap_or_else(nobody)
    }
}
