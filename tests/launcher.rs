//! A network as icp-cli starts it: by the launcher's flags alone, with the money that it gives its identities.

mod network;

use candid::{CandidType, Deserialize, Nat, Principal, encode_one};
use ic_agent::identity::{AnonymousIdentity, BasicIdentity};
use ic_agent::{Agent, Identity};
use network::{atoll, canisters, eventually, exists, module, signal};
use serde_bytes::ByteBuf;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TOKENS: &str = "ryjl3-tyaaa-aaaaa-aaaba-cai";
const CYCLES: &str = "um5iw-rqaaa-aaaaq-qaaba-cai";
const TRILLION: u128 = 1_000_000_000_000;
const TOKEN: u64 = 100_000_000;
/// icp-cli waits no longer for a network's end.
const STOP_MAX: Duration = Duration::from_secs(10);

/// A launcher's process, and where it keeps what it has.
struct Launched {
    process: Child,
    root: PathBuf,
    status: Value,
}

fn command(root: &Path) -> Command {
    let log = File::options().create(true).append(true).open(root.join("log")).expect("a log file");
    let mut command = atoll();
    command.args(["--interface-version", "1.1.0", "--bind", "127.0.0.1"]);
    command.arg("--state-dir").arg(root.join("state")).arg("--status-dir").arg(root.join("status"));
    command.env("ATOLL_CANISTERS", canisters().parent().expect("a folder"));
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log file")).stderr(log);
    command
}

impl Launched {
    /// Runs `command` until it says that the network answers.
    fn start(root: &Path, mut command: Command) -> Launched {
        fs::create_dir_all(root.join("status")).expect("a folder");
        let mut process = command.spawn().expect("atoll starts");
        let text = eventually("the launcher writes its status", || {
            if let Ok(Some(code)) = process.try_wait() {
                panic!("it ended with {code}: {}", log(root));
            }
            fs::read_to_string(root.join("status/status.json")).ok()
        });
        assert!(text.ends_with('\n') && text.lines().count() == 1, "one line: {text:?}");
        let status = serde_json::from_str(&text).expect("JSON");
        Launched { process, root: root.into(), status }
    }

    fn port(&self) -> u16 {
        self.status["gateway_port"].as_u64().and_then(|port| port.try_into().ok()).expect("a port")
    }

    fn agent(&self, identity: impl Identity + 'static) -> Agent {
        let url = format!("http://127.0.0.1:{}", self.port());
        let agent = Agent::builder().with_url(url).with_identity(identity).build().expect("an agent");
        agent.set_root_key(hex::decode(self.status["root_key"].as_str().expect("a key")).expect("hex"));
        agent
    }

    /// Status line and headers of the page at a host name.
    fn page(&self, host: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).expect("the gateway listens");
        write!(stream, "GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).split("\r\n\r\n").next().unwrap_or_default().to_lowercase()
    }

    /// Ctrl-C; everything must have ended in time, and nobody may believe that the network goes on.
    fn interrupt(mut self) {
        let replicas = children(self.process.id());
        assert!(replicas.len() >= 2, "a replica and a gateway: {replicas:?}");
        let begun = Instant::now();
        signal(self.process.id() as i32, libc::SIGINT);
        let ended = self.process.wait().expect("an end");
        assert!(ended.success() && begun.elapsed() < STOP_MAX, "{ended} after {:?}", begun.elapsed());
        assert!(replicas.into_iter().all(|pid| !exists(pid)), "a process outlived it");
        assert!(!self.root.join("status/status.json").exists(), "the status outlived it");
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            signal(self.process.id() as i32, libc::SIGTERM);
            let _ = self.process.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the launcher's log ---\n{}", log(&self.root));
        }
    }
}

fn log(root: &Path) -> String {
    fs::read_to_string(root.join("log")).unwrap_or_default()
}

fn children(pid: u32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it lives").flatten();
    let of = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let text: String = threads.map(of).collect();
    text.split_whitespace().map(|pid| pid.parse().expect("a number")).collect()
}

#[derive(CandidType)]
struct Account {
    owner: Principal,
    subaccount: Option<ByteBuf>,
}

