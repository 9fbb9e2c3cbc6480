use super::*;
use crate::execution::execute_batch;
use crate::state::HostFailure;
use crate::types::*;

/// Long before the first block: what is charged for time must not begin there.
const FIRST_BLOCK: u64 = 1_800_000_000 * SECOND;
const CYCLES: Cycles = Cycles(10_000_000_000_000);

fn founding(id: CanisterId, arg: &[u8]) -> Founding {
    Founding { id, module: Digest([0; 32]), arg: arg.to_vec(), cycles: CYCLES, controllers: vec![user(1)] }
}

fn founded(canisters: Vec<(Founding, Vec<u8>)>) -> Subnet {
    let mut subnet = Subnet::new();
    let canisters = canisters.into_iter().map(|(founding, module)| (founding, module.into()));
    subnet.state = subnet.state.with_founding(canisters.collect());
    subnet
}

#[test]
fn the_first_block_makes_the_canisters_of_the_genesis() {
    let ids = [CanisterId(2), CanisterId(0x0210_0002)];
    let mut subnet = founded(ids.map(|id| (founding(id, b""), workshop())).to_vec());
    subnet.height_after(FIRST_BLOCK, Vec::new());
    subnet.height(Vec::new());
    for id in ids {
        let record = &subnet.canister(id).record;
        assert!(record.module_hash.is_some(), "{id} has no module");
        assert_eq!(record.settings.controllers, [user(1)]);
        assert!(record.cycles > CYCLES.saturating_sub(Cycles(1_000_000_000)), "{id} has {}", record.cycles);
        assert_eq!(record.history.len(), 2);
        assert!(record.history.iter().all(|change| change.time >= Time(FIRST_BLOCK)));
        subnet.update(id, "inc", vec![]).unwrap();
        assert_eq!(subnet.count(id), 1);
    }
    assert_eq!(subnet.state.counters.minted, Cycles(2 * CYCLES.0));
    assert_eq!(subnet.state.canister_count(), 2);
}

#[test]
fn a_trap_in_the_installation_leaves_an_empty_canister_whose_log_says_why() {
    let trap = wat::parse_str(r#"(module (func (export "canister_init") unreachable))"#).unwrap();
    let id = CanisterId(2);
    let mut subnet = founded(vec![(founding(id, b""), trap)]);
    subnet.height_after(FIRST_BLOCK, Vec::new());
    subnet.height(Vec::new());
    let canister = subnet.canister(id);
    assert!(
        canister.record.module_hash.is_none()
            && canister.paused.is_none()
            && canister.log.iter().next().is_some()
    );
}

#[test]
fn a_genesis_whose_canisters_cannot_be_made_stops_the_first_block() {
    let check = |canisters: Vec<(Founding, Vec<u8>)>, expected: &str| {
        let subnet = founded(canisters);
        let batch = Batch {
            height: Height(1),
            time: Time(FIRST_BLOCK),
            randomness: Digest([0; 32]),
            proposer: NodeIndex(0),
            system: Vec::new(),
            voters: Vec::new(),
            missed: Vec::new(),
            ingress: Vec::new(),
        };
        let HostFailure(message) = execute_batch(&subnet.engine, subnet.state, &batch).err().unwrap();
        assert!(message.contains(expected), "{message}");
    };
    let good = || (founding(CanisterId(2), b""), workshop());
    check(vec![good(), good()], "is the id of an existing canister");
    check(vec![(founding(CanisterId(u64::MAX), b""), workshop())], "is not between");
    check(vec![(founding(CanisterId(3), b""), b"no module".to_vec())], "is not valid");
    check(
        vec![(Founding { cycles: Cycles(u128::MAX), ..founding(CanisterId(3), b"") }, workshop())],
        "too large",
    );
}
