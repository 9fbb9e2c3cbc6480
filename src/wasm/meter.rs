//! A function's body with its charges (rule 4).
//!
//! A *block* is a stretch of operators that is entered only at its start. Its cost is taken from the
//! counter when it is entered; the counter is compared with its floor at function entry and at loop heads,
//! so a run overshoots by at most the straight code between two such places. Operations whose work
//! depends on a length take that too, and compare before they start.
//!
//! A function keeps the counter in a local, which a register holds, and stores it whenever it changes, so that
//! a trap leaves it exact; it reads it back after calls alone. A load after each store would make every
//! block wait for the one before.
//!
//! A function that counts its stack takes its charge at entry and gives it back at its only exit: the
//! body becomes a block, `return` a branch to its end.

use super::InvalidModule;
use super::cost;
use super::instrument::{Added, encoding};
use super::lower::{Lowering, Narrowed};
use super::nan;
use super::parsed::Parsed;
use super::stack::Charge;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{BlockType, Function, Instruction, ValType};
use wasmparser::{FunctionBody, Operator};

/// The type of a block that ends with the results of a function of type `ty`.
pub fn result_type(parsed: &Parsed<'_>, added: &Added, ty: u32) -> Result<BlockType, InvalidModule> {
    let results = parsed.types.get(ty as usize).map_or(&[][..], |ty| ty.results());
    match (results, added.result_types.get(&ty)) {
        (_, Some(several)) => Ok(BlockType::FunctionType(*several)),
        ([one], None) => Ok(BlockType::Result(RoundtripReencoder.val_type(*one).map_err(encoding)?)),
        _ => Ok(BlockType::Empty),
    }
}

/// `body` with its charges.
pub fn function(
    added: &Added,
    body: &FunctionBody<'_>,
    params: u32,
    results: BlockType,
    charge: Charge,
) -> Result<Function, InvalidModule> {
    let mut locals = Vec::new();
    let mut count = params;
    for local in body.get_locals_reader()? {
        let (number, ty) = local?;
        locals.push((number, RoundtripReencoder.val_type(ty).map_err(encoding)?));
        count = count.saturating_add(number);
    }
    locals.extend([(1, ValType::I64), (1, ValType::I32), (2, ValType::I64)]);
    locals.extend(nan::LOCALS);
    locals.extend(added.lowering.locals());
    let mut function = Function::new(locals);
    let meter = Meter::new(added, count);
    meter.load(&mut function);
    if let Some(bytes) = charge {
        meter.enter(&mut function, bytes, results);
    }
    Walk::new(meter, &added.lowering, charge.is_some(), &mut function).body(body)?;
    if charge.is_some() {
        meter.leave(&mut function);
    }
    Ok(function)
}

/// How many locals [`Meter`] uses, and with them those of [`nan::LOCALS`].
const METER_LOCALS: u32 = 4;
const SCRATCH_LOCALS: u32 = METER_LOCALS + nan::LOCALS.len() as u32;

/// Writes charges.
#[derive(Clone, Copy)]
pub struct Meter {
    counter: u32,
    stack: u32,
    floor: u32,
    /// Four locals that no code of the module uses: the counter (i64), a length (i32), the stack as it was at
    /// entry (i64), which its exit restores without waiting for what callees stored, and one for the moment (i64).
    scratch: u32,
}

impl Meter {
    /// The function has `locals` locals before the scratch ones.
    pub fn new(added: &Added, locals: u32) -> Meter {
        Meter { counter: added.counter, stack: added.stack, floor: added.floor, scratch: locals }
    }

    /// Reads the counter: at the function's start, and after others may have changed it.
    pub fn load(&self, function: &mut Function) {
        function
            .instruction(&Instruction::GlobalGet(self.counter))
            .instruction(&Instruction::LocalSet(self.scratch));
    }

    /// Takes `cost` from the counter; `compare`: and stops below the floor.
    pub fn charge(&self, function: &mut Function, cost: u64, compare: bool) {
        function
            .instruction(&Instruction::LocalGet(self.scratch))
            .instruction(&Instruction::I64Const(cost as i64))
            .instruction(&Instruction::I64Sub)
            .instruction(&Instruction::LocalTee(self.scratch))
            .instruction(&Instruction::GlobalSet(self.counter));
        if compare {
            self.compare(function);
        }
    }

    /// Takes the i32 length on top of the stack, shifted left, from the counter; leaves it there.
    fn charge_length(&self, function: &mut Function, shift: i64) {
        let length = self.scratch + 1;
        function
            .instruction(&Instruction::LocalSet(length))
            .instruction(&Instruction::LocalGet(self.scratch))
            .instruction(&Instruction::LocalGet(length))
            .instruction(&Instruction::I64ExtendI32U)
            .instruction(&Instruction::I64Const(shift))
            .instruction(&Instruction::I64Shl)
            .instruction(&Instruction::I64Sub)
            .instruction(&Instruction::LocalTee(self.scratch))
            .instruction(&Instruction::GlobalSet(self.counter));
        self.compare(function);
        function.instruction(&Instruction::LocalGet(length));
    }

