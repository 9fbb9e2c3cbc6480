//! `uploader URL ROOT_KEY KEY CANISTER FOLDER`: gives an asset canister the contents of a folder, by ic-asset with all
//! of its agent's verification on.
//!
//! For tests: people use `atoll assets sync`, and this shows that it does the same (docs/adr/0023).
//!
//! ROOT_KEY is the subnet's key in DER, KEY the caller's raw Ed25519 key, both in hexadecimal.

use ic_agent::Agent;
use ic_agent::identity::BasicIdentity;
use ic_utils::Canister;
use std::error::Error;
use std::path::Path;

const USAGE: &str = "usage: uploader URL ROOT_KEY KEY CANISTER FOLDER";

async fn upload(arguments: [String; 5]) -> Result<(), Box<dyn Error>> {
    let [url, root_key, key, canister, folder] = arguments;
    let key: [u8; 32] = hex::decode(key)?.try_into().map_err(|_| "KEY has 32 bytes")?;
    let agent = Agent::builder().with_url(url).with_identity(BasicIdentity::from_raw_key(&key)).build()?;
    agent.set_root_key(hex::decode(root_key)?);
    let canister = Canister::builder().with_agent(&agent).with_canister_id(&*canister).build()?;
    let logger = slog::Logger::root(slog::Discard, slog::o!());
    Ok(ic_asset::sync(&canister, &[Path::new(&folder)], false, &logger, None).await?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments = arguments.try_into().map_err(|_| USAGE)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(upload(arguments))
}
