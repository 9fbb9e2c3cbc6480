//! `atoll state`: tools for the state of a stopped replica.

use crate::crypto::hash::chain_id;
use crate::node::{Config, ConfigError, load_genesis};
use crate::state::{HostFailure, ReplicatedState};
use crate::storage::{Rocks, StorageError};
use crate::types::limits::PAGE_BYTES;
use crate::types::{CanisterId, Height, Principal, StateRoot};
use std::path::PathBuf;
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
    let Command::Flip(args) = &args.command;
    let config = Config::load(&args.config)?;
    let chain = chain_id(&load_genesis(&config.genesis)?);
    let rocks = Rocks::open(&config.data_dir.join("chain"), &chain)?;
    if rocks.recover()?.root.is_none() {
        return Err(StateError::Empty);
    }
    let (height, before, after) = flip(&rocks, args.canister, args.offset)?;
    println!("height {height}: root {} is now {}", before.0, after.0);
    Ok(())
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
        let rocks = Rocks::open(dir.path(), &Digest::ZERO).unwrap();
        let genesis = Genesis {
            version: 1,
            name: "test".into(),
            heartbeat_ms: 1,
            view_timeout_ms: 1,
            provisional: true,
            minting_canister: None,
            subnet_admins: Vec::new(),
            nodes: vec![],
        };
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
    }
}
