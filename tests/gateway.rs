//! The gateway as a process of its own under floods (RELIABILITY.md H2, H3, H6): what it costs is read from `/proc`.
//! No replica stands behind it: what it answers, it answers by itself.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Turns a hang into a failure; no test depends on it being reached.
const DEADLINE: Duration = Duration::from_secs(120);
/// What a flood may add to the gateway's memory.
const MEMORY_MAX: u64 = 64 * 1024 * 1024;

struct Gateway {
    child: Child,
    address: SocketAddr,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Gateway {
    /// With at most so many open files.
    fn start(files: u32) -> Gateway {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let address: SocketAddr = (Ipv4Addr::LOCALHOST, port).into();
        let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        let child = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_atoll"), "gateway", "--root-key", &"00".repeat(133)])
            .args(["--replica", "http://127.0.0.1:9", "--rate-per-client", "1000000"])
            .args(["--listen", &address.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the gateway starts");
        let gateway = Gateway { child, address };
        eventually("the gateway answers", || answer(&gateway, "/").is_some().then_some(()));
        gateway
    }

    fn memory(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/statm", self.child.id())).expect("it runs");
        let pages: u64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("a number");
        pages * 4096
    }

    fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    fn metric(&self, line: &str) -> f64 {
        let text = answer(self, "/metrics").unwrap_or_default();
        text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok()).unwrap_or_default()
    }

    fn serves(&self) {
        let text = answer(self, "/").expect("an answer");
        assert!(text.contains("This is an Atoll gateway"), "{text}");
    }
}

fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(it) = found() {
            return it;
        }
        assert!(begun.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What an honest client gets.
fn answer(gateway: &Gateway, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&gateway.address, DEADLINE).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    (!text.is_empty()).then_some(text)
}

/// A connection from another loopback address than that of honest clients.
fn connect_from(last: u8, gateway: &Gateway) -> std::io::Result<TcpStream> {
    let socket = open_socket()?;
    let from = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, last]) },
        sin_zero: [0; 8],
    };
    let to = libc::sockaddr_in {
        sin_port: gateway.address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        ..from
    };
    let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    let raw = socket.into_raw_fd();
    // SAFETY: the descriptor is an open socket, and the addresses are whole for the time of the calls.
    let failed = unsafe {
        libc::bind(raw, (&raw const from).cast(), size) != 0
            || libc::connect(raw, (&raw const to).cast(), size) != 0
    };
    // SAFETY: nobody else owns the descriptor.
    let stream = unsafe { TcpStream::from_raw_fd(raw) };
    if failed { Err(std::io::Error::last_os_error()) } else { Ok(stream) }
}

fn open_socket() -> std::io::Result<OwnedFd> {
    // SAFETY: takes and returns plain numbers.
    let raw = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    match raw {
        // SAFETY: the descriptor is new, and nobody else's.
        0.. => Ok(unsafe { OwnedFd::from_raw_fd(raw) }),
        _ => Err(std::io::Error::last_os_error()),
    }
}

#[test]
fn slow_and_silent_clients_cost_little_and_are_forgotten_in_time() {
    let gateway = Gateway::start(4_096);
    let (memory, files) = (gateway.memory(), gateway.files());
    let mut slow: Vec<TcpStream> =
        (0..600u32).filter_map(|number| connect_from(2 + (number % 3) as u8, &gateway).ok()).collect();
    assert_eq!(slow.len(), 600);
    for (number, stream) in slow.iter_mut().enumerate() {
        let starts: [&[u8]; 3] = [b"", b"GET / HTTP/1.1\r\nHost: ", b"PRI * HTTP/2.0\r\n"];
        let _ = stream.write_all(starts[number % 3]);
    }
    gateway.serves();
    assert!(gateway.files() <= files + 610, "{} files", gateway.files());
    assert!(gateway.memory() <= memory + MEMORY_MAX, "{} bytes more", gateway.memory() - memory);
    eventually("slow clients are cut off", || (gateway.metric("http_connections") <= 1.0).then_some(()));
    assert!(gateway.files() <= files + 10);
    gateway.serves();
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// GET / of localhost, and the same reset.
fn reset(stream: u32) -> Vec<u8> {
    let head = [&[0x82, 0x86, 0x84, 0x01, 9][..], b"localhost"].concat();
    [frame(1, 5, stream, &head), frame(3, 0, stream, &8u32.to_be_bytes())].concat()
}

/// Opens HTTP/2 and writes what `flood` makes, until the gateway closes.
fn press(gateway: &Gateway, flood: impl Fn(u32) -> Vec<u8>) -> usize {
    let Ok(mut stream) = connect_from(2, gateway) else { return 0 };
    let _ = stream.set_write_timeout(Some(Duration::from_millis(500)));
    let opening = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &frame(4, 0, 0, &[])[..]].concat();
    if stream.write_all(&opening).is_err() {
        return 0;
    }
    for round in 0..200u32 {
        let burst: Vec<u8> = (0..100).flat_map(|at| flood(round * 100 + at)).collect();
        if stream.write_all(&burst).is_err() {
            return round as usize * 100;
        }
    }
    20_000
}

#[test]
fn floods_of_http2_frames_cost_little_and_keep_nobody_out() {
    let gateway = Gateway::start(4_096);
    let memory = gateway.memory();
    let mut sent = 0;
    // A hundred thousand of each were the whole row; a connection is closed long before it has sent its share.
    for _ in 0..5 {
        sent += press(&gateway, |number| reset(number * 2 + 1));
        sent += press(&gateway, |_| frame(6, 0, 0, &[0; 8]));
        sent += press(&gateway, |_| frame(4, 0, 0, &[0, 4, 0, 0, 255, 255]));
        sent += press(&gateway, |number| match number {
            0 => frame(1, 4, 1, &[&[0x83, 0x86, 0x84, 0x01, 9][..], b"localhost"].concat()),
            _ => frame(0, 0, 1, &[]),
        });
        sent += press(&gateway, |number| match number {
            0 => frame(1, 0, 1, &[0x82, 0x86, 0x84]),
            _ => frame(9, 0, 1, &[&[0, 3, b'x', b'-', b'a', 100][..], &[b'y'; 100]].concat()),
        });
        gateway.serves();
        assert!(gateway.memory() <= memory + MEMORY_MAX, "{} bytes more", gateway.memory() - memory);
    }
    assert!(sent > 0);
}

#[test]
fn a_gateway_without_free_descriptors_goes_on_when_there_are_some() {
    let gateway = Gateway::start(48);
    let held: Vec<TcpStream> = (0..100).filter_map(|_| connect_from(3, &gateway).ok()).collect();
    assert_eq!(held.len(), 100);
    eventually("there is none left", || (gateway.files() >= 47).then_some(()));
    drop(held);
    eventually("it answers again", || answer(&gateway, "/"));
    gateway.serves();
}
