//! `genesis.toml` and the cards of which it is assembled: read, checked, written.

use super::hash::{hash_node, hash_parts};
use super::node_key::{Committee, IdentityKey, KeyError, verify_node};
use crate::types::limits::{
    CONTROLLERS_MAX, EPOCH_LENGTH_MAX, GENESIS_BYTES_MAX, GENESIS_CANISTERS_MAX, HEARTBEAT_MAX_MS,
    MINTED_CYCLES_MAX, NAME_BYTES_MAX, NODES_MAX, OBSERVERS_MAX, SUBNET_ADMINS_MAX, VIEW_TIMEOUT_MAX_MS,
};
use crate::types::{
    Accounting, CanisterId, Cycles, Digest, Founding, Genesis, GenesisCanister, GenesisNode, NodeIndex,
    NodeSignature, Principal,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of both formats.
const VERSION: u32 = 1;

/// Domain of a card's signature.
const CARD_DOMAIN: &str = "atoll-node-card";

/// A genesis or a card that cannot be used. Names the node and the field at fault.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GenesisError {
    #[error("has more than {GENESIS_BYTES_MAX} bytes")]
    Size,
    #[error("{0}")]
    Toml(String),
    #[error("version {0}, this program knows {VERSION}")]
    Version(u32),
    #[error("{field} {found} is not between {min} and {max}")]
    Bounds { field: &'static str, found: u64, min: u64, max: u64 },
    #[error("{nodes} nodes, 1 to {NODES_MAX} are possible")]
    Nodes { nodes: usize },
    #[error("{0} is empty, longer than {NAME_BYTES_MAX} bytes, or has control characters")]
    Name(String),
    #[error("address {0:?} is not HOST:PORT")]
    Address(String),
    #[error("nodes {first} and {second} have the same {field}")]
    Duplicate { first: NodeIndex, second: NodeIndex, field: &'static str },
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{admins} subnet_admins, at most {SUBNET_ADMINS_MAX} are possible")]
    Admins { admins: usize },
    #[error("{observers} observers, at most {OBSERVERS_MAX} are possible")]
    Observers { observers: usize },
    #[error("{field} {id} is no canister of the subnet")]
    NoCanister { field: &'static str, id: Principal },
    #[error("accounting = \"free\" and provisional = true go together")]
    Accounting,
    #[error("{canisters} canisters, at most {GENESIS_CANISTERS_MAX} are possible")]
    Canisters { canisters: usize },
    #[error("canister {id}: {field} is not {wanted}")]
    Canister { id: Principal, field: &'static str, wanted: &'static str },
    #[error("canister {0} stands twice in the genesis")]
    SameCanister(Principal),
    #[error("the card is not signed by its identity key")]
    Signature,
}

/// Reads and checks a `genesis.toml`. Unknown keys are refused.
pub fn parse_genesis(text: &str) -> Result<Genesis, GenesisError> {
    let genesis: Genesis = parse_toml(text)?;
    validate_genesis(&genesis)?;
    Ok(genesis)
}

/// The text of a `genesis.toml`.
pub fn print_genesis(genesis: &Genesis) -> Result<String, GenesisError> {
    toml::to_string(genesis).map_err(|error| GenesisError::Toml(error.to_string()))
}

/// Checks all that a genesis promises: bounds, addresses, keys, and that nodes differ.
pub fn validate_genesis(genesis: &Genesis) -> Result<(), GenesisError> {
    check_version(genesis.version)?;
    check_name("name", &genesis.name)?;
    check_bounds("heartbeat_ms", genesis.heartbeat_ms, HEARTBEAT_MAX_MS)?;
    check_bounds("view_timeout_ms", genesis.view_timeout_ms, VIEW_TIMEOUT_MAX_MS)?;
    check_canister_id("minting_canister", genesis.minting_canister.as_ref())?;
    check_canister_id("governance_canister", genesis.governance_canister.as_ref())?;
    check_canister_id("registry_canister", genesis.registry_canister.as_ref())?;
    if (genesis.accounting() == Accounting::Free) != genesis.provisional {
        return Err(GenesisError::Accounting);
    }
    let admins = genesis.subnet_admins.len();
    if admins > SUBNET_ADMINS_MAX {
        return Err(GenesisError::Admins { admins });
    }
    let observers = genesis.observers.len();
    if observers > OBSERVERS_MAX {
        return Err(GenesisError::Observers { observers });
    }
    if genesis.epoch_length > EPOCH_LENGTH_MAX {
        let (found, max) = (genesis.epoch_length, EPOCH_LENGTH_MAX);
        return Err(GenesisError::Bounds { field: "epoch_length", found, min: 0, max });
    }
    check_canisters(&genesis.canisters)?;
    validate_nodes(&genesis.nodes)
}

fn check_canisters(canisters: &[GenesisCanister]) -> Result<(), GenesisError> {
    if canisters.len() > GENESIS_CANISTERS_MAX {
        return Err(GenesisError::Canisters { canisters: canisters.len() });
    }
    let mut seen = BTreeSet::new();
    for canister in canisters {
        founding(canister)?;
        if !seen.insert(canister.id) {
            return Err(GenesisError::SameCanister(canister.id));
        }
    }
    Ok(())
}

/// What a canister of the genesis says.
///
/// # Errors
/// [`GenesisError::Canister`] naming canister and field.
pub fn founding(canister: &GenesisCanister) -> Result<Founding, GenesisError> {
    let wrong = |field, wanted| GenesisError::Canister { id: canister.id, field, wanted };
    let module = hex::decode(&canister.module).ok().and_then(|hash| hash.try_into().ok());
    let cycles = canister.cycles.parse().ok().map(Cycles).filter(|cycles| *cycles <= MINTED_CYCLES_MAX);
    let mut controllers = canister.controllers.clone();
    controllers.sort();
    controllers.dedup();
    if controllers.len() > CONTROLLERS_MAX || controllers.len() < canister.controllers.len() {
        return Err(wrong("controllers", "a list of at most 10 different principals"));
    }
    Ok(Founding {
        id: CanisterId::from_principal(&canister.id).ok_or(wrong("id", "the id of a canister"))?,
        module: Digest(module.ok_or(wrong("module", "a SHA-256 in hex"))?),
        arg: hex::decode(&canister.arg).map_err(|_| wrong("arg", "hex"))?,
        cycles: cycles.ok_or(wrong("cycles", "a number of cycles that can exist"))?,
        controllers,
    })
}

/// Checks what a genesis promises of its nodes, for members of a later epoch too.
pub fn validate_nodes(nodes: &[GenesisNode]) -> Result<(), GenesisError> {
    if nodes.is_empty() || nodes.len() > NODES_MAX {
        return Err(GenesisError::Nodes { nodes: nodes.len() });
    }
    nodes.iter().try_for_each(check_node)?;
    Committee::from_nodes(nodes)?;
    check_distinct(nodes)
}

fn check_version(version: u32) -> Result<(), GenesisError> {
    if version == VERSION { Ok(()) } else { Err(GenesisError::Version(version)) }
}

fn check_bounds(field: &'static str, found: u64, max: u64) -> Result<(), GenesisError> {
    if (1..=max).contains(&found) { Ok(()) } else { Err(GenesisError::Bounds { field, found, min: 1, max }) }
}

fn check_canister_id(field: &'static str, canister: Option<&Principal>) -> Result<(), GenesisError> {
    match canister.filter(|canister| CanisterId::from_principal(canister).is_none()) {
        Some(other) => Err(GenesisError::NoCanister { field, id: *other }),
        None => Ok(()),
    }
}

fn check_name(field: &str, name: &str) -> Result<(), GenesisError> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(GenesisError::Name(format!("{field} {name:?}"))) }
}

fn check_node(node: &GenesisNode) -> Result<(), GenesisError> {
    check_name("name of node", &node.name)?;
    let (host, port) = node.address.rsplit_once(':').unwrap_or_default();
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let characters =
        |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c) || (bracketed && "[]:%".contains(c));
    let host_fits = (1..=NAME_BYTES_MAX * 4).contains(&host.len()) && host.chars().all(characters);
    let port_fits = port.parse::<u16>().is_ok_and(|number| number != 0 && number.to_string() == port);
    if host_fits && port_fits { Ok(()) } else { Err(GenesisError::Address(node.address.clone())) }
}

