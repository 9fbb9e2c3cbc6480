//! Every bound of the protocol, named once. Equal on all nodes; `Config` holds only a node's own.

use super::{Bytes, Cycles, Instructions};

// Ingress (interface spec; INTEROP.md §1).
/// How far in the future an ingress may expire: five minutes.
pub const INGRESS_TTL_MS: u64 = 300_000;
/// Tolerated clock difference on top of [`INGRESS_TTL_MS`].
pub const INGRESS_DRIFT_MS: u64 = 60_000;
/// How far past a block's time its calls may expire: the clocks of the replica that took the call and
/// of the leader may differ by twice the drift.
pub const INGRESS_AHEAD_MAX_MS: u64 = INGRESS_TTL_MS + 2 * INGRESS_DRIFT_MS;
/// Largest argument plus envelope of an ingress.
pub const INGRESS_BYTES_MAX: usize = 2 * 1024 * 1024 + 64 * 1024;
pub const NONCE_BYTES_MAX: usize = 32;
pub const DELEGATIONS_MAX: usize = 20;
pub const DELEGATION_TARGETS_MAX: usize = 1_000;
/// Sizes of the RSA keys that authenticators may have: 2,048 to 8,192 bits, exponents up to 33 bits.
pub const RSA_MODULUS_BYTES_MIN: usize = 256;
pub const RSA_MODULUS_BYTES_MAX: usize = 1_024;
pub const RSA_EXPONENT_BYTES_MAX: usize = 5;
/// Fields of an authenticator's key in COSE form.
pub const COSE_FIELDS_MAX: usize = 16;
/// Ranges of canister ids that a certificate's delegation may list.
pub const DELEGATION_RANGES_MAX: usize = 100_000;
/// Signatures on certificates that are remembered to hold, so that a user who shows the same certificate
/// with every call has it checked once.
pub const CERTIFICATES_REMEMBERED_MAX: usize = 4_096;
pub const READ_STATE_PATHS_MAX: usize = 1_000;
pub const READ_STATE_LABELS_MAX: usize = 127;
pub const METHOD_NAME_BYTES_MAX: usize = 20_000;
/// Largest envelope that is authenticated on a thread that others wait for.
pub const ENVELOPE_BYTES_PROMPT: usize = 32 * 1024;
/// Envelopes of one request that a pool keeps: each with another valid signature.
pub const INGRESS_TWINS_MAX: usize = 4;
/// Ingress pool of one replica.
pub const INGRESS_POOL_COUNT_MAX: usize = 20_000;
pub const INGRESS_POOL_BYTES_MAX: usize = 256 * 1024 * 1024;

// HTTP.
/// Largest body of any request to the public interface.
pub const HTTP_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of bodies that are being read, over all connections.
pub const HTTP_BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Connections to the public interface, all together and from one address.
pub const HTTP_CONNECTIONS_MAX: usize = 4_096;
pub const HTTP_CONNECTIONS_PER_IP_MAX: usize = 1_024;
/// A request's head must be there this long after its connection or the reply before it.
pub const HTTP_HEADER_MS: u64 = 10_000;
pub const HTTP_HEADER_BYTES_MAX: usize = 64 * 1024;
pub const HTTP_HEADER_COUNT_MAX: usize = 100;
/// A request's body must be there this long after its head.
pub const HTTP_BODY_MS: u64 = 30_000;
/// A client that takes nothing of its reply for this long is cut off.
pub const HTTP_WRITE_STALL_MS: u64 = 30_000;
/// Concurrent HTTP/2 streams of one connection, and resets that it may have pending.
pub const HTTP_STREAMS_MAX: u32 = 64;
pub const HTTP_PENDING_RESETS_MAX: usize = 20;
/// Synchronous calls that may wait at once; those above are answered 202 at once.
pub const HTTP_WAITING_CALLS_MAX: usize = 20_000;
/// Requests that are authenticated at once among those of which that is costly.
pub const HTTP_CHECKS_MAX: usize = 4;
/// Certified time older than this is reported as unhealthy.
pub const HTTP_CERTIFIED_AGE_MAX_MS: u64 = 60_000;
/// A synchronous call (v3, v4) waits this long for its certificate before it answers 202.
pub const CALL_WAIT_MS: u64 = 10_000;
/// A refused call is judged again by a certified state that is newer than it; this long such a state is awaited.
pub const INSPECT_WAIT_MS: u64 = 2_000;

