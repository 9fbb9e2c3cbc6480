//! Unmodified clients and canisters of real toolchains on four real replicas and the gateway: ic-agent here, a Rust
//! canister of ic-cdk ([`notebook`]), the asset canister filled by ic-asset ([`assets`]) and by `atoll assets sync`
//! ([`sync`]); the npm agents, Motoko programs and a real browser under Node (`tests/js`).

mod assets;
mod notebook;
mod sync;

#[path = "../network/mod.rs"]
mod network;

use atoll::encoding::management::{InstallCodeArgs, InstallMode};
use ic_agent::export::Principal;
use ic_agent::identity::{BasicIdentity, Prime256v1Identity, Secp256k1Identity};
use ic_agent::{Agent, AgentError, Identity};
use network::{Network, canisters, load, module};
use std::path::Path;
use std::process::Command;

fn first_canister() -> Principal {
    Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").expect("a principal")
}

async fn manage(
    agent: &Agent,
    canister: Principal,
    method: &str,
    arg: Vec<u8>,
) -> Result<Vec<u8>, AgentError> {
    let management = Principal::management_canister();
    agent.update(&management, method).with_effective_canister_id(canister).with_arg(arg).call_and_wait().await
}

async fn create(agent: &Agent) -> Principal {
    use atoll::encoding::management::{CanisterIdRecord, ProvisionalCreateCanisterArgs};
    let arg = candid::encode_args((ProvisionalCreateCanisterArgs::default(),)).expect("encodes");
    let reply = manage(agent, first_canister(), "provisional_create_canister_with_cycles", arg)
        .await
        .expect("created");
    candid::decode_args::<(CanisterIdRecord,)>(&reply).expect("a record").0.canister_id
}

async fn install_code(
    agent: &Agent,
    canister_id: Principal,
    mode: InstallMode,
    wasm_module: Vec<u8>,
    arg: Vec<u8>,
) -> Result<(), AgentError> {
    let args = InstallCodeArgs { mode, canister_id, wasm_module, arg, sender_canister_version: None };
    manage(agent, canister_id, "install_code", candid::encode_args((args,)).expect("encodes")).await.map(drop)
}

async fn install(agent: &Agent, canister: Principal, wasm_module: Vec<u8>) -> Result<(), AgentError> {
    install_code(agent, canister, InstallMode::Install, wasm_module, vec![]).await
}

/// No arguments, as Candid writes them.
fn nothing() -> Vec<u8> {
    candid::encode_args(()).expect("encodes")
}

async fn upgrade(agent: &Agent, canister: Principal, name: &str) {
    let upgraded = install_code(agent, canister, InstallMode::Upgrade(None), module(name), nothing());
    upgraded.await.expect("upgraded");
}

async fn deploy(agent: &Agent, name: &str) -> Principal {
    let canister = create(agent).await;
    install(agent, canister, module(name)).await.expect("installed");
    canister
}

fn identities() -> Vec<(&'static str, Box<dyn Identity>)> {
    let secp = k256::SecretKey::from_slice(&[7; 32]).expect("a scalar");
    let prime = p256::SecretKey::from_slice(&[8; 32]).expect("a scalar");
    vec![
        ("Ed25519", Box::new(BasicIdentity::from_raw_key(&[9; 32]))),
        ("secp256k1", Box::new(Secp256k1Identity::from_private_key(secp))),
        ("P-256", Box::new(Prime256v1Identity::from_private_key(prime))),
    ]
}

async fn live_a_canister_life(url: &str, root_key: &[u8], identity: Box<dyn Identity>) {
    let agent = Agent::builder().with_url(url).with_boxed_identity(identity).build().expect("an agent");
    agent.set_root_key(root_key.to_vec());
    let counter = deploy(&agent, "counter").await;
    assert_eq!(load::increment(&agent, counter).await.expect("counted"), 1);
    assert_eq!(load::increment(&agent, counter).await.expect("counted"), 2);
    let arg = candid::encode_args(()).expect("encodes");
    let reply = agent.query(&counter, "get").with_arg(arg).call().await.expect("a verified query");
    assert_eq!(candid::decode_args::<(u64,)>(&reply).expect("a nat64").0, 2);
    let hash = agent.read_state_canister_module_hash(counter).await.expect("a module hash");
    assert_eq!(hash, atoll::crypto::hash::sha256(&module("counter")).0);
    let controllers = agent.read_state_canister_controllers(counter).await.expect("controllers");
    assert_eq!(controllers, [agent.get_principal().expect("a principal")]);
}

/// A script for the probe: its operations, and literals by `push`.
struct Script(Vec<u8>);

impl Script {
    fn new() -> Script {
        Script(vec![])
    }
    fn push(mut self, bytes: &[u8]) -> Script {
        self.0.push(1);
        self.0.extend((bytes.len() as u32).to_le_bytes());
        self.0.extend(bytes);
        self
    }
    fn op(mut self, code: u8) -> Script {
        self.0.push(code);
        self
    }
}

