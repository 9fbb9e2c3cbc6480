//! `atoll genesis`: assembles `genesis.toml` from the nodes' cards.

mod canisters;

use crate::crypto::genesis::{GenesisError, NodeCard, print_genesis, validate_genesis};
use crate::crypto::hash::chain_id;
use crate::types::limits::{EPOCH_LENGTH_DEFAULT, GENESIS_BYTES_MAX};
use crate::types::{Accounting, Genesis, GenesisNode, Principal};
use canisters::Canisters;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Assemble genesis.toml from the nodes' cards (node.pub.toml).
///
/// Every node needs a copy of the same file: its hash names the chain. The order of the cards is
/// the order of the nodes.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where to write it; a file that exists is not overwritten.
    #[arg(long, value_name = "FILE", default_value = "genesis.toml")]
    pub out: PathBuf,
    /// Name of the subnet, for people.
    #[arg(long)]
    pub name: String,
    /// An idle leader waits this long before it proposes an empty block.
    #[arg(long, default_value_t = 500)]
    pub heartbeat_ms: u64,
    /// A view without a proposal is given up after this long.
    #[arg(long, default_value_t = 1_000)]
    pub view_timeout_ms: u64,
    /// Whether anyone may make canisters with cycles out of nothing (local and test subnets).
    #[arg(long, default_value_t = false, action = clap::ArgAction::Set)]
    pub provisional: bool,
    /// The canister that may make cycles out of nothing: a ledger's cycles minting canister.
    #[arg(long, value_name = "CANISTER")]
    pub minting_canister: Option<Principal>,
    /// The canister that may set prices and freeze canisters.
    #[arg(long, value_name = "CANISTER")]
    pub governance_canister: Option<Principal>,
    /// The canister whose certified orders change the membership, in place of the operators' signatures.
    #[arg(long, value_name = "CANISTER")]
    pub registry_canister: Option<Principal>,
    /// How cycles come to users: market, quota, or free (with --provisional true). Said nothing: free with
    /// --provisional true, else market.
    #[arg(long)]
    pub accounting: Option<Accounting>,
    /// A subnet admin: may make canisters for nothing, and start, stop, empty and delete those of others.
    #[arg(long = "subnet-admin", value_name = "PRINCIPAL")]
    pub subnet_admins: Vec<Principal>,
    /// An observer: may list all canisters and see their status and what they consumed, as subnet admins may, and
    /// change nothing.
    #[arg(long = "observer", value_name = "PRINCIPAL")]
    pub observers: Vec<Principal>,
    /// Heights after which fresh shares of the subnet's keys replace the old ones; 0 for never.
    #[arg(long, default_value_t = EPOCH_LENGTH_DEFAULT)]
    pub epoch_length: u64,
    /// Canisters that the first block makes: a TOML file of `[[canister]]` with id, module, arg (Candid text), cycles and
    /// controllers; before them it may name minting_canister, governance_canister, registry_canister, subnet_admins and observers. Their modules are put into `modules/` beside the genesis; every node needs a copy of those too.
    #[arg(long, value_name = "FILE")]
    pub canisters: Option<PathBuf>,
    /// The nodes' cards.
    #[arg(required = true, value_name = "CARD")]
    pub cards: Vec<PathBuf>,
}

/// A genesis could not be assembled.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Card { path: PathBuf, error: GenesisError },
    #[error("{}: {error}", path.display())]
    Plan { path: PathBuf, error: String },
    #[error("canister {id}: {error}")]
    Canister { id: Principal, error: String },
    #[error("genesis: {0}")]
    Genesis(#[from] GenesisError),
}

/// Assembles the genesis, writes it, and prints the name of the chain.
pub fn run(args: Args) -> Result<(), AssembleError> {
    let (genesis, canisters) = assemble(&args)?;
    let text = print_genesis(&genesis)?;
    canisters.write_modules(&args.out)?;
    write_new(&args.out, &text).map_err(|error| AssembleError::File { path: args.out.clone(), error })?;
    println!("{}", chain_id(&genesis));
    let modules = if canisters.entries.is_empty() { "" } else { ", and of modules/ beside it" };
    eprintln!("{} nodes in {}; give every node a copy{modules}", genesis.nodes.len(), args.out.display());
    Ok(())
}

