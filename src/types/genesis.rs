//! What must be equal on all nodes from the start. The hash of its canonical encoding
//! (`crypto::chain_id`) names the chain and stands in every signed message between replicas.

use super::{CanisterId, Cycles, Digest, Principal};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The hash of the genesis: names the chain.
pub type ChainId = Digest;

/// `genesis.toml`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// Format version; 1.
    pub version: u32,
    /// A name for people; part of the hash.
    pub name: String,
    /// An idle leader waits this long before it proposes an empty block. Bounds the age of certified time.
    pub heartbeat_ms: u64,
    /// A replica that expects a proposal waits this long before it votes to nullify the view; doubled
    /// after each nullified view in a row, up to `limits::VIEW_TIMEOUT_MAX_MS`.
    pub view_timeout_ms: u64,
    /// Whether anyone may call the `provisional_*` methods of the management canister.
    pub provisional: bool,
    /// The one canister that may call `ic0.mint_cycles128`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minting_canister: Option<Principal>,
    /// The one canister that may set prices and freeze canisters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governance_canister: Option<Principal>,
    /// The canister whose certified orders alone change the membership; without one, the operators' signatures do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_canister: Option<Principal>,
    /// How cycles come to users; see [`Genesis::accounting`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounting: Option<Accounting>,
    /// Principals that may make canisters for nothing, and manage those of others in part (interface spec,
    /// "Subnet admins").
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subnet_admins: Vec<Principal>,
    /// Principals that may see what subnet admins may see of canisters, and change nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observers: Vec<Principal>,
    /// Heights after which fresh shares of the threshold keys replace the old ones, at the earliest; 0 for
    /// never.
    #[serde(default = "default_epoch_length")]
    pub epoch_length: u64,
    /// Canisters that the first block makes and installs, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canisters: Vec<GenesisCanister>,
    /// The first committee, in the order of `NodeIndex`.
    pub nodes: Vec<GenesisNode>,
}

impl Genesis {
    /// Of a subnet for development: anyone may make canisters with cycles out of nothing.
    pub fn local(name: &str, nodes: Vec<GenesisNode>) -> Genesis {
        Genesis {
            version: 1,
            name: name.into(),
            heartbeat_ms: 500,
            view_timeout_ms: 1_000,
            provisional: true,
            minting_canister: None,
            governance_canister: None,
            registry_canister: None,
            accounting: None,
            subnet_admins: Vec::new(),
            observers: Vec::new(),
            epoch_length: default_epoch_length(),
            canisters: Vec::new(),
            nodes,
        }
    }

    /// How cycles come to users: as it is said, else free on development networks and by a market on others.
    pub fn accounting(&self) -> Accounting {
        Accounting::of(self.accounting, self.provisional)
    }
}

/// How cycles come to users.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accounting {
    /// For tokens, at a rate that is voted upon.
    Market,
    /// By quotas that whoever governs the subnet gives out.
    Quota,
    /// For nothing, by the `provisional_*` methods.
    Free,
}

impl Accounting {
    const ALL: [Accounting; 3] = [Accounting::Market, Accounting::Quota, Accounting::Free];

    /// What `said` says; without a word, it depends on whether anyone may make cycles.
    pub fn of(said: Option<Accounting>, provisional: bool) -> Accounting {
        said.unwrap_or(if provisional { Accounting::Free } else { Accounting::Market })
    }

    /// Its name, as `genesis.toml` has it.
    pub fn name(self) -> &'static str {
        match self {
            Accounting::Market => "market",
            Accounting::Quota => "quota",
            Accounting::Free => "free",
        }
    }
}

impl std::str::FromStr for Accounting {
    type Err = String;

    fn from_str(text: &str) -> Result<Accounting, String> {
        let named = Accounting::ALL.into_iter().find(|accounting| accounting.name() == text);
        named.ok_or_else(|| format!("{text:?} is not market, quota or free"))
    }
}

fn default_epoch_length() -> u64 {
    super::limits::EPOCH_LENGTH_DEFAULT
}

/// A canister that is there from the first block on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisCanister {
    /// Below the ids that the subnet gives out.
    pub id: Principal,
    /// SHA-256 of its module, hex. The module itself is `modules/HASH.wasm` beside the genesis.
    pub module: String,
    /// Argument of `canister_init`, hex.
    pub arg: String,
    /// What it holds at first, in decimal digits: TOML knows no numbers of 128 bits.
    pub cycles: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controllers: Vec<Principal>,
}

/// The same, as it was meant: what [`GenesisCanister`] says in text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Founding {
    pub id: CanisterId,
    pub module: Digest,
    pub arg: Vec<u8>,
    pub cycles: Cycles,
    pub controllers: Vec<Principal>,
}

/// What the first block makes, with the modules.
pub type Foundings = Vec<(Founding, Arc<[u8]>)>;

/// One node of the committee.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisNode {
    /// Who runs it, for people.
    pub name: String,
    /// Raw Ed25519 identity key, hex (32 bytes).
    pub identity_key: String,
    /// Raw Ed25519 TLS key, hex (32 bytes); peers pin it.
    pub tls_key: String,
    /// Share-encryption key of `threshold_crypto`, hex (48 bytes).
    pub encryption_key: String,
    /// `host:port` where peers reach it.
    pub address: String,
}

/// How many of `n` replicas may be faulty: f with n ≥ 3f + 1.
pub fn faults_max(n: usize) -> usize {
    n.saturating_sub(1) / 3
}

/// How many of `n` replicas make a quorum: n − f, which is 2f + 1 when n = 3f + 1.
pub fn quorum(n: usize) -> usize {
    n.saturating_sub(faults_max(n))
}
