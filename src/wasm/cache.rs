//! Machine code on disk. A file that is missing, stale or damaged means compiling again, never a
//! failure: the cache may vanish unnoticed (rule 3).
//!
//! A file is named by SHA-256 over the module's hash and the fingerprint of all else that its code depends
//! on, so a changed cost table or another CPU asks for another file. It holds
//! `magic · CRC-32 of the rest · length of head · head (CBOR) · machine code`. The checksum guards against
//! damage; against malice the directory must be the node's own, as its keys are.

use super::compile::{Compiled, Plan, fingerprint, sha256};
use super::facts::ModuleFacts;
use crate::types::Digest;
use crate::types::limits::MODULE_CACHE_BYTES_MAX;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasmer::{Engine, Module};

const MAGIC: &[u8; 8] = b"atollmc1";
const ENDING: &str = "code";

/// A directory of machine code.
pub struct Cache {
    directory: PathBuf,
    fingerprint: Digest,
}

impl Cache {
    /// A cache in `directory`, which is made if it does not exist.
    pub fn new(directory: PathBuf) -> Cache {
        // A directory that cannot be made shows as files that cannot be read or written.
        let _ = fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        Cache { directory, fingerprint: fingerprint() }
    }

    fn path(&self, hash: Digest) -> PathBuf {
        let key = sha256(&[hash.0, self.fingerprint.0].concat());
        self.directory.join(format!("{key}.{ENDING}"))
    }

    /// The module with this hash, if its file is whole.
    pub fn load(&self, engine: &Engine, hash: Digest) -> Option<Compiled> {
        let file = fs::read(self.path(hash)).ok()?;
        let (head, code) = open(&file)?;
        let (facts, plan): (ModuleFacts, Plan) = ciborium::from_reader(head).ok()?;
        if facts.hash != hash {
            return None;
        }
        // SAFETY: the checksum says that these are the bytes that `store` wrote, which came from
        // `Module::serialize` of this very engine version, flags and CPU (the name says so).
        let module = unsafe { Module::deserialize_unchecked(engine, code) }.ok()?;
        Some(Compiled { facts: Arc::new(facts), plan, module })
    }

    /// Keeps `compiled`, atomically, and removes the oldest files beyond the bound.
    pub fn store(&self, compiled: &Compiled) -> io::Result<()> {
        let mut head = Vec::new();
        ciborium::into_writer(&(&*compiled.facts, &compiled.plan), &mut head).map_err(io::Error::other)?;
        let code = compiled.module.serialize().map_err(io::Error::other)?;
        let path = self.path(compiled.facts.hash);
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = fs::File::create(&unfinished).and_then(|mut file| file.write_all(&close(&head, &code)));
        written.and_then(|()| fs::rename(&unfinished, &path)).inspect_err(|_| {
            let _ = fs::remove_file(&unfinished);
        })?;
        self.prune()
    }

    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if entry.path().extension().is_some_and(|ending| ending == ENDING) {
                files.push((about.modified()?, entry.path(), about.len()));
            }
        }
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, _, len)| len).sum();
        let surplus = files.iter().take_while(|(_, _, len)| {
            let over = bytes > MODULE_CACHE_BYTES_MAX;
            bytes = bytes.saturating_sub(*len);
            over
        });
        surplus.map(|(_, path, _)| path).try_for_each(|path: &PathBuf| fs::remove_file::<&Path>(path))
    }
}

fn close(head: &[u8], code: &[u8]) -> Vec<u8> {
    let body = [&(head.len() as u64).to_le_bytes(), head, code].concat();
    [&MAGIC[..], &crc32fast::hash(&body).to_le_bytes(), &body].concat()
}

fn open(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let (checksum, body) = file.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (len, rest) = body.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)
}
