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

/// One System API function.
pub struct Import {
    pub name: &'static str,
    pub params: &'static [ValType],
    pub results: &'static [ValType],
    pub contexts: Contexts,
}

macro_rules! wasm_type {
    (u32) => {
        ValType::I32
    };
    (u64) => {
        ValType::I64
    };
}

macro_rules! returned {
    () => {
        ()
    };
    ($ty:ident) => {
        $ty
    };
}

/// Makes [`IMPORTS`] and [`link`] from the table. The function of the same name on [`Host`] does the work.
macro_rules! system_api {
    ($($name:ident($($arg:ident: $ty:ident),*) $(-> $result:ident)?, [$($letter:ident)*];)*) => {
        /// The table's lines by name.
        #[allow(non_upper_case_globals, reason = "the names are the System API's")]
        mod line {
            use super::letter::*;
            use super::{Import, ValType};
            $(pub const $name: Import = Import {
                name: stringify!($name),
                params: &[$(wasm_type!($ty)),*],
                results: &[$(wasm_type!($result))?],
                contexts: any![$($letter)*],
            };)*
        }

        /// Every function of the module `ic0`.
        pub const IMPORTS: &[Import] = &[$(line::$name),*];

        /// The host function `name`, or `None` if there is no such function.
        pub fn link(name: &str, store: &mut Store, env: &FunctionEnv<Host>) -> Option<Function> {
            match name {
                $(stringify!($name) => {
                    #[allow(clippy::too_many_arguments)] // as many as the interface gives
                    fn call(mut env: FunctionEnvMut<'_, Host>, $($arg: $ty),*) -> Result<returned!($($result)?), Trap> {
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
    msg_arg_data_size() -> u32, [I U RQ NRQ TQ CQ RY CRY F];
    msg_arg_data_copy(dst: u32, offset: u32, size: u32), [I U RQ NRQ TQ CQ RY CRY F];
    msg_caller_size() -> u32, [ANY];
    msg_caller_copy(dst: u32, offset: u32, size: u32), [ANY];
    msg_caller_info_data_size() -> u32, [U RQ NRQ CQ RY RT CRY CRT C CC F];
    msg_caller_info_data_copy(dst: u32, offset: u32, size: u32), [U RQ NRQ CQ RY RT CRY CRT C CC F];
    msg_caller_info_signer_size() -> u32, [U RQ NRQ CQ RY RT CRY CRT C CC F];
    msg_caller_info_signer_copy(dst: u32, offset: u32, size: u32), [U RQ NRQ CQ RY RT CRY CRT C CC F];
    msg_reject_code() -> u32, [RY RT CRY CRT C];
    msg_reject_msg_size() -> u32, [RT CRT];
    msg_reject_msg_copy(dst: u32, offset: u32, size: u32), [RT CRT];
    msg_deadline() -> u64, [U RQ NRQ CQ RY RT CRY CRT];
    msg_reply_data_append(src: u32, size: u32), [U RQ NRQ TQ CQ RY RT CRY CRT];
    msg_reply(), [U RQ NRQ TQ CQ RY RT CRY CRT];
    msg_reject(src: u32, size: u32), [U RQ NRQ TQ CQ RY RT CRY CRT];
    msg_cycles_available() -> u64, [U RQ RT RY];
    msg_cycles_available128(dst: u32), [U RQ RT RY];
    msg_cycles_refunded() -> u64, [RT RY];
    msg_cycles_refunded128(dst: u32), [RT RY];
    msg_cycles_accept(amount: u64) -> u64, [U RQ RT RY];
    msg_cycles_accept128(high: u64, low: u64, dst: u32), [U RQ RT RY];
    cycles_burn128(high: u64, low: u64, dst: u32), [I G U RQ RY RT C T];
    canister_self_size() -> u32, [ANY];
    canister_self_copy(dst: u32, offset: u32, size: u32), [ANY];
    canister_cycle_balance() -> u64, [ANY];
    canister_cycle_balance128(dst: u32), [ANY];
    canister_liquid_cycle_balance128(dst: u32), [ANY];
    canister_status() -> u32, [ANY];
    canister_version() -> u64, [ANY];
    subnet_self_size() -> u32, [ANY];
    subnet_self_copy(dst: u32, offset: u32, size: u32), [ANY];
    subnet_self_node_count() -> u32, [ANY];
    msg_method_name_size() -> u32, [F];
    msg_method_name_copy(dst: u32, offset: u32, size: u32), [F];
    accept_message(), [F];
    call_new(callee: u32, callee_size: u32, name: u32, name_size: u32, reply_fun: u32, reply_env: u32,
        reject_fun: u32, reject_env: u32), [U CQ RY RT CRY CRT T];
    call_on_cleanup(fun: u32, env: u32), [U CQ RY RT CRY CRT T];
    call_data_append(src: u32, size: u32), [U CQ RY RT CRY CRT T];
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
    root_key_size() -> u32, [I G U RQ RY RT C T];
    root_key_copy(dst: u32, offset: u32, size: u32), [I G U RQ RY RT C T];
    certified_data_set(src: u32, size: u32), [I G U RY RT T];
    data_certificate_present() -> u32, [ANY];
    data_certificate_size() -> u32, [NRQ CQ];
    data_certificate_copy(dst: u32, offset: u32, size: u32), [NRQ CQ];
    time() -> u64, [ANY];
    global_timer_set(timestamp: u64) -> u64, [I G U RY RT C T];
    performance_counter(kind: u32) -> u64, [ANY S];
    is_controller(src: u32, size: u32) -> u32, [ANY S];
    in_replicated_execution() -> u32, [ANY S];
    cost_call(name_size: u64, payload_size: u64, dst: u32), [ANY S];
    cost_create_canister(dst: u32), [ANY S];
    cost_http_request(request_size: u64, response_max: u64, dst: u32), [ANY S];
    cost_sign_with_ecdsa(src: u32, size: u32, curve: u32, dst: u32) -> u32, [ANY S];
    cost_sign_with_schnorr(src: u32, size: u32, algorithm: u32, dst: u32) -> u32, [ANY S];
    cost_vetkd_derive_key(src: u32, size: u32, curve: u32, dst: u32) -> u32, [ANY S];
    env_var_count() -> u32, [ANY];
    env_var_name_size(index: u32) -> u32, [ANY];
    env_var_name_copy(index: u32, dst: u32, offset: u32, size: u32), [ANY];
    env_var_name_exists(src: u32, size: u32) -> u32, [ANY];
    env_var_value_size(src: u32, size: u32) -> u32, [ANY];
    env_var_value_copy(src: u32, name_size: u32, dst: u32, offset: u32, size: u32), [ANY];
    debug_print(src: u32, size: u32), [ANY S];
    trap(src: u32, size: u32), [ANY S];
}

/// Checks that `parsed` imports only functions of the table, each with its type.
pub fn check(parsed: &Parsed<'_>) -> Result<(), InvalidModule> {
    parsed.imports.iter().try_for_each(|import| {
        let ty = parsed.types.get(import.ty as usize);
        check_one(import, ty).map_err(|why| InvalidModule::Import {
            module: import.module.into(),
            name: import.name.into(),
            why,
        })
    })
}

fn check_one(import: &FunctionImport<'_>, ty: Option<&FuncType>) -> Result<(), String> {
    if import.module != "ic0" {
        return Err("only functions of `ic0` can be imported".into());
    }
    let known = IMPORTS.iter().find(|known| known.name == import.name);
    let known = known.ok_or("no such function of the System API")?;
    let expected = FuncType::new(known.params.iter().copied(), known.results.iter().copied());
    match ty {
        Some(ty) if *ty == expected => Ok(()),
        Some(ty) => Err(format!("has type {ty:?}, expected {expected:?}")),
        None => Err("has no type".into()),
    }
}
