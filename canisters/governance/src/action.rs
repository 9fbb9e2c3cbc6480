//! What can be proposed, and what is wrong with a proposal of it before anybody votes.

use crate::interface::{Canisters, Proposal, Topic};
use crate::parameters::Parameters;
use candid::{CandidType, Principal};
use cycles_interface::Account;
use interfaces::registry::{DataCenter, NodeCard, Operator, ReplicaVersion};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};

pub const MAX_TITLE_BYTES: usize = 256;
pub const MAX_SUMMARY_BYTES: usize = 15_000;
pub const MAX_URL_BYTES: usize = 2_048;
/// Most bytes of a module: it must fit a message with its proposal.
pub const MAX_MODULE_BYTES: usize = 1_900_000;
/// Most bytes of an argument of an upgrade.
pub const MAX_ARG_BYTES: usize = 65_536;
/// Most bytes of an action without module and argument, so that pages of them fit answers.
pub const MAX_ACTION_BYTES: usize = 4_096;
/// Most bytes of the reason for freezing.
pub const MAX_REASON_BYTES: usize = 500;
/// Highest price.
pub const MAX_PRICE: u128 = 1_000_000_000_000_000;

const HASH_BYTES: usize = 32;
const PERMILLE: u32 = 1_000;
const WASM: [u8; 4] = *b"\0asm";
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// In cycles on 13 nodes.
#[derive(CandidType, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prices {
    pub ingress: u128,
    pub ingress_byte: u128,
    pub call: u128,
    pub call_byte: u128,
    pub message: u128,
    pub instruction: u128,
    pub gib_second: u128,
    pub compute_percent_second: u128,
    pub creation: u128,
    pub http: u128,
    pub http_node: u128,
    pub http_request_byte: u128,
    pub http_response_byte: u128,
}

impl Prices {
    fn each(&self) -> [u128; 13] {
        [
            self.ingress,
            self.ingress_byte,
            self.call,
            self.call_byte,
            self.message,
            self.instruction,
            self.gib_second,
            self.compute_percent_second,
            self.creation,
            self.http,
            self.http_node,
            self.http_request_byte,
            self.http_response_byte,
        ]
    }
}

/// What is done when it is adopted.
#[derive(CandidType, Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub enum Action {
    Motion,
    SetConversionRate {
        xdr_permyriad_per_icp: u64,
    },
    SetPrices(Prices),
    SetRewardParameters {
        period_seconds: Option<u64>,
        share_permille: Option<u32>,
    },
    SetParameters(Parameters),
    AddNode {
        node: NodeCard,
        operator: Principal,
    },
    RemoveNode {
        node_id: Principal,
    },
    ReplaceNode {
        leaving: Principal,
        node: NodeCard,
        operator: Option<Principal>,
    },
    AssignNode {
        node_id: Principal,
        operator: Option<Principal>,
    },
    AddOperator(Operator),
    UpdateOperator {
        operator: Principal,
        name: Option<String>,
        data_center: Option<String>,
        reward_account: Option<Account>,
    },
    AddDataCenter(DataCenter),
    SetReplicaVersion(ReplicaVersion),
    UpgradeCanister {
        canister_id: Principal,
        wasm_module: ByteBuf,
        arg: ByteBuf,
        sha256: ByteBuf,
    },
    FreezeCanister {
        canister_id: Principal,
        reason: String,
    },
    UnfreezeCanister {
        canister_id: Principal,
    },
}

impl Action {
    pub fn topic(&self) -> Topic {
        match self {
            Self::Motion | Self::SetParameters(_) => Topic::Governance,
            Self::SetConversionRate { .. } | Self::SetPrices(_) | Self::SetRewardParameters { .. } => {
                Topic::Economy
            }
            Self::SetReplicaVersion(_) | Self::UpgradeCanister { .. } => Topic::Upgrades,
            Self::FreezeCanister { .. } | Self::UnfreezeCanister { .. } => Topic::Content,
            _ => Topic::Membership,
        }
    }

