//! A subnet in a test: engine, state, a disk of maps, and heights made by hand. After every height it
//! checks that cycles are conserved, and that what was written restores to the same root.

use crate::encoding::management as candid;
use crate::execution::batch::execute_in_slices;
use crate::execution::paused::Slicing;
use crate::execution::{Executed, HeightFacts, query};
use crate::state::*;
use crate::types::*;
use crate::wasm::Engine;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const SECOND: u64 = 1_000_000_000;
const WHOLE: Instructions = Instructions(5_000_000_000);

#[derive(Clone, Default)]
pub struct Disk(BTreeMap<(Column, Vec<u8>), Bytes>);

impl Disk {
    pub fn write(&mut self, delta: &StateDelta) {
        for (column, prefix) in &delta.dropped {
            self.0.retain(|(of, key), _| of != column || !key.starts_with(prefix));
        }
        for write in &delta.writes {
            let key = (write.column, write.key.clone());
            match &write.value {
                Some(value) => self.0.insert(key, value.clone()),
                None => self.0.remove(&key),
            };
        }
    }
}

impl StateSource for Disk {
    fn get(&self, column: Column, key: &[u8]) -> Result<Option<Bytes>, HostFailure> {
        Ok(self.0.get(&(column, key.to_vec())).cloned())
    }
    fn scan_from(
        &self,
        column: Column,
        first: &[u8],
        _bytes: usize,
    ) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure> {
        Ok(self.scan(column, b"")?.into_iter().filter(|(key, _)| key.as_slice() >= first).collect())
    }
    fn scan(&self, column: Column, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Bytes)>, HostFailure> {
        let matching = self.0.iter().filter(|((at, key), _)| *at == column && key.starts_with(prefix));
        Ok(matching.map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }
}

pub struct Subnet {
    pub engine: Arc<Engine>,
    pub slicing: Slicing,
    pub state: ReplicatedState,
    pub disk: Disk,
    pub batches: Vec<Batch>,
    pub facts: HeightFacts,
    pub delta: StateDelta,
    pub finished: Vec<RequestId>,
    calls: u64,
}

/// A user.
pub fn user(n: u8) -> Principal {
    Principal::self_authenticating([n])
}

/// What is sent to whoever calls for another: see `workshop.wat`.
pub fn forwarded(receiver: Principal, method: &str, cycles: u64, payload: &[u8]) -> Vec<u8> {
    let mut arg = vec![receiver.as_slice().len() as u8];
    arg.extend_from_slice(receiver.as_slice());
    arg.push(method.len() as u8);
    arg.extend_from_slice(method.as_bytes());
    arg.extend_from_slice(&cycles.to_le_bytes());
    arg.extend_from_slice(payload);
    arg
}

pub fn workshop() -> Vec<u8> {
    wat::parse_str(include_str!("workshop.wat")).unwrap()
}

fn genesis() -> ReplicatedState {
    genesis_with(|_| ())
}

/// The state before the first block, with a change to its genesis.
pub fn genesis_with(change: impl FnOnce(&mut Genesis)) -> ReplicatedState {
    let mut genesis = Genesis::local("test", Vec::new());
    change(&mut genesis);
    let subnet = SubnetId(Principal::from_slice(&[9; 29]));
    let nodes = [1u8, 2, 3, 4].map(|n| (NodeId(Principal::from_slice(&[n; 29])), [n; 32]));
    ReplicatedState::genesis(&genesis, &[7; 133], subnet, &nodes).unwrap()
}

impl Subnet {
    pub fn new() -> Subnet {
        Subnet::with_engine(Arc::new(Engine::new(None)))
    }

    pub fn with_engine(engine: Arc<Engine>) -> Subnet {
        Subnet {
            engine,
            // So that messages are whole, and an endless loop ends in its height.
            slicing: Slicing { slice: WHOLE, update_max: WHOLE, ..Slicing::default() },
            state: genesis(),
            disk: Disk::default(),
            batches: Vec::new(),
            facts: HeightFacts::default(),
            delta: StateDelta::default(),
            finished: Vec::new(),
            calls: 0,
        }
    }

