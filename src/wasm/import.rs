//! The System API's table: every function, its type, and where it may be called (interface spec,
//! "Overview of imports"). Linking, validation and the check at run time all read this one table.

use super::call::Context;
use super::facts::InvalidModule;
use super::host::Host;
use super::parsed::{FunctionImport, Parsed};
use super::trap::Trap;
use serde::{Deserialize, Serialize};
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

/// How wide a module's memory addresses are: what the spec's `I` stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Width {
    Bits32,
    Bits64,
}

impl Width {
    /// That of the declared memory; 32 bits without one.
    pub fn of(parsed: &Parsed<'_>) -> Width {
        match parsed.memory.is_some_and(|memory| memory.memory64) {
            true => Width::Bits64,
            false => Width::Bits32,
        }
    }
}

/// The type of a parameter or a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// A pointer, an offset, a size, a table index or a callback's environment: as wide as addresses.
    I,
    I32,
    I64,
}

impl Type {
    /// What a module with addresses of this width declares.
    pub fn at(self, width: Width) -> ValType {
        match (self, width) {
            (Type::I32, _) | (Type::I, Width::Bits32) => ValType::I32,
            (Type::I64, _) | (Type::I, Width::Bits64) => ValType::I64,
        }
    }
}

/// One System API function.
pub struct Import {
    pub name: &'static str,
    pub params: &'static [Type],
    pub results: &'static [Type],
    pub contexts: Contexts,
    /// There for modules with 32-bit addresses alone.
    pub only_32: bool,
}

const fn is_any(names: &[&str]) -> bool {
    !names.is_empty()
}

macro_rules! type_of {
    (I) => {
        Type::I
    };
    (u32) => {
        Type::I32
    };
    (u64) => {
        Type::I64
    };
}

/// The Rust type of a parameter or result in a module with 32-bit addresses, and of what is not `I` in all.
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

/// The same with 64-bit addresses: what the functions of [`Host`] take and give.
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

/// A result as a module with 32-bit addresses gets it. Lengths are bounded far below 4 GiB.
macro_rules! narrowed {
    ($value:expr) => {
        $value
    };
    ($value:expr, I) => {
        $value.map(|value: u64| u32::try_from(value).unwrap_or(u32::MAX))
    };
    ($value:expr, $ty:ident) => {
        $value
    };
}

/// Makes [`IMPORTS`] and [`link`] from the table. The function of the same name on [`Host`] does the work.
macro_rules! system_api {
    ($($name:ident($($arg:ident: $ty:ident),*) $(-> $result:ident)?, [$($letter:ident)*] $(, only $only:ident)?;)*) => {
        /// The table's lines by name.
        #[allow(non_upper_case_globals, reason = "the names are the System API's")]
        mod line {
            use super::letter::*;
            use super::{Import, Type, is_any};
            $(pub const $name: Import = Import {
                name: stringify!($name),
                params: &[$(type_of!($ty)),*],
                results: &[$(type_of!($result))?],
                contexts: any![$($letter)*],
                only_32: is_any(&[$(stringify!($only))?]),
            };)*
        }

        /// Every function of the module `ic0`.
        pub const IMPORTS: &[Import] = &[$(line::$name),*];

        /// The host function `name` for modules with addresses of this width, or `None` if there is no
        /// such function.
        pub fn link(name: &str, width: Width, store: &mut Store, env: &FunctionEnv<Host>) -> Option<Function> {
            match (name, width) {
                $((stringify!($name), Width::Bits32) => {
                    #[allow(clippy::too_many_arguments, reason = "as many as the interface gives")]
                    fn call(mut env: FunctionEnvMut<'_, Host>, $($arg: narrow!($ty)),*) -> Result<narrow!($($result)?), Trap> {
                        let host = env.data_mut();
                        host.enter(&line::$name)?;
                        narrowed!(host.$name($($arg.into()),*) $(, $result)?)
                    }
                    Some(Function::new_typed_with_env(store, env, call))
                }
                (stringify!($name), Width::Bits64) => {
                    #[allow(clippy::too_many_arguments, reason = "as many as the interface gives")]
                    fn call(mut env: FunctionEnvMut<'_, Host>, $($arg: wide!($ty)),*) -> Result<wide!($($result)?), Trap> {
                        let host = env.data_mut();
                        host.enter(&line::$name)?;
                        host.$name($($arg),*)
                    }
                    Some(Function::new_typed_with_env(store, env, call))
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
    msg_cycles_available() -> u64, [U RQ RT RY], only I32;
    msg_cycles_available128(dst: I), [U RQ RT RY];
    msg_cycles_refunded() -> u64, [RT RY], only I32;
    msg_cycles_refunded128(dst: I), [RT RY];
    msg_cycles_accept(amount: u64) -> u64, [U RQ RT RY], only I32;
    msg_cycles_accept128(high: u64, low: u64, dst: I), [U RQ RT RY];
    cycles_burn128(high: u64, low: u64, dst: I), [I G U RQ RY RT C T];
    mint_cycles128(high: u64, low: u64, dst: I), [U RY RT T];
    canister_self_size() -> I, [ANY];
    canister_self_copy(dst: I, offset: I, size: I), [ANY];
    canister_cycle_balance() -> u64, [ANY], only I32;
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
    call_cycles_add(amount: u64), [U RY RT T], only I32;
    call_cycles_add128(high: u64, low: u64), [U RY RT T];
    call_perform() -> u32, [U CQ RY RT CRY CRT T];
    stable_size() -> u32, [ANY S], only I32;
    stable_grow(pages: u32) -> u32, [ANY S], only I32;
    stable_write(offset: u32, src: u32, size: u32), [ANY S], only I32;
    stable_read(dst: u32, offset: u32, size: u32), [ANY S], only I32;
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
    cost_http_request_v2(params: I, params_size: I, dst: I), [ANY S];
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
        check_one(import, ty, Width::of(parsed)).map_err(|why| InvalidModule::Import {
            module: import.module.into(),
            name: import.name.into(),
            why,
        })
    })
}

fn check_one(import: &FunctionImport<'_>, ty: Option<&FuncType>, width: Width) -> Result<(), String> {
    if import.module != "ic0" {
        return Err("only functions of `ic0` can be imported".into());
    }
    let known = IMPORTS.iter().find(|known| known.name == import.name);
    let known = known.ok_or("no such function of the System API")?;
    if known.only_32 && width == Width::Bits64 {
        return Err("is not there for modules with a 64-bit memory".into());
    }
    let types = |types: &[Type]| types.iter().map(|ty| ty.at(width)).collect::<Vec<_>>();
    let expected = FuncType::new(types(known.params), types(known.results));
    match ty {
        Some(ty) if *ty == expected => Ok(()),
        Some(ty) => Err(format!("has type {ty:?}, expected {expected:?}")),
        None => Err("has no type".into()),
    }
}
