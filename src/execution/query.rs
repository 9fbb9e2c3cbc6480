//! Queries: runs on a snapshot, whose changes are thrown away. A composite query can call further queries
//! of the same snapshot; the calls make a tree that is walked depth first (interface spec, "Query call").

use super::commit::apply_memory;
use super::induct::{accepts_message, not_found};
use super::message::{did_not_reply, method_not_found, module_of};
use super::run::{Environment, Run};
use super::{charge, management};
use crate::state::{CanisterState, HostFailure, Module, ReplicatedState};
use crate::types::limits::*;
use crate::types::*;
use crate::wasm::{Changes, Context, DataCertificate, Engine, Entry, OutgoingCall};
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

/// Answers a user's query from `state`. `data_certificate` makes the certificate of the canister's certified
/// data, if the canister asks for it.
///
/// # Errors
/// [`HostFailure`] if the host failed.
pub fn query(
    engine: &Engine,
    state: &ReplicatedState,
    query: &Authenticated<UserQuery>,
    data_certificate: impl FnOnce(CanisterId) -> Vec<u8> + Send + 'static,
) -> Result<QueryResult, HostFailure> {
    let content = query.content();
    let answer = match content.canister_id == management_canister() {
        true => management::query(state, &content.sender, &content.method_name, &content.arg)
            .map_or_else(Answer::Reject, Answer::Reply),
        false => {
            let mut tree = Tree {
                environment: Environment::of(engine, state, state.time()),
                state,
                instructions: QUERY_TREE_INSTRUCTIONS_MAX,
                bytes: QUERY_TREE_BYTES_MAX,
            };
            tree.answer(content, 0, |id| Some(deferred(move || data_certificate(id))))?
        }
    };
    Ok(match answer {
        Answer::Reply(reply) => QueryResult::Replied(reply),
        Answer::Reject(reject) => QueryResult::Rejected(reject),
    })
}

/// A query and all that it calls.
struct Tree<'s> {
    environment: Environment<'s>,
    state: &'s ReplicatedState,
    /// What all runs together may still use.
    instructions: Instructions,
    /// Bytes that calls and memories that wait for answers may still take.
    bytes: u64,
}

/// One query that is being answered.
struct Branch<'q> {
    id: CanisterId,
    query: &'q UserQuery,
    /// The canister with the changes of this query's runs until now.
    canister: Arc<CanisterState>,
    module: Arc<Module>,
    /// Calls to be made.
    calls: VecDeque<OutgoingCall>,
    /// Used by this query's own runs.
    instructions: Instructions,
    /// Why the last callback failed that had a cleanup.
    failed: Option<Reject>,
}

/// Why a query ends without its canister's answer.
enum Stop {
    Refused(Reject),
    Host(HostFailure),
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Stop {
        Stop::Refused(reject)
    }
}

impl From<HostFailure> for Stop {
    fn from(failure: HostFailure) -> Stop {
        Stop::Host(failure)
    }
}

/// A certificate that `make` makes when its bytes are wanted.
fn deferred(make: impl FnOnce() -> Vec<u8> + Send + 'static) -> DataCertificate {
    Arc::new(LazyLock::new(Box::new(make)))
}

/// The certificate for queries that no user asked for.
fn no_certificate(_: CanisterId) -> Option<DataCertificate> {
    None
}