#[derive(CandidType)]
struct CyclesTransfer {
    from_subaccount: Option<ByteBuf>,
    to: Account,
    amount: Nat,
    fee: Option<Nat>,
    memo: Option<ByteBuf>,
    created_at_time: Option<u64>,
}

#[derive(CandidType, Deserialize)]
struct E8s {
    e8s: u64,
}

#[derive(CandidType)]
struct TokenTransfer {
    memo: u64,
    amount: E8s,
    fee: E8s,
    from_subaccount: Option<ByteBuf>,
    to: ByteBuf,
    created_at_time: Option<candid::Empty>,
}

#[derive(CandidType)]
struct CreateArgs {
    from_subaccount: Option<ByteBuf>,
    created_at_time: Option<u64>,
    amount: Nat,
    creation_args: Option<candid::Empty>,
}

#[derive(CandidType, Deserialize)]
struct Created {
    canister_id: Principal,
}

type Answer<T> = Result<T, candid::Reserved>;

fn id(text: &str) -> Principal {
    Principal::from_text(text).expect("a principal")
}

async fn update<A: CandidType, R>(agent: &Agent, canister: &str, method: &str, args: &A) -> R
where
    R: CandidType + for<'de> Deserialize<'de>,
{
    let arg = encode_one(args).expect("encodes");
    let call = agent.update(&id(canister), method).with_arg(arg).call_and_wait();
    candid::decode_one(&call.await.unwrap_or_else(|error| panic!("{method}: {error}"))).expect("decodes")
}

async fn balances(agent: &Agent, owner: Principal) -> (Nat, Nat) {
    let of =
        async |ledger| update(agent, ledger, "icrc1_balance_of", &Account { owner, subaccount: None }).await;
    (of(TOKENS).await, of(CYCLES).await)
}

/// What icp-cli does for every identity that it knows, as nobody in particular.
async fn seed(bank: &Agent, owner: Principal) {
    let transfer = CyclesTransfer {
        from_subaccount: None,
        to: Account { owner, subaccount: None },
        amount: (1_000 * TRILLION).into(),
        fee: None,
        memo: None,
        created_at_time: None,
    };
    let block: Answer<Nat> = update(bank, CYCLES, "icrc1_transfer", &transfer).await;
    assert!(block.is_ok(), "cycles are given");
    let account: ByteBuf =
        update(bank, TOKENS, "account_identifier", &Account { owner, subaccount: None }).await;
    let transfer = TokenTransfer {
        memo: 0,
        amount: E8s { e8s: 1_000_000 * TOKEN },
        fee: E8s { e8s: 10_000 },
        from_subaccount: None,
        to: account,
        created_at_time: None,
    };
    let block: Answer<u64> = update(bank, TOKENS, "transfer", &transfer).await;
    assert!(block.is_ok(), "tokens are given");
}

/// A counter, paid for at the cycles ledger.
async fn deploy(developer: &Agent) -> Principal {
    let args = CreateArgs {
        from_subaccount: None,
        created_at_time: None,
        amount: (2 * TRILLION).into(),
        creation_args: None,
    };
    let created: Answer<Created> = update(developer, CYCLES, "create_canister", &args).await;
    let canister_id = created.expect("a canister").canister_id;
    let args = atoll::encoding::management::InstallCodeArgs {
        mode: atoll::encoding::management::InstallMode::Install,
        canister_id,
        wasm_module: module("counter"),
        arg: encode_one(()).expect("encodes"),
        sender_canister_version: None,
    };
    let arg = atoll::encoding::management::encode(&args).expect("encodes");
    let install = developer.update(&Principal::management_canister(), "install_code");
    let install = install.with_effective_canister_id(canister_id).with_arg(arg).call_and_wait();
    install.await.expect("the module is installed");
    canister_id
}

async fn count(developer: &Agent, counter: Principal) -> u64 {
    let call = developer.update(&counter, "increment").with_arg(b"DIDL\0\0".to_vec()).call_and_wait();
    candid::decode_one(&call.await.expect("a certified reply")).expect("a number")
}

