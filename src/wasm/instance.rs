//! An instance kept ready: a heap, and a store with the module instantiated over it (rule 6).

use super::call::{Call, Changes, Context, Entry, Execution};
use super::cells::Cells;
use super::compile::Compiled;
use super::heap::{GuestMemory, Heap};
use super::host::{Host, Log, Run};
use super::import::Width;
use super::instrument::{CALLBACK, INITIALIZE, START};
use super::stable::Stable;
use super::trap::Trap;
use super::watch::Watch;
use super::{import, validate};
use crate::state::{Global, HostFailure, PageMap};
use crate::types::limits::{NATIVE_STACK_BYTES, STACK_BYTES_MAX, WASM_PAGE_BYTES};
use crate::types::{CanisterId, Instructions};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};
use wasmer::sys::vm::{
    MemoryError, MemoryStyle, TableStyle, TrapCode, VMConfig, VMGlobal, VMGlobalDefinition, VMMemory,
    VMMemoryDefinition, VMTable, VMTableDefinition,
};
use wasmer::sys::{BaseTunables, NativeEngineExt, Tunables};
use wasmer::{
    Engine, Exports, FunctionEnv, GlobalType, Imports, MemoryType, RuntimeError, Store, TableType,
    TypedFunction,
};

/// A canister's heap with an instance of its module over it.
pub struct Instance {
    compiled: Arc<Compiled>,
    heap: Arc<Heap>,
    /// What the heap's image holds.
    base: PageMap,
    /// `None`: made anew for every run.
    code: Option<Code>,
}

/// The module instantiated.
struct Code {
    store: Store,
    env: FunctionEnv<Host>,
    cells: Cells,
    /// The module's mutable globals after instantiation.
    initial: Vec<Global>,
    /// Environments of callbacks have 64 bits.
    wide: bool,
    exports: Exports,
    entries: BTreeMap<String, TypedFunction<(), ()>>,
}

// SAFETY: a store and what it holds is used by one thread at a time, through `&mut`; nothing in it is tied
// to the thread that made it (wasmer keeps what is, its current store and stack, in thread locals that are set
// for the length of a call).
unsafe impl Send for Code {}

impl Instance {
    /// An instance with an empty heap.
    pub fn new(compiled: Arc<Compiled>) -> Result<Instance, HostFailure> {
        let heap = Arc::new(Heap::new(compiled.plan.heap_wasm_pages_max)?);
        Ok(Instance { compiled, heap, base: PageMap::new(), code: None })
    }

    /// Whether the image holds exactly the pages of `heap`.
    pub fn is_at(&self, heap: &PageMap) -> bool {
        self.base.root() == heap.root()
    }

    /// Bytes that the image may take.
    pub fn bytes(&self) -> u64 {
        self.heap.size() as u64
    }

    /// Runs one entry point. After an error the instance must not be used again.
    pub fn run(
        &mut self,
        engine: &Engine,
        call: Call,
        watch: Option<&Watch>,
    ) -> Result<Execution, HostFailure> {
        let kept = match call.entry {
            Entry::Instantiate => 0,
            _ => call.memory.heap_wasm_pages,
        };
        let wasm_pages = match call.entry.instantiates() {
            true => kept.max(self.compiled.facts.heap_wasm_pages),
            false => kept,
        };
        let heap = match call.entry {
            Entry::Instantiate => PageMap::new(),
            _ => call.memory.heap.clone(),
        };
        self.heap.advance(&self.base, &heap)?;
        self.base = heap;
        self.heap.resize(wasm_pages)?;
        self.heap.set_room(call.system.memory_room.0);
        if let Err(trap) = self.may_begin(&call.entry, kept, wasm_pages) {
            let (canister, limit) = (call.system.canister, call.instructions_max);
            return Execution::trapped(trap, Instructions::ZERO, Log::default(), canister, limit);
        }
        let result = self.run_in_place(engine, call, watch);
        self.heap.undo()?;
        if self.compiled.plan.fresh_instances {
            self.code = None;
        }
        result
    }

