//! Every metric of a replica, in one place.

use super::health::HealthBoard;
use super::process::Process;
use super::serve::{Page, Pages};
use crate::types::*;
use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use std::sync::Arc;
use std::time::Duration;

/// What executing one height came to, as counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeightFacts {
    pub height: Height,
    pub instructions: Instructions,
    pub messages: u64,
    pub traps: u64,
    /// Calls that expired before their turn.
    pub expired: u64,
    /// Update calls that the block carried.
    pub ingress: u64,
    /// Entries of the ingress history after the height.
    pub history: u64,
    pub canisters: u64,
    /// Running the messages.
    pub execution: Duration,
    /// Writing the height to disk.
    pub commit: Duration,
}

/// How a query ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueryOutcome {
    Replied,
    Rejected,
}

/// All counters of a replica and its health. Cheap to count from any thread.
pub struct Metrics {
    registry: Registry,
    pub health: HealthBoard,
    artifacts: IntGaugeVec,
    certified: IntGauge,
    history: IntGauge,
    round: Histogram,
    batch: Histogram,
    commit: Histogram,
    executed: IntGauge,
    canisters: IntGauge,
    messages: IntCounter,
    instructions: IntCounter,
    ingress: IntCounter,
    traps: IntCounter,
    expired: IntCounter,
    view: IntGauge,
    epoch: IntGauge,
    members: IntGauge,
    stalled: IntGauge,
    offered: IntGauge,
    silent: IntGauge,
    synced: IntGaugeVec,
    waiting: IntGaugeVec,
    nullified: IntCounter,
    finality: Histogram,
    certification: Histogram,
    peers: IntGauge,
    dropped: IntGauge,
    received: IntCounterVec,
    sent: IntCounterVec,
    refused: IntCounter,
    pairings: IntGauge,
    syncs: Histogram,
    queries: IntCounterVec,
    query: Histogram,
    resident: Gauge,
    cpu: Gauge,
    files: Gauge,
}

/// Seconds, from a sync of a fast disk to a stall.
const SECONDS: &[f64] = &[
    0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0,
    30.0,
];

/// Registers what it makes: a name used twice is a mistake that the first start shows.
struct Maker(Registry);

impl Maker {
    fn keep<C: Collector + Clone + 'static>(&self, metric: prometheus::Result<C>) -> prometheus::Result<C> {
        let metric = metric?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn gauge(&self, name: &str, help: &str) -> prometheus::Result<IntGauge> {
        self.keep(IntGauge::new(name, help))
    }

    fn float(&self, name: &str, help: &str) -> prometheus::Result<Gauge> {
        self.keep(Gauge::new(name, help))
    }

