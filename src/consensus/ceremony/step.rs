//! The steps by number, what is signed for each, and the seed on disk.

use crate::types::{CeremonyStep, ChainId};
use zeroize::Zeroizing;

/// Steps 1 to 4, which every node says once.
pub(super) const STEPS: [&str; 4] = ["commit", "deal", "keys", "agree"];
pub(super) const COMMIT: usize = 0;
pub(super) const DEAL: usize = 1;
pub(super) const KEYS: usize = 2;
pub(super) const AGREE: usize = 3;
const DONE: usize = 4;

/// Domain of every signature here.
pub(super) const DOMAIN: &str = "atoll-ceremony";

/// First byte of the persisted seed.
const FORMAT: u8 = 1;

pub(super) fn step_of(step: &CeremonyStep) -> usize {
    match step {
        CeremonyStep::Commit(_) => COMMIT,
        CeremonyStep::Deal(_) => DEAL,
        CeremonyStep::Keys(_) => KEYS,
        CeremonyStep::Agree(_) => AGREE,
        CeremonyStep::Done(_) => DONE,
    }
}

/// Chain, step, content.
pub(super) fn signed_bytes(chain: &ChainId, step: &CeremonyStep) -> Vec<u8> {
    let content: &[u8] = match step {
        CeremonyStep::Commit(digest) | CeremonyStep::Agree(digest) => &digest.0,
        CeremonyStep::Deal(bytes) | CeremonyStep::Keys(bytes) | CeremonyStep::Done(bytes) => bytes,
    };
    [&chain.0[..], &[step_of(step) as u8], content].concat()
}

pub(super) fn encode_seed(chain: &ChainId, seed: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([&[FORMAT][..], &chain.0, seed].concat())
}

pub(super) fn decode_seed(bytes: &[u8], chain: &ChainId) -> Option<Zeroizing<[u8; 32]>> {
    let seed = bytes.strip_prefix(&[FORMAT])?.strip_prefix(&chain.0)?;
    seed.try_into().ok().map(Zeroizing::new)
}
