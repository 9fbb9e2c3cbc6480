//! The house rules of docs/ARCHITECTURE.md, kept by a scan of the sources: which room may name which,
//! which foreign crate lives where, and what the pure floors never touch.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms in layer order, with the rooms each may use. `node` and below may use all above, less the
/// siblings that meet only in `node`.
const ROOMS: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("crypto", &["types"]),
    ("encoding", &["types", "crypto"]),
    ("certification", &["types", "crypto", "encoding"]),
    ("membership", &["types", "crypto", "certification"]),
    ("consensus", &["types", "crypto", "encoding", "membership"]),
    ("ingress", &["types", "crypto", "encoding", "certification"]),
    ("state", &["types", "crypto", "encoding", "certification", "membership"]),
    ("wasm", &["types", "state"]),
    ("execution", &["types", "crypto", "encoding", "certification", "membership", "state", "wasm"]),
    ("replica", &["types", "membership", "consensus", "ingress"]),
    ("telemetry", &["types"]),
    ("storage", &["types", "encoding", "state"]),
    ("net", &["types", "encoding"]),
    (
        "node",
        &[
            "types",
            "crypto",
            "encoding",
            "certification",
            "membership",
            "consensus",
            "ingress",
            "state",
            "wasm",
            "execution",
            "replica",
            "telemetry",
            "storage",
            "net",
        ],
    ),
    ("http", &["types", "encoding", "certification", "ingress", "node"]),
    ("agent", &["types", "crypto", "encoding", "certification"]),
    ("gateway", &["types", "encoding", "certification", "agent", "telemetry"]),
    (
        "sim",
        &["types", "crypto", "encoding", "membership", "state", "wasm", "execution", "replica", "storage"],
    ),
];

/// Foreign crates and the rooms that are their home.
const HOMES: &[(&str, &[&str])] = &[
    ("wasmer", &["wasm"]),
    ("wasmer_compiler_cranelift", &["wasm"]),
    ("wasmparser", &["wasm"]),
    ("wasm_encoder", &["wasm"]),
    ("rocksdb", &["storage"]),
    ("tonic", &["net"]),
    ("prost", &["encoding", "net"]),
    ("hyper", &["http", "gateway", "telemetry"]),
    ("hyper_util", &["http", "gateway", "telemetry", "net"]),
    ("blst", &["crypto"]),
    ("threshold_crypto", &["crypto"]),
    ("ed25519_dalek", &["crypto"]),
    ("k256", &["crypto"]),
    ("p256", &["crypto"]),
    ("aws_lc_rs", &["crypto"]),
    ("clap", &["cli"]),
    ("ic_agent", &["agent", "gateway", "cli"]),
    ("prometheus", &["telemetry", "gateway"]),
    ("brotli", &["agent"]),
    ("globset", &["agent"]),
    ("json5", &["agent"]),
    ("mime_guess", &["agent"]),
];

/// What words and machines never name: the outside world, and what differs between two runs.
const IMPURE: &[&str] = &[
    "tokio::",
    "std::fs",
    "std::net",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "tracing::",
    "prometheus::",
    "HashMap",
    "HashSet",
    "thread_rng",
    "OsRng",
    "std::env",
];
const PURE: &[&str] = &[
    "types",
    "crypto",
    "encoding",
    "certification",
    "membership",
    "consensus",
    "ingress",
    "state",
    "execution",
    "replica",
];

/// Exceptions, each with its reason.
const ALLOWED: &[(&str, &str)] = &[];

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a readable source file");
                found.push((path, text));
            }
        }
    }
    found
}