/// Heights between two measurements of what canisters hold, for `/subnet/<id>/metrics`.
pub const METRICS_INTERVAL: u64 = 10;

// Encodings.
pub const CBOR_DEPTH_MAX: usize = 32;
/// Nested nodes in a hash tree that is decoded. Our own have some 25 per level of labels; clients stop at 128.
pub const HASH_TREE_DEPTH_MAX: usize = 256;

// Blocks and consensus.
pub const BLOCK_INGRESS_COUNT_MAX: usize = 1_000;
pub const BLOCK_PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A block's time may be this far ahead of a validator's clock.
pub const BLOCK_TIME_AHEAD_MAX_MS: u64 = 60_000;
pub const VIEW_TIMEOUT_MAX_MS: u64 = 10_000;
/// A busy leader gathers calls before it proposes: this long for each call of the recent blocks, at the
/// most the second; so an idle subnet answers at once, and a busy one spends little on each call.
pub const GATHER_CALL_US: u64 = 500;
pub const GATHER_MAX_MS: u64 = 40;
/// Missed views of which one block names the leaders: half an hour of them at the longest timeout.
pub const MISSED_VIEWS_MAX: usize = 180;
/// Views above the finalized one for which artifacts are kept.
pub const VIEWS_AHEAD_MAX: u64 = 64;
/// Finalized heights that may await certification before leaders stop adding payload.
pub const UNCERTIFIED_HEIGHTS_MAX: u64 = 16;
/// Blocks in one [`super::ChainSegment`], after which it ends at the next finalization.
pub const CHAIN_SEGMENT_BLOCKS_MAX: usize = 64;
/// Blocks in a segment whose next finalization is far: a subnet that messages hardly reach can build on for long
/// before one view is made final. Beyond it a replica is offered a state.
pub const CHAIN_LINKS_MAX: usize = 1_024;
/// Bytes of blocks in one segment, after which it ends at the next finalization.
pub const CHAIN_SEGMENT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Proposals kept for one view (an equivocating leader can send many).
pub const PROPOSALS_PER_VIEW_MAX: usize = 2;
/// Views above the current one for which proposals are kept before their leader is known.
pub const PROPOSALS_AHEAD_MAX: u64 = 8;
/// A leader that said nothing in this many views is not waited for.
pub const SILENT_VIEWS_MAX: u64 = 8;
/// Blocks that one replica fetches by hash at the same time.
pub const BLOCK_FETCHES_MAX: usize = 8;
/// A missing block may be on its way: it is fetched only after this long.
pub const FETCH_PATIENCE_MS: u64 = 100;
/// A call that a block carries and that is not here may be on its way: it is fetched after this long without
/// another of them, and at the latest after the second.
pub const BODY_PATIENCE_MS: u64 = 50;
pub const BODY_PATIENCE_MAX_MS: u64 = 200;
/// Then another peer is asked for the calls.
pub const BODY_RETRY_MS: u64 = 200;
/// Then another peer is asked for the block.
pub const FETCH_RETRY_MS: u64 = 500;
/// Then another peer is asked for the chain.
pub const CHAIN_FETCH_RETRY_MS: u64 = 2_000;
/// So often that patience doubles, for each answer that came later than it lasted.
pub const CHAIN_FETCH_DOUBLINGS_MAX: u32 = 4;
/// A payload that could not be judged is judged again after this long.
pub const REVALIDATE_MS: u64 = 100;
/// A replica at which nothing was certified for this long says what it waits for, and again as often.
pub const STALL_MS: u64 = 10_000;
/// What may have been lost is sent again at half the view timeout, kept between these.
pub const RESEND_MIN_MS: u64 = 50;
pub const RESEND_MAX_MS: u64 = 1_000;
/// Certificates sent to a peer that is behind, in answer to one status.
pub const CERTIFICATES_PUSHED_MAX: usize = 64;
/// Blocks and chain segments served to one peer between two resends.
pub const SERVED_PER_RESEND_MAX: u32 = 64;
/// Finalized heights that may await execution before this replica stops taking more.
pub const UNEXECUTED_HEIGHTS_MAX: u64 = 256;
/// Heights above the executed one for which certification shares are kept.
pub const CERTIFICATIONS_AHEAD_MAX: u64 = 64;
/// Equivocations remembered.
pub const EVIDENCE_MAX: usize = 64;
/// Proven faults of one peer after which nothing from it is looked at until a restart.
pub const PEER_FAULTS_MAX: u32 = 64;
/// Ceremony dealing of one node.
pub const DEALING_BYTES_MAX: usize = 64 * 1024;
/// A whole key generation: every node's dealing, public shares and agreement.
pub const TRANSCRIPT_BYTES_MAX: usize = NODES_MAX * (DEALING_BYTES_MAX + 512);
/// Heights between two sets of shares, unless genesis says otherwise, and what it may say.
pub const EPOCH_LENGTH_DEFAULT: u64 = 499;
pub const EPOCH_LENGTH_MAX: u64 = 1_000_000;
/// For so many heights, or this part of an epoch if that is more, receivers of a dealing on the chain may
/// prove that it is bad.
pub const COMPLAINT_HEIGHTS: u64 = 8;
pub const COMPLAINT_PART: u64 = 4;
/// System messages in one block, and what they may be made of.
pub const BLOCK_SYSTEM_COUNT_MAX: usize = 16;
pub const COMPLAINT_BYTES_MAX: usize = 64;
/// System messages that wait for a block: each member's dealing and complaint, changes and an order.
pub const SYSTEM_POOL_MAX: usize = 3 * NODES_MAX;
/// Nodes that come or leave, and operators that sign, in one change of the membership.
pub const CHANGE_NODES_MAX: usize = NODES_MAX;
/// An order of the registry canister, and each of the two parts of its proof.
pub const ORDER_BYTES_MAX: usize = 32 * 1024;
pub const ORDER_PROOF_BYTES_MAX: usize = 32 * 1024;
/// Longest field of a node: its address.
pub const NODE_FIELD_BYTES_MAX: usize = NAME_BYTES_MAX * 4 + 8;
/// A ceremony repeats what it said this often, and answers a late peer no more often.
pub const CEREMONY_RETRANSMIT_MS: u64 = 1_000;
pub const NODES_MAX: usize = 64;
/// Canisters that a genesis may hold.
pub const GENESIS_CANISTERS_MAX: usize = 64;
pub const GENESIS_BYTES_MAX: usize = 64 * 1024;
/// Names of chains and nodes.
pub const NAME_BYTES_MAX: usize = 64;
/// Certified time is never older than this and a view: two seconds.
pub const HEARTBEAT_MAX_MS: u64 = 2_000;

