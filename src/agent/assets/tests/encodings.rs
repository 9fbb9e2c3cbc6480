//! Which encodings files are kept in, and what is made anew.

use super::write;
use crate::agent::assets::encode::{self, Encoding, Found, PIECE_BYTES, PiecesOf, pieces};
use crate::agent::assets::folder;
use crate::agent::assets::wire::{Remote, RemoteEncoding};
use candid::{Int, Nat};
use serde_bytes::ByteBuf;
use sha2::{Digest, Sha256};
use std::io::Read;

const PROSE: &str = "The canister holds what the folder holds, and the folder says so in its own words.\n";

/// Text that no encoding makes much shorter.
fn digits(count: usize) -> String {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + u8::try_from((state >> 33) % 95).unwrap_or_default())
    };
    (0..count).map(|_| next()).collect()
}

fn contents(name: &str, content: &str, config: &str, remote: Option<&Remote>) -> encode::Contents {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), &[(name, content), (".ic-assets.json5", config)]);
    let folder = folder::read(root.path()).expect("a folder");
    encode::contents(&folder.assets[0], remote).expect("contents")
}

fn check(name: &str, content: &str, config: &str, expected: &[&str]) {
    let found = contents(name, content, config, None);
    let names: Vec<_> = found.keys().map(|encoding| encoding.name()).collect();
    assert_eq!(names, expected, "{name} {config}");
    for (encoding, Found { content: known, whole }) in &found {
        let whole = whole.as_ref().expect("one piece");
        assert_eq!(known.sha256[..], Sha256::digest(whole)[..], "{name}");
        assert_eq!(known.length, whole.len() as u64, "{name}");
        let mut plain = Vec::new();
        let mut unpack: Box<dyn Read> = match encoding {
            Encoding::Identity => Box::new(&whole[..]),
            Encoding::Gzip => Box::new(flate2::read::GzDecoder::new(&whole[..])),
            Encoding::Brotli => Box::new(brotli::Decompressor::new(&whole[..], 4_096)),
        };
        unpack.read_to_end(&mut plain).expect("unpacks");
        assert!(plain == content.as_bytes(), "{name} as {}", encoding.name());
    }
}

#[test]
fn text_is_compressed_where_it_pays() {
    let prose = PROSE.repeat(100);
    check("a.html", &prose, "[]", &["identity", "gzip", "br"]);
    check("a.js", &prose, "[]", &["identity", "gzip", "br"]);
    check("a.svg", &prose, "[]", &["identity", "gzip", "br"]);
    check("a.webmanifest", &prose, "[]", &["identity", "gzip", "br"]);
    check("a.png", &prose, "[]", &["identity"]);
    check("a", &prose, "[]", &["identity"]);
    check("a.txt", PROSE, "[]", &["identity"]);
    check("a.txt", "", "[]", &["identity"]);
    // Brotli does no better than gzip here.
    check("a.txt", &digits(5_000), "[]", &["identity", "gzip"]);
}

#[test]
fn configured_encodings_are_made_whatever_the_type() {
    let prose = PROSE.repeat(20);
    let rule = |encodings: &str| format!("[{{ match: '*', encodings: [{encodings}] }}]");
    check("a.png", &prose, &rule("'identity', 'gzip'"), &["identity", "gzip"]);
    check("a.html", &prose, &rule("'identity'"), &["identity"]);
    check("a.html", &digits(5_000), &rule("'identity', 'br'"), &["identity", "br"]);
    check("a.txt", "x", &rule("'identity', 'gzip', 'br'"), &["identity"]);
    check("a.txt", "x", &rule("'gzip', 'br'"), &["gzip", "br"]);
}

/// What the canister has of a file: hashes, and the times they were set at.
fn remote(encodings: &[(&str, [u8; 32], u64)]) -> Remote {
    let encodings = encodings.iter().map(|(name, sha256, modified)| RemoteEncoding {
        content_encoding: name.to_string(),
        sha256: Some(ByteBuf::from(*sha256)),
        length: Some(Nat::from(10u8)),
        modified: Some(Int::from(*modified)),
    });
    Remote { key: "/a.html".into(), content_type: "text/html".into(), encodings: encodings.collect() }
}

#[test]
fn an_encoding_that_was_set_with_an_unchanged_file_is_not_made_again() {
    let prose = PROSE.repeat(100);
    let hash: [u8; 32] = Sha256::digest(&prose).into();
    // The canister's own hash of the encoding, which no encoder makes, is believed or not.
    let check = |remote: &Remote, believed: bool| {
        let found = contents("a.html", &prose, "[]", Some(remote));
        assert_eq!(found[&Encoding::Gzip].content.sha256 == [7; 32], believed, "{remote:?}");
    };
    check(&remote(&[("identity", hash, 5), ("gzip", [7; 32], 5)]), true);
    check(&remote(&[("identity", hash, 5), ("gzip", [7; 32], 6)]), false);
    check(&remote(&[("identity", [8; 32], 5), ("gzip", [7; 32], 5)]), false);
    check(&remote(&[("gzip", [7; 32], 5)]), false);
    let unknown = || {
        let mut remote = remote(&[("identity", hash, 5), ("gzip", [7; 32], 5)]);
        remote.encodings.iter_mut().for_each(|encoding| encoding.modified = None);
        remote
    };
    check(&unknown(), false);
    // An asset of another type is made anew, of contents that are sent.
    let plain = remote(&[("identity", hash, 5), ("gzip", [7; 32], 5)]);
    check(&Remote { content_type: "text/plain".into(), ..plain }, false);
}

#[test]
fn a_content_is_cut_into_pieces_that_are_it_together() {
    for (bytes, expected) in [
        (0, vec![0]),
        (1, vec![1]),
        (PIECE_BYTES, vec![PIECE_BYTES]),
        (PIECE_BYTES + 1, vec![PIECE_BYTES, 1]),
        (3 * PIECE_BYTES, vec![PIECE_BYTES; 3]),
    ] {
        let whole = vec![b'x'; bytes];
        let mut cut = PiecesOf::new(Box::new(std::io::Cursor::new(whole.clone())));
        let mut all = Vec::new();
        while let Some(piece) = cut.next_piece().expect("reads") {
            all.push(piece);
        }
        assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{bytes} bytes");
        assert_eq!(pieces(bytes as u64), expected.len() as u64, "{bytes} bytes");
        assert_eq!(all.concat(), whole, "{bytes} bytes");
        assert_eq!(cut.content().sha256[..], Sha256::digest(&whole)[..], "{bytes} bytes");
    }
}
