//! The canisters for people of a local network, each made once and installed once.
//!
//! 1. Always the sample `counter`, which anybody controls. With `--apps` also Identity, Clips, Guild and Guild's graph,
//!    which the key in `DIR/apps/admin.pem` controls: a PEM file for `atoll canister --identity`, made when it is first needed.
//! 2. A canister is made when its module can be read. What has an id stands in `DIR/canisters.json` and is not made again;
//!    what has a module is not installed again. So the next start goes on with one that was interrupted.
//! 3. All ids are known before the first module is installed, so that apps can be told of each other.
//! 4. Apps are there when Identity has drawn the secret that people's principals come from.

use crate::agent::{AgentFailure, Client, Mode};
use crate::cli::file::write_atomically;
use crate::storage::key_file::{self, KeyFileError};
use crate::types::Principal;
use candid::{CandidType, Decode, Encode, Reserved};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const COUNTER: &str = "counter";
const IDENTITY: &str = "identity";
const GUILD: &str = "guild";
const GRAPH: &str = "guild_graph";
/// Each is `NAME.wasm` in the canisters' directory; in the order of their installation.
const APPS: &[&str] = &[IDENTITY, GRAPH, GUILD, "clips"];
/// Canisters without a page.
const WITHOUT_PAGE: &[&str] = &[GRAPH];
/// The key that controls the apps.
const KEY: &str = "apps/admin.pem";
const NO_ARGUMENTS: &[u8] = b"DIDL\0\0";
/// For a timer and an answer of the management canister.
const SECRET_DEADLINE: Duration = Duration::from_secs(60);
const SECRET_POLL: Duration = Duration::from_millis(200);

/// Canister ids by name.
pub type Ids = BTreeMap<String, String>;

/// A canister for people cannot be made or installed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("{}: {error}; build it with `make canisters`, or start with --no-apps", path.display())]
    Module { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Record { path: PathBuf, error: io::Error },
    #[error("the apps' key: {0}")]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Agent(#[from] AgentFailure),
    #[error("installing {name}: {error}")]
    Install { name: &'static str, error: AgentFailure },
    #[error("canisters.json has no id of {0}")]
    NoId(&'static str),
    #[error("identity has drawn no secret in {seconds} s")]
    NoSecret { seconds: u64 },
}

/// What is to be installed, and on which network.
pub struct Setup<'a> {
    pub dir: &'a Path,
    pub modules: &'a Path,
    pub url: &'a str,
    pub root_key: &'a [u8],
    /// Whether the apps are wanted besides the sample.
    pub apps: bool,
}

/// What every app is told; each takes what concerns it.
#[derive(CandidType)]
struct Told {
    admin: Option<Principal>,
    identity: Option<Principal>,
    guild: Option<Principal>,
    graph: Option<Principal>,
}

impl Told {
    fn of(ids: &Ids, admin: Option<Principal>) -> Told {
        let id = |name: &str| ids.get(name).and_then(|id| Principal::from_text(id).ok());
        Told { admin, identity: id(IDENTITY), guild: id(GUILD), graph: id(GRAPH) }
    }

    /// Identity reads none of it, which is what it wants to hear.
    fn encode(self) -> Result<Vec<u8>, AgentFailure> {
        Ok(Encode!(&Some(self))?)
    }
}

/// Canister ids by name, as recorded in `DIR/canisters.json` by an earlier start.
///
/// # Errors
/// The file cannot be read.
pub fn installed(dir: &Path) -> Result<Ids, AppError> {
    let path = dir.join("canisters.json");
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ids::new()),
        Err(error) => return Err(AppError::Record { path, error }),
    };
    serde_json::from_slice(&text).map_err(|error| AppError::Record { path, error: error.into() })
}

/// Writes down which canisters there are for people.
///
/// # Errors
/// What the file system says.
pub fn record(dir: &Path, ids: &Ids) -> Result<(), AppError> {
    let path = dir.join("canisters.json");
    let text = serde_json::to_vec_pretty(ids).map_err(io::Error::from);
    text.and_then(|text| write_atomically(&path, &text)).map_err(|error| AppError::Record { path, error })
}

/// Whether a browser shows something at a canister of this name.
pub fn has_page(name: &str) -> bool {
    !WITHOUT_PAGE.contains(&name)
}

fn id_of(ids: &Ids, name: &'static str) -> Result<Principal, AppError> {
    let id = ids.get(name).and_then(|id| Principal::from_text(id).ok());
    id.ok_or(AppError::NoId(name))
}

/// Makes and installs what is missing (rules 2 to 4).
///
/// # Errors
/// A module cannot be read, or the subnet refuses it.
pub async fn install_missing(setup: &Setup<'_>) -> Result<Ids, AppError> {
    let mut ids = installed(setup.dir)?;
    let anybody = setup.connect(None).await?;
    setup.make(&anybody, &[COUNTER], &mut ids).await?;
    setup.install(&anybody, COUNTER, &ids, NO_ARGUMENTS.to_vec()).await?;
    if !setup.apps {
        return Ok(ids);
    }
    let admin = setup.connect(Some(&setup.key()?)).await?;
    setup.make(&admin, APPS, &mut ids).await?;
    let told = Told::of(&ids, Some(admin.principal()?)).encode()?;
    // One after the other: compiling takes all processors already.
    for name in APPS.iter().copied() {
        setup.install(&admin, name, &ids, told.clone()).await?;
    }
    wait_for_secret(&admin, id_of(&ids, IDENTITY)?).await?;
    Ok(ids)
}

