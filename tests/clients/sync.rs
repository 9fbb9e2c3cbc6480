//! `atoll assets sync` from empty folder to site, and through everything that happens to sites.

use super::assets::{deploy, fetch, noise, write};
use super::network::person::Person;
use super::network::{Network, eventually, load, signal};
use super::upgrade;
use candid::Principal;
use hyper::StatusCode;
use ic_agent::Agent;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Instant;

const SEED: u8 = 4;
const STRANGER: u8 = 5;
const PAGES: usize = 300;
const PICTURE_BYTES: usize = 6_000_000;
/// Some 22 pieces: more than are on their way at once.
const FILM_BYTES: usize = 40_000_000;
const MANY_FILES: usize = 7_990;
const MANY_FILE_BYTES: usize = 50_000;
const LARGE_FILES: usize = 10;
const LARGE_FILE_BYTES: usize = 20_000_000;
/// What an upload may take, however large the folder: pieces on their way, and the program itself.
const MEMORY_KB_MAX: u64 = 400_000;
const RULES: &str = r#"[
  { match: "**/*", security_policy: "hardened", headers: { "x-shelf": "first" }, cache: { max_age: 60 } },
  { match: "about.html", enable_aliasing: false, allow_raw_access: false },
  { match: "drafts", ignore: true },
]"#;

/// A folder and the canister that it goes to.
struct Site<'a> {
    network: &'a Network,
    agent: Agent,
    person: Person,
    id: Principal,
    folder: tempfile::TempDir,
}

