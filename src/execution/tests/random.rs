//! RELIABILITY D6: management calls at random. One that is refused changed nothing but fees and log; whatever is
//! asked, no host fails, cycles are conserved, and what was written restores to the same root (`Subnet::execute`).

use super::*;
use crate::encoding::management::{self as candid, InstallMode};
use crate::execution::inspect;
use crate::state::{CanisterRecord, CanisterState, IngressStatus, SnapshotId, Status};
use crate::types::*;
use ::candid::{CandidType, Nat};
use serde_bytes::ByteBuf;

const CALLS: usize = 3_000;

/// A generator of numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len() as u64) as usize].clone()
    }

    fn chance<T>(&mut self, one_in: u64, make: impl FnOnce(&mut Dice) -> T) -> Option<T> {
        (self.roll(one_in) == 0).then(|| make(self))
    }

    /// Small, at a bound, or far beyond it.
    fn number(&mut self) -> Nat {
        let bounds: [u128; 10] = [0, 1, 50, 101, 4_095, 4_096, 2 << 20, u64::MAX as u128, 1 << 64, u128::MAX];
        Nat::from(self.pick(&bounds))
    }
}

const METHODS: &[&str] = &[
    "canister_status",
    "clear_chunk_store",
    "delete_canister",
    "delete_canister_snapshot",
    "fetch_canister_logs",
    "install_chunked_code",
    "install_code",
    "install_code",
    "list_canister_snapshots",
    "list_canisters",
    "load_canister_snapshot",
    "provisional_create_canister_with_cycles",
    "provisional_top_up_canister",
    "raw_rand",
    "read_canister_snapshot_data",
    "read_canister_snapshot_metadata",
    "rename_canister",
    "start_canister",
    "stop_canister",
    "stored_chunks",
    "take_canister_snapshot",
    "take_canister_snapshot",
    "uninstall_code",
    "update_settings",
    "upload_canister_snapshot_data",
    "upload_canister_snapshot_metadata",
    "upload_chunk",
    "http_request",
    "nonsense",
];

struct Player {
    dice: Dice,
    subnet: Subnet,
    modules: Vec<Vec<u8>>,
}

impl Player {
    fn canister(&mut self) -> Principal {
        let ids: Vec<CanisterId> = self.subnet.state.canisters().map(|(id, _)| *id).collect();
        match ids.is_empty() || self.dice.roll(30) == 0 {
            true => CanisterId(1_000_000).principal(),
            false => self.dice.pick(&ids).principal(),
        }
    }

    fn snapshot(&mut self, of: Principal) -> Vec<u8> {
        let mut all = Vec::new();
        for (id, canister) in self.subnet.state.canisters() {
            let names = canister.snapshots.keys().map(|number| SnapshotId { canister: *id, number: *number });
            all.extend(names.map(SnapshotId::to_bytes));
        }
        let own: Vec<Vec<u8>> = all.iter().filter(|name| name.ends_with(of.as_slice())).cloned().collect();
        match self.dice.roll(20) {
            0 => vec![7; self.dice.roll(40) as usize],
            1 | 2 if !all.is_empty() => self.dice.pick(&all),
            _ if !own.is_empty() => self.dice.pick(&own),
            _ => Vec::new(),
        }
    }

    fn principals(&mut self) -> Vec<Principal> {
        (0..self.dice.roll(12)).map(|n| user(n as u8 + 1)).collect()
    }

    fn settings(&mut self) -> candid::CanisterSettings {
        let viewers = self.principals();
        let mut controllers = self.principals();
        controllers.push(user(1));
        let dice = &mut self.dice;
        let variable =
            |n: u64| candid::EnvironmentVariable { name: format!("n{}", n % 19), value: "v".into() };
        candid::CanisterSettings {
            controllers: dice.chance(9, |_| controllers),
            compute_allocation: dice.chance(20, Dice::number),
            memory_allocation: dice.chance(20, Dice::number),
            freezing_threshold: dice.chance(20, Dice::number),
            reserved_cycles_limit: dice.chance(9, Dice::number),
            minimum_incoming_canister_call_cycles: dice.chance(9, Dice::number),
            log_visibility: dice.chance(9, |_| candid::Visibility::AllowedViewers(viewers)),
            log_memory_limit: dice.chance(9, Dice::number),
            snapshot_visibility: dice.chance(9, |_| candid::Visibility::Public),
            status_visibility: dice.chance(9, |_| candid::Visibility::Controllers),
            wasm_memory_limit: dice.chance(9, Dice::number),
            wasm_memory_threshold: dice.chance(9, Dice::number),
            environment_variables: dice.chance(9, |dice| (0..dice.roll(22)).map(variable).collect()),
        }
    }

