//! 64-bit memories and tables as 32-bit ones (rule 8): the compiler knows no others.
//!
//! No heap has more than 4 GiB less one Wasm page and no table more than a million elements, so
//! `0xFFFF_FFFF` lies outside of each of them. An address, index or length of 64 bits that does not
//! fit into 32 becomes that number: the operation then traps, or fails, exactly where it would have
//! with 64 bits. Types of functions, blocks, locals and globals stay as they are.

use super::InvalidModule;
use super::instrument::encoding;
use super::parsed::Parsed;
use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder};
use wasm_encoder::{Function, Instruction, RefType, ValType};
use wasmparser::Operator;

/// Beyond the end of every memory and table.
const BEYOND: u32 = u32::MAX;

/// What of a module has 64-bit addresses.
pub struct Lowering {
    memory: bool,
    /// Of each table: whether its indices have 64 bits, and where an element of it is held.
    tables: Vec<(bool, Scratch)>,
}

/// An operand as it lies on the stack.
#[derive(Clone, Copy, PartialEq)]
enum Operand {
    /// 64 bits that become 32.
    Address,
    /// An address to which more is added than 32 bits hold: any of them lies outside.
    Outside,
    Value(Scratch),
}

/// Locals that hold operands while the address below them is changed, in the order they are declared.
#[derive(Clone, Copy, PartialEq)]
enum Scratch {
    /// By place from the top: a length, and what lies below it.
    I32Top,
    I32Below,
    I64,
    F32,
    F64,
    V128,
    Func,
    Extern,
}

const LOCALS: [(u32, ValType); 7] = [
    (2, ValType::I32),
    (1, ValType::I64),
    (1, ValType::F32),
    (1, ValType::F64),
    (1, ValType::V128),
    (1, ValType::Ref(RefType::FUNCREF)),
    (1, ValType::Ref(RefType::EXTERNREF)),
];

impl Lowering {
    pub fn new(parsed: &Parsed<'_>) -> Lowering {
        let table = |table: &wasmparser::Table<'_>| {
            let is_func = table.ty.element_type == wasmparser::RefType::FUNCREF;
            (table.ty.table64, if is_func { Scratch::Func } else { Scratch::Extern })
        };
        Lowering { memory: parsed.is_wide(), tables: parsed.tables.iter().map(table).collect() }
    }

    /// Locals that the functions need besides their own.
    pub fn locals(&self) -> &'static [(u32, ValType)] {
        match self.memory || self.tables.iter().any(|(wide, _)| *wide) {
            true => &LOCALS,
            false => &[],
        }
    }

    /// Whether the indices of a table have 64 bits.
    pub fn table(&self, table: u32) -> bool {
        self.tables.get(table as usize).is_some_and(|(wide, _)| *wide)
    }

    fn reference(&self, table: u32) -> Scratch {
        self.tables.get(table as usize).map_or(Scratch::Func, |(_, element)| *element)
    }

    /// Where an active element segment of `table` begins.
    pub fn table_offset(
        &self,
        table: u32,
        offset: wasmparser::ConstExpr<'_>,
    ) -> Result<wasm_encoder::ConstExpr, InvalidModule> {
        if !self.table(table) {
            return RoundtripReencoder.const_expr(offset).map_err(encoding);
        }
        match offset.get_operators_reader().read()? {
            Operator::I64Const { value } => {
                let start = u32::try_from(value).unwrap_or(BEYOND);
                Ok(wasm_encoder::ConstExpr::i32_const(start.cast_signed()))
            }
            _ => Err(InvalidModule::Unsupported("a segment offset that is no constant".into())),
        }
    }

    /// Writes what comes before `operator`: makes its 64-bit operands 32-bit ones. `charge` is written when
    /// the topmost operand has its final form. Locals from `locals` on are those of [`Lowering::locals`];
    /// `address` is another one, of type i64.
    pub fn before(
        &self,
        function: &mut Function,
        operator: &Operator<'_>,
        address: u32,
        locals: u32,
        charge: impl FnOnce(&mut Function),
    ) {
        let operands = self.operands(operator);
        let lowest = operands.iter().position(|operand| !matches!(operand, Operand::Value(_)));
        let Some(lowest) = lowest else {
            return charge(function);
        };
        let mut charge = Some(charge);
        let mut held = Vec::new();
        for (at, operand) in operands.iter().enumerate().skip(lowest).rev() {
            match operand {
                Operand::Address => narrow(function, address),
                Operand::Outside => outside(function),
                Operand::Value(_) => {}
            }
            if let Some(charge) = charge.take() {
                charge(function);
            }
            if at > lowest {
                let scratch = match operand {
                    Operand::Value(scratch) => *scratch,
                    _ if at + 1 == operands.len() => Scratch::I32Top,
                    _ => Scratch::I32Below,
                };
                function.instruction(&Instruction::LocalSet(locals + scratch as u32));
                held.push(scratch);
            }
        }
        for scratch in held.into_iter().rev() {
            function.instruction(&Instruction::LocalGet(locals + scratch as u32));
        }
    }

    /// Writes what comes after `operator`: makes its 32-bit result a 64-bit one.
    pub fn after(&self, function: &mut Function, operator: &Operator<'_>) {
        let extension = match operator {
            Operator::MemorySize { .. } if self.memory => Instruction::I64ExtendI32U,
            Operator::TableSize { table } if self.table(*table) => Instruction::I64ExtendI32U,
            // -1, or far from being negative.
            Operator::MemoryGrow { .. } if self.memory => Instruction::I64ExtendI32S,
            Operator::TableGrow { table } if self.table(*table) => Instruction::I64ExtendI32S,
            _ => return,
        };
        function.instruction(&extension);
    }

    /// The operands of `operator` down to the lowest 64-bit one, from the bottom to the top. Empty: it has none.
    fn operands(&self, operator: &Operator<'_>) -> Vec<Operand> {
        use Operand::Value;
        use Operator::*;
        let of = |wide: bool| if wide { Operand::Address } else { Value(Scratch::I32Below) };
        let length = |wide: bool| if wide { Operand::Address } else { Value(Scratch::I32Top) };
        match operator {
            TableGet { table } | TableGrow { table } => vec![of(self.table(*table))],
            CallIndirect { table_index, .. } => vec![of(self.table(*table_index))],
            TableSet { table } => vec![of(self.table(*table)), Value(self.reference(*table))],
            TableFill { table } => {
                let wide = self.table(*table);
                vec![of(wide), Value(self.reference(*table)), length(wide)]
            }
            TableCopy { dst_table, src_table } => {
                let (to, from) = (self.table(*dst_table), self.table(*src_table));
                vec![of(to), of(from), length(to && from)]
            }
            TableInit { table, .. } => vec![of(self.table(*table)), of(false), length(false)],
            _ if !self.memory => vec![],
            MemoryGrow { .. } => vec![Operand::Address],
            MemoryFill { .. } => vec![Operand::Address, of(false), Operand::Address],
            MemoryCopy { .. } => vec![Operand::Address; 3],
            MemoryInit { .. } => vec![Operand::Address, of(false), length(false)],
            operator => access(operator),
        }
    }
}