const REPLY_APPEND: u8 = 12;
const REPLY: u8 = 13;
const TRAP: u8 = 15;
const LOOP: u8 = 70;
const RECURSE: u8 = 71;
const HEAP_GROW: u8 = 72;
const UNREACHABLE: u8 = 73;
const HEAP_TOUCH: u8 = 74;

async fn refused(agent: &Agent, probe: Principal, what: &str, script: Script, code: &str) {
    let error = agent.update(&probe, "run").with_arg(script.0).call_and_wait().await.expect_err(what);
    let text = format!("{error:?}");
    assert!(text.contains(code), "{what}: {code} expected in {text}");
}

async fn hostile_canisters_get_typed_errors(agent: &Agent) {
    let probe = deploy(agent, "probe").await;
    refused(agent, probe, "an endless loop", Script::new().op(LOOP), "IC0522").await;
    refused(agent, probe, "endless recursion", Script::new().op(RECURSE), "IC0502").await;
    refused(agent, probe, "unreachable", Script::new().op(UNREACHABLE), "IC0502").await;
    refused(agent, probe, "a trap", Script::new().push(b"so be it").op(TRAP), "so be it").await;
    let eight_gib = 8u64 << 30;
    let script = Script::new().push(&eight_gib.to_le_bytes()).op(HEAP_TOUCH);
    refused(agent, probe, "more memory than there is", script, "IC05").await;
    let script = Script::new().push(&100_000u64.to_le_bytes()).op(HEAP_GROW).op(REPLY_APPEND).op(REPLY);
    let grown = agent.update(&probe, "run").with_arg(script.0).call_and_wait().await.expect("answers");
    assert_eq!(grown, u64::MAX.to_le_bytes(), "memory.grow beyond the limit is refused");
    let script = Script::new().push(b"alive").op(REPLY_APPEND).op(REPLY);
    assert_eq!(
        agent.update(&probe, "run").with_arg(script.0).call_and_wait().await.expect("answers"),
        b"alive"
    );
}

async fn hostile_modules_get_typed_errors(agent: &Agent) {
    let canister = create(agent).await;
    let bomb = gzip_bomb();
    let absent = wat::parse_str("(module (import \"env\" \"fd_write\" (func)))").expect("wat");
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("a gzip bomb", bomb, "IC0505"),
        ("no module at all", b"not wasm".to_vec(), "IC0505"),
        ("an unknown import", absent, "fd_write"),
        ("a module cut short", module("counter")[..1_000].to_vec(), "IC0505"),
    ];
    for (what, wasm, code) in cases {
        let error = install(agent, canister, wasm).await.expect_err(what);
        let text = format!("{error:?}");
        assert!(text.contains(code), "{what}: {code} expected in {text}");
    }
}

/// Some 200 KB that become 200 MB.
fn gzip_bomb() -> Vec<u8> {
    use std::io::Write;
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![0u8; 1 << 20];
    (0..200).for_each(|_| bomb.write_all(&zeros).expect("compresses"));
    bomb.finish().expect("compresses")
}

fn node(network: &Network, file: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js");
    assert!(folder.join("node_modules").exists(), "run `make setup-test`");
    let status = Command::new("node")
        .args(["--test", "--test-reporter=spec", file])
        .current_dir(&folder)
        .env("ATOLL_STATUS", network.dir.join("status.json"))
        .env("ATOLL_CANISTERS", canisters())
        .env("ATOLL_SCREENSHOTS", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screenshots"))
        .status()
        .expect("node starts");
    assert!(status.success(), "{file} failed");
}

#[test]
fn unmodified_clients_work_against_every_replica_and_the_gateway() {
    let network = Network::up();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        for url in network.urls() {
            for (kind, identity) in identities() {
                eprintln!("ic-agent with {kind} at {url}");
                live_a_canister_life(&url, &network.root_key, identity).await;
            }
        }
        let agent = load::agent(&network.gateway_url, &network.root_key, 1);
        hostile_modules_get_typed_errors(&agent).await;
        hostile_canisters_get_typed_errors(&agent).await;
        notebook::a_canister_of_ic_cdk_lives(&network).await;
        assets::the_asset_canister_serves_what_ic_asset_uploads(&network).await;
        assets::what_cannot_be_verified_is_not_served(&network).await;
        sync::a_folder_becomes_a_site(&network).await;
        sync::an_upload_goes_on_where_it_was_killed(&network).await;
    });
    node(&network, "agents.test.mjs");
    node(&network, "motoko.test.mjs");
    node(&network, "page.test.mjs");
    node(&network, "candid.test.mjs");
}

/// Some ten minutes; `cargo test --release --test clients -- --ignored --nocapture thousands`.
#[test]
#[ignore = "for its time and memory: 8,000 files of 600 MB together"]
fn thousands_of_files_are_uploaded_within_bounded_memory() {
    let network = Network::up();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(sync::thousands_of_files(&network));
}
