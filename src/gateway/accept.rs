//! The accept loop and the life of a connection: deadlines everywhere, and a seat for each client.
//!
//! 1. A handshake, the head of the first request and of each later one, and a request's body have deadlines of their own.
//!    hyper's timer starts only when HTTP's version has been read, which `auto` waits for without end: the first
//!    request's deadline stands outside of it.
//! 2. A client that takes nothing of what is written to it is cut off, also where HTTP/2 lets it say so politely: when
//!    all that is under way waits for it. A reply that waits beside others that get on has ten times as long. A
//!    connection on which nothing is asked is closed after a while, however lively its pings.
//! 3. A client that makes requests to abandon them gets a GOAWAY (rapid reset).
//! 4. After a failed accept (no file descriptors left, say) the loop rests, and goes on.

use super::answer::Gateway;
use super::body::{Idleness, Progress};
use super::upstream::on_behalf_of;
use crate::types::limits::{
    HTTP_HEADER_BYTES_MAX, HTTP_HEADER_COUNT_MAX, HTTP_PENDING_RESETS_MAX, HTTP_STREAMS_MAX,
};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// Requests that are under way at shutdown, or when their client is sent away, have this long to finish.
const DRAIN: Duration = Duration::from_secs(3);
const ACCEPT_REST: Duration = Duration::from_millis(50);
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Looks at a connection's progress within its patience.
const LOOKS: u32 = 4;

/// How long clients may take, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For the head of a request.
    pub header: Duration,
    /// For its body.
    pub body: Duration,
    /// For taking a piece of the reply.
    pub write: Duration,
    /// For asking again, where that needs no new connection: on HTTP/2.
    pub unused: Duration,
    /// Connections open at once; further ones wait in the kernel's queue.
    pub connections: u32,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines {
            handshake: Duration::from_secs(5),
            header: Duration::from_secs(10),
            body: Duration::from_secs(30),
            write: Duration::from_secs(30),
            unused: Duration::from_secs(60),
            connections: 4_096,
        }
    }
}

/// What all connections share.
#[derive(Clone)]
pub struct Door {
    pub gateway: Arc<Gateway>,
    pub tls: Option<TlsAcceptor>,
    pub deadlines: Deadlines,
}

/// Accepts until `shutdown` resolves, then lets open requests finish for a few seconds.
pub async fn accept(listener: TcpListener, door: Door, shutdown: impl Future<Output = ()> + Send) {
    let all = door.deadlines.connections;
    let connections = Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(usize::MAX)));
    let (stop, stopping) = watch::channel(false);
    let mut shutdown = pin!(shutdown);
    loop {
        let permit = tokio::select! {
            () = &mut shutdown => break,
            permit = connections.clone().acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (Ok(permit), Ok((tcp, address))) = (permit, accepted) else {
            sleep(ACCEPT_REST).await;
            continue;
        };
        let Ok(seat) = door.gateway.limits.connect(address.ip()) else {
            door.gateway.metrics.refuse("connections");
            continue;
        };
        let (door, stopping) = (door.clone(), stopping.clone());
        tokio::spawn(async move {
            door.gateway.metrics.connections.inc();
            door.connection(tcp, address.ip(), stopping).await;
            door.gateway.metrics.connections.dec();
            drop((permit, seat));
        });
    }
    drop(listener);
    stop.send_replace(true);
    let _ = timeout(DRAIN, connections.acquire_many(all)).await;
}

/// Why a connection ends before its client ends it.
enum End {
    /// It, or its last request, is over.
    Over,
    /// Its requests may finish, and no new ones come.
    GoAway,
    /// It is cut off.
    Cut(&'static str),
}

impl Door {
    /// One connection. Its end, whatever the reason, concerns nobody else.
    async fn connection(&self, tcp: TcpStream, client: IpAddr, stopping: watch::Receiver<bool>) {
        let _ = tcp.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.talk(tcp, client, stopping).await;
        };
        match timeout(self.deadlines.handshake, tls.accept(tcp)).await {
            Ok(Ok(stream)) => self.talk(stream, client, stopping).await,
            _ => self.gateway.metrics.refuse("handshake"),
        }
    }

    /// HTTP/1.1 or HTTP/2, until an end.
    async fn talk<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        &self,
        stream: S,
        client: IpAddr,
        stopping: watch::Receiver<bool>,
    ) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.deadlines.write));
        let stream = TokioIo::new(Box::pin(stream));
        let (progress, asked) = (Arc::new(Progress::new()), Arc::new(Notify::new()));
        let (gateway, requests) = (self.gateway.clone(), progress.clone());
        let first = asked.clone();
        let service = service_fn(move |request| {
            first.notify_one();
            let (gateway, progress) = (gateway.clone(), requests.clone());
            // HTTP/2 answers each request in a task of its own, so the client is named for each.
            on_behalf_of(client, async move {
                let unanswered = Unanswered::new(progress.clone());
                let reply = gateway.answer(request, client, progress).await;
                unanswered.settle();
                Ok::<_, Infallible>(reply)
            })
        });
        let builder = self.builder();
        let mut connection = pin!(builder.serve_connection(stream, service));
        let end = tokio::select! {
            _ = connection.as_mut() => End::Over,
            end = self.ends(&progress, &asked, stopping) => end,
        };
        match end {
            End::Over => {}
            End::GoAway => {
                connection.as_mut().graceful_shutdown();
                let _ = timeout(DRAIN, connection).await;
            }
            End::Cut(reason) => self.gateway.metrics.refuse(reason),
        }
    }

    /// Completes when the gateway has reason to end a connection.
    async fn ends(&self, progress: &Progress, asked: &Notify, mut stopping: watch::Receiver<bool>) -> End {
        let silent = async {
            if timeout(self.deadlines.header, asked.notified()).await.is_ok() {
                pending::<()>().await;
            }
        };
        let (write, unused) = (self.deadlines.write, self.deadlines.unused);
        let watched = async {
            loop {
                sleep(write.min(unused) / LOOKS).await;
                if let Some(idleness) = progress.idleness(write, unused) {
                    return idleness;
                }
            }
        };
        let stopped = async {
            if stopping.wait_for(|stop| *stop).await.is_err() {
                pending::<()>().await;
            }
        };
        tokio::select! {
            () = silent => End::Cut("silent"),
            idleness = watched => match idleness {
                Idleness::Unused => End::GoAway,
                Idleness::Stalled => End::Cut("stalled"),
                Idleness::Paused => {
                    self.gateway.metrics.refuse("stalled");
                    End::GoAway
                }
            },
            () = stopped => End::GoAway,
            () = progress.abused() => {
                self.gateway.metrics.refuse("resets");
                End::GoAway
            }
        }
    }

    /// Without the timers hyper silently ignores its deadlines.
    fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.deadlines.header)
            .max_headers(HTTP_HEADER_COUNT_MAX)
            .max_buf_size(HTTP_HEADER_BYTES_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .max_concurrent_streams(HTTP_STREAMS_MAX)
            .max_pending_accept_reset_streams(HTTP_PENDING_RESETS_MAX)
            .max_header_list_size(HTTP_HEADER_BYTES_MAX as u32);
        builder
    }
}

/// A request that is under way, which counts as abandoned if its client goes before it is answered.
struct Unanswered {
    progress: Arc<Progress>,
    answered: bool,
}

impl Unanswered {
    fn new(progress: Arc<Progress>) -> Unanswered {
        progress.asked();
        Unanswered { progress, answered: false }
    }

    /// The client has its answer.
    fn settle(mut self) {
        self.answered = true;
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.progress.replies();
        if !self.answered {
            self.progress.ends(false);
        }
    }
}
