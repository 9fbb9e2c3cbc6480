//! What goes into one run of one entry point, and what comes out. Plain data, so that a process
//! boundary can be put here later.

use crate::state::{Global, InFlight, Page, PageMap};
use crate::types::*;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// Which System API functions a run may use (interface spec, the table's letters).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Context {
    /// `canister_init` (I)
    Init,
    /// `canister_pre_upgrade` (G)
    PreUpgrade,
    /// `canister_post_upgrade` (I)
    PostUpgrade,
    /// `canister_update` (U)
    Update,
    /// A query method called in replicated execution (RQ)
    ReplicatedQuery,
    /// A query method of a non-replicated query (NRQ)
    Query,
    /// `canister_composite_query` (CQ)
    CompositeQuery,
    /// A reply callback (Ry)
    ReplyCallback,
    /// A reject callback (Rt)
    RejectCallback,
    /// A cleanup callback (C)
    Cleanup,
    /// A query method as the transform of an HTTP outcall (TQ)
    HttpTransform,
    /// A reply callback of a composite query (CRy)
    CompositeReplyCallback,
    /// A reject callback of a composite query (CRt)
    CompositeRejectCallback,
    /// A cleanup callback of a composite query (CC)
    CompositeCleanup,
    /// `canister_inspect_message` (F)
    InspectMessage,
    /// `canister_heartbeat`, `canister_global_timer`, `canister_on_low_wasm_memory` (T)
    SystemTask,
    /// The module's `start` function (s)
    Start,
}

impl Context {
    /// Whether all replicas make this run and agree on its result.
    pub fn is_replicated(self) -> bool {
        !matches!(
            self,
            Context::Query
                | Context::HttpTransform
                | Context::CompositeQuery
                | Context::CompositeReplyCallback
                | Context::CompositeRejectCallback
                | Context::CompositeCleanup
                | Context::InspectMessage
        )
    }

    /// Whether nobody can ask what the run changed in memory: no callback follows.
    pub(super) fn is_forgotten(self) -> bool {
        matches!(self, Context::Query | Context::HttpTransform | Context::InspectMessage)
    }
}

/// What to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// The exported function of this name, e.g. `canister_update increment`. Absent lifecycle exports
    /// (`canister_init`, …) count as empty functions; an absent `canister_inspect_message` accepts.
    /// An absent method is IC0536.
    Export(String),
    /// The function at table index `fun` with environment `env`.
    Callback { fun: u64, env: u64 },
    /// Instantiate afresh: apply active data segments and globals' initial values, run `start`.
    /// `globals`, `heap` and `heap_wasm_pages` of the call are ignored: start from an empty page map
    /// and put `Changes.heap` into it; stable memory is kept. Runs in [`Context::Start`], whatever
    /// the call says.
    Instantiate,
    /// Instantiate over the heap handed in: globals get their initial values and `start` runs, but no
    /// active data segment is applied (an upgrade with `wasm_memory_persistence = opt keep`). The heap grows
    /// to the module's initial size if it is smaller. `globals` of the call are ignored. Runs in
    /// [`Context::Start`], whatever the call says.
    Reinstantiate,
}

impl Entry {
    /// Whether globals get their initial values and `start` runs.
    pub(super) fn instantiates(&self) -> bool {
        matches!(self, Entry::Instantiate | Entry::Reinstantiate)
    }
}

/// A canister's memories and globals before the run.
#[derive(Clone)]
pub struct Memory {
    pub heap: PageMap,
    /// Size of the heap in 64 KiB Wasm pages.
    pub heap_wasm_pages: u32,
    pub stable: PageMap,
    /// Size of stable memory in 64 KiB pages.
    pub stable_wasm_pages: u64,
    /// Mutable globals, in module order.
    pub globals: Vec<Global>,
}

/// A certificate that is made when the canister asks for its bytes: few queries do.
pub type DataCertificate = Arc<LazyLock<Vec<u8>, Box<dyn FnOnce() -> Vec<u8> + Send>>>;

/// Everything a run may learn about the world.
#[derive(Clone)]
pub struct System {
    pub canister: CanisterId,
    pub time: Time,
    pub caller: Principal,
    /// What a canister vouches for about the caller (`msg_caller_info_*`).
    pub caller_info: Option<SenderInfo>,
    /// `msg_arg_data`: argument, or reply in a reply callback.
    pub arg: Arc<[u8]>,
    /// In a reject callback: what was rejected.
    pub reject: Option<Reject>,
    pub method_name: String,
    /// The canister's balance at the start of the run, accepted cycles not yet in it.
    pub balance: Cycles,
    /// Cycles below which the balance may not fall by calls or burns (freezing threshold).
    pub freezing_limit: Cycles,
    /// `msg_cycles_available`: what the caller attached and the canister has not accepted yet.
    pub cycles_available: Cycles,
    /// `msg_cycles_refunded` in a callback.
    pub cycles_refunded: Cycles,
    /// Whether this call context was answered already (then `msg_reply` traps).
    pub answered: bool,
    /// `None`: the caller awaits a guaranteed response. `Some`: best-effort until then.
    pub deadline: Option<Time>,
    pub canister_version: u64,
    /// 1 running, 2 stopping, 3 stopped.
    pub canister_status: u32,
    pub controllers: Arc<[Principal]>,
    pub subnet: Principal,
    pub root_key: Arc<[u8]>,
    pub env_vars: Arc<BTreeMap<String, String>>,
    /// In a non-replicated query: a certificate for the canister's certified data.
    pub data_certificate: Option<DataCertificate>,
    /// Instructions that this call context used before (performance counter 1).
    pub instructions_before: Instructions,
    pub call_room: CallRoom,
    /// The timer as set before the run (`ic0.global_timer_set` returns it); zero: none.
    pub global_timer: Time,
    /// Nodes of this subnet (`ic0.subnet_self_node_count`).
    pub subnet_nodes: u32,
    /// Cycles that the run may make from nothing; `None` for all canisters but the minting one.
    pub mint_room: Option<Cycles>,
    /// Prices that `ic0.cost_*` and reservations for outgoing calls need.
    pub prices: Prices,
    /// Callback ids to hand out start here.
    pub next_callback: u64,
    /// Bytes that heap and stable memory together may still grow. The initial heap of
    /// [`Entry::Instantiate`] is taken from it too.
    pub memory_room: Bytes,
}

