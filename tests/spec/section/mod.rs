//! The spec's sections, and the cases of each.

mod argument;
mod authentication;
mod call;
mod canister;
mod certification;
mod cycles;
mod entry;
mod install;
mod lifecycle;
mod lookup;
mod memory;
mod module;
mod request;
mod settings;
mod snapshot;
mod state;
mod wasm;

use crate::case::{Case, Section};
use std::sync::LazyLock;

/// Every section that has cases; some stand in several parts.
pub fn all() -> &'static [Section] {
    static ALL: LazyLock<Vec<Section>> = LazyLock::new(|| {
        let parts = [
            argument::sections(),
            authentication::sections(),
            call::sections(),
            canister::sections(),
            certification::sections(),
            cycles::sections(),
            entry::sections(),
            install::sections(),
            lifecycle::sections(),
            lookup::sections(),
            memory::sections(),
            module::sections(),
            request::sections(),
            settings::sections(),
            snapshot::sections(),
            state::sections(),
            wasm::sections(),
        ];
        parts.into_iter().flatten().collect()
    });
    &ALL
}

/// A section with a table of cases.
const fn section(anchor: &'static str, cases: &'static [Case]) -> Section {
    Section { anchor, cases }
}

/// A section whose cases are made.
fn made(anchor: &'static str, cases: Vec<Case>) -> Section {
    Section { anchor, cases: cases.leak() }
}

/// The documents of the spec and the anchors of their sections; where a heading has none, its words.
pub const SECTIONS: &[(&str, &[&str])] = &[
    (
        "index.md",
        &[
            "principal",
            "id-classes",
            "textual-ids",
            "canister-lifecycle",
            "canister-cycles",
            "canister-status",
            "ecdsa",
            "webauthn",
            "canister-signatures",
            "cbor",
            "state-tree-time",
            "state-tree-api-bn",
            "state-tree-subnet",
            "state-tree-canister-ranges",
            "state-tree-request-status",
            "state-tree-certified-data",
            "state-tree-canister-information",
        ],
    ),
    (
        "https-interface.md",
        &[
            "http-interface",
            "http-async-call-overview",
            "http-sync-call-overview",
            "http-call",
            "http-async-call",
            "http-read-state",
            "http-query",
            "http-effective-canister-id",
            "http-effective-subnet-id",
            "authentication",
            "hash-of-map",
            "request-id",
            "reject-codes",
            "error-codes",
            "api-status",
            "api-cbor",
            "ordering-guarantees",
            "synchronicity-across-nodes",
        ],
    ),
    ("certification.md", &["certification", "lookup", "certification-delegation", "certification-encoding"]),
    (
        "canister-interface.md",
        &[
            "canister-module-format",
            "system-api-module",
            "interpretation-of-numbers",
            "entry-points",
            "system-api-init",
            "system-api-upgrades",
            "system-api-requests",
            "heartbeat",
            "global-timer",
            "on-low-wasm-memory",
            "callbacks",
            "replicated-and-non-replicated-execution-mode",
            "system-api-imports",
            "blob-typed-arguments-and-results",
            "method-arguments",
            "responding",
            "system-api-inspect-message",
            "system-api-canister-self",
            "system-api-canister-status",
            "system-api-canister-version",
            "system-api-call",
            "system-api-cycles",
            "system-api-stable-memory",
            "system-api-time",
            "system-api-performance-counter",
            "system-api-replicated-execution-check",
            "system-api-controller-check",
            "system-api-certified-data",
            "system-api-cycle-cost",
            "environment-variables",
            "debugging-aids",
        ],
    ),
    (
        "management-canister.md",
        &[
            "ic-management-canister",
            "ic-create_canister",
            "ic-update_settings",
            "ic-upload_chunk",
            "ic-clear_chunk_store",
            "ic-stored_chunks",
            "ic-install_code",
            "ic-install_chunked_code",
            "ic-uninstall_code",
            "ic-canister_status",
            "ic-canister_metrics",
            "ic-canister_info",
            "ic-canister_metadata",
            "ic-stop_canister",
            "ic-start_canister",
            "ic-delete_canister",
            "ic-deposit_cycles",
            "ic-raw_rand",
            "ic-ecdsa_public_key",
            "ic-sign_with_ecdsa",
            "ic-schnorr_public_key",
            "ic-sign_with_schnorr",
            "ic-vetkd_public_key",
            "ic-vetkd_derive_key",
            "ic-http_request",
            "ic-flexible_http_request",
            "ic-node_metrics_history",
            "ic-subnet_info",
            "ic-take_canister_snapshot",
            "ic-load_canister_snapshot",
            "ic-read_canister_snapshot_metadata",
            "ic-read_canister_snapshot_data",
            "ic-upload_canister_snapshot_metadata",
            "ic-upload_canister_snapshot_data",
            "ic-list_canister_snapshots",
            "ic-delete_canister_snapshot",
            "ic-fetch_canister_logs",
            "ic-list_canisters",
            "ic-bitcoin-api",
            "ic-provisional_create_canister_with_cycles",
            "ic-provisional_top_up_canister",
        ],
    ),
];

/// Sections without cases, and why.
pub const EXCEPTIONS: &[(&str, &str)] = &[
    ("ic-sign_with_ecdsa", "comes later; rejected until then"),
    ("ic-schnorr_public_key", "comes later; rejected until then"),
    ("ic-sign_with_schnorr", "comes later; rejected until then"),
    ("ic-vetkd_public_key", "comes later; rejected until then"),
    ("ic-vetkd_derive_key", "comes later; rejected until then"),
    ("ic-http_request", "comes later; rejected until then"),
    ("ic-flexible_http_request", "comes later; rejected until then"),
    ("ic-bitcoin-api", "comes later; rejected until then"),
    ("synchronicity-across-nodes", "four nodes: every case talks to one node and sees its own updates there"),
    (
        "certification-delegation",
        "the one subnet is the root; the client verifies delegations where it meets them",
    ),
];