    /// Takes the module out, if it has one.
    pub fn take_module(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::UpgradeCanister { wasm_module, .. } => Some(std::mem::take(wasm_module).into_vec()),
            _ => None,
        }
    }

    /// Puts the module back.
    pub fn put_module(&mut self, module: Vec<u8>) {
        if let Self::UpgradeCanister { wasm_module, .. } = self {
            *wasm_module = ByteBuf::from(module);
        }
    }

    /// Without its long parts, for lists.
    pub fn shortened(mut self) -> Self {
        if let Self::UpgradeCanister { wasm_module, arg, .. } = &mut self {
            wasm_module.clear();
            arg.clear();
        }
        self
    }

    /// Which canister must be there to do it.
    fn check_target(&self, canisters: &Canisters) -> Result<(), String> {
        let (needed, name) = match self {
            Self::SetConversionRate { .. } => (canisters.minting, "minting"),
            Self::SetRewardParameters { .. } => (canisters.rewards, "rewards"),
            Self::SetReplicaVersion(_) => (canisters.registry, "registry"),
            action if action.topic() == Topic::Membership => (canisters.registry, "registry"),
            _ => return Ok(()),
        };
        needed.map(|_| ()).ok_or(format!("this network has no {name} canister"))
    }

    /// Whether it could be done at all.
    fn check(&self, canisters: &Canisters, own_id: Principal) -> Result<(), String> {
        self.check_target(canisters)?;
        let size = candid::encode_one(self.clone().shortened()).map_or(usize::MAX, |bytes| bytes.len());
        ensure(size <= MAX_ACTION_BYTES, "the action has more than 4096 bytes")?;
        match self {
            Self::SetConversionRate { xdr_permyriad_per_icp } => {
                ensure(*xdr_permyriad_per_icp > 0, "a rate of nothing")
            }
            Self::SetPrices(prices) => {
                ensure(prices.each().iter().all(|price| *price <= MAX_PRICE), "a price is more than 10^15")
            }
            Self::SetRewardParameters { period_seconds, share_permille } => {
                ensure(*period_seconds != Some(0), "a period of nothing")?;
                ensure(share_permille.is_none_or(|share| share <= PERMILLE), "a share of more than 1000")
            }
            Self::SetParameters(parameters) => parameters.check(),
            Self::SetReplicaVersion(version) => {
                ensure(version.sha256.len() == HASH_BYTES, "sha256 does not have 32 bytes")
            }
            Self::FreezeCanister { canister_id, reason } => {
                let kept = *canister_id == own_id || Some(*canister_id) == canisters.registry;
                ensure(!kept, "who could lift it? governance and registry are not frozen")?;
                ensure(!reason.is_empty(), "no reason")?;
                ensure(reason.len() <= MAX_REASON_BYTES, "the reason has more than 500 bytes")
            }
            Self::UpgradeCanister { canister_id, wasm_module, arg, sha256 } => {
                let possible = *canister_id != own_id || canisters.registry.is_some();
                ensure(possible, "without a registry this canister cannot be upgraded by vote")?;
                check_module(wasm_module, sha256)?;
                ensure(arg.len() <= MAX_ARG_BYTES, "the argument has more than 65536 bytes")
            }
            _ => Ok(()),
        }
    }
}

fn check_module(module: &[u8], sha256: &[u8]) -> Result<(), String> {
    ensure(module.len() <= MAX_MODULE_BYTES, "the module has more than 1900000 bytes")?;
    ensure(module.starts_with(&WASM) || module.starts_with(&GZIP), "this is no WebAssembly module")?;
    ensure(Sha256::digest(module).as_slice() == sha256, "the module does not have this sha256")
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

impl Proposal {
    /// Whether it can be voted on.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, canisters: &Canisters, own_id: Principal) -> Result<(), String> {
        ensure(!self.title.is_empty(), "no title")?;
        ensure(self.title.len() <= MAX_TITLE_BYTES, "the title has more than 256 bytes")?;
        ensure(self.summary.len() <= MAX_SUMMARY_BYTES, "the summary has more than 15000 bytes")?;
        ensure(self.url.len() <= MAX_URL_BYTES, "the url has more than 2048 bytes")?;
        self.action.check(canisters, own_id)
    }
}
