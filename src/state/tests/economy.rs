//! Prices, duties and freezing in the records of the state.

use super::*;

/// Heights of the default epoch, and one more, with a change of prices in the middle.
fn governed(state: &mut ReplicatedState, shelf: &Shelf) {
    for height in 1..=limits::EPOCH_LENGTH_DEFAULT + 1 {
        advance(state, shelf, |state| {
            state.count_duties(&batch(height));
            if height == 9 {
                state.set_tariff(Tariff { gib_second: Cycles(1), ..Tariff::default() });
            }
            state.sample_duties(Instructions(5));
        });
    }
}

#[test]
fn prices_and_duties_restore_with_their_history() {
    let shelf = Arc::new(Shelf::default());
    let mut state = genesis();
    governed(&mut state, &shelf);
    let restored = ReplicatedState::restore(shelf).unwrap();
    assert_eq!(restored.root(), state.root());
    assert_eq!((restored.prices(), restored.prices().span_count()), (state.prices(), 1));
    assert_eq!(restored.counters.repriced, Some(CanisterId(0)));
    let samples: Vec<_> = restored.samples().since(Time::ZERO).cloned().collect();
    assert_eq!(samples, state.samples().since(Time::ZERO).cloned().collect::<Vec<_>>());
    let duty = samples[0].nodes[&NodeId(Principal::from_slice(&[2; 29]))];
    let heights = limits::EPOCH_LENGTH_DEFAULT;
    assert_eq!((samples.len(), duty.votes, duty.missed, duty.proposed), (1, heights, heights, 0));
    assert_eq!(duty.instructions, Instructions(5 * (heights - 1)), "nothing was voted for before the first");
}

#[test]
fn the_oldest_sample_goes_from_disk_when_there_are_too_many() {
    let shelf = Arc::new(Shelf::default());
    let mut state = genesis();
    let sampled = |state: &mut ReplicatedState, shelf: &Shelf| {
        advance(state, shelf, |state| {
            state.counters.height = Height(limits::EPOCH_LENGTH_DEFAULT * state.counters.height.0);
            state.sample_duties(Instructions(1));
            state.counters.height = Height(state.samples().end());
        });
    };
    for _ in 0..limits::SAMPLES_MAX + 2 {
        sampled(&mut state, &shelf);
    }
    let on_disk = shelf.scan(Column::Subnet, key::SAMPLE).unwrap().len();
    assert_eq!((state.samples().first(), on_disk), (2, limits::SAMPLES_MAX));
    assert_eq!(ReplicatedState::restore(shelf).unwrap().root(), state.root());
}

#[test]
fn a_state_of_before_prices_and_duties_were_recorded_restores_and_goes_on() {
    let (old, new) = (Arc::new(Shelf::default()), Arc::new(Shelf::default()));
    let mut state = genesis();
    advance(&mut state, &old, fill);
    let records = old.scan(Column::Subnet, b"").unwrap();
    assert!(!records.iter().any(|(key, _)| key == key::PRICES || key == key::DUTIES));
    let mut state = ReplicatedState::restore(old.snapshot()).unwrap();
    assert_eq!((state.prices(), state.samples().end()), (&PriceBook::default(), 0));
    *new.0.lock().unwrap() = old.0.lock().unwrap().clone();
    advance(&mut state, &new, |state| {
        state.count_duties(&batch(2));
        state.sample_duties(Instructions(5));
    });
    assert_eq!(ReplicatedState::restore(new).unwrap().root(), state.root());
}

#[test]
fn the_encoding_of_what_governance_decides_and_nodes_do_is_pinned() {
    let hash = |bytes: Vec<u8>| crate::crypto::hash::sha256(&bytes).to_string();
    let mut state = full();
    state.change_canister(CanisterId(5), |canister| canister.record.frozen = Some(frozen()));
    governed(&mut state, &Shelf::default());
    let subnet = SubnetRecord {
        governance_canister: Some(CanisterId(1)),
        registry_canister: Some(CanisterId(0)),
        accounting: Some(Accounting::Quota),
        ..state.subnet().clone()
    };
    let digests = [
        hash(record::encode(&frozen()).unwrap()),
        hash(record::encode(state.prices()).unwrap()),
        hash(record::encode(state.duties.as_ref()).unwrap()),
        hash(record::encode(state.samples().get(0).unwrap().as_ref()).unwrap()),
        hash(record::encode(&subnet).unwrap()),
        hash(record::encode(&state.counters).unwrap()),
    ];
    let pinned = [
        "f1ce476306ffc02fadd86b086fc43a05af8326c806f0086dd744ac14a8d25f36",
        "cf2aa0c0ad039440c034079e9fa4000889e0fa5f14867fcb6e73be006a7484f4",
        "98c4d36ee60a9f6937f1fac7cc33ea1492e831cf927dc226258968a9447b770b",
        "36346b4995a1b30afc56ef8aa11da1d485f73ae920c7d7ff41d1c87015a1e437",
        "83be5f5b0ae51fd58c8f2cab299782ff045d24bbf92254d96f971d57ad929287",
        "55b125247ab665203d19281e4eee0d41c3c49195bdf97d53bd7e9dc3129445ba",
    ];
    assert_eq!(digests, pinned);
}