/// No key stands in two places, be it of one node, and no two nodes share an address.
fn check_distinct(nodes: &[GenesisNode]) -> Result<(), GenesisError> {
    let mut seen = BTreeMap::new();
    for (node, second) in nodes.iter().zip((0..=u16::MAX).map(NodeIndex)) {
        let fields = [
            ("identity_key", &node.identity_key),
            ("tls_key", &node.tls_key),
            ("encryption_key", &node.encryption_key),
            ("address", &node.address),
        ];
        for (field, value) in fields {
            if let Some(first) = seen.insert(value, second) {
                return Err(GenesisError::Duplicate { first, second, field });
            }
        }
    }
    Ok(())
}

fn parse_toml<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, GenesisError> {
    if text.len() > GENESIS_BYTES_MAX {
        return Err(GenesisError::Size);
    }
    toml::from_str(text).map_err(|error| GenesisError::Toml(error.to_string()))
}

/// `node.pub.toml`: what an operator hands over to whoever assembles the genesis. Signed by the
/// identity key, so that nobody can put another's key into a card of his own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeCard {
    version: u32,
    /// The self-authenticating principal of the identity key; for people.
    node_id: String,
    node: GenesisNode,
    signature: String,
}

impl NodeCard {
    /// The card of the node with this identity key.
    pub fn sign(node: GenesisNode, identity: &IdentityKey) -> NodeCard {
        let node_id = identity.node_id().0.to_text();
        let signature = identity.sign(CARD_DOMAIN, &card_digest(&node, &node_id));
        NodeCard { version: VERSION, node_id, node, signature: hex::encode(signature.0) }
    }

