//! The System API's table: every function, its type, and where it may be called (interface spec,
//! "Overview of imports"). Linking, validation and the check at run time all read this one table.

use super::call::Context;
use super::facts::InvalidModule;
use super::host::Host;
use super::parsed::{FunctionImport, Parsed};
use super::trap::Trap;
use std::fmt;
use wasmer::{Function, FunctionEnv, FunctionEnvMut, Store};
use wasmparser::{FuncType, ValType};

/// A set of contexts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contexts(u32);

impl Contexts {
    const fn of(contexts: &[Context]) -> Contexts {
        let mut bits = 0;
        let mut at = 0;
        while at < contexts.len() {
            bits |= 1 << contexts[at] as u32;
            at += 1;
        }
        Contexts(bits)
    }

    const fn or(self, other: Contexts) -> Contexts {
        Contexts(self.0 | other.0)
    }

    /// Whether `context` is one of them.
    pub fn contains(self, context: Context) -> bool {
        self.0 & 1 << context as u32 != 0
    }
}

/// A union of letters.
macro_rules! any {
    ($first:ident $($more:ident)*) => { $first$(.or($more))* };
}

/// The spec's letters.
mod letter {
    use super::{Context, Contexts};
    pub const I: Contexts = Contexts::of(&[Context::Init, Context::PostUpgrade]);
    pub const G: Contexts = Contexts::of(&[Context::PreUpgrade]);
    pub const U: Contexts = Contexts::of(&[Context::Update]);
    pub const RQ: Contexts = Contexts::of(&[Context::ReplicatedQuery]);
    pub const NRQ: Contexts = Contexts::of(&[Context::Query]);
    pub const TQ: Contexts = Contexts::of(&[Context::HttpTransform]);
    pub const CQ: Contexts = Contexts::of(&[Context::CompositeQuery]);
    pub const RY: Contexts = Contexts::of(&[Context::ReplyCallback]);
    pub const RT: Contexts = Contexts::of(&[Context::RejectCallback]);
    pub const CRY: Contexts = Contexts::of(&[Context::CompositeReplyCallback]);
    pub const CRT: Contexts = Contexts::of(&[Context::CompositeRejectCallback]);
    pub const C: Contexts = Contexts::of(&[Context::Cleanup]);
    pub const CC: Contexts = Contexts::of(&[Context::CompositeCleanup]);
    pub const F: Contexts = Contexts::of(&[Context::InspectMessage]);
    pub const T: Contexts = Contexts::of(&[Context::SystemTask]);
    pub const S: Contexts = Contexts::of(&[Context::Start]);
    /// `*`: everywhere but in `start`.
    pub const ANY: Contexts = any![I G U RQ NRQ TQ CQ RY RT CRY CRT C CC F T];
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Context::Init | Context::PostUpgrade => "init",
            Context::PreUpgrade => "pre upgrade",
            Context::Update => "update",
            Context::ReplicatedQuery => "replicated query",
            Context::Query => "non replicated query",
            Context::HttpTransform => "http transform",
            Context::CompositeQuery => "composite query",
            Context::ReplyCallback => "reply callback",
            Context::RejectCallback => "reject callback",
            Context::Cleanup => "cleanup",
            Context::CompositeReplyCallback => "composite reply callback",
            Context::CompositeRejectCallback => "composite reject callback",
            Context::CompositeCleanup => "composite cleanup",
            Context::InspectMessage => "inspect message",
            Context::SystemTask => "system task",
            Context::Start => "start",
        })
    }
}

/// A type in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    I32,
    I64,
    /// The spec's `I`: as wide as the addresses of the module's memory.
    Pointer,
}

impl Type {
    /// The Wasm type, for `wide` pointers or narrow ones.
    pub fn of(self, wide: bool) -> ValType {
        match self {
            Type::I64 => ValType::I64,
            Type::Pointer if wide => ValType::I64,
            Type::I32 | Type::Pointer => ValType::I32,
        }
    }
}

/// One System API function.
pub struct Import {
    pub name: &'static str,
    pub params: &'static [Type],
    pub results: &'static [Type],
    pub contexts: Contexts,
}

/// Functions that exist only for modules with 32-bit pointers.
pub const NARROW_ONLY: &[&str] = &[
    "msg_cycles_available",
    "msg_cycles_refunded",
    "msg_cycles_accept",
    "canister_cycle_balance",
    "call_cycles_add",
    "stable_size",
    "stable_grow",
    "stable_write",
    "stable_read",
];

/// The table's words for types: `I` is the spec's.
macro_rules! wasm_type {
    (u32) => {
        Type::I32
    };
    (u64) => {
        Type::I64
    };
    (I) => {
        Type::Pointer
    };
}

/// The type of a parameter or result in the form for 32-bit pointers.
macro_rules! narrow {
    () => {
        ()
    };
    (I) => {
        u32
    };
    ($ty:ident) => {
        $ty
    };
}

