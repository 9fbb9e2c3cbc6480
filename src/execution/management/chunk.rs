//! The chunk store: `upload_chunk`, `clear_chunk_store`, `stored_chunks`.

use super::{Caller, Done, Failure, find, invalid, not_controller};
use crate::crypto::hash::sha256;
use crate::encoding::management::{self as candid, CanisterIdRecord, ChunkHash};
use crate::execution::Executor;
use crate::execution::growth::{Keep, admit_growth};
use crate::state::{CanisterState, HostFailure, ReplicatedState};
use crate::types::limits::{CHUNK_BYTES_MAX, CHUNK_STORE_BYTES_MAX};
use crate::types::*;
use std::sync::Arc;

/// Chunks that one canister can store: each counts as the largest.
const CHUNKS_MAX: usize = CHUNK_STORE_BYTES_MAX / CHUNK_BYTES_MAX;

/// The canister, if `sender` may use its chunk store: a controller, or the canister itself.
pub(super) fn store<'s>(
    state: &'s ReplicatedState,
    principal: &Principal,
    sender: &Principal,
) -> Result<(CanisterId, &'s CanisterState), Reject> {
    let (id, canister) = find(state, principal)?;
    match canister.is_controller(sender) || id.principal() == *sender {
        true => Ok((id, canister)),
        false => Err(not_controller(id, canister, sender)),
    }
}

/// The chunks of these hashes, joined; they may be at most `max` bytes.
pub(super) fn join(
    state: &ReplicatedState,
    id: CanisterId,
    canister: &CanisterState,
    hashes: &[Digest],
    max: usize,
) -> Result<Vec<u8>, Failure> {
    let mut size: usize = 0;
    for hash in hashes {
        let bytes = canister.record.chunks.get(hash);
        let bytes = bytes
            .ok_or_else(|| invalid(format!("chunk {hash} is not in the chunk store of canister {id}")))?;
        size = size.saturating_add(*bytes as usize);
    }
    if size > max {
        return Err(
            invalid(format!("the chunks have {size} bytes together; a module has at most {max}")).into()
        );
    }
    let mut module = Vec::with_capacity(size);
    for hash in hashes {
        let missing = || HostFailure(format!("chunk {hash} of canister {id} has no content"));
        let content = state.chunk(id, hash).ok_or_else(missing)?;
        module.extend_from_slice(&content.load()?);
    }
    Ok(module)
}

impl Executor<'_> {
    pub(super) fn upload_chunk(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: candid::UploadChunkArgs = candid::decode(arg)?;
        let (id, canister) = store(&self.state, &args.canister_id, &caller.principal)?;
        let size = args.chunk.len();
        if size > CHUNK_BYTES_MAX {
            return Err(invalid(format!(
                "the chunk has {size} bytes; at most {CHUNK_BYTES_MAX} are allowed"
            ))
            .into());
        }
        let hash = sha256(&args.chunk);
        if !canister.record.chunks.contains_key(&hash) {
            may_store(id, canister)?;
            let bytes = u32::try_from(size).unwrap_or(u32::MAX);
            self.charge_idle(id)?;
            let mut next = find(&self.state, &args.canister_id)?.1.clone();
            next.record.chunks.insert(hash, bytes);
            admit_growth(&self.environment.prices, &self.state, id, &mut next, Keep::FreezingLimit)?;
            self.state.put_canister(id, next);
            self.state.put_chunk(id, hash, Arc::from(args.chunk));
        }
        Done::reply(&ChunkHash { hash: hash.0.to_vec() })
    }

    pub(super) fn clear_chunk_store(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: CanisterIdRecord = candid::decode(arg)?;
        let (id, canister) = store(&self.state, &args.canister_id, &caller.principal)?;
        let hashes = canister.chunk_hashes();
        self.charge_idle(id)?;
        self.state.change_canister(id, |canister| canister.record.chunks.clear());
        self.state.release_chunks(id, hashes);
        Ok(Done::unit())
    }

    pub(super) fn stored_chunks(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        let args: CanisterIdRecord = candid::decode(arg)?;
        let (_, canister) = store(&self.state, &args.canister_id, &caller.principal)?;
        let hash = |hash: &Digest| ChunkHash { hash: hash.0.to_vec() };
        let hashes: Vec<ChunkHash> = canister.record.chunks.keys().map(hash).collect();
        Done::reply(&hashes)
    }
}

fn may_store(id: CanisterId, canister: &CanisterState) -> Result<(), Reject> {
    if canister.record.chunks.len() < CHUNKS_MAX {
        return Ok(());
    }
    let message = format!(
        "The chunk store of canister {id} holds {CHUNKS_MAX} chunks and is full. Clear it with clear_chunk_store."
    );
    Err(Reject::new(ErrorCode::CanisterContractViolation, message))
}
