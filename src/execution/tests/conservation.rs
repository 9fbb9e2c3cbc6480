//! Cycles come from nowhere and go nowhere (RELIABILITY I8, L1–L3). The executor itself checks the sum after
//! every message in test builds; here are the messages.

use super::script::*;
use super::*;
use crate::encoding::management as candid;
use crate::execution::execute_batch;
use crate::execution::price::PriceTable;
use crate::state::{Tariff, Use};
use crate::types::*;
use ::candid::{CandidType, Nat};

/// Steps of the random walk.
const STEPS: u64 = if cfg!(debug_assertions) { 4_000 } else { 200_000 };

/// Numbers that look random (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Few cycles and many, round and crooked.
    pub fn cycles(&mut self) -> u64 {
        let magnitude = self.below(64);
        self.roll() >> magnitude
    }
}

/// A random walk over everything that moves cycles.
struct Walk {
    subnet: Subnet,
    dice: Dice,
    tills: Vec<CanisterId>,
    till: Vec<u8>,
    steps: u64,
    /// What happened, so that a walk that does nothing does not pass.
    seen: std::collections::BTreeMap<&'static str, u64>,
}

const TILLS: usize = 8;

impl Walk {
    fn new(seed: u64) -> Walk {
        let mut walk = Walk {
            subnet: Subnet::new(),
            dice: Dice(seed),
            tills: Vec::new(),
            till: till(),
            steps: 0,
            seen: Default::default(),
        };
        for _ in 0..TILLS {
            walk.add_till();
        }
        // All may manage each other.
        let controllers: Vec<_> = walk.tills.iter().map(|id| id.principal()).chain([user(1)]).collect();
        for id in walk.tills.clone() {
            let settings =
                candid::CanisterSettings { controllers: Some(controllers.clone()), ..Default::default() };
            walk.subnet.manage("update_settings", &settings_of(id, settings)).unwrap();
        }
        walk
    }

    fn add_till(&mut self) {
        let id = self.subnet.create();
        let module = self.till.clone();
        self.subnet.install_module(id, candid::InstallMode::Install, module, Vec::new()).unwrap();
        self.tills.push(id);
    }

    fn note(&mut self, what: &'static str, count: u64) {
        *self.seen.entry(what).or_default() += count;
    }

    /// A script that moves cycles, with calls up to `depth` deep.
    fn script(&mut self, depth: u64) -> Script {
        let mut script = Script::default();
        for _ in 0..self.dice.below(4) {
            script = match self.dice.below(12) {
                0..=2 => script.accept(self.dice.cycles()),
                3 => script.burn(self.dice.cycles() >> 24),
                4 => script.grow_heap(self.dice.below(3) as u32),
                5 => script.grow_stable(self.dice.below(100) as u32),
                6 => script.set_timer(),
                _ if depth > 0 => self.outgoing(script, depth - 1),
                _ => script,
            };
        }
        match self.dice.below(24) {
            0..=11 => script.reply(self.dice.below(100) as usize),
            12..=14 => script.reject(self.dice.below(100) as usize),
            15 => script.reply(limits::MESSAGE_BYTES_MAX + self.dice.below(3) as usize - 1),
            16 => script.reject(limits::MESSAGE_BYTES_MAX + self.dice.below(3) as usize - 1),
            17..=19 => script.trap(),
            _ => script,
        }
    }

    fn outgoing(&mut self, script: Script, depth: u64) -> Script {
        let then = self.dice.pick(&[
            Then::Reply,
            Then::Reply,
            Then::AcceptAll,
            Then::AcceptAll,
            Then::Trap,
            Then::Nothing,
            Then::ReplyTooMuch,
            Then::CallAndTrap,
            Then::TrapAndTrapInCleanup,
        ]);
        let seconds = self.dice.pick(&[0, 0, 0, 1, 5]);
        let cycles = self.dice.cycles() >> 20;
        let other = self.dice.pick(&self.tills).principal();
        let record = candid::encode(&candid::CanisterIdRecord { canister_id: other }).unwrap();
        let create = candid::encode(&candid::CreateCanisterArgs::default()).unwrap();
        let (receiver, method, payload) = match self.dice.below(20) {
            0 => (management_canister(), "deposit_cycles", record),
            1 => (management_canister(), "stop_canister", record),
            2 => (management_canister(), "start_canister", record),
            3 => (management_canister(), "raw_rand", b"DIDL\0\0".to_vec()),
            4 if self.subnet.state.canister_count() < 100 => {
                (management_canister(), "create_canister", create)
            }
            5 => (management_canister(), "delete_canister", record),
            6 => (CanisterId(1 << 40).principal(), "run", Vec::new()),
            7 => (other, "absent", Vec::new()),
            _ => (other, "run", self.script(depth).0),
        };
        script.call(&Outgoing { receiver, method, seconds, cycles, then, payload: &payload })
    }

