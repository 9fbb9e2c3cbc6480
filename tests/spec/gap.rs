//! What is known not to be as the spec says yet.

use crate::section;

/// A gap: the cases that fail and why.
pub struct Gap {
    /// A case's name; or `*` and how names end, `~` and words in them, `#` and a section of the spec.
    pub cases: &'static str,
    /// Why, for people.
    pub why: &'static str,
}

impl Gap {
    pub fn covers(&self, case: &str) -> bool {
        let Some((kind, rest)) = self.cases.split_at_checked(1) else { return false };
        match kind {
            "*" => case.ends_with(rest),
            "~" => case.contains(rest),
            "#" => {
                let mut sections = section::all().iter().filter(|section| section.anchor == rest);
                sections.any(|section| section.cases.iter().any(|known| known.name == case))
            }
            _ => case == self.cases,
        }
    }
}

const fn gap(cases: &'static str, why: &'static str) -> Gap {
    Gap { cases, why }
}

const COMPOSITE: &str = "composite queries cannot call yet";
const HEARTBEAT: &str = "heartbeats do not run yet";
const HOOK: &str = "the hook for low memory does not run yet";
const SNAPSHOTS: &str = "there are no snapshots yet";
const WEBAUTHN: &str = "authenticators are not verified yet";
const WIDE: &str = "there is no memory64 yet";

/// Each of these must still fail somewhere: what works again is removed from the table.
#[rustfmt::skip]
pub const KNOWN_GAPS: &[Gap] = &[
    gap("* in composite reply callback", COMPOSITE),
    gap("* in composite reject callback", COMPOSITE),
    gap("ic0.call_perform works in composite query", COMPOSITE),
    gap("~composite query call", COMPOSITE),
    gap("~composite query's call", COMPOSITE),
    gap("~of a composite query has no certificate", COMPOSITE),
    gap("a composite query whose callbacks do not answer is rejected", COMPOSITE),
    gap("a composite query cannot call an update", COMPOSITE),
    gap("a composite query asks for the status of its own canister", COMPOSITE),
    gap("in_replicated_execution is 0 in a called composite query", COMPOSITE),
    gap("* in canister_heartbeat", HEARTBEAT),
    gap("#heartbeat", HEARTBEAT),
    gap("* in canister_on_low_wasm_memory", HOOK),
    gap("#on-low-wasm-memory", HOOK),
    gap("~64-bit", WIDE),
    gap("#webauthn", WEBAUTHN),
    gap("#canister-signatures", "canister signatures are not verified yet"),
    gap("#ic-take_canister_snapshot", SNAPSHOTS),
    gap("#ic-load_canister_snapshot", SNAPSHOTS),
    gap("#ic-list_canister_snapshots", SNAPSHOTS),
    gap("#ic-delete_canister_snapshot", SNAPSHOTS),
    gap("#ic-read_canister_snapshot_metadata", SNAPSHOTS),
    gap("#ic-read_canister_snapshot_data", SNAPSHOTS),
    gap("#ic-upload_canister_snapshot_metadata", SNAPSHOTS),
    gap("#ic-upload_canister_snapshot_data", SNAPSHOTS),
    gap("#ic-canister_metrics", "canister_metrics is not there yet"),
    gap("#ic-subnet_info", "subnet_info is not there yet"),
    gap("a canister fetches a log that it may see", "only users fetch logs yet"),
    gap("the reject code in the cleanup of a reject callback is the call's", "it is zero"),
    gap("a query called with a bounded wait has no deadline", "it has the call's"),
    gap("stopping and starting raise the version", "they do not"),
    gap("canister_pre_upgrade can certify", "an upgrade forgets the certified data"),
    gap("an upgrade keeps what was certified", "an upgrade forgets the certified data"),
    gap("the price of a signature traps when it would be written beyond the memory", "the address is not looked at"),
    gap("uninstalling purges the log", "the log stays"),
    gap("the log is purged by a reinstallation", "the log stays"),
    gap("a larger log keeps more", "one run's lines are cut to 4 KiB"),
    gap("a status is not read under another canister's id", "it is"),
    gap("a version that is not the caller's creates no canister", "it is not looked at"),
    gap("sharded ranges cannot be read at a canister's endpoint", "they can"),
    gap("uninstalling takes the time of installation away", "it stays"),
    gap("a subnet's metrics can be read at the subnet's endpoint", "there are no metrics yet"),
    gap("the metrics are a map with the spec's fields", "there are no metrics yet"),
];

/// The gap that a failing case belongs to.
pub fn of(case: &str) -> Option<&'static Gap> {
    KNOWN_GAPS.iter().find(|gap| gap.covers(case))
}

#[test]
fn every_gap_is_about_a_case() {
    let cases = crate::all();
    for gap in KNOWN_GAPS {
        assert!(cases.iter().any(|case| gap.covers(case.name)), "`{}` names no case", gap.cases);
        assert!(!gap.why.is_empty(), "`{}` has no reason", gap.cases);
    }
}
