//! Runs on threads of their own (rule 9).

use super::*;
use crate::state::HostFailure;

const GRIND: &str = r#"(module
    (memory 1)
    (func (export "canister_update grind") (local $i i32)
        (loop $again
            (i32.store (i32.const 8) (local.get $i))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $i) (i32.const 300000)))))
    (func (export "canister_update spin") (loop $again (br $again))))"#;

fn key(n: u8) -> Digest {
    Digest([n; 32])
}

/// The call, and what it uses when it runs through.
fn grind(engine: &Engine, method: &str, max: u64) -> (Call, u64) {
    let mut canister = Canister::new(engine, GRIND);
    canister.instructions_max = Instructions(max);
    let entry = Entry::Export(format!("canister_update {method}"));
    let call = canister.call(entry.clone(), Context::Update);
    (call, canister.run(entry, Context::Update).instructions.0)
}

#[test]
fn a_run_is_seen_when_it_is_granted_what_it_uses_and_not_before() {
    let engine = Engine::new(None);
    let (call, used) = grind(&engine, "grind", 10_000_000);
    assert!(used > 1_000_000);
    let advance = |granted: u64| {
        let call = call.clone();
        engine.advance(key(1), Instructions(granted), move |engine| engine.run(call)).unwrap()
    };
    for granted in [0, 1, used / 2, used - 1, used - 1, 5] {
        assert!(advance(granted).is_none(), "{granted}");
        assert_eq!(engine.long_runs(), 1);
    }
    let execution = advance(used).expect("it has ended");
    assert_eq!((execution.instructions.0, engine.long_runs()), (used, 0));
    assert_eq!(execution.outcome.ok().unwrap().heap[0].1[8..12], 299_999_u32.to_le_bytes());
    let again = advance(used).expect("it begins again");
    assert_eq!(again.instructions.0, used);
}

#[test]
fn a_run_at_its_limit_has_ended() {
    let engine = Engine::new(None);
    let (call, used) = grind(&engine, "spin", 3_000_000);
    assert_eq!(used, 3_000_000);
    let advance = |granted: u64| {
        let call = call.clone();
        engine.advance(key(1), Instructions(granted), move |engine| engine.run(call)).unwrap()
    };
    assert!(advance(2_999_999).is_none());
    let reject = advance(3_000_000).expect("it has ended").outcome.err().unwrap();
    assert_eq!(reject.error, ErrorCode::CanisterInstructionLimitExceeded);
}

#[test]
fn the_runs_of_a_job_count_together() {
    let engine = Engine::new(None);
    let (call, used) = grind(&engine, "grind", 10_000_000);
    let advance = |granted: u64| {
        let call = call.clone();
        let twice = move |engine: &Engine| {
            let first = engine.run(call.clone())?.instructions;
            Ok(first.saturating_add(engine.run(call)?.instructions))
        };
        engine.advance(key(1), Instructions(granted), twice).unwrap()
    };
    assert_eq!(advance(2 * used - 1), None);
    assert_eq!(advance(2 * used), Some(Instructions(2 * used)));
}

#[test]
fn runs_end_with_their_engine_or_when_they_are_forgotten() {
    let engine = Engine::new(None);
    let (call, _) = grind(&engine, "spin", 1_000_000);
    let call = Call { instructions_max: Instructions(u64::MAX / 4), ..call };
    for n in 1..=7 {
        let call = call.clone();
        let ended = engine.advance(key(n), Instructions(100_000), move |engine| engine.run(call));
        assert!(ended.unwrap().is_none());
    }
    assert_eq!(engine.long_runs(), limits::LONG_RUNS_KEPT_MAX, "the oldest were dropped");
    engine.forget(key(7));
    assert_eq!(engine.long_runs(), limits::LONG_RUNS_KEPT_MAX - 1);
    // Returns only because the endless loops end.
    drop(engine);
}

#[test]
fn a_panic_or_a_failure_of_the_host_is_the_hosts() {
    let engine = Engine::new(None);
    let check = |job: fn(&Engine) -> Result<(), HostFailure>, text: &str| {
        let failure = engine.advance(key(1), Instructions(5), job).unwrap_err();
        assert!(failure.0.contains(text), "{failure}");
    };
    check(|_| Err(HostFailure("the disk".into())), "the disk");
    check(|_| panic!("{}", "a panic that a test wants"), "panicked");
}

/// Begins the run, and if it goes on, adopts it under key 1 and asks for all of it; how it ended, and whether it went
/// on where it began.
fn begin(engine: &Engine, call: &Call, short: u64) -> (Instructions, Option<bool>) {
    match engine.begin(call.clone(), Instructions(short)).unwrap() {
        Ok(execution) => (execution.instructions, None),
        Err(longer) => {
            engine.adopt(key(1), longer);
            let goes_on = engine.long_runs() == 1;
            let again = call.clone();
            let ended = engine.advance(key(1), call.instructions_max, move |engine| engine.run(again));
            (ended.unwrap().expect("it has ended").instructions, Some(goes_on))
        }
    }
}

#[test]
fn a_run_that_is_known_to_be_long_goes_on_where_it_began() {
    let engine = Engine::new(None);
    let (call, used) = grind(&engine, "grind", 10_000_000);
    for (short, goes_on) in [
        (used, None),
        (used - 1, Some(false)),
        (used - 1, Some(true)),
        (used / 2, Some(true)),
        (used, None),
        (1, Some(false)),
        (used + 1, None),
        (20_000_000, None),
    ] {
        assert_eq!(begin(&engine, &call, short), (Instructions(used), goes_on), "{short}");
    }
    assert_eq!(engine.long_runs(), 0);
}

#[test]
fn a_run_that_nobody_adopts_ends() {
    let engine = Engine::new(None);
    let (call, _) = grind(&engine, "spin", 1_000_000);
    let call = Call { instructions_max: Instructions(u64::MAX / 4), ..call };
    for _ in 0..2 {
        assert!(engine.begin(call.clone(), Instructions(10)).unwrap().is_err());
    }
    assert_eq!(engine.long_runs(), 0);
}
