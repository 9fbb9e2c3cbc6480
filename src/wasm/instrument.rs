//! The module that is compiled in place of the one installed (rule 4).
//!
//! - Three globals more, the last: instructions left, bytes of stack left, and the floor of the first. The code
//!   takes from the first two (`meter`) and executes `unreachable` when one is below its floor, which the
//!   stack has at zero; the host sets and reads them, and ends a run early by raising the floor.
//! - Active data segments become passive, and `start` is not run by itself: the exported function
//!   [`INITIALIZE`] does both, [`START`] only the second. A segment keeps its index, empty, as if it had
//!   been dropped.
//! - The exported function [`CALLBACK`] calls through the table: (index, environment).
//! - Memory and tables have 32-bit addresses, whatever they were (`lower`).
//! - Only entry points are exported besides, so no name of the module can collide with ours.

use super::InvalidModule;
use super::cost;
use super::lower::{self, Lowering};
use super::meter::{self, Meter};
use super::parsed::Parsed;
use super::stack::{self, Charge};
use crate::types::limits::{HEAP_WASM_PAGES_MAX, TABLE_ELEMENTS_MAX};
use std::collections::BTreeMap;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, MemorySection, Module,
    TableSection, TypeSection, ValType,
};
use wasmparser::{DataKind, ElementKind, TableInit};

/// Applies the active data segments and runs `start`.
pub const INITIALIZE: &str = "atoll initialize";
/// Runs `start` over a memory that is kept.
pub const START: &str = "atoll start";
/// Calls the function at a table index with an environment.
pub const CALLBACK: &str = "atoll callback";

/// Indices of what is added to the module.
pub struct Added {
    /// Global: instructions left.
    pub counter: u32,
    /// Global: bytes of stack left.
    pub stack: u32,
    /// Global: where the instructions end; zero unless the run is to be stopped.
    pub floor: u32,
    unit_type: u32,
    callback_type: u32,
    indirect_type: u32,
    /// Block types `() -> results` for functions of several results, by the function's type.
    pub result_types: BTreeMap<u32, u32>,
    initialize: u32,
    start: u32,
    callback: u32,
    pub lowering: Lowering,
}

impl Added {
    fn new(parsed: &Parsed<'_>) -> Added {
        let types = parsed.types.len() as u32;
        let globals = parsed.globals.len() as u32;
        let functions = (parsed.imports.len() + parsed.functions.len()) as u32;
        let several = (0..types).filter(|ty| parsed.types[*ty as usize].results().len() > 1);
        Added {
            counter: globals,
            stack: globals + 1,
            floor: globals + 2,
            unit_type: types,
            callback_type: types + 1,
            indirect_type: types + 2,
            result_types: several.zip(types + 3..).collect(),
            initialize: functions,
            start: functions + 1,
            callback: functions + 2,
            lowering: Lowering::new(parsed),
        }
    }
}

/// What is compiled for `parsed`.
pub fn instrument(parsed: &Parsed<'_>) -> Result<Vec<u8>, InvalidModule> {
    let added = Added::new(parsed);
    let charges = stack::charges(parsed);
    let mut module = Module::new();
    module
        .section(&types(parsed, &added)?)
        .section(&imports(parsed))
        .section(&functions(parsed, &added))
        .section(&tables(parsed)?);
    if let Some(memory) = memory(parsed) {
        module.section(&memory);
    }
    module
        .section(&globals(parsed)?)
        .section(&exports(parsed, &added))
        .section(&elements(parsed, &added)?)
        .section(&DataCountSection { count: parsed.data.len() as u32 + active(parsed).count() as u32 })
        .section(&code(parsed, &added, &charges)?)
        .section(&data(parsed));
    Ok(module.finish())
}

/// A failure to encode what was just validated.
pub fn encoding(error: impl std::fmt::Display) -> InvalidModule {
    InvalidModule::Malformed(error.to_string())
}

