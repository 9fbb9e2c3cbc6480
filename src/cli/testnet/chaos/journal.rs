//! The clients' journal: one line for every call that is sent, and one for every certified answer, on disk before
//! either counts.
//!
//! A line is a JSON object, [`Line`]. It is appended, never changed; a line is believed when it is whole.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use tokio::sync::{mpsc, oneshot};

/// Lines that wait to be written; they go to disk together.
const WAITING_MAX: usize = 1_024;

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Line {
    /// A client is about to send this call.
    Sent { client: usize, request: String, expiry_ns: u64 },
    /// The subnet certified this reply to it.
    Replied(Reply),
    /// The subnet certified that it refuses the call.
    Rejected { client: usize, request: String, why: String },
    /// The call expired and nobody said what became of it.
    Unanswered { client: usize, request: String },
}

/// A certified reply.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reply {
    pub client: usize,
    /// The request id, in hex.
    pub request: String,
    /// Of the call: until then the subnet keeps the reply.
    pub expiry_ns: u64,
    /// What the counter stood at after the call.
    pub value: u64,
    /// The certificate's bytes, in hex.
    pub certificate: String,
}

/// A line on its way to the disk, and who waits for it.
type Entry = (Line, oneshot::Sender<()>);

/// Where lines are handed in.
#[derive(Clone)]
pub struct Journal(mpsc::Sender<Entry>);

/// The journal could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {error}", path = path.display())]
pub struct JournalError {
    path: PathBuf,
    error: io::Error,
}

impl Journal {
    /// Begins a new journal; its thread ends with the last handle.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path) -> Result<Journal, JournalError> {
        let failed = |error| JournalError { path: path.to_path_buf(), error };
        let file = File::create(path).map_err(failed)?;
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let writing = std::thread::Builder::new().name("atoll-journal".into());
        writing.spawn(move || write(file, receiver)).map_err(failed)?;
        Ok(Journal(sender))
    }

    /// Resolves when the line is on disk; false if the disk fails.
    pub async fn write(&self, line: Line) -> bool {
        let (done, written) = oneshot::channel();
        self.0.send((line, done)).await.is_ok() && written.await.is_ok()
    }
}

/// Writes what is there, syncs once, then tells all; ends at the first error, and whoever waits then learns of it.
fn write(mut file: File, mut entries: mpsc::Receiver<Entry>) {
    while let Some(first) = entries.blocking_recv() {
        let mut group = vec![first];
        while let Ok(next) = entries.try_recv() {
            group.push(next);
        }
        let mut bytes = Vec::new();
        for (line, _) in &group {
            if serde_json::to_writer(&mut bytes, line).is_err() {
                return;
            }
            bytes.push(b'\n');
        }
        if let Err(error) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
            eprintln!("chaos: the journal cannot be written: {error}");
            return;
        }
        for (_, done) in group {
            let _ = done.send(());
        }
    }
}

/// Reads all lines, one after the other.
///
/// # Errors
/// The file cannot be read, or a line is none.
pub fn read(path: &Path) -> Result<impl Iterator<Item = Result<Line, JournalError>>, JournalError> {
    let failed = {
        let path = path.to_path_buf();
        move |error| JournalError { path: path.clone(), error }
    };
    let file = File::open(path).map_err(&failed)?;
    let parse = move |line: io::Result<String>| {
        line.and_then(|line| serde_json::from_str(&line).map_err(io::Error::from)).map_err(&failed)
    };
    Ok(BufReader::new(file).lines().map(parse))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::create(&path).unwrap();
        let lines: Vec<Line> = (0..5)
            .map(|client| Line::Unanswered { client, request: "ab".into() })
            .chain([Line::Replied(Reply {
                client: 1,
                request: "cd".into(),
                expiry_ns: 7,
                value: 3,
                certificate: "ef".into(),
            })])
            .collect();
        for line in &lines {
            assert!(journal.write(line.clone()).await);
        }
        let read: Vec<Line> = read(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!(read, lines);
    }

    #[test]
    fn a_line_that_is_none_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, "{\"what\":\"sent\"").unwrap();
        let error = read(&path).unwrap().next().unwrap().unwrap_err();
        assert!(error.to_string().contains("journal"), "{error}");
    }
}
