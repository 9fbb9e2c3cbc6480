//! What fills the apps: Node scripts among the apps' sources, which run while the network is used.
//!
//! 1. They begin when `DIR/status.json` is there, side by side. What they say is shown and is in `DIR/NAME-seed.log`.
//! 2. One that ended well is named in `DIR/seeded.json` and runs no more. One that was stopped or failed goes on at the
//!    next start: scripts make nothing twice.
//! 3. One that cannot run leaves its app empty and usable. Why is shown, and the network goes on.

use super::process::{Process, describe, stop_all};
use crate::cli::file::write_atomically;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Apps that are filled; the script is `NAME/seed/seed.mjs` in the sources' folder.
const SEEDS: &[&str] = &["clips", "guild"];
const STOP_DEADLINE: Duration = Duration::from_secs(2);
/// What is shown of a log at a time.
const NEWS_BYTES_MAX: u64 = 64 * 1024;

/// The scripts of a network.
#[derive(Default)]
pub struct Seeds {
    dir: PathBuf,
    done: BTreeSet<String>,
    running: Vec<Seed>,
}

struct Seed {
    name: &'static str,
    process: Process,
    news: News,
}

impl Seeds {
    /// Starts the scripts in `sources` that have not ended well before.
    ///
    /// # Errors
    /// The record of those that have cannot be read.
    pub fn start(dir: &Path, sources: &Path) -> io::Result<Seeds> {
        let mut seeds = Seeds { dir: dir.to_path_buf(), done: recorded(dir)?, running: Vec::new() };
        for name in SEEDS.iter().copied().filter(|name| !seeds.done.contains(*name)).collect::<Vec<_>>() {
            match Seed::start(name, dir, &sources.join(name).join("seed")) {
                Ok(seed) => seeds.running.push(seed),
                Err(why) => eprintln!("{name} stays empty: {why}"),
            }
        }
        Ok(seeds)
    }

    /// Shows what the scripts say, and notices those that end.
    ///
    /// # Errors
    /// What the file system says.
    pub fn watch(&mut self) -> io::Result<()> {
        for mut seed in std::mem::take(&mut self.running) {
            let status = seed.process.finished();
            print!("{}", seed.news.next()?);
            match status {
                None => self.running.push(seed),
                Some(status) if status.success() => {
                    self.done.insert(seed.name.to_string());
                    record(&self.dir, &self.done)?;
                }
                Some(status) => eprintln!(
                    "{} is not filled ({}), see above or {}; the next start goes on",
                    seed.name,
                    describe(status),
                    seed.process.log.display()
                ),
            }
        }
        Ok(())
    }

    /// Ends the scripts.
    pub async fn stop(&mut self) {
        let mut processes: Vec<Process> = self.running.drain(..).map(|seed| seed.process).collect();
        stop_all(&mut processes, STOP_DEADLINE).await;
    }
}

impl Seed {
    /// Starts the script in `folder`; an error is for people.
    fn start(name: &'static str, dir: &Path, folder: &Path) -> Result<Seed, String> {
        let script = folder.join("seed.mjs");
        if !script.is_file() {
            return Err(format!(
                "{} is not there; --seeds names the folder of the sources",
                script.display()
            ));
        }
        if !folder.join("node_modules").is_dir() {
            return Err(format!("its seed has no packages: npm ci --prefix {}", folder.display()));
        }
        let log = dir.join(format!("{name}-seed.log"));
        let news = News::of(&log);
        let status = dir.join("status.json");
        let args = vec![script.display().to_string(), "--status".into(), status.display().to_string()];
        let process = Process::run(format!("the seed of {name}"), "node".into(), log, args);
        let process = process.map_err(|error| format!("{error}; `make setup-apps` installs Node.js"))?;
        Ok(Seed { name, process, news })
    }
}

/// The lines that a log gets.
struct News {
    log: PathBuf,
    /// Up to here all was shown.
    shown: u64,
}

impl News {
    /// From now on: what is there was shown by an earlier start.
    fn of(log: &Path) -> News {
        News { log: log.to_path_buf(), shown: fs::metadata(log).map_or(0, |found| found.len()) }
    }

    /// The whole lines that were not shown yet.
    fn next(&mut self) -> io::Result<String> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.shown))?;
        let mut bytes = Vec::new();
        file.take(NEWS_BYTES_MAX).read_to_end(&mut bytes)?;
        // A line longer than what is shown at a time is shown in pieces.
        let whole = match bytes.len() as u64 == NEWS_BYTES_MAX {
            true => bytes.len(),
            false => bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1),
        };
        bytes.truncate(whole);
        self.shown += whole as u64;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn recorded(dir: &Path) -> io::Result<BTreeSet<String>> {
    match fs::read(dir.join("seeded.json")) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

fn record(dir: &Path, done: &BTreeSet<String>) -> io::Result<()> {
    write_atomically(&dir.join("seeded.json"), &serde_json::to_vec_pretty(done)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::Write;

    #[test]
    fn only_whole_lines_are_news_and_only_once() {
        let root = tempfile::tempdir().expect("a directory");
        let log = root.path().join("log");
        fs::write(&log, "of an earlier start\n").expect("a file");
        let mut news = News::of(&log);
        let write = |text: &str| {
            let mut file = OpenOptions::new().append(true).open(&log).expect("the log");
            file.write_all(text.as_bytes()).expect("written");
        };
        let mut check = |written: &str, expected: &str| {
            write(written);
            assert_eq!(news.next().expect("news"), expected);
        };
        check("", "");
        check("one\ntw", "one\n");
        check("", "");
        check("o\n", "two\n");
        check(&"x".repeat(NEWS_BYTES_MAX as usize), &"x".repeat(NEWS_BYTES_MAX as usize));
        check("\n", "\n");
    }

    #[test]
    fn a_seed_that_cannot_run_says_what_to_do() {
        let root = tempfile::tempdir().expect("a directory");
        let check = |expected: &str| {
            let error = Seed::start("clips", root.path(), root.path()).err().expect("an error");
            assert!(error.contains(expected), "{error}");
        };
        check("--seeds names the folder");
        fs::write(root.path().join("seed.mjs"), "").expect("a file");
        check("npm ci --prefix");
    }

    #[test]
    fn what_is_filled_is_remembered() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(recorded(root.path()).expect("no file"), BTreeSet::new());
        let all: BTreeSet<String> = SEEDS.iter().map(|name| name.to_string()).collect();
        record(root.path(), &all).expect("a file");
        assert_eq!(recorded(root.path()).expect("the file"), all);
        let seeds = Seeds::start(root.path(), root.path()).expect("nothing to do");
        assert!(seeds.running.is_empty());
    }
}
