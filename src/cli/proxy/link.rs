//! One proxied connection: two directions, each a reader that stamps and a writer that waits.

use super::clock::Clock;
use super::lateness::Lateness;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Largest chunk.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes under way in one direction, in permits of one byte: 300 Mbit/s over half a second and more.
const UNDER_WAY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long, by what clock, and what it really came to.
#[derive(Clone)]
pub struct Delay {
    delay: Duration,
    clock: Clock,
    lateness: Arc<Lateness>,
}

struct Chunk {
    bytes: Vec<u8>,
    leaves: Instant,
    _room: OwnedSemaphorePermit,
}

impl Delay {
    /// # Errors
    /// The clock's thread cannot be started.
    pub fn new(delay: Duration, lateness: Arc<Lateness>) -> io::Result<Delay> {
        Ok(Delay { delay, clock: Clock::start()?, lateness })
    }

    /// Passes everything on between `near` and `far`, until both ends are done or one breaks.
    pub async fn join(self, near: TcpStream, far: TcpStream) {
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        tokio::join!(self.pass(near_read, far_write), self.pass(far_read, near_write));
    }

    async fn pass(&self, from: OwnedReadHalf, to: OwnedWriteHalf) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let _ = tokio::join!(self.stamp(from, sender), self.release(receiver, to));
    }

    async fn stamp(&self, mut from: OwnedReadHalf, chunks: mpsc::UnboundedSender<Chunk>) -> io::Result<()> {
        let room = Arc::new(Semaphore::new(UNDER_WAY_BYTES_MAX));
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let count = from.read(&mut buffer).await?;
            let leaves = Instant::now() + self.delay;
            let bytes = buffer.get(..count).unwrap_or_default().to_vec();
            let permits = u32::try_from(count).map_err(io::Error::other)?;
            let wanted = room.clone().acquire_many_owned(permits);
            let _room = wanted.await.map_err(io::Error::other)?;
            let chunk = Chunk { bytes, leaves, _room };
            if chunks.send(chunk).is_err() || count == 0 {
                return Ok(());
            }
        }
    }

    /// An empty chunk is the end of the stream; it is delayed like everything else.
    async fn release(
        &self,
        mut chunks: mpsc::UnboundedReceiver<Chunk>,
        mut to: OwnedWriteHalf,
    ) -> io::Result<()> {
        while let Some(chunk) = chunks.recv().await {
            self.clock.until(chunk.leaves).await;
            if chunk.bytes.is_empty() {
                break;
            }
            self.lateness.count(chunk.leaves.elapsed());
            to.write_all(&chunk.bytes).await?;
        }
        to.shutdown().await
    }
}
