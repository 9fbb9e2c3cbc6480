//! Custom domains: a file of `domain:canister` lines, read again whenever it changes.

use super::host::canister;
use crate::types::Principal;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

/// A longer file is not read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Domains beyond are left out.
const DOMAINS_MAX: usize = 10_000;
/// A domain name and each of its labels, as the domain name system has them.
pub const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
/// Lines of one reading of the file that the log complains of, one by one.
const COMPLAINTS_MAX: usize = 20;
/// Between two looks at the file.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a line names no canister's domain.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LineError {
    #[error("is not domain:canister")]
    Form,
    #[error("{0:?} is no domain name")]
    Domain(String),
    #[error("{0:?} is no canister's id")]
    Canister(String),
    #[error("{0} has a canister already, on an earlier line")]
    Repeated(String),
    #[error("and all after it: there are more than {DOMAINS_MAX} domains")]
    TooMany,
}

/// Canisters by domain, in small letters.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Domains(BTreeMap<String, Principal>);

impl Domains {
    /// The canister of a host name without port.
    pub fn canister(&self, name: &str) -> Option<Principal> {
        self.0.get(&name.trim_end_matches('.').to_ascii_lowercase()).copied()
    }

    /// Whether a name in small letters lies below a domain.
    pub fn has_above(&self, name: &str) -> bool {
        name.match_indices('.').any(|(dot, _)| self.0.contains_key(&name[dot + 1..]))
    }

    /// What the lines say; and the lines that say nothing, by number from 1. Empty ones and those that begin with `#`
    /// need not.
    pub fn parse(text: &str) -> (Domains, Vec<(usize, LineError)>) {
        let (mut domains, mut wrong) = (Domains::default(), Vec::new());
        let lines = text.lines().map(str::trim).enumerate();
        for (index, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            if domains.0.len() == DOMAINS_MAX {
                wrong.push((index + 1, LineError::TooMany));
                break;
            }
            wrong.extend(domains.add(line).err().map(|error| (index + 1, error)));
        }
        (domains, wrong)
    }

    fn add(&mut self, line: &str) -> Result<(), LineError> {
        let (domain, id) = line.rsplit_once(':').ok_or(LineError::Form)?;
        let (domain, id) = (domain.trim(), id.trim());
        if domain.len() > NAME_BYTES_MAX || !domain.split('.').all(is_label) {
            return Err(LineError::Domain(domain.into()));
        }
        let id = canister(id).ok_or_else(|| LineError::Canister(id.into()))?;
        let domain = domain.to_ascii_lowercase();
        match self.0.contains_key(&domain) {
            true => Err(LineError::Repeated(domain)),
            false => {
                self.0.insert(domain, id);
                Ok(())
            }
        }
    }
}

