//! What can be proposed, as flags.

use crate::agent::interface::Interface;
use crate::cli::genesis::read_card;
use crate::cli::governance::interface::{Action, DataCenter, NodeCard, Operator, Prices, ReplicaVersion};
use crate::cli::governance::{CommandError, Governance};
use crate::cli::moment::seconds;
use crate::cli::wallet::icrc::IcrcAccount;
use crate::crypto::hash::sha256;
use crate::node::read_module;
use crate::types::{GenesisNode, Principal};
use crate::wasm::Engine;
use candid::CandidType;
use clap::Subcommand;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A longer module does not fit the message that carries it.
const MODULE_BYTES_MAX: usize = 1_900_000;
const INTERFACE: &str = "candid:service";

#[derive(Subcommand, Debug)]
pub enum ActionArgs {
    /// Nothing but that it is said.
    Motion,
    /// Set what a token is worth, in ten-thousandths of an XDR (a trillion cycles): `rate 40000` is 4 T cycles.
    Rate { xdr_permyriad: u64 },
    /// Change prices, e.g. `prices ingress=1200000 call=260000`; those that are not named stay.
    Prices {
        #[arg(required = true, value_name = "NAME=CYCLES")]
        changes: Vec<String>,
    },
    /// Change how rewards are paid.
    RewardParameters {
        /// How long a statement's period is, e.g. 30d.
        #[arg(long, value_name = "DURATION")]
        period: Option<String>,
        /// Thousandths of the consumed cycles' worth that are paid.
        #[arg(long, value_name = "PERMILLE", required_unless_present = "period")]
        share: Option<u32>,
    },
    /// Change governance's own parameters, e.g. `parameters quorum_permille=30`; those that are not named stay.
    Parameters {
        #[arg(required = true, value_name = "NAME=NUMBER")]
        changes: Vec<String>,
    },
    /// Add a node to the subnet.
    AddNode {
        /// Its card (node.pub.toml).
        card: PathBuf,
        /// Who runs it.
        #[arg(long)]
        operator: Principal,
    },
    /// Remove a node from the subnet.
    RemoveNode {
        /// Its id, or its name.
        node: String,
    },
    /// Put a new node in the place of one.
    ReplaceNode {
        /// The id or the name of who leaves.
        leaving: String,
        /// The card (node.pub.toml) of who comes.
        card: PathBuf,
        /// Who runs it; as before without it.
        #[arg(long)]
        operator: Option<Principal>,
    },
    /// Say who runs a node.
    AssignNode {
        /// Its id, or its name.
        node: String,
        /// Nobody without it.
        operator: Option<Principal>,
    },
    /// Add an operator to the registry.
    AddOperator {
        operator: Principal,
        #[arg(long)]
        name: String,
        #[arg(long)]
        data_center: String,
        /// Where its rewards go: a principal, or an ICRC-1 account.
        #[arg(long, value_name = "ACCOUNT")]
        rewards_to: Option<String>,
    },
    /// Change what the registry says of an operator; what is not named stays.
    UpdateOperator {
        operator: Principal,
        #[arg(long)]
        name: Option<String>,
        #[arg(long)]
        data_center: Option<String>,
        #[arg(long, value_name = "ACCOUNT")]
        rewards_to: Option<String>,
    },
    /// Add a data center to the registry.
    AddDataCenter {
        id: String,
        #[arg(long)]
        region: String,
        #[arg(long)]
        owner: String,
    },
    /// Name the version that replicas shall run.
    ReplicaVersion {
        version: String,
        /// Of the binary, in hex.
        #[arg(long)]
        sha256: String,
        /// Where it is to be had.
        #[arg(long = "from", value_name = "URL", required = true)]
        urls: Vec<String>,
    },
    /// Upgrade a canister that governance controls, or governance itself.
    Upgrade {
        canister: Principal,
        /// The Wasm module, plain or gzipped.
        module: PathBuf,
        /// Argument of the upgrade, as Candid text.
        #[arg(long, default_value = "()")]
        arg: String,
    },
    /// Freeze a canister: its code does not run, and its pages are not served.
    Freeze {
        canister: Principal,
        /// What whoever asks for it is told.
        #[arg(long)]
        reason: String,
    },
    /// Let a frozen canister run again.
    Unfreeze { canister: Principal },
}