/// The genesis of the cards that `args` names, and its canisters.
pub fn assemble(args: &Args) -> Result<(Genesis, Canisters), AssembleError> {
    let canisters = args.canisters.as_deref().map_or(Ok(Canisters::default()), Canisters::read)?;
    let roles = canisters.roles.clone();
    let genesis = Genesis {
        version: 1,
        name: args.name.clone(),
        heartbeat_ms: args.heartbeat_ms,
        view_timeout_ms: args.view_timeout_ms,
        provisional: args.provisional,
        minting_canister: args.minting_canister.or(roles.minting_canister),
        governance_canister: args.governance_canister.or(roles.governance_canister),
        registry_canister: args.registry_canister.or(roles.registry_canister),
        accounting: args.accounting,
        subnet_admins: [args.subnet_admins.clone(), roles.subnet_admins].concat(),
        observers: [args.observers.clone(), roles.observers].concat(),
        epoch_length: args.epoch_length,
        canisters: canisters.entries.clone(),
        nodes: args.cards.iter().map(|path| read_card(path)).collect::<Result<_, _>>()?,
    };
    validate_genesis(&genesis)?;
    Ok((genesis, canisters))
}

/// The node of a card.
///
/// # Errors
/// [`AssembleError`] naming the file.
pub fn read_card(path: &Path) -> Result<GenesisNode, AssembleError> {
    let text = read_text(path).map_err(|error| AssembleError::File { path: path.into(), error })?;
    let card = NodeCard::parse(&text).map_err(|error| AssembleError::Card { path: path.into(), error })?;
    Ok(card.into_node())
}

/// One byte more than may be, so that too much is noticed where it is parsed.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(GENESIS_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::keygen;
    use crate::crypto::genesis::parse_genesis;

    fn args(root: &Path, cards: Vec<PathBuf>) -> Args {
        Args {
            out: root.join("genesis.toml"),
            name: "test".into(),
            heartbeat_ms: 500,
            view_timeout_ms: 1_000,
            provisional: true,
            minting_canister: None,
            governance_canister: None,
            registry_canister: None,
            accounting: None,
            subnet_admins: Vec::new(),
            observers: Vec::new(),
            epoch_length: 499,
            canisters: None,
            cards,
        }
    }

    fn card(root: &Path, node: usize) -> PathBuf {
        let dir = root.join(format!("node-{node}"));
        keygen::make(&dir, &format!("node-{node}"), &format!("127.0.0.1:{}", 9_100 + node)).unwrap();
        dir.join(keygen::CARD)
    }

    #[test]
    fn cards_become_a_genesis_in_their_order() {
        let root = tempfile::tempdir().unwrap();
        let cards: Vec<PathBuf> = (0..4).map(|node| card(root.path(), node)).collect();
        run(args(root.path(), cards.clone())).unwrap();
        let genesis =
            parse_genesis(&std::fs::read_to_string(root.path().join("genesis.toml")).unwrap()).unwrap();
        let names: Vec<_> = genesis.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["node-0", "node-1", "node-2", "node-3"]);
        let again = run(args(root.path(), cards)).unwrap_err();
        assert!(
            matches!(again, AssembleError::File { error, .. } if error.kind() == io::ErrorKind::AlreadyExists)
        );
    }

    #[test]
    fn a_bad_card_is_named() {
        let root = tempfile::tempdir().unwrap();
        let good = card(root.path(), 0);
        let check = |cards: Vec<PathBuf>, expected: &str| {
            let error = assemble(&args(root.path(), cards)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(vec![good.clone(), good.clone()], "genesis: nodes 0 and 1 have the same identity_key");
        check(vec![root.path().join("none")], "none: No such file");
        let forged = root.path().join("forged.toml");
        let text = std::fs::read_to_string(&good).unwrap();
        std::fs::write(&forged, text.replace("9100", "9200")).unwrap();
        check(vec![good.clone(), forged], "forged.toml: the card is not signed by its identity key");
        let long = root.path().join("long.toml");
        std::fs::write(&long, " ".repeat(GENESIS_BYTES_MAX * 2)).unwrap();
        check(vec![long], "long.toml: has more than 65536 bytes");
    }
}
