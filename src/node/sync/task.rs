//! What is to be asked for, and whom.

use crate::state::transfer::{Item, PageName};
use crate::types::limits::{MODULE_BYTES_MAX, STATE_PART_BYTES};
use crate::types::{CanisterId, Digest, NodeIndex};
use serde_bytes::ByteBuf;
use std::time::Instant;

/// Something to be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Task {
    pub what: What,
    /// The only peer that may be asked: it sent the parts before in this sequence (`fetch`, rule 3).
    pub only: Option<NodeIndex>,
    /// When the first part of the sequence was asked for.
    pub since: Option<Instant>,
}

/// A part of a state, and what is there of the parts that belong together with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    Head,
    Records {
        column: u8,
        after: Option<Vec<u8>>,
    },
    Module {
        hash: Digest,
        /// Of all slices, as the first one said.
        total: u64,
        got: Vec<u8>,
    },
    Chunk {
        canister: CanisterId,
        hash: Digest,
    },
    Digests {
        after: Option<PageName>,
    },
    Pages(Vec<(PageName, Digest)>),
}

impl What {
    /// Adds a slice to a module; `false` if it is not what an honest peer sends: as much as there is, or as much as a part
    /// holds, of a module whose size stays what it was.
    pub fn add_slice(&mut self, named: u64, bytes: &[u8]) -> bool {
        let What::Module { total, got, .. } = self else {
            return false;
        };
        if got.is_empty() {
            *total = named;
        }
        let rest = total.saturating_sub(got.len() as u64);
        let is_full = bytes.len() as u64 == rest.min(STATE_PART_BYTES as u64);
        if named != *total || *total > MODULE_BYTES_MAX as u64 || rest == 0 || !is_full {
            return false;
        }
        got.extend_from_slice(bytes);
        true
    }
}

impl Task {
    /// A task of which any peer may be asked.
    pub fn new(what: What) -> Task {
        Task { what, only: None, since: None }
    }

    /// All of the module.
    pub fn module(hash: Digest) -> Task {
        Task::new(What::Module { hash, total: 0, got: Vec::new() })
    }

    /// What a peer is asked.
    pub fn item(&self) -> Item {
        match &self.what {
            What::Head => Item::Head,
            What::Records { column, after } => {
                Item::Records { column: *column, after: after.clone().map(ByteBuf::from) }
            }
            What::Module { hash, got, .. } => Item::Module { hash: *hash, offset: got.len() as u64 },
            What::Chunk { canister, hash } => Item::Chunk { canister: *canister, hash: *hash },
            What::Digests { after } => Item::Digests { after: *after },
            What::Pages(pages) => Item::Pages { pages: pages.iter().map(|(name, _)| *name).collect() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_in_full_slices_of_one_size_or_not_at_all() {
        let full = vec![7; STATE_PART_BYTES];
        let total = full.len() as u64 + 3;
        let begun = || {
            let mut what = Task::module(Digest::ZERO).what;
            assert!(what.add_slice(total, &full));
            what
        };
        let mut whole = begun();
        assert!(whole.add_slice(total, &[1, 2, 3]));
        assert!(!whole.add_slice(total, &[4]), "there is no more");
        for (named, slice) in
            [(total, &[1][..]), (total, &[]), (total, &[1, 2, 3, 4]), (total + 1, &[1, 2, 3, 4])]
        {
            assert!(!begun().add_slice(named, slice), "{named} {slice:?}");
        }
        let mut fresh = Task::module(Digest::ZERO).what;
        let huge = MODULE_BYTES_MAX as u64 + 1;
        assert!(
            !fresh.add_slice(total, &full[1..]) && !fresh.add_slice(huge, &full) && !fresh.add_slice(0, &[])
        );
    }
}
