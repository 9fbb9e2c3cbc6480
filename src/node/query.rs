//! The query pool: queries and inspections on the newest certified state.

use super::handle::{CertifiedState, Job};
use super::thread::{Threads, parallelism};
use super::{End, NodeError};
use crate::certification::certificate;
use crate::execution;
use crate::state::HostFailure;
use crate::telemetry::{Metrics, QueryOutcome};
use crate::types::limits::QUERY_THREADS_MAX;
use crate::types::*;
use crate::wasm::Engine;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// What every thread of the pool works with.
#[derive(Clone)]
pub struct Queries {
    pub engine: Arc<Engine>,
    pub certified: watch::Receiver<Option<Arc<CertifiedState>>>,
    pub metrics: Arc<Metrics>,
    pub jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
}

impl Queries {
    /// Starts the threads.
    ///
    /// # Errors
    /// The operating system has no thread left.
    pub fn start(self, threads: &Threads) -> Result<(), NodeError> {
        for _ in 0..parallelism(QUERY_THREADS_MAX) {
            let pool = self.clone();
            threads.spawn("atoll-query", move || pool.run())?;
        }
        Ok(())
    }

    fn run(&self) -> Result<Option<End>, NodeError> {
        while let Some(job) = self.next() {
            let Some(state) = self.certified.borrow().clone() else { continue };
            match job {
                Job::Query { query, answer } => {
                    let _ = answer.send(self.query(&state, &query)?);
                }
                Job::Inspect { call, answer } => {
                    let _ = answer.send(execution::inspect(&self.engine, &state.state, call.content()));
                }
            }
        }
        Ok(None)
    }

    fn next(&self) -> Option<Job> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
    }

    fn query(
        &self,
        state: &Arc<CertifiedState>,
        query: &Authenticated<UserQuery>,
    ) -> Result<QueryResult, HostFailure> {
        let started = Instant::now();
        let certified = state.clone();
        let data_certificate = move |canister| data_certificate(&certified, canister);
        let result = execution::query(&self.engine, &state.state, query, data_certificate)?;
        let outcome = match result {
            QueryResult::Replied(_) => QueryOutcome::Replied,
            QueryResult::Rejected(_) => QueryOutcome::Rejected,
        };
        self.metrics.queried(outcome, started.elapsed());
        Ok(result)
    }
}

/// The certificate of the canister's certified data (interface spec, "Certified data").
fn data_certificate(state: &CertifiedState, canister: CanisterId) -> Vec<u8> {
    let id = canister.principal().as_slice().to_vec();
    let path = vec![b"canister".to_vec(), id, b"certified_data".to_vec()];
    certificate(state.tree(), &[path], &state.certification)
}
