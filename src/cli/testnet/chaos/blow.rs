//! What is done to one replica, and how it is made good again.

use super::disk::{self, SmallDisk};
use super::drive::Driver;
use super::load::Found;
use super::plan::{Blow, Kind};
use crate::cli::file::write_atomically;
use crate::cli::testnet::TestnetError;
use crate::cli::testnet::layout::Place;
use crate::node::Config;
use ic_agent::RequestId;
use rustix::process::Signal;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Where Debian's faketime has its library.
const FAKETIME: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];
/// A replica with a small disk runs after this time, or not at all.
const START: Duration = Duration::from_secs(30);
/// A replica whose disk is full has stopped after this time.
const FULL_DISK_END: Duration = Duration::from_secs(60);
const FILL_AGAIN: Duration = Duration::from_secs(1);
/// Where a small disk is not to be had, files may grow to this.
const NARROW_FILE_BYTES: u64 = 256 << 10;
/// Replies that a replica with flipped bits is asked for.
const QUESTIONS: usize = 4;

/// What the machine offers for faults.
pub struct Offers {
    faketime: Option<PathBuf>,
    small_disks: io::Result<()>,
}

impl Offers {
    /// Tries what there is; `folder` is for trying.
    pub fn find(folder: &Path) -> Offers {
        let faketime = FAKETIME.iter().map(PathBuf::from).find(|path| path.exists());
        Offers { faketime, small_disks: disk::small_disks(folder) }
    }
}

/// What was done, for undoing.
pub enum Struck {
    Down,
    Paused,
    Full(Option<SmallDisk>),
    Damaged,
    Skewed,
    /// The machine does not offer it.
    Skipped,
}

