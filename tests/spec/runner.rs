//! Runs cases, many at a time.

use crate::answer::{Answer, Outcome, show};
use crate::case::{Act, Case, Expect, Module, Place, Step, Who};
use crate::client::{CONTROLLER, Client, STRANGER};
use crate::interface;
use crate::program::{Variables, assemble, literals};
use crate::request::{Draft, key, sha256};
use candid::{CandidType, Encode, Principal};
use ic_agent::Identity;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Cases under way at once.
const AT_ONCE: usize = 24;
/// What is to come true eventually does so in this time.
const EVENTUALLY: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// All of a subnet's endpoints and the canisters that cases share.
pub struct Subnet {
    clients: Vec<Client>,
    probe: Vec<u8>,
    shared: Variables,
}

/// Why a case failed, or nothing.
pub type Verdict = Result<(), String>;

#[derive(CandidType, Serialize)]
enum Persistence {
    #[serde(rename = "keep")]
    Keep,
    #[serde(rename = "replace")]
    Replace,
}

#[derive(CandidType, Serialize)]
struct Flags {
    skip_pre_upgrade: Option<bool>,
    wasm_memory_persistence: Option<Persistence>,
}

#[derive(CandidType, Serialize)]
enum Mode {
    #[serde(rename = "install")]
    Install,
    #[serde(rename = "reinstall")]
    Reinstall,
    #[serde(rename = "upgrade")]
    Upgrade(Option<Flags>),
}

#[derive(CandidType)]
struct InstallCode {
    mode: Mode,
    canister_id: Principal,
    wasm_module: serde_bytes::ByteBuf,
    arg: serde_bytes::ByteBuf,
}

/// What a case needs while it runs.
struct Run<'a> {
    subnet: &'a Subnet,
    client: &'a Client,
    variables: Variables,
}

impl Subnet {
    /// Connects to every endpoint and installs the shared probes.
    pub async fn prepare(urls: &[String], probe: Vec<u8>) -> Subnet {
        let mut clients = Vec::new();
        for url in urls {
            clients.push(Client::connect(url).await);
        }
        let sender = |seed: u8| key(seed).sender().expect("a sender").as_slice().to_vec();
        let first = &clients[0];
        let shared = Variables::from([
            ("management".into(), Vec::new()),
            ("anonymous".into(), Principal::anonymous().as_slice().to_vec()),
            ("me".into(), sender(CONTROLLER)),
            ("stranger".into(), sender(STRANGER)),
            ("subnet".into(), first.subnet.as_slice().to_vec()),
            ("root_key".into(), first.root_key.clone()),
            ("first".into(), first.effective.as_slice().to_vec()),
            ("nobody".into(), hex::decode("00000000fffffff00101").expect("hexadecimal")),
            ("nodes".into(), (urls.len() as u64).to_le_bytes().to_vec()),
        ]);
        let mut subnet = Subnet { clients, probe, shared };
        for name in ["probe", "peer"] {
            let mut run = Run::of(&subnet, 0);
            run.settle(Place::Fresh).await.expect("a shared probe");
            let id = run.variables.remove("self").expect("an id");
            subnet.shared.insert(name.into(), id);
        }
        subnet.wait_for_all().await;
        subnet
    }

    /// Every endpoint has seen the shared probes.
    async fn wait_for_all(&self) {
        for node in 0..self.clients.len() {
            for name in ["probe", "peer"] {
                let run = Run::of(self, node);
                let mut draft = Draft::new(run.variables.clone());
                draft.call_of(name, "run", assemble("'here' append reply", &run.variables)).by_me();
                let answer = run.client.call(&draft).await.expect("an answer");
                assert!(matches!(answer.outcome, Outcome::Replied(_)), "{name} at node {node}: {answer}");
            }
        }
    }

    /// Runs all cases; the verdicts in their order.
    pub async fn run(self: &Arc<Subnet>, cases: &[Case]) -> Vec<Verdict> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        for (index, case) in cases.iter().copied().enumerate() {
            let (subnet, places) = (Arc::clone(self), Arc::clone(&places));
            running.spawn(async move {
                let _place = places.acquire_owned().await.expect("an open semaphore");
                let started = Instant::now();
                let verdict = subnet.run_one(&case).await;
                if std::env::var_os("ATOLL_TIMES").is_some() {
                    eprintln!("{:6} ms  {}", started.elapsed().as_millis(), case.name);
                }
                (index, verdict)
            });
        }
        let mut verdicts = vec![Ok(()); cases.len()];
        while let Some(done) = running.join_next().await {
            match done {
                Ok((index, verdict)) => verdicts[index] = verdict,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        verdicts
    }

    async fn run_one(&self, case: &Case) -> Verdict {
        let node = usize::from(sha256(case.name.as_bytes())[1]) % self.clients.len();
        let mut run = Run::of(self, node);
        run.settle(case.place).await?;
        for (index, step) in case.steps.iter().enumerate() {
            run.step(step).await.map_err(|why| format!("step {}: {why}", index + 1))?;
        }
        Ok(())
    }

    fn module(&self, module: Module) -> Vec<u8> {
        match module {
            Module::Probe => self.probe.clone(),
            Module::Beating => reveal(&self.probe, "canister_heartbeat"),
            Module::Watching => reveal(&self.probe, "canister_on_low_wasm_memory"),
            Module::Text(text) => wat::parse_str(text).unwrap_or_else(|error| panic!("{error}")),
            Module::Zipped(text) => zip(&self.module(Module::Text(text))),
            Module::Made(make) => make(),
        }
    }
}

/// The probe with an entry point that it hides.
fn reveal(probe: &[u8], export: &str) -> Vec<u8> {
    let hidden = format!("-{}", &export[1..]);
    let at = probe.windows(hidden.len()).position(|window| window == hidden.as_bytes());
    let at = at.unwrap_or_else(|| panic!("the probe does not hide {export}"));
    let mut module = probe.to_vec();
    module[at] = b'c';
    module
}

pub fn zip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(bytes).expect("compresses");
    zip.finish().expect("compresses")
}

