//! What the gateway counts, in Prometheus' format, under the names of DFINITY's gateway where it has them.

use prometheus::core::Collector;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use std::time::Duration;

const SIZES: &[f64] = &[1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

/// The gateway's counters.
pub struct Metrics {
    registry: Registry,
    /// `http_total{status}`
    pub requests: IntCounterVec,
    /// `http_duration_sec`: until the reply begins.
    pub seconds: Histogram,
    /// `http_duration_full_sec`: until its last byte is handed on.
    full_seconds: Histogram,
    /// `http_request_size`
    pub request_bytes: Histogram,
    /// `http_response_size`
    response_bytes: Histogram,
    /// `http_cache_total{status}`: `hit` or `miss`
    pub cache: IntCounterVec,
    /// `http_refused_total{reason}`: `rate`, `load`, `connections`, `handshake`, `resets`, `stalled`
    pub refused: IntCounterVec,
    /// `replica_unverified_total{replica}`: answers that did not hold.
    pub unverified: IntCounterVec,
    /// `replica_contradicted_total{replica}`: refusals of pages that another replica told and that verified.
    pub contradicted: IntCounterVec,
    /// `http_connections`
    pub connections: IntGauge,
    /// `replicas_healthy`, `replicas_aside`
    pub healthy: IntGauge,
    pub aside: IntGauge,
    /// `body_parts_total`: streamed parts of bodies that were verified.
    pub parts: IntCounter,
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, metric: C) -> Result<C, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

impl Metrics {
    /// Fresh counters in a registry of their own.
    ///
    /// # Errors
    /// When Prometheus refuses a name: a mistake in this file.
    pub fn new() -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, label: &str| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), &[label])?)
        };
        let seconds = |name: &str, help: &str| {
            register(&registry, Histogram::with_opts(HistogramOpts::new(name, help))?)
        };
        let bytes = |name: &str, help: &str| {
            let options = HistogramOpts::new(name, help).buckets(SIZES.to_vec());
            register(&registry, Histogram::with_opts(options)?)
        };
        let gauge = |name: &str, help: &str| register(&registry, IntGauge::new(name, help)?);
        Ok(Metrics {
            requests: counters("http_total", "requests answered, by status", "status")?,
            seconds: seconds("http_duration_sec", "seconds until the answer begins")?,
            full_seconds: seconds("http_duration_full_sec", "seconds until the answer's end")?,
            request_bytes: bytes("http_request_size", "bytes of a request's body")?,
            response_bytes: bytes("http_response_size", "bytes of an answer's body")?,
            cache: counters("http_cache_total", "canisters' answers by where they came from", "status")?,
            refused: counters("http_refused_total", "requests and connections turned away", "reason")?,
            unverified: counters("replica_unverified_total", "answers that did not verify", "replica")?,
            contradicted: counters(
                "replica_contradicted_total",
                "refusals of pages that there are",
                "replica",
            )?,
            connections: gauge("http_connections", "open connections")?,
            healthy: gauge("replicas_healthy", "replicas that the last probes found healthy")?,
            aside: gauge("replicas_aside", "replicas put aside for answers that did not verify")?,
            parts: register(&registry, IntCounter::new("body_parts_total", "verified parts of bodies")?)?,
            registry,
        })
    }

    /// A reply is over.
    pub fn sent(&self, took: Duration, bytes: u64) {
        self.full_seconds.observe(took.as_secs_f64());
        self.response_bytes.observe(bytes as f64);
    }

    /// Somebody is turned away.
    pub fn refuse(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    /// Everything counted so far, as text.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            Ok(()) => text,
            Err(_) => Vec::new(),
        }
    }
}
