//! Bodies of replies, and the account of what went out.

use super::limit::Place;
use super::metrics::Metrics;
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::http::Response;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// What a reply carries: whole, or in verified parts as they come.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;
/// A response of the gateway.
pub type Reply = Response<Body>;

/// A body is handed on in pieces of this size, so that a client that takes none of them is noticed.
const PIECE_BYTES: usize = 128 * 1024;
/// Parts of a body that are fetched ahead of what the client has taken.
const PARTS_AHEAD: usize = 1;

/// A body that is there already.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Pieces(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body that keeps its room in memory taken until it is sent.
pub fn holding(body: Body, room: Option<Arc<Place>>) -> Body {
    match room {
        None => body,
        Some(room) => body
            .map_frame(move |frame| {
                let _ = &room;
                frame
            })
            .boxed_unsync(),
    }
}

/// A body that comes in parts, and where they are put. A part that is an error cuts the reply off.
pub fn parts() -> (mpsc::Sender<io::Result<Bytes>>, Body) {
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    let frames = ReceiverStream::new(receiver).map(|part: io::Result<Bytes>| part.map(Frame::data));
    (sender, StreamBody::new(frames).boxed_unsync())
}

struct Pieces(Bytes);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let size = self.0.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.0.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// How the replies on one connection get on.
#[derive(Debug)]
pub struct Progress {
    begun: Instant,
    /// Bodies that are neither sent nor given up.
    unfinished: AtomicUsize,
    /// When a piece was last taken, in milliseconds since `begun`.
    moved: AtomicU64,
    /// Requests whose client went away before the end of the reply, and those that were answered to the end.
    abandoned: AtomicUsize,
    answered: AtomicUsize,
    /// Told when too many are abandoned.
    abuse: Notify,
}

/// A connection may abandon this many requests, and besides as many as it let be answered.
const ABANDONED_MAX: usize = 100;

impl Progress {
    /// Of a connection that begins now.
    pub fn new() -> Progress {
        let zero = || AtomicUsize::new(0);
        let begun = Instant::now();
        let moved = AtomicU64::new(0);
        let abuse = Notify::new();
        Progress { begun, unfinished: zero(), moved, abandoned: zero(), answered: zero(), abuse }
    }

    fn moves(&self) {
        let since = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(since, Ordering::Relaxed);
    }

    /// Whether a body waits for its client for longer than `patience`.
    pub fn stalls(&self, patience: Duration) -> bool {
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        self.unfinished.load(Ordering::Relaxed) > 0 && self.begun.elapsed().saturating_sub(moved) > patience
    }

    /// A request ended, its reply sent or not.
    pub fn ends(&self, answered: bool) {
        if answered {
            self.answered.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let abandoned = self.abandoned.fetch_add(1, Ordering::Relaxed);
        let borne = ABANDONED_MAX.saturating_add(self.answered.load(Ordering::Relaxed));
        if abandoned >= borne {
            self.abuse.notify_one();
        }
    }

    /// Completes when requests are made to be abandoned (RELIABILITY.md H3).
    pub async fn abused(&self) {
        self.abuse.notified().await;
    }
}

/// What is known of a request when its reply begins.
pub struct Account {
    pub metrics: Arc<Metrics>,
    pub begun: Instant,
    pub status: u16,
    /// One line for the access log, if there is one.
    pub line: Option<String>,
    /// The request's place among those under way.
    pub _place: Option<Place>,
}

/// A body that is watched while it goes out.
pub struct Sent {
    inner: Body,
    progress: Arc<Progress>,
    account: Account,
    bytes: u64,
    done: bool,
}

impl Sent {
    /// Watches `inner`.
    pub fn new(inner: Body, progress: Arc<Progress>, account: Account) -> Sent {
        progress.unfinished.fetch_add(1, Ordering::Relaxed);
        progress.moves();
        let done = inner.is_end_stream();
        Sent { inner, progress, account, bytes: 0, done }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let Poll::Ready(frame) = &polled {
            self.progress.moves();
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref);
            self.bytes += data.map_or(0, |data| data.len() as u64);
            self.done = frame.is_none() || self.inner.is_end_stream();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.progress.unfinished.fetch_sub(1, Ordering::Relaxed);
        self.progress.ends(self.done);
        let (account, bytes) = (&self.account, self.bytes);
        account.metrics.sent(account.begun.elapsed(), bytes);
        if let Some(line) = &account.line {
            let (status, ms) = (account.status, account.begun.elapsed().as_millis());
            tracing::info!(target: "access", status, bytes, ms, whole = self.done, "{line}");
        }
    }
}