/// The type of a parameter or result in the form for 64-bit pointers.
macro_rules! wide {
    () => {
        ()
    };
    (I) => {
        u64
    };
    ($ty:ident) => {
        $ty
    };
}

/// An argument as [`Host`] takes it: pointers always with 64 bits.
macro_rules! argument {
    (I, $arg:ident) => {
        u64::from($arg)
    };
    ($ty:ident, $arg:ident) => {
        $arg
    };
}

/// A result as the form for 64-bit pointers gives it.
macro_rules! widened {
    (, $result:expr) => {
        $result
    };
    (I, $result:expr) => {
        $result.map(u64::from)
    };
    ($ty:ident, $result:expr) => {
        $result
    };
}

/// Makes [`IMPORTS`] and [`link`] from the table. The function of the same name on [`Host`] does the work.
macro_rules! system_api {
    ($($name:ident($($arg:ident: $ty:ident),*) $(-> $result:ident)?, [$($letter:ident)*];)*) => {
        /// The table's lines by name.
        #[allow(non_upper_case_globals, reason = "the names are the System API's")]
        mod line {
            use super::letter::*;
            use super::{Import, Type};
            $(pub const $name: Import = Import {
                name: stringify!($name),
                params: &[$(wasm_type!($ty)),*],
                results: &[$(wasm_type!($result))?],
                contexts: any![$($letter)*],
            };)*
        }

        /// Every function of the module `ic0`.
        pub const IMPORTS: &[Import] = &[$(line::$name),*];

        /// The host function `name` in its form for `wide` pointers, or `None` if there is no such function.
        #[allow(clippy::too_many_arguments, clippy::useless_conversion, reason = "the interface has it so")]
        pub fn link(name: &str, wide: bool, store: &mut Store, env: &FunctionEnv<Host>) -> Option<Function> {
            match name {
                $(stringify!($name) => {
                    fn call(mut env: FunctionEnvMut<'_, Host>, $($arg: narrow!($ty)),*) -> Result<narrow!($($result)?), Trap> {
                        let host = env.data_mut();
                        host.enter(&line::$name)?;
                        host.$name($(argument!($ty, $arg)),*)
                    }
                    fn call_wide(mut env: FunctionEnvMut<'_, Host>, $($arg: wide!($ty)),*) -> Result<wide!($($result)?), Trap> {
                        let host = env.data_mut();
                        host.enter(&line::$name)?;
                        widened!($($result)?, host.$name($(argument!($ty, $arg)),*))
                    }
                    Some(match wide {
                        false => Function::new_typed_with_env(store, env, call),
                        true => Function::new_typed_with_env(store, env, call_wide),
                    })
                })*
                _ => None,
            }
        }
    };
}

