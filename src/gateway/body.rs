//! Bodies of replies, and the account of what went out.

use super::limit::{Place, Room};
use super::metrics::Metrics;
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper::http::Response;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc};

/// What a reply carries: whole, or in verified parts as they come.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;
/// A response of the gateway.
pub type Reply = Response<Body>;

/// A body is handed on in pieces of this size, so that a client that takes none of them is noticed.
const PIECE_BYTES: usize = 128 * 1024;
/// Parts of a body that are fetched ahead of what the client has taken.
const PARTS_AHEAD: usize = 1;
/// Parts of a body that are in memory at once: the one that is being sent, those ahead, and one that waits to be one.
pub const PARTS_HELD: usize = 2 + PARTS_AHEAD;

/// A body that is there already.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Pieces(bytes.into()).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body that keeps something until it is sent.
pub fn holding(body: Body, held: impl Send + 'static) -> Body {
    Holding { body, _held: held }.boxed_unsync()
}

struct Holding<T> {
    body: Body,
    _held: T,
}

/// Nothing in it is pinned in its place: the body is in a box.
impl<T> Unpin for Holding<T> {}

impl<T> HttpBody for Holding<T> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Some bytes of a body, and their room in memory.
pub struct Section {
    pub bytes: Bytes,
    pub _room: Option<Arc<Room>>,
}

/// A body of so many bytes that comes in parts, and where they are put. A part that is an error cuts the reply off.
pub fn parts(size: u64) -> (mpsc::Sender<io::Result<Section>>, Body) {
    let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
    let section = Section { bytes: Bytes::new(), _room: None };
    (sender, Parts { receiver, section, left: size }.boxed_unsync())
}

struct Parts {
    receiver: mpsc::Receiver<io::Result<Section>>,
    section: Section,
    left: u64,
}

/// The next piece of what is there.
fn piece(bytes: &mut Bytes) -> Bytes {
    bytes.split_to(bytes.len().min(PIECE_BYTES))
}