impl Tree<'_> {
    fn answer(
        &mut self,
        query: &UserQuery,
        depth: usize,
        certificate: impl FnOnce(CanisterId) -> Option<DataCertificate>,
    ) -> Result<Answer, HostFailure> {
        match self.evaluate(query, depth, certificate) {
            Ok(answer) => Ok(answer),
            Err(Stop::Refused(reject)) => Ok(Answer::Reject(reject)),
            Err(Stop::Host(failure)) => Err(failure),
        }
    }

    fn evaluate(
        &mut self,
        query: &UserQuery,
        depth: usize,
        certificate: impl FnOnce(CanisterId) -> Option<DataCertificate>,
    ) -> Result<Answer, Stop> {
        let (mut branch, entry, context) = self.admit(query)?;
        let run = Run {
            arg: Arc::from(query.arg.as_slice()),
            data_certificate: certificate(branch.id),
            ..branch.run(entry, context)
        };
        let (instructions, outcome) = self.run(run, QUERY_INSTRUCTIONS_MAX)?;
        if let Some(answer) = self.take(&mut branch, instructions, outcome?)? {
            return Ok(answer);
        }
        while let Some(call) = branch.calls.pop_front() {
            if depth >= QUERY_DEPTH_MAX {
                return Err(too_deep(branch.id).into());
            }
            let answer = self.call(&branch, &call, depth)?;
            if let Some(answer) = self.call_back(&mut branch, &call, answer)? {
                return Ok(answer);
            }
        }
        Err(branch.failed.unwrap_or_else(|| did_not_reply(branch.id)).into())
    }

    fn admit<'q>(&self, query: &'q UserQuery) -> Result<(Branch<'q>, Entry, Context), Reject> {
        let id = CanisterId::from_principal(&query.canister_id);
        let found = id.and_then(|id| Some((id, self.state.canister(id)?)));
        let (id, canister) = found.ok_or_else(|| not_found(&query.canister_id))?;
        accepts_message(id, canister)?;
        let module = module_of(id, canister)?;
        let keep = charge::must_keep(&self.environment.prices, canister);
        let balance = charge::funds_at(self.state, canister, self.state.time()).balance;
        if balance < keep {
            return Err(charge::out_of_cycles(id, balance, keep));
        }
        let plain = format!("canister_query {}", query.method_name);
        let composite = format!("canister_composite_query {}", query.method_name);
        let (entry, context) = match () {
            () if module.exports(&plain) => (plain, Context::Query),
            () if module.exports(&composite) => (composite, Context::CompositeQuery),
            () => return Err(method_not_found(id, "query", &query.method_name)),
        };
        let branch = Branch {
            id,
            query,
            canister: canister.clone(),
            module,
            calls: VecDeque::new(),
            instructions: Instructions::ZERO,
            failed: None,
        };
        Ok((branch, Entry::Export(entry), context))
    }

    /// Runs within what the run itself and the whole tree may use.
    fn run(
        &mut self,
        run: Run<'_>,
        max: Instructions,
    ) -> Result<(Instructions, Result<Changes, Reject>), HostFailure> {
        let id = run.id;
        let instructions_max = max.min(self.instructions);
        let execution =
            self.environment.run(self.environment.moment(self.state, id), Run { instructions_max, ..run })?;
        self.instructions = self.instructions.saturating_sub(execution.instructions);
        let outcome = execution.outcome.map_err(|reject| match reject.error {
            ErrorCode::CanisterInstructionLimitExceeded if instructions_max < max => {
                too_many_instructions(id)
            }
            _ => reject,
        });
        Ok((execution.instructions, outcome))
    }

    /// A run has succeeded: its answer, or its calls with the memory that their callbacks will find.
    fn take(
        &mut self,
        branch: &mut Branch<'_>,
        instructions: Instructions,
        changes: Changes,
    ) -> Result<Option<Answer>, Stop> {
        branch.instructions = branch.instructions.saturating_add(instructions);
        if changes.answer.is_some() || (changes.calls.is_empty() && branch.calls.is_empty()) {
            return Ok(changes.answer);
        }
        let pages = (changes.heap.len() as u64).saturating_add(changes.stable.len() as u64);
        let payloads = changes.calls.iter().map(|call| call.payload.len() as u64);
        let bytes = payloads.fold(pages.saturating_mul(PAGE_BYTES as u64), u64::saturating_add);
        self.bytes = self.bytes.checked_sub(bytes).ok_or_else(|| too_many_bytes(branch.id))?;
        apply_memory(Arc::make_mut(&mut branch.canister), &changes)?;
        branch.calls.extend(changes.calls);
        Ok(None)
    }

    /// The answer to a call: of another query, or of a query of the management canister.
    fn call(&mut self, branch: &Branch<'_>, call: &OutgoingCall, depth: usize) -> Result<Answer, Stop> {
        let rest = self.instructions.checked_sub(QUERY_CALL_INSTRUCTIONS);
        self.instructions = rest.ok_or_else(|| too_many_instructions(branch.id))?;
        let query = UserQuery {
            canister_id: call.receiver,
            method_name: call.method_name.clone(),
            arg: call.payload.clone(),
            sender: branch.id.principal(),
            ingress_expiry: branch.query.ingress_expiry,
            nonce: None,
            sender_info: None,
        };
        Ok(match call.receiver == management_canister() {
            true => management::query(self.state, &query.sender, &query.method_name, &query.arg)
                .map_or_else(Answer::Reject, Answer::Reply),
            false => self.answer(&query, depth.saturating_add(1), no_certificate)?,
        })
    }

    fn call_back(
        &mut self,
        branch: &mut Branch<'_>,
        call: &OutgoingCall,
        answer: Answer,
    ) -> Result<Option<Answer>, Stop> {
        let (context, (fun, env), arg, reject) = match answer {
            Answer::Reply(reply) => (Context::CompositeReplyCallback, call.on_reply, reply, None),
            Answer::Reject(reject) => {
                (Context::CompositeRejectCallback, call.on_reject, Vec::new(), Some(reject))
            }
        };
        let run = Run { arg: Arc::from(arg), reject, ..branch.run(Entry::Callback { fun, env }, context) };
        let (instructions, outcome) = self.run(run, QUERY_INSTRUCTIONS_MAX)?;
        match outcome {
            Ok(changes) => self.take(branch, instructions, changes),
            Err(reject) => {
                branch.instructions = branch.instructions.saturating_add(instructions);
                self.clean_up(branch, call, reject)
            }
        }
    }

    /// A callback trapped. If its cleanup succeeds, the query goes on with its other calls.
    fn clean_up(
        &mut self,
        branch: &mut Branch<'_>,
        call: &OutgoingCall,
        failed: Reject,
    ) -> Result<Option<Answer>, Stop> {
        let Some((fun, env)) = call.on_cleanup else {
            return Err(failed.into());
        };
        let run = branch.run(Entry::Callback { fun, env }, Context::CompositeCleanup);
        let (instructions, outcome) = self.run(run, CLEANUP_INSTRUCTIONS_MAX)?;
        match outcome {
            Ok(changes) => {
                branch.failed = Some(failed);
                self.take(branch, instructions, changes)
            }
            Err(_) => Err(failed.into()),
        }
    }
}

