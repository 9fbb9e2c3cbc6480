//! What comes back, verified.

use ic_certification::{Certificate, LookupResult};
use std::fmt;

/// An answer to a request. Certificates in it are signed by the subnet, and query answers by a node of it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: hyper::HeaderMap,
    pub body: Vec<u8>,
    pub outcome: Outcome,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    Replied(Vec<u8>),
    Rejected {
        code: u64,
        message: String,
        error: Option<String>,
    },
    /// Of `read_state`, or of a call whose status is not `replied` or `rejected`.
    Certified(Certificate),
    /// 202.
    Accepted,
    /// Everything else.
    Http,
}

impl Answer {
    /// The value that the certificate proves at `/a/b`.
    pub fn lookup(&self, path: &[&[u8]]) -> Result<Vec<u8>, String> {
        match &self.outcome {
            Outcome::Certified(certificate) => match certificate.tree.lookup_path(path) {
                LookupResult::Found(value) => Ok(value.to_vec()),
                other => Err(format!("{other:?}")),
            },
            other => Err(format!("no certificate but {other}")),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Http => {
                write!(f, "HTTP {}: {}", self.status, String::from_utf8_lossy(&self.body))
            }
            outcome => write!(f, "{outcome}"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Replied(bytes) => write!(f, "the reply {}", show(bytes)),
            Outcome::Rejected { code, message, error } => {
                write!(f, "reject {code} {}: {message}", error.as_deref().unwrap_or("without error code"))
            }
            Outcome::Certified(_) => write!(f, "a certificate"),
            Outcome::Accepted => write!(f, "202"),
            Outcome::Http => write!(f, "an HTTP status"),
        }
    }
}

/// Bytes for people.
pub fn show(bytes: &[u8]) -> String {
    let short = &bytes[..bytes.len().min(200)];
    match std::str::from_utf8(short) {
        Ok(text) if text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) => {
            format!("'{text}' ({} bytes)", bytes.len())
        }
        _ => format!("0x{} ({} bytes)", hex::encode(short), bytes.len()),
    }
}
