//! `atoll node`: who the members of a running subnet are, and changes of them.

use super::exchange::{ExchangeError, get, post};
use super::file::write_atomically;
use crate::cli::genesis::{AssembleError, read_card};
use crate::crypto::node_key::IdentityKey;
use crate::encoding::system::encode_change;
use crate::membership::change::sign;
use crate::node::KnownMembers;
use crate::storage::key_file::{self, KeyFileError};
use crate::types::{ChainId, Digest, GenesisNode, MembershipChange, NodeIndex, quorum};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// How often it is looked whether the subnet has come further.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const PATH: &str = "/atoll/v1/membership";

/// List, add, remove or replace nodes of a running subnet.
///
/// A change needs the signatures of a quorum of the members' operators: give their key directories. It is made
/// with the next epoch, when all members get fresh shares of the subnet's keys; the root key stays.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Print who the members are, and who will be.
    List {
        #[command(flatten)]
        place: Place,
        /// Write the members' cards to this file, too: `members` in the node.toml of a node that knows none of them.
        #[arg(long, value_name = "FILE")]
        cards: Option<PathBuf>,
    },
    /// Add the node with this card.
    Add {
        #[command(flatten)]
        change: Change,
        /// The new node's card, node.pub.toml.
        #[arg(long, value_name = "FILE")]
        card: PathBuf,
    },
    /// Remove the node in this place.
    Remove {
        #[command(flatten)]
        change: Change,
        /// The node's place, as `atoll node list` shows it.
        #[arg(long)]
        node: u16,
    },
    /// Put the node with this card in the place of another.
    Replace {
        #[command(flatten)]
        change: Change,
        /// The place, as `atoll node list` shows it.
        #[arg(long)]
        node: u16,
        /// The new node's card, node.pub.toml.
        #[arg(long, value_name = "FILE")]
        card: PathBuf,
    },
}

#[derive(clap::Args, Debug)]
struct Place {
    /// Any replica's public interface.
    #[arg(long, default_value = "http://127.0.0.1:9101")]
    url: String,
}

#[derive(clap::Args, Debug)]
struct Change {
    #[command(flatten)]
    place: Place,
    /// Key directory of an operator, with the identity key of his node; a quorum of them.
    #[arg(long = "operator", value_name = "DIR", required = true)]
    operators: Vec<PathBuf>,
}

