//! Random bytes from a seed, the same for ever: SHA-256 over the seed and a counter.

use super::hash::hash_parts;
use crate::types::Digest;
use rand::{CryptoRng, Error, RngCore};
use zeroize::Zeroize;

/// A stream of bytes that nobody can tell from random ones without the seed. Zeroized when dropped.
pub(super) struct SeedStream {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl SeedStream {
    pub fn new(seed: &Digest) -> SeedStream {
        SeedStream { seed: seed.0, counter: 0, block: [0; 32], used: 32 }
    }

    fn next_byte(&mut self) -> u8 {
        if self.used == self.block.len() {
            let counter = self.counter.to_be_bytes();
            self.block = hash_parts("atoll-seed-stream", &[&self.seed, &counter]).0;
            self.counter += 1;
            self.used = 0;
        }
        let byte = self.block[self.used];
        self.used += 1;
        byte
    }
}

impl Drop for SeedStream {
    fn drop(&mut self) {
        self.seed.zeroize();
        self.block.zeroize();
    }
}

impl RngCore for SeedStream {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_be_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        dest.iter_mut().for_each(|byte| *byte = self.next_byte());
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for SeedStream {}