/// The text without its test modules and without comments: what the rules are about.
fn production(path: &Path, text: &str) -> String {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name == "tests.rs" || path.components().any(|part| part.as_os_str() == "tests") {
        return String::new();
    }
    let body = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Every violation that `finds` names in the production text of `rooms`.
fn check(rooms: impl Iterator<Item = String>, finds: impl Fn(&str, &str) -> Vec<String>) {
    let mut violations = Vec::new();
    for room in rooms {
        for (path, text) in sources(&room) {
            for what in finds(&room, &production(&path, &text)) {
                let allowed = ALLOWED.iter().any(|(file, rule)| path.ends_with(file) && what.contains(rule));
                if !allowed {
                    violations.push(format!("{}: {what}", path.display()));
                }
            }
        }
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

fn all_rooms() -> impl Iterator<Item = String> {
    ROOMS.iter().map(|(room, _)| room.to_string())
}

/// The rooms that `text` names as `crate::room`, also inside `crate::{a, b::c}`.
fn rooms_named(text: &str) -> Vec<String> {
    let mut named = Vec::new();
    for part in text.split("crate::").skip(1) {
        let names: Vec<&str> = match part.strip_prefix('{') {
            Some(group) => top_level(group),
            None => vec![part],
        };
        named.extend(names.into_iter().map(|name| {
            name.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
        }));
    }
    named
}

/// The comma-separated items of a `{…}` group, nested groups left whole.
fn top_level(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                items.push(&group[start..at]);
                return items;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items
}

#[test]
fn a_room_names_only_rooms_of_its_row() {
    check(all_rooms(), |room, text| {
        let row = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, row)| row);
        rooms_named(text)
            .into_iter()
            .filter(|named| named != room && ROOMS.iter().any(|(name, _)| name == named))
            .filter(|named| !row.contains(&named.as_str()))
            .map(|named| format!("{room} names {named}"))
            .collect()
    });
}

#[test]
fn a_foreign_crate_stays_in_its_home() {
    check(all_rooms(), |room, text| {
        HOMES
            .iter()
            .filter(|(_, homes)| !homes.contains(&room))
            .filter(|(name, _)| {
                text.match_indices(&format!("{name}::")).any(|(at, _)| {
                    !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
                })
            })
            .map(|(name, _)| format!("{room} names the crate {name}"))
            .collect()
    });
}

#[test]
fn words_and_machines_touch_no_outside_world() {
    check(PURE.iter().map(|room| room.to_string()), |_, text| {
        IMPURE.iter().filter(|word| text.contains(**word)).map(|word| format!("names {word}")).collect()
    });
}

#[test]
fn only_ingress_makes_an_authenticated_request() {
    check(all_rooms().filter(|room| room != "ingress" && room != "types"), |_, text| {
        text.contains("by_ingress(")
            .then(|| "calls Authenticated::by_ingress".to_string())
            .into_iter()
            .collect()
    });
}

#[test]
fn only_the_simulator_uses_simulated_keys() {
    check(all_rooms().filter(|room| room != "sim" && room != "crypto"), |_, text| {
        let names =
            ["Keyring::simulated", "Keyring::dealt", "node_key::simulated", " Keys::simulated", "deal_badly"];
        let named = names.iter().any(|name| text.contains(name));
        named.then(|| "uses simulated keys".to_string()).into_iter().collect()
    });
}

/// The judge computes for itself: it knows data and hashes, and no rule of those whom it judges.
#[test]
fn the_oracle_names_no_production_predicate() {
    const KNOWN: &[&str] = &["crate::types::*", "crate::crypto::hash::", "crate::sim::"];
    let oracle = sources("sim").into_iter().filter(|(path, _)| path.to_string_lossy().contains("oracle"));
    let mut files = 0;
    for (path, text) in oracle {
        let text = production(&path, &text);
        for (place, _) in text.match_indices("crate::") {
            let named = &text[place..];
            let known = KNOWN.iter().any(|known| named.starts_with(known));
            assert!(known, "{}: {}", path.display(), named.lines().next().unwrap_or_default());
        }
        let rule = ["quorum(", "faults_max(", "verify", "validate", ".leader("]
            .into_iter()
            .find(|rule| text.contains(rule));
        assert_eq!(rule, None, "{}", path.display());
        files += 1;
    }
    assert!(files >= 5, "only {files} files");
}
