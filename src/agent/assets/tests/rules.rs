//! What `.ic-assets.json5` makes of files.

use super::{read, write};
use crate::agent::assets::encode;
use crate::agent::assets::folder::{self, Asset};
use std::fs;
use std::os::unix::fs::symlink;

/// Everything that rules say of an asset, but what they say of all.
fn shown(asset: &Asset) -> String {
    let settings = &asset.settings;
    let mut text = asset.key.clone();
    if let Some(max_age) = settings.max_age {
        text += &format!(" max-age={max_age}");
    }
    for (name, value) in settings.headers().into_iter().flatten() {
        text += &format!(" {name}={value}");
    }
    if let Some(aliased) = settings.enable_aliasing {
        text += &format!(" aliased={aliased}");
    }
    if settings.allow_raw_access != Some(true) {
        text += " not raw";
    }
    if let Some(encodings) = &settings.encodings {
        let names: Vec<_> = encodings.iter().map(|encoding| encoding.name()).collect();
        text += &format!(" [{}]", names.join(" "));
    }
    text
}

fn check(files: &[(&str, &str)], expected: &[&str]) {
    let folder = read(files).expect("a folder");
    let have: Vec<String> = folder.assets.iter().map(shown).collect();
    assert_eq!(have, expected, "{files:?}");
}

#[test]
fn hidden_files_are_left_out_unless_a_rule_wants_them() {
    let files = [("a", ""), (".hidden", ""), (".dir/b", ""), (".well-known/ic-domains", ""), ("dir/.c", "")];
    check(&files, &["/.well-known/ic-domains", "/a"]);
    let with = |config| [&files[..], &[(".ic-assets.json5", config)]].concat();
    check(&with("[{match: '.dir', ignore: false}]"), &["/.dir/b", "/.well-known/ic-domains", "/a"]);
    check(&with("[{match: '.*', ignore: false}]"), &["/.dir/b", "/.hidden", "/.well-known/ic-domains", "/a"]);
    check(&with("[{match: '**/.c', ignore: false}]"), &["/.well-known/ic-domains", "/a", "/dir/.c"]);
    check(&with("[{match: '.well-known', ignore: true}, {match: 'a', ignore: true}]"), &[]);
}

#[test]
fn a_folder_that_is_ignored_is_not_looked_into() {
    let broken = ("dir/.ic-assets.json5", "[{match: 'b', ignore: false}, nonsense]");
    check(
        &[("a", ""), ("dir/b", ""), broken, (".ic-assets.json5", "[{match: 'dir', ignore: true}]")],
        &["/a"],
    );
}

#[test]
fn later_and_inner_rules_override_and_headers_add_up() {
    let outer = "[
        { match: '*', cache: { max_age: 1 }, headers: { a: 1, b: true, c: 'x', d: null } },
        { match: '**/*.css', cache: { max_age: 2 }, headers: { a: 'y' } },
    ]";
    let inner = "[{ match: '*.css', headers: { e: 'z' } }, { match: 'plain.css', headers: null, cache: {} }]";
    let files = [("index.html", ""), ("dir/deep/a.css", ""), ("dir/plain.css", "")];
    check(
        &[&files[..], &[(".ic-assets.json", outer), ("dir/.ic-assets.json5", inner)]].concat(),
        &[
            "/dir/deep/a.css max-age=2 a=y b=true c=x d= e=z",
            "/dir/plain.css",
            "/index.html max-age=1 a=1 b=true c=x d=",
        ],
    );
}

#[test]
fn patterns_are_relative_to_their_folder_and_stars_span_folders() {
    let rule = |pattern: &str| format!("[{{ match: '{pattern}', cache: {{ max_age: 9 }} }}]");
    for (pattern, matched) in [
        ("*", "abcd"),
        ("**/*", "abcd"),
        ("**", "abcd"),
        ("*.txt", "abd"),
        ("a.txt", "a"),
        ("**/a.txt", "ad"),
        ("dir/*", "bd"),
        ("{a,c}.*", "ac"),
        ("[!a].*", "c"),
        ("/a.txt", ""),
        ("./a.txt", ""),
        ("dir", ""),
    ] {
        let config = rule(pattern);
        let files = [
            ("a.txt", ""),
            ("dir/b.txt", ""),
            ("c.png", ""),
            ("dir/deep/a.txt", ""),
            (".ic-assets.json5", config.as_str()),
        ];
        let folder = read(&files).expect("a folder");
        let keys = [('a', "/a.txt"), ('b', "/dir/b.txt"), ('c', "/c.png"), ('d', "/dir/deep/a.txt")];
        let is_matched = |key: &str| {
            folder.assets.iter().any(|asset| asset.key == key && asset.settings.max_age == Some(9))
        };
        let have: String =
            keys.iter().filter(|(_, key)| is_matched(key)).map(|(letter, _)| *letter).collect();
        assert_eq!(have, matched, "{pattern}");
    }
}

#[test]
fn aliases_raw_access_and_encodings_are_taken_over() {
    let config = r#"[
        // an old page
        { "match": "a.html", "enable_aliasing": false, "allow_raw_access": false },
        { match: 'b', encodings: ["identity", "br", "brotli", "gzip"], enable_aliasing: true },
    ]"#;
    let expected = ["/a.html aliased=false not raw", "/b aliased=true [identity br br gzip]"];
    check(&[("a.html", ""), ("b", ""), (".ic-assets.json5", config)], &expected);
}