// Network.
/// Largest message between replicas: a block and its framing.
pub const PEER_MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Messages waiting for one peer; the oldest of the bulk ones go first when it is full.
pub const PEER_QUEUE_COUNT_MAX: usize = 4_096;
pub const PEER_QUEUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What one peer may have sent that is not processed yet; beyond it its stream is not read.
pub const PEER_INBOX_BYTES_MAX: usize = 32 * 1024 * 1024;
/// From TCP accept, or dial, to the end of the TLS handshake.
pub const PEER_HANDSHAKE_MS: u64 = 5_000;
/// Handshakes under way at once.
pub const PEER_HANDSHAKES_MAX: usize = 256;
/// Accepted connections of one peer: the live one, and the next while the last is dying.
pub const PEER_CONNECTIONS_MAX: usize = 2;
/// Calls under way on one peer connection.
pub const PEER_STREAMS_MAX: u32 = 4;
/// HTTP/2 streams that a peer may reset without their being served.
pub const PEER_RESETS_MAX: usize = 64;
pub const PEER_HEADER_BYTES_MAX: u32 = 16 * 1024;
/// A silent peer is pinged after this long and given up after as long again.
pub const PEER_KEEPALIVE_MS: u64 = 3_000;
/// Pause before a peer is dialled again; doubled after every failure up to the maximum.
pub const PEER_BACKOFF_MIN_MS: u64 = 100;
pub const PEER_BACKOFF_MAX_MS: u64 = 2_000;

