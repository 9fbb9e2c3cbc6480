//! `atoll health URL`: whether a node takes part, for people and for service managers.

use super::exchange::{ExchangeError, Limits, look};
use std::time::Duration;

const LIMITS: Limits = Limits { deadline: Duration::from_secs(5), answer_bytes: 64 * 1024 };

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
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("not healthy: {0}")]
    Unhealthy(String),
}

/// Asks, and prints the answer.
pub fn run(args: Args) -> Result<(), HealthError> {
    match look(&args.url, "/health", LIMITS)? {
        (200, body) => println!("{}", body.trim()),
        (_, body) => return Err(HealthError::Unhealthy(body.trim().to_string())),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
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
