//! A reader, who does what a page says in an empty folder: one shell for the whole page, so that a later command knows
//! what an earlier one set.

use super::page::{Step, missing};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Turns a hang into a failure.
const SECONDS_MAX: &str = "900";
/// The gateway's port in the pages.
const PORT: &str = ":8080";
/// What the surroundings of a test would change in a reader's commands.
const FORGOTTEN: &[&str] = &[
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "CLIPPY_ARGS",
    "ICP_ENVIRONMENT",
    "ICP_NETWORK",
    "XDG_DATA_HOME",
];

/// A folder to work in, a home, and a subnet.
pub struct Reader {
    work: PathBuf,
    notes: PathBuf,
    home: PathBuf,
    gateway_url: String,
}

impl Reader {
    /// Everything of the reader is in `root`.
    pub fn new(root: &Path, gateway_url: &str) -> Reader {
        let [work, notes, home] = ["work", "notes", "home"].map(|name| root.join(name));
        for folder in [&work, &notes, &home] {
            fs::create_dir_all(folder).expect("a folder");
        }
        Reader { work, notes, home, gateway_url: gateway_url.into() }
    }

    /// The folder in which the page begins.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Does what the page says, and looks whether what it says comes out.
    pub fn follow(&self, page: &str, steps: &[Step]) {
        let script = self.notes.join("script");
        fs::write(&script, self.script(steps)).expect("a script");
        let output = self.shell(&script).output().expect("a shell");
        let said = |step: usize| fs::read_to_string(self.said(step)).unwrap_or_default();
        if !output.status.success() {
            let last = (0..steps.len()).rev().find(|step| self.said(*step).exists());
            let (commands, told) = last.map(|step| (&steps[step], said(step))).expect("commands");
            let shell = String::from_utf8_lossy(&output.stderr);
            panic!("{page}: {} in {commands:?}:\n{told}{shell}", output.status);
        }
        for (step, pair) in steps.windows(2).enumerate() {
            let [commands, Step::Told(lines)] = pair else { continue };
            let lines: Vec<String> = lines.iter().map(|line| self.here(line)).collect();
            if let Some(line) = missing(&lines, &said(step)) {
                panic!("{page}: {commands:?} did not say {line:?} but:\n{}", said(step));
            }
        }
    }

    fn said(&self, step: usize) -> PathBuf {
        self.notes.join(format!("{step}.said"))
    }

    /// The page's text, with the port of this test's gateway.
    fn here(&self, text: &str) -> String {
        let port = self.gateway_url.rsplit_once(':').map_or("", |(_, port)| port);
        text.replace(PORT, &format!(":{port}"))
    }

    /// Files are written and commands run in the order of the page.
    fn script(&self, steps: &[Step]) -> String {
        let mut script = String::new();
        for (number, step) in steps.iter().enumerate() {
            script += &match step {
                Step::File { name, text, more } => self.write(number, name, text, *more),
                Step::Commands(commands) => {
                    format!("{{\n{}}} >'{}' 2>&1\n", self.here(commands), self.said(number).display())
                }
                Step::Told(_) => String::new(),
            };
        }
        script
    }

    fn write(&self, number: usize, name: &str, text: &str, more: bool) -> String {
        let source = self.notes.join(format!("{number}.file"));
        fs::write(&source, self.here(text)).expect("a file");
        let redirection = if more { ">>" } else { ">" };
        let write =
            format!("mkdir -p \"$(dirname '{name}')\"\ncat '{}' {redirection}'{name}'\n", source.display());
        match name {
            // The versions that the repository has, which are on this machine.
            "Cargo.toml" => format!("{write}cp '{}' .\n", repository().join("Cargo.lock").display()),
            _ => write,
        }
    }

    fn shell(&self, script: &Path) -> Command {
        let mut shell = Command::new("timeout");
        shell.args([SECONDS_MAX, "bash", "-euo", "pipefail"]).arg(script);
        shell.current_dir(&self.work).stdin(Stdio::null());
        FORGOTTEN.iter().for_each(|name| _ = shell.env_remove(name));
        let home = PathBuf::from(env::var_os("HOME").expect("a home"));
        let kept = |name: &str, folder: &str| env::var_os(name).unwrap_or_else(|| home.join(folder).into());
        shell.env("CARGO_HOME", kept("CARGO_HOME", ".cargo"));
        shell.env("RUSTUP_HOME", kept("RUSTUP_HOME", ".rustup"));
        shell.env("npm_config_cache", kept("npm_config_cache", ".npm"));
        shell.env("npm_config_prefer_offline", "true").env("CARGO_NET_OFFLINE", "true");
        // What is compiled of the dependencies is kept; what comes out lies where the page says.
        shell.env("CARGO_BUILD_BUILD_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs"));
        shell.env("HOME", &self.home).env("PATH", path()).env("ATOLL_URL", &self.gateway_url);
        shell.env("DO_NOT_TRACK", "1").env("ICP_TELEMETRY_DISABLED", "1");
        shell
    }
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where icp-cli is, as `make setup-test` installed it.
pub fn icp_folder() -> PathBuf {
    repository().join("tests/js/icp/node_modules/@icp-sdk/icp-cli-linux-x64/bin")
}

/// The commands of this test first: the binary under test, and icp-cli.
fn path() -> OsString {
    let atoll = Path::new(env!("CARGO_BIN_EXE_atoll")).parent().expect("a folder");
    let others = env::var_os("PATH").unwrap_or_default();
    let folders = [atoll.into(), icp_folder()].into_iter().chain(env::split_paths(&others));
    env::join_paths(folders).expect("a path")
}