// Canisters.
pub const PAGE_BYTES: usize = 4_096;
pub const WASM_PAGE_BYTES: usize = 65_536;
/// 4 GiB less one page, so that `0xFFFF_FFFF` is always out of bounds (ENGINE.md).
pub const HEAP_WASM_PAGES_MAX: u32 = 65_535;
/// What a canister without `wasm_memory_limit` can have of heap, as its threshold is compared: 4 GiB.
pub const HEAP_BYTES_MAX: u64 = 1 << 32;
pub const STABLE_BYTES_MAX: u64 = 500 * 1024 * 1024 * 1024;
pub const MESSAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Payload of a call to a canister of the same subnet.
pub const CALL_PAYLOAD_BYTES_MAX: usize = 10 * 1024 * 1024;
/// A best-effort call waits at most this long.
pub const CALL_TIMEOUT_MAX_S: u32 = 300;
/// Outgoing calls that one run may perform, whatever the queues would hold.
pub const CALLS_PER_RUN_MAX: usize = 500;
/// Bytes of the payloads of calls that one run may perform.
pub const CALL_BYTES_PER_RUN_MAX: u64 = 512 * 1024 * 1024;
/// Text of `ic0.trap` or `msg_reject` kept in a reject.
pub const REJECT_MESSAGE_BYTES_MAX: usize = 8 * 1024;
pub const REPLY_BYTES_MAX: usize = 3 * 1024 * 1024;
/// Module as it arrives (perhaps compressed) and as it decompresses.
pub const MODULE_BYTES_MAX: usize = 100 * 1024 * 1024;
pub const CODE_SECTION_BYTES_MAX: usize = 10 * 1024 * 1024;
pub const FUNCTIONS_MAX: usize = 50_000;
pub const GLOBALS_MAX: usize = 1_000;
pub const EXPORTS_MAX: usize = 1_000;
pub const EXPORT_NAME_BYTES_MAX: usize = 20_000;
pub const CUSTOM_SECTIONS_MAX: usize = 16;
pub const CUSTOM_SECTIONS_BYTES_MAX: usize = 1024 * 1024;
pub const TABLES_MAX: usize = 100;
pub const TABLE_ELEMENTS_MAX: u64 = 1_000_000;
pub const FUNCTION_PARAMS_MAX: usize = 1_000;
pub const FUNCTION_LOCALS_MAX: u64 = 50_000;
/// Bytes of estimated stack that Wasm calls may use together.
pub const STACK_BYTES_MAX: u64 = 1024 * 1024;
/// Estimated stack of calls that need not be counted (`wasm::stack`).
pub const STACK_UNCOUNTED_BYTES_MAX: u64 = 4 * 1024;
/// The native stack that Wasm runs on. No frame is 64 times larger than its estimate (`wasm::stack`), so
/// that the deterministic limit is always met first.
pub const NATIVE_STACK_BYTES: usize = 64 * (STACK_BYTES_MAX + STACK_UNCOUNTED_BYTES_MAX) as usize;
/// Compiled modules kept in memory, and their machine code on disk.
pub const MODULES_LOADED_MAX: usize = 128;
pub const MODULE_CACHE_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Instances kept ready by one engine, each with an image of its canister's heap.
pub const INSTANCES_MAX: usize = 256;
/// Instances kept ready for one canister, for replicated runs and for queries each.
pub const INSTANCES_PER_CANISTER_MAX: usize = 4;
/// Pages of its heap that an instance keeps copied between runs.
pub const HEAP_COPIES_KEPT_MAX: usize = 64;
/// Bytes of heap that the images of instances kept ready may hold together.
pub const INSTANCES_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// Heap pages that one run may change.
pub const HEAP_PAGES_PER_RUN_MAX: usize = 524_288;
/// Stable memory pages that one run may touch, and those it keeps at hand only for reading.
pub const STABLE_PAGES_PER_RUN_MAX: usize = 524_288;
pub const STABLE_PAGES_READ_CACHE: usize = 4_096;
/// Instructions of one update, heartbeat, timer or callback, in as many slices as it takes.
pub const UPDATE_INSTRUCTIONS_MAX: Instructions = Instructions(40_000_000_000);
pub const QUERY_INSTRUCTIONS_MAX: Instructions = Instructions(5_000_000_000);
/// Instructions of a composite query and of all that it calls, together.
pub const QUERY_TREE_INSTRUCTIONS_MAX: Instructions = Instructions(5_000_000_000);
/// What each call of a composite query takes of them, so that a tree has 500 calls at most.
pub const QUERY_CALL_INSTRUCTIONS: Instructions = Instructions(10_000_000);
/// How deep composite queries may call each other.
pub const QUERY_DEPTH_MAX: usize = 6;
/// Bytes of the calls of a composite query and of all that it calls, and of memory pages changed before them.
pub const QUERY_TREE_BYTES_MAX: u64 = 256 * 1024 * 1024;
pub const INSTALL_INSTRUCTIONS_MAX: Instructions = Instructions(300_000_000_000);
pub const INSPECT_INSTRUCTIONS_MAX: Instructions = Instructions(200_000_000);
/// A run that takes more goes on in the heights that follow, with so many instructions in a second of block
/// time and at most so many in a height.
pub const SLICE_INSTRUCTIONS: Instructions = Instructions(2_000_000_000);
/// Paused runs that go on in one height; the others wait in line. With them, a height runs at most
/// [`HEIGHT_INSTRUCTIONS_MAX`] and one more slice, and has room for others whatever they do.
pub const LONG_RUNS_MAX: usize = 2;
/// Installations among them.
pub const LONG_INSTALLS_MAX: usize = 1;
/// Management calls held back for one canister with a paused run.
pub const HELD_CALLS_MAX: usize = 500;
/// After this many, a height starts no further message.
pub const HEIGHT_INSTRUCTIONS_MAX: Instructions = Instructions(7_000_000_000);
/// What starting a message counts against the height besides its instructions, so that a height of many
/// tiny messages ends in time.
pub const MESSAGE_INSTRUCTIONS: Instructions = Instructions(500_000);
/// Heartbeats that one height looks at: more than it has time to run.
pub const HEARTBEATS_PER_HEIGHT_MAX: usize = 16_384;
/// Whether a timer that is due can be paid is looked at again after so long, if it cannot.
pub const TIMER_AGAIN_MS: u64 = 10_000;
/// Hooks of low memory that one height starts without being asked; calls start those of their canisters.
pub const HOOKS_PER_HEIGHT_MAX: usize = 128;
/// What each byte of a management call's argument and reply counts against the height: snapshots are read and
/// written in large pieces.
pub const MANAGEMENT_BYTE_INSTRUCTIONS: u64 = 10;
/// Instructions of the cleanup after a trapped callback.
pub const CLEANUP_INSTRUCTIONS_MAX: Instructions = Instructions(250_000_000);
/// A callback and its cleanup: what a call sets cycles aside for.
pub const CALLBACK_INSTRUCTIONS_MAX: Instructions =
    Instructions(UPDATE_INSTRUCTIONS_MAX.0 + CLEANUP_INSTRUCTIONS_MAX.0);
