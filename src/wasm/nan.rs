//! Floating point with one NaN: hosts differ in the bits of the NaN that an operation makes, so code may
//! never see them.
//!
//! The result of an operation is made canonical where it comes up, except where the next thing that is done with it
//! is an operation again, or a comparison: those only ask whether it is a NaN. The compiler's own way of doing this
//! makes every operation wait for three more; a choice that is always the same costs next to nothing.

use wasm_encoder::{Function, Ieee32, Ieee64, Instruction, ValType};
use wasmparser::Operator;

/// Locals that [`canonical`] uses.
pub const LOCALS: [(u32, ValType); 3] = [(1, ValType::F32), (1, ValType::F64), (1, ValType::V128)];

/// How far it is looked for what is done with a result.
const AHEAD: usize = 24;

const NAN_32: Ieee32 = Ieee32::new(0x7fc0_0000);
const NAN_64: Ieee64 = Ieee64::new(0x7ff8_0000_0000_0000);

/// What an operation makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Made {
    F32,
    F64,
    F32x4,
    F64x2,
}

/// Makes the result of `operator`, just written, canonical, if it is a floating-point operation whose result could
/// be seen by what comes after it in its block, `rest`. Locals from `locals` on are [`LOCALS`].
pub fn canonical(function: &mut Function, operator: &Operator<'_>, rest: &[Operator<'_>], locals: u32) {
    match made(operator) {
        Some(Made::F32) if !is_asked_only(rest) => {
            scalar(function, locals, &Instruction::F32Const(NAN_32), &Instruction::F32Ge)
        }
        Some(Made::F64) if !is_asked_only(rest) => {
            scalar(function, locals + 1, &Instruction::F64Const(NAN_64), &Instruction::F64Ge)
        }
        Some(Made::F32x4) => {
            let nan = u128::from(NAN_32.bits());
            lanes(function, locals + 2, nan * 0x1_0000_0001_0000_0001_0000_0001, &Instruction::F32x4Eq);
        }
        Some(Made::F64x2) => {
            let nan = u128::from(NAN_64.bits());
            lanes(function, locals + 2, nan << 64 | nan, &Instruction::F64x2Eq);
        }
        Some(Made::F32 | Made::F64) | None => {}
    }
}

/// A number is not less than itself; a NaN is not comparable.
fn scalar(function: &mut Function, local: u32, nan: &Instruction<'_>, not_less: &Instruction<'_>) {
    function
        .instruction(&Instruction::LocalTee(local))
        .instruction(nan)
        .instruction(&Instruction::LocalGet(local))
        .instruction(&Instruction::LocalGet(local))
        .instruction(not_less)
        .instruction(&Instruction::Select);
}

fn lanes(function: &mut Function, local: u32, nan: u128, equal: &Instruction<'_>) {
    function
        .instruction(&Instruction::LocalTee(local))
        .instruction(&Instruction::V128Const(nan.cast_signed()))
        .instruction(&Instruction::LocalGet(local))
        .instruction(&Instruction::LocalGet(local))
        .instruction(equal)
        .instruction(&Instruction::V128Bitselect);
}

/// What `operator` makes, if it is an operation that may make a NaN.
fn made(operator: &Operator<'_>) -> Option<Made> {
    use Operator::*;
    Some(match operator {
        F32Add | F32Sub | F32Mul | F32Div | F32Min | F32Max => Made::F32,
        F32Sqrt | F32Ceil | F32Floor | F32Trunc | F32Nearest | F32DemoteF64 => Made::F32,
        F64Add | F64Sub | F64Mul | F64Div | F64Min | F64Max => Made::F64,
        F64Sqrt | F64Ceil | F64Floor | F64Trunc | F64Nearest | F64PromoteF32 => Made::F64,
        F32x4Add | F32x4Sub | F32x4Mul | F32x4Div | F32x4Min | F32x4Max => Made::F32x4,
        F32x4Sqrt | F32x4Ceil | F32x4Floor | F32x4Trunc | F32x4Nearest | F32x4DemoteF64x2Zero => Made::F32x4,
        F64x2Add | F64x2Sub | F64x2Mul | F64x2Div | F64x2Min | F64x2Max => Made::F64x2,
        F64x2Sqrt | F64x2Ceil | F64x2Floor | F64x2Trunc | F64x2Nearest | F64x2PromoteLowF32x4 => Made::F64x2,
        _ => return None,
    })
}