/// The operands of an access to a 64-bit memory.
fn access(operator: &Operator<'_>) -> Vec<Operand> {
    use Operator::*;
    let at = |memarg: &wasmparser::MemArg| match u32::try_from(memarg.offset) {
        Ok(_) => Operand::Address,
        Err(_) => Operand::Outside,
    };
    let store = |memarg: &wasmparser::MemArg, value| vec![at(memarg), Operand::Value(value)];
    match operator {
        I32Load { memarg }
        | I64Load { memarg }
        | F32Load { memarg }
        | F64Load { memarg }
        | I32Load8S { memarg }
        | I32Load8U { memarg }
        | I32Load16S { memarg }
        | I32Load16U { memarg }
        | I64Load8S { memarg }
        | I64Load8U { memarg }
        | I64Load16S { memarg }
        | I64Load16U { memarg }
        | I64Load32S { memarg }
        | I64Load32U { memarg }
        | V128Load { memarg }
        | V128Load8x8S { memarg }
        | V128Load8x8U { memarg }
        | V128Load16x4S { memarg }
        | V128Load16x4U { memarg }
        | V128Load32x2S { memarg }
        | V128Load32x2U { memarg }
        | V128Load8Splat { memarg }
        | V128Load16Splat { memarg }
        | V128Load32Splat { memarg }
        | V128Load64Splat { memarg }
        | V128Load32Zero { memarg }
        | V128Load64Zero { memarg } => vec![at(memarg)],
        I32Store { memarg } | I32Store8 { memarg } | I32Store16 { memarg } => store(memarg, Scratch::I32Top),
        I64Store { memarg } | I64Store8 { memarg } | I64Store16 { memarg } | I64Store32 { memarg } => {
            store(memarg, Scratch::I64)
        }
        F32Store { memarg } => store(memarg, Scratch::F32),
        F64Store { memarg } => store(memarg, Scratch::F64),
        V128Store { memarg }
        | V128Load8Lane { memarg, .. }
        | V128Load16Lane { memarg, .. }
        | V128Load32Lane { memarg, .. }
        | V128Load64Lane { memarg, .. }
        | V128Store8Lane { memarg, .. }
        | V128Store16Lane { memarg, .. }
        | V128Store32Lane { memarg, .. }
        | V128Store64Lane { memarg, .. } => store(memarg, Scratch::V128),
        _ => vec![],
    }
}

/// Makes the i64 on top of the stack an i32 that is as far outside if it was outside; by way of the local
/// `address`.
pub fn narrow(function: &mut Function, address: u32) {
    function
        .instruction(&Instruction::LocalTee(address))
        .instruction(&Instruction::I32WrapI64)
        .instruction(&Instruction::I32Const(BEYOND.cast_signed()))
        .instruction(&Instruction::LocalGet(address))
        .instruction(&Instruction::I64Const(BEYOND.into()))
        .instruction(&Instruction::I64LeU)
        .instruction(&Instruction::Select);
}

fn outside(function: &mut Function) {
    function.instruction(&Instruction::Drop).instruction(&Instruction::I32Const(BEYOND.cast_signed()));
}

/// Writes operators as they are, but for offsets that 32 bits do not hold: their addresses lie outside.
pub struct Narrowed;

impl Reencode for Narrowed {
    type Error = std::convert::Infallible;

    fn mem_arg(&mut self, memarg: wasmparser::MemArg) -> Result<wasm_encoder::MemArg, Error<Self::Error>> {
        let offset = memarg.offset.min(BEYOND.into());
        RoundtripReencoder.mem_arg(wasmparser::MemArg { offset, ..memarg })
    }
}
