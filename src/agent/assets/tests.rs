//! The room's rules as data.

mod changes;
mod encodings;
mod journal;
mod rules;

use super::encode::{Content, Contents, Encoding, Found};
use super::folder::{self, Asset, Folder, FolderError};
use std::fs;
use std::path::Path;

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("written");
    }
}

/// Reads a folder with these files.
fn read(files: &[(&str, &str)]) -> Result<Folder, FolderError> {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), files);
    folder::read(root.path())
}

/// The only asset of a folder that has this file and this configuration.
fn asset(name: &str, config: &str) -> Asset {
    let folder = read(&[(name, "content"), (".ic-assets.json5", config)]).expect("a folder");
    folder.assets.into_iter().next().expect("an asset")
}

/// Contents of which nothing is known but a number.
fn contents(of: &[(Encoding, u8)]) -> Contents {
    let found = |number: u8| {
        let content = Content { sha256: [number; 32], length: u64::from(number) };
        Found { content, whole: None }
    };
    of.iter().map(|(encoding, number)| (*encoding, found(*number))).collect()
}
