//! `atoll state`: tools for the state of a stopped replica.

mod diff;

use crate::crypto::hash::chain_id;
use crate::node::{Config, ConfigError, load_genesis};
use crate::state::{HostFailure, ReplicatedState};
use crate::storage::{Rocks, StorageError, Votes};
use crate::types::limits::PAGE_BYTES;
use crate::types::{CanisterId, Height, Principal, StateRoot};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Tools for the state of a stopped replica.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    Flip(FlipArgs),
    Diff(DiffArgs),
}

/// Say in what the states of two stopped replicas differ: records, fields, pages.
#[derive(clap::Args, Debug)]
struct DiffArgs {
    /// One stopped node's configuration, node.toml.
    first: PathBuf,
    /// The other's.
    second: PathBuf,
}

/// Flip one bit of a canister's heap, for drills: this replica's state differs from then on.
///
/// All digests on this replica's disk are made to fit, so that nothing but the other replicas can
/// notice. Started again, it halts as soon as it compares its state with theirs, and keeps the evidence.
#[derive(clap::Args, Debug)]
struct FlipArgs {
    /// The stopped node's configuration, node.toml.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The canister; it must have a module installed.
    #[arg(long)]
    canister: Principal,
    /// Which byte of its heap; bit 0 of it is flipped.
    #[arg(long, default_value_t = 0)]
    offset: u64,
}

/// The state cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Host(#[from] HostFailure),
    #[error("nothing has been executed yet")]
    Empty,
    #[error("{0} is no canister of this subnet")]
    NoCanister(Principal),
    #[error("the offset lies beyond every heap")]
    Offset,
}

/// Runs the command.
///
/// # Errors
/// [`StateError`]; the disk is as it was then.
pub fn run(args: &Args) -> Result<(), StateError> {
    match &args.command {
        Command::Flip(args) => {
            let rocks = open(&args.config)?;
            let (height, before, after) = flip(&rocks, args.canister, args.offset)?;
            println!("height {height}: root {} is now {}", before.0, after.0);
        }
        Command::Diff(args) => {
            let sources = [open(&args.first)?.source(), open(&args.second)?.source()];
            let lines = diff::differences(sources)?;
            lines.iter().for_each(|line| println!("{line}"));
            println!("{} differences", lines.len());
        }
    }
    Ok(())
}

/// The disk of a stopped replica that has executed something.
fn open(config: &Path) -> Result<Rocks, StateError> {
    let config = Config::load(config)?;
    let chain = chain_id(&load_genesis(&config.genesis)?);
    let rocks = Rocks::open(&config.data_dir.join("chain"), &chain, Votes::MayBeLost)?;
    match rocks.recover()?.root {
        Some(_) => Ok(rocks),
        None => Err(StateError::Empty),
    }
}

fn flip(
    rocks: &Rocks,
    canister: Principal,
    offset: u64,
) -> Result<(Height, StateRoot, StateRoot), StateError> {
    let before = ReplicatedState::restore(rocks.source())?;
    let mut state = before.clone();
    let id = CanisterId::from_principal(&canister).ok_or(StateError::NoCanister(canister))?;
    let page_bytes = PAGE_BYTES as u64;
    let byte = usize::try_from(offset % page_bytes).map_err(|_| StateError::Offset)?;
    let flipped = state.change_canister(id, |canister| -> Result<(), HostFailure> {
        let index = offset / page_bytes;
        let mut page = canister.heap.get(index)?.map_or([0; PAGE_BYTES], |page| *page);
        if let Some(byte) = page.get_mut(byte) {
            *byte ^= 1;
        }
        canister.heap.set(index, Some(Arc::new(page)))
    });
    flipped.ok_or(StateError::NoCanister(canister))??;
    let (delta, root) = state.seal(&before)?;
    rocks.amend(&delta, root)?;
    Ok((delta.height, before.root(), root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{CanisterState, Settings};
    use crate::types::{Digest, Genesis, SubnetId};

    #[test]
    fn a_flipped_bit_changes_the_root_and_fits_all_that_is_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let rocks = Rocks::open(dir.path(), &Digest::ZERO, Votes::None).unwrap();
        let genesis = Genesis::local("test", Vec::new());
        let subnet = SubnetId(Principal::anonymous());
        let mut state = ReplicatedState::genesis(&genesis, &[], subnet, &[]).unwrap();
        let empty = state.clone();
        let id = CanisterId(7);
        let settings = Settings::with_controllers(vec![]);
        state.put_canister(id, CanisterState::new(settings, Default::default(), Default::default()));
        let (delta, root) = state.seal(&empty).unwrap();
        rocks.commit(&delta, root).unwrap();

        let (_, before, after) = flip(&rocks, id.principal(), 5_000).unwrap();
        assert_eq!(before, root);
        assert_ne!(after, root);
        let restored = ReplicatedState::restore(rocks.source()).unwrap();
        assert_eq!(restored.root(), after);
        let page = restored.canister(id).unwrap().heap.get(1).unwrap().unwrap();
        assert_eq!(page[5_000 - PAGE_BYTES], 1);
        assert!(matches!(flip(&rocks, Principal::anonymous(), 0), Err(StateError::NoCanister(_))));

        let other = tempfile::tempdir().unwrap();
        let unflipped = Rocks::open(other.path(), &Digest::ZERO, Votes::None).unwrap();
        unflipped.commit(&delta, root).unwrap();
        let lines = diff::differences([rocks.source(), unflipped.source()]).unwrap();
        let id = id.principal();
        let expected = [format!("canister {id}: heap_"), format!("canister {id}: heap differs in page 1")];
        assert!(expected.iter().all(|part| lines.iter().any(|line| line.starts_with(part))), "{lines:?}");
        assert!(diff::differences([rocks.source(), rocks.source()]).unwrap().is_empty());
    }
}
