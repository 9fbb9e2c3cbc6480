//! `atoll proxy`: a TCP proxy that delays what passes through it, for networks on one machine.
//!
//! Every chunk is stamped when it is read and leaves `delay` later, in order, however many are under
//! way: a link with a latency, not a link that waits for each answer. The proxy measures how late its
//! chunks leave beyond the delay, and says so.
//!
//! With a rate, all routes that listen at one address share one line of that rate, for they stand for one
//! sender. What comes back is delayed, but takes no room on that line. `atoll testnet chaos` uses the same
//! links and changes their weather while they run.

pub mod clock;
pub mod lateness;
pub mod link;
pub mod uplink;

use clock::Clock;
use lateness::Lateness;
use link::{Lane, Link, Weather};
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uplink::Uplink;

/// How often the figures are written.
const FIGURES_EVERY: Duration = Duration::from_secs(1);
/// After an error of `accept` the loop rests this long.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Pass TCP connections on with a delay in each direction.
#[derive(clap::Args, Debug, Clone)]
pub struct Args {
    /// Where to listen and where to connect: `127.0.0.1:9103=127.0.0.1:9100`. May be repeated.
    #[arg(long = "route", required = true)]
    routes: Vec<Route>,
    /// The delay of each direction.
    #[arg(long)]
    delay_ms: u64,
    /// What each sender can send, in Mbit/s; routes that listen at one address are of one sender.
    #[arg(long)]
    rate_mbit: Option<u64>,
    /// Write what the proxy itself added to the delay to this file, every second, as JSON.
    #[arg(long)]
    figures: Option<PathBuf>,
}

/// One way through the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    listen: String,
    to: String,
}

impl FromStr for Route {
    type Err = String;

    fn from_str(text: &str) -> Result<Route, String> {
        let (listen, to) = text.split_once('=').ok_or("a route is LISTEN=TARGET, two addresses")?;
        Ok(Route { listen: listen.to_string(), to: to.to_string() })
    }
}

/// Runs until SIGTERM or SIGINT, then prints the figures.
///
/// # Errors
/// An address cannot be listened on, or the figures cannot be written.
pub async fn run(args: &Args) -> io::Result<()> {
    let lateness = Arc::new(Lateness::default());
    let delay = Duration::from_millis(args.delay_ms);
    let still = Still::new(delay, lateness.clone())?;
    let rate = args.rate_mbit.map(|rate| rate.saturating_mul(1_000_000));
    let mut uplinks: BTreeMap<&str, Arc<Uplink>> = BTreeMap::new();
    for route in &args.routes {
        let listener = TcpListener::bind(&route.listen).await.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on {}: {error}", route.listen))
        })?;
        let uplink = uplinks.entry(route.sender()).or_insert_with(|| Arc::new(Uplink::new(rate)));
        tokio::spawn(serve(listener, route.to.clone(), still.link(uplink.clone())));
    }
    let stop = super::stop_signal();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            () = tokio::time::sleep(FIGURES_EVERY) => {
                if let Some(file) = &args.figures {
                    super::file::write_atomically(file, lateness.json().as_bytes())?;
                }
            }
        }
    }
    println!("{}", lateness.json());
    Ok(())
}

impl Route {
    /// The address without its port.
    fn sender(&self) -> &str {
        self.listen.rsplit_once(':').map_or(&self.listen, |(address, _)| address)
    }
}

/// Links whose weather stays as it is.
struct Still {
    weather: watch::Sender<Weather>,
    cuts: watch::Sender<u64>,
    clock: Clock,
    lateness: Arc<Lateness>,
}

impl Still {
    fn new(delay: Duration, lateness: Arc<Lateness>) -> io::Result<Still> {
        let weather = watch::Sender::new(Weather { delay, ..Weather::default() });
        Ok(Still { weather, cuts: watch::Sender::new(0), clock: Clock::start()?, lateness })
    }