impl System {
    /// What an instance sees between runs, when nothing looks.
    pub(super) fn nobody() -> System {
        let none: Arc<[u8]> = Arc::new([]);
        System {
            canister: CanisterId(0),
            time: Time::ZERO,
            caller: Principal::anonymous(),
            caller_info: None,
            arg: Arc::clone(&none),
            reject: None,
            method_name: String::new(),
            balance: Cycles::ZERO,
            freezing_limit: Cycles::ZERO,
            cycles_available: Cycles::ZERO,
            cycles_refunded: Cycles::ZERO,
            answered: false,
            deadline: None,
            canister_version: 0,
            canister_status: 1,
            controllers: Arc::new([]),
            subnet: Principal::anonymous(),
            root_key: none,
            env_vars: Arc::default(),
            data_certificate: None,
            instructions_before: Instructions::ZERO,
            call_room: CallRoom::default(),
            global_timer: Time::ZERO,
            subnet_nodes: 0,
            mint_room: None,
            prices: Prices::default(),
            next_callback: 0,
            memory_room: Bytes::ZERO,
        }
    }
}

/// How many calls a run may make.
#[derive(Clone, Debug, Default)]
pub struct CallRoom {
    /// Those that were made before; of them and the new ones at most
    /// [`CANISTER_QUEUE_MAX`](limits::CANISTER_QUEUE_MAX) may go to one canister.
    pub in_flight: InFlight,
    /// To all canisters together.
    pub all: usize,
    /// Those of them whose response is guaranteed.
    pub guaranteed: usize,
}

impl CallRoom {
    /// What a query may make: nothing that it calls is in flight after it.
    pub fn of_query() -> CallRoom {
        CallRoom { in_flight: InFlight::default(), all: limits::CALLS_PER_RUN_MAX, guaranteed: usize::MAX }
    }
}

/// The prices a run needs to know; execution fills them from its one table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prices {
    /// For each call: sending the request and reserving for its largest response and callback.
    pub call_base: Cycles,
    pub call_byte: Cycles,
    /// Reserved per outgoing call for executing the callback and the largest response.
    pub call_reservation: Cycles,
    pub canister_creation: Cycles,
    /// An HTTP outcall of pricing version 1: base, and for each byte of request and largest response.
    pub http_base: Cycles,
    pub http_request_byte: Cycles,
    pub http_response_byte: Cycles,
}

/// One run.
#[derive(Clone)]
pub struct Call {
    /// Hash of the module as installed; names it in the engine's caches.
    pub module_hash: Digest,
    /// The module's bytes as installed (perhaps gzipped), for when no cache has it.
    pub module: Arc<[u8]>,
    pub memory: Memory,
    pub entry: Entry,
    pub context: Context,
    pub system: System,
    pub instructions_max: Instructions,
}

/// What came of a run. Instructions and log are charged and kept whether it trapped or not.
#[derive(Clone)]
pub struct Execution {
    pub outcome: Result<Changes, Reject>,
    pub instructions: Instructions,
    /// `debug_print` lines, and the trap's text as the last one.
    pub log: Vec<Vec<u8>>,
}

/// An outgoing call, performed. Its cycles and reservations are already taken off `Changes::balance`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingCall {
    pub callback: CallbackId,
    pub receiver: Principal,
    pub method_name: String,
    pub payload: Vec<u8>,
    pub cycles: Cycles,
    pub deadline_seconds: Option<u32>,
    pub on_reply: (u64, u64),
    pub on_reject: (u64, u64),
    pub on_cleanup: Option<(u64, u64)>,
    /// Cycles set aside for the response and the callback's execution.
    pub reserved: Cycles,
}

/// What a successful run wishes; execution applies it.
#[derive(Clone, Default)]
pub struct Changes {
    /// Heap pages whose content changed, by index, ascending; a page of zeros stands for none.
    pub heap: Vec<(u64, Page)>,
    pub heap_wasm_pages: u32,
    pub stable: Vec<(u64, Page)>,
    pub stable_wasm_pages: u64,
    pub globals: Vec<Global>,
    pub answer: Option<Answer>,
    pub calls: Vec<OutgoingCall>,
    /// Taken from `cycles_available`; not yet in `balance`.
    pub cycles_accepted: Cycles,
    pub cycles_burned: Cycles,
    /// Made from nothing; not yet in `balance`.
    pub cycles_minted: Cycles,
    /// Cycles taken off the balance by calls (payments, fees and reservations together).
    pub cycles_spent_on_calls: Cycles,
    pub next_callback: u64,
    pub certified_data: Option<Vec<u8>>,
    /// `Some(Time(0))` clears the timer.
    pub global_timer: Option<Time>,
    /// `accept_message` was called.
    pub message_accepted: bool,
}