/// The membership could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum NodeCommandError {
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error(transparent)]
    Write(#[from] std::io::Error),
    #[error(transparent)]
    Card(#[from] AssembleError),
    #[error("what {url} says about its members cannot be read: {error}")]
    Answer { url: String, error: String },
    #[error("no member has the place {0}")]
    NoPlace(u16),
    #[error("{have} of the key directories are of members, {need} are needed")]
    Operators { have: usize, need: usize },
    #[error("this subnet has one epoch for ever (epoch_length 0): its members never change")]
    Fixed,
    #[error("refused: {0}")]
    Refused(String),
    #[error("another change was made first; look with `atoll node list`")]
    Overtaken,
}

/// What a replica says.
#[derive(Deserialize)]
struct Report {
    chain: String,
    height: u64,
    epoch: u64,
    epoch_length: u64,
    began_after: u64,
    dealing: bool,
    version: u64,
    members: Vec<Card>,
    next: Vec<Card>,
}

#[derive(Deserialize, PartialEq)]
struct Card {
    place: u16,
    name: String,
    identity_key: String,
    address: String,
    tls_key: String,
    encryption_key: String,
}

/// Runs the command.
///
/// # Errors
/// [`NodeCommandError`], which says what is wrong; nothing has changed then, but for `Overtaken`.
pub fn run(args: &Args) -> Result<(), NodeCommandError> {
    match &args.command {
        Command::List { place, cards } => {
            let report = report(&place.url)?;
            print(&report);
            cards.as_deref().map_or(Ok(()), |file| write_cards(&report, file))
        }
        Command::Add { change, card } => make(change, None, Some(read_card(card)?)),
        Command::Remove { change, node } => make(change, Some(*node), None),
        Command::Replace { change, node, card } => make(change, Some(*node), Some(read_card(card)?)),
    }
}

fn report(url: &str) -> Result<Report, NodeCommandError> {
    let body = get(url, PATH)?;
    let wrong = |error: serde_json::Error| error.to_string();
    serde_json::from_str(&body)
        .map_err(|error| NodeCommandError::Answer { url: url.into(), error: wrong(error) })
}

fn print(report: &Report) {
    println!(
        "epoch {}, since height {}; now at height {}, membership {}",
        report.epoch, report.began_after, report.height, report.version
    );
    for Card { place, name, identity_key, address, .. } in &report.members {
        println!("{place:>3}  {name}  {address}  {identity_key}");
    }
    if report.next != report.members {
        println!("from the next epoch on:");
        for Card { place, name, address, .. } in &report.next {
            println!("{place:>3}  {name}  {address}");
        }
    }
}

/// What a node reads that knows no present member.
fn write_cards(report: &Report, file: &Path) -> Result<(), NodeCommandError> {
    let node = |card: &Card| GenesisNode {
        name: card.name.clone(),
        identity_key: card.identity_key.clone(),
        tls_key: card.tls_key.clone(),
        encryption_key: card.encryption_key.clone(),
        address: card.address.clone(),
    };
    let known = KnownMembers { epoch: report.epoch, nodes: report.members.iter().map(node).collect() };
    let text = toml::to_string(&known).map_err(std::io::Error::other)?;
    write_atomically(file, text.as_bytes())?;
    println!("cards of {} members written to {}", known.nodes.len(), file.display());
    Ok(())
}

/// Signs the change, hands it over, and waits until it is made.
fn make(change: &Change, leaves: Option<u16>, comes: Option<GenesisNode>) -> Result<(), NodeCommandError> {
    let url = &change.place.url;
    let keys = change.operators.iter().map(|dir| read_identity(dir)).collect::<Result<Vec<_>, _>>()?;
    let before = report(url)?;
    if before.epoch_length == 0 {
        return Err(NodeCommandError::Fixed);
    }
    let signed = signed(&before, &keys, leaves, comes)?;
    hand_over(url, &before, &signed)?;
    println!("taken; it is made with the next epoch");
    let after = wait(url, |now| now.epoch > before.epoch && now.version > before.version)?;
    if after.version != before.version + 1 && after.members == before.members {
        return Err(NodeCommandError::Overtaken);
    }
    print(&after);
    Ok(())
}

fn read_identity(dir: &Path) -> Result<IdentityKey, NodeCommandError> {
    Ok(IdentityKey::from_bytes(&*key_file::read_array::<32>(&dir.join(key_file::IDENTITY))?))
}

fn signed(
    report: &Report,
    keys: &[IdentityKey],
    leaves: Option<u16>,
    comes: Option<GenesisNode>,
) -> Result<MembershipChange, NodeCommandError> {
    let key = |text: &str| hex::decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let unreadable = || NodeCommandError::Answer { url: String::new(), error: "a key is none".into() };
    let chain: ChainId = Digest(key(&report.chain).ok_or_else(unreadable)?);
    let remove = leaves.map(|place| {
        let member = report.next.iter().find(|member| member.place == place);
        member.and_then(|member| key(&member.identity_key)).ok_or(NodeCommandError::NoPlace(place))
    });
    let mut change = MembershipChange {
        version: report.version,
        remove: remove.transpose()?.into_iter().collect(),
        add: comes.into_iter().collect(),
        signatures: Vec::new(),
    };
    for (member, place) in report.members.iter().zip((0..=u16::MAX).map(NodeIndex)) {
        let own = |identity: &&IdentityKey| key(&member.identity_key) == Some(identity.public_key());
        let signer = keys.iter().find(own);
        let signature = signer.map(|signer| (place, sign(&chain, &change, signer)));
        change.signatures.extend(signature);
    }
    let (have, need) = (change.signatures.len(), quorum(report.members.len()));
    if have < need { Err(NodeCommandError::Operators { have, need }) } else { Ok(change) }
}

/// While members deal, no change is taken: then this waits for the next epoch.
fn hand_over(url: &str, before: &Report, change: &MembershipChange) -> Result<(), NodeCommandError> {
    let mut told = false;
    loop {
        let now = report(url)?;
        if now.version != before.version {
            return Err(NodeCommandError::Overtaken);
        }
        if now.dealing {
            if !told {
                println!("the members deal their keys already; waiting for the next epoch");
                told = true;
            }
            sleep(LOOK_AGAIN);
            continue;
        }
        match post(url, PATH, "application/x-protobuf", &encode_change(change))? {
            (200, _) => return Ok(()),
            (409, _) if report(url)?.dealing => {}
            (_, reason) => return Err(NodeCommandError::Refused(reason.trim().to_string())),
        }
    }
}

/// A replica that is asked may itself leave, or be away for a moment.
fn wait(url: &str, done: impl Fn(&Report) -> bool) -> Result<Report, NodeCommandError> {
    let mut silent = 0;
    loop {
        match report(url) {
            Ok(now) if done(&now) => return Ok(now),
            Ok(_) => silent = 0,
            Err(error) if silent > 20 => return Err(error),
            Err(_) => silent += 1,
        }
        sleep(LOOK_AGAIN);
    }
}
