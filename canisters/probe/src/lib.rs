//! A test canister that does what its argument says.
//!
//! Every entry point runs a *script*: a sequence of operations on a stack of byte strings. `run`
//! (update) and `ask` (query) take the script as their argument; `canister_init` and
//! `canister_post_upgrade` run theirs too, and scripts for the other entry points are kept by
//! [`op::KEEP`]. Numbers on the stack are little-endian; each operation says in [`op`] what it takes
//! from the stack (the top last) and what it leaves. A script that is wrong traps and says where.
//!
//! `tests/spec` writes scripts as text (`tests/spec/program.rs`).

#[macro_use]
mod function;
pub mod op;

mod machine;
mod system;

use machine::run;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Slots for kept scripts, by the entry point that runs them.
pub mod slot {
    pub const PRE_UPGRADE: u8 = 0;
    pub const GLOBAL_TIMER: u8 = 1;
    pub const INSPECT: u8 = 2;
    pub const HEARTBEAT: u8 = 3;
    pub const LOW_WASM_MEMORY: u8 = 4;
}

thread_local! {
    static KEPT: RefCell<BTreeMap<u8, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
    static CALLBACKS: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static NOTES: RefCell<BTreeMap<Vec<u8>, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
    static GLOBAL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn argument() -> Vec<u8> {
    let mut bytes = vec![0; ic0::msg_arg_data_size()];
    ic0::msg_arg_data_copy(&mut bytes, 0);
    bytes
}

fn run_kept(slot: u8) {
    if let Some(script) = KEPT.with_borrow(|kept| kept.get(&slot).cloned()) {
        run(&script);
    }
}

/// Runs the script that `env` names: the one function behind every callback.
extern "C" fn callback(env: usize) {
    let script = CALLBACKS.with_borrow(|scripts| scripts.get(env).cloned());
    match script {
        Some(script) => run(&script),
        None => ic0::trap(b"probe: no such callback"),
    }
}

#[unsafe(export_name = "canister_init")]
extern "C" fn init() {
    run(&argument());
}

#[unsafe(export_name = "canister_post_upgrade")]
extern "C" fn post_upgrade() {
    run(&argument());
}

#[unsafe(export_name = "canister_pre_upgrade")]
extern "C" fn pre_upgrade() {
    run_kept(slot::PRE_UPGRADE);
}

#[unsafe(export_name = "canister_global_timer")]
extern "C" fn global_timer() {
    run_kept(slot::GLOBAL_TIMER);
}

#[unsafe(export_name = "canister_update run")]
extern "C" fn update() {
    run(&argument());
}

#[unsafe(export_name = "canister_query ask")]
extern "C" fn query() {
    run(&argument());
}

#[unsafe(export_name = "canister_composite_query compose")]
extern "C" fn composite_query() {
    run(&argument());
}

/// Its argument is run by `canister_inspect_message`.
#[unsafe(export_name = "canister_update inspected")]
extern "C" fn inspected() {
    ic0::msg_reply_data_append(b"accepted");
    ic0::msg_reply();
}

#[unsafe(export_name = "canister_inspect_message")]
extern "C" fn inspect_message() {
    let mut method = vec![0; ic0::msg_method_name_size()];
    ic0::msg_method_name_copy(&mut method, 0);
    if method == b"inspected" {
        run(&argument());
    } else if KEPT.with_borrow(|kept| kept.contains_key(&slot::INSPECT)) {
        run_kept(slot::INSPECT);
    } else {
        ic0::accept_message();
    }
}

// These two run in every round, so that a probe has them only where a test asks for it: it writes a `c`
// for the dash.

#[unsafe(export_name = "-anister_heartbeat")]
extern "C" fn heartbeat() {
    run_kept(slot::HEARTBEAT);
}

#[unsafe(export_name = "-anister_on_low_wasm_memory")]
extern "C" fn on_low_wasm_memory() {
    run_kept(slot::LOW_WASM_MEMORY);
}