    /// A call of a user.
    fn call(&mut self) -> std::sync::Arc<Ingress> {
        if self.dice.below(10) < 8 {
            let (till, script) = (self.dice.pick(&self.tills), self.script(3));
            return self.subnet.ingress(user(2), till.principal(), "run", script.0);
        }
        let id = self.dice.pick(&self.tills);
        match self.dice.below(16) {
            0 | 1 => self.managed("stop_canister", &record(id)),
            2..=5 => self.managed("start_canister", &record(id)),
            6 => {
                let canister_id = id.principal();
                let args = candid::UninstallCodeArgs { canister_id, sender_canister_version: None };
                self.managed("uninstall_code", &args)
            }
            7 => self.managed("delete_canister", &record(id)),
            8 | 9 => {
                let amount = Nat::from(self.dice.roll() >> self.dice.below(40));
                let args = candid::ProvisionalTopUpCanisterArgs { canister_id: id.principal(), amount };
                self.managed("provisional_top_up_canister", &args)
            }
            10..=12 => self.install(id),
            _ => {
                let settings = self.settings();
                self.managed("update_settings", &settings_of(id, settings))
            }
        }
    }

    fn managed<T: CandidType>(&mut self, method: &str, args: &T) -> std::sync::Arc<Ingress> {
        self.subnet.ingress(user(1), management_canister(), method, candid::encode(args).unwrap())
    }

    fn install(&mut self, id: CanisterId) -> std::sync::Arc<Ingress> {
        let mode = self.dice.pick(&[
            candid::InstallMode::Install,
            candid::InstallMode::Install,
            candid::InstallMode::Reinstall,
            candid::InstallMode::Upgrade(None),
        ]);
        let args = candid::InstallCodeArgs {
            mode,
            canister_id: id.principal(),
            wasm_module: self.till.clone(),
            arg: Vec::new(),
            sender_canister_version: None,
        };
        self.managed("install_code", &args)
    }

    fn settings(&mut self) -> candid::CanisterSettings {
        let dice = &mut self.dice;
        let mut some = |values: &[u64]| match dice.below(2) {
            0 => None,
            _ => Some(Nat::from(dice.pick(values))),
        };
        candid::CanisterSettings {
            compute_allocation: some(&[0, 0, 1, 50, 100]),
            memory_allocation: some(&[0, 0, 1 << 20, 1 << 33, 1 << 40]),
            freezing_threshold: some(&[0, 1, 86_400, 2_592_000, u64::MAX]),
            reserved_cycles_limit: some(&[0, 1 << 40, 1 << 63]),
            minimum_incoming_canister_call_cycles: some(&[0, 0, 0, 1 << 20]),
            ..Default::default()
        }
    }

    /// One height, made and checked.
    fn height(&mut self) {
        let nanos = match self.dice.below(100) {
            0 => 30 * 86_400 * SECOND,
            1..=4 => 86_400 * SECOND,
            5..=10 => 0,
            11..=60 => SECOND / 3,
            _ => 3 * SECOND,
        };
        let ingress: Vec<_> = (0..self.dice.below(60)).map(|_| self.call()).collect();
        let state = self.subnet.state.clone();
        let batch = Batch {
            height: state.height().next(),
            time: Time(state.time().0 + nanos),
            randomness: Digest([state.height().0 as u8; 32]),
            proposer: NodeIndex(0),
            system: Vec::new(),
            voters: Vec::new(),
            missed: Vec::new(),
            ingress,
        };
        let modules = |state: &ReplicatedState| {
            self.tills.iter().filter(|id| state.canister(**id).is_some_and(|c| c.module.is_some())).count()
        };
        let before = modules(&state);
        let executed = execute_batch(&self.subnet.engine, state, &batch).unwrap();
        self.steps += executed.facts.messages;
        self.subnet.state = executed.state;
        let gone = before.saturating_sub(modules(&self.subnet.state)) as u64;
        self.note("messages", executed.facts.messages);
        self.note("traps", executed.facts.traps);
        self.note("modules gone", gone);
        let minted = self.subnet.state.counters.minted.0;
        assert_eq!(cycles_there_are(&self.subnet.state), minted, "cycles are not conserved");
        self.replace_the_deleted();
    }

