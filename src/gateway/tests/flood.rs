//! RELIABILITY.md H3: what HTTP/2 allows a client to make a server do. Frames are written by hand, as no client that
//! keeps the rules would.

use super::site::Teller;
use super::{Running, gateway, get, metric};
use crate::gateway::Deadlines;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Turns a hang into a failure; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// `GET path` of the site's host (HPACK, without a table).
fn head(path: &str) -> Vec<u8> {
    let host = format!("{}.localhost", super::id());
    let text = |name: u8, value: &str| [&[name, value.len() as u8][..], value.as_bytes()].concat();
    [vec![0x82, 0x86], text(0x04, path), text(0x01, &host)].concat()
}

struct Http2 {
    stream: TcpStream,
    /// Kinds and payloads of frames that came, and whether the gateway closed.
    came: Vec<(u8, Vec<u8>)>,
    closed: bool,
}

impl Http2 {
    async fn open(gateway: &Running, settings: &[(u16, u32)]) -> Http2 {
        let mut stream = TcpStream::connect(gateway.address).await.expect("connects");
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [name.to_be_bytes().as_slice(), &value.to_be_bytes()].concat())
            .collect();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("writes");
        stream.write_all(&frame(SETTINGS, 0, 0, &settings)).await.expect("writes");
        stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await.expect("writes");
        Http2 { stream, came: Vec::new(), closed: false }
    }

    /// Writes while the gateway takes it.
    async fn write(&mut self, bytes: &[u8]) {
        let written = timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("takes or closes");
        self.closed |= written.is_err();
    }

    /// Reads what has come, and waits for `enough`, or the end.
    async fn read(&mut self, enough: impl Fn(&[(u8, Vec<u8>)]) -> bool) {
        let reading = async {
            let mut rest = Vec::new();
            while !enough(&self.came) {
                let mut bytes = vec![0; 65_536];
                match self.stream.read(&mut bytes).await {
                    Ok(0) | Err(_) => {
                        self.closed = true;
                        return;
                    }
                    Ok(count) => rest.extend_from_slice(&bytes[..count]),
                }
                while rest.len() >= 9 {
                    let length =
                        usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
                    if rest.len() < 9 + length {
                        break;
                    }
                    self.came.push((rest[3], rest[9..9 + length].to_vec()));
                    rest.drain(..9 + length);
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("comes in time");
    }

    fn has(&self, kind: u8) -> bool {
        self.came.iter().any(|(came, _)| *came == kind)
    }
}

fn sent_away(came: &[(u8, Vec<u8>)]) -> bool {
    came.iter().any(|(kind, _)| *kind == GOAWAY)
}

async fn serves(gateway: &Running) {
    assert_eq!(get(gateway, "/other", &[]).await.body(), b"another page");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_made_to_be_reset_end_in_a_goaway() {
    let teller = Teller::start(Some("1,2")).await;
    *teller.takes.lock().expect("not poisoned") = Duration::from_millis(1);
    let gateway = gateway(&[&teller], |_| ()).await;
    let mut client = Http2::open(&gateway, &[]).await;
    for round in 0..2_000u32 {
        let burst: Vec<u8> = (0..50)
            .flat_map(|at| {
                let stream = (round * 50 + at) * 2 + 1;
                let path = format!("/other?{stream}");
                let reset = frame(RST_STREAM, 0, stream, &8u32.to_be_bytes());
                [frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(&path)), reset].concat()
            })
            .collect();
        client.write(&burst).await;
        if client.closed {
            break;
        }
    }
    client.read(sent_away).await;
    assert!(client.has(GOAWAY) || client.closed);
    // A hundred thousand were to come; the replicas were bothered by few.
    assert!(teller.asked() < 5_000, "{}", teller.asked());
    serves(&gateway).await;
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let mut client = Http2::open(&gateway, &[]).await;
    client.write(&frame(HEADERS, 0, 1, &head("/"))).await;
    let header = [&[0x00, 0x03, b'x', b'-', b'a', 0x7f, 0x00][..], &[b'y'; 127]].concat();
    for _ in 0..20_000 {
        client.write(&frame(CONTINUATION, 0, 1, &header)).await;
        if client.closed {
            break;
        }
    }
    client.read(sent_away).await;
    assert!(client.has(GOAWAY) || client.closed);
    serves(&gateway).await;
}

#[tokio::test]
async fn data_without_bytes_and_pings_and_settings_without_end_keep_nobody_out() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let floods: [fn(u32) -> Vec<u8>; 4] = [
        |_| frame(DATA, 0, 1, &[]),
        |round| frame(PING, 0, 0, &u64::from(round).to_be_bytes()),
        |round| frame(SETTINGS, 0, 0, &[&[0, 4][..], &round.to_be_bytes()].concat()),
        |_| frame(WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes()),
    ];
    for flood in floods {
        let mut client = Http2::open(&gateway, &[]).await;
        let post = [vec![0x83], head("/")[1..].to_vec()].concat();
        client.write(&frame(HEADERS, END_HEADERS, 1, &post)).await;
        for round in 0..2_000 {
            let burst: Vec<u8> = (0..10).flat_map(|at| flood(round * 10 + at)).collect();
            // The client reads nothing: what it is owed must not pile up either.
            let taken = timeout(Duration::from_millis(200), client.stream.write_all(&burst)).await;
            if !matches!(taken, Ok(Ok(()))) {
                break;
            }
        }
        serves(&gateway).await;
    }
}

#[tokio::test]
async fn more_streams_than_are_allowed_are_refused_and_the_others_answered() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let mut client = Http2::open(&gateway, &[]).await;
    // Their bodies do not come, so that all stay open.
    let post = [vec![0x83], head("/")[1..].to_vec()].concat();
    for number in 0..10_000u32 {
        client.write(&frame(HEADERS, END_HEADERS, number * 2 + 1, &post)).await;
        if client.closed {
            break;
        }
    }
    client.read(|came| sent_away(came) || came.iter().any(|(kind, _)| *kind == RST_STREAM)).await;
    assert!(client.has(RST_STREAM) || client.has(GOAWAY) || client.closed);
    serves(&gateway).await;
}

