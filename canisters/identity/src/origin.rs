//! Apps, by the origin of their pages; and the seed of an identity for one of them.
//!
//! 1. Two seeds of one person have nothing in common that can be seen: they are hashes with a secret of the canister. The
//!    form is that of Internet Identity: SHA-256(|salt| · salt · |name| · name · |origin| · origin), where lengths are one
//!    byte.
//! 2. The name is not the number, which a canister that is put back to an earlier state gives a second time. It is a hash
//!    of the number, the founder's key and the time ([`name`]): nobody comes into somebody else's principals.

use crate::interface::{Refusal, Timestamp, UserNumber};
use crate::keys::sha256;
use crate::limits::MAX_ORIGIN_BYTES;

pub type Salt = [u8; 32];

const SCHEMES: [&str; 2] = ["https://", "http://"];

fn is_host(host: &str) -> bool {
    let letters =
        host.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-._[]:".contains(&it));
    letters && !host.is_empty() && !host.ends_with(':')
}

/// # Errors
/// [`Refusal::Invalid`] if this is not what browsers call an origin: scheme, host, and port if it is not the usual.
pub fn check(origin: &str) -> Result<(), Refusal> {
    let host = SCHEMES.iter().find_map(|scheme| origin.strip_prefix(scheme));
    if origin.len() > MAX_ORIGIN_BYTES || !host.is_some_and(is_host) {
        return Err(Refusal::Invalid("no origin of a web page, such as https://example.org".into()));
    }
    Ok(())
}

/// What an identity is called in its seeds.
pub type Name = [u8; 32];

/// The name of an identity that is made.
pub fn name(salt: &Salt, user: UserNumber, founder: &[u8], created: Timestamp) -> Name {
    let domain = b"atoll identity name";
    sha256(&[domain, salt, &user.to_be_bytes(), &created.to_be_bytes(), founder])
}

/// The seed for the app at `origin`, which was checked, of the identity with this name.
pub fn seed(salt: &Salt, name: &Name, origin: &str) -> [u8; 32] {
    let length = |bytes: usize| [bytes.min(MAX_ORIGIN_BYTES) as u8];
    sha256(&[&length(salt.len()), salt, &length(name.len()), name, &length(origin.len()), origin.as_bytes()])
}
