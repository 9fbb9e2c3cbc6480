//! One HTTP answer and the hash under which it is certified (response verification v2, the whole response certified).

use ic_certification::Hash;
use ic_http_certification::{CERTIFICATE_EXPRESSION_HEADER_NAME, ResponseHeaders, response_headers_hash};
use sha2::{Digest, Sha256};

/// What the gateway is told to check: status, all headers and the body; nothing of the request.
pub const EXPRESSION: &str = "default_certification(ValidationArgs{certification:Certification{\
no_request_certification:Empty{},response_certification:ResponseCertification{\
response_header_exclusions:ResponseHeaderList{headers:[]}}}})";

/// An answer without its certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// The SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Headers with the expression among them.
pub fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let expression = (CERTIFICATE_EXPRESSION_HEADER_NAME, EXPRESSION);
    let all = pairs.iter().copied().chain([expression]);
    all.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect()
}

/// The hash of an answer whose body's hash is known.
pub fn response_hash(status: u16, headers: &[(String, String)], body_hash: &Hash) -> Hash {
    let certified = ResponseHeaders { headers: headers.to_vec(), certificate: None };
    let head = response_headers_hash(&u64::from(status), &certified);
    let mut hasher = Sha256::new();
    hasher.update(head);
    hasher.update(body_hash);
    hasher.finalize().into()
}

impl Answer {
    pub fn hash(&self) -> Hash {
        response_hash(self.status, &self.headers, &sha256(&self.body))
    }
}