async fn wait_for_secret(client: &Client, identity: Principal) -> Result<(), AppError> {
    let deadline = Instant::now() + SECRET_DEADLINE;
    while Instant::now() < deadline {
        // A replica that is behind may not know the canister yet.
        if has_secret(client, identity).await.unwrap_or(false) {
            return Ok(());
        }
        sleep(SECRET_POLL).await;
    }
    Err(AppError::NoSecret { seconds: SECRET_DEADLINE.as_secs() })
}

async fn has_secret(client: &Client, identity: Principal) -> Result<bool, AgentFailure> {
    let reply = client.query(identity, "registration_challenge", NO_ARGUMENTS.to_vec()).await?;
    Ok(Decode!(&reply, Result<Reserved, Reserved>)?.is_ok())
}

impl Setup<'_> {
    async fn connect(&self, key: Option<&Path>) -> Result<Client, AgentFailure> {
        Client::connect(self.url, key, Some(self.root_key.to_vec())).await
    }

    /// Where the apps' key is, which is made if it is not there.
    fn key(&self) -> Result<PathBuf, AppError> {
        let path = self.dir.join(KEY);
        if !path.exists() {
            path.parent().map_or(Ok(()), key_file::create_dir)?;
            let key = ic_ed25519::PrivateKey::generate();
            let pem = key.serialize_pkcs8_pem(ic_ed25519::PrivateKeyFormat::Pkcs8v1);
            key_file::write_new(&path, pem.as_bytes())?;
        }
        Ok(path)
    }

    fn module(&self, name: &str) -> Result<Vec<u8>, AppError> {
        let path = self.modules.join(format!("{name}.wasm"));
        std::fs::read(&path).map_err(|error| AppError::Module { path, error })
    }

    /// Makes the canisters of these names that have no id yet, side by side.
    async fn make(&self, client: &Client, names: &[&'static str], ids: &mut Ids) -> Result<(), AppError> {
        let missing: Vec<&'static str> =
            names.iter().copied().filter(|name| !ids.contains_key(*name)).collect();
        for name in &missing {
            self.module(name)?;
        }
        let made = missing.into_iter().map(|name| async move { (name, client.create(None, None).await) });
        let mut made: FuturesUnordered<_> = made.collect();
        while let Some((name, id)) = made.next().await {
            let id = id.map_err(|error| AppError::Install { name, error })?;
            ids.insert(name.to_string(), id.to_text());
            record(self.dir, ids)?;
        }
        Ok(())
    }

    /// Installs a module where there is none.
    async fn install(
        &self,
        client: &Client,
        name: &'static str,
        ids: &Ids,
        argument: Vec<u8>,
    ) -> Result<(), AppError> {
        let failed = |error| AppError::Install { name, error };
        let id = id_of(ids, name)?;
        if client.module_hash(id).await.map_err(failed)?.is_none() {
            let module = self.module(name)?;
            eprintln!("installing {name}");
            client.install(id, Mode::Install, &module, argument).await.map_err(failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candid::Deserialize;

    #[derive(CandidType, Deserialize, PartialEq, Debug)]
    struct GuildArgument {
        admin: Option<Principal>,
        graph: Option<Principal>,
        identity: Option<Principal>,
    }

    #[derive(CandidType, Deserialize, PartialEq, Debug)]
    struct IdentityArgument {
        registration: Option<u32>,
        gateways: Option<Vec<String>>,
    }

    #[test]
    fn each_app_takes_of_the_argument_what_concerns_it() {
        let [admin, identity, graph] = [1, 2, 3].map(|byte| Principal::from_slice(&[byte; 10]));
        let ids = [(IDENTITY, identity), (GRAPH, graph)].map(|(name, id)| (name.to_string(), id.to_text()));
        let argument = Told::of(&Ids::from(ids), Some(admin)).encode().expect("an argument");
        let guild = GuildArgument { admin: Some(admin), graph: Some(graph), identity: Some(identity) };
        assert_eq!(Decode!(&argument, Option<GuildArgument>).expect("Guild's"), Some(guild));
        let nothing = IdentityArgument { registration: None, gateways: None };
        assert_eq!(Decode!(&argument, Option<IdentityArgument>).expect("Identity's"), Some(nothing));
    }

    #[test]
    fn the_key_is_made_once_and_clients_can_use_it() {
        let root = tempfile::tempdir().expect("a directory");
        // Others may read a network's folder.
        let dir = root.path().join("net");
        std::fs::create_dir(&dir).expect("a directory");
        let setup = Setup { dir: &dir, modules: Path::new(""), url: "", root_key: &[], apps: true };
        let path = setup.key().expect("a key");
        let pem = std::fs::read(&path).expect("a file");
        crate::agent::identity::load(Some(&path)).expect("an identity");
        setup.key().expect("the key again");
        assert_eq!(std::fs::read(&path).expect("a file"), pem);
    }

    #[test]
    fn a_recorded_canister_is_known_at_the_next_start() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(installed(root.path()).expect("no file"), Ids::new());
        let ids = Ids::from([(GUILD.to_string(), "aaaaa-aa".to_string())]);
        record(root.path(), &ids).expect("a file");
        assert_eq!(installed(root.path()).expect("the file"), ids);
        assert!(id_of(&ids, GUILD).is_ok() && id_of(&ids, GRAPH).is_err());
    }
}
