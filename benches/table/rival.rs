//! What Atoll is measured against in the same run: etcd, and hyper by itself; and the client that presses them.

use crate::network::{Ports, eventually};
use crate::report::{process_cpu, thread_cpu};
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Posts `body` over `clients` kept connections for `time`; how many answers came.
pub async fn post(host: &str, path: &str, kind: &str, body: &[u8], clients: usize, time: Duration) -> u64 {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let request: Arc<[u8]> = [head.as_bytes(), body].concat().into();
    let clients = (0..clients).map(|_| {
        let request = request.clone();
        (host.to_string(), move || request.clone())
    });
    press(clients, time).await
}

/// Each client, a host and a maker of requests, keeps one connection busy for `time`; how many answers came.
pub async fn press<F>(clients: impl Iterator<Item = (String, F)>, time: Duration) -> u64
where
    F: FnMut() -> Arc<[u8]> + Send + 'static,
{
    let end = Instant::now() + time;
    let tasks: Vec<_> = clients
        .map(|(host, next)| tokio::spawn(async move { one_client(&host, next, end).await.unwrap_or(0) }))
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap_or(0);
    }
    done
}

async fn one_client(host: &str, mut next: impl FnMut() -> Arc<[u8]>, end: Instant) -> std::io::Result<u64> {
    let mut stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    let (mut done, mut buffer) = (0, vec![0; 64 * 1024]);
    while Instant::now() < end {
        stream.write_all(&next()).await?;
        if !answered(&mut stream, &mut buffer).await? {
            break;
        }
        done += 1;
    }
    Ok(done)
}

/// Reads one response with a content-length; whether its status was 200.
async fn answered(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<bool> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(false);
        }
        filled += read;
        let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        let mut rest = (end + 4 + length).saturating_sub(filled);
        while rest > 0 {
            let most = rest.min(buffer.len());
            match stream.read(&mut buffer[..most]).await? {
                0 => return Ok(false),
                read => rest -= read,
            }
        }
        return Ok(head.starts_with("http/1.1 200"));
    }
}

/// hyper answering hello, in this process, on a thread of its own whose CPU is counted.
pub struct Hello {
    host: String,
    nanos: Arc<AtomicU64>,
}

impl Hello {
    pub async fn start() -> Hello {
        let nanos = Arc::new(AtomicU64::new(0));
        let (send, receive) = tokio::sync::oneshot::channel();
        let counted = nanos.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let _ = send.send(listener.local_addr().expect("an address").to_string());
                loop {
                    let accepted = tokio::time::timeout(Duration::from_millis(20), listener.accept()).await;
                    counted.store((thread_cpu() * 1e9) as u64, Ordering::Relaxed);
                    let Ok(Ok((stream, _))) = accepted else { continue };
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                        TokioIo::new(stream),
                        service_fn(|_: Request<hyper::body::Incoming>| async {
                            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
                        }),
                    ));
                }
            });
        });
        Hello { host: receive.await.expect("an address"), nanos }
    }

    pub fn cpu_per_request(&self, runtime: &Runtime, clients: usize, time: Duration) -> f64 {
        let before = self.nanos.load(Ordering::Relaxed);
        let done = runtime.block_on(post(&self.host, "/", "text/plain", b"", clients, time));
        std::thread::sleep(Duration::from_millis(50));
        (self.nanos.load(Ordering::Relaxed) - before) as f64 * 1e-9 / (done as f64).max(1.0)
    }
}

/// Three etcd processes on loopback, with fsync as they come.
pub struct Etcd {
    nodes: Vec<Child>,
    client: String,
    _ports: Ports,
    _folder: tempfile::TempDir,
}

impl Etcd {
    /// `None` where etcd is not installed.
    pub fn start() -> Option<Etcd> {
        Command::new("etcd").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        let folder = tempfile::tempdir().ok()?;
        let ports = Ports::take();
        let base = ports.base;
        let peer = |node: u16| format!("http://127.0.0.1:{}", base + 10 + node);
        let client = |node: u16| format!("http://127.0.0.1:{}", base + node);
        let cluster: Vec<String> = (0..3).map(|node| format!("n{node}={}", peer(node))).collect();
        let nodes = (0..3)
            .map(|node| {
                Command::new("etcd")
                    .args(["--name", &format!("n{node}"), "--data-dir"])
                    .arg(folder.path().join(node.to_string()))
                    .args(["--listen-peer-urls", &peer(node), "--initial-advertise-peer-urls", &peer(node)])
                    .args(["--listen-client-urls", &client(node), "--advertise-client-urls", &client(node)])
                    .args(["--initial-cluster", &cluster.join(","), "--log-level", "error"])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
            })
            .collect::<Result<Vec<_>, _>>()
            .ok()?;
        let host = format!("127.0.0.1:{base}");
        let etcd = Etcd { nodes, client: host, _ports: ports, _folder: folder };
        let runtime = Runtime::new().ok()?;
        eventually("etcd answers", || (etcd.puts(&runtime, 1, Duration::from_millis(200)) > 0).then_some(()));
        Some(etcd)
    }

    fn puts(&self, runtime: &Runtime, clients: usize, time: Duration) -> u64 {
        let body = br#"{"key":"Y291bnRlcg==","value":"MTIzNDU2Nzg="}"#;
        runtime.block_on(post(&self.client, "/v3/kv/put", "application/json", body, clients, time))
    }

    /// CPU seconds of the three processes for each put.
    pub fn cpu_per_put(&self, runtime: &Runtime, clients: usize, time: Duration) -> f64 {
        let cpu = || self.nodes.iter().map(|node| process_cpu(node.id() as i32)).sum::<f64>();
        let before = cpu();
        let done = self.puts(runtime, clients, time);
        (cpu() - before) / (done as f64).max(1.0)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}