impl Driver<'_> {
    /// Does what `blow` says.
    ///
    /// # Errors
    /// A process cannot be started, or the file system refuses.
    pub async fn strike(&mut self, blow: &Blow) -> Result<Struck, TestnetError> {
        let node = blow.victim;
        let Some(place) = self.places.get(node).cloned() else { return Ok(Struck::Skipped) };
        let faketime = self.offers.faketime.clone();
        if blow.kind == Kind::Skew && faketime.is_none() {
            return Ok(self.skip(blow.kind, "libfaketime is not installed (apt-get install faketime)"));
        }
        self.count(blow.kind);
        if blow.kind == Kind::Pause {
            self.signal(node, Signal::STOP);
            return Ok(Struck::Paused);
        }
        self.kill(node).await;
        Ok(match blow.kind {
            Kind::DiskFull => Struck::Full(self.fill_disk(&place).await?),
            Kind::Wipe => {
                disk::wipe(&place.data())?;
                Struck::Down
            }
            Kind::Flip => {
                let flipped = disk::flip(&place.data(), blow.seed)?;
                self.tell(&format!("   node {node}: flipped {}", flipped.join("; ")));
                self.seen.damaged(node, true);
                self.start(node)?;
                // It may end.
                self.down.insert(node);
                Struck::Damaged
            }
            Kind::Skew => {
                let library = faketime.unwrap_or_default().display().to_string();
                let skew = format!("{:+}s", blow.skew_s);
                self.tell(&format!("   node {node}: its clock is wrong by {skew}"));
                self.environment(
                    node,
                    vec![("LD_PRELOAD", library), ("FAKETIME", skew), ("DONT_FAKE_MONOTONIC", "1".into())],
                );
                self.start(node)?;
                Struck::Skewed
            }
            _ => {
                self.tally.kills.single += 1;
                Struck::Down
            }
        })
    }

    /// Undoes it, and starts the replica if it is down.
    ///
    /// # Errors
    /// A process cannot be started, or the file system refuses.
    pub async fn heal(&mut self, blow: &Blow, struck: Struck) -> Result<(), TestnetError> {
        let node = blow.victim;
        let Some(place) = self.places.get(node).cloned() else { return Ok(()) };
        match struck {
            Struck::Skipped => return Ok(()),
            Struck::Paused => {
                self.signal(node, Signal::CONT);
                return Ok(());
            }
            Struck::Down => {}
            Struck::Full(disk) => {
                if let Some(disk) = disk {
                    disk.move_to(&place.data())?;
                }
                self.configure(node, &place.config(), None);
            }
            Struck::Damaged => {
                self.question(node).await;
                let end = match self.processes.get_mut(node) {
                    Some(process) => process.exit(Duration::ZERO).await,
                    None => None,
                };
                match end {
                    Some(status) => self.judge_end(node, "bits flipped", status),
                    None => *self.tally.ends.entry("bits flipped: went on".into()).or_default() += 1,
                }
                self.kill(node).await;
                disk::wipe(&place.data())?;
                self.seen.damaged(node, false);
            }
            Struck::Skewed => {
                self.kill(node).await;
                self.environment(node, Vec::new());
            }
        }
        Ok(self.start(node)?)
    }

    fn skip(&mut self, kind: Kind, why: &str) -> Struck {
        if self.tally.skipped.insert(kind.name(), why.to_string()).is_none() {
            self.tell(&format!("   SKIPPED {}: {why}", kind.name()));
        }
        Struck::Skipped
    }

    fn signal(&self, node: usize, signal: Signal) {
        if let Some(process) = self.processes.get(node) {
            process.signal(signal);
        }
    }

    fn environment(&mut self, node: usize, variables: Vec<(&str, String)>) {
        if let Some(process) = self.processes.get_mut(node) {
            process.environment = variables.into_iter().map(|(name, value)| (name.into(), value)).collect();
        }
    }

    fn configure(&mut self, node: usize, config: &Path, file_bytes_max: Option<u64>) {
        if let Some(process) = self.processes.get_mut(node) {
            process.args = vec!["replica".into(), "--config".into(), config.display().to_string()];
            process.file_bytes_max = file_bytes_max;
        }
    }

    /// Runs a replica that is down on a disk that is full, and waits for its end.
    async fn fill_disk(&mut self, place: &Place) -> Result<Option<SmallDisk>, TestnetError> {
        let node = place.index;
        let disk = match &self.offers.small_disks {
            Ok(()) => Some(SmallDisk::with_copy_of(&place.data(), &place.dir.join("small-disk"))?),
            Err(_) => None,
        };
        match &disk {
            Some(disk) => {
                let config = small_config(place, disk)?;
                self.configure(node, &config, None);
            }
            None => {
                let Err(why) = &self.offers.small_disks else { return Ok(None) };
                let why = format!("no small disk ({why}); files that may not grow instead");
                self.tally.skipped.insert("tmpfs for disk-full", why);
                self.configure(node, &place.config(), Some(NARROW_FILE_BYTES));
            }
        }
        self.start(node)?;
        self.down.insert(node);
        if disk.is_some() {
            let begun = Instant::now();
            while self.seen.certified(node) == 0 && begun.elapsed() < START {
                sleep(Duration::from_millis(50)).await;
            }
        }
        match self.end_on_full_disk(node, disk.as_ref()).await? {
            Some(status) => self.judge_end(node, "disk full", status),
            None => {
                self.violation(format!("node {node} ran on for {} s on a full disk", FULL_DISK_END.as_secs()))
            }
        }
        self.kill(node).await;
        Ok(disk)
    }

    /// The end of a replica whose disk is full, and filled again when it purges what it needs no longer.
    async fn end_on_full_disk(
        &mut self,
        node: usize,
        disk: Option<&SmallDisk>,
    ) -> Result<Option<ExitStatus>, TestnetError> {
        let begun = Instant::now();
        let Some(process) = self.processes.get_mut(node) else { return Ok(None) };
        while begun.elapsed() < FULL_DISK_END {
            disk.map_or(Ok(()), SmallDisk::fill)?;
            if let Some(status) = process.exit(FILL_AGAIN).await {
                return Ok(Some(status));
            }
        }
        Ok(None)
    }

    /// A replica with flipped bits may fall silent; what it certifies must be right all the same.
    async fn question(&mut self, node: usize) {
        for reply in self.progress.recent(QUESTIONS) {
            let id = hex::decode(&reply.request).ok().and_then(|id| <[u8; 32]>::try_from(id).ok());
            let Some(id) = id else { continue };
            match self.accounts.status(reply.client, node, &RequestId::new(&id)).await {
                Ok(Found::Replied { value, .. }) if value != reply.value => self.violation(format!(
                    "node {node}, bits flipped, certifies {value} for call {}, whose reply was {}",
                    reply.request, reply.value
                )),
                Ok(_) => self.tally.read_again += 1,
                // It is down.
                Err(_) => return,
            }
        }
    }
}

/// The node's configuration with its data on the small disk.
fn small_config(place: &Place, disk: &SmallDisk) -> Result<PathBuf, TestnetError> {
    let config = Config::load(&place.config()).map_err(crate::cli::testnet::layout::LayoutError::from)?;
    let config = Config { data_dir: disk.data(), ..config };
    let path = place.dir.join("small-disk.toml");
    let text = toml::to_string(&config).map_err(crate::cli::testnet::layout::LayoutError::from)?;
    write_atomically(&path, text.as_bytes())?;
    Ok(path)
}
