//! The developers' manual, tried: the commands and files of `docs/developers` exactly as they stand there (but for the
//! gateway's port), each page in an empty folder, against four replicas.

mod page;
mod reader;

#[path = "../network/mod.rs"]
mod network;

use network::{Network, economy};
use page::{Step, steps};
use reader::{Reader, icp_folder};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const RUST: &str = "developers/hello-rust.md";
const MOTOKO: &str = "developers/hello-motoko.md";
const GUEST: &str = "developers/from-the-internet-computer.md";

/// The app of somebody who comes from the Internet Computer.
const APP: &str = "\
canisters:
  - name: hello
    build:
      steps: [{type: pre-built, path: hello.wasm}]
";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn text(name: &str) -> String {
    fs::read_to_string(docs().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn plan_of(name: &str) -> Vec<Step> {
    steps(&text(name)).unwrap_or_else(|reason| panic!("docs/{name}, {reason}"))
}

/// Where the page's reader worked.
fn follow(name: &str, root: &Path, network: &Network, app: impl FnOnce(&Path)) -> PathBuf {
    let reader = Reader::new(root, &network.gateway_url);
    app(reader.work());
    reader.follow(name, &plan_of(name));
    reader.work().into()
}

#[test]
fn what_the_pages_say_comes_out() {
    let root = tempfile::tempdir().expect("a folder");
    let [rust, motoko, guest] = ["rust", "motoko", "guest"].map(|name| root.path().join(name));
    let flags = economy::flags(&economy::plan());
    let flags: Vec<&str> = ["--nodes", "4"].into_iter().chain(flags.iter().map(String::as_str)).collect();
    let network = Network::bare(&flags);
    let hello = follow(RUST, &rust, &network, |_| ());
    follow(MOTOKO, &motoko, &network, |_| ());
    if cfg!(not(all(target_os = "linux", target_arch = "x86_64"))) {
        eprintln!("docs/{GUEST} is not tried: icp-cli is installed for x86-64 only");
        return;
    }
    assert!(icp_folder().join("icp").exists(), "run `make setup-test`");
    follow(GUEST, &guest, &network, |work| {
        let module = hello.join("target/wasm32-unknown-unknown/release/hello.wasm");
        fs::copy(module, work.join("hello.wasm")).expect("a module");
        fs::write(work.join("icp.yaml"), APP).expect("a project");
    });
}

#[test]
fn every_fence_is_tried_or_says_that_it_is_not() {
    for (name, least) in [(RUST, 8), (MOTOKO, 7), (GUEST, 6), ("developers/sign-in.md", 0)] {
        let found = plan_of(name).len();
        assert!(found >= least, "docs/{name} has lost its commands: {found} steps are left");
    }
}

#[test]
fn the_methods_that_are_not_there_are_those_that_are_refused() {
    let source = include_str!("../../src/execution/management/access.rs");
    let refused = source.split("const ABSENT: &[&str] = &[").nth(1).expect("the list of absent methods");
    let refused: BTreeSet<&str> =
        refused.split("];").next().unwrap_or("").split('"').skip(1).step_by(2).collect();
    let page = text(GUEST);
    let section = page.split("## What is not there").nth(1).expect("the section");
    let rows = section.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let said: BTreeSet<&str> = rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
    assert!(!refused.is_empty());
    assert_eq!(said, refused);
}

/// Where a page's links and pictures lead, as far as that is a file of the repository.
fn links(page: &str) -> Vec<&str> {
    let markdown = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let html = ["src=\"", "srcset=\""].into_iter().flat_map(|word| page.split(word).skip(1));
    let html = html.filter_map(|rest| rest.split('"').next());
    let targets = markdown.chain(html).map(|target| target.split('#').next().unwrap_or(""));
    targets.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

#[test]
fn every_link_leads_to_a_file() {
    let folders = [docs().join(".."), docs(), docs().join("developers")];
    let mut dead = Vec::new();
    for folder in &folders {
        let files = fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
        for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
            let page = fs::read_to_string(&file).expect("a page");
            let lost = links(&page).into_iter().filter(|link| !folder.join(link).exists());
            dead.extend(lost.map(|link| format!("{}: {link}", file.display())));
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}