impl Branch<'_> {
    /// A run of this query's canister as its runs before have left it.
    fn run(&self, entry: Entry, context: Context) -> Run<'_> {
        Run {
            caller: self.query.sender,
            caller_info: self.query.sender_info.clone(),
            method_name: self.query.method_name.clone(),
            instructions_before: self.instructions,
            ..Run::new(self.id, &self.canister, &self.module, entry, context)
        }
    }
}

fn too_deep(id: CanisterId) -> Reject {
    let message = format!(
        "Error from Canister {id}: Composite queries cannot call each other more than {QUERY_DEPTH_MAX} deep."
    );
    Reject::new(ErrorCode::QueryCallGraphTooDeep, message)
}

fn too_many_instructions(id: CanisterId) -> Reject {
    let message = format!(
        "Error from Canister {id}: A query and all that it calls can use {QUERY_TREE_INSTRUCTIONS_MAX} instructions together."
    );
    Reject::new(ErrorCode::QueryCallGraphTotalInstructionLimitExceeded, message)
}

fn too_many_bytes(id: CanisterId) -> Reject {
    let message = format!(
        "Error from Canister {id}: A query's calls, and memory that changed before them, can have \
         {QUERY_TREE_BYTES_MAX} bytes together."
    );
    Reject::new(ErrorCode::CanisterMemoryAccessLimitExceeded, message)
}