    fn compare(&self, function: &mut Function) {
        function
            .instruction(&Instruction::LocalGet(self.scratch))
            .instruction(&Instruction::GlobalGet(self.floor))
            .instruction(&Instruction::I64LtS)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::Unreachable)
            .instruction(&Instruction::End);
    }

    fn enter(&self, function: &mut Function, bytes: u64, results: BlockType) {
        let (entry, moment) = (self.scratch + 2, self.scratch + 3);
        function
            .instruction(&Instruction::GlobalGet(self.stack))
            .instruction(&Instruction::LocalTee(entry))
            .instruction(&Instruction::I64Const(bytes as i64))
            .instruction(&Instruction::I64Sub)
            .instruction(&Instruction::LocalTee(moment))
            .instruction(&Instruction::GlobalSet(self.stack))
            .instruction(&Instruction::LocalGet(moment))
            .instruction(&Instruction::I64Const(0))
            .instruction(&Instruction::I64LtS)
            .instruction(&Instruction::If(BlockType::Empty))
            .instruction(&Instruction::Unreachable)
            .instruction(&Instruction::End)
            .instruction(&Instruction::Block(results));
    }

    fn leave(&self, function: &mut Function) {
        function
            .instruction(&Instruction::LocalGet(self.scratch + 2))
            .instruction(&Instruction::GlobalSet(self.stack))
            .instruction(&Instruction::End);
    }
}

/// The walk over a body: collects a block, writes its charge, then the block.
struct Walk<'f, 'a> {
    meter: Meter,
    lowering: &'f Lowering,
    function: &'f mut Function,
    /// Whether the body is wrapped in a block, so that `return` becomes a branch.
    wrapped: bool,
    /// Control constructs around the current operator; whether a branch leads to their end.
    labels: Vec<Label>,
    block: Vec<Operator<'a>>,
    /// Whether the current block starts where the counter is compared.
    compare: bool,
}

struct Label {
    is_loop: bool,
    is_if: bool,
    targeted: bool,
}

impl<'f, 'a> Walk<'f, 'a> {
    fn new(meter: Meter, lowering: &'f Lowering, wrapped: bool, function: &'f mut Function) -> Walk<'f, 'a> {
        Walk { meter, lowering, function, wrapped, labels: Vec::new(), block: Vec::new(), compare: true }
    }

    fn body(mut self, body: &FunctionBody<'a>) -> Result<(), InvalidModule> {
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let operator = operators.read()?;
            let ends = self.ends_block(&operator);
            let is_loop = matches!(operator, Operator::Loop { .. });
            self.block.push(operator);
            if ends {
                self.flush()?;
                self.compare = is_loop;
            }
        }
        self.flush()
    }

    /// Keeps the labels, and says whether a new block starts after `operator`.
    fn ends_block(&mut self, operator: &Operator<'_>) -> bool {
        use Operator::*;
        match operator {
            Block { .. } => self.open(false, false),
            Loop { .. } => return self.opened(true, false),
            If { .. } => return self.opened(false, true),
            End => {
                return self.labels.pop().is_none_or(|label| label.is_if || label.targeted);
            }
            Br { relative_depth } | BrIf { relative_depth } => self.target(*relative_depth),
            BrTable { targets } => {
                targets.targets().flatten().chain([targets.default()]).for_each(|depth| self.target(depth));
            }
            _ => {}
        }
        matches!(operator, Else | Br { .. } | BrIf { .. } | BrTable { .. } | Return | Unreachable)
    }

    fn open(&mut self, is_loop: bool, is_if: bool) {
        self.labels.push(Label { is_loop, is_if, targeted: false });
    }

    fn opened(&mut self, is_loop: bool, is_if: bool) -> bool {
        self.open(is_loop, is_if);
        true
    }

    fn target(&mut self, depth: u32) {
        let at = self.labels.len().checked_sub(depth as usize + 1);
        if let Some(label) = at.and_then(|at| self.labels.get_mut(at)) {
            label.targeted |= !label.is_loop;
        }
    }

    /// Writes the collected block behind its charge.
    fn flush(&mut self) -> Result<(), InvalidModule> {
        let cost: u64 = self.block.iter().map(cost::operator).sum();
        if cost > 0 || self.compare {
            self.meter.charge(self.function, cost, self.compare);
        }
        self.compare = false;
        let block = std::mem::take(&mut self.block);
        for (at, operator) in block.iter().enumerate() {
            self.write(operator)?;
            let rest = block.get(at + 1..).unwrap_or_default();
            nan::canonical(self.function, operator, rest, self.meter.scratch + METER_LOCALS);
        }
        Ok(())
    }

    fn write(&mut self, operator: &Operator<'a>) -> Result<(), InvalidModule> {
        let (meter, scratch) = (self.meter, self.meter.scratch);
        let (moment, locals) = (scratch + METER_LOCALS - 1, scratch + SCRATCH_LOCALS);
        self.lowering.before(self.function, operator, moment, locals, |function| {
            if let Some(shift) = length_shift(operator) {
                meter.charge_length(function, shift);
            }
        });
        let instruction = match operator {
            // A return ends its block, so the labels now are those around it.
            Operator::Return if self.wrapped => Instruction::Br(self.labels.len() as u32),
            operator => Narrowed.instruction(operator.clone()).map_err(encoding)?,
        };
        self.function.instruction(&instruction);
        self.lowering.after(self.function, operator);
        if matches!(operator, Operator::Call { .. } | Operator::CallIndirect { .. }) {
            meter.load(self.function);
        }
        Ok(())
    }
}

/// How the length on top of the stack is charged, if `operator` works through one.
fn length_shift(operator: &Operator<'_>) -> Option<i64> {
    use Operator::*;
    match operator {
        MemoryFill { .. } | MemoryCopy { .. } | MemoryInit { .. } => Some(cost::BULK_BYTE_SHIFT),
        TableFill { .. } | TableCopy { .. } | TableInit { .. } | TableGrow { .. } => {
            Some(cost::BULK_ELEMENT_SHIFT)
        }
        _ => None,
    }
}
