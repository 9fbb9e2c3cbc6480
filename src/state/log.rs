//! What a canister printed. Lines are records of their own, so that only what was printed or dropped since the
//! last height is written to disk, however long the log is.

use crate::types::Time;
use crate::types::limits::LOG_LINE_OVERHEAD_BYTES;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One line that the canister printed, or the text of a trap.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogRecord {
    pub index: u64,
    pub time: Time,
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

impl LogRecord {
    /// Bytes that the line counts.
    fn bytes(&self) -> u64 {
        (self.content.len() as u64).saturating_add(LOG_LINE_OVERHEAD_BYTES)
    }
}

/// Lines, oldest first, with indices without gaps.
#[derive(Clone, Default)]
pub struct Log {
    first: u64,
    bytes: u64,
    lines: imbl::Vector<Arc<LogRecord>>,
}

impl Log {
    /// The log whose oldest line has the index `first`.
    pub fn restored(first: u64, lines: impl IntoIterator<Item = Arc<LogRecord>>) -> Log {
        let lines: imbl::Vector<Arc<LogRecord>> = lines.into_iter().collect();
        let bytes = lines.iter().map(|line| line.bytes()).sum();
        Log { first, bytes, lines }
    }

    /// Adds a line.
    pub fn push(&mut self, time: Time, content: Vec<u8>) {
        let line = LogRecord { index: self.end(), time, content };
        self.bytes = self.bytes.saturating_add(line.bytes());
        self.lines.push_back(Arc::new(line));
    }

    /// Drops the oldest lines until the rest counts at most `bytes`.
    pub fn trim(&mut self, bytes: u64) {
        while self.bytes > bytes {
            let Some(oldest) = self.lines.pop_front() else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(oldest.bytes());
            self.first = self.first.saturating_add(1);
        }
    }

    /// Drops all lines; indices go on.
    pub fn clear(&mut self) {
        *self = Log { first: self.end(), ..Log::default() };
    }

    /// Bytes that all lines count.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The index of the oldest line, which is that of the next one when there is none.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The index that the next line will get.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.lines.len() as u64)
    }

    /// The line of this index, while it is kept.
    pub fn get(&self, index: u64) -> Option<&Arc<LogRecord>> {
        let place = usize::try_from(index.checked_sub(self.first)?).ok()?;
        self.lines.get(place)
    }

    /// Lines, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<LogRecord>> {
        self.lines.iter()
    }
}