/// Names of canisters may have `_` in them.
fn is_label(label: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let edges = label.starts_with('-') || label.ends_with('-');
    (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(letters) && !edges
}

/// What was at the file's place at a look.
#[derive(PartialEq, Eq)]
enum Found {
    Nothing,
    Lines(Vec<u8>),
    TooLong,
    Unreadable(String),
}

/// Watches the file.
pub struct Follower {
    path: PathBuf,
    last: Found,
    domains: watch::Sender<Arc<Domains>>,
}

impl Follower {
    /// The watcher of a file that need not be there yet, and what it learns.
    pub fn new(path: PathBuf) -> (Follower, watch::Receiver<Arc<Domains>>) {
        let (domains, learnt) = watch::channel(Arc::default());
        (Follower { path, last: Found::Nothing, domains }, learnt)
    }

    /// Looks again and again, for ever.
    pub async fn follow(mut self) {
        loop {
            tokio::time::sleep(PAUSE).await;
            self.look().await;
        }
    }

    /// Reads the file. What cannot be read leaves the domains as they are; without a file there are none.
    pub async fn look(&mut self) {
        let found = read(&self.path).await;
        if found == self.last {
            return;
        }
        let path = self.path.display();
        match &found {
            Found::Nothing => drop(self.domains.send_replace(Arc::default())),
            Found::Lines(text) => self.take(&String::from_utf8_lossy(text)),
            Found::TooLong => tracing::warn!(%path, most = FILE_BYTES_MAX, "custom domains: too many bytes"),
            Found::Unreadable(error) => tracing::warn!(%path, %error, "custom domains cannot be read"),
        }
        self.last = found;
    }

    fn take(&self, text: &str) {
        let (domains, wrong) = Domains::parse(text);
        let path = self.path.display();
        for (line, error) in wrong.iter().take(COMPLAINTS_MAX) {
            tracing::warn!(%path, line, %error, "custom domains: a line is left out");
        }
        if wrong.len() > COMPLAINTS_MAX {
            tracing::warn!(%path, lines = wrong.len() - COMPLAINTS_MAX, "custom domains: further lines are left out");
        }
        tracing::info!(%path, domains = domains.0.len(), "custom domains");
        self.domains.send_replace(Arc::new(domains));
    }
}

async fn read(path: &PathBuf) -> Found {
    let read = async {
        let mut text = Vec::new();
        File::open(path).await?.take(FILE_BYTES_MAX + 1).read_to_end(&mut text).await?;
        Ok(text)
    };
    match read.await {
        Ok(text) if text.len() as u64 > FILE_BYTES_MAX => Found::TooLong,
        Ok(text) => Found::Lines(text),
        Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => Found::Nothing,
        Err(error) => Found::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";

    fn check(text: &str, domains: &[&str], wrong: &[(usize, LineError)]) {
        let (found, complaints) = Domains::parse(text);
        let names: Vec<&str> = found.0.keys().map(String::as_str).collect();
        assert_eq!((names.as_slice(), complaints.as_slice()), (domains, wrong), "{text:?}");
    }

    #[test]
    fn a_line_gives_a_domain_its_canister() {
        check(&format!("backend.local.localhost:{ID}\n"), &["backend.local.localhost"], &[]);
        check(&format!("\n# a remark\r\nA_b.Example.ORG : {ID}\r\n"), &["a_b.example.org"], &[]);
        let (domains, _) = Domains::parse(&format!("shop.example.org:{ID}"));
        let id = Principal::from_text(ID).expect("a principal");
        assert_eq!(domains.canister("SHOP.example.org."), Some(id));
        assert_eq!(domains.canister("example.org"), None);
    }

    #[test]
    fn a_line_that_says_nothing_is_named_and_the_others_count() {
        let good = format!("good.localhost:{ID}");
        let check = |line: String, error: LineError| {
            check(&format!("{line}\n{good}"), &["good.localhost"], &[(1, error)]);
        };
        check("nonsense".into(), LineError::Form);
        check(format!("a..b:{ID}"), LineError::Domain("a..b".into()));
        check(format!("-a.b:{ID}"), LineError::Domain("-a.b".into()));
        check(format!("a b:{ID}"), LineError::Domain("a b".into()));
        check(format!(":{ID}"), LineError::Domain(String::new()));
        let long = "a".repeat(LABEL_BYTES_MAX + 1);
        check(format!("{long}:{ID}"), LineError::Domain(long));
        check("a.b:aaaaa-aa".into(), LineError::Canister("aaaaa-aa".into()));
        check("a.b:".into(), LineError::Canister(String::new()));
    }

    #[test]
    fn the_first_of_two_lines_for_a_domain_counts() {
        let text = format!("a.b:{ID}\nA.B:rrkah-fqaaa-aaaaa-aaaaq-cai");
        check(&text, &["a.b"], &[(2, LineError::Repeated("a.b".into()))]);
        assert_eq!(Domains::parse(&text).0.canister("a.b"), Principal::from_text(ID).ok());
    }

    #[test]
    fn there_are_no_more_domains_than_the_bound() {
        let text: String = (0..DOMAINS_MAX + 5).map(|index| format!("d{index}.localhost:{ID}\n")).collect();
        let (domains, wrong) = Domains::parse(&text);
        assert_eq!((domains.0.len(), wrong), (DOMAINS_MAX, vec![(DOMAINS_MAX + 1, LineError::TooMany)]));
    }

    #[tokio::test]
    async fn a_change_of_the_file_is_noticed_and_what_cannot_be_read_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("custom-domains.txt");
        let (mut follower, learnt) = Follower::new(path.clone());
        let mut after = async |text: Option<&str>| {
            match text {
                Some(text) => std::fs::write(&path, text).expect("the file is written"),
                None => std::fs::remove_file(&path).expect("the file is removed"),
            }
            follower.look().await;
            learnt.borrow().0.len()
        };
        assert_eq!(after(Some(&format!("a.b:{ID}"))).await, 1);
        assert_eq!(after(Some(&format!("a.b:{ID}\nc.d:{ID}"))).await, 2);
        assert_eq!(after(Some(&" ".repeat(FILE_BYTES_MAX as usize + 1))).await, 2);
        assert_eq!(after(None).await, 0);
    }
}