fn types(parsed: &Parsed<'_>, added: &Added) -> Result<TypeSection, InvalidModule> {
    let mut section = TypeSection::new();
    for ty in &parsed.types {
        section.ty().func_type(&RoundtripReencoder.func_type(ty.clone()).map_err(encoding)?);
    }
    section.ty().function([], []);
    section.ty().function([ValType::I64, ValType::I64], []);
    section.ty().function([if parsed.is_wide() { ValType::I64 } else { ValType::I32 }], []);
    for function in added.result_types.keys() {
        let ty = parsed.types[*function as usize].clone();
        let ty = RoundtripReencoder.func_type(ty).map_err(encoding)?;
        section.ty().function([], ty.results().iter().copied());
    }
    Ok(section)
}

fn imports(parsed: &Parsed<'_>) -> ImportSection {
    let mut section = ImportSection::new();
    for import in &parsed.imports {
        section.import(import.module, import.name, wasm_encoder::EntityType::Function(import.ty));
    }
    section
}

fn functions(parsed: &Parsed<'_>, added: &Added) -> FunctionSection {
    let mut section = FunctionSection::new();
    let ours = [&added.unit_type, &added.unit_type, &added.callback_type];
    for ty in parsed.functions.iter().chain(ours) {
        section.function(*ty);
    }
    section
}

/// The tables, none of which may outgrow the limit.
fn tables(parsed: &Parsed<'_>) -> Result<TableSection, InvalidModule> {
    let mut section = TableSection::new();
    for table in &parsed.tables {
        let mut ty = RoundtripReencoder.table_type(table.ty).map_err(encoding)?;
        ty.maximum = Some(ty.maximum.unwrap_or(TABLE_ELEMENTS_MAX).min(TABLE_ELEMENTS_MAX));
        ty.table64 = false;
        match &table.init {
            TableInit::RefNull => section.table(ty),
            TableInit::Expr(expr) => {
                let expr = RoundtripReencoder.const_expr(expr.clone()).map_err(encoding)?;
                section.table_with_init(ty, &expr)
            }
        };
    }
    Ok(section)
}

/// The memory starts empty: the host sets its size before every run.
fn memory(parsed: &Parsed<'_>) -> Option<MemorySection> {
    let mut ty = utils::memory_type(&mut RoundtripReencoder, parsed.memory?);
    ty.minimum = 0;
    ty.memory64 = false;
    ty.maximum = Some(ty.maximum.unwrap_or(u64::MAX).min(HEAP_WASM_PAGES_MAX.into()));
    let mut section = MemorySection::new();
    section.memory(ty);
    Some(section)
}

fn globals(parsed: &Parsed<'_>) -> Result<GlobalSection, InvalidModule> {
    let mut section = GlobalSection::new();
    for global in &parsed.globals {
        RoundtripReencoder.parse_global(&mut section, global.clone()).map_err(encoding)?;
    }
    let counter = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
    (0..3).for_each(|_| {
        section.global(counter, &ConstExpr::i64_const(0));
    });
    Ok(section)
}

fn exports(parsed: &Parsed<'_>, added: &Added) -> ExportSection {
    let mut section = ExportSection::new();
    for export in parsed.exports.iter().filter(|export| export.name.starts_with("canister_")) {
        section.export(export.name, ExportKind::Func, export.index);
    }
    section.export(INITIALIZE, ExportKind::Func, added.initialize);
    section.export(START, ExportKind::Func, added.start);
    section.export(CALLBACK, ExportKind::Func, added.callback);
    section
}

fn elements(parsed: &Parsed<'_>, added: &Added) -> Result<ElementSection, InvalidModule> {
    let mut section = ElementSection::new();
    for element in &parsed.elements {
        match &element.kind {
            ElementKind::Active { table_index, offset_expr } => {
                let offset = added.lowering.table_offset(table_index.unwrap_or(0), offset_expr.clone())?;
                let items = RoundtripReencoder.element_items(element.items.clone()).map_err(encoding)?;
                section.active(*table_index, &offset, items);
            }
            ElementKind::Passive | ElementKind::Declared => {
                RoundtripReencoder.parse_element(&mut section, element.clone()).map_err(encoding)?;
            }
        }
    }
    Ok(section)
}