    fn arg(&mut self, method: &str) -> Vec<u8> {
        fn encode(value: &impl CandidType) -> Vec<u8> {
            candid::encode(value).unwrap()
        }
        let (canister_id, sender_canister_version) = (self.canister(), None);
        let mode =
            self.dice.pick(&[InstallMode::Install, InstallMode::Reinstall, InstallMode::Upgrade(None)]);
        let size = self.dice.pick(&[0, 1, 65_536, 131_072, 1 << 33, u64::MAX]);
        let offset = self.dice.pick(&[0, 1, 4_000, 65_535, u64::MAX]);
        match method {
            "install_code" => {
                let (wasm_module, arg) = (self.dice.pick(&self.modules.clone()), vec![]);
                encode(&candid::InstallCodeArgs {
                    mode,
                    canister_id,
                    wasm_module,
                    arg,
                    sender_canister_version,
                })
            }
            "install_chunked_code" => {
                let module = self.modules[0].clone();
                let hash = |bytes: &[u8]| crate::crypto::hash::sha256(bytes).0.to_vec();
                encode(&candid::InstallChunkedCodeArgs {
                    mode,
                    target_canister: canister_id,
                    store_canister: self.dice.chance(2, |_| canister_id),
                    chunk_hashes_list: vec![candid::ChunkHash { hash: hash(&module) }],
                    wasm_module_hash: hash(&module),
                    arg: vec![],
                    sender_canister_version,
                })
            }
            "upload_chunk" => {
                let chunk = self.dice.pick(&self.modules.clone());
                encode(&candid::UploadChunkArgs { canister_id, chunk })
            }
            "update_settings" => {
                let settings = self.settings();
                encode(&candid::UpdateSettingsArgs { canister_id, settings, sender_canister_version })
            }
            "provisional_create_canister_with_cycles" => {
                let amount = Some(Nat::from(10u64.pow(15)));
                let specified_id = self.dice.chance(3, |dice| CanisterId(dice.roll(5)).principal());
                let settings = Some(self.settings());
                let args = candid::ProvisionalCreateCanisterArgs {
                    amount,
                    settings,
                    specified_id,
                    sender_canister_version,
                };
                encode(&args)
            }
            "provisional_top_up_canister" => {
                let amount = self.dice.number();
                encode(&candid::ProvisionalTopUpCanisterArgs { canister_id, amount })
            }
            "take_canister_snapshot" => {
                let (replace, uninstall) = (self.dice.roll(3) == 0, self.dice.chance(8, |_| true));
                let replace_snapshot = replace.then(|| ByteBuf::from(self.snapshot(canister_id)));
                let uninstall_code = uninstall;
                encode(&candid::TakeCanisterSnapshotArgs {
                    canister_id,
                    replace_snapshot,
                    uninstall_code,
                    sender_canister_version,
                })
            }
            "load_canister_snapshot" => {
                let snapshot_id = self.snapshot(canister_id);
                encode(&candid::LoadCanisterSnapshotArgs {
                    canister_id,
                    snapshot_id,
                    sender_canister_version,
                })
            }
            "delete_canister_snapshot" | "read_canister_snapshot_metadata" => {
                let snapshot_id = self.snapshot(canister_id);
                encode(&candid::CanisterSnapshotArgs { canister_id, snapshot_id })
            }
            "read_canister_snapshot_data" => {
                let kind = candid::SnapshotDataKind::WasmMemory(candid::Slice { offset, size });
                let snapshot_id = self.snapshot(canister_id);
                encode(&candid::ReadCanisterSnapshotDataArgs { canister_id, snapshot_id, kind })
            }
            "upload_canister_snapshot_data" => {
                let at = candid::Offset { offset };
                let kinds = [
                    candid::SnapshotUploadKind::WasmModule(at),
                    candid::SnapshotUploadKind::WasmMemory(at),
                    candid::SnapshotUploadKind::StableMemory(at),
                    candid::SnapshotUploadKind::WasmChunk,
                ];
                let (kind, snapshot_id) = (self.dice.pick(&kinds), self.snapshot(canister_id));
                let chunk = self.modules[0].clone();
                encode(&candid::UploadCanisterSnapshotDataArgs { canister_id, snapshot_id, kind, chunk })
            }
            "upload_canister_snapshot_metadata" => {
                let replace_snapshot =
                    self.dice.chance(3, |_| ()).map(|()| ByteBuf::from(self.snapshot(canister_id)));
                encode(&candid::UploadCanisterSnapshotMetadataArgs {
                    canister_id,
                    replace_snapshot,
                    wasm_module_size: self.modules[0].len() as u64,
                    globals: vec![],
                    wasm_memory_size: size,
                    stable_memory_size: 65_536,
                    certified_data: vec![1; self.dice.roll(34) as usize],
                    global_timer: Some(candid::GlobalTimer::Inactive),
                    on_low_wasm_memory_hook_status: None,
                })
            }
            _ => encode(&candid::CanisterIdRecord { canister_id }),
        }
    }

