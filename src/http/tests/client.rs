//! A client that sends exactly the bytes it is given.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Turns a hang into a failure; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came back. Status 0: the connection was closed without a reply.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends `bytes`, and reads until the server closes.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    read_answer(&mut stream).await
}

/// Reads until the server closes.
pub async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the server closes in time");
    if read.is_err() && bytes.is_empty() {
        return Answer::default();
    }
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Answer::default();
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

/// A whole request; the server closes after its reply.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// A well-formed POST of CBOR.
pub fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    request("POST", path, &[("Content-Type", "application/cbor"), ("Content-Length", &length)], body)
}