    /// Whether the initial memory fits, given how much of it was `kept`.
    fn may_begin(&self, entry: &Entry, kept: u32, wasm_pages: u32) -> Result<(), Trap> {
        let max = self.compiled.plan.heap_wasm_pages_max;
        if *entry == Entry::Reinstantiate && kept > max {
            let what = format!("the memory to keep has {kept} Wasm pages, the new module allows {max}");
            return Err(Trap::contract(what));
        }
        let grown = u64::from(wasm_pages.saturating_sub(kept)).saturating_mul(WASM_PAGE_BYTES as u64);
        match self.heap.take_room(grown) {
            true => Ok(()),
            false => Err(Trap::OutOfMemory),
        }
    }

    fn run_in_place(
        &mut self,
        engine: &Engine,
        call: Call,
        watch: Option<&Watch>,
    ) -> Result<Execution, HostFailure> {
        let (canister, limit) = (call.system.canister, call.instructions_max);
        let mut code = match self.code.take() {
            Some(code) => code,
            None => match Code::new(engine, &self.compiled, &self.heap)? {
                Ok(code) => code,
                Err(trap) => {
                    return Execution::trapped(trap, Instructions::ZERO, Log::default(), canister, limit);
                }
            },
        };
        let execution = code.run(&self.heap, call, watch);
        if execution.is_ok() {
            self.code = Some(code);
        }
        execution
    }
}

impl Execution {
    fn trapped(
        trap: Trap,
        instructions: Instructions,
        mut log: Log,
        canister: CanisterId,
        limit: Instructions,
    ) -> Result<Execution, HostFailure> {
        let line = format!("[TRAP]: {trap}");
        let reject = trap.into_reject(canister, limit)?;
        log.push(line.as_bytes());
        Ok(Execution { outcome: Err(reject), instructions, log: log.into_lines() })
    }
}

impl Code {
    /// Instantiates the module over `heap`; the inner error is a trap of its table segments.
    fn new(
        engine: &Engine,
        compiled: &Compiled,
        heap: &Arc<Heap>,
    ) -> Result<Result<Code, Trap>, HostFailure> {
        let globals = Arc::new(Mutex::new(Vec::new()));
        let mut engine = engine.clone();
        engine.set_tunables(InstanceTunables {
            heap: Arc::clone(heap),
            globals: Arc::clone(&globals),
            base: BaseTunables::new(),
            config: VMConfig { wasm_stack_size: Some(NATIVE_STACK_BYTES) },
        });
        let mut store = Store::new(engine);
        let host = Host::idle(Arc::clone(heap));
        let env = FunctionEnv::new(&mut store, host);
        let mut imports = Imports::new();
        for import in compiled.module.imports() {
            let function = import::link(import.name(), compiled.plan.width, &mut store, &env);
            let missing = || HostFailure(format!("no System API function {}", import.name()));
            imports.define(import.module(), import.name(), function.ok_or_else(missing)?);
        }
        let instance = match wasmer::Instance::new(&mut store, &compiled.module, &imports) {
            Ok(instance) => instance,
            Err(wasmer::InstantiationError::Start(error)) => return Ok(Err(wasm_trap(&error)?)),
            Err(error) => return Err(HostFailure(format!("instantiation: {error}"))),
        };
        let cells = {
            let globals = globals.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let globals: Vec<_> = globals.iter().map(|Cell { ty, at }| (*ty, *at)).collect();
            Cells::new(&globals)?
        };
        env.as_mut(&mut store).cells = cells.clone();
        Ok(Ok(Code {
            initial: cells.globals(),
            wide: compiled.plan.width == Width::Bits64,
            store,
            env,
            cells,
            exports: instance.exports,
            entries: BTreeMap::new(),
        }))
    }

