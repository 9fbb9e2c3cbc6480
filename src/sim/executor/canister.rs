//! The production executor, with one canister that counts.

use super::Outcome;
use crate::crypto::hash::sha256;
use crate::execution::execute_batch;
use crate::membership::Succession;
use crate::sim::oracle::Books;
use crate::sim::trace::short;
use crate::state::{HostFailure, IngressStatus, ReplicatedState, StateSource};
use crate::types::*;
use crate::wasm::Engine;
use std::sync::Arc;

/// The canister that the workload creates and calls.
pub const FIRST_CANISTER: CanisterId = CanisterId(crate::state::FIRST_CANISTER);

/// Counts calls by their first byte. In text:
/// ```wat
/// (module
///   (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
///   (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
///   (import "ic0" "msg_reply" (func $reply))
///   (memory 1)
///   (func (export "canister_update raise") (local $at i32)
///     (call $copy (i32.const 0) (i32.const 0) (i32.const 1))
///     (local.set $at (i32.add (i32.const 8) (i32.mul (i32.load8_u (i32.const 0)) (i32.const 8))))
///     (i64.store (local.get $at) (i64.add (i64.load (local.get $at)) (i64.const 1)))
///     (call $append (local.get $at) (i32.const 8))
///     (call $reply)))
/// ```
pub const MODULE: &[u8] =
    b"\x00\x61\x73\x6d\x01\x00\x00\x00\x01\x0f\x03\x60\x03\x7f\x7f\x7f\x00\x60\x02\x7f\x7f\x00\x60\x00\x00\
    \x02\x45\x03\x03\x69\x63\x30\x11\x6d\x73\x67\x5f\x61\x72\x67\x5f\x64\x61\x74\x61\x5f\x63\x6f\x70\x79\
    \x00\x00\x03\x69\x63\x30\x15\x6d\x73\x67\x5f\x72\x65\x70\x6c\x79\x5f\x64\x61\x74\x61\x5f\x61\x70\x70\
    \x65\x6e\x64\x00\x01\x03\x69\x63\x30\x09\x6d\x73\x67\x5f\x72\x65\x70\x6c\x79\x00\x02\x03\x02\x01\x02\
    \x05\x03\x01\x00\x01\x07\x19\x01\x15\x63\x61\x6e\x69\x73\x74\x65\x72\x5f\x75\x70\x64\x61\x74\x65\x20\
    \x72\x61\x69\x73\x65\x00\x03\x0a\x30\x01\x2e\x01\x01\x7f\x41\x00\x41\x00\x41\x01\x10\x00\x41\x08\x41\
    \x00\x2d\x00\x00\x41\x08\x6c\x6a\x21\x00\x20\x00\x20\x00\x29\x03\x00\x42\x01\x7c\x37\x03\x00\x20\x00\
    \x41\x08\x10\x01\x10\x02\x0b";

thread_local! {
    /// One for all nodes and seeds of a thread: what it keeps is compiled code, never a result.
    static ENGINE: Engine = Engine::new(None);
}

/// A node's replicated state.
#[derive(Clone)]
pub struct Canister(ReplicatedState);

impl Canister {
    /// The state before the first block.
    pub fn genesis(genesis: &Genesis, members: Succession) -> Result<Canister, HostFailure> {
        let subnet = SubnetId(Principal::self_authenticating(genesis.name.as_bytes()));
        let node = |index: usize| {
            let key = sha256(&index.to_be_bytes()).0;
            (NodeId(Principal::self_authenticating(key)), key)
        };
        let nodes: Vec<(NodeId, [u8; 32])> = (0..genesis.nodes.len()).map(node).collect();
        let state = ReplicatedState::genesis(genesis, genesis.name.as_bytes(), subnet, &nodes)?;
        Ok(Canister(state.with_succession(members)))
    }

    /// The state on disk.
    pub fn restored(source: Arc<dyn StateSource>) -> Result<Canister, HostFailure> {
        Ok(Canister(ReplicatedState::restore(source)?))
    }

    /// Executes the next height.
    pub fn execute(&mut self, batch: &Batch) -> Result<Outcome, HostFailure> {
        let executed = ENGINE.with(|engine| execute_batch(engine, self.0.clone(), batch))?;
        self.0 = executed.state;
        let books = self.books();
        let finished = executed.finished.into_iter().filter(|id| self.replied(id)).collect();
        Ok(Outcome { root: executed.root, finished, delta: executed.delta, books })
    }

    /// Cycles of all canisters; only test builds add them up.
    fn books(&self) -> Books {
        let minted = self.0.counters.minted.0;
        #[cfg(test)]
        let there = self.0.cycles_there_are();
        #[cfg(not(test))]
        let there = minted;
        Books { there, minted }
    }

    fn replied(&self, id: &RequestId) -> bool {
        self.0.history().get(id).is_some_and(|entry| matches!(entry.status, IngressStatus::Replied(_)))
    }

    /// Who the members are, encoded.
    pub fn succession(&self) -> Option<bytes::Bytes> {
        self.0.succession().map(|succession| succession.encode().into())
    }

    /// The last height executed.
    pub fn height(&self) -> Height {
        self.0.height()
    }

    /// Executed requests that have not expired, with their expiry.
    pub fn history(&self) -> Vec<(RequestId, Time)> {
        self.0.executed_requests()
    }

    /// What the reply or reject says, in short.
    pub fn answer(&self, id: &RequestId) -> Option<u64> {
        match &self.0.history().get(id)?.status {
            IngressStatus::Replied(reply) => Some(short(&sha256(reply))),
            IngressStatus::Rejected(reject) => Some(short(&sha256(reject.message.as_bytes()))),
            IngressStatus::Received | IngressStatus::Processing | IngressStatus::Done => None,
        }
    }

    /// The root after the last height.
    pub fn root(&self) -> StateRoot {
        self.0.root()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_its_text() {
        let source = include_str!("canister.rs");
        let lines = source.lines().skip_while(|line| !line.contains("```wat")).skip(1);
        let text: String = lines
            .take_while(|line| !line.contains("```"))
            .map(|line| line.trim_start_matches("///"))
            .collect();
        // After it come the names of the functions, which do nothing.
        assert!(wat::parse_str(text).unwrap().starts_with(MODULE));
    }
}
