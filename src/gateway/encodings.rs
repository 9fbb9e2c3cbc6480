//! Encodings of a body that a client takes.

use hyper::http::{HeaderMap, header};

/// What the client takes, in one order whoever asks, and always also the body as it is: without `identity` canisters
/// that certify nothing else answer nothing (RELIABILITY.md H9).
pub fn encodings(headers: &HeaderMap) -> String {
    let weights = weights(headers);
    let named = |name: &str| weights.iter().any(|(known, weighs)| known == name && *weighs);
    let known = ["br", "deflate", "gzip", "zstd"].into_iter().filter(|name| named(name));
    known.chain(["identity"]).collect::<Vec<_>>().join(", ")
}

/// Whether the client takes an encoding: what it says of that by name counts, else what it says of all others.
pub fn takes(headers: &HeaderMap, encoding: &str) -> bool {
    let weights = weights(headers);
    let of = |name: &str| weights.iter().find(|(known, _)| known == name).map(|(_, weighs)| *weighs);
    of(encoding).or_else(|| of("*")).unwrap_or(false)
}

/// The encodings of which a client says whether it takes them, in small letters.
fn weights(headers: &HeaderMap) -> Vec<(String, bool)> {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .filter_map(|item| {
            let (name, weight) = item.split_once(';').unwrap_or((item, ""));
            let weight =
                weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
            let name = name.trim().to_ascii_lowercase();
            (!name.is_empty()).then_some((name, weight != Some(0.0)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_encoding_by_name_counts_more_than_what_is_said_of_all() {
        for (value, expected) in [
            ("gzip", true),
            ("br, *", true),
            ("gzip;q=0, *", false),
            ("*, gzip;q=0", false),
            ("GZIP;q=0.1, *;q=0", true),
            ("*;q=0", false),
            ("br", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, value.parse().expect("a value"))]);
            assert_eq!(takes(&headers, "gzip"), expected, "{value:?}");
        }
    }
}
