//! Who may ask how much: all together, and each client.

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
/// Bodies of one client's requests take at most one part in so many of the memory, or one largest body.
const MEMORY_PARTS: usize = 8;

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
    /// Units of memory that bodies of its requests take.
    memory: AtomicUsize,
}

/// One of a client's requests or connections, or a share of the memory; free again when dropped.
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    client: Option<(Arc<Client>, fn(&Client) -> &AtomicUsize)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((client, count)) = &self.client {
            count(client).fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Memory for a body that is coming in; free again when dropped.
pub struct Room {
    memory: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    client: Option<Arc<Client>>,
    /// What the client may take, and what this body takes of it, in units.
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
        if let Some(client) = &self.client {
            let grown = |taken: usize| taken.checked_add(more).filter(|taken| *taken <= self.most);
            let taken = client.memory.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
            taken.map_err(|_| Refusal::Client(Duration::from_secs(1)))?;
        }
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        self.units += more;
        self.bytes = size;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(client) = &self.client {
            client.memory.fetch_sub(self.units, Ordering::Relaxed);
        }
    }
}

/// The bounds on everybody.
pub struct Limits {
    begun: Instant,
    under_way: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    /// Of which one client's bodies may take so many units.
    memory_share: usize,
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
    /// At most `under_way` requests and `memory` bytes of bodies at once; of each client, its share.
    pub fn new(under_way: usize, memory: usize, share: Option<Share>) -> Limits {
        Limits {
            begun: Instant::now(),
            under_way: Arc::new(Semaphore::new(under_way)),
            memory: Arc::new(Semaphore::new(memory / UNIT_BYTES)),
            memory_share: (memory / MEMORY_PARTS).max(HTTP_BODY_BYTES_MAX) / UNIT_BYTES,
            share,
            clients: Cache::new(CLIENTS_MAX),
        }
    }

    fn client(&self, address: IpAddr) -> Arc<Client> {
        let address = client_of(address);
        if let Some(client) = self.clients.get(&address) {
            return client;
        }
        let (full_at, zero) = (AtomicU64::new(0), || AtomicUsize::new(0));
        let client = Arc::new(Client { full_at, under_way: zero(), connections: zero(), memory: zero() });
        self.clients.insert(address, client.clone());
        client
    }

    /// A place for a request of a client.
    pub fn admit(&self, address: IpAddr) -> Result<Place, Refusal> {
        let mut place = Place { _permit: None, client: None };
        if let Some(share) = self.share {
            let client = self.client(address);
            let now = u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            client.spend(&share, now).map_err(Refusal::Client)?;
            place.client = Some(take(client, |client| &client.under_way, share.under_way)?);
        }
        let permit = self.under_way.clone().try_acquire_owned().map_err(|_| Refusal::Everybody)?;
        place._permit = Some(permit);
        Ok(place)
    }

    /// A place for a connection of a client.
    pub fn connect(&self, address: IpAddr) -> Result<Place, Refusal> {
        let client = match self.share {
            None => None,
            Some(share) => Some(take(self.client(address), |client| &client.connections, share.connections)?),
        };
        Ok(Place { _permit: None, client })
    }

    /// Room for a body of a client's request, which takes as much as has come.
    pub fn body(&self, address: IpAddr) -> Room {
        let client = self.share.map(|_| self.client(address));
        let (memory, most) = (self.memory.clone(), self.memory_share);
        Room { memory, permit: None, client, most, units: 0, bytes: 0 }
    }

    /// Room for so many bytes of a body; none if all is taken.
    pub fn room(&self, bytes: usize) -> Result<Place, Refusal> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).map_err(|_| Refusal::Everybody)?;
        let permit = self.memory.clone().try_acquire_many_owned(units).map_err(|_| Refusal::Everybody)?;
        Ok(Place { _permit: Some(permit), client: None })
    }
}

type Taken = (Arc<Client>, fn(&Client) -> &AtomicUsize);

fn take(client: Arc<Client>, count: fn(&Client) -> &AtomicUsize, most: usize) -> Result<Taken, Refusal> {
    let taken = count(&client)
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < most).then_some(count + 1));
    taken.map_err(|_| Refusal::Client(Duration::from_secs(1)))?;
    Ok((client, count))
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

    fn client() -> Client {
        let zero = || AtomicUsize::new(0);
        Client { full_at: AtomicU64::new(0), under_way: zero(), connections: zero(), memory: zero() }
    }

    #[test]
    fn a_client_spends_its_burst_and_then_its_rate() {
        let (client, tenth) = (client(), 100_000_000);
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
        let limits = Limits::new(3, 0, Some(Share { per_second: 1_000, burst: 1_000, ..SHARE }));
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
        let limits = Limits::new(1, 10 * UNIT_BYTES, None);
        let room = limits.room(10 * UNIT_BYTES).ok();
        assert!(room.is_some());
        assert_eq!(limits.room(1).err(), Some(Refusal::Everybody));
        drop(room);
        assert!(limits.room(1).is_ok());
    }

    #[test]
    fn bodies_of_one_client_leave_room_for_anothers_and_take_only_what_has_come() {
        let limits = Limits::new(1, 2 * HTTP_BODY_BYTES_MAX, Some(SHARE));
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
        let limits = Limits::new(1, 0, Some(SHARE));
        let address = IpAddr::from([10, 0, 0, 1]);
        let held = limits.connect(address).ok();
        assert!(held.is_some() && limits.connect(address).is_err());
        drop(held);
        assert!(limits.connect(address).is_ok());
    }
}
