//! Apps, by the origin of their pages; and the seed of an identity for one of them.
//!
//! Two seeds of one person have nothing in common that can be seen: they are hashes with a secret of the canister. The
//! form is that of Internet Identity: SHA-256(|salt| · salt · |number| · number · |origin| · origin), where lengths are
//! one byte and the number is decimal.

use crate::interface::{Refusal, UserNumber};
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

/// The seed of `user`'s identity for the app at `origin`, which was checked.
pub fn seed(salt: &Salt, user: UserNumber, origin: &str) -> [u8; 32] {
    let number = user.to_string();
    let length = |bytes: usize| [bytes.min(MAX_ORIGIN_BYTES) as u8];
    sha256(&[
        &length(salt.len()),
        salt,
        &length(number.len()),
        number.as_bytes(),
        &length(origin.len()),
        origin.as_bytes(),
    ])
}