#[test]
fn a_policy_adds_headers_that_are_not_named() {
    let config =
        r#"[{ match: "*", security_policy: "hardened", headers: { "x-frame-options": "SAMEORIGIN" } }]"#;
    let folder = read(&[("a", ""), (".ic-assets.json5", config)]).expect("a folder");
    let headers = folder.assets[0].settings.headers().expect("headers");
    assert_eq!(headers.get("x-frame-options").map(|value| &**value), Some("SAMEORIGIN"));
    assert!(!headers.contains_key("X-Frame-Options"), "{headers:?}");
    assert_eq!(headers.get("X-Content-Type-Options").map(|value| &**value), Some("nosniff"));
    assert_eq!(headers.len(), 7);
    assert!(headers["Permissions-Policy"].starts_with("accelerometer=(), "), "{headers:?}");
    assert!(folder.warnings.is_empty(), "{:?}", folder.warnings);
}

fn check_warned(config: &str, expected: &str) {
    let folder = read(&[("a", ""), ("b", ""), (".ic-assets.json5", config)]).expect("a folder");
    let warned = folder.warnings.iter().any(|warning| warning.contains(expected));
    assert!(warned, "{config}: {:?}", folder.warnings);
}

#[test]
fn what_its_author_may_have_meant_otherwise_is_told() {
    check_warned("[]", "no security policy for /a, /b (");
    check_warned("[{match: 'a', security_policy: 'disabled'}]", "no security policy for /b (");
    check_warned("[{match: '*', security_policy: 'standard'}]", "the standard security policy for /a, /b:");
    check_warned("[{match: '*', ignore: false}, {match: 'c.*'}]", "rule 2 (c.*) matches no file");
    let quiet = "[{match: '*', disable_security_policy_warning: true}]";
    let folder = read(&[("a", ""), (".ic-assets.json5", quiet)]).expect("a folder");
    assert!(folder.warnings.is_empty(), "{:?}", folder.warnings);
}

/// A configuration is refused by a message that says where and why.
fn check_refused(config: &str, place: &str, reason: &str) {
    let error = read(&[("a", ""), ("dir/.ic-assets.json5", config)]).expect_err(config).to_string();
    let (found, said) = error.split_once("/dir/.ic-assets.json5:").unwrap_or(("", error.as_str()));
    let said = said.split_once(": ").unwrap_or(("", said));
    assert!(!found.is_empty() && said.0 == place && said.1.contains(reason), "{config}: {error}");
}

#[test]
fn a_wrong_rule_is_an_error_that_names_file_and_line() {
    check_refused("[\n  { match: 'a', },\n  nonsense\n]", "3:3", "expected");
    check_refused("[\n  { match: 'a',\n    cash: 1 }]", "3:5", "unknown field `cash`");
    check_refused("[\n\n{ match: 'a', redirect: {} }]", "3:15", "unknown field `redirect`");
    check_refused("[{ match: 'a[' }]", "1:11", "unclosed character class");
    check_refused("[{ cache: {} }]", "1:2", "missing field `match`");
    check_refused("[{ match: 'a', cache: { max_age: -1 } }]", "1:34", "");
    check_refused("[{ match: 'a', security_policy: 'strict' }]", "1:33", "unknown variant `strict`");
    check_refused("[{ match: 'a',\n encodings: ['zstd'] }]", "2:14", "unknown variant `zstd`");
    check_refused("[{ match: 'a',\n encodings: [] }]", "2:13", "needs an encoding");
    check_refused("[{ match: 'a',\n headers: { x: ['y'] } }]", "2:16", "a text, a number or a boolean");
    check_refused("[{ match: 'a',\n headers: { x: 'y\\n' } }]", "2:16", "one line of ASCII");
    check_refused("[{ match: 'a',\n headers: { 'x y': 'z' } }]", "2:13", "no name of a header");
    check_refused("{ match: 'a' }", "1:1", "expected");
    let long = format!("[{{ match: '{}' }}]", "a".repeat(1_001));
    check_refused(&long, "1:11", "1000 bytes at most");
}

#[test]
fn what_cannot_be_uploaded_is_an_error() {
    let both =
        read(&[("a", ""), (".ic-assets.json", "[]"), (".ic-assets.json5", "[]")]).expect_err("two files");
    assert!(both.to_string().contains("keep one"), "{both}");
    let hardened = [("a", ""), (".ic-assets.json5", "[{match: '*', security_policy: 'hardened'}]")];
    assert_eq!(
        read(&hardened).expect_err("nothing hardens").to_string(),
        "security_policy \"hardened\" needs headers that harden it; without them: /a"
    );
}

#[test]
fn links_are_left_out_and_never_followed() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), &[("site/a", "x"), ("secret/b", "y")]);
    let site = root.path().join("site");
    symlink("../secret/b", site.join("file")).expect("a link");
    symlink("../secret", site.join("folder")).expect("a link");
    let found = folder::read(&site).expect("a folder");
    assert_eq!(found.assets.iter().map(|asset| &*asset.key).collect::<Vec<_>>(), ["/a"]);
    let warned = found.warnings.iter().filter(|warning| warning.contains("no file of its own"));
    assert_eq!(warned.count(), 2, "{:?}", found.warnings);
    fs::remove_file(site.join("a")).expect("removed");
    symlink("../secret/b", site.join("a")).expect("a link");
    encode::contents(&found.assets[0], None).expect_err("a link in place of a file");
}

#[test]
fn a_configuration_that_cannot_be_read_is_not_taken_for_none() {
    let root = tempfile::tempdir().expect("a folder");
    let config = root.path().join(".ic-assets.json5");
    symlink("nowhere", &config).expect("a link");
    let dangling = folder::read(root.path()).expect_err("a link to nowhere").to_string();
    assert!(dangling.contains("cannot read"), "{dangling}");
    fs::remove_file(&config).expect("removed");
    fs::create_dir(&config).expect("a folder");
    let other = folder::read(root.path()).expect_err("a folder of that name").to_string();
    assert!(other.ends_with("is no file"), "{other}");
}