/// Messages of one canister before another has its turn.
pub const TURN_MESSAGES_MAX: usize = 100;
/// Calls in flight from one canister to another.
pub const CANISTER_QUEUE_MAX: usize = 500;
/// Calls in flight from one canister to all others.
pub const CANISTER_CALLS_MAX: usize = 5_000;
/// Calls that wait for one canister; responses come on top, at most [`CANISTER_CALLS_MAX`].
pub const CANISTER_INBOX_MAX: usize = 10_000;
/// Calls that wait for the management canister.
pub const MANAGEMENT_QUEUE_MAX: usize = 10_000;
/// `stop_canister` calls that wait for one canister, and for how long.
pub const STOP_CALLS_MAX: usize = 100;
pub const STOP_TIMEOUT_MS: u64 = 300_000;
pub const CANISTERS_MAX: usize = 1_000_000;
/// Cycles that can exist: no sum of balances can overflow.
pub const MINTED_CYCLES_MAX: Cycles = Cycles(1 << 126);
pub const ENVIRONMENT_VARIABLES_MAX: usize = 20;
pub const ENVIRONMENT_VARIABLE_BYTES_MAX: usize = 128;
pub const CONTROLLERS_MAX: usize = 10;
pub const CHUNK_BYTES_MAX: usize = 1024 * 1024;
pub const CHUNK_STORE_BYTES_MAX: usize = 100 * 1024 * 1024;
/// Chunks that one module is assembled from.
pub const MODULE_CHUNKS_MAX: usize = 100;
/// What a line of a log counts besides its content.
pub const LOG_LINE_OVERHEAD_BYTES: u64 = 32;
/// Least and largest `log_memory_limit` that is not 0; the least is the default.
pub const LOG_MEMORY_LIMIT_MIN: u64 = 4_096;
pub const LOG_MEMORY_LIMIT_MAX: u64 = 2 * 1024 * 1024;
/// Largest `wasm_memory_limit` and `wasm_memory_threshold`.
pub const WASM_MEMORY_LIMIT_MAX: u64 = 1 << 48;
/// Subnet admins that genesis may name.
pub const SUBNET_ADMINS_MAX: usize = 10;
/// Observers that genesis may name.
pub const OBSERVERS_MAX: usize = 10;
/// Ranges of canister ids in one response of `list_canisters`: some 2 MiB.
pub const CANISTER_RANGES_MAX: usize = 80_000;
/// What `subnet_info` calls the rules by which replicas execute. Raised with them, not with each release:
/// all replicas of a subnet answer alike.
pub const REPLICA_VERSION: &str = "atoll-1";
/// The canister that may rename canisters when they move between subnets: `sbzkb-zqaaa-aaaaa-aaaiq-cai`.
pub const MIGRATION_ORCHESTRATOR: super::CanisterId = super::CanisterId(0x11);
/// Snapshots of one canister.
pub const SNAPSHOTS_MAX: usize = 10;
/// Data of a snapshot that one call reads or uploads.
pub const SNAPSHOT_SLICE_BYTES_MAX: u64 = 2_000_000;
/// Volumes of one memory on disk, beyond which they are put together, and beyond which no snapshot is taken.
pub const LAYERS_SETTLED_MAX: usize = 8;
pub const LAYERS_MAX: usize = 64;
/// Pages that are put together each time a canister is sealed.
pub const SETTLE_PAGES: usize = 1_024;
/// One line of a log; the rest of it is cut off.
pub const CANISTER_LOG_LINE_BYTES_MAX: usize = 4_096;
pub const CANISTER_HISTORY_MAX: usize = 20;
/// What each entry of a canister's history counts as memory.
pub const CANISTER_HISTORY_ENTRY_BYTES: u64 = 256;
pub const CERTIFIED_DATA_BYTES_MAX: usize = 32;
/// Candid encoding of what an HTTP outcall uses, of which `ic0.cost_http_request_v2` says the price.
pub const OUTCALL_USAGE_BYTES_MAX: usize = 1_024;
/// An amount of cycles as canisters read it.
pub const CYCLES_BYTES: usize = 16;
pub const PRINCIPAL_BYTES_MAX: usize = 29;
/// Cycles that a provisional create gives when no amount is named: 100 T.
pub const PROVISIONAL_CYCLES: u128 = 100_000_000_000_000;
/// Ingress history entries: by formula, 1,000 a block and 2 blocks a second over TTL + drift.
pub const INGRESS_HISTORY_MAX: usize = 720_000;
/// Bytes of answers in the ingress history; beyond, the oldest are forgotten early.
pub const INGRESS_HISTORY_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes of all messages that wait for canisters; beyond, calls are refused. Responses always fit.
pub const QUEUE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes that all canisters together may hold or have allocated.
pub const SUBNET_MEMORY_MAX: Bytes = Bytes(2 << 40);
/// Beyond this, whoever takes more memory sets cycles aside for it.
pub const SUBNET_MEMORY_RESERVING: Bytes = Bytes(750 << 30);
/// So long, at most, must these cycles pay for the memory: at a full subnet.
pub const RESERVATION_SECONDS_MAX: u64 = 10 * 365 * 86_400;
/// Percent of a core that all canisters together may have allocated.
pub const COMPUTE_ALLOCATION_TOTAL_MAX: u64 = 299;
/// Percent of a core that gives a turn in every height.
pub const COMPUTE_ALLOCATION_FULL: u64 = 100;
/// Largest response to a canister: reply, or text of a reject. It is paid for when the call is made.
pub const RESPONSE_BYTES_MAX: usize = MESSAGE_BYTES_MAX;
/// Calls in flight whose response is guaranteed: room for [`RESPONSE_BYTES_MAX`] is kept for each, 32 GiB
/// for all.
pub const GUARANTEED_CALLS_MAX: u64 = (32 << 30) / RESPONSE_BYTES_MAX as u64;

