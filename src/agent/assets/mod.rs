//! Makes the contents of an asset canister those of a folder: `atoll assets sync`. The canister is any that has the
//! interface of `ic-certified-assets`, and rules are read as `ic-asset` (dfx, icp-cli) reads them (docs/adr/0023).
//!
//! 1. **Files.** An asset's key is its path below the folder. What begins with a dot is left out, `.well-known` and
//!    what the rules want excepted; a folder that is left out is not looked into. Links are left out, with a warning.
//! 2. **Rules.** `.ic-assets.json5` (or `.json`) holds for its folder and those below. All rules that match a path
//!    count, outer folders' first, and later ones override; headers add up until one says `null`.
//! 3. **Patterns** are globs relative to the rule's folder, in which `*` also spans `/`.
//! 4. **Encodings.** Text, scripts and the like of a kilobyte or more are also kept as gzip if that is shorter, and as
//!    Brotli if that is a twentieth shorter than gzip. Encodings that a rule names are kept if they are shorter than
//!    the file, or whatever they are if the file itself is not among them.
//! 5. **Unchanged** is what has the hash that the canister lists. An encoding that was set in the same message as a
//!    file that is unchanged is not made again.
//! 6. **Memory.** A file is read in pieces; of a content that is more than one piece none is kept.
//! 7. **Changes.** New assets go first, then those that change, then those that end, so that whatever a page names is
//!    there when the page is. All of one asset is done in one message.
//! 8. **Commits.** All contents are sent before anything changes, unless the canister's limits, or a gigabyte, call for
//!    several batches. One commit makes up to 500 operations; a folder of which less changes, changes at once.
//! 9. **Calls** are made side by side, up to a bound, and sent again with the same signature while nobody answers.
//! 10. **Interruptions.** Pieces that the canister has are written down as calls are answered. The next upload takes
//!     the batch up again if the canister still has it: it throws it away when, five minutes after the last piece,
//!     somebody begins another.

mod canister;
mod config;
mod encode;
pub mod folder;
mod journal;
mod plan;
mod policy;
mod stage;
mod wire;

#[cfg(test)]
mod tests;

use super::Client;
use crate::types::Principal;
use canister::{AssetCanister, CallError, KNOWN_BYTES_MAX};
use encode::{ContentError, Contents};
use folder::{Asset, Folder};
use futures::StreamExt;
use journal::{Journal, JournalError};
use plan::{Change, Kind};
use stage::Stage;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use wire::{Properties, Remote};

/// Files that are read and compressed at once.
const FILES_PARALLEL: usize = 4;
/// Queries on their way at once.
const QUERIES_PARALLEL: usize = 32;

/// Why an upload failed. What it sent is not lost, unless the canister refused it.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(
        "{key} is {bytes} bytes in {pieces} pieces: more than the canister takes in one batch (`get_configuration`)"
    )]
    TooLarge { key: String, bytes: u64, pieces: u64 },
    #[error("the folder has no files: everything in the canister would be deleted; --keep keeps it")]
    Empty,
    #[error("a task ended: {0}")]
    Task(String),
}

/// What is wanted of an upload.
#[derive(Clone, Debug)]
pub struct Options {
    /// Assets that the folder does not have are deleted.
    pub delete: bool,
    /// Nothing is sent.
    pub dry_run: bool,
    /// Where pieces that were sent are written down.
    pub journal: PathBuf,
}

/// How far an upload is, and what it did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    pub files: usize,
    pub files_read: usize,
    pub bytes: u64,
    pub bytes_read: u64,
    pub new: usize,
    pub changed: usize,
    pub deleted: usize,
    /// Sent by this upload.
    pub sent_bytes: u64,
    /// Sent by an earlier one that was interrupted.
    pub resumed_bytes: u64,
    pub commits: usize,
}

/// Counts, and who watches them.
pub struct Progress<'a> {
    pub counts: Counts,
    watch: &'a mut (dyn FnMut(&Counts) + Send),
    tell: &'a mut (dyn FnMut(&Told) + Send),
}

/// What happens to an asset, told as it is found out.
pub struct Told<'a> {
    pub key: &'a str,
    /// `+`, `~` or `-`.
    pub sign: char,
    pub bytes: u64,
}