    /// A call that no other equals, with five minutes to live.
    pub fn ingress(
        &mut self,
        sender: Principal,
        canister: Principal,
        method: &str,
        arg: Vec<u8>,
    ) -> Arc<Ingress> {
        self.calls += 1;
        let mut id = [0; 32];
        id[..8].copy_from_slice(&self.calls.to_be_bytes());
        let call = UserCall {
            canister_id: canister,
            method_name: method.into(),
            arg,
            sender,
            ingress_expiry: self.state.time().plus_ms(limits::INGRESS_TTL_MS),
            nonce: None,
            sender_info: None,
        };
        Arc::new(Ingress { id: RequestId(id), call })
    }

    /// One height, a second after the one before.
    pub fn height(&mut self, ingress: Vec<Arc<Ingress>>) {
        self.height_after(SECOND, ingress);
    }

    pub fn height_after(&mut self, nanos: u64, ingress: Vec<Arc<Ingress>>) {
        let batch = Batch {
            height: self.state.height().next(),
            time: Time(self.state.time().0 + nanos),
            randomness: Digest([self.state.height().0 as u8; 32]),
            proposer: NodeIndex(0),
            system: Vec::new(),
            voters: Vec::new(),
            missed: Vec::new(),
            ingress,
        };
        self.execute(batch);
    }

    pub fn execute(&mut self, batch: Batch) {
        self.apply(batch);
        assert_eq!(self.restored().root(), self.state.root(), "what was written does not restore");
    }

    /// One height, without a look at the disk.
    pub fn apply(&mut self, batch: Batch) {
        let executed: Executed =
            execute_in_slices(&self.engine, self.state.clone(), &batch, self.slicing).unwrap();
        assert_eq!(executed.root, executed.state.root());
        self.state = executed.state;
        self.disk.write(&executed.delta);
        self.facts = executed.facts;
        self.delta = executed.delta;
        self.finished.extend(executed.finished);
        self.batches.push(batch);
        assert_eq!(cycles_there_are(&self.state), self.state.counters.minted.0, "cycles are not conserved");
    }

    /// The state from disk.
    pub fn restored(&self) -> ReplicatedState {
        ReplicatedState::restore(Arc::new(self.disk.clone())).unwrap()
    }

    /// What became of a call.
    pub fn status(&self, ingress: &Ingress) -> Option<IngressStatus> {
        self.state.history().get(&ingress.id).map(|entry| entry.status.clone())
    }

    /// Sends a call and makes heights until it is answered.
    pub fn call(
        &mut self,
        sender: Principal,
        canister: Principal,
        method: &str,
        arg: Vec<u8>,
    ) -> Result<Vec<u8>, Reject> {
        let ingress = self.ingress(sender, canister, method, arg);
        self.height(vec![ingress.clone()]);
        for _ in 0..5 {
            match self.status(&ingress) {
                Some(IngressStatus::Replied(reply)) => return Ok(reply),
                Some(IngressStatus::Rejected(reject)) => return Err(reject),
                _ => self.height(Vec::new()),
            }
        }
        panic!("{method} is not answered: {:?}", self.status(&ingress));
    }

    /// Calls the management canister as user 1.
    pub fn manage<T: ::candid::CandidType>(&mut self, method: &str, args: &T) -> Result<Vec<u8>, Reject> {
        self.call(user(1), management_canister(), method, candid::encode(args).unwrap())
    }

    /// Makes a canister of user 1.
    pub fn create(&mut self) -> CanisterId {
        self.create_with(candid::ProvisionalCreateCanisterArgs::default())
    }

    pub fn create_with(&mut self, args: candid::ProvisionalCreateCanisterArgs) -> CanisterId {
        let reply = self.manage("provisional_create_canister_with_cycles", &args).unwrap();
        let record: candid::CanisterIdRecord = candid::decode(&reply).unwrap();
        CanisterId::from_principal(&record.canister_id).unwrap()
    }

