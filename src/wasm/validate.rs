//! Which modules may be installed (rule 2): valid WebAssembly of an explicit set of features, within
//! the limits, importing and exporting as the interface spec says.

use super::facts::{GlobalFact, GlobalType, InvalidModule, Metadata, ModuleFacts};
use super::import;
use super::parsed::{FunctionCode, Parsed};
use super::{cost, limit};
use crate::types::limits::*;
use crate::types::{Digest, Instructions};
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{
    ExternalKind, FuncValidatorAllocations, FunctionBody, Operator, Parser, ValidPayload, Validator,
    WasmFeatures,
};

/// The language: everything else is refused before the compiler sees a byte.
const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::BULK_MEMORY_OPT)
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::GC_TYPES);

/// Entry points that are not methods.
pub const LIFECYCLE: &[&str] = &[
    "canister_init",
    "canister_inspect_message",
    "canister_pre_upgrade",
    "canister_post_upgrade",
    "canister_heartbeat",
    "canister_on_low_wasm_memory",
    "canister_global_timer",
];

/// Prefixes of exported methods.
const METHODS: &[&str] = &["canister_update ", "canister_query ", "canister_composite_query "];

/// Takes a module apart, or says why it cannot be installed.
pub fn validate(wasm: &[u8]) -> Result<Parsed<'_>, InvalidModule> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    let mut parsed = Parsed::default();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        parsed.take(&payload)?;
        let valid = validator.payload(&payload)?;
        check_counts(&parsed)?;
        if let ValidPayload::Func(function, body) = valid {
            let ty = parsed.functions.get(parsed.code.len()).copied().unwrap_or(0);
            let mut function = function.into_validator(allocations);
            parsed.code.push(walk(&mut function, &body, parsed.types.get(ty as usize))?);
            allocations = function.into_allocations();
        }
    }
    check_types(&parsed)?;
    check_memory_and_tables(&parsed)?;
    Ok(parsed)
}

/// The limits that bound the work of everything after.
fn check_counts(parsed: &Parsed<'_>) -> Result<(), InvalidModule> {
    limit("functions", parsed.functions.len() + parsed.imports.len(), FUNCTIONS_MAX)?;
    limit("globals", parsed.globals.len(), GLOBALS_MAX)?;
    limit("code section bytes", parsed.code_bytes, CODE_SECTION_BYTES_MAX)
}

/// Validates one body and notes what matters outside of it.
fn walk(
    validator: &mut wasmparser::FuncValidator<wasmparser::ValidatorResources>,
    body: &FunctionBody<'_>,
    ty: Option<&wasmparser::FuncType>,
) -> Result<FunctionCode, InvalidModule> {
    let params = ty.map_or(0, |ty| ty.params().len());
    let mut code = FunctionCode { locals: params as u64, ..FunctionCode::default() };
    for local in body.get_locals_reader()? {
        code.locals += u64::from(local?.0);
    }
    limit("locals of a function", code.locals as usize, FUNCTION_LOCALS_MAX as usize)?;
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let mut operators = body.get_operators_reader()?;
    while !operators.eof() {
        let offset = operators.original_position();
        let operator = operators.read()?;
        validator.op(offset, &operator)?;
        code.operators += 1;
        code.height = code.height.max(u64::from(validator.operand_stack_height()));
        note(&mut code, &operator);
    }
    operators.finish()?;
    code.calls.sort_unstable();
    code.calls.dedup();
    Ok(code)
}

fn note(code: &mut FunctionCode, operator: &Operator<'_>) {
    use Operator::*;
    match operator {
        Call { function_index } => code.calls.push(*function_index),
        RefFunc { function_index } => code.references.push(*function_index),
        TableSet { .. }
        | TableGrow { .. }
        | TableFill { .. }
        | TableCopy { .. }
        | TableInit { .. }
        | ElemDrop { .. }
        | DataDrop { .. } => code.changes_tables = true,
        _ => {}
    }
}

fn check_types(parsed: &Parsed<'_>) -> Result<(), InvalidModule> {
    for ty in &parsed.types {
        limit("parameters of a function", ty.params().len(), FUNCTION_PARAMS_MAX)?;
        limit("results of a function", ty.results().len(), FUNCTION_PARAMS_MAX)?;
    }
    Ok(())
}

fn check_memory_and_tables(parsed: &Parsed<'_>) -> Result<(), InvalidModule> {
    if let Some(memory) = parsed.memory {
        limit("initial memory pages", memory.initial as usize, HEAP_WASM_PAGES_MAX as usize)?;
    }
    let elements: u64 = parsed.tables.iter().map(|table| table.ty.initial).fold(0, u64::saturating_add);
    limit("table elements", elements as usize, TABLE_ELEMENTS_MAX as usize)?;
    limit("tables", parsed.tables.len(), TABLES_MAX)?;
    let mutable_references = |global: &&wasmparser::Global<'_>| {
        global.ty.mutable && matches!(global.ty.content_type, wasmparser::ValType::Ref(_))
    };
    match parsed.globals.iter().find(mutable_references) {
        Some(_) => Err(InvalidModule::Unsupported("a mutable global of reference type".into())),
        None => Ok(()),
    }
}

