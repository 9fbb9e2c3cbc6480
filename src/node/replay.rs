//! A stopped replica's chain, executed once more from genesis on: what is on its disk must come out.

use super::boot::{first_members, genesis_state};
use super::founding::load_founding;
use super::key::KeyDir;
use super::{Config, NodeError, load_genesis};
use crate::crypto::hash::chain_id;
use crate::crypto::node_key::Committee;
use crate::crypto::user::root_key_der;
use crate::execution::execute_batch;
use crate::replica::batch;
use crate::storage::{Rocks, Votes};
use crate::types::{Height, StateRoot};
use crate::wasm::Engine;

/// What a replay came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// The last executed height on disk, and its root there.
    pub height: Height,
    pub stored: StateRoot,
    /// The root that the replay has after it.
    pub found: StateRoot,
    /// The height whose root differs from the one that a quorum certified, if there is one.
    pub uncertified: Option<Height>,
    /// Update calls in the blocks.
    pub calls: u64,
}

/// Executes every finalized block up to the last executed height, in memory; the disk is only read. `told`
/// hears after each height how far it is. Costs the time of the chain; memory grows with the pages that the
/// chain wrote.
///
/// # Errors
/// [`NodeError`]; also if the replica still runs, or has executed nothing.
pub fn replay(config: &Config, mut told: impl FnMut(Height, Height)) -> Result<Replayed, NodeError> {
    let genesis = load_genesis(&config.genesis)?;
    let committee = Committee::from_genesis(&genesis)?;
    let chain = chain_id(&genesis);
    let keys = KeyDir::new(&config.key_dir).load_subnet_keys(chain)?.ok_or(NodeError::NothingExecuted)?;
    let rocks = Rocks::open(&config.data_dir.join("chain"), &chain, Votes::MayBeLost)?;
    let recovered = rocks.recover()?;
    let stored = recovered.root.ok_or(NodeError::NothingExecuted)?;
    let certified = recovered.certification;
    if let Some(first) = rocks.first_finalized()?.filter(|first| *first > Height(1)) {
        return Err(NodeError::Purged(first));
    }
    let engine = Engine::new(Some(config.data_dir.join("modules")));
    let members = first_members(chain, &genesis, &keys.first_shares);
    let founding = load_founding(&config.genesis, &genesis)?;
    let root_key = root_key_der(&keys.keyring.root_key());
    let mut state = genesis_state(&genesis, &committee, &root_key, members, founding)?;
    let (mut calls, mut uncertified) = (0u64, None);
    while state.height() < recovered.executed {
        let (block, beacon) = rocks.finalized_block(state.height().next())?;
        calls = calls.saturating_add(block.payload.ingress.len() as u64);
        state = execute_batch(&engine, state, &batch(&block, &beacon))?.state;
        let at = certified.filter(|certified| certified.height == state.height());
        if at.is_some_and(|certified| certified.root != state.root()) {
            uncertified = Some(state.height());
        }
        told(state.height(), recovered.executed);
    }
    Ok(Replayed { height: recovered.executed, stored, found: state.root(), uncertified, calls })
}
