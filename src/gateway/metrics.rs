//! What the gateway counts, in Prometheus' format, under the names of DFINITY's gateway where it has them.

use prometheus::{Encoder, Histogram, HistogramOpts, IntCounterVec, Opts, Registry, TextEncoder};

/// The gateway's counters.
pub struct Metrics {
    registry: Registry,
    /// `http_total{status}`
    pub requests: IntCounterVec,
    /// `http_duration_sec`
    pub seconds: Histogram,
}

impl Metrics {
    /// Fresh counters in a registry of their own.
    ///
    /// # Errors
    /// When Prometheus refuses a name: a mistake in this file.
    pub fn new() -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        let requests =
            IntCounterVec::new(Opts::new("http_total", "requests answered, by status"), &["status"])?;
        let seconds = Histogram::with_opts(HistogramOpts::new("http_duration_sec", "seconds to answer"))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Metrics { registry, requests, seconds })
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
