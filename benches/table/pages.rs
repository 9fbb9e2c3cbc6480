//! Row 11: certified pages through the gateway, against nginx with the same bytes as files.

use crate::network::person::Person;
use crate::network::{Network, Ports, atoll, canisters, eventually, get, load, module};
use crate::report::{Row, Spread, process_cpu};
use crate::rival;
use crate::subnet::scaled;
use atoll::encoding::management::{
    CanisterIdRecord, InstallCodeArgs, InstallMode, ProvisionalCreateCanisterArgs,
};
use ic_agent::Agent;
use ic_agent::export::Principal;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

const ROUNDS: usize = 5;
const CLIENTS: usize = 16;
const TIME: Duration = Duration::from_secs(3);
const SEED: u8 = 3;
/// Name, bytes, and how much more than nginx the gateway may take.
const ASSETS: &[(&str, usize, f64)] = &[("small.bin", 10_000, 3.0), ("large.bin", 1_000_000, 1.5)];
const CONFIG: &str = r#"[{ "match": "**/*", "cache": { "max_age": 300 } }]"#;

/// A process that ends with this.
struct Server {
    child: Child,
    host: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// CPU microseconds that a request costs the server.
    fn cost(&self, runtime: &Runtime, request: &[u8]) -> f64 {
        let request: Arc<[u8]> = request.into();
        let clients = (0..CLIENTS).map(|_| {
            let request = request.clone();
            (self.host.clone(), move || request.clone())
        });
        let before = process_cpu(self.pid());
        let done = runtime.block_on(rival::press(clients, TIME));
        assert!(done > 0, "{} answers nothing", self.host);
        (process_cpu(self.pid()) - before) / done as f64 * 1e6
    }
}

/// nginx with one worker, as a file server does it; `None` where it is not installed.
fn nginx(folder: &Path, port: u16) -> Option<Server> {
    Command::new("nginx").arg("-v").stderr(Stdio::null()).status().ok()?;
    let path = folder.display();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {path}/nginx.pid; error_log {path}/error.log;\n\
events {{ worker_connections 1024; }}\n\
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; client_body_temp_path {path}/a;\n\
proxy_temp_path {path}/b; fastcgi_temp_path {path}/c; uwsgi_temp_path {path}/d; scgi_temp_path {path}/e;\n\
server {{ listen 127.0.0.1:{port}; root {path}/site; }} }}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).expect("written");
    let child = Command::new("nginx").arg("-c").arg(&file).stderr(Stdio::null()).spawn().ok()?;
    Some(Server { child, host: format!("127.0.0.1:{port}") })
}

fn gateway(network: &Network, port: u16) -> Server {
    let (host, root_key) = (format!("127.0.0.1:{port}"), hex::encode(&network.root_key));
    let child = atoll()
        .args(["gateway", "--listen", &host, "--root-key", &root_key, "--rate-per-client", "0"])
        .args(["--replica", &network.replicas[0].api_url])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the gateway starts");
    Server { child, host }
}

/// An asset canister with the assets of a folder.
async fn deploy(network: &Network, folder: &Path) -> Principal {
    let agent = load::agent(&network.gateway_url, &network.root_key, SEED);
    let anywhere = Principal::from_text("rwlgt-iiaaa-aaaaa-aaaaa-cai").expect("a principal");
    let (created,): (CanisterIdRecord,) = manage(
        &agent,
        anywhere,
        "provisional_create_canister_with_cycles",
        candid::encode_one(ProvisionalCreateCanisterArgs::default()).expect("encodes"),
    )
    .await;
    let canister_id = created.canister_id;
    let arg = candid::encode_args(()).expect("encodes");
    let (mode, wasm_module) = (InstallMode::Install, module("assets"));
    let args = InstallCodeArgs { mode, canister_id, wasm_module, arg, sender_canister_version: None };
    let () = manage(&agent, canister_id, "install_code", candid::encode_one(args).expect("encodes")).await;
    let (canister, folder) = (canister_id.to_text(), folder.to_str().expect("UTF-8"));
    let uploaded = Person::new(network, SEED).run(&["assets", "sync", folder, "--canister", &canister]);
    uploaded.expect("uploaded");
    canister_id
}

async fn manage<T: for<'a> candid::utils::ArgumentDecoder<'a>>(
    agent: &Agent,
    about: Principal,
    method: &str,
    arg: Vec<u8>,
) -> T {
    let management = Principal::management_canister();
    let call = agent.update(&management, method).with_effective_canister_id(about).with_arg(arg);
    candid::decode_args(&call.call_and_wait().await.expect("replies")).expect("decodes")
}

fn fill(folder: &Path) {
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join(".ic-assets.json5"), CONFIG).expect("written");
    let mut state = 1u64;
    for (name, bytes, _) in ASSETS {
        let noise = (0..*bytes).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        fs::write(folder.join(name), noise.collect::<Vec<u8>>()).expect("written");
    }
}

/// Warm pages of both sizes; nothing where nginx or the asset canister is missing, which is said.
pub fn pages() -> Vec<Row> {
    if !canisters().join("assets.wasm").exists() {
        println!("11   not measured: run `make assets` first");
        return Vec::new();
    }
    let temporary = tempfile::tempdir().expect("a folder");
    let site = temporary.path().join("site");
    fill(&site);
    let ports = Ports::take();
    let Some(theirs) = nginx(temporary.path(), ports.base) else {
        println!("11   not measured: nginx is not installed (apt-get install nginx-light)");
        return Vec::new();
    };
    let network = Network::with(&["--nodes", "1"]);
    let runtime = Runtime::new().expect("a runtime");
    let canister = runtime.block_on(deploy(&network, &site));
    let ours = gateway(&network, ports.base + 1);
    eventually("the gateway answers", || get(&format!("http://{}/health", ours.host)));
    let row = |&(name, bytes, target): &(&str, usize, f64)| {
        let request = |host: &str| format!("GET /{name} HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes();
        let (asked, plain) = (request(&format!("{canister}.localhost")), request("localhost"));
        let (mut our, mut their) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            our.push(ours.cost(&runtime, &asked));
            their.push(theirs.cost(&runtime, &plain));
        }
        let (our, their) = (Spread::of(our), Spread::of(their));
        Row {
            number: "11",
            what: format!("verified page of {} KB, server CPU / nginx", bytes / 1_000),
            figure: format!("{:.1} µs", our.median),
            baseline: format!("{:.1} µs", their.median),
            ratio: scaled(our, 1.0 / their.median),
            target,
        }
    };
    ASSETS.iter().map(row).collect()
}
