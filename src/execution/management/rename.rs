//! `rename_canister`: a canister that moved here from another subnet gets back the id that it had there. Only the canister
//! migration orchestrator may do that (interface spec, "Canister renaming").

use super::{Caller, Done, Failure, controlled, invalid, not_allowed, push_change};
use crate::encoding::management as candid;
use crate::execution::Executor;
use crate::state::{Blob, CanisterState, ChangeDetails, ChangeOrigin, RenamedTo, Renaming, Status};
use crate::types::limits::MIGRATION_ORCHESTRATOR;
use crate::types::*;

impl Executor<'_> {
    pub(super) fn rename_canister(&mut self, caller: &Caller, arg: &[u8]) -> Result<Done, Failure> {
        if caller.principal != MIGRATION_ORCHESTRATOR.principal() {
            return Err(not_allowed(&caller.principal, "rename_canister").into());
        }
        let args: candid::RenameCanisterArgs = candid::decode(arg)?;
        let (id, _) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        self.charge_idle(id)?;
        let (_, canister) = controlled(&self.state, &args.canister_id, &caller.principal)?;
        at_rest(id, canister)?;
        let new_id = self.free_id(&args.rename_to.canister_id)?;
        let next = self.renamed(canister.clone(), &args);
        self.move_canister(id, new_id, next);
        Ok(Done::unit())
    }

    /// An id that no canister has, and that this subnet will not give out.
    fn free_id(&self, principal: &Principal) -> Result<CanisterId, Reject> {
        let id = CanisterId::from_principal(principal);
        let id = id.filter(|id| id.0 < self.state.counters.next_canister);
        let id =
            id.ok_or_else(|| invalid(format!("rename_to.canister_id {principal} is no id to rename to")))?;
        match self.state.canister(id) {
            None => Ok(id),
            Some(_) => {
                let message = format!("Canister {id} exists already. Delete it first.");
                Err(Reject::new(ErrorCode::CanisterIdAlreadyExists, message))
            }
        }
    }

    fn renamed(&self, mut next: CanisterState, args: &candid::RenameCanisterArgs) -> CanisterState {
        let to = &args.rename_to;
        let details = ChangeDetails::RenameCanister(Renaming {
            canister_id: args.canister_id,
            total_num_changes: next.record.history_total,
            rename_to: RenamedTo {
                canister_id: to.canister_id,
                version: to.version,
                total_num_changes: to.total_num_changes,
            },
            requested_by: args.requested_by,
        });
        next.record.canister_version = next.record.canister_version.max(to.version).saturating_add(1);
        next.record.history_total = to.total_num_changes;
        let origin = ChangeOrigin::Canister {
            canister: MIGRATION_ORCHESTRATOR,
            version: Some(args.sender_canister_version),
        };
        push_change(&mut next, self.environment.time, origin, details);
        next
    }

    fn move_canister(&mut self, id: CanisterId, new_id: CanisterId, next: CanisterState) {
        let hashes = next.chunk_hashes();
        let content = |hash: &Digest| Some((*hash, self.state.chunk(id, hash)?.clone()));
        let chunks: Vec<(Digest, Blob)> = hashes.iter().filter_map(content).collect();
        self.state.remove_canister(id);
        self.state.put_canister(new_id, next);
        for (hash, content) in chunks {
            self.state.share_chunk(new_id, hash, content);
        }
        self.state.release_chunks(id, hashes);
    }
}

/// Stopped, without snapshots and without messages.
fn at_rest(id: CanisterId, canister: &CanisterState) -> Result<(), Reject> {
    if canister.record.status != Status::Stopped {
        let message =
            format!("Canister {id} must be stopped before it is renamed. Stop it with stop_canister.");
        return Err(Reject::new(ErrorCode::CanisterNotStopped, message));
    }
    if !canister.snapshots.is_empty() {
        let message = format!("Canister {id} has snapshots. Delete them before it is renamed.");
        return Err(Reject::new(ErrorCode::CanisterRejectedMessage, message));
    }
    match canister.queue.is_empty() && canister.record.callbacks.is_empty() {
        true => Ok(()),
        false => Err(Reject::new(
            ErrorCode::CanisterQueueNotEmpty,
            format!("Messages wait for canister {id}. Rename it when they have been processed."),
        )),
    }
}