fn code(parsed: &Parsed<'_>, added: &Added, charges: &[Charge]) -> Result<CodeSection, InvalidModule> {
    let mut section = CodeSection::new();
    for (at, body) in parsed.bodies.iter().enumerate() {
        let ty = parsed.functions.get(at).copied().unwrap_or(0);
        let params = parsed.types.get(ty as usize).map_or(0, |ty| ty.params().len() as u32);
        let charge = charges.get(at).copied().flatten();
        section.function(&meter::function(
            added,
            body,
            params,
            meter::result_type(parsed, added, ty)?,
            charge,
        )?);
    }
    section.function(&initialize(parsed, added)?);
    section.function(&start(parsed, added));
    section.function(&callback(parsed, added));
    Ok(section)
}

/// Active segments in order, each with the index of the passive one that holds its bytes.
fn active<'p, 'a>(parsed: &'p Parsed<'a>) -> impl Iterator<Item = (u32, &'p wasmparser::Data<'a>)> {
    let is_active = |data: &&wasmparser::Data<'_>| matches!(data.kind, DataKind::Active { .. });
    (parsed.data.len() as u32..).zip(parsed.data.iter().filter(is_active))
}

fn initialize(parsed: &Parsed<'_>, added: &Added) -> Result<Function, InvalidModule> {
    let bytes: usize = active(parsed).map(|(_, data)| data.data.len()).sum();
    let mut function = Function::new([(1, ValType::I64)]);
    let segments = active(parsed).count() as u64;
    let meter = Meter::new(added, 0);
    meter.load(&mut function);
    meter.charge(&mut function, bytes as u64 + 100 * (segments + 1), true);
    for (index, data) in active(parsed) {
        let DataKind::Active { offset_expr, .. } = &data.kind else {
            continue;
        };
        for operator in offset_expr.get_operators_reader() {
            match RoundtripReencoder.instruction(operator?).map_err(encoding)? {
                Instruction::End => {}
                instruction => {
                    function.instruction(&instruction);
                }
            }
        }
        if parsed.is_wide() {
            lower::narrow(&mut function, 0);
        }
        function
            .instruction(&Instruction::I32Const(0))
            .instruction(&Instruction::I32Const(data.data.len() as i32))
            .instruction(&Instruction::MemoryInit { mem: 0, data_index: index });
    }
    run_start(parsed, &mut function);
    Ok(function)
}

fn start(parsed: &Parsed<'_>, added: &Added) -> Function {
    let mut function = Function::new([(1, ValType::I64)]);
    let meter = Meter::new(added, 0);
    meter.load(&mut function);
    meter.charge(&mut function, 100, true);
    run_start(parsed, &mut function);
    function
}

fn run_start(parsed: &Parsed<'_>, function: &mut Function) {
    if let Some(start) = parsed.start {
        function.instruction(&Instruction::Call(start));
    }
    function.instruction(&Instruction::End);
}

fn callback(parsed: &Parsed<'_>, added: &Added) -> Function {
    let mut function = Function::new([(1, ValType::I64)]);
    let meter = Meter::new(added, 2);
    meter.load(&mut function);
    meter.charge(&mut function, cost::HOST_CALL, true);
    let table = parsed.tables.first().filter(|table| table.ty.element_type == wasmparser::RefType::FUNCREF);
    if table.is_none() {
        function.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
        return function;
    }
    function.instruction(&Instruction::LocalGet(1));
    if !parsed.is_wide() {
        function.instruction(&Instruction::I32WrapI64);
    }
    function.instruction(&Instruction::LocalGet(0));
    lower::narrow(&mut function, 2);
    function
        .instruction(&Instruction::CallIndirect { type_index: added.indirect_type, table_index: 0 })
        .instruction(&Instruction::End);
    function
}

fn data(parsed: &Parsed<'_>) -> DataSection {
    let mut section = DataSection::new();
    for data in &parsed.data {
        match data.kind {
            DataKind::Passive => section.passive(data.data.iter().copied()),
            DataKind::Active { .. } => section.passive([]),
        };
    }
    for (_, data) in active(parsed) {
        section.passive(data.data.iter().copied());
    }
    section
}