impl<'a> Progress<'a> {
    pub fn new(
        watch: &'a mut (dyn FnMut(&Counts) + Send),
        tell: &'a mut (dyn FnMut(&Told) + Send),
    ) -> Progress<'a> {
        Progress { counts: Counts::default(), watch, tell }
    }

    fn show(&mut self) {
        (self.watch)(&self.counts);
    }

    fn note(&mut self, change: &Change) {
        let (count, sign) = match change.kind {
            Kind::New => (&mut self.counts.new, '+'),
            Kind::Changed => (&mut self.counts.changed, '~'),
            Kind::Deleted => (&mut self.counts.deleted, '-'),
        };
        *count += 1;
        (self.tell)(&Told { key: &change.key, sign, bytes: change.bytes() });
    }
}

/// Makes the canister's assets those of the folder.
///
/// # Errors
/// [`SyncError`].
pub async fn sync(
    client: Arc<Client>,
    canister: Principal,
    folder: Folder,
    options: &Options,
    progress: &mut Progress<'_>,
) -> Result<(), SyncError> {
    // Taken before anything is looked at: nobody else of this machine changes the canister meanwhile.
    let journal = (!options.dry_run).then(|| Journal::open(&options.journal)).transpose()?;
    let canister = AssetCanister::new(client, canister).await?;
    let remotes = canister.list().await?;
    if options.delete && folder.assets.is_empty() && !remotes.is_empty() {
        return Err(SyncError::Empty);
    }
    let properties = properties(&canister, &folder, &remotes).await?;
    let obsolete = obsolete(&folder, &remotes);
    let mut stage = journal.map(|journal| Stage::new(&canister, journal));
    progress.counts.files = folder.assets.len();
    progress.counts.bytes = folder.assets.iter().map(|asset| asset.bytes).sum();
    progress.show();
    let mut read = futures::stream::iter(in_order(folder.assets, &remotes))
        .map(|(asset, remote)| tokio::task::spawn_blocking(move || contents_of(asset, remote)))
        .buffered(FILES_PARALLEL);
    while let Some(done) = read.next().await {
        let (asset, contents) = done.map_err(|error| SyncError::Task(error.to_string()))??;
        let (remote, known) = (remotes.get(&asset.key), properties.get(&asset.key));
        if let Some(change) = plan::change(&asset, &contents, remote, known) {
            progress.note(&change);
            if let Some(stage) = &mut stage {
                stage.take(change, Some((&asset, contents)), progress).await?;
            }
        }
        progress.counts.files_read += 1;
        progress.counts.bytes_read += asset.bytes;
        progress.show();
    }
    for key in obsolete.iter().filter(|_| options.delete) {
        let change = Change::deletion(key);
        progress.note(&change);
        if let Some(stage) = &mut stage {
            stage.take(change, None, progress).await?;
        }
    }
    match &mut stage {
        Some(stage) => stage.commit(progress).await,
        None => Ok(()),
    }
}

fn contents_of(asset: Asset, remote: Option<Remote>) -> Result<(Asset, Contents), ContentError> {
    let contents = encode::contents(&asset, remote.as_ref())?;
    Ok((asset, contents))
}

/// New assets first.
fn in_order(assets: Vec<Asset>, remotes: &BTreeMap<String, Remote>) -> Vec<(Asset, Option<Remote>)> {
    let with = assets.into_iter().map(|asset| {
        let remote = remotes.get(&asset.key).cloned();
        (asset, remote)
    });
    let (new, known): (Vec<_>, Vec<_>) = with.partition(|(_, remote)| remote.is_none());
    new.into_iter().chain(known).collect()
}

/// Keys that the folder does not have.
fn obsolete(folder: &Folder, remotes: &BTreeMap<String, Remote>) -> Vec<String> {
    let here = |key: &&String| folder.assets.binary_search_by(|asset| asset.key.cmp(key)).is_ok();
    remotes.keys().filter(|key| !here(key)).cloned().collect()
}

/// The properties of assets that are here and there.
async fn properties(
    canister: &AssetCanister,
    folder: &Folder,
    remotes: &BTreeMap<String, Remote>,
) -> Result<BTreeMap<String, Properties>, SyncError> {
    let both = folder.assets.iter().map(|asset| &asset.key).filter(|key| remotes.contains_key(*key));
    let both: Vec<String> = both.cloned().collect();
    let mut asked = futures::stream::iter(both)
        .map(|key| async move {
            let properties = canister.properties(&key).await?;
            Ok::<_, CallError>((key, properties))
        })
        .buffer_unordered(QUERIES_PARALLEL);
    let (mut all, mut bytes) = (BTreeMap::new(), 0);
    while let Some(answer) = asked.next().await {
        let (key, properties) = answer?;
        bytes += properties.bytes();
        if bytes > KNOWN_BYTES_MAX {
            return Err(CallError::Endless("get_asset_properties").into());
        }
        all.insert(key, properties);
    }
    Ok(all)
}
