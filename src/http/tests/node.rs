//! A node of one, whose answers are canned but whose certificates and signatures are real: what agents
//! verify, they verify.

use crate::certification::state_root_message;
use crate::crypto::hash::sha256;
use crate::crypto::node_key::IdentityKey;
use crate::crypto::reshare::PublicShares;
use crate::crypto::threshold::Keyring;
use crate::crypto::user::{root_key_der, self_authenticating};
use crate::http::{Config, serve, wall_clock};
use crate::ingress::{Authenticator, PoolFull, signer};
use crate::membership::Succession;
use crate::node::handle::{IngressDoor, Job};
use crate::node::mailbox::{Event, Mailbox};
use crate::node::{CertifiedState, Handle, Identity};
use crate::state::{Blob, CanisterState};
use crate::state::{HistoryEntry, IngressStatus, Metadata, Module, ModuleRecord, ReplicatedState, Settings};
use crate::types::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

const BLS_SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// What a canister answers to a query or to an update call, instead of what this node would say by itself.
pub type Script = Arc<dyn Fn(&str, &[u8]) -> Option<QueryResult> + Send + Sync>;

/// A running server and what stands behind it.
pub struct FakeNode {
    pub address: SocketAddr,
    pub root_key: Vec<u8>,
    pub subnet: Principal,
    stop: Option<oneshot::Sender<()>>,
    pub served: tokio::task::JoinHandle<()>,
}

/// The state, and the key that certifies it.
struct Chain {
    script: Script,
    key: blst::min_sig::SecretKey,
    state: Mutex<ReplicatedState>,
    certified: watch::Sender<Option<Arc<CertifiedState>>>,
}

impl Chain {
    /// Changes the state, and certifies what comes out.
    fn certify(&self, change: impl FnOnce(&mut ReplicatedState)) {
        let mut state = self.state.lock().expect("not poisoned");
        let before = state.clone();
        state.counters.height = state.counters.height.next();
        state.counters.time = wall_clock();
        change(&mut state);
        let (_, root) = state.seal(&before).expect("seals");
        let signature = self.key.sign(&state_root_message(&root.0), BLS_SUITE, &[]);
        let certification =
            Certification { height: state.height(), root, signature: BlsBytes(signature.compress()) };
        let (height, time, state) = (state.height(), state.time(), state.clone());
        self.certified.send_replace(Some(Arc::new(CertifiedState { height, time, certification, state })));
    }

    /// What execution would do: `slow` is never answered, `trap` is rejected, all else is replied to.
    fn execute(&self, ingress: &SignedIngress, call: &UserCall) {
        let scripted = (self.script)(&call.method_name, &call.arg);
        let status = match call.method_name.as_str() {
            _ if scripted.is_some() => match scripted {
                Some(QueryResult::Rejected(reject)) => IngressStatus::Rejected(reject),
                Some(QueryResult::Replied(reply)) => IngressStatus::Replied(reply),
                None => IngressStatus::Processing,
            },
            "slow" => IngressStatus::Processing,
            "trap" => IngressStatus::Rejected(Reject::new(ErrorCode::CanisterTrapped, "trapped")),
            // What a canister would learn of its caller.
            "whoami" => IngressStatus::Replied(
                call.sender_info.as_ref().map(|known| known.info.clone()).unwrap_or_default(),
            ),
            _ => IngressStatus::Replied(call.arg.clone()),
        };
        let entry = HistoryEntry {
            sender: call.sender,
            receiver: call.canister_id,
            expiry: call.ingress_expiry,
            completed: wall_clock(),
            status,
        };
        self.certify(|state| state.set_history(ingress.id, entry));
    }
}

/// Canister 7, controlled by `controller`, with a public and a private section.
fn canister(controller: Principal, versions: Option<&str>) -> CanisterState {
    let section = |public| Metadata { public, content: b"content".to_vec() };
    let mut metadata =
        BTreeMap::from([("open".to_owned(), section(true)), ("secret".to_owned(), section(false))]);
    if let Some(versions) = versions {
        let section = Metadata { public: true, content: versions.as_bytes().to_vec() };
        metadata.insert("supported_certificate_versions".to_owned(), section);
    }
    let record = ModuleRecord { exports: BTreeSet::new(), metadata, bytes: 8 };
    let mut canister =
        CanisterState::new(Settings::with_controllers(vec![controller]), Cycles(1), Time::ZERO);
    let hash = sha256(b"module");
    canister.record.module_hash = Some(hash);
    canister.module = Some(Arc::new(Module::new(hash, record, Blob::held(Arc::from(*b"module")))));
    canister
}

