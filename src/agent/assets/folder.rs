//! The files of a folder that are assets, each with what the rules make of it (rule 1 of the room).

use super::config::{self, Config, ConfigError, Settings};
use super::policy::Policy;
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::path::{Path, PathBuf};

/// Folders whose names begin with a dot and are wanted all the same.
const KNOWN_FOLDERS: [&str; 1] = [".well-known"];
/// More assets than a canister can list in one answer.
const FILES_MAX: usize = 100_000;
const DEPTH_MAX: usize = 64;
/// So many names are told of those that share a fault.
const NAMES_SHOWN: usize = 5;

/// A folder that cannot be uploaded.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{0} is not valid UTF-8, as the names of assets are")]
    Name(PathBuf),
    #[error("{0} has more than {FILES_MAX} files")]
    TooMany(PathBuf),
    #[error("{0} is more than {DEPTH_MAX} folders deep")]
    TooDeep(PathBuf),
    #[error("security_policy \"hardened\" needs headers that harden it; without them: {0}")]
    NotHardened(String),
}

/// A file and what becomes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asset {
    /// Its path in the canister.
    pub key: String,
    pub path: PathBuf,
    pub bytes: u64,
    pub media_type: String,
    pub settings: Settings,
}

/// What a folder holds.
#[derive(Default, Debug)]
pub struct Folder {
    /// By key.
    pub assets: Vec<Asset>,
    /// What its author may have meant otherwise.
    pub warnings: Vec<String>,
}

/// Reads a folder with its rules.
///
/// # Errors
/// [`FolderError`].
pub fn read(root: &Path) -> Result<Folder, FolderError> {
    let mut walk = Walk { root, configs: Vec::new(), found: Folder::default() };
    walk.enter(root, 0)?;
    let mut found = walk.found;
    found.assets.sort_by(|one, other| one.key.cmp(&other.key));
    judge_policies(&mut found)?;
    Ok(found)
}

struct Walk<'a> {
    root: &'a Path,
    /// Of the folders around the one that is read, the outermost first.
    configs: Vec<Config>,
    found: Folder,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &Path, depth: usize) -> Result<(), FolderError> {
        if depth > DEPTH_MAX {
            return Err(FolderError::TooDeep(folder.to_path_buf()));
        }
        let config = Config::read(folder)?;
        let configured = config.is_some();
        self.configs.extend(config);
        for (entry, kind) in entries(folder)? {
            self.take(&entry, kind, depth)?;
        }
        if configured {
            let done = self.configs.pop();
            self.found.warnings.extend(done.iter().flat_map(Config::unused));
        }
        Ok(())
    }

    fn take(&mut self, entry: &DirEntry, kind: FileType, depth: usize) -> Result<(), FolderError> {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_str().ok_or_else(|| FolderError::Name(path.clone()))?;
        if config::NAMES.contains(&name) {
            return Ok(());
        }
        let settings = config::settings(&mut self.configs, &path);
        if !is_included(name, kind, &settings) {
            return Ok(());
        }
        if kind.is_dir() {
            return self.enter(&path, depth + 1);
        }
        if !kind.is_file() {
            self.found.warnings.push(format!("{} is no file of its own and is left out", path.display()));
            return Ok(());
        }
        if self.found.assets.len() == FILES_MAX {
            return Err(FolderError::TooMany(self.root.to_path_buf()));
        }
        let bytes =
            entry.metadata().map_err(|source| FolderError::Read { path: path.clone(), source })?.len();
        let key = key(self.root, &path)?;
        let media_type = mime_guess::from_path(&path).first_or_octet_stream().to_string();
        self.found.assets.push(Asset { key, path, bytes, media_type, settings });
        Ok(())
    }
}

/// What stands in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<(DirEntry, FileType)>, FolderError> {
    let read = || {
        let entries = fs::read_dir(folder)?.map(|entry| {
            let entry = entry?;
            let kind = entry.file_type()?;
            Ok((entry, kind))
        });
        entries.collect::<io::Result<Vec<_>>>()
    };
    let mut entries = read().map_err(|source| FolderError::Read { path: folder.to_path_buf(), source })?;
    entries.sort_by_key(|(entry, _)| entry.file_name());
    Ok(entries)
}

fn is_included(name: &str, kind: FileType, settings: &Settings) -> bool {
    let known = kind.is_dir() && KNOWN_FOLDERS.contains(&name);
    match settings.ignore {
        Some(ignored) => !ignored,
        None => known || !name.starts_with('.'),
    }
}

fn key(root: &Path, path: &Path) -> Result<String, FolderError> {
    let wrong = || FolderError::Name(path.to_path_buf());
    let mut key = String::new();
    for part in path.strip_prefix(root).map_err(|_| wrong())?.components() {
        key.push('/');
        key.push_str(part.as_os_str().to_str().ok_or_else(wrong)?);
    }
    Ok(key)
}

fn judge_policies(folder: &mut Folder) -> Result<(), FolderError> {
    let keys = |wanted: &dyn Fn(&Settings) -> bool| {
        let keys = folder.assets.iter().filter(|asset| wanted(&asset.settings)).map(|asset| &*asset.key);
        keys.collect::<Vec<_>>()
    };
    let soft = keys(&Settings::is_not_hardened);
    if !soft.is_empty() {
        return Err(FolderError::NotHardened(named(&soft)));
    }
    let without = keys(&|it| it.security_policy.is_none() && !it.disable_security_policy_warning);
    let standard =
        keys(&|it| it.security_policy == Some(Policy::Standard) && !it.disable_security_policy_warning);
    let mut warnings = Vec::new();
    if !without.is_empty() {
        warnings.push(format!(
            "no security policy for {} (`{{ match: \"**/*\", security_policy: \"standard\" }}` in .ic-assets.json5 sets \
             one, `disable_security_policy_warning: true` ends this warning)",
            named(&without)
        ));
    }
    if !standard.is_empty() {
        warnings.push(format!(
            "the standard security policy for {}: headers of your own and \"hardened\" protect better \
             (`disable_security_policy_warning: true` ends this warning)",
            named(&standard)
        ));
    }
    folder.warnings.extend(warnings);
    Ok(())
}

/// A few of the names, and how many more there are.
fn named(keys: &[&str]) -> String {
    let shown = keys[..keys.len().min(NAMES_SHOWN)].join(", ");
    match keys.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