    /// One call; whether it was replied to.
    fn play(&mut self) -> (&'static str, bool) {
        let method = self.dice.pick(METHODS);
        let arg = match self.dice.roll(60) {
            0 => b"garbage".to_vec(),
            _ => self.arg(method),
        };
        let sender = user(self.dice.pick(&[1, 1, 1, 1, 1, 2, 3]));
        let before = self.subnet.state.clone();
        let ingress = self.subnet.ingress(sender, management_canister(), method, arg);
        let allowed = inspect(&self.subnet.engine, &before, &ingress.call);
        let state = &self.subnet.state;
        self.subnet.apply(Batch {
            height: state.height().next(),
            time: Time(state.time().0 + 5 * SECOND),
            randomness: Digest::ZERO,
            proposer: NodeIndex(0),
            system: Vec::new(),
            voters: Vec::new(),
            missed: Vec::new(),
            ingress: vec![ingress.clone()],
        });
        match self.subnet.status(&ingress) {
            Some(IngressStatus::Replied(_)) => {
                assert_eq!(allowed, Ok(()), "{method} was refused by inspection, and done");
                (method, true)
            }
            Some(IngressStatus::Rejected(reject)) => {
                assert!(!reject.message.is_empty() && reject.message.len() < 1_000);
                let now: Vec<_> = self.subnet.state.canisters().map(|(id, _)| *id).collect();
                assert_eq!(
                    now,
                    before.canisters().map(|(id, _)| *id).collect::<Vec<_>>(),
                    "{method}: {reject}"
                );
                for (id, canister) in before.canisters() {
                    assert_same(method, canister, self.subnet.canister(*id), &reject);
                }
                (method, false)
            }
            _ => (method, false),
        }
    }
}

fn assert_same(method: &str, before: &CanisterState, after: &CanisterState, reject: &Reject) {
    let plain = |canister: &CanisterState| CanisterRecord {
        cycles: Cycles::ZERO,
        reserved_cycles: Cycles::ZERO,
        charged_until: Time::ZERO,
        solvent_until: Time::ZERO,
        consumed: Default::default(),
        log_first: 0,
        log_end: 0,
        ..canister.record.clone()
    };
    assert_eq!(plain(before), plain(after), "{method}: {reject}");
    assert_eq!(before.heap.root(), after.heap.root());
    assert_eq!(before.stable.root(), after.stable.root());
    assert_eq!(before.snapshots.len(), after.snapshots.len());
    for (number, snapshot) in &before.snapshots {
        assert_eq!(snapshot.record, after.snapshots[number].record, "{method}: {reject}");
    }
}

#[test]
fn a_management_call_that_is_allowed_succeeds_and_one_that_is_refused_changes_nothing() {
    let mut player = Player {
        dice: Dice(0x9E37_79B9_7F4A_7C15),
        subnet: Subnet::new(),
        modules: vec![workshop(), wat::parse_str("(module (memory 1))").unwrap(), b"no module".to_vec()],
    };
    for _ in 0..3 {
        player.subnet.workshop();
    }
    let mut done = std::collections::BTreeMap::new();
    for call in 0..CALLS {
        if call % 10 == 0 {
            let ids: Vec<CanisterId> = player.subnet.state.canisters().map(|(id, _)| *id).collect();
            let runs = |id: &CanisterId| player.subnet.canister(*id).record.status == Status::Running;
            let ids: Vec<CanisterId> = ids.into_iter().filter(runs).collect();
            let call = |id: CanisterId| player.subnet.ingress(user(2), id.principal(), "inc", vec![]);
            let calls: Vec<_> = ids.into_iter().map(call).collect();
            player.subnet.height(calls);
        }
        let (method, replied) = player.play();
        if replied {
            *done.entry(method).or_insert(0) += 1;
        }
    }
    let never =
        ["fetch_canister_logs", "list_canisters", "raw_rand", "rename_canister", "http_request", "nonsense"];
    for method in METHODS.iter().filter(|method| !never.contains(method)) {
        assert!(done.contains_key(method), "{method} never succeeded: {done:?}");
    }
    assert!(never.iter().all(|method| !done.contains_key(method)));
}
