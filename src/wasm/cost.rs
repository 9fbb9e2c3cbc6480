//! What executing costs, in instructions: the one table (rule 4). Weights follow what the operations
//! take on current x86-64 and ARM servers, in units of a simple integer operation. Whoever changes
//! a number here also raises [`VERSION`]: compiled modules carry their charges in their code.

use wasmparser::Operator;

/// Names this table in the key of the module cache.
pub const VERSION: u32 = 1;

/// Charged for compiling, for each operator of the module.
pub const COMPILE: u64 = 6_000;
/// Charged for each byte that `memory.fill`, `memory.copy`, `memory.init` move, as a shift: 2⁰.
pub const BULK_BYTE_SHIFT: i64 = 0;
/// Charged for each element that `table.fill`, `table.copy`, `table.init`, `table.grow` move: 2³.
pub const BULK_ELEMENT_SHIFT: i64 = 3;
/// Charged for entering a System API function.
pub const HOST_CALL: u64 = 100;
/// Charged for each byte that a System API function moves.
pub const HOST_BYTE: u64 = 1;
/// Charged for each stable memory page (4 KiB) touched the first time in a run.
pub const STABLE_PAGE: u64 = 4_000;
/// Charged for performing an outgoing call.
pub const CALL_PERFORM: u64 = 5_000;

/// The charge for one operator, without what depends on its operands.
pub fn operator(operator: &Operator<'_>) -> u64 {
    use Operator::*;
    match operator {
        Nop | Block { .. } | Loop { .. } | Else | End | Drop | LocalGet { .. } => 0,
        I32DivS | I32DivU | I32RemS | I32RemU | I64DivS | I64DivU | I64RemS | I64RemU => 10,
        F32Div | F64Div | F32x4Div | F64x2Div => 10,
        F32Sqrt | F64Sqrt | F32x4Sqrt | F64x2Sqrt => 20,
        F32Add | F32Sub | F32Mul | F64Add | F64Sub | F64Mul => 3,
        F32Min | F32Max | F64Min | F64Max | F32x4Min | F32x4Max | F64x2Min | F64x2Max => 8,
        F32Ceil | F32Floor | F32Trunc | F32Nearest | F64Ceil | F64Floor | F64Trunc | F64Nearest => 4,
        F32x4Add | F32x4Sub | F32x4Mul | F64x2Add | F64x2Sub | F64x2Mul => 4,
        I32TruncF32S | I32TruncF32U | I32TruncF64S | I32TruncF64U | I64TruncF32S | I64TruncF32U
        | I64TruncF64S | I64TruncF64U | I32TruncSatF32S | I32TruncSatF32U | I32TruncSatF64S
        | I32TruncSatF64U | I64TruncSatF32S | I64TruncSatF32U | I64TruncSatF64S | I64TruncSatF64U => 6,
        Call { .. } => 5,
        CallIndirect { .. } => 12,
        BrTable { .. } => 4,
        MemorySize { .. } | TableSize { .. } => 20,
        MemoryGrow { .. } => 5_000,
        TableGet { .. } | TableSet { .. } | RefFunc { .. } => 30,
        TableGrow { .. } => 500,
        MemoryFill { .. } | MemoryCopy { .. } | MemoryInit { .. } => 50,
        TableFill { .. } | TableCopy { .. } | TableInit { .. } => 100,
        ElemDrop { .. } | DataDrop { .. } => 100,
        I8x16Swizzle | I8x16Shuffle { .. } | I8x16Popcnt | I64x2Mul => 6,
        _ => 1,
    }
}