    /// Installs the workshop.
    pub fn install(&mut self, id: CanisterId) {
        self.install_module(id, candid::InstallMode::Install, workshop(), Vec::new()).unwrap();
    }

    pub fn install_module(
        &mut self,
        id: CanisterId,
        mode: candid::InstallMode,
        wasm_module: Vec<u8>,
        arg: Vec<u8>,
    ) -> Result<Vec<u8>, Reject> {
        let canister_id = id.principal();
        let args =
            candid::InstallCodeArgs { mode, canister_id, wasm_module, arg, sender_canister_version: None };
        self.manage("install_code", &args)
    }

    /// A new canister with the workshop.
    pub fn workshop(&mut self) -> CanisterId {
        let id = self.create();
        self.install(id);
        id
    }

    /// Calls a canister as user 2.
    pub fn update(&mut self, id: CanisterId, method: &str, arg: Vec<u8>) -> Result<Vec<u8>, Reject> {
        self.call(user(2), id.principal(), method, arg)
    }

    pub fn query(
        &self,
        sender: Principal,
        canister: Principal,
        method: &str,
        arg: Vec<u8>,
    ) -> Result<Vec<u8>, Reject> {
        let content = UserQuery {
            canister_id: canister,
            method_name: method.into(),
            arg,
            sender,
            ingress_expiry: Time(u64::MAX),
            nonce: None,
            sender_info: None,
        };
        let asked = Authenticated::by_ingress(content, RequestId([0; 32]), None);
        match query(&self.engine, &self.state, &asked, |_| Vec::new()).unwrap() {
            QueryResult::Replied(reply) => Ok(reply),
            QueryResult::Rejected(reject) => Err(reject),
        }
    }

    /// The workshop's count.
    pub fn count(&self, id: CanisterId) -> u32 {
        let reply = self.query(user(2), id.principal(), "read", Vec::new()).unwrap();
        u32::from_le_bytes(reply.try_into().unwrap())
    }

    /// Prices of its four nodes.
    pub fn prices(&self) -> crate::execution::price::PriceTable {
        crate::execution::price::PriceTable::new(Tariff::default(), 4)
    }

    pub fn canister(&self, id: CanisterId) -> &CanisterState {
        self.state.canister(id).unwrap()
    }

    pub fn canister_status(&mut self, id: CanisterId) -> candid::CanisterStatusResult {
        let reply = self.manage("canister_status", &record(id)).unwrap();
        candid::decode(&reply).unwrap()
    }
}

pub fn record(id: CanisterId) -> candid::CanisterIdRecord {
    candid::CanisterIdRecord { canister_id: id.principal() }
}

/// Cycles in balances, reservations, contexts and messages, and those burned.
pub fn cycles_there_are(state: &ReplicatedState) -> u128 {
    let message = |message: &Arc<Message>| match message.as_ref() {
        Message::Ingress(_) => 0,
        Message::Request(request) => request.cycles.0,
        Message::Response(response) => response.refund.0,
    };
    let canister = |(_, canister): (&CanisterId, &Arc<CanisterState>)| {
        let record = &canister.record;
        let stops: u128 = match &record.status {
            Status::Stopping(calls) => calls.iter().map(|call| call.cycles.0).sum(),
            Status::Running | Status::Stopped => 0,
        };
        let contexts: u128 = record.contexts.values().map(|context| context.available.0).sum();
        let callbacks: u128 = record.callbacks.values().map(|callback| callback.reserved.0).sum();
        let queue: u128 = canister.queue.iter().chain(canister.held.iter()).map(message).sum();
        let paused = canister.paused.as_ref().map_or(0, |paused| paused.cycles().0);
        record.cycles.0 + record.reserved_cycles.0 + stops + contexts + callbacks + queue + paused
    };
    let canisters: u128 = state.canisters().map(canister).sum();
    let management: u128 = state.management.iter().map(message).sum();
    canisters + management + state.counters.burned.0
}