    /// Reads a card and checks its keys and its signature.
    pub fn parse(text: &str) -> Result<NodeCard, GenesisError> {
        let card: NodeCard = parse_toml(text)?;
        check_version(card.version)?;
        check_node(&card.node)?;
        let key = hex::decode(&card.node.identity_key).ok().and_then(|key| key.try_into().ok());
        let signature = hex::decode(&card.signature).ok().and_then(|bytes| bytes.try_into().ok());
        let (Some(key), Some(signature)) = (key, signature.map(NodeSignature)) else {
            return Err(GenesisError::Signature);
        };
        let digest = card_digest(&card.node, &card.node_id);
        let holds = verify_node(&key, CARD_DOMAIN, &digest, &signature);
        if holds { Ok(card) } else { Err(GenesisError::Signature) }
    }

    /// The text of a `node.pub.toml`.
    pub fn print(&self) -> Result<String, GenesisError> {
        toml::to_string(self).map_err(|error| GenesisError::Toml(error.to_string()))
    }

    /// The node, for the genesis.
    pub fn into_node(self) -> GenesisNode {
        self.node
    }
}

fn card_digest(node: &GenesisNode, node_id: &str) -> [u8; 32] {
    hash_parts(CARD_DOMAIN, &[&hash_node(node).0, node_id.as_bytes()]).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::node_key::{EncryptionKey, TlsKey};

    fn node(index: u8) -> GenesisNode {
        GenesisNode {
            name: format!("node-{index}"),
            identity_key: hex::encode(identity(index).public_key()),
            tls_key: hex::encode(TlsKey::from_bytes(&[index + 100; 32]).public_key()),
            encryption_key: hex::encode(EncryptionKey::from_bytes(&[index + 1; 32]).unwrap().public_key()),
            address: format!("10.0.0.{index}:9100"),
        }
    }

    fn identity(index: u8) -> IdentityKey {
        IdentityKey::from_bytes(&[index; 32])
    }

    fn genesis() -> Genesis {
        let canister = GenesisCanister {
            id: CanisterId(0).principal(),
            module: "07".repeat(32),
            arg: "4449444c0000".into(),
            cycles: "340282366920938463463".into(),
            controllers: vec![CanisterId(1).principal()],
        };
        Genesis { canisters: vec![canister], ..Genesis::local("test", (0..4).map(node).collect()) }
    }

    #[test]
    fn a_genesis_survives_its_file() {
        let canister = |number| Some(CanisterId(number).principal());
        let governed = Genesis {
            minting_canister: canister(4),
            governance_canister: canister(1),
            registry_canister: canister(0),
            provisional: false,
            accounting: Some(Accounting::Quota),
            ..genesis()
        };
        for genesis in [genesis(), governed] {
            let text = print_genesis(&genesis).unwrap();
            assert_eq!(parse_genesis(&text), Ok(genesis));
        }
    }

    #[test]
    fn a_genesis_with_an_unknown_key_is_refused() {
        let text = format!("surprise = 1\n{}", print_genesis(&genesis()).unwrap());
        assert!(
            matches!(parse_genesis(&text), Err(GenesisError::Toml(message)) if message.contains("surprise"))
        );
        assert_eq!(parse_genesis(&" ".repeat(GENESIS_BYTES_MAX + 1)), Err(GenesisError::Size));
    }

    fn check(spoil: impl FnOnce(&mut Genesis), expected: &str) {
        let mut spoilt = genesis();
        spoil(&mut spoilt);
        assert_eq!(validate_genesis(&spoilt).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_wrong_with_a_genesis_is_named() {
        check(|g| g.version = 2, "version 2, this program knows 1");
        check(|g| g.nodes.clear(), "0 nodes, 1 to 64 are possible");
        check(|g| g.nodes = vec![node(0); 65], "65 nodes, 1 to 64 are possible");
        check(|g| g.heartbeat_ms = 0, "heartbeat_ms 0 is not between 1 and 2000");
        check(|g| g.view_timeout_ms = 10_001, "view_timeout_ms 10001 is not between 1 and 10000");
        let spoilt =
            |change: fn(&mut GenesisCanister)| move |genesis: &mut Genesis| change(&mut genesis.canisters[0]);
        let named = "canister rwlgt-iiaaa-aaaaa-aaaaa-cai";
        check(spoilt(|c| c.module.push('0')), &format!("{named}: module is not a SHA-256 in hex"));
        check(spoilt(|c| c.arg = "x".into()), &format!("{named}: arg is not hex"));
        check(
            spoilt(|c| c.cycles = "1e9".into()),
            &format!("{named}: cycles is not a number of cycles that can exist"),
        );
        check(
            spoilt(|c| c.controllers = vec![Principal::anonymous(); 2]),
            &format!("{named}: controllers is not a list of at most 10 different principals"),
        );
        check(
            spoilt(|c| c.id = Principal::anonymous()),
            "canister 2vxsx-fae: id is not the id of a canister",
        );
        check(
            |g| g.canisters.push(g.canisters[0].clone()),
            "canister rwlgt-iiaaa-aaaaa-aaaaa-cai stands twice in the genesis",
        );
        check(|g| g.canisters = vec![g.canisters[0].clone(); 65], "65 canisters, at most 64 are possible");
        check(
            |g| g.subnet_admins = vec![Principal::anonymous(); 11],
            "11 subnet_admins, at most 10 are possible",
        );
        check(|g| g.observers = vec![Principal::anonymous(); 11], "11 observers, at most 10 are possible");
        check(
            |g| g.minting_canister = Some(Principal::management_canister()),
            "minting_canister aaaaa-aa is no canister of the subnet",
        );
        check(
            |g| g.governance_canister = Some(Principal::anonymous()),
            "governance_canister 2vxsx-fae is no canister of the subnet",
        );
        check(
            |g| g.registry_canister = Some(Principal::anonymous()),
            "registry_canister 2vxsx-fae is no canister of the subnet",
        );
        let apart = "accounting = \"free\" and provisional = true go together";
        check(|g| g.accounting = Some(Accounting::Market), apart);
        check(|g| (g.accounting, g.provisional) = (Some(Accounting::Free), false), apart);
        let name = "is empty, longer than 64 bytes, or has control characters";
        check(|g| g.name.clear(), &format!("name \"\" {name}"));
        check(|g| g.nodes[1].name = "a\nb".into(), &format!("name of node \"a\\nb\" {name}"));
        check(|g| g.nodes[1].tls_key.push('0'), "node 1: tls_key is not 64 hex digits of an Ed25519 key");
        check(|g| g.nodes[2].tls_key = node(1).tls_key, "nodes 1 and 2 have the same tls_key");
        check(|g| g.nodes[2].tls_key = node(1).identity_key, "nodes 1 and 2 have the same tls_key");
        check(|g| g.nodes[3].address = node(0).address, "nodes 0 and 3 have the same address");
        check(
            |g| g.nodes[3].encryption_key = node(0).encryption_key,
            "nodes 0 and 3 have the same encryption_key",
        );
    }

    #[test]
    fn without_a_word_about_it_cycles_are_free_on_development_networks_alone() {
        assert_eq!(genesis().accounting(), Accounting::Free);
        let sold = Genesis { provisional: false, ..genesis() };
        assert_eq!((sold.accounting(), validate_genesis(&sold)), (Accounting::Market, Ok(())));
        for name in ["market", "quota", "free"] {
            assert_eq!(name.parse::<Accounting>().unwrap().name(), name);
        }
        assert_eq!("gold".parse::<Accounting>(), Err("\"gold\" is not market, quota or free".into()));
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let fits = |address: &str| check_node(&GenesisNode { address: address.into(), ..node(0) }).is_ok();
        for good in ["example.org:1", "10.0.0.1:65535", "[::1]:9100", "[fe80::1%eth0]:9100", "node_a:9"] {
            assert!(fits(good), "{good}");
        }
        for bad in [
            "",
            "host",
            "host:",
            ":1",
            "host:0",
            "host:65536",
            "host:01",
            "host:+1",
            "::1:9",
            "a b:1",
            "http://a:1",
        ] {
            assert!(!fits(bad), "{bad}");
        }
    }

    #[test]
    fn a_card_holds_as_its_node_signed_it_and_no_other_way() {
        let text = NodeCard::sign(node(1), &identity(1)).print().unwrap();
        assert_eq!(NodeCard::parse(&text).unwrap().into_node(), node(1));
        let forged = NodeCard::sign(node(1), &identity(2)).print().unwrap();
        assert_eq!(NodeCard::parse(&forged), Err(GenesisError::Signature));
        for (from, to) in
            [("10.0.0.1", "10.0.0.2"), ("node-1", "node-2"), ("signature = \"", "signature = \"0")]
        {
            assert_eq!(NodeCard::parse(&text.replace(from, to)), Err(GenesisError::Signature), "{from}");
        }
        let card = NodeCard::sign(node(1), &identity(1));
        let other_id = identity(2).node_id().0.to_text();
        assert_eq!(NodeCard::parse(&text.replace(&card.node_id, &other_id)), Err(GenesisError::Signature));
    }
}