system_api! {
    msg_arg_data_size() -> I, [I U RQ NRQ TQ CQ RY CRY F];
    msg_arg_data_copy(dst: I, offset: I, size: I), [I U RQ NRQ TQ CQ RY CRY F];
    msg_caller_size() -> I, [ANY];
    msg_caller_copy(dst: I, offset: I, size: I), [ANY];
    msg_caller_info_data_size() -> I, [U RQ NRQ CQ RY RT CRY CRT C CC F];
    msg_caller_info_data_copy(dst: I, offset: I, size: I), [U RQ NRQ CQ RY RT CRY CRT C CC F];
    msg_caller_info_signer_size() -> I, [U RQ NRQ CQ RY RT CRY CRT C CC F];
    msg_caller_info_signer_copy(dst: I, offset: I, size: I), [U RQ NRQ CQ RY RT CRY CRT C CC F];
    msg_reject_code() -> u32, [RY RT CRY CRT C];
    msg_reject_msg_size() -> I, [RT CRT];
    msg_reject_msg_copy(dst: I, offset: I, size: I), [RT CRT];
    msg_deadline() -> u64, [U RQ NRQ CQ RY RT CRY CRT];
    msg_reply_data_append(src: I, size: I), [U RQ NRQ TQ CQ RY RT CRY CRT];
    msg_reply(), [U RQ NRQ TQ CQ RY RT CRY CRT];
    msg_reject(src: I, size: I), [U RQ NRQ TQ CQ RY RT CRY CRT];
    msg_cycles_available() -> u64, [U RQ RT RY];
    msg_cycles_available128(dst: I), [U RQ RT RY];
    msg_cycles_refunded() -> u64, [RT RY];
    msg_cycles_refunded128(dst: I), [RT RY];
    msg_cycles_accept(amount: u64) -> u64, [U RQ RT RY];
    msg_cycles_accept128(high: u64, low: u64, dst: I), [U RQ RT RY];
    cycles_burn128(high: u64, low: u64, dst: I), [I G U RQ RY RT C T];
    canister_self_size() -> I, [ANY];
    canister_self_copy(dst: I, offset: I, size: I), [ANY];
    canister_cycle_balance() -> u64, [ANY];
    canister_cycle_balance128(dst: I), [ANY];
    canister_liquid_cycle_balance128(dst: I), [ANY];
    canister_status() -> u32, [ANY];
    canister_version() -> u64, [ANY];
    subnet_self_size() -> I, [ANY];
    subnet_self_copy(dst: I, offset: I, size: I), [ANY];
    subnet_self_node_count() -> u32, [ANY];
    msg_method_name_size() -> I, [F];
    msg_method_name_copy(dst: I, offset: I, size: I), [F];
    accept_message(), [F];
    call_new(callee: I, callee_size: I, name: I, name_size: I, reply_fun: I, reply_env: I,
        reject_fun: I, reject_env: I), [U CQ RY RT CRY CRT T];
    call_on_cleanup(fun: I, env: I), [U CQ RY RT CRY CRT T];
    call_data_append(src: I, size: I), [U CQ RY RT CRY CRT T];
    call_with_best_effort_response(seconds: u32), [U CQ RY RT CRY CRT T];
    call_cycles_add(amount: u64), [U RY RT T];
    call_cycles_add128(high: u64, low: u64), [U RY RT T];
    call_perform() -> u32, [U CQ RY RT CRY CRT T];
    stable_size() -> u32, [ANY S];
    stable_grow(pages: u32) -> u32, [ANY S];
    stable_write(offset: u32, src: u32, size: u32), [ANY S];
    stable_read(dst: u32, offset: u32, size: u32), [ANY S];
    stable64_size() -> u64, [ANY S];
    stable64_grow(pages: u64) -> u64, [ANY S];
    stable64_write(offset: u64, src: u64, size: u64), [ANY S];
    stable64_read(dst: u64, offset: u64, size: u64), [ANY S];
    root_key_size() -> I, [I G U RQ RY RT C T];
    root_key_copy(dst: I, offset: I, size: I), [I G U RQ RY RT C T];
    certified_data_set(src: I, size: I), [I G U RY RT T];
    data_certificate_present() -> u32, [ANY];
    data_certificate_size() -> I, [NRQ CQ];
    data_certificate_copy(dst: I, offset: I, size: I), [NRQ CQ];
    time() -> u64, [ANY];
    global_timer_set(timestamp: u64) -> u64, [I G U RY RT C T];
    performance_counter(kind: u32) -> u64, [ANY S];
    is_controller(src: I, size: I) -> u32, [ANY S];
    in_replicated_execution() -> u32, [ANY S];
    cost_call(name_size: u64, payload_size: u64, dst: I), [ANY S];
    cost_create_canister(dst: I), [ANY S];
    cost_http_request(request_size: u64, response_max: u64, dst: I), [ANY S];
    cost_sign_with_ecdsa(src: I, size: I, curve: u32, dst: I) -> u32, [ANY S];
    cost_sign_with_schnorr(src: I, size: I, algorithm: u32, dst: I) -> u32, [ANY S];
    cost_vetkd_derive_key(src: I, size: I, curve: u32, dst: I) -> u32, [ANY S];
    env_var_count() -> I, [ANY];
    env_var_name_size(index: I) -> I, [ANY];
    env_var_name_copy(index: I, dst: I, offset: I, size: I), [ANY];
    env_var_name_exists(src: I, size: I) -> u32, [ANY];
    env_var_value_size(src: I, size: I) -> I, [ANY];
    env_var_value_copy(src: I, name_size: I, dst: I, offset: I, size: I), [ANY];
    debug_print(src: I, size: I), [ANY S];
    trap(src: I, size: I), [ANY S];
}

/// Checks that `parsed` imports only functions of the table, each with its type.
pub fn check(parsed: &Parsed<'_>) -> Result<(), InvalidModule> {
    parsed.imports.iter().try_for_each(|import| {
        let ty = parsed.types.get(import.ty as usize);
        check_one(import, ty, parsed.is_wide()).map_err(|why| InvalidModule::Import {
            module: import.module.into(),
            name: import.name.into(),
            why,
        })
    })
}

fn check_one(import: &FunctionImport<'_>, ty: Option<&FuncType>, wide: bool) -> Result<(), String> {
    if import.module != "ic0" {
        return Err("only functions of `ic0` can be imported".into());
    }
    let known = IMPORTS.iter().find(|known| known.name == import.name);
    let known = known.ok_or("no such function of the System API")?;
    if wide && NARROW_ONLY.contains(&known.name) {
        return Err("exists only for modules with a 32-bit memory or none".into());
    }
    let of = |ty: &Type| ty.of(wide);
    let expected = FuncType::new(known.params.iter().map(of), known.results.iter().map(of));
    match ty {
        Some(ty) if *ty == expected => Ok(()),
        Some(ty) => Err(format!("has type {ty:?}, expected {expected:?}")),
        None => Err("has no type".into()),
    }
}