impl HttpBody for Parts {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let parts = &mut *self;
        if parts.left == 0 {
            return Poll::Ready(None);
        }
        while parts.section.bytes.is_empty() {
            match ready!(parts.receiver.poll_recv(context)) {
                Some(Ok(section)) => parts.section = section,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
            }
        }
        let piece = piece(&mut parts.section.bytes);
        parts.left = parts.left.saturating_sub(piece.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
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
        Poll::Ready(Some(Ok(Frame::data(piece(&mut self.0)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// How the requests on one connection get on.
pub struct Progress {
    requests: Mutex<Requests>,
    /// Requests whose client went away before the end of the reply, and those that were answered to the end.
    abandoned: AtomicUsize,
    answered: AtomicUsize,
    /// Told when too many are abandoned.
    abuse: Notify,
}

struct Requests {
    /// Whose reply has not begun.
    unanswered: usize,
    /// Bodies that are going out, and since when each waits for its client; `None`: it waits for the gateway.
    bodies: BTreeMap<u64, Option<Instant>>,
    /// So many bodies have there been.
    count: u64,
    /// When the last request ended, or the connection began.
    ended: Instant,
}

/// Why a connection should come to an end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Idleness {
    /// There was no request for long.
    Unused,
    /// All that is under way waits for the client.
    Stalled,
    /// Something is under way, but a body waits for the client for very long.
    Paused,
}

/// A connection may abandon this many requests, and besides as many as it let be answered.
const ABANDONED_MAX: usize = 100;
/// A body may wait for its client for so many times as long as a connection on which nothing else is under way.
const PAUSES: u32 = 10;

impl Progress {
    /// Of a connection that begins now.
    pub fn new() -> Progress {
        let requests = Requests { unanswered: 0, bodies: BTreeMap::new(), count: 0, ended: Instant::now() };
        let zero = || AtomicUsize::new(0);
        Progress { requests: Mutex::new(requests), abandoned: zero(), answered: zero(), abuse: Notify::new() }
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come.
    pub fn asked(&self) {
        self.requests().unanswered += 1;
    }

    /// Its reply begins, or nobody waits for it any more.
    pub fn replies(&self) {
        let mut requests = self.requests();
        requests.unanswered = requests.unanswered.saturating_sub(1);
        requests.ended = Instant::now();
    }

    /// A body begins; its number.
    fn begins(&self) -> u64 {
        let mut requests = self.requests();
        let number = requests.count;
        requests.count += 1;
        requests.bodies.insert(number, Some(Instant::now()));
        number
    }

    /// A piece of the body is there for the client, or there is none.
    fn moves(&self, body: u64, waits_for_client: bool) {
        self.requests().bodies.insert(body, waits_for_client.then(Instant::now));
    }

    /// The body is over.
    fn finishes(&self, body: u64) {
        let mut requests = self.requests();
        requests.bodies.remove(&body);
        requests.ended = Instant::now();
    }

    /// Whether its client makes the gateway wait for longer than `patience`, or asks nothing for longer than `unused`.
    pub fn idleness(&self, patience: Duration, unused: Duration) -> Option<Idleness> {
        let requests = self.requests();
        if requests.unanswered == 0 && requests.bodies.is_empty() {
            return (requests.ended.elapsed() > unused).then_some(Idleness::Unused);
        }
        let waits = || requests.bodies.values().map(|since| since.map_or(Duration::ZERO, |it| it.elapsed()));
        match (waits().min(), waits().max()) {
            (Some(least), _) if requests.unanswered == 0 && least > patience => Some(Idleness::Stalled),
            (_, Some(most)) if most > patience * PAUSES => Some(Idleness::Paused),
            _ => None,
        }
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
    number: u64,
    account: Account,
    bytes: u64,
    done: bool,
}

impl Sent {
    /// Watches `inner`.
    pub fn new(inner: Body, progress: Arc<Progress>, account: Account) -> Sent {
        let (number, done) = (progress.begins(), inner.is_end_stream());
        Sent { inner, progress, number, account, bytes: 0, done }
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
        self.progress.moves(self.number, polled.is_ready());
        if let Poll::Ready(frame) = &polled {
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
        self.progress.finishes(self.number);
        self.progress.ends(self.done);
        let (account, bytes) = (&self.account, self.bytes);
        account.metrics.sent(account.begun.elapsed(), bytes);
        if let Some(line) = &account.line {
            let (status, ms) = (account.status, account.begun.elapsed().as_millis());
            tracing::info!(target: "access", status, bytes, ms, whole = self.done, "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(600);

    fn check(progress: &Progress, expected: Option<Idleness>) {
        std::thread::sleep(2 * SHORT);
        assert_eq!(progress.idleness(SHORT, LONG), expected);
    }

    #[test]
    fn a_connection_stalls_when_all_that_is_under_way_waits_for_its_client() {
        let progress = Progress::new();
        check(&progress, None);
        let (one, other) = (progress.begins(), progress.begins());
        check(&progress, Some(Idleness::Stalled));
        // The gateway itself has nothing to send.
        progress.moves(one, false);
        check(&progress, None);
        progress.moves(one, true);
        check(&progress, Some(Idleness::Stalled));
        progress.asked();
        progress.moves(other, true);
        check(&progress, None);
        std::thread::sleep(PAUSES * SHORT);
        check(&progress, Some(Idleness::Paused));
        progress.replies();
        progress.finishes(one);
        check(&progress, Some(Idleness::Stalled));
        progress.finishes(other);
        check(&progress, None);
        assert_eq!(progress.idleness(SHORT, SHORT), Some(Idleness::Unused));
    }

    #[tokio::test]
    async fn a_body_in_parts_comes_in_pieces_and_is_over_with_its_last_byte() {
        let size = 2 * PIECE_BYTES + 1;
        let (sender, mut body) = parts(size as u64);
        sender.send(Ok(Section { bytes: vec![7; size].into(), _room: None })).await.expect("taken");
        let mut sizes = Vec::new();
        while !body.is_end_stream() {
            let frame = body.frame().await.expect("a frame").expect("a part");
            sizes.push(frame.into_data().expect("data").len());
        }
        assert_eq!(sizes, [PIECE_BYTES, PIECE_BYTES, 1]);
    }

    #[tokio::test]
    async fn a_body_in_parts_that_ends_too_soon_is_an_error() {
        let (sender, body) = parts(2);
        sender.send(Ok(Section { bytes: vec![7].into(), _room: None })).await.expect("taken");
        drop(sender);
        assert!(body.collect().await.is_err());
    }
}
