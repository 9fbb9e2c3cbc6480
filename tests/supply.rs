//! Where the code that Atoll is built from comes from, by the rules of `deny.toml`: the part of `cargo deny check` that
//! needs no network and no further tool. Advisories are checked by `make deny`.

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::str::SplitWhitespace;

/// Ours, and that of the asset canister.
const WORKSPACES: [&str; 2] = [".", "canisters/assets"];
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A crate of a lock file that is built for this machine.
struct Package {
    name: String,
    source: Option<String>,
    license: Option<String>,
}

fn packages() -> Vec<Package> {
    WORKSPACES.iter().flat_map(|workspace| packages_of(workspace)).collect()
}

fn packages_of(workspace: &str) -> Vec<Package> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(workspace))
        .output()
        .expect("cargo metadata");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("JSON");
    let text = |package: &Value, key: &str| package[key].as_str().map(str::to_string);
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| Package {
            name: text(package, "name").expect("a name"),
            source: text(package, "source"),
            license: text(package, "license"),
        })
        .collect()
}

fn deny() -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deny.toml");
    std::fs::read_to_string(path).expect("deny.toml").parse().expect("deny.toml is TOML")
}

/// Whether an SPDX expression can be met with licences that `allowed` holds.
fn is_met(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    either(&mut spaced.split_whitespace(), allowed).0
}

/// Reads alternatives up to a closing bracket or the end; whether one is met, and whether a bracket closed them.
fn either(words: &mut SplitWhitespace<'_>, allowed: &dyn Fn(&str) -> bool) -> (bool, bool) {
    let (mut any, mut all, mut license) = (false, None, String::new());
    let and = |all: Option<bool>, met: bool| Some(all.unwrap_or(true) && met);
    loop {
        let word = words.next();
        match word {
            Some("(") => all = and(all, either(words, allowed).0),
            Some("AND" | "OR" | ")") | None => {
                if !license.is_empty() {
                    all = and(all, allowed(license.trim_end_matches('+')));
                    license.clear();
                }
                if word != Some("AND") {
                    any |= all.take().unwrap_or(false);
                }
                if matches!(word, Some(")") | None) {
                    return (any, word.is_some());
                }
            }
            Some(word) if license.is_empty() => license = word.to_string(),
            Some(word) => license = format!("{license} {word}"),
        }
    }
}

#[test]
fn every_crate_comes_from_the_registry() {
    for package in packages() {
        let own = package.source.is_none();
        assert!(own || package.source.as_deref() == Some(REGISTRY), "{}: {:?}", package.name, package.source);
    }
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let deny = deny();
    let allow = deny["licenses"]["allow"].as_array().expect("a list");
    let allowed = |license: &str| allow.iter().any(|one| one.as_str() == Some(license));
    for package in packages().into_iter().filter(|package| package.source.is_some()) {
        let license = package.license.unwrap_or_default();
        assert!(is_met(&license, &allowed), "{} is under {license:?}", package.name);
    }
}

#[test]
fn no_banned_crate_is_built() {
    let (deny, packages) = (deny(), packages());
    for ban in deny["bans"]["deny"].as_array().expect("a list") {
        // Those with wrappers are allowed below these alone; `cargo deny` looks at that.
        let name = ban["name"].as_str().expect("a name");
        let banned = ban.get("wrappers").is_none();
        assert!(!(banned && packages.iter().any(|package| package.name == name)), "{name} is banned");
    }
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let check = |expression: &str, met: bool| {
        assert_eq!(
            is_met(expression, &|license| license == "A" || license == "B WITH X"),
            met,
            "{expression}"
        );
    };
    check("A", true);
    check("C", false);
    check("", false);
    check("C OR A", true);
    check("C/A", true);
    check("A AND C", false);
    check("B WITH X AND A", true);
    check("(A OR C) AND C", false);
    check("(A OR C) AND (C OR A)", true);
    check("C AND C OR A", true);
    check("A+", true);
}

#[test]
fn no_release_can_lie() {
    let mark = ["[MALICI", "OUS]"].concat();
    let binary = std::fs::read(env!("CARGO_BIN_EXE_atoll")).expect("the binary");
    let found = binary.split(|byte| *byte == b'[').any(|part| part.starts_with(&mark.as_bytes()[1..]));
    assert!(!found, "the binary was built with the feature `malicious`");
}