    fn run(&mut self, heap: &Heap, call: Call, watch: Option<&Watch>) -> Result<Execution, HostFailure> {
        let (canister, limit) = (call.system.canister, call.instructions_max);
        self.cells.allow(limit.0, STACK_BYTES_MAX);
        let entry = call.entry;
        let instantiates = entry.instantiates();
        match instantiates {
            true => self.cells.set_globals(&self.initial)?,
            false => self.cells.set_globals(&call.memory.globals)?,
        }
        let accepts =
            matches!(&entry, Entry::Export(name) if name == "canister_inspect_message" && !self.has(name));
        self.env.as_mut(&mut self.store).run = Run {
            context: if instantiates { Context::Start } else { call.context },
            instructions_max: limit,
            stable: Stable::new(call.memory.stable, call.memory.stable_wasm_pages),
            changes: Changes {
                next_callback: call.system.next_callback,
                message_accepted: accepts,
                ..Changes::default()
            },
            system: Arc::new(call.system),
            reply: Vec::new(),
            call: None,
            log: Log::default(),
        };
        let watched = watch.map(|watch| watch.begin(&self.cells, limit));
        let ended = self.enter(entry);
        drop(watched);
        let ended = ended?;
        let host = self.env.as_mut(&mut self.store);
        let instructions = host.used().min(limit);
        let run = std::mem::replace(&mut host.run, Run::idle());
        if let Some(failure) = heap.failure() {
            return Err(failure);
        }
        match ended {
            Err(trap) => Execution::trapped(trap, instructions, run.log, canister, limit),
            Ok(()) => Ok(Execution {
                instructions,
                log: run.log.into_lines(),
                outcome: Ok(Changes {
                    heap: heap.changes()?,
                    heap_wasm_pages: heap.wasm_pages(),
                    stable_wasm_pages: run.stable.wasm_pages(),
                    stable: run.stable.changes()?,
                    globals: self.cells.globals(),
                    ..run.changes
                }),
            }),
        }
    }

    /// Whether the module itself exports `name`; what `instrument` exports is not for callers.
    fn has(&self, name: &str) -> bool {
        name.starts_with("canister_") && self.exports.get_function(name).is_ok()
    }

    /// Calls the entry point; the inner error is how the canister failed.
    fn enter(&mut self, entry: Entry) -> Result<Result<(), Trap>, HostFailure> {
        let result = match entry {
            Entry::Instantiate => self.call(INITIALIZE),
            Entry::Reinstantiate => self.call(START),
            Entry::Export(name) if self.has(&name) => self.call(&name),
            Entry::Export(name) if validate::LIFECYCLE.contains(&name.as_str()) => Ok(Ok(())),
            Entry::Export(name) => return Ok(Err(Trap::MethodNotFound(method(&name)))),
            Entry::Callback { fun, env } => self.call_back(fun, env),
        };
        let ended = match result? {
            Ok(()) => None,
            Err(error) => Some(match error.downcast::<Trap>() {
                Ok(trap) => trap,
                Err(error) => match self.cells.exhausted() {
                    Some(trap) => trap,
                    None => wasm_trap(&error)?,
                },
            }),
        };
        match ended.or_else(|| self.cells.exhausted()) {
            Some(Trap::Host(failure)) => Err(failure),
            Some(trap) => Ok(Err(trap)),
            None => Ok(Ok(())),
        }
    }

    fn call(&mut self, name: &str) -> Result<Result<(), RuntimeError>, HostFailure> {
        if !self.entries.contains_key(name) {
            let function = self.exports.get_typed_function::<(), ()>(&self.store, name);
            let function = function.map_err(|error| HostFailure(format!("export {name}: {error}")))?;
            self.entries.insert(name.to_string(), function);
        }
        let Some(function) = self.entries.get(name) else {
            return Err(HostFailure(format!("export {name} is lost")));
        };
        let store = &mut self.store;
        unwinding(|| function.call(store))
    }

