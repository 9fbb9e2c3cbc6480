//! `atoll health URL`: whether a node takes part, for people and for service managers.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Ask a node's metrics address whether the node is healthy; fails with the reason when it is not.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// `http://host:port` of the metrics interface.
    #[arg(default_value = "http://127.0.0.1:9102")]
    pub url: String,
}

/// The node is not healthy, or nobody answers.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    #[error("{0} is not http://host:port")]
    Url(String),
    #[error("{url} does not answer: {error}")]
    Silent { url: String, error: std::io::Error },
    #[error("not healthy: {0}")]
    Unhealthy(String),
}

/// Asks, and prints the answer.
pub fn run(args: Args) -> Result<(), HealthError> {
    let host = args.url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let host = host.ok_or_else(|| HealthError::Url(args.url.clone()))?;
    let answer = ask(host).map_err(|error| HealthError::Silent { url: args.url.clone(), error })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split(' ').nth(1) != Some("200") {
        return Err(HealthError::Unhealthy(body.trim().to_string()));
    }
    println!("{}", body.trim());
    Ok(())
}

fn ask(host: &str) -> std::io::Result<String> {
    let unknown = || std::io::Error::new(std::io::ErrorKind::NotFound, "no such address");
    let address = host.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    // In one piece: a server that answers the first of several may close before the last.
    let request = format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn check(answer: &'static str, healthy: bool) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).expect("a request");
            stream.write_all(answer.as_bytes()).expect("answers");
        });
        assert_eq!(run(Args { url }).is_ok(), healthy, "{answer}");
        server.join().expect("the server ends");
    }

    #[test]
    fn only_the_status_200_is_healthy() {
        check("HTTP/1.1 200 OK\r\n\r\nhealthy", true);
        check("HTTP/1.1 503 Service Unavailable\r\n\r\nhalted", false);
        check("", false);
    }

    #[test]
    fn nobody_at_home_is_an_error_that_names_the_address() {
        let error = run(Args { url: "http://127.0.0.1:1".into() }).expect_err("nobody listens");
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    }
}