impl<'a> Site<'a> {
    async fn new(network: &'a Network) -> Site<'a> {
        let agent = load::agent(&network.gateway_url, &network.root_key, SEED);
        let (person, folder) = (Person::new(network, SEED), tempfile::tempdir().expect("a folder"));
        let id = deploy(&agent).await;
        Site { network, agent, person, id, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn sync(&self, person: &Person, flags: &[&str]) -> Result<String, String> {
        let (folder, id) = (self.path().to_str().expect("UTF-8"), self.id.to_text());
        person.run(&[&["assets", "sync", folder, "--canister", &id], flags].concat())
    }

    /// Syncs, and checks the line that says what was done.
    fn check(&self, flags: &[&str], expected: &str) {
        let output = self.sync(&self.person, flags).expect("synced");
        let said = output.lines().last().unwrap_or_default();
        assert!(said.starts_with(expected), "{flags:?}: {said}, not {expected}");
    }

    /// What the gateway answers, after verifying it.
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> super::assets::Answer {
        fetch(self.network, &format!("{}.localhost", self.id), path, headers).await
    }

    async fn check_served(&self, path: &str, expected: Option<&[u8]>) {
        let answer = self.get(path, &[]).await;
        match expected {
            Some(body) => {
                assert_eq!(answer.status, StatusCode::OK, "{path}");
                assert!(answer.body == body, "{path} has {} bytes", answer.body.len());
            }
            None => assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}"),
        }
    }

    /// Before the first commit a canister certifies nothing, not even that a page is missing; and `ic-certified-assets` 0.3.0
    /// keeps a deleted page's place in its tree of hashes, so that nobody can verify that it is gone; an upgrade makes the tree
    /// anew, and the commit after it certifies what is absent.
    async fn check_unverifiable(&self, path: &str) {
        let answer = self.get(path, &[]).await;
        assert!(!answer.status.is_success(), "{path}: {answer:?}");
    }
}

fn page(number: usize) -> String {
    format!("<!doctype html><title>Page {number}</title>{}", format!("<p>number {number}</p>").repeat(100))
}

/// 300 pages, a large picture, and what differs from them.
fn fill(folder: &Path, picture: &[u8]) {
    (0..PAGES).for_each(|number| write(folder, &format!("pages/{number}.html"), page(number)));
    write(folder, "picture.bin", picture);
    write(folder, "about.html", "<p>about</p>");
    write(folder, "empty.txt", "");
    write(folder, "drafts/secret.html", "<p>not yet</p>");
    write(folder, ".hidden", "hidden");
    write(folder, ".ic-assets.json5", RULES);
}

/// A folder's files, their headers, encodings and aliases are there for the browser; the second time nothing is sent,
/// and what was changed, deleted or renamed is all that is done.
pub async fn a_folder_becomes_a_site(network: &Network) {
    let site = Site::new(network).await;
    let picture = noise(PICTURE_BYTES);
    fill(site.path(), &picture);
    let refused = site.sync(&Person::new(network, STRANGER), &[]).expect_err("no permission");
    assert!(refused.contains("permission"), "{refused}");
    site.check(&["--dry-run"], "303 files: 303 would be new, 0 would be changed, 0 would be deleted");
    site.check_unverifiable("/pages/7.html").await;
    site.check(&[], "303 files: 303 new, 0 changed, 0 deleted; 6.");
    site.check(&[], "303 files: 0 new, 0 changed, 0 deleted; 0 bytes sent");
    check_first_state(&site, &picture).await;
    check_changes(&site).await;
    check_wrong_rules(&site);
}

async fn check_first_state(site: &Site<'_>, picture: &[u8]) {
    site.check_served("/pages/7.html", Some(page(7).as_bytes())).await;
    site.check_served("/pages/299", Some(page(299).as_bytes())).await;
    site.check_served("/picture.bin", Some(picture)).await;
    site.check_served("/empty.txt", Some(b"")).await;
    site.check_served("/about.html", Some(b"<p>about</p>")).await;
    for absent in ["/about", "/drafts/secret.html", "/.hidden", "/.ic-assets.json5"] {
        site.check_served(absent, None).await;
    }
    let plain = site.get("/pages/7.html", &[]).await;
    for (name, value) in [
        ("content-type", "text/html"),
        ("cache-control", "max-age=60"),
        ("x-shelf", "first"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(plain.header(name), Some(value), "{name}: {plain:?}");
    }
    let packed = site.get("/pages/7.html", &[("accept-encoding", "gzip, deflate, br")]).await;
    assert_eq!(packed.header("content-encoding"), Some("br"), "{packed:?}");
    let part = site.get("/picture.bin", &[("range", "bytes=3799990-3800009")]).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{part:?}");
    assert!(part.body == picture[3_799_990..3_800_010], "{} bytes", part.body.len());
}

async fn check_changes(site: &Site<'_>) {
    write(site.path(), "pages/1.html", "<p>changed</p>");
    fs::remove_file(site.path().join("pages/2.html")).expect("removed");
    fs::rename(site.path().join("pages/3.html"), site.path().join("pages/three.html")).expect("renamed");
    site.check(&["--keep", "--dry-run"], "302 files: 1 would be new, 1 would be changed, 0 would be deleted");
    site.check(&[], "302 files: 1 new, 1 changed, 2 deleted;");
    site.check_served("/pages/1.html", Some(b"<p>changed</p>")).await;
    site.check_served("/pages/three.html", Some(page(3).as_bytes())).await;
    for gone in ["/pages/2.html", "/pages/3.html"] {
        site.check_unverifiable(gone).await;
    }
    upgrade(&site.agent, site.id, "assets").await;
    write(site.path(), "pages/1.html", "<p>changed again</p>");
    site.check(&[], "302 files: 0 new, 1 changed, 0 deleted;");
    for gone in ["/pages/2.html", "/pages/3.html", "/pages/3"] {
        site.check_served(gone, None).await;
    }
    fs::remove_file(site.path().join("pages/4.html")).expect("removed");
    site.check(&["--keep"], "301 files: 0 new, 0 changed, 0 deleted; 0 bytes sent");
    site.check_served("/pages/4.html", Some(page(4).as_bytes())).await;
    let rules = RULES.replace("first", "second");
    write(site.path(), ".ic-assets.json5", rules);
    site.check(&[], "301 files: 0 new, 301 changed, 1 deleted; 0 bytes sent");
    assert_eq!(site.get("/pages/7.html", &[]).await.header("x-shelf"), Some("second"));
}

fn check_wrong_rules(site: &Site<'_>) {
    write(site.path(), "pages/.ic-assets.json5", "[\n  { match: '*', redirect: '/' },\n]");
    let error = site.sync(&site.person, &[]).expect_err("a wrong rule");
    assert!(error.contains("pages/.ic-assets.json5:2:") && error.contains("redirect"), "{error}");
    let empty = tempfile::tempdir().expect("a folder");
    let (folder, id) = (empty.path().to_str().expect("UTF-8"), site.id.to_text());
    let error = site.person.run(&["assets", "sync", folder, "--canister", &id]).expect_err("no files");
    assert!(error.contains("--keep"), "{error}");
}

/// Starts a sync and kills it when the journal has its first pieces.
fn kill_in_the_middle(site: &Site<'_>) {
    let (folder, id) = (site.path().to_str().expect("UTF-8"), site.id.to_text());
    let mut command = site.person.command(&["assets", "sync", folder, "--canister", &id]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("atoll starts");
    eventually("the first pieces are in the canister", || {
        assert!(child.try_wait().expect("a child").is_none(), "it ended before it was killed");
        (journal(site).lines().count() > 1).then_some(())
    });
    signal(i32::try_from(child.id()).expect("a pid"), libc::SIGKILL);
    child.wait().expect("gone");
}

/// What the canister's journal says, if there is one.
fn journal(site: &Site<'_>) -> String {
    let folder = fs::read_dir(site.person.state.join("atoll/assets")).into_iter().flatten().flatten();
    let name = format!("{}.jsonl", site.id);
    let file = folder.map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with(&name));
    file.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default()
}

/// What an upload sent before it was killed is not sent again, and all is there in the end.
pub async fn an_upload_goes_on_where_it_was_killed(network: &Network) {
    let site = Site::new(network).await;
    let film = noise(FILM_BYTES);
    write(site.path(), "film.bin", &film);
    write(site.path(), "index.html", page(0));
    kill_in_the_middle(&site);
    site.check_unverifiable("/film.bin").await;
    let output = site.sync(&site.person, &[]).expect("synced");
    let said = output.lines().last().unwrap_or_default();
    assert!(said.starts_with("2 files: 2 new, 0 changed, 0 deleted; "), "{said}");
    assert!(said.ends_with("were there from an upload that was interrupted"), "{said}");
    assert_eq!(journal(&site), "");
    site.check_served("/film.bin", Some(&film)).await;
    site.check_served("/", Some(page(0).as_bytes())).await;
    site.check(&[], "2 files: 0 new, 0 changed, 0 deleted; 0 bytes sent");
}

/// The most memory that a process had so far.
fn peak_kb(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    status.lines().find(|line| line.starts_with("VmHWM:"))?.split_whitespace().nth(1)?.parse().ok()
}

fn timed_sync(site: &Site<'_>, what: &str) -> String {
    let (folder, id) = (site.path().to_str().expect("UTF-8"), site.id.to_text());
    let begun = Instant::now();
    let mut command = site.person.command(&["assets", "sync", folder, "--canister", &id]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("atoll starts");
    let mut peak = 0;
    let status = loop {
        peak = peak.max(peak_kb(&child).unwrap_or_default());
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    let mut said = String::new();
    child.stdout.take().expect("output").read_to_string(&mut said).expect("text");
    println!("{what}: {:.1} s, {peak} kB at most; {said}", begun.elapsed().as_secs_f64());
    assert!(status.success() && peak < MEMORY_KB_MAX, "{what}: {status}, {peak} kB");
    said
}

/// 8,000 files of 600 MB together, and a second time.
pub async fn thousands_of_files(network: &Network) {
    let site = Site::new(network).await;
    let noise = noise(LARGE_FILE_BYTES + MANY_FILES);
    for number in 0..MANY_FILES {
        let content = &noise[number..number + MANY_FILE_BYTES];
        write(site.path(), &format!("{}/{number}.bin", number % 100), content);
    }
    for number in 0..LARGE_FILES {
        write(site.path(), &format!("large/{number}.bin"), &noise[number..number + LARGE_FILE_BYTES]);
    }
    let first = timed_sync(&site, "first");
    assert!(first.starts_with("8000 files: 8000 new, 0 changed, 0 deleted; 599.5 MB sent"), "{first}");
    let second = timed_sync(&site, "second");
    assert!(second.starts_with("8000 files: 0 new, 0 changed, 0 deleted; 0 bytes sent"), "{second}");
    site.check_served("/7/7.bin", Some(&noise[7..7 + MANY_FILE_BYTES])).await;
    site.check_served("/large/9.bin", Some(&noise[9..9 + LARGE_FILE_BYTES])).await;
}