    fn counter(&self, name: &str, help: &str) -> prometheus::Result<IntCounter> {
        self.keep(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> prometheus::Result<IntCounterVec> {
        self.keep(IntCounterVec::new(Opts::new(name, help), &[label]))
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> prometheus::Result<IntGaugeVec> {
        self.keep(IntGaugeVec::new(Opts::new(name, help), &[label]))
    }

    fn seconds(&self, name: &str, help: &str) -> prometheus::Result<Histogram> {
        let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
        self.keep(Histogram::with_opts(options))
    }

    fn stats(&self, name: &str, help: &str) -> prometheus::Result<IntGaugeVec> {
        self.keep(IntGaugeVec::new(Opts::new(name, help), &["type", "pool_type", "stat"]))
    }
}

/// The metrics could not be registered.
#[derive(Debug, thiserror::Error)]
#[error("metrics: {0}")]
pub struct MetricError(#[from] prometheus::Error);

impl Metrics {
    /// All metrics at zero.
    ///
    /// # Errors
    /// Two metrics of one name.
    #[rustfmt::skip]
    pub fn new() -> Result<Metrics, MetricError> {
        let registry = Registry::new();
        let make = Maker(registry.clone());
        Ok(Metrics {
            registry,
            health: HealthBoard::default(),
            artifacts: make.stats("artifact_pool_consensus_height_stat", "Heights of artifacts in the pools")?,
            certified: make.gauge("certification_last_certified_height", "Last height with a certification")?,
            history: make.gauge("replicated_state_ingress_history_length", "Entries of the ingress history")?,
            round: make.seconds("execution_round_duration_seconds", "Executing one height")?,
            batch: make.seconds("mr_process_batch_duration_seconds", "Executing and committing one height")?,
            commit: make.seconds("atoll_commit_seconds", "Writing one height to disk")?,
            executed: make.gauge("atoll_executed_height", "Last height executed and on disk")?,
            canisters: make.gauge("atoll_canisters", "Canisters of the subnet")?,
            messages: make.counter("atoll_messages_executed_total", "Messages executed")?,
            instructions: make.counter("atoll_instructions_executed_total", "Wasm instructions executed")?,
            ingress: make.counter("atoll_ingress_delivered_total", "Update calls in finalized blocks")?,
            traps: make.counter("atoll_traps_total", "Messages that trapped")?,
            expired: make.counter("scheduler_expired_ingress_messages_count", "Calls that expired before their turn")?,
            view: make.gauge("atoll_view", "Current view of consensus")?,
            epoch: make.gauge("atoll_epoch", "Current epoch: how often the threshold keys got fresh shares")?,
            members: make.gauge("atoll_members", "Nodes of the committee in this epoch")?,
            stalled: make.gauge("atoll_stalled_seconds", "Since nothing was certified here; 0 while it goes on")?,
            silent: make.gauge("atoll_silent", "1 while this replica, which lost its disk, gives no votes")?,
            offered: make.gauge("atoll_checkpoint_height", "Height of the state that is offered to peers that are far behind")?,
            synced: make.gauges("atoll_state_sync_bytes", "Of the state that is being fetched: came from peers, was on disk", "from")?,
            waiting: make.gauges("atoll_waiting_for", "1 for what a replica that is stalled waits for", "what")?,
            nullified: make.counter("atoll_views_nullified_total", "Views that a quorum gave up")?,
            finality: make.seconds("atoll_finality_seconds", "From a block's proposal, by its leader's clock, to its finality here")?,
            certification: make.seconds("atoll_certification_seconds", "From a block's proposal, by its leader's clock, to the certified state here")?,
            peers: make.gauge("atoll_peers_connected", "Peers that messages flow to")?,
            dropped: make.gauge("atoll_peer_frames_dropped", "Frames dropped from full queues to peers")?,
            received: make.counters("atoll_peer_messages_received_total", "Messages from peers", "kind")?,
            sent: make.counters("atoll_peer_messages_sent_total", "Messages to peers; a broadcast counts once", "kind")?,
            refused: make.counter("atoll_peer_ingress_refused_total", "Gossiped calls that were not authentic")?,
            pairings: make.gauge("atoll_pairing_checks", "Pairing checks of signatures since the start")?,
            syncs: make.seconds("atoll_persist_seconds", "One synced batch of consensus records")?,
            queries: make.counters("atoll_queries_total", "Queries answered", "outcome")?,
            query: make.seconds("atoll_query_seconds", "Running one query")?,
            resident: make.float("process_resident_memory_bytes", "Resident memory")?,
            cpu: make.float("process_cpu_seconds_total", "User and system time")?,
            files: make.float("process_open_fds", "Open files")?,
        })
    }

    /// The block at `height` became final, `latency` after it was proposed.
    pub fn finalized(&self, height: Height, latency: Duration) {
        self.artifact("finalization", height);
        self.finality.observe(latency.as_secs_f64());
    }

    /// A proposal for `height` was accepted into the pool.
    pub fn proposed(&self, height: Height) {
        self.artifact("block_proposal", height);
    }

    fn artifact(&self, kind: &str, height: Height) {
        self.artifacts.with_label_values(&[kind, "validated", "max"]).set(gauge(height.0));
    }

    /// The state after `height` is certified, `latency` after its block was proposed, where known.
    pub fn certified(&self, height: Height, latency: Option<Duration>) {
        self.certified.set(gauge(height.0));
        self.health.certified(height);
        if let Some(latency) = latency {
            self.certification.observe(latency.as_secs_f64());
        }
    }

    /// A height was executed and committed; the state after it has this root.
    pub fn executed(&self, facts: &HeightFacts, root: StateRoot) {
        self.executed.set(gauge(facts.height.0));
        self.health.executed(facts.height, root);
        self.history.set(gauge(facts.history));
        self.canisters.set(gauge(facts.canisters));
        self.messages.inc_by(facts.messages);
        self.instructions.inc_by(facts.instructions.0);
        self.ingress.inc_by(facts.ingress);
        self.traps.inc_by(facts.traps);
        self.expired.inc_by(facts.expired);
        self.round.observe(facts.execution.as_secs_f64());
        self.commit.observe(facts.commit.as_secs_f64());
        self.batch.observe((facts.execution + facts.commit).as_secs_f64());
    }

    /// An epoch began, with so many members; `votes` is whether this node holds shares.
    pub fn epoch(&self, epoch: Epoch, members: usize, votes: bool) {
        self.epoch.set(gauge(epoch.0));
        self.members.set(gauge(members as u64));
        self.health.epoch(epoch, members, votes);
    }

    /// Consensus is in `view`.
    pub fn view(&self, view: View, is_silent: bool) {
        self.silent.set(i64::from(is_silent));
        self.view.set(gauge(view.0));
    }

    /// Nothing was certified for this long, because of what is said in a word and a sentence.
    pub fn stalled(&self, since: Duration, word: &str, sentence: String) {
        self.stalled.set(gauge(since.as_secs()));
        self.waiting.reset();
        self.waiting.with_label_values(&[word]).set(1);
        self.health.waits_for(Some(sentence));
    }

    /// Heights are certified again.
    pub fn moves(&self) {
        self.stalled.set(0);
        self.waiting.reset();
        self.health.waits_for(None);
    }

    /// A view was given up.
    /// The state after `height` is offered to peers that are far behind.
    pub fn checkpoint(&self, height: Height) {
        self.offered.set(gauge(height.0));
    }

    /// How much of a state that is being fetched is here: came from peers, or was on disk.
    pub fn state_sync(&self, fetched: u64, reused: u64) {
        self.synced.with_label_values(&["peers"]).set(gauge(fetched));
        self.synced.with_label_values(&["disk"]).set(gauge(reused));
    }

    pub fn nullified(&self) {
        self.nullified.inc();
    }

    /// One synced batch of records took this long.
    pub fn persisted(&self, took: Duration) {
        self.syncs.observe(took.as_secs_f64());
    }

    /// How many peers are reached, and how many frames were dropped so far.
    pub fn peers(&self, connected: usize, dropped: u64) {
        self.peers.set(gauge(connected as u64));
        self.dropped.set(gauge(dropped));
    }

    /// How many pairing checks were done so far.
    pub fn pairings(&self, checks: u64) {
        self.pairings.set(gauge(checks));
    }

    /// A peer's message arrived.
    pub fn received(&self, message: &PeerMessage) {
        self.received.with_label_values(&[kind(message)]).inc();
    }

    /// A message was queued for a peer, or for all.
    pub fn sent(&self, message: &PeerMessage) {
        self.sent.with_label_values(&[kind(message)]).inc();
    }

    /// A gossiped call was not authentic, or not valid any more.
    pub fn refused(&self) {
        self.refused.inc();
    }

    /// A query was answered.
    pub fn queried(&self, outcome: QueryOutcome, took: Duration) {
        let word = match outcome {
            QueryOutcome::Replied => "replied",
            QueryOutcome::Rejected => "rejected",
        };
        self.queries.with_label_values(&[word]).inc();
        self.query.observe(took.as_secs_f64());
    }

    /// Everything in Prometheus' text format.
    pub fn render(&self) -> String {
        let process = Process::read();
        self.resident.set(process.resident_bytes.unwrap_or_default() as f64);
        self.cpu.set(process.cpu_seconds.unwrap_or_default());
        self.files.set(process.open_files.unwrap_or_default() as f64);
        let text = TextEncoder::new().encode_to_string(&self.registry.gather());
        text.unwrap_or_else(|error| format!("# {error}\n"))
    }

    /// `/metrics` and `/health`; `refresh` runs before each scrape.
    pub fn pages(self: Arc<Self>, refresh: impl Fn(&Metrics) + Send + Sync + 'static) -> Pages {
        Arc::new(move |path| match path {
            "/metrics" => {
                refresh(&self);
                let content_type = "text/plain; version=0.0.4; charset=utf-8";
                Some(Page { ok: true, content_type, body: self.render() })
            }
            "/health" => {
                let (ok, body) = self.health.report();
                Some(Page { ok, content_type: "application/json", body })
            }
            _ => None,
        })
    }
}

/// Gauges are signed; no height or count reaches their limit.
fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The label of a message.
fn kind(message: &PeerMessage) -> &'static str {
    match message {
        PeerMessage::Proposal(_) => "proposal",
        PeerMessage::FetchBodies { .. } => "fetch_bodies",
        PeerMessage::Bodies { .. } => "bodies",
        PeerMessage::NotarizationShare(_) => "notarization_share",
        PeerMessage::NullificationShare(_) => "nullification_share",
        PeerMessage::FinalizationShare(_) => "finalization_share",
        PeerMessage::CertificationShare(_) => "certification_share",
        PeerMessage::Notarization(..) => "notarization",
        PeerMessage::Nullification(..) => "nullification",
        PeerMessage::Finalization(_) => "finalization",
        PeerMessage::Certification(_) => "certification",
        PeerMessage::Ingress(_) => "ingress",
        PeerMessage::Status(_) => "status",
        PeerMessage::FetchBlock(_) => "fetch_block",
        PeerMessage::FetchChain(_) => "fetch_chain",
        PeerMessage::Chain(_) => "chain",
        PeerMessage::Package(_) => "package",
        PeerMessage::FetchState(_) => "fetch_state",
        PeerMessage::StatePart(_) => "state_part",
        PeerMessage::Ceremony(_) => "ceremony",
        PeerMessage::System(_) => "system",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metrics: &Metrics, line: &str) {
        let text = metrics.render();
        assert!(text.lines().any(|found| found == line), "{line} not in\n{text}");
    }

    #[test]
    fn speaks_the_names_that_dashboards_know() {
        let metrics = Metrics::new().unwrap();
        metrics.finalized(Height(7), Duration::from_millis(40));
        metrics.certified(Height(6), None);
        let facts = HeightFacts { height: Height(7), history: 3, messages: 2, ..HeightFacts::default() };
        metrics.executed(&facts, StateRoot(Digest::ZERO));
        check(
            &metrics,
            "artifact_pool_consensus_height_stat{pool_type=\"validated\",stat=\"max\",type=\"finalization\"} 7",
        );
        check(&metrics, "certification_last_certified_height 6");
        check(&metrics, "replicated_state_ingress_history_length 3");
        check(&metrics, "execution_round_duration_seconds_count 1");
        check(&metrics, "mr_process_batch_duration_seconds_count 1");
        check(&metrics, "atoll_messages_executed_total 2");
        check(&metrics, "atoll_finality_seconds_bucket{le=\"0.05\"} 1");
    }

    #[test]
    fn says_what_a_stalled_replica_waits_for_until_it_moves() {
        let metrics = Metrics::new().unwrap();
        metrics.stalled(Duration::from_secs(12), "votes", "votes in view 7: 2 of 3".into());
        metrics.stalled(Duration::from_secs(13), "proposal", "the block of view 8".into());
        check(&metrics, "atoll_stalled_seconds 13");
        check(&metrics, "atoll_waiting_for{what=\"proposal\"} 1");
        assert!(!metrics.render().contains("what=\"votes\""));
        assert!(metrics.health.report().1.contains("the block of view 8"));
        metrics.moves();
        check(&metrics, "atoll_stalled_seconds 0");
        assert!(!metrics.render().contains("atoll_waiting_for{"));
    }

    #[test]
    fn counts_messages_by_kind_and_queries_by_outcome() {
        let metrics = Metrics::new().unwrap();
        metrics.received(&PeerMessage::FetchChain(Height(1)));
        metrics.received(&PeerMessage::FetchChain(Height(2)));
        metrics.queried(QueryOutcome::Rejected, Duration::ZERO);
        check(&metrics, "atoll_peer_messages_received_total{kind=\"fetch_chain\"} 2");
        check(&metrics, "atoll_queries_total{outcome=\"rejected\"} 1");
    }
}
