//! The host's side of one instance: what the System API functions of a run read and write.

use super::call::{Changes, Context, OutgoingCall, System};
use super::cells::Cells;
use super::heap::Heap;
use super::import::Import;
use super::stable::Stable;
use super::{Trap, cost};
use crate::types::limits::{
    CANISTER_LOG_LINE_BYTES_MAX, CYCLES_BYTES, LOG_LINE_OVERHEAD_BYTES, LOG_MEMORY_LIMIT_MAX,
};
use crate::types::{Bytes, Cycles, Instructions};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// The environment of an instance's host functions.
pub struct Host {
    pub heap: Arc<Heap>,
    pub cells: Cells,
    pub run: Run,
}

/// One run's inputs and what it has asked for so far.
pub struct Run {
    pub context: Context,
    pub system: Arc<System>,
    pub instructions_max: Instructions,
    pub stable: Stable,
    pub changes: Changes,
    pub reply: Vec<u8>,
    /// The call under construction, between `call_new` and `call_perform`.
    pub call: Option<OutgoingCall>,
    pub log: Log,
}

/// What a run printed: the last lines that fit.
#[derive(Default)]
pub struct Log {
    lines: VecDeque<Vec<u8>>,
    /// What the lines count, as in the canister's log.
    bytes: u64,
}

impl Log {
    /// Keeps `line`, cut to the limit, and drops the oldest lines that fit into no log.
    pub fn push(&mut self, line: &[u8]) {
        let line = line.get(..CANISTER_LOG_LINE_BYTES_MAX).unwrap_or(line);
        let counted = |line: &[u8]| (line.len() as u64).saturating_add(LOG_LINE_OVERHEAD_BYTES);
        self.bytes = self.bytes.saturating_add(counted(line));
        self.lines.push_back(line.to_vec());
        while self.bytes > LOG_MEMORY_LIMIT_MAX {
            let dropped = self.lines.pop_front();
            self.bytes = self.bytes.saturating_sub(dropped.map_or(0, |line| counted(&line)));
        }
    }

    pub fn into_lines(self) -> Vec<Vec<u8>> {
        self.lines.into()
    }
}

impl Run {
    /// Between runs.
    pub fn idle() -> Run {
        Run {
            context: Context::Start,
            system: Arc::new(System::nobody()),
            instructions_max: Instructions::ZERO,
            stable: Stable::default(),
            changes: Changes::default(),
            reply: Vec::new(),
            call: None,
            log: Log::default(),
        }
    }
}

impl Host {
    /// A host whose instance does not run yet.
    pub fn idle(heap: Arc<Heap>) -> Host {
        Host { heap, cells: Cells::default(), run: Run::idle() }
    }

    /// The one gate of the System API: charges the call and checks that this context may make it.
    pub fn enter(&mut self, import: &Import) -> Result<(), Trap> {
        self.charge(cost::HOST_CALL)?;
        match import.contexts.contains(self.run.context) {
            true => Ok(()),
            false => {
                let (name, context) = (import.name, self.run.context);
                Err(Trap::contract(format!("\"ic0_{name}\" cannot be executed in {context} mode")))
            }
        }
    }

    /// Takes `cost` instructions from what the run may still use.
    pub fn charge(&mut self, cost: u64) -> Result<(), Trap> {
        match self.cells.charge(cost) {
            true => Ok(()),
            false => Err(Trap::InstructionLimit),
        }
    }

    /// Charges for moving `bytes`.
    pub fn charge_bytes(&mut self, bytes: u64) -> Result<(), Trap> {
        self.charge(bytes.saturating_mul(cost::HOST_BYTE))
    }

    /// Instructions used so far in this run.
    pub fn used(&self) -> Instructions {
        let left = self.cells.instructions_left();
        let max = i128::from(self.run.instructions_max.0);
        Instructions(u64::try_from(max - i128::from(left)).unwrap_or(u64::MAX))
    }

    /// Bytes that the guest hands over, charged by their number.
    pub fn bytes(&mut self, src: u64, size: u64) -> Result<Vec<u8>, Trap> {
        self.heap.read(src, size).ok_or(OUT_OF_BOUNDS)?;
        self.charge_bytes(size)?;
        self.heap.read(src, size).map(<[u8]>::to_vec).ok_or(OUT_OF_BOUNDS)
    }

    /// Copies `blob[offset..offset + size]` to `dst`, charged by the number of bytes.
    pub fn copy_out(&mut self, blob: &[u8], dst: u64, offset: u64, size: u64) -> Result<(), Trap> {
        let range =
            offset.checked_add(size).and_then(|end| Some(offset.try_into().ok()?..end.try_into().ok()?));
        let part = range.and_then(|range: Range<usize>| blob.get(range));
        let part = part.ok_or_else(|| {
            let what = format!("offset {offset} plus size {size} exceed the {} bytes there are", blob.len());
            Trap::contract(what)
        })?;
        self.charge_bytes(size)?;
        self.heap.write(dst, part).ok_or(OUT_OF_BOUNDS)
    }

    /// Writes an amount of cycles to `dst`: 16 bytes, little-endian.
    pub fn put_cycles(&mut self, dst: u64, cycles: Cycles) -> Result<(), Trap> {
        self.charge_bytes(CYCLES_BYTES as u64)?;
        self.heap.write(dst, &cycles.0.to_le_bytes()).ok_or(OUT_OF_BOUNDS)
    }

    /// Takes `bytes` from what the memories may still grow.
    pub fn take_room(&self, bytes: Bytes) -> bool {
        self.heap.take_room(bytes.0)
    }
}

/// A pointer and a length that lead out of the heap.
pub const OUT_OF_BOUNDS: Trap = Trap::Wasm("heap out of bounds");

/// The length of a blob as the guest counts.
pub fn length(blob: &[u8]) -> u64 {
    blob.len() as u64
}

/// An amount from its halves.
pub fn cycles(high: u64, low: u64) -> Cycles {
    Cycles(u128::from(high) << 64 | u128::from(low))
}