/// What the module says about itself, checked against the interface spec.
pub fn facts(parsed: &Parsed<'_>, hash: Digest) -> Result<ModuleFacts, InvalidModule> {
    import::check(parsed)?;
    let operators: u64 = parsed.code.iter().map(|code| code.operators).sum();
    Ok(ModuleFacts {
        hash,
        exports: exports(parsed)?,
        metadata: metadata(parsed)?,
        heap_wasm_pages: parsed.memory.map_or(0, |memory| memory.initial as u32),
        heap_wasm_pages_max: parsed.memory.map_or(0, |memory| {
            let max = memory.maximum.unwrap_or(u64::MAX).min(u64::from(HEAP_WASM_PAGES_MAX));
            max as u32
        }),
        globals: globals(parsed),
        compile_cost: Instructions(operators.saturating_mul(cost::COMPILE)),
    })
}

fn globals(parsed: &Parsed<'_>) -> Vec<GlobalFact> {
    let exports = parsed.exports.iter().filter(|export| export.kind == ExternalKind::Global);
    let exported: BTreeSet<u32> = exports.map(|export| export.index).collect();
    let shown = (0u32..).zip(&parsed.globals);
    let shown = shown.filter(|(index, global)| global.ty.mutable || exported.contains(index));
    let fact = |(_, global): (u32, &wasmparser::Global<'_>)| GlobalFact {
        mutable: global.ty.mutable,
        ty: match global.ty.content_type {
            wasmparser::ValType::I32 => Some(GlobalType::I32),
            wasmparser::ValType::I64 => Some(GlobalType::I64),
            wasmparser::ValType::F32 => Some(GlobalType::F32),
            wasmparser::ValType::F64 => Some(GlobalType::F64),
            wasmparser::ValType::V128 => Some(GlobalType::V128),
            wasmparser::ValType::Ref(_) => None,
        },
    };
    shown.map(fact).collect()
}

fn exports(parsed: &Parsed<'_>) -> Result<BTreeSet<String>, InvalidModule> {
    let mut found = BTreeSet::new();
    let mut methods = BTreeMap::new();
    for export in &parsed.exports {
        let refused = |why: String| {
            let name = export.name.to_string();
            Err(InvalidModule::Export { name, why })
        };
        if !export.name.starts_with("canister_") {
            continue;
        }
        let method = METHODS.iter().find_map(|prefix| export.name.strip_prefix(prefix));
        if method.is_none() && !LIFECYCLE.contains(&export.name) {
            return refused("no such entry point".into());
        }
        if export.kind != ExternalKind::Func || !is_entry_point(parsed, export.index) {
            return refused("must be a function of type () -> ()".into());
        }
        if let Some(other) = method.and_then(|method| methods.insert(method, export.name)) {
            return refused(format!("the method is exported as `{other}` too"));
        }
        found.insert(export.name.to_string());
    }
    limit("exported methods", methods.len(), EXPORTS_MAX)?;
    limit("bytes of method names", methods.keys().map(|name| name.len()).sum(), EXPORT_NAME_BYTES_MAX)?;
    Ok(found)
}

fn is_entry_point(parsed: &Parsed<'_>, function: u32) -> bool {
    let ty = parsed.type_of(function).and_then(|ty| parsed.types.get(ty as usize));
    ty.is_some_and(|ty| ty.params().is_empty() && ty.results().is_empty())
}

fn metadata(parsed: &Parsed<'_>) -> Result<BTreeMap<String, Metadata>, InvalidModule> {
    let mut found = BTreeMap::new();
    let mut bytes = 0;
    for (section, content) in parsed.customs.iter().filter(|(name, _)| name.starts_with("icp:")) {
        let refused = |why: &str| InvalidModule::CustomSection { name: section.to_string(), why: why.into() };
        let (public, name) = match section.split_once(' ') {
            Some(("icp:public", name)) => (true, name),
            Some(("icp:private", name)) => (false, name),
            _ => {
                return Err(refused("neither `icp:public <name>` nor `icp:private <name>`"));
            }
        };
        bytes += name.len() + content.len();
        limit("bytes of custom sections", bytes, CUSTOM_SECTIONS_BYTES_MAX)?;
        let content = content.to_vec();
        if found.insert(name.to_string(), Metadata { public, content }).is_some() {
            return Err(refused("the name is used twice"));
        }
    }
    limit("custom sections", found.len(), CUSTOM_SECTIONS_MAX)?;
    Ok(found)
}
