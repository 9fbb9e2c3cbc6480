//! The accept loop and the life of a connection (rule 5).

use super::stream::Stream;
use super::{Config, Server};
use crate::node::Handle;
use crate::types::limits::{
    HTTP_BODIES_BYTES_MAX, HTTP_CHECKS_MAX, HTTP_HEADER_BYTES_MAX, HTTP_HEADER_COUNT_MAX,
    HTTP_PENDING_RESETS_MAX, HTTP_STREAMS_MAX, HTTP_WAITING_CALLS_MAX,
};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};

/// After an error of `accept` (no file descriptor left, say) the loop rests this long.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// Requests that are being answered at shutdown have this long to finish.
const DRAIN: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves the public interface on `listener` until `shutdown` completes and the last requests are
/// answered.
pub async fn serve(
    listener: TcpListener,
    handle: Handle,
    config: Config,
    shutdown: impl Future<Output = ()>,
) {
    let connections = Arc::new(Semaphore::new(config.connections_max));
    let addresses = Addresses::new(config.connections_per_ip_max);
    let server = Arc::new(Server {
        handle,
        config,
        body_budget: Semaphore::new(HTTP_BODIES_BYTES_MAX),
        waiting: Semaphore::new(HTTP_WAITING_CALLS_MAX),
        checks: Arc::new(Semaphore::new(HTTP_CHECKS_MAX)),
    });
    let graceful = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let permit = tokio::select! {
            () = &mut shutdown => break,
            permit = connections.clone().acquire_owned() => permit,
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (tcp, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a client failed");
                sleep(ACCEPT_REST).await;
                continue;
            }
        };
        let Some(seat) = addresses.take(address.ip()) else {
            tracing::debug!(%address, "too many connections from one address");
            continue;
        };
        let (server, watcher) = (server.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection(server, tcp, watcher).await;
            drop((permit, seat));
        });
    }
    drop(listener);
    let _ = timeout(DRAIN, graceful.shutdown()).await;
}

/// One connection, HTTP/1.1 or HTTP/2. How it ends concerns nobody else.
async fn connection(server: Arc<Server>, tcp: TcpStream, watcher: Watcher) {
    let _ = tcp.set_nodelay(true);
    let stream = Stream::new(tcp, server.config.write_deadline);
    let deadline = server.config.header_deadline;
    let asked = Arc::new(Notify::new());
    let builder = builder(deadline);
    let service = service_fn({
        let asked = asked.clone();
        move |request| {
            asked.notify_one();
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    tokio::select! {
        _ = watcher.watch(connection) => {}
        () = no_request(&asked, deadline) => {}
    }
}

/// Completes if the first request's head has not come by the deadline. hyper's own timer starts only
/// when HTTP's version has been read, which `auto` waits for without end.
async fn no_request(asked: &Notify, deadline: Duration) {
    if timeout(deadline, asked.notified()).await.is_ok() {
        pending::<()>().await;
    }
}

/// Without the timers hyper silently ignores its deadlines.
fn builder(header_deadline: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_deadline)
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

/// Connections by address.
#[derive(Clone)]
struct Addresses {
    counts: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    max: usize,
}

/// One connection's place among those of its address; free again when dropped.
struct Seat {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    fn new(max: usize) -> Addresses {
        Addresses { counts: Arc::default(), max }
    }

    fn take(&self, address: IpAddr) -> Option<Seat> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Seat { addresses: self.clone(), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}