    fn replace_the_deleted(&mut self) {
        for place in 0..self.tills.len() {
            if self.subnet.state.canister(self.tills[place]).is_some() {
                continue;
            }
            self.note("deleted", 1);
            let args = candid::ProvisionalCreateCanisterArgs {
                amount: Some(Nat::from(1u64 << self.dice.below(64))),
                settings: Some(candid::CanisterSettings {
                    controllers: Some(
                        self.tills.iter().map(|id| id.principal()).chain([user(1)]).take(10).collect(),
                    ),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let call = self.managed("provisional_create_canister_with_cycles", &args);
            let batch = Batch {
                height: self.subnet.state.height().next(),
                time: self.subnet.state.time(),
                randomness: Digest::ZERO,
                proposer: NodeIndex(0),
                system: Vec::new(),
                voters: Vec::new(),
                missed: Vec::new(),
                ingress: vec![call.clone()],
            };
            let executed = execute_batch(&self.subnet.engine, self.subnet.state.clone(), &batch).unwrap();
            self.subnet.state = executed.state;
            if let Some(crate::state::IngressStatus::Replied(reply)) = self.subnet.status(&call) {
                let made: candid::CanisterIdRecord = candid::decode(&reply).unwrap();
                self.tills[place] = CanisterId::from_principal(&made.canister_id).unwrap();
            }
        }
    }
}

use crate::state::ReplicatedState;

fn settings_of(id: CanisterId, settings: candid::CanisterSettings) -> candid::UpdateSettingsArgs {
    candid::UpdateSettingsArgs { canister_id: id.principal(), settings, sender_canister_version: None }
}

/// A quarter of all steps.
fn check_walk(seeds: [u64; 2]) {
    for seed in seeds {
        let mut walk = Walk::new(seed);
        while walk.steps < STEPS / 8 {
            walk.height();
        }
        for what in ["traps", "modules gone", "deleted"] {
            assert!(
                walk.seen.get(what).is_some_and(|count| *count > 0),
                "seed {seed}: {what} never happened"
            );
        }
        let state = &walk.subnet.state;
        let spent = |purpose| state.canisters().map(|(_, c)| c.record.consumed.on(purpose).0).sum::<u128>();
        for purpose in [Use::Memory, Use::Instructions, Use::RequestAndResponseTransmission, Use::Burned] {
            assert!(spent(purpose) > 0, "seed {seed}: nothing was spent on {purpose:?}");
        }
    }
}

#[test]
fn no_cycles_come_or_go_in_the_first_random_walks() {
    check_walk([1, 2]);
}

#[test]
fn no_cycles_come_or_go_in_the_second_random_walks() {
    check_walk([3, 4]);
}

#[test]
fn no_cycles_come_or_go_in_the_third_random_walks() {
    check_walk([5, 6]);
}

#[test]
fn no_cycles_come_or_go_in_the_fourth_random_walks() {
    check_walk([7, 8]);
}

/// What a caller pays when the response has so many bytes: never more than it set aside.
fn check_prepaid(script: Script, response_bytes: usize) {
    let mut subnet = Subnet::new();
    let [near, far] = [(); 2].map(|()| {
        let id = subnet.create();
        subnet.install_module(id, candid::InstallMode::Install, till(), Vec::new()).unwrap();
        id
    });
    let spent = |subnet: &Subnet| {
        let record = &subnet.canister(near).record;
        record.consumed.on(Use::RequestAndResponseTransmission).0
    };
    let prices = PriceTable::new(Tariff::default(), 4).of_calls();
    let before = spent(&subnet);
    let request = script.0.len() + "run".len();
    subnet.update(near, "run", Script::default().run_at(far, 0, Then::Reply, &script).0).unwrap();
    let sent = prices.call_base.0 + prices.call_byte.0 * request as u128;
    let carried = PriceTable::new(Tariff::default(), 4).response(response_bytes).0;
    assert_eq!(spent(&subnet) - before, sent + carried, "a response of {response_bytes} bytes");
    assert!(carried <= prices.call_reservation.0);
}

#[test]
fn what_a_call_sets_aside_pays_for_every_response() {
    let max = limits::MESSAGE_BYTES_MAX;
    for bytes in [0, 1, max - 1, max] {
        check_prepaid(Script::default().reply(bytes), bytes);
        check_prepaid(Script::default().reject(bytes), bytes);
    }
    // Too much: the canister traps, and the response is what the subnet says about that.
    for script in [Script::default().reply(max + 1), Script::default().reject(max + 1)] {
        let mut subnet = Subnet::new();
        let id = subnet.create();
        subnet.install_module(id, candid::InstallMode::Install, till(), Vec::new()).unwrap();
        let reject = subnet.update(id, "run", script.0.clone()).unwrap_err();
        assert_eq!(reject.error, ErrorCode::CanisterContractViolation);
        check_prepaid(script, reject.message.len());
    }
}

/// Balances at which sums could wrap or saturate: nothing is lost when all of it goes to another canister and
/// comes back.
fn check_balance(balance: u128) {
    let mut subnet = Subnet::new();
    let id = subnet.workshop();
    let amount = Nat::from(balance);
    let args = candid::ProvisionalTopUpCanisterArgs { canister_id: id.principal(), amount };
    let minted = subnet.state.counters.minted.0;
    let before = subnet.canister(id).record.cycles.0;
    let call = subnet.ingress(
        user(1),
        management_canister(),
        "provisional_top_up_canister",
        candid::encode(&args).unwrap(),
    );
    subnet.height_after(0, vec![call]);
    if minted + balance.min(1 << 127) > limits::MINTED_CYCLES_MAX.0 {
        assert_eq!(subnet.state.counters.minted.0, minted, "{balance} are more than may be");
        return;
    }
    assert_eq!(subnet.state.counters.minted.0, minted + balance);
    let fee = subnet.canister(id).record.consumed.on(Use::IngressInduction).0;
    assert!(subnet.canister(id).record.cycles.0 + fee >= before + balance, "{balance}");
    let far = subnet.workshop();
    for receiver in [far, id] {
        let arg = forwarded(receiver.principal(), "accept", u64::MAX >> 1, b"");
        // More than there is traps, and takes nothing.
        let _ = subnet.update(id, "forward", arg);
    }
}

#[test]
fn no_balance_wraps_or_saturates() {
    let wide = u128::from(u64::MAX);
    let max = limits::MINTED_CYCLES_MAX.0;
    for balance in [0, 1, wide - 1, wide, wide + 1, max / 2, max - 1, max, max + 1, u128::MAX - 1, u128::MAX]
    {
        check_balance(balance);
    }
}

#[test]
fn the_price_of_time_is_exact_for_all_amounts() {
    let mut dice = Dice(7);
    let extremes = [0, 1, u64::from(u32::MAX), 1 << 40, u64::MAX - 1, u64::MAX];
    for case in 0..10_000u64 {
        let mut amount = |bound: u64| match dice.below(4) {
            0 => dice.pick(&extremes).min(bound),
            _ => (dice.roll() >> dice.below(64)).min(bound),
        };
        let (bytes, percent, seconds) = (amount(limits::SUBNET_MEMORY_MAX.0), amount(100), amount(u64::MAX));
        let nodes = 1 + case % 40;
        let rate = PriceTable::new(Tariff::default(), nodes as usize).idle(bytes, percent);
        let exact = |seconds: u64| {
            let a_second = Nat::from(127_000u64) * bytes + Nat::from(10_000_000u64) * (1u64 << 30) * percent;
            a_second * nodes * seconds / (Nat::from(13u64) * (1u64 << 30))
        };
        assert_eq!(
            Nat::from(rate.for_seconds(seconds).0),
            exact(seconds),
            "{bytes} {percent} {seconds} {nodes}"
        );
        let limit = exact(86_400) * seconds / 86_400u64;
        assert_eq!(Nat::from(rate.freezing_limit(seconds).0), limit, "{bytes} {percent} {seconds} {nodes}");
        let funds = Cycles(u128::from(amount(u64::MAX)));
        if let Some(until) = rate.seconds_paid(funds) {
            assert!(rate.for_seconds(until) > funds, "paid longer than said");
            assert!(rate.for_seconds(until - 1) <= funds, "paid less long than said");
        }
    }
}