impl ActionArgs {
    /// # Errors
    /// [`CommandError`] that names the file, name or number that cannot be used.
    pub async fn into_action(self, governance: &Governance<'_>) -> Result<Action, CommandError> {
        Ok(match self {
            ActionArgs::Motion => Action::Motion,
            ActionArgs::Rate { xdr_permyriad } => {
                Action::SetConversionRate { xdr_permyriad_per_icp: xdr_permyriad }
            }
            ActionArgs::Prices { changes } => {
                Action::SetPrices(changed(prices(governance).await?, &changes)?)
            }
            ActionArgs::RewardParameters { period, share } => Action::SetRewardParameters {
                period_seconds: period.map(|text| seconds(&text)).transpose()?,
                share_permille: share,
            },
            ActionArgs::Parameters { changes } => {
                Action::SetParameters(changed(governance.parameters().await?, &changes)?)
            }
            ActionArgs::Upgrade { canister, module, arg } => upgrade(canister, &module, &arg)?,
            ActionArgs::Freeze { canister, reason } => {
                Action::FreezeCanister { canister_id: canister, reason }
            }
            ActionArgs::Unfreeze { canister } => Action::UnfreezeCanister { canister_id: canister },
            ActionArgs::ReplicaVersion { version, sha256, urls } => {
                Action::SetReplicaVersion(ReplicaVersion { version, sha256: bytes(&sha256)?, urls })
            }
            membership => membership.into_change(governance).await?,
        })
    }

    /// Actions on the registry's records.
    async fn into_change(self, governance: &Governance<'_>) -> Result<Action, CommandError> {
        Ok(match self {
            ActionArgs::AddNode { card, operator } => Action::AddNode { node: node_card(&card)?, operator },
            ActionArgs::RemoveNode { node } => {
                Action::RemoveNode { node_id: node_id(governance, &node).await? }
            }
            ActionArgs::ReplaceNode { leaving, card, operator } => Action::ReplaceNode {
                leaving: node_id(governance, &leaving).await?,
                node: node_card(&card)?,
                operator,
            },
            ActionArgs::AssignNode { node, operator } => {
                Action::AssignNode { node_id: node_id(governance, &node).await?, operator }
            }
            ActionArgs::AddOperator { operator, name, data_center, rewards_to } => {
                let reward_account = rewards_to.map(|text| text.parse::<IcrcAccount>()).transpose()?;
                Action::AddOperator(Operator { operator, name, data_center, reward_account })
            }
            ActionArgs::UpdateOperator { operator, name, data_center, rewards_to } => {
                let reward_account = rewards_to.map(|text| text.parse::<IcrcAccount>()).transpose()?;
                Action::UpdateOperator { operator, name, data_center, reward_account }
            }
            ActionArgs::AddDataCenter { id, region, owner } => {
                Action::AddDataCenter(DataCenter { id, region, owner })
            }
            other => return Err(CommandError::Wrong(format!("{other:?} changes no record of the registry"))),
        })
    }
}

/// The prices that hold now.
async fn prices(governance: &Governance<'_>) -> Result<Prices, CommandError> {
    let arg = candid::encode_args(())?;
    let reply = governance.client().ask_management(governance.id(), "atoll_prices", arg).await?;
    Ok(candid::decode_one(&reply)?)
}

/// The record with other numbers in the fields that are named.
fn changed<T: Serialize + DeserializeOwned>(record: T, changes: &[String]) -> Result<T, CommandError> {
    let mut value = serde_json::to_value(record)?;
    for change in changes {
        let wrong = || CommandError::Wrong(format!("{change:?} is not NAME=NUMBER"));
        let (name, number) = change.split_once('=').ok_or_else(wrong)?;
        let number: u64 = number.replace('_', "").parse().map_err(|_| wrong())?;
        let fields = value.as_object_mut().ok_or_else(wrong)?;
        let names = fields.keys().cloned().collect::<Vec<_>>().join(", ");
        let field = fields.get_mut(name);
        let unknown = || CommandError::Wrong(format!("there is no {name}, but {names}"));
        *field.ok_or_else(unknown)? = Value::from(number);
    }
    Ok(serde_json::from_value(value)?)
}

/// The module is looked at first: one that no subnet installs would be proposed in vain.
fn upgrade(canister_id: Principal, path: &Path, arg: &str) -> Result<Action, CommandError> {
    let file = |error| CommandError::File { path: path.into(), error };
    let module = read_module(path).map_err(file)?;
    let wrong = |error: String| CommandError::Wrong(format!("{}: {error}", path.display()));
    if module.len() > MODULE_BYTES_MAX {
        let have = module.len();
        return Err(wrong(format!(
            "{have} bytes; at most {MODULE_BYTES_MAX} can be proposed: pack it with gzip"
        )));
    }
    let facts = Engine::new(None).check(&module).map_err(|error| wrong(error.to_string()))?;
    let interface = facts.metadata.get(INTERFACE).map(|section| section.content.as_slice());
    let interface = Interface::parse(&String::from_utf8_lossy(interface.unwrap_or_default()));
    let arg = ByteBuf::from(interface.encode_init(arg)?);
    let hash = ByteBuf::from(sha256(&module).0);
    Ok(Action::UpgradeCanister { canister_id, wasm_module: ByteBuf::from(module), arg, sha256: hash })
}

