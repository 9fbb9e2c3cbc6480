//! `atoll assets …`: the contents of asset canisters.

use super::connection::{Connection, ConnectionError};
use crate::agent::assets::folder::{self, FolderError};
use crate::agent::assets::{self, Counts, Options, Progress, SyncError, Told};
use crate::crypto::hash::sha256;
use crate::types::Principal;
use clap::{Parser, Subcommand};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A person sees no more changes in a second.
const BAR_PAUSE: Duration = Duration::from_millis(100);
/// Where nobody watches, a log shows that it goes on.
const LOG_PAUSE: Duration = Duration::from_secs(10);
const BAR_WIDTH: usize = 24;

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum AssetsError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Sync(#[from] SyncError),
}

/// Pages, scripts and pictures in asset canisters.
#[derive(Parser, Debug)]
pub struct Args {
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Make an asset canister's contents those of a folder. What is there already is not sent, and an upload that
    /// was interrupted goes on where it stopped. `.ic-assets.json5` in the folder and below says which headers,
    /// encodings and aliases files have (docs/developers/assets.md).
    Sync {
        /// The folder.
        dir: PathBuf,
        #[arg(long, value_name = "ID")]
        canister: Principal,
        /// Show what would change, and send nothing.
        #[arg(long)]
        dry_run: bool,
        /// Delete assets that the folder does not have; this is the default.
        #[arg(long, conflicts_with = "keep")]
        delete: bool,
        /// Keep assets that the folder does not have.
        #[arg(long)]
        keep: bool,
    },
}

/// Does what the arguments say and prints the result.
///
/// # Errors
/// [`AssetsError`].
pub async fn run(args: Args) -> Result<(), AssetsError> {
    let Command::Sync { dir, canister, dry_run, delete, keep } = args.command;
    let folder = folder::read(&dir)?;
    folder.warnings.iter().for_each(|warning| eprintln!("warning: {}", printable(warning)));
    let client = Arc::new(args.connection.client().await?);
    let journal = journal_path(&client.root_key(), canister);
    let options = Options { delete: delete || !keep, dry_run, journal };
    let mut bar = Bar::new();
    let mut watch = |counts: &Counts| bar.show(counts);
    let mut tell = |told: &Told<'_>| tell(told, dry_run);
    let mut progress = Progress::new(&mut watch, &mut tell);
    let done = assets::sync(client, canister, folder, &options, &mut progress).await;
    let counts = progress.counts.clone();
    bar.end();
    done?;
    say(&summary(&counts, dry_run));
    Ok(())
}

/// A line on standard output. That nobody reads it any more (`… | head`) is no failure.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Names of files and of a canister's assets are their makers' choice; a terminal would obey what controls it.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter.is_control() {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    shown
}

/// A dry run is for its list.
fn tell(told: &Told<'_>, dry_run: bool) {
    if dry_run {
        let bytes = if told.bytes > 0 { format!(" ({})", size(told.bytes)) } else { String::new() };
        say(&format!("{} {}{bytes}", told.sign, printable(told.key)));
    }
}

fn summary(counts: &Counts, dry_run: bool) -> String {
    let Counts { files, new, changed, deleted, sent_bytes, resumed_bytes, .. } = counts;
    let would = if dry_run { "would be " } else { "" };
    let mut text =
        format!("{files} files: {new} {would}new, {changed} {would}changed, {deleted} {would}deleted");
    if !dry_run {
        text += &format!("; {} sent", size(*sent_bytes));
    }
    if *resumed_bytes > 0 {
        text += &format!(", {} were there from an upload that was interrupted", size(*resumed_bytes));
    }
    text
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// Beside what else a user's programs remember; by subnet, since each counts its canisters from one.
fn journal_path(root_key: &[u8], canister: Principal) -> PathBuf {
    let given = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let state = given("XDG_STATE_HOME").or_else(|| Some(given("HOME")?.join(".local/state")));
    let subnet = hex::encode(&sha256(root_key).0[..8]);
    let folder = state.unwrap_or_else(std::env::temp_dir).join(Path::new("atoll/assets"));
    folder.join(format!("{subnet}-{canister}.jsonl"))
}

/// One line on standard error that shows how far it is.
struct Bar {
    terminal: bool,
    begun: Instant,
    shown: Option<Instant>,
}

impl Bar {
    fn new() -> Bar {
        Bar { terminal: std::io::stderr().is_terminal(), begun: Instant::now(), shown: None }
    }

    fn show(&mut self, counts: &Counts) {
        let pause = if self.terminal { BAR_PAUSE } else { LOG_PAUSE };
        if self.shown.unwrap_or(self.begun).elapsed() < pause {
            return;
        }
        self.shown = Some(Instant::now());
        let line = line(counts);
        // A broken pipe is no reason to end an upload.
        let _ = match self.terminal {
            true => write!(std::io::stderr(), "\r\x1b[K{line}"),
            false => writeln!(std::io::stderr(), "{line}"),
        };
    }

    fn end(&self) {
        if self.terminal && self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(counts: &Counts) -> String {
    let Counts { files, files_read, bytes, bytes_read, sent_bytes, .. } = counts;
    let percent = bytes_read.saturating_mul(100).checked_div(*bytes).unwrap_or(100).min(100);
    let full = usize::try_from(percent).unwrap_or(100) * BAR_WIDTH / 100;
    let bar = format!("{}{}", "#".repeat(full), ".".repeat(BAR_WIDTH - full));
    format!("[{bar}] {percent:3} %  {files_read} of {files} files, {} sent", size(*sent_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_and_the_summary_say_what_there_is() {
        let counts = Counts { files: 8, files_read: 2, bytes: 400, bytes_read: 100, ..Counts::default() };
        assert_eq!(line(&counts), "[######..................]  25 %  2 of 8 files, 0 bytes sent");
        let empty = Counts::default();
        assert!(line(&empty).contains("100 %"));
        let counts = Counts { new: 1, sent_bytes: 1_234_567, resumed_bytes: 4_560, ..counts };
        let expected = "8 files: 1 new, 0 changed, 0 deleted; 1.2 MB sent, 4.5 kB were there from an upload that was \
                        interrupted";
        assert_eq!(summary(&counts, false), expected);
    }

    #[test]
    fn names_do_not_control_a_terminal() {
        assert_eq!(printable("/a b/é.html"), "/a b/é.html");
        assert_eq!(printable("/\u{1b}[2K\n\u{9b}x"), "/\\u{1b}[2K\\n\\u{9b}x");
    }

    #[test]
    fn each_subnet_and_canister_has_a_journal_of_its_own() {
        let (one, other) = (Principal::from_slice(&[1]), Principal::from_slice(&[2]));
        let paths = [journal_path(b"a", one), journal_path(b"a", other), journal_path(b"b", one)];
        assert!(paths[0] != paths[1] && paths[0] != paths[2] && paths[0].is_absolute(), "{paths:?}");
    }
}
