//! `status.json`: where everything of a running network is.

use serde::Serialize;
use std::collections::BTreeMap;

/// The file's content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Status {
    /// Format version, `"1"`.
    pub v: &'static str,
    pub gateway_port: u16,
    pub gateway_url: String,
    /// DER, hex.
    pub root_key: String,
    pub replicas: Vec<ReplicaStatus>,
    /// Ids by name.
    pub canisters: BTreeMap<String, String>,
}

/// One replica.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ReplicaStatus {
    pub node_id: String,
    /// Of the process last started by this network; none while it is down.
    pub pid: Option<u32>,
    pub api_url: String,
    pub metrics_url: String,
    /// What `atoll replica --config` wants.
    pub config: String,
}