/// Whether the value on top of the stack goes into an operation or a comparison of `rest`, its block's.
fn is_asked_only(rest: &[Operator<'_>]) -> bool {
    let mut above = 0usize;
    for operator in rest.iter().take(AHEAD) {
        let Some((takes, gives)) = effect(operator) else {
            return false;
        };
        match above.checked_sub(takes) {
            Some(left) => above = left + gives,
            None => return asks(operator),
        }
    }
    false
}

/// Whether a scalar operand's bits do not matter to `operator` if it is a NaN.
fn asks(operator: &Operator<'_>) -> bool {
    use Operator::*;
    matches!(made(operator), Some(Made::F32 | Made::F64))
        || matches!(
            operator,
            F32Eq | F32Ne | F32Lt | F32Gt | F32Le | F32Ge | F64Eq | F64Ne | F64Lt | F64Gt | F64Le | F64Ge
        )
}

/// How many values an operator takes and gives, for those that often stand between an operation and the next.
fn effect(operator: &Operator<'_>) -> Option<(usize, usize)> {
    use Operator::*;
    Some(match operator {
        LocalGet { .. } | GlobalGet { .. } => (0, 1),
        I32Const { .. } | I64Const { .. } | F32Const { .. } | F64Const { .. } => (0, 1),
        F32Load { .. } | F64Load { .. } | I32Load { .. } | I64Load { .. } | LocalTee { .. } => (1, 1),
        LocalSet { .. } => (1, 0),
        F32Neg | F64Neg | F32Abs | F64Abs | F32ConvertI32S | F32ConvertI32U | F64ConvertI32S => (1, 1),
        F64ConvertI32U | F64ConvertI64S | F64ConvertI64U | F32ConvertI64S | F32ConvertI64U => (1, 1),
        F32Sqrt | F32Ceil | F32Floor | F32Trunc | F32Nearest | F32DemoteF64 => (1, 1),
        F64Sqrt | F64Ceil | F64Floor | F64Trunc | F64Nearest | F64PromoteF32 => (1, 1),
        F32Add | F32Sub | F32Mul | F32Div | F32Min | F32Max => (2, 1),
        F64Add | F64Sub | F64Mul | F64Div | F64Min | F64Max => (2, 1),
        F32Eq | F32Ne | F32Lt | F32Gt | F32Le | F32Ge | F64Eq | F64Ne | F64Lt | F64Gt | F64Le | F64Ge => {
            (2, 1)
        }
        I32Add | I32Sub | I32Mul | I32Shl | I64Add | I64Sub | I64Mul | I64Shl => (2, 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_canonical_unless_the_next_operation_takes_it() {
        use Operator::*;
        let (one, get) = (|| F64Const { value: 1.0.into() }, || LocalGet { local_index: 0 });
        let check = |asked: bool, rest: &[Operator<'_>]| assert_eq!(is_asked_only(rest), asked, "{rest:?}");
        check(true, &[F64Sqrt]);
        check(true, &[F64Lt]);
        check(true, &[get(), get(), F64Mul, F64Sub]);
        check(true, &[one(), F64Neg, F64Add, LocalSet { local_index: 0 }]);
        check(false, &[F64Neg, F64Add]);
        check(false, &[LocalTee { local_index: 0 }, F64Sqrt]);
        check(false, &[LocalSet { local_index: 0 }, F64Sqrt]);
        check(false, &[F64Copysign, F64Sqrt]);
        check(false, &[I64ReinterpretF64]);
        check(false, &[get(), Select, F64Sqrt]);
        check(false, &[get(), get()]);
        check(false, &[]);
    }
}