#[tokio::test]
async fn icp_finds_money_canisters_and_domains_and_all_of_it_again_after_a_restart() {
    let root = tempfile::tempdir().expect("a folder");
    let launched = Launched::start(root.path(), command(root.path()));
    assert_eq!(launched.status["v"], "1");
    assert_eq!(launched.status["supported_features"], serde_json::json!(["custom-domains"]));
    let (bank, key) = (launched.agent(AnonymousIdentity), launched.status["root_key"].clone());
    let identity = || BasicIdentity::from_raw_key(&[5; 32]);
    let (developer, owner) = (launched.agent(identity()), identity().sender().expect("a principal"));
    seed(&bank, owner).await;
    assert_eq!(balances(&developer, owner).await, ((1_000_000 * TOKEN).into(), (1_000 * TRILLION).into()));
    let counter = deploy(&developer).await;
    assert_eq!(count(&developer, counter).await, 1);

    let page = launched.page("counter.local.localhost");
    assert!(page.starts_with("http/1.1 404"), "no such domain yet: {page}");
    let domains = format!("nonsense\ncounter.local.localhost:{counter}\n");
    fs::write(root.path().join("status/custom-domains.txt"), domains).expect("written");
    let page = eventually("the domain has its canister", || {
        Some(launched.page("counter.local.localhost")).filter(|page| page.starts_with("http/1.1 200"))
    });
    assert!(page.contains(&format!("x-ic-canister-id: {counter}")), "{page}");
    let log = fs::read_to_string(root.path().join("state/gateway.log")).expect("a log");
    assert!(log.contains("line=1") && log.contains("is not domain:canister"), "{log}");
    a_subnet_without_governance_says_so(launched.port());
    let before = balances(&developer, owner).await;
    launched.interrupt();

    let launched = Launched::start(root.path(), command(root.path()));
    assert_eq!(launched.status["root_key"], key, "the same chain");
    let developer = launched.agent(identity());
    assert_eq!(balances(&developer, owner).await, before);
    assert_eq!(count(&developer, counter).await, 2);
    launched.interrupt();
}

fn a_subnet_without_governance_says_so(port: u16) {
    let nobody = atoll::types::CanisterId(77).principal().to_text();
    let mut command = atoll();
    command.args(["proposal", "list", "--governance", &nobody, "--url", &format!("http://127.0.0.1:{port}")]);
    let output = command.output().expect("atoll ends");
    let told = String::from_utf8_lossy(&output.stderr);
    let expected = format!("atoll proposal: there is no canister {nobody} on this subnet");
    assert!(!output.status.success() && told.starts_with(&expected), "{told}");
}

/// The exit and what is said on standard error.
fn refused(flags: &[&str], canisters: Option<&Path>) -> String {
    let state = tempfile::tempdir().expect("a folder");
    let mut command = atoll();
    command.args(flags).arg("--state-dir").arg(state.path()).env_remove("ATOLL_CANISTERS");
    if let Some(folder) = canisters {
        command.env("ATOLL_CANISTERS", folder);
    }
    let output = command.output().expect("atoll ends");
    assert!(!output.status.success(), "{flags:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn what_the_launcher_cannot_do_it_says_before_anything_runs() {
    let check = |flags: &[&str], expected: &str| {
        let told = refused(flags, None);
        assert!(told.starts_with("atoll launcher: ") && told.contains(expected), "{told}");
    };
    check(&["--interface-version", "2.0.0"], "interface version 2.0.0 is not supported");
    check(&["--interface-version", "3.0.0", "--new"], "interface version 3.0.0 is not supported");
    check(
        &["--interface-version=1.1.0", "--bitcoind-addr=127.0.0.1:18444"],
        "--bitcoind-addr is not supported",
    );
    check(&["launcher", "--ii"], "Internet Identity is not part of it");
    let nowhere = tempfile::tempdir().expect("a folder");
    let told = refused(&["launcher"], Some(nowhere.path()));
    assert!(told.contains("let ATOLL_CANISTERS name the folder that has economy.toml"), "{told}");
}