fn node_card(path: &Path) -> Result<NodeCard, CommandError> {
    let GenesisNode { name, identity_key, tls_key, encryption_key, address } = read_card(path)?;
    let (identity_key, tls_key) = (bytes(&identity_key)?, bytes(&tls_key)?);
    Ok(NodeCard { name, identity_key, tls_key, encryption_key: bytes(&encryption_key)?, address })
}

fn bytes(text: &str) -> Result<ByteBuf, CommandError> {
    let wrong = |_| CommandError::Wrong(format!("{text:?} is not hexadecimal"));
    hex::decode(text).map(ByteBuf::from).map_err(wrong)
}

/// The node with this id, or the one with this name that is not gone.
async fn node_id(governance: &Governance<'_>, node: &str) -> Result<Principal, CommandError> {
    #[derive(CandidType, Deserialize)]
    struct Card {
        name: String,
    }
    #[derive(CandidType, Deserialize, PartialEq)]
    enum Status {
        Joining,
        Member,
        Leaving,
        Gone,
    }
    #[derive(CandidType, Deserialize)]
    struct Node {
        node_id: Principal,
        card: Card,
        status: Status,
    }
    if let Ok(id) = Principal::from_text(node) {
        return Ok(id);
    }
    let nodes: Vec<Node> = governance.registry().await?.query("list_nodes", &()).await?;
    let mut there = nodes.into_iter().filter(|one| one.status != Status::Gone && one.card.name == node);
    match (there.next(), there.next()) {
        (Some(one), None) => Ok(one.node_id),
        (Some(_), Some(_)) => {
            Err(CommandError::Wrong(format!("several nodes are called {node}: give an id")))
        }
        (None, _) => Err(CommandError::Unknown(format!("node called {node}, and it is no node's id"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::governance::interface::Parameters;

    const PARAMETERS: Parameters = Parameters {
        quorum_permille: 30,
        threshold_permille: 500,
        voting_period_seconds: 345_600,
        wait_for_quiet_seconds: 86_400,
        minimum_stake_e8s: 100_000_000,
        min_dissolve_delay_seconds: 0,
        max_dissolve_delay_seconds: 252_460_800,
        proposal_fee_e8s: 100_000_000,
        max_open_proposals: 50,
    };

    #[test]
    fn named_fields_change_and_the_others_stay() {
        let changes = ["quorum_permille=40".to_string(), "proposal_fee_e8s=2_000".to_string()];
        let after = changed(PARAMETERS, &changes).expect("numbers");
        assert_eq!(after, Parameters { quorum_permille: 40, proposal_fee_e8s: 2_000, ..PARAMETERS });
    }

    #[test]
    fn a_change_that_cannot_be_made_is_named() {
        let check = |change: &str, expected: &str| {
            let error = changed(PARAMETERS, &[change.to_string()]).expect_err("refused").to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("quorum_permille", "\"quorum_permille\" is not NAME=NUMBER");
        check("quorum_permille=many", "is not NAME=NUMBER");
        check("quorum=1", "there is no quorum, but max_dissolve_delay_seconds, max_open_proposals, ");
        check("quorum_permille=99999999999", "json: ");
    }

    #[test]
    fn an_upgrade_is_of_a_module_with_its_argument_and_hash() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("a.wasm");
        let text = r#"(module (@custom "icp:public candid:service" "service : (nat8) -> {}"))"#;
        let module = wat::parse_str(text).expect("a module");
        std::fs::write(&path, &module).expect("written");
        let id = Principal::management_canister();
        let Action::UpgradeCanister { arg, sha256: hash, .. } = upgrade(id, &path, "(7)").expect("a module")
        else {
            panic!("an upgrade");
        };
        assert_eq!(arg, candid::encode_args((7u8,)).expect("encodes"));
        assert_eq!(hash, sha256(&module).0);
        assert!(upgrade(id, &path, "(true)").is_err());
        let check = |content: &[u8], expected: &str| {
            std::fs::write(&path, content).expect("written");
            let error = upgrade(id, &path, "()").expect_err("refused").to_string();
            assert!(error.contains("a.wasm: ") && error.contains(expected), "{error}");
        };
        check(b"no module", "");
        check(&vec![0; MODULE_BYTES_MAX + 1], "1900001 bytes; at most 1900000 can be proposed");
    }
}
