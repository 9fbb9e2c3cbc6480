//! What all seeds together came to: the last line of the command, and the file from which it goes on.

use crate::cli::file::write_atomically;
use crate::sim::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Failures kept with their replay; the others are counted.
const FAILURES_MAX: usize = 100;

/// Which seeds are run, and how.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Task {
    pub profile: String,
    /// The first seed.
    pub from: u64,
    pub heights: u64,
    /// The committee's size, if the seeds do not choose it.
    pub nodes: Option<usize>,
    /// What is switched off.
    pub without: Vec<String>,
}

/// What the seeds done so far came to.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    #[serde(flatten)]
    pub task: Task,
    /// Seeds asked for.
    pub seeds: u64,
    /// So many of them are done, and they are the first.
    pub seeds_done: u64,
    pub heights_done: u64,
    /// Time that all runs took, in seconds.
    pub seconds: f64,
    pub heights_per_second_and_core: u64,
    pub violations: u64,
    pub failing_seed: Option<u64>,
    pub failures: Vec<Failure>,
    /// How often what happened.
    pub tally: BTreeMap<String, u64>,
    /// Over all traces, combined so that the order in which seeds end does not matter.
    pub trace: String,
}

/// A seed that violates an invariant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    pub seed: u64,
    pub violation: String,
    /// The command that shows it again.
    pub replay: String,
}

/// There is a summary, but not one to go on from.
#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    #[error("cannot read {0}: {1}")]
    Read(String, io::Error),
    #[error("{0} is no summary: {1}")]
    Damaged(String, serde_json::Error),
    #[error("{0} sums up other runs: {1:?}")]
    Other(String, Box<Task>),
}

impl Summary {
    /// Of `task` and with nothing done, unless `file` says what was done before.
    ///
    /// # Errors
    /// [`SummaryError`].
    pub fn open(file: Option<&Path>, task: Task, seeds: u64) -> Result<Summary, SummaryError> {
        let before = file.map(read).transpose()?.flatten();
        let before = before.unwrap_or_else(|| Summary { task: task.clone(), ..Summary::default() });
        match file {
            Some(file) if before.task != task => {
                Err(SummaryError::Other(file.display().to_string(), Box::new(before.task)))
            }
            _ => Ok(Summary { seeds, ..before }),
        }
    }

    /// Adds one seed's verdict; `replay` is the command that shows it again.
    pub fn add(&mut self, verdict: &Verdict, replay: impl FnOnce() -> String) {
        self.seeds_done += 1;
        self.heights_done += verdict.height;
        for (name, count) in verdict.tally.rows() {
            *self.tally.entry(name.to_string()).or_default() += count;
        }
        let sum = u64::from_str_radix(&self.trace, 16).unwrap_or_default();
        self.trace = format!("{:016x}", sum ^ verdict.trace.rotate_left((verdict.seed % 64) as u32));
        let Some(violation) = &verdict.violation else { return };
        self.violations += 1;
        self.failing_seed = Some(self.failing_seed.map_or(verdict.seed, |seed| seed.min(verdict.seed)));
        if self.failures.len() < FAILURES_MAX {
            let (seed, violation) = (verdict.seed, violation.to_string());
            self.failures.push(Failure { seed, violation, replay: replay() });
        }
    }

    /// The seeds on all `cores` took so many more seconds.
    pub fn took(&mut self, seconds: f64, cores: usize) {
        self.seconds += seconds;
        let rate = self.heights_done as f64 / self.seconds.max(f64::MIN_POSITIVE) / cores as f64;
        self.heights_per_second_and_core = rate.round() as u64;
    }

    /// One line of JSON.
    pub fn line(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// Replaces `file` with this.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        write_atomically(file, (self.line() + "\n").as_bytes())
    }
}

fn read(file: &Path) -> Result<Option<Summary>, SummaryError> {
    let name = || file.display().to_string();
    match std::fs::read(file) {
        Ok(content) => {
            serde_json::from_slice(&content).map(Some).map_err(|error| SummaryError::Damaged(name(), error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SummaryError::Read(name(), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Scenario, run};

    fn task(heights: u64) -> Task {
        Task { profile: "quiet".into(), from: 1, heights, ..Task::default() }
    }

    #[test]
    fn a_second_run_goes_on_where_the_first_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("soak").join("summary.json");
        let mut first = Summary::open(Some(&file), task(30), 10).unwrap();
        first.add(&run(Scenario::quiet(1, 4, 30)), String::new);
        first.took(0.5, 2);
        first.save(&file).unwrap();
        let second = Summary::open(Some(&file), task(30), 20).unwrap();
        assert_eq!(second, Summary { seeds: 20, ..first });
        assert!(second.seeds_done == 1 && second.heights_done >= 30 && second.tally["calls"] > 0);
    }

    #[test]
    fn the_summary_of_other_runs_is_not_gone_on_from() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("summary.json");
        Summary::open(None, task(30), 10).unwrap().save(&file).unwrap();
        assert!(matches!(Summary::open(Some(&file), task(31), 10), Err(SummaryError::Other(..))));
        std::fs::write(&file, "{").unwrap();
        assert!(matches!(Summary::open(Some(&file), task(30), 10), Err(SummaryError::Damaged(..))));
    }
}