impl<'a> Run<'a> {
    fn of(subnet: &'a Subnet, node: usize) -> Run<'a> {
        Run { subnet, client: &subnet.clients[node], variables: subnet.shared.clone() }
    }

    /// Makes `$self`.
    async fn settle(&mut self, place: Place) -> Verdict {
        let module = match place {
            Place::Nowhere => return Ok(()),
            Place::Shared => {
                let probe = self.variables["probe"].clone();
                self.variables.insert("self".into(), probe);
                return Ok(());
            }
            Place::Empty => None,
            Place::Fresh => Some(Module::Probe),
            Place::Module(text) => Some(Module::Text(text)),
        };
        let text = "(record { settings = opt record { environment_variables = opt vec { record { name = \"PROBE\"; \
                    value = \"probing\" } } } })";
        let method = "provisional_create_canister_with_cycles";
        let arg = interface::encode(method, text, &self.variables);
        let answer = self.manage(method, arg, Who::Controller, "first").await?;
        let Outcome::Replied(reply) = &answer.outcome else { return Err(format!("creating: {answer}")) };
        let id = interface::first_bytes(method, reply).ok_or("no canister id")?;
        self.variables.insert("self".into(), id);
        if let Some(module) = module {
            let answer = self.install("install", module, "", Who::Controller).await?;
            if !matches!(answer.outcome, Outcome::Replied(_)) {
                return Err(format!("installing: {answer}"));
            }
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Verdict {
        let started = Instant::now();
        loop {
            let answer = self.act(step).await?;
            let verdict = self.check(step, &answer);
            let again = matches!(step.act, Act::Eventually { .. } | Act::ManageEventually { .. });
            if verdict.is_err() && again && started.elapsed() < EVENTUALLY {
                tokio::time::sleep(POLL).await;
                continue;
            }
            if let (Some(name), Outcome::Replied(reply)) = (step.save, &answer.outcome) {
                let value = method_of(&step.act).and_then(|method| interface::first_bytes(method, reply));
                self.variables.insert(name.into(), value.unwrap_or_else(|| reply.clone()));
            }
            return verdict;
        }
    }

    async fn act(&self, step: &Step) -> Result<Answer, String> {
        match step.act {
            Act::Update { canister, method, script } => {
                let mut draft = self.draft(step.who);
                draft.call_of(canister, method, assemble(script, &self.variables));
                self.client.call(&draft).await
            }
            Act::Query { canister, method, script } | Act::Eventually { canister, method, script } => {
                let mut draft = self.draft(step.who);
                draft.query_of(canister, method, assemble(script, &self.variables));
                self.client.send(&draft).await
            }
            Act::Install { mode, module, script } => self.install(mode, module, script, step.who).await,
            Act::Manage { method, arg } => {
                let arg = interface::encode(method, arg, &self.variables);
                self.manage(method, arg, step.who, "self").await
            }
            Act::ManageQuery { method, arg } | Act::ManageEventually { method, arg } => {
                let arg = interface::encode(method, arg, &self.variables);
                let mut draft = self.draft(step.who);
                draft.query_of("management", method, arg);
                self.direct(&mut draft, "self");
                self.client.send(&draft).await
            }
            Act::Through { canister, method, arg, cycles } => {
                self.through(canister, method, arg, cycles, step.who).await
            }
            Act::Compute { value } => Ok(Answer {
                status: 200,
                headers: hyper::HeaderMap::new(),
                body: Vec::new(),
                outcome: Outcome::Replied(value(&self.variables)),
            }),
            Act::Send { draft: prepare } => {
                let mut draft = Draft::new(self.variables.clone());
                prepare(&mut draft);
                match step.expect {
                    Expect::Http(..) | Expect::Body(_) => self.client.send(&draft).await,
                    _ => self.client.call(&draft).await,
                }
            }
        }
    }

    fn draft(&self, who: Who) -> Draft {
        let mut draft = Draft::new(self.variables.clone());
        match who {
            Who::Controller => draft.by_me(),
            Who::Stranger => draft.by_stranger(),
            Who::Anonymous => &mut draft,
        };
        draft
    }

    /// Writes the effective canister id into a management request's URL.
    fn direct(&self, draft: &mut Draft, effective: &str) {
        let name = if self.variables.contains_key(effective) { effective } else { "first" };
        let verb = draft.path.rsplit('/').next().unwrap_or_default().to_owned();
        draft.at("v3", name, &verb);
    }

    async fn manage(&self, method: &str, arg: Vec<u8>, who: Who, effective: &str) -> Result<Answer, String> {
        let mut draft = self.draft(who);
        draft.call_of("management", method, arg);
        self.direct(&mut draft, effective);
        self.client.call(&draft).await
    }

    async fn install(&self, mode: &str, module: Module, script: &str, who: Who) -> Result<Answer, String> {
        let flags = |skip, persistence| {
            Mode::Upgrade(Some(Flags { skip_pre_upgrade: skip, wasm_memory_persistence: persistence }))
        };
        let args = InstallCode {
            mode: match mode {
                "install" => Mode::Install,
                "reinstall" => Mode::Reinstall,
                "upgrade" => Mode::Upgrade(None),
                "upgrade without pre_upgrade" => flags(Some(true), None),
                "upgrade keeping memory" => flags(None, Some(Persistence::Keep)),
                "upgrade replacing memory" => flags(Some(false), Some(Persistence::Replace)),
                other => panic!("no mode {other}"),
            },
            canister_id: Principal::from_slice(&self.variables["self"]),
            wasm_module: self.subnet.module(module).into(),
            arg: assemble(script, &self.variables).into(),
        };
        self.manage("install_code", Encode!(&args).expect("encodes"), who, "self").await
    }

    /// `$self` calls the management canister and tells what came back.
    async fn through(
        &self,
        canister: &str,
        method: &str,
        arg: &str,
        cycles: u128,
        who: Who,
    ) -> Result<Answer, String> {
        let arg = hex::encode(interface::encode(method, arg, &self.variables));
        let script = format!(
            "$management '{method}' 0x{arg} {cycles}u128 {{ '+' append argument append reply }} \
             {{ '-' append reject_code append reject_message append reply }} call 0u32 assert"
        );
        let mut draft = self.draft(who);
        draft.call_of(canister, "run", assemble(&script, &self.variables));
        let mut answer = self.client.call(&draft).await?;
        if let Outcome::Replied(told) = &answer.outcome {
            answer.outcome = match told.split_first() {
                Some((b'+', reply)) => Outcome::Replied(reply.to_vec()),
                Some((b'-', reject)) if reject.len() >= 4 => Outcome::Rejected {
                    code: u64::from(reject[0]),
                    message: String::from_utf8_lossy(&reject[4..]).into_owned(),
                    error: None,
                },
                _ => return Err(format!("the probe told {}", show(told))),
            };
        }
        Ok(answer)
    }

    fn check(&self, step: &Step, answer: &Answer) -> Verdict {
        let expected = |what: String| Err(format!("expected {what}, got {answer}"));
        match (&step.expect, &answer.outcome) {
            (Expect::Reply(text), Outcome::Replied(reply)) => {
                let wanted = literals(text, &self.variables);
                if *reply == wanted { Ok(()) } else { expected(format!("the reply {}", show(&wanted))) }
            }
            (Expect::Replied, Outcome::Replied(_)) => Ok(()),
            (Expect::Shows(parts), Outcome::Replied(reply)) => {
                let text = interface::show(method_of(&step.act).unwrap_or_default(), reply)?;
                let wanted = parts.iter().map(|part| interface::substitute(part, &self.variables));
                match wanted.into_iter().find(|part| !text.contains(part.as_str())) {
                    None => Ok(()),
                    Some(part) => Err(format!("expected `{part}` in {text}")),
                }
            }
            (
                Expect::Reject(code, error, words),
                Outcome::Rejected { code: got, error: got_error, message },
            ) => {
                let same_error = match got_error {
                    // Canisters are not told error codes.
                    None => matches!(step.act, Act::Through { .. }) || error.is_empty(),
                    Some(got_error) => error.is_empty() || got_error == error,
                };
                let words = interface::substitute(words, &self.variables);
                match code == got && same_error && message.contains(&words) {
                    true => Ok(()),
                    false => expected(format!("reject {code} {error} with `{words}`")),
                }
            }
            (Expect::RejectCode(code), Outcome::Rejected { code: got, .. }) if code == got => Ok(()),
            (Expect::Http(status, words), _) => {
                let body = String::from_utf8_lossy(&answer.body);
                match *status == answer.status && body.contains(words) {
                    true => Ok(()),
                    false => {
                        Err(format!("expected HTTP {status} with `{words}`, got {}: {answer}", answer.status))
                    }
                }
            }
            (Expect::Body(check), _) => check(answer, &self.variables),
            (other, _) => expected(format!("{other:?}")),
        }
    }
}

/// The management method that a step calls.
fn method_of(act: &Act) -> Option<&'static str> {
    match act {
        Act::Manage { method, .. }
        | Act::ManageQuery { method, .. }
        | Act::ManageEventually { method, .. }
        | Act::Through { method, .. } => Some(method),
        _ => None,
    }
}