#[tokio::test]
async fn a_client_that_opens_no_window_is_cut_off() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |config| {
        config.deadlines = Deadlines { write: Duration::from_millis(200), ..Deadlines::default() };
    })
    .await;
    // No bytes may come on any stream (SETTINGS_INITIAL_WINDOW_SIZE).
    let mut client = Http2::open(&gateway, &[(4, 0)]).await;
    for number in 0..10u32 {
        client.write(&frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &head("/large"))).await;
    }
    client.read(|_| false).await;
    assert!(client.closed);
    assert!(client.has(HEADERS) && !client.has(DATA));
    assert_eq!(metric(&gateway, "http_refused_total{reason=\"stalled\"}").await, 1.0);
    serves(&gateway).await;
}

#[tokio::test]
async fn a_client_that_asks_nothing_more_is_sent_away_however_it_pings() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |config| {
        config.deadlines = Deadlines { unused: Duration::from_secs(1), ..Deadlines::default() };
    })
    .await;
    let mut client = Http2::open(&gateway, &[]).await;
    for number in 0..3u32 {
        client.write(&frame(HEADERS, END_STREAM | END_HEADERS, number * 2 + 1, &head("/other"))).await;
        client.read(|came| came.iter().filter(|(kind, _)| *kind == DATA).count() > number as usize).await;
    }
    assert!(!client.closed && !client.has(GOAWAY));
    let mut pings = 0u64;
    while !client.closed && !client.has(GOAWAY) {
        pings += 1;
        assert!(pings < 1_000, "it stays for ever");
        client.write(&frame(PING, 0, 0, &pings.to_be_bytes())).await;
        let before = client.came.len();
        client.read(|came| came.len() > before).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    serves(&gateway).await;
}
