//! Who may ask how much: all together, and each client.

use super::ask::GATHERED_BYTES_MAX;
use crate::types::limits::HTTP_BODY_BYTES_MAX;
use quick_cache::sync::Cache;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clients that are remembered. One that is forgotten begins anew.
const CLIENTS_MAX: usize = 65_536;
/// Memory is counted in these, so that all of it fits into a semaphore.
const UNIT_BYTES: usize = 1024;
/// Bodies of one client's requests take at most one part in so many of the memory for them, or one largest body.
const REQUEST_PARTS: usize = 8;
/// Bodies of replies to one client take at most one part in so many, both those that are being fetched and those that
/// are being sent, or one largest body.
const REPLY_PARTS: usize = 3;

/// What one client may take.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// Requests in a second, in the long run.
    pub per_second: u32,
    /// Requests at once, after a pause.
    pub burst: u32,
    /// Requests under way.
    pub under_way: usize,
    /// Open connections.
    pub connections: usize,
}

impl Share {
    /// A share in proportion to its rate.
    pub fn of_rate(per_second: u32) -> Share {
        Share { per_second, burst: per_second.saturating_mul(2), under_way: 256, connections: 256 }
    }
}

/// Why a request is turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// This client asks too much; it may ask again after so long.
    Client(Duration),
    /// All clients together do.
    Everybody,
}

struct Client {
    /// When the client's bucket is full again, in nanoseconds since the start (the generic cell rate algorithm).
    full_at: AtomicU64,
    under_way: AtomicUsize,
    connections: AtomicUsize,
    /// Units of memory that bodies of its requests take, bodies that are fetched for it, and bodies that it is sent.
    requests: AtomicUsize,
    fetched: AtomicUsize,
    sent: AtomicUsize,
}

impl Client {
    fn new() -> Client {
        let zero = || AtomicUsize::new(0);
        Client {
            full_at: AtomicU64::new(0),
            under_way: zero(),
            connections: zero(),
            requests: zero(),
            fetched: zero(),
            sent: zero(),
        }
    }
}

/// Something of a client's that is counted.
type Count = fn(&Client) -> &AtomicUsize;

/// So much of what a client may have; given back when dropped.
struct Taken {
    client: Arc<Client>,
    count: Count,
    units: usize,
}

impl Taken {
    fn new(client: Arc<Client>, count: Count, units: usize, most: usize) -> Result<Taken, Refusal> {
        let mut taken = Taken { client, count, units: 0 };
        taken.grow(units, most)?;
        Ok(taken)
    }

    fn grow(&mut self, units: usize, most: usize) -> Result<(), Refusal> {
        let grown = |taken: usize| taken.checked_add(units).filter(|taken| *taken <= most);
        let count = (self.count)(&self.client);
        let found = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        found.map_err(|_| Refusal::Client(Duration::from_secs(1)))?;
        self.units += units;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        (self.count)(&self.client).fetch_sub(self.units, Ordering::Relaxed);
    }
}

/// One of a client's requests or connections, or a body that it is sent; free again when dropped.
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    _taken: Option<Taken>,
}

/// Memory for a body that is coming in; free again when dropped.
pub struct Room {
    memory: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    /// What is taken of a client's share.
    taken: Option<Taken>,
    /// What the client may take, and what this body takes of all, in units.
    most: usize,
    units: usize,
    bytes: usize,
}

impl Room {
    /// Takes so many bytes more.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let size = self.bytes.saturating_add(bytes);
        let more = size.div_ceil(UNIT_BYTES).saturating_sub(self.units);
        let units = u32::try_from(more).map_err(|_| Refusal::Everybody)?;
        let permit = self.memory.clone().try_acquire_many_owned(units).map_err(|_| Refusal::Everybody)?;
        if let Some(taken) = &mut self.taken {
            taken.grow(more, self.most)?;
        }
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        self.units += more;
        self.bytes = size;
        Ok(())
    }

    /// From here on it is not the client's alone for which it was fetched.
    pub fn share(&mut self) {
        self.taken = None;
    }
}

/// Bytes that bodies may take.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Of requests.
    pub requests: usize,
    /// Of replies, kept ones too.
    pub replies: usize,
}

/// The bounds on everybody.
pub struct Limits {
    begun: Instant,
    under_way: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    replies: Arc<Semaphore>,
    /// Of which one client may take so many units.
    requests_share: usize,
    replies_share: usize,
    share: Option<Share>,
    clients: Cache<IpAddr, Arc<Client>>,
}

/// The addresses that are one client: IPv6 hands out networks.
fn client_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        },
        address => address,
    }
}

