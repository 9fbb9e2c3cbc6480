//! Where an instance keeps its globals: the module's mutable ones, the instruction counter with
//! its floor, and the stack counter. The generated code and the host use the same cells.

use super::Trap;
use crate::state::{Global, HostFailure};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, Ordering};
use wasmer::sys::vm::VMGlobalDefinition;
use wasmer::{GlobalType, Mutability, Type};

/// The cells of one instance, in the order of its globals.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    mutable: Vec<(Type, NonNull<VMGlobalDefinition>)>,
    counter: Option<NonNull<VMGlobalDefinition>>,
    stack: Option<NonNull<VMGlobalDefinition>>,
    floor: Option<NonNull<VMGlobalDefinition>>,
}

// SAFETY: the cells lie in the instance, and whoever uses them holds the instance.
unsafe impl Send for Cells {}
// SAFETY: as above.
unsafe impl Sync for Cells {}

impl Cells {
    /// The cells of an instrumented module: its last three globals are the counters and the floor (`instrument`).
    pub fn new(globals: &[(GlobalType, NonNull<VMGlobalDefinition>)]) -> Result<Cells, HostFailure> {
        let [module @ .., (_, counter), (_, stack), (_, floor)] = globals else {
            return Err(HostFailure("an instance without counters".into()));
        };
        let mutable = module.iter().filter(|(ty, _)| ty.mutability == Mutability::Var);
        Ok(Cells {
            mutable: mutable.map(|(ty, cell)| (ty.ty, *cell)).collect(),
            counter: Some(*counter),
            stack: Some(*stack),
            floor: Some(*floor),
        })
    }

    /// The module's mutable globals.
    pub fn globals(&self) -> Vec<Global> {
        self.mutable.iter().map(|(ty, cell)| read(*ty, *cell)).collect()
    }

    /// Sets the module's mutable globals.
    pub fn set_globals(&self, globals: &[Global]) -> Result<(), HostFailure> {
        if globals.len() != self.mutable.len() {
            let what = format!("{} globals kept for a module of {}", globals.len(), self.mutable.len());
            return Err(HostFailure(what));
        }
        for ((ty, cell), global) in self.mutable.iter().zip(globals) {
            write(*ty, *cell, *global)?;
        }
        Ok(())
    }

    /// Sets how many instructions and how many bytes of stack may be used.
    pub fn allow(&self, instructions: u64, stack: u64) {
        set_i64(self.counter, i64::try_from(instructions).unwrap_or(i64::MAX));
        set_i64(self.stack, i64::try_from(stack).unwrap_or(i64::MAX));
        set_i64(self.floor, 0);
    }

    /// Takes `cost` instructions; `false` when that is more than were left.
    pub fn charge(&self, cost: u64) -> bool {
        let cost = i64::try_from(cost).unwrap_or(i64::MAX);
        let left = self.instructions_left().saturating_sub(cost);
        set_i64(self.counter, left);
        left >= get_i64(self.floor)
    }

    /// Makes a run end at the next place where it compares, as if it had no instructions left.
    pub fn exhaust(&self) {
        set_i64(self.floor, i64::MAX);
    }

    /// Instructions left; negative by what was used too much.
    pub fn instructions_left(&self) -> i64 {
        get_i64(self.counter)
    }

    /// Why the instrumented code stopped, if it was the one that did.
    pub fn exhausted(&self) -> Option<Trap> {
        if get_i64(self.stack) < 0 {
            return Some(Trap::Wasm("stack overflow"));
        }
        (self.instructions_left() < get_i64(self.floor)).then_some(Trap::InstructionLimit)
    }
}

/// The counters are looked at by other threads too (`watch`).
fn atomic<'c>(cell: NonNull<VMGlobalDefinition>) -> &'c AtomicI64 {
    // SAFETY: the cell is aligned, and lives as long as the instance that the caller holds, or has in its watch.
    unsafe { AtomicI64::from_ptr(&raw mut (*cell.as_ptr()).val.i64) }
}

fn get_i64(cell: Option<NonNull<VMGlobalDefinition>>) -> i64 {
    cell.map_or(0, |cell| atomic(cell).load(Ordering::Relaxed))
}

fn set_i64(cell: Option<NonNull<VMGlobalDefinition>>, value: i64) {
    if let Some(cell) = cell {
        atomic(cell).store(value, Ordering::Relaxed);
    }
}

fn read(ty: Type, cell: NonNull<VMGlobalDefinition>) -> Global {
    // SAFETY: as in `get_i64`; every bit pattern is a value of every type here.
    let value = unsafe { &cell.as_ref().val };
    unsafe {
        match ty {
            Type::I32 => Global::I32(value.u32),
            Type::I64 => Global::I64(value.u64),
            Type::F32 => Global::F32(value.u32),
            Type::F64 => Global::F64(value.u64),
            _ => Global::V128(value.u128),
        }
    }
}

fn write(ty: Type, mut cell: NonNull<VMGlobalDefinition>, global: Global) -> Result<(), HostFailure> {
    // SAFETY: as in `set_i64`.
    let value = unsafe { &mut cell.as_mut().val };
    match (ty, global) {
        (Type::I32, Global::I32(bits)) | (Type::F32, Global::F32(bits)) => value.u32 = bits,
        (Type::I64, Global::I64(bits)) | (Type::F64, Global::F64(bits)) => value.u64 = bits,
        (Type::V128, Global::V128(bits)) => value.u128 = bits,
        _ => {
            return Err(HostFailure(format!("a global of type {ty} was kept as {global:?}")));
        }
    }
    Ok(())
}
