//! Rows 6, 7 and 12: the engine and execution, in this process.

#[path = "../../canisters/kernels/src/kernels.rs"]
mod kernels;

use crate::report::{Row, Spread, cpu_of};
use atoll::encoding::management::*;
use atoll::execution::execute_batch;
use atoll::state::{IngressStatus, ReplicatedState};
use atoll::types::*;
use atoll::wasm::Engine;
use std::hint::black_box;
use std::sync::Arc;
use wasmer::sys::{Cranelift, CraneliftOptLevel, EngineBuilder};
use wasmer::{Instance, Module, Store, imports};

const EMPTY: &str = r#"(module (memory 1) (func (export "canister_update nothing"))
    (func (export "canister_update go") nop))"#;
pub const ROUNDS: usize = 5;

/// A subnet in memory, driven height by height.
pub struct Subnet {
    pub engine: Engine,
    state: ReplicatedState,
    calls: u64,
    delta_bytes: usize,
}

impl Subnet {
    pub fn new() -> Subnet {
        let genesis = Genesis::local("bench", Vec::new());
        let subnet = SubnetId(Principal::self_authenticating([1]));
        let state = ReplicatedState::genesis(&genesis, &[1; 133], subnet, &[]).expect("a genesis state");
        Subnet { engine: Engine::new(None), state, calls: 0, delta_bytes: 0 }
    }

    pub fn call(&mut self, canister_id: Principal, method_name: &str, arg: Vec<u8>) -> Arc<Ingress> {
        self.calls += 1;
        let mut id = [0; 32];
        id[..8].copy_from_slice(&self.calls.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        let call = UserCall {
            canister_id,
            method_name: method_name.into(),
            arg,
            sender: Principal::anonymous(),
            ingress_expiry: self.state.time().plus_ms(60_000),
            nonce: None,
            sender_info: None,
        };
        Arc::new(Ingress { id: RequestId(id), call })
    }

    pub fn height(&mut self, ingress: Vec<Arc<Ingress>>) {
        let batch = Batch {
            height: self.state.height().next(),
            time: self.state.time().plus_ms(1_000),
            randomness: Digest::ZERO,
            proposer: NodeIndex(0),
            system: Vec::new(),
            voters: Vec::new(),
            missed: Vec::new(),
            ingress,
        };
        let executed = execute_batch(&self.engine, self.state.clone(), &batch).expect("executes");
        self.delta_bytes = executed
            .delta
            .writes
            .iter()
            .map(|write| write.key.len() + write.value.as_ref().map_or(0, |value| value.len()))
            .sum();
        self.state = executed.state;
    }

    /// The message with which a call was rejected.
    pub fn reject_of(&self, call: &Ingress) -> String {
        match self.state.history().get(&call.id).map(|entry| &entry.status) {
            Some(IngressStatus::Rejected(reject)) => reject.message.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Creates a canister with `wasm` under the given number.
    pub fn install(&mut self, number: u64, wasm: &[u8]) -> CanisterId {
        let id = CanisterId(number);
        let create =
            ProvisionalCreateCanisterArgs { specified_id: Some(id.principal()), ..Default::default() };
        let create = candid::encode_args((create,)).expect("encodes");
        let install = InstallCodeArgs {
            mode: InstallMode::Install,
            canister_id: id.principal(),
            wasm_module: wasm.to_vec(),
            arg: vec![],
            sender_canister_version: None,
        };
        let install = candid::encode_args((install,)).expect("encodes");
        let management = management_canister();
        let create = self.call(management, "provisional_create_canister_with_cycles", create);
        self.height(vec![create]);
        let install = self.call(management, "install_code", install);
        self.height(vec![install]);
        assert!(self.state.canister(id).is_some(), "the canister exists");
        id
    }
}

/// The same compiler with the same settings, without our instrumentation; one NaN, as determinism wants it.
pub fn bare_store() -> Store {
    let mut compiler = Cranelift::default();
    compiler.opt_level(CraneliftOptLevel::Speed);
    compiler.canonicalize_nans(true);
    Store::new(EngineBuilder::new(compiler).engine())
}

/// Row 7: an empty update, in heights of 500.
pub fn empty_update() -> Row {
    let wasm = wat::parse_str(EMPTY).expect("wat");
    let mut subnet = Subnet::new();
    let id = subnet.install(1_000, &wasm);
    let mut store = bare_store();
    let module = Module::new(&store, &wasm).expect("compiles");
    let instance = Instance::new(&mut store, &module, &imports! {}).expect("instantiates");
    let nothing = instance.exports.get_function("canister_update nothing").expect("an export").clone();
    let (mut updates, mut bare) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        let calls: Vec<_> = (0..500).map(|_| subnet.call(id.principal(), "nothing", vec![])).collect();
        updates.push(cpu_of(|| subnet.height(calls)) / 500.0 * 1e6);
        bare.push(
            cpu_of(|| (0..100_000).for_each(|_| drop(nothing.call(&mut store, &[])))) / 100_000.0 * 1e6,
        );
    }
    let (updates, bare) = (Spread::of(updates), Spread::of(bare));
    Row {
        number: "7",
        what: "empty update executed in process, CPU µs (state root included)".into(),
        figure: format!("{:.1} µs", updates.median),
        baseline: format!("{:.2} µs bare call", bare.median),
        ratio: updates,
        target: 40.0,
    }
}

/// Row 6: metered Wasm against native, and metering against the same engine without it.
pub fn kernels_metered(module: &[u8]) -> Vec<Row> {
    type Kernel = fn() -> u64;
    const KERNELS: [(&str, Kernel); 7] = [
        ("sha256", kernels::sha256),
        ("fib", kernels::fib),
        ("matmul", kernels::matmul),
        ("sort", kernels::sort),
        ("json", kernels::json),
        ("mandelbrot", kernels::mandelbrot),
        ("memcpy", kernels::memcpy),
    ];
    let mut subnet = Subnet::new();
    let id = subnet.install(1_000, module);
    let mut store = bare_store();
    let compiled = Module::new(&store, module).expect("compiles");
    let instance = Instance::new(&mut store, &compiled, &imports! {}).expect("instantiates");
    let (mut to_native, mut to_bare) = (vec![], vec![]);
    for (name, native) in KERNELS {
        let bare =
            instance.exports.get_function(&format!("canister_update {name}")).expect("an export").clone();
        let (mut native_seconds, mut bare_seconds, mut metered_seconds) = (vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            let call = subnet.call(id.principal(), name, vec![]);
            metered_seconds.push(cpu_of(|| subnet.height(vec![call])));
            native_seconds.push(cpu_of(|| {
                black_box(native());
            }));
            bare_seconds.push(cpu_of(|| drop(bare.call(&mut store, &[]))));
        }
        let metered = Spread::of(metered_seconds).median;
        let (over_native, over_bare) =
            (metered / Spread::of(native_seconds).median, metered / Spread::of(bare_seconds).median);
        eprintln!("     {name:<11} {over_native:.2} of native, {over_bare:.2} of the engine unmetered");
        if name != "matmul" {
            to_native.push(over_native);
            to_bare.push(over_bare);
        }
    }
    let row = |what: &str, ratios: Vec<f64>, target| {
        let mean = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
        let spread = Spread::of(ratios);
        Row {
            number: "6",
            what: what.into(),
            figure: format!("{:.2}", mean.exp()),
            baseline: "1.00".into(),
            ratio: Spread { median: mean.exp(), ..spread },
            target,
        }
    };
    vec![
        row("metered Wasm / native CPU, geometric mean of six kernels", to_native, 1.55),
        row("metered / unmetered, same engine", to_bare, 1.15),
    ]
}

fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0.0);
    pages * 4096.0
}

