//! One proxied connection: two directions, each a reader that stamps and a writer that waits.

use super::clock::Clock;
use super::lateness::Lateness;
use super::uplink::Uplink;
use rand::Rng;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// Largest chunk.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes under way in one direction, in permits of one byte: 300 Mbit/s over half a second and more.
const UNDER_WAY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What a direction does to what passes, from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Weather {
    pub delay: Duration,
    /// Each chunk takes up to this much longer; their order stays.
    pub jitter: Duration,
    /// Nothing arrives; what is sent waits.
    pub held: bool,
}

/// One direction of a link. Everything that goes the same way shares what a lane is made of.
#[derive(Clone)]
pub struct Lane {
    pub weather: watch::Receiver<Weather>,
    /// What the sender's line can carry.
    pub uplink: Arc<Uplink>,
    pub clock: Clock,
    pub lateness: Arc<Lateness>,
}

/// Both directions between who dials and who is dialled, and when its connections are cut.
#[derive(Clone)]
pub struct Link {
    pub there: Lane,
    pub back: Lane,
    /// Every change resets the connections that are open.
    pub cuts: watch::Receiver<u64>,
}

struct Chunk {
    bytes: Vec<u8>,
    leaves: Instant,
    _room: OwnedSemaphorePermit,
}

impl Link {
    /// Waits until both directions are open: a connection needs both.
    pub async fn open(&mut self) {
        self.there.open().await;
        self.back.open().await;
    }

    /// Passes everything on between `near` and `far`, until both ends are done, one breaks, or the link is cut: then
    /// both get a reset.
    pub async fn join(self, mut near: TcpStream, mut far: TcpStream) {
        let Link { there, back, mut cuts } = self;
        cuts.mark_unchanged();
        let reset = {
            let (near_read, near_write) = near.split();
            let (far_read, far_write) = far.split();
            tokio::select! {
                _ = async {
                    tokio::join!(there.pass(near_read, far_write), back.pass(far_read, near_write))
                } => false,
                () = cut(&mut cuts) => true,
            }
        };
        if reset {
            let _ = near.set_zero_linger().and_then(|()| far.set_zero_linger());
        }
    }
}

/// Resolves at the next cut; never, when nobody cuts any more.
async fn cut(cuts: &mut watch::Receiver<u64>) {
    if cuts.changed().await.is_err() {
        std::future::pending().await
    }
}

impl Lane {
    /// Waits until nothing is held. A lane whose weather nobody makes any more keeps the last one.
    async fn open(&mut self) {
        while self.weather.borrow_and_update().held {
            if self.weather.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn pass(&self, from: ReadHalf<'_>, to: WriteHalf<'_>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let _ = tokio::join!(self.stamp(from, sender), self.release(receiver, to));
    }

    async fn stamp(&self, mut from: ReadHalf<'_>, chunks: mpsc::UnboundedSender<Chunk>) -> io::Result<()> {
        let room = Arc::new(Semaphore::new(UNDER_WAY_BYTES_MAX));
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut last = Instant::now();
        loop {
            let count = from.read(&mut buffer).await?;
            last = last.max(self.arrival(count));
            let bytes = buffer.get(..count).unwrap_or_default().to_vec();
            let permits = u32::try_from(count).map_err(io::Error::other)?;
            let wanted = room.clone().acquire_many_owned(permits);
            let _room = wanted.await.map_err(io::Error::other)?;
            let chunk = Chunk { bytes, leaves: last, _room };
            if chunks.send(chunk).is_err() || count == 0 {
                return Ok(());
            }
        }
    }

    /// When bytes that are sent now arrive.
    fn arrival(&self, bytes: usize) -> Instant {
        let Weather { delay, jitter, .. } = *self.weather.borrow();
        let sent = self.uplink.sent(Instant::now(), bytes);
        match jitter.is_zero() {
            true => sent + delay,
            false => sent + delay + rand::thread_rng().gen_range(Duration::ZERO..=jitter),
        }
    }

    /// An empty chunk is the end of the stream; it is delayed like everything else.
    async fn release(
        &self,
        mut chunks: mpsc::UnboundedReceiver<Chunk>,
        mut to: WriteHalf<'_>,
    ) -> io::Result<()> {
        let mut lane = self.clone();
        while let Some(chunk) = chunks.recv().await {
            self.clock.until(chunk.leaves).await;
            let held = lane.weather.borrow().held;
            lane.open().await;
            if chunk.bytes.is_empty() {
                break;
            }
            if !held {
                self.lateness.count(chunk.leaves.elapsed());
            }
            to.write_all(&chunk.bytes).await?;
        }
        to.shutdown().await
    }
}