    fn link(&self, uplink: Arc<Uplink>) -> Link {
        let lane = |uplink| Lane {
            weather: self.weather.subscribe(),
            uplink,
            clock: self.clock.clone(),
            lateness: self.lateness.clone(),
        };
        Link { there: lane(uplink), back: lane(Arc::new(Uplink::new(None))), cuts: self.cuts.subscribe() }
    }
}

/// Takes connections for ever and passes each on to `to`.
pub async fn serve(listener: TcpListener, to: String, link: Link) {
    loop {
        match listener.accept().await {
            Ok((near, _)) => {
                let (to, link) = (to.clone(), link.clone());
                tokio::spawn(async move {
                    if let Err(error) = connect(near, &to, link).await {
                        tracing::debug!(%to, %error, "link ended");
                    }
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
}

async fn connect(near: TcpStream, to: &str, mut link: Link) -> io::Result<()> {
    link.open().await;
    let far = TcpStream::connect(to).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    link.join(near, far).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    /// An echo server behind a proxy with `delay`; the connection, and who makes the weather.
    async fn echo_behind(delay: Duration) -> (TcpStream, Still) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = server.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut tcp, _) = server.accept().await.unwrap();
            let (mut read, mut write) = tcp.split();
            tokio::io::copy(&mut read, &mut write).await
        });
        let near = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = near.local_addr().unwrap();
        let still = Still::new(delay, Arc::new(Lateness::default())).unwrap();
        tokio::spawn(serve(near, to, still.link(Arc::new(Uplink::new(None)))));
        (TcpStream::connect(address).await.unwrap(), still)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_round_trip_takes_both_delays_and_no_byte_is_lost() {
        let delay = Duration::from_millis(20);
        let (mut tcp, still) = echo_behind(delay).await;
        let start = Instant::now();
        tcp.write_all(b"ping").await.unwrap();
        let mut answer = [0; 4];
        tcp.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ping");
        assert!(start.elapsed() >= 2 * delay);
        tcp.shutdown().await.unwrap();
        assert_eq!(tcp.read(&mut answer).await.unwrap(), 0, "the end passes too");
        let figures = still.lateness.json();
        assert!(figures.contains("\"chunks\":2"), "{figures}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_chunks_are_under_way_at_once() {
        let delay = Duration::from_millis(100);
        let (tcp, _still) = echo_behind(delay).await;
        let (mut read, mut write) = tcp.into_split();
        let start = Instant::now();
        let sent = tokio::spawn(async move {
            for number in 0..100u8 {
                write.write_all(&[number]).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            write
        });
        let mut answer = [0; 100];
        read.read_exact(&mut answer).await.unwrap();
        let expected: Vec<u8> = (0..100).collect();
        assert_eq!(answer.as_slice(), expected, "in order");
        assert!(start.elapsed() < 40 * delay, "one after the other it would be 200 delays");
        drop(sent.await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_held_arrives_whole_when_the_link_opens() {
        let (mut tcp, still) = echo_behind(Duration::ZERO).await;
        still.weather.send_modify(|weather| weather.held = true);
        tcp.write_all(b"ping").await.unwrap();
        let mut answer = [0; 4];
        let early = tokio::time::timeout(Duration::from_millis(50), tcp.read_exact(&mut answer)).await;
        assert!(early.is_err(), "nothing passes");
        still.weather.send_modify(|weather| weather.held = false);
        tcp.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ping");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cut_link_resets_its_connections() {
        let (mut tcp, still) = echo_behind(Duration::ZERO).await;
        tcp.write_all(b"ping").await.unwrap();
        tcp.read_exact(&mut [0; 4]).await.unwrap();
        still.cuts.send_modify(|cuts| *cuts += 1);
        let error = tcp.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn reads_routes() {
        let route = Route { listen: "a:1".into(), to: "b:2".into() };
        assert_eq!(route.sender(), "a");
        assert_eq!("a:1=b:2".parse(), Ok(route));
        assert!("a:1".parse::<Route>().is_err());
    }
}