impl Limits {
    /// At most `under_way` requests and so much memory of bodies at once; of each client, its share.
    pub fn new(under_way: usize, memory: Memory, share: Option<Share>) -> Limits {
        let units = |bytes: usize| Arc::new(Semaphore::new((bytes / UNIT_BYTES).min(Semaphore::MAX_PERMITS)));
        let part = |bytes: usize, parts: usize, least: usize| (bytes / parts).max(least).div_ceil(UNIT_BYTES);
        Limits {
            begun: Instant::now(),
            under_way: Arc::new(Semaphore::new(under_way)),
            requests: units(memory.requests),
            replies: units(memory.replies),
            requests_share: part(memory.requests, REQUEST_PARTS, HTTP_BODY_BYTES_MAX),
            replies_share: part(memory.replies, REPLY_PARTS, GATHERED_BYTES_MAX),
            share,
            clients: Cache::new(CLIENTS_MAX),
        }
    }

    fn client(&self, address: IpAddr) -> Arc<Client> {
        let address = client_of(address);
        if let Some(client) = self.clients.get(&address) {
            return client;
        }
        let client = Arc::new(Client::new());
        self.clients.insert(address, client.clone());
        client
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A place for a request of a client.
    pub fn admit(&self, address: IpAddr) -> Result<Place, Refusal> {
        let mut place = Place { _permit: None, _taken: None };
        if let Some(share) = self.share {
            let client = self.client(address);
            client.spend(&share, self.now()).map_err(Refusal::Client)?;
            place._taken = Some(Taken::new(client, |client| &client.under_way, 1, share.under_way)?);
        }
        let permit = self.under_way.clone().try_acquire_owned().map_err(|_| Refusal::Everybody)?;
        place._permit = Some(permit);
        Ok(place)
    }

    /// Waits until a client may ask once more: for what is asked on its behalf while its request is under way.
    pub async fn pace(&self, address: Option<IpAddr>) {
        let (Some(share), Some(address)) = (self.share, address) else { return };
        let client = self.client(address);
        while let Err(pause) = client.spend(&share, self.now()) {
            tokio::time::sleep(pause).await;
        }
    }

    /// A place for a connection of a client.
    pub fn connect(&self, address: IpAddr) -> Result<Place, Refusal> {
        let taken = |share: Share| {
            Taken::new(self.client(address), |client| &client.connections, 1, share.connections)
        };
        Ok(Place { _permit: None, _taken: self.share.map(taken).transpose()? })
    }

    /// Room for a body of a client's request, which takes as much as has come.
    pub fn body(&self, address: IpAddr) -> Room {
        self.room(&self.requests, Some(address), |client| &client.requests, self.requests_share)
    }

    /// Room for a body that is fetched for a client, or for nobody in particular.
    pub fn reply(&self, address: Option<IpAddr>) -> Room {
        self.room(&self.replies, address, |client| &client.fetched, self.replies_share)
    }

    fn room(&self, memory: &Arc<Semaphore>, address: Option<IpAddr>, count: Count, most: usize) -> Room {
        let client = address.filter(|_| self.share.is_some()).map(|address| self.client(address));
        let taken = client.map(|client| Taken { client, count, units: 0 });
        Room { memory: memory.clone(), permit: None, taken, most, units: 0, bytes: 0 }
    }

    /// A place for a body of so many bytes that a client is sent: however many clients it is sent to, it stands in memory
    /// once, but a client that takes none of it keeps it there.
    pub fn sending(&self, address: Option<IpAddr>, bytes: usize) -> Result<Place, Refusal> {
        let client = address.filter(|_| self.share.is_some()).map(|address| self.client(address));
        let units = bytes.div_ceil(UNIT_BYTES);
        let taken = |client| Taken::new(client, |client| &client.sent, units, self.replies_share);
        Ok(Place { _permit: None, _taken: client.map(taken).transpose()? })
    }
}

impl Client {
    /// Takes one request out of the bucket, or says when there will be one.
    fn spend(&self, share: &Share, now: u64) -> Result<(), Duration> {
        let each = 1_000_000_000 / u64::from(share.per_second.max(1));
        let most = each.saturating_mul(u64::from(share.burst.max(1)));
        let next = |full_at: u64| {
            let full_at = full_at.max(now).saturating_add(each);
            (full_at - now <= most).then_some(full_at)
        };
        let spent = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        spent.map(drop).map_err(|full_at| {
            Duration::from_nanos(full_at.saturating_add(each).saturating_sub(now).saturating_sub(most))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Share = Share { per_second: 10, burst: 3, under_way: 2, connections: 1 };

    fn limits(under_way: usize, bytes: usize, share: Option<Share>) -> Limits {
        Limits::new(under_way, Memory { requests: bytes, replies: bytes }, share)
    }

    #[test]
    fn a_client_spends_its_burst_and_then_its_rate() {
        let (client, tenth) = (Client::new(), 100_000_000);
        for _ in 0..3 {
            assert_eq!(client.spend(&SHARE, 0), Ok(()));
        }
        assert_eq!(client.spend(&SHARE, 0), Err(Duration::from_millis(100)));
        assert_eq!(client.spend(&SHARE, tenth / 2), Err(Duration::from_millis(50)));
        assert_eq!(client.spend(&SHARE, tenth), Ok(()));
        assert_eq!(client.spend(&SHARE, tenth), Err(Duration::from_millis(100)));
        for _ in 0..3 {
            assert_eq!(client.spend(&SHARE, 100 * tenth), Ok(()));
        }
        assert!(client.spend(&SHARE, 100 * tenth).is_err());
    }

    #[test]
    fn one_clients_flood_leaves_room_for_another() {
        let limits = limits(3, 0, Some(Share { per_second: 1_000, burst: 1_000, ..SHARE }));
        let (greedy, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let held = [limits.admit(greedy).ok(), limits.admit(greedy).ok()];
        assert!(held.iter().all(Option::is_some));
        assert!(matches!(limits.admit(greedy), Err(Refusal::Client(_))));
        let third = limits.admit(other).ok();
        assert!(third.is_some());
        assert!(matches!(limits.admit(other), Err(Refusal::Everybody)));
        drop(held);
        assert!(limits.admit(other).is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_client_and_so_is_an_ipv4_address_in_it() {
        let of = |text: &str| client_of(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }

    #[test]
    fn memory_is_given_back() {
        let limits = limits(1, 10 * UNIT_BYTES, None);
        let mut room = limits.reply(None);
        assert_eq!(room.grow(10 * UNIT_BYTES), Ok(()));
        assert_eq!(limits.reply(None).grow(1), Err(Refusal::Everybody));
        // Bodies of requests have a memory of their own.
        assert_eq!(limits.body(IpAddr::from([10, 0, 0, 1])).grow(1), Ok(()));
        drop(room);
        assert_eq!(limits.reply(None).grow(1), Ok(()));
    }

    #[test]
    fn replies_to_one_client_leave_room_for_anothers() {
        let limits = limits(1, 2 * GATHERED_BYTES_MAX, Some(SHARE));
        let (greedy, other) = (Some(IpAddr::from([10, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 2])));
        let mut fetched = limits.reply(greedy);
        assert_eq!(fetched.grow(GATHERED_BYTES_MAX), Ok(()));
        assert!(matches!(limits.reply(greedy).grow(1), Err(Refusal::Client(_))));
        assert_eq!(limits.reply(other).grow(1), Ok(()));
        // What is kept for everybody is no single client's.
        fetched.share();
        assert_eq!(limits.reply(greedy).grow(1), Ok(()));
        let sent = limits.sending(greedy, GATHERED_BYTES_MAX).ok();
        assert!(sent.is_some());
        assert!(matches!(limits.sending(greedy, 1), Err(Refusal::Client(_))));
        assert!(limits.sending(other, GATHERED_BYTES_MAX).is_ok());
        drop(sent);
        assert!(limits.sending(greedy, 1).is_ok());
    }

    #[tokio::test]
    async fn what_is_asked_on_behalf_of_a_client_waits_for_its_turn() {
        let limits = limits(1, 0, Some(Share { per_second: 1, burst: 1, ..SHARE }));
        let address = Some(IpAddr::from([10, 0, 0, 1]));
        let client = limits.client(IpAddr::from([10, 0, 0, 1]));
        limits.pace(address).await;
        let before = client.full_at.load(Ordering::Relaxed);
        assert!(tokio::time::timeout(Duration::from_millis(1), limits.pace(address)).await.is_err());
        assert_eq!(client.full_at.load(Ordering::Relaxed), before);
        limits.pace(None).await;
    }

    #[test]
    fn bodies_of_one_client_leave_room_for_anothers_and_take_only_what_has_come() {
        let limits = limits(1, 2 * HTTP_BODY_BYTES_MAX, Some(SHARE));
        let (greedy, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let _silent: Vec<Room> = (0..1_000).map(|_| limits.body(greedy)).collect();
        let mut held = limits.body(greedy);
        for _ in 0..HTTP_BODY_BYTES_MAX / 512 {
            assert_eq!(held.grow(512), Ok(()));
        }
        assert!(matches!(limits.body(greedy).grow(1), Err(Refusal::Client(_))));
        let mut third = limits.body(other);
        assert_eq!(third.grow(HTTP_BODY_BYTES_MAX), Ok(()));
        assert_eq!(limits.body(IpAddr::from([10, 0, 0, 3])).grow(1), Err(Refusal::Everybody));
        drop(held);
        assert_eq!(limits.body(greedy).grow(HTTP_BODY_BYTES_MAX), Ok(()));
    }

    #[test]
    fn connections_of_a_client_are_bounded() {
        let limits = limits(1, 0, Some(SHARE));
        let address = IpAddr::from([10, 0, 0, 1]);
        let held = limits.connect(address).ok();
        assert!(held.is_some() && limits.connect(address).is_err());
        drop(held);
        assert!(limits.connect(address).is_ok());
    }
}
