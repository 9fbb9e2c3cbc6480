//! A module taken apart: its sections, and what one walk over its code found.

use super::InvalidModule;
use wasmparser::{
    Data, Element, Export, FuncType, FunctionBody, Global, MemoryType, Payload, Table, TypeRef,
};

/// The sections of a core module, in the order of their index spaces.
#[derive(Default)]
pub struct Parsed<'a> {
    pub types: Vec<FuncType>,
    pub imports: Vec<FunctionImport<'a>>,
    /// Type of each function defined here.
    pub functions: Vec<u32>,
    pub tables: Vec<Table<'a>>,
    pub memory: Option<MemoryType>,
    pub globals: Vec<Global<'a>>,
    pub exports: Vec<Export<'a>>,
    pub start: Option<u32>,
    pub elements: Vec<Element<'a>>,
    pub data: Vec<Data<'a>>,
    pub bodies: Vec<FunctionBody<'a>>,
    /// What the walk over each body found.
    pub code: Vec<FunctionCode>,
    pub customs: Vec<(&'a str, &'a [u8])>,
    pub code_bytes: usize,
}

/// An imported function.
pub struct FunctionImport<'a> {
    pub module: &'a str,
    pub name: &'a str,
    /// Index into the types.
    pub ty: u32,
}

/// What matters of a function's body outside of it.
#[derive(Default)]
pub struct FunctionCode {
    /// Functions called by index.
    pub calls: Vec<u32>,
    /// Functions whose reference is taken.
    pub references: Vec<u32>,
    pub operators: u64,
    /// Greatest height of the operand stack.
    pub height: u64,
    /// Parameters and locals.
    pub locals: u64,
    /// Whether the code changes tables or drops segments, so that an instance cannot be kept.
    pub changes_tables: bool,
}

impl<'a> Parsed<'a> {
    /// Takes a section in. Function bodies are walked elsewhere.
    pub fn take(&mut self, payload: &Payload<'a>) -> Result<(), InvalidModule> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section.clone().into_iter_err_on_gc_types() {
                    self.types.push(group?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    self.take_import(import?)?;
                }
            }
            Payload::FunctionSection(section) => collect(section.clone(), &mut self.functions)?,
            Payload::TableSection(section) => collect(section.clone(), &mut self.tables)?,
            Payload::MemorySection(section) => {
                self.memory = section.clone().into_iter().next().transpose()?
            }
            Payload::GlobalSection(section) => collect(section.clone(), &mut self.globals)?,
            Payload::ExportSection(section) => collect(section.clone(), &mut self.exports)?,
            Payload::StartSection { func, .. } => self.start = Some(*func),
            Payload::ElementSection(section) => collect(section.clone(), &mut self.elements)?,
            Payload::DataSection(section) => collect(section.clone(), &mut self.data)?,
            Payload::CodeSectionStart { range, .. } => {
                self.code_bytes =
                    usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body.clone()),
            Payload::CustomSection(section) => self.customs.push((section.name(), section.data())),
            _ => {}
        }
        Ok(())
    }

    fn take_import(&mut self, import: wasmparser::Import<'a>) -> Result<(), InvalidModule> {
        let TypeRef::Func(ty) = import.ty else {
            return Err(InvalidModule::Import {
                module: import.module.into(),
                name: import.name.into(),
                why: "only functions can be imported".into(),
            });
        };
        let (module, name) = (import.module, import.name);
        self.imports.push(FunctionImport { module, name, ty });
        Ok(())
    }

    /// Whether the memory has 64-bit addresses, and with it the pointers of the System API.
    pub fn is_wide(&self) -> bool {
        self.memory.is_some_and(|memory| memory.memory64)
    }

    /// The type index of a function in the index space.
    pub fn type_of(&self, function: u32) -> Option<u32> {
        let function = function as usize;
        match function.checked_sub(self.imports.len()) {
            None => self.imports.get(function).map(|import| import.ty),
            Some(defined) => self.functions.get(defined).copied(),
        }
    }
}

fn collect<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
    into: &mut Vec<T>,
) -> Result<(), InvalidModule> {
    for item in section {
        into.push(item?);
    }
    Ok(())
}
