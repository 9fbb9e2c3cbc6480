//! `atoll proxy`: a TCP proxy that delays what passes through it, for networks on one machine.
//!
//! Every chunk is stamped when it is read and leaves `delay` later, in order, however many are under
//! way: a link with a latency, not a link that waits for each answer. The proxy measures how late its
//! chunks leave beyond the delay, and says so.

mod clock;
mod lateness;
mod link;

use lateness::Lateness;
use link::Delay;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

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
    let delay = Delay::new(Duration::from_millis(args.delay_ms), lateness.clone())?;
    for route in &args.routes {
        let listener = TcpListener::bind(&route.listen).await.map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on {}: {error}", route.listen))
        })?;
        tokio::spawn(accept(listener, route.to.clone(), delay.clone()));
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

async fn accept(listener: TcpListener, to: String, delay: Delay) {
    loop {
        match listener.accept().await {
            Ok((near, _)) => {
                let (to, delay) = (to.clone(), delay.clone());
                tokio::spawn(async move {
                    if let Err(error) = connect(near, &to, delay).await {
                        tracing::debug!(%to, %error, "link ended");
                    }
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
}

async fn connect(near: TcpStream, to: &str, delay: Delay) -> io::Result<()> {
    let far = TcpStream::connect(to).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    delay.join(near, far).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    /// An echo server behind a proxy with `delay`.
    async fn echo_behind(delay: Duration) -> (TcpStream, Arc<Lateness>) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = server.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut tcp, _) = server.accept().await.unwrap();
            let (mut read, mut write) = tcp.split();
            tokio::io::copy(&mut read, &mut write).await
        });
        let near = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = near.local_addr().unwrap();
        let lateness = Arc::new(Lateness::default());
        let delay = Delay::new(delay, lateness.clone()).unwrap();
        tokio::spawn(accept(near, to, delay));
        (TcpStream::connect(address).await.unwrap(), lateness)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_round_trip_takes_both_delays_and_no_byte_is_lost() {
        let delay = Duration::from_millis(20);
        let (mut tcp, lateness) = echo_behind(delay).await;
        let start = Instant::now();
        tcp.write_all(b"ping").await.unwrap();
        let mut answer = [0; 4];
        tcp.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ping");
        assert!(start.elapsed() >= 2 * delay);
        tcp.shutdown().await.unwrap();
        assert_eq!(tcp.read(&mut answer).await.unwrap(), 0, "the end passes too");
        assert!(lateness.json().contains("\"chunks\":2"), "{}", lateness.json());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_chunks_are_under_way_at_once() {
        let delay = Duration::from_millis(100);
        let (tcp, _) = echo_behind(delay).await;
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

    #[test]
    fn reads_routes() {
        let route = Route { listen: "a:1".into(), to: "b:2".into() };
        assert_eq!("a:1=b:2".parse(), Ok(route));
        assert!("a:1".parse::<Route>().is_err());
    }
}