/// Row 12: what canisters that do nothing cost a height.
pub fn idle_canisters() -> Vec<Row> {
    let wasm = wat::parse_str(EMPTY).expect("wat");
    let mut subnet = Subnet::new();
    let active = subnet.install(1_000_000, &wasm);
    let (mut sizes, mut seconds, mut resident, mut deltas) = (vec![], vec![], vec![], vec![]);
    let mut next = 0;
    for size in [100u64, 400, 1_600, 6_400] {
        (next..size).for_each(|number| {
            subnet.install(number, &wasm);
        });
        next = size;
        let heights = 200;
        let mut rounds = vec![];
        for _ in 0..ROUNDS {
            let calls: Vec<_> =
                (0..heights).map(|_| subnet.call(active.principal(), "nothing", vec![])).collect();
            rounds.push(
                cpu_of(|| calls.into_iter().for_each(|call| subnet.height(vec![call]))) / heights as f64,
            );
        }
        let spread = Spread::of(rounds);
        eprintln!("     {size:>6} idle canisters: {:.1} µs a height", spread.median * 1e6);
        sizes.push(size as f64);
        seconds.push(spread);
        resident.push(resident_bytes());
        deltas.push(subnet.delta_bytes as f64);
    }
    let last = sizes.len() - 1;
    let slope = |values: &[f64]| (values[last] - values[0]) / (sizes[last] - sizes[0]);
    let medians: Vec<f64> = seconds.iter().map(|spread| spread.median * 1e9).collect();
    let noise = (seconds[last].greatest - seconds[last].least) * 1e9 / (sizes[last] - sizes[0]);
    let flat = |value: f64| Spread { median: value, least: value, greatest: value };
    vec![
        Row {
            number: "12",
            what: "idle canisters, 100 to 6,400: CPU ns a height and canister".into(),
            figure: format!("{:.2} ns", slope(&medians)),
            baseline: format!("{noise:.2} ns noise"),
            ratio: flat(slope(&medians).max(0.0)),
            target: noise.max(1.0),
        },
        Row {
            number: "12",
            what: "memory per idle canister, KiB".into(),
            figure: format!("{:.2} KiB", slope(&resident) / 1024.0),
            baseline: "–".into(),
            ratio: flat(slope(&resident) / 1024.0),
            target: 2.0,
        },
        Row {
            number: "12",
            what: "disk written a height per idle canister, bytes".into(),
            figure: format!("{:.2} B", slope(&deltas)),
            baseline: "–".into(),
            ratio: flat(slope(&deltas)),
            target: 0.01,
        },
    ]
}