/// What voters may be asked: no price is higher, in cycles.
pub const PRICE_MAX: Cycles = Cycles(1_000_000_000_000_000);
/// So many full updates the governance canister must be able to pay at prices that it sets.
pub const GOVERNANCE_RUNS_MIN: u128 = 100;
/// Times of other prices that are remembered for those who have not paid for them yet.
pub const PRICE_SPANS_MAX: usize = 256;
/// Canisters for which one height finds out anew until when they can pay, after what time costs has changed.
pub const REPRICED_PER_HEIGHT_MAX: usize = 256;
/// Why a canister is frozen, in UTF-8.
pub const FREEZE_REASON_BYTES_MAX: usize = 500;
/// Nodes whose duties are counted: the members, and as many that have left.
pub const DUTIES_MAX: usize = 2 * NODES_MAX;
/// Samples of those counts that are kept.
pub const SAMPLES_MAX: usize = 400;
/// Entries of nodes in one answer of `node_metrics_history`, after which no further sample begins.
pub const SAMPLED_NODES_PER_ANSWER_MAX: usize = 4_096;

// This node's threads and queues; not of the protocol.
/// A run that takes more instructions gets a thread of its own: it begins again there, unless it was begun there
/// because such runs took more before.
pub const INLINE_INSTRUCTIONS: Instructions = Instructions(5_000_000);
/// Entry points that one engine knows to take more than that.
pub const LONG_ENTRIES_KEPT_MAX: usize = 256;
/// Long runs that one engine keeps between heights; more than one state can have under way.
pub const LONG_RUNS_KEPT_MAX: usize = 2 * LONG_RUNS_MAX;
/// How often it is looked how far a long run has come.
pub const LONG_RUN_POLL_MS: u64 = 1;
/// Long runs run ahead of what they are granted, so others go first: the niceness of their threads.
pub const LONG_RUN_NICENESS: i32 = 5;
/// Events that the replica takes in one turn, which share one sync of the disk.
pub const TURN_EVENTS_MAX: usize = 64;
/// Calls that the replica takes in one turn, after its events.
pub const TURN_CALLS_MAX: usize = 256;
/// Finalized heights that wait for execution; beyond it the replica waits.
pub const EXECUTION_QUEUE_MAX: usize = 64;
/// Executed states kept until they are certified.
pub const UNCERTIFIED_STATES_MAX: usize = 64;
/// Heights between two states that are offered to replicas that are far behind; blocks below the newest offered
/// one are purged.
pub const CHECKPOINT_HEIGHTS: std::num::NonZeroU64 = std::num::NonZeroU64::new(500).unwrap();
/// A state that was offered is held on for this long after a part of it was last asked for ...
pub const CHECKPOINT_LEASE_MS: u64 = 30_000;
/// ... but not for longer than this altogether, for what it holds cannot be compacted.
pub const CHECKPOINT_LEASE_MAX_MS: u64 = 1_800_000;
/// Finalized heights that are purged in one write.
pub const PURGED_PER_WRITE_MAX: usize = 256;
/// Requests of one peer for parts of the state that wait; its oldest make room for further ones.
pub const STATE_REQUESTS_PER_PEER: usize = 2 * STATE_PARTS_PER_PEER;
/// What a request for a part of the state names.
pub const STATE_ITEM_BYTES_MAX: usize = 64 * 1024;
/// Content in one part of the state, after which it ends.
pub const STATE_PART_BYTES: usize = 2 * 1024 * 1024;
/// Pages in one part of the state.
pub const STATE_PART_PAGES: usize = STATE_PART_BYTES / PAGE_BYTES;
/// Parts that are asked of one peer at the same time.
pub const STATE_PARTS_PER_PEER: usize = 4;
/// Parts that are asked of all peers together: they share this node's link.
pub const STATE_PARTS_UNDER_WAY_MAX: usize = 8;
/// Parts that are still taken, though they were given up because they are late.
pub const STATE_PARTS_LATE_MAX: usize = 64;
/// A part that did not come in this time is asked of another peer; who did not send it is left alone for twice as long,
/// and a state with which no peer helped for six times as long is given up: a newer one is offered by then.
pub const STATE_PART_PATIENCE_MS: u64 = 5_000;
/// So often that patience with one peer doubles, for each part of it that came late.
pub const STATE_PART_DOUBLINGS_MAX: u32 = 4;
/// So often that the time doubles in which one peer must have sent all parts that are right only together, whenever all
/// peers had less.
pub const STATE_SEQUENCE_DOUBLINGS_MAX: u32 = 10;
/// Parts of one peer that wait for the thread that fetches a state.
pub const STATE_PARTS_WAITING_PER_PEER: usize = 2 * STATE_PARTS_PER_PEER;
/// Parts and packages that wait for it: there is room for packages, whatever all members and guests send.
pub const STATE_NEWS_MAX: usize = 2 * NODES_MAX * STATE_PARTS_WAITING_PER_PEER + 64;
/// A peer that offered a package is asked for another one only after this long.
pub const PACKAGE_RETRY_MS: u64 = 10_000;
/// Queries and inspections that wait.
pub const QUERY_QUEUE_MAX: usize = 1_024;
pub const QUERY_THREADS_MAX: usize = 8;
/// The registry canister is asked for an order no more often than this, and when it gave no answer, than the second.
pub const REGISTRY_PAUSE_MS: u64 = 1_000;
pub const REGISTRY_RETRY_MS: u64 = 5_000;
/// Threads that authenticate gossiped calls.
pub const ADMISSION_THREADS_MAX: usize = 4;
/// Gossiped calls whose signatures are checked together.
pub const ADMISSION_BATCH_MAX: usize = 128;
/// Calls on their way from HTTP to the ingress pool.
pub const INGRESS_PLACES_MAX: usize = 4_096;
/// A stopping node waits this long for the height that is being executed.
pub const NODE_STOP_MS: u64 = 4_000;