fn answer_query(query: &Authenticated<UserQuery>) -> QueryResult {
    match query.content().method_name.as_str() {
        "get" => QueryResult::Replied(query.content().arg.clone()),
        name => {
            QueryResult::Rejected(Reject::new(ErrorCode::CanisterMethodNotFound, format!("no method {name}")))
        }
    }
}

fn inspect(call: &Authenticated<UserCall>) -> Result<(), Reject> {
    match call.content().method_name.as_str() {
        "refused" => Err(Reject::new(ErrorCode::CanisterRejectedMessage, "not you")),
        _ => Ok(()),
    }
}

/// One member.
fn succession() -> Succession {
    let (chain, member) = (
        Digest([7; 32]),
        GenesisNode {
            name: "alone".into(),
            identity_key: "01".into(),
            tls_key: "02".into(),
            encryption_key: "03".into(),
            address: "alone.example:9100".into(),
        },
    );
    let shares = PublicShares::of_keyring(&Keyring::simulated(chain, 1)[0]);
    Succession::genesis(chain, 499, vec![member], &shares)
}

impl FakeNode {
    /// Canister 7 is controlled by `controller`.
    pub async fn start(config: Config, controller: Principal) -> FakeNode {
        FakeNode::scripted(config, controller, None, Arc::new(|_, _| None)).await
    }

    /// Canister 7 knows these `versions` of response verification, and answers by `script` first.
    pub async fn scripted(
        config: Config,
        controller: Principal,
        versions: Option<&str>,
        script: Script,
    ) -> FakeNode {
        let key = signer::root_secret();
        let root_key = root_key_der(&signer::root_key());
        let subnet = self_authenticating(&root_key);
        let signer = IdentityKey::from_bytes(&[1; 32]);
        let genesis = Genesis { heartbeat_ms: 1_000, ..Genesis::local("test", Vec::new()) };
        let nodes = [(signer.node_id(), signer.public_key())];
        let state = ReplicatedState::genesis(&genesis, &root_key, SubnetId(subnet), &nodes).expect("genesis");
        let state = state.with_succession(succession());
        let chain =
            Arc::new(Chain { script, key, state: Mutex::new(state), certified: watch::Sender::new(None) });
        chain.certify(|state| state.put_canister(CanisterId(7), canister(controller, versions)));
        let identity = Identity {
            node_id: signer.node_id(),
            subnet_id: SubnetId(subnet),
            root_key_der: root_key.clone(),
            authenticator: Arc::new(Authenticator::new(signer::root_key())),
            impl_version: "test".into(),
        };
        let handle = handle(&chain, identity, signer);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(serve(listener, handle, config, async move { drop(stopped.await) }));
        FakeNode { address, root_key, subnet, stop: Some(stop), served }
    }

    /// Asks the server to stop.
    pub fn stop(&mut self) {
        drop(self.stop.take());
    }
}

/// The door to `chain`: what passes it is answered at once. For the method `full` there is no room.
fn handle(chain: &Arc<Chain>, identity: Identity, signer: IdentityKey) -> Handle {
    let mailbox = Arc::new(Mailbox::default());
    let (jobs, mut waiting) = mpsc::channel::<Job>(64);
    let (executor, calls) = (chain.clone(), mailbox.clone());
    // Ends with the process, like the test that it serves.
    std::thread::spawn(move || {
        loop {
            for event in calls.take(1, 1, None) {
                let event = match event {
                    // Changes are taken until there was one.
                    Event::Change { change, answer, .. } => {
                        let verdict = if change.version == 0 { Ok(()) } else { Err("too late".to_string()) };
                        drop(answer.send(verdict));
                        continue;
                    }
                    other => other,
                };
                if let Event::Ingress { ingress, answer, .. } = event {
                    let call = crate::ingress::read_call(&ingress).expect("was read before").call;
                    let room = if call.method_name == "full" { Err(PoolFull) } else { Ok(()) };
                    if answer.send(room).is_ok() && room.is_ok() {
                        executor.execute(&ingress, &call);
                    }
                }
            }
        }
    });
    let script = chain.script.clone();
    tokio::spawn(async move {
        while let Some(job) = waiting.recv().await {
            match job {
                Job::Query { query, answer } => {
                    let content = query.content();
                    let scripted = script(&content.method_name, &content.arg);
                    drop(answer.send(scripted.unwrap_or_else(|| answer_query(&query))));
                }
                Job::Inspect { call, answer } => drop(answer.send(inspect(&call))),
            }
        }
    });
    let (_, identity) = watch::channel(Some(Arc::new(identity)));
    let certified = chain.certified.subscribe();
    let ingress = IngressDoor { mailbox, places: Arc::new(Semaphore::new(64)) };
    Handle { identity, certified, ingress, jobs, signer }
}
