//! One HTTP/1.1 request and its answer.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// What is waited for, and how much of it.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For the connection, and for each piece of the answer.
    pub deadline: Duration,
    pub answer_bytes: u64,
}

/// For what answers a person's command.
const LIMITS: Limits = Limits { deadline: Duration::from_secs(10), answer_bytes: 1024 * 1024 };

/// Nobody answers as they should.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    #[error("{0} is not http://host:port")]
    Url(String),
    #[error("{url} does not answer: {error}")]
    Silent { url: String, error: std::io::Error },
    #[error("{url} answers {status}: {reason}")]
    Status { url: String, status: u16, reason: String },
}

/// The body at `path`, if the status is 200.
///
/// # Errors
/// [`ExchangeError`] naming the address.
pub fn get(url: &str, path: &str) -> Result<String, ExchangeError> {
    match look(url, path, LIMITS)? {
        (200, body) => Ok(body),
        (status, reason) => Err(ExchangeError::Status { url: url.into(), status, reason }),
    }
}

/// Status and body of the answer to a GET; the status is 0 if the answer has none.
///
/// # Errors
/// [`ExchangeError`] naming the address.
pub fn look(url: &str, path: &str, limits: Limits) -> Result<(u16, String), ExchangeError> {
    exchange(url, &format!("GET {path} HTTP/1.1"), "", &[], limits)
}

/// Status and body of the answer.
///
/// # Errors
/// [`ExchangeError`] naming the address.
pub fn post(url: &str, path: &str, content_type: &str, body: &[u8]) -> Result<(u16, String), ExchangeError> {
    let head = format!("content-type: {content_type}\r\ncontent-length: {}\r\n", body.len());
    exchange(url, &format!("POST {path} HTTP/1.1"), &head, body, LIMITS)
}

fn exchange(
    url: &str,
    line: &str,
    head: &str,
    body: &[u8],
    limits: Limits,
) -> Result<(u16, String), ExchangeError> {
    let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let host = host.ok_or_else(|| ExchangeError::Url(url.into()))?;
    let request = format!("{line}\r\nhost: {host}\r\nconnection: close\r\n{head}\r\n");
    // In one piece: a server that answers the first of several may close before the last.
    let answer = ask(host, &[request.as_bytes(), body].concat(), limits);
    let answer = answer.map_err(|error| ExchangeError::Silent { url: url.into(), error })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok((status, body.to_string()))
}

fn ask(host: &str, request: &[u8], limits: Limits) -> std::io::Result<String> {
    let unknown = || std::io::Error::new(std::io::ErrorKind::NotFound, "no such address");
    let address = host.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let mut stream = TcpStream::connect_timeout(&address, limits.deadline)?;
    stream.set_read_timeout(Some(limits.deadline))?;
    stream.write_all(request)?;
    let mut answer = String::new();
    stream.take(limits.answer_bytes).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn status_and_body_come_back_and_an_address_without_a_server_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 1024];
            let read = stream.read(&mut request).expect("a request");
            stream.write_all(b"HTTP/1.1 409 Conflict\r\n\r\nlater").expect("answers");
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        assert_eq!(post(&url, "/x", "text/plain", b"body").expect("an answer"), (409, "later".into()));
        let request = server.join().expect("the server ends");
        assert!(request.starts_with("POST /x HTTP/1.1\r\n") && request.ends_with("\r\n\r\nbody"));
        let error = get("http://127.0.0.1:1", "/x").expect_err("nobody listens");
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
        assert!(matches!(get("ftp://x", "/x"), Err(ExchangeError::Url(_))));
    }
}