    fn call_back(&mut self, fun: u64, env: u64) -> Result<Result<(), RuntimeError>, HostFailure> {
        if !self.wide && u32::try_from(env).is_err() {
            let trap = Trap::contract(format!("the callback's environment {env} is out of range"));
            return Ok(Err(RuntimeError::user(Box::new(trap))));
        }
        let function = self.exports.get_typed_function::<(u64, u64), ()>(&self.store, CALLBACK);
        let function = function.map_err(|error| HostFailure(format!("{CALLBACK}: {error}")))?;
        let store = &mut self.store;
        unwinding(|| function.call(store, fun, env))
    }
}

/// A panic of a host function is the host's failure, and ends here.
fn unwinding<T>(call: impl FnOnce() -> T) -> Result<T, HostFailure> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        HostFailure(format!("panic in a host function: {}", text.unwrap_or_default()))
    })
}

/// What went wrong, in the words of the specification. The native stack's end is never met before the
/// counted one (`stack`); if it is, the host is at fault.
fn wasm_trap(error: &RuntimeError) -> Result<Trap, HostFailure> {
    Ok(Trap::Wasm(match error.clone().to_trap() {
        Some(TrapCode::HeapAccessOutOfBounds) => "heap out of bounds",
        Some(TrapCode::TableAccessOutOfBounds) => "table out of bounds",
        Some(TrapCode::IndirectCallToNull) => "indirect call to null",
        Some(TrapCode::BadSignature) => "function signature mismatch",
        Some(TrapCode::IntegerOverflow) => "integer overflow",
        Some(TrapCode::IntegerDivisionByZero) => "integer divide by 0",
        Some(TrapCode::BadConversionToInteger) => "invalid conversion to integer",
        Some(TrapCode::UnreachableCodeReached) => "unreachable",
        _ => return Err(HostFailure(format!("unexpected end of a run: {error}"))),
    }))
}

/// `canister_update add` as people say it.
fn method(entry: &str) -> String {
    let (kind, name) = entry.split_once(' ').unwrap_or(("", entry));
    let kind = kind.strip_prefix("canister_").unwrap_or("function").replace('_', " ");
    format!("{kind} method '{name}'")
}

/// A global as it was made.
struct Cell {
    ty: GlobalType,
    at: NonNull<VMGlobalDefinition>,
}

// SAFETY: the pointer is only used by the holder of the instance it points into.
unsafe impl Send for Cell {}

/// Hands the heap to wasmer, and notes where it puts the globals.
struct InstanceTunables {
    heap: Arc<Heap>,
    globals: Arc<Mutex<Vec<Cell>>>,
    base: BaseTunables,
    config: VMConfig,
}

impl Tunables for InstanceTunables {
    fn memory_style(&self, _memory: &MemoryType) -> MemoryStyle {
        MemoryStyle::Static
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        self.base.table_style(table)
    }

    fn create_host_memory(&self, _ty: &MemoryType, _style: &MemoryStyle) -> Result<VMMemory, MemoryError> {
        Err(MemoryError::Generic("the host makes no memories".into()))
    }

    unsafe fn create_vm_memory(
        &self,
        ty: &MemoryType,
        _style: &MemoryStyle,
        definition: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        self.heap.attach(definition);
        Ok(VMMemory(Box::new(GuestMemory { heap: Arc::clone(&self.heap), definition, ty: *ty })))
    }

    fn create_host_table(&self, ty: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        self.base.create_host_table(ty, style)
    }

    unsafe fn create_vm_table(
        &self,
        ty: &TableType,
        style: &TableStyle,
        definition: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        // SAFETY: as the caller promises.
        unsafe { self.base.create_vm_table(ty, style, definition) }
    }

    unsafe fn create_vm_global(
        &self,
        ty: GlobalType,
        at: NonNull<VMGlobalDefinition>,
    ) -> Result<VMGlobal, String> {
        let mut globals = self.globals.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        globals.push(Cell { ty, at });
        // SAFETY: as the caller promises.
        Ok(unsafe { VMGlobal::new_instance(ty, at) })
    }

    fn vmconfig(&self) -> &VMConfig {
        &self.config
    }
}
