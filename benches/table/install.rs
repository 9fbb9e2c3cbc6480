//! Row 9: installing a module of more than a megabyte, and loading its machine code again.

use crate::engine::{ROUNDS, Subnet, bare_store};
use crate::report::{Row, Spread, cpu_of};
use atoll::wasm::Engine;
use wasm_encoder::{CodeSection, FunctionSection, Module as Encoder, RawSection};
use wasmer::Module;
use wasmparser::{Parser, Payload};

/// The counter's module with each of its functions twice: real code, and as much of it as canisters bring.
fn doubled(module: &[u8]) -> Vec<u8> {
    let (mut functions, mut code) = (FunctionSection::new(), CodeSection::new());
    let payloads: Vec<_> =
        Parser::new(0).parse_all(module).map(|payload| payload.expect("a module")).collect();
    for _ in 0..2 {
        for payload in &payloads {
            match payload {
                Payload::FunctionSection(section) => section.clone().into_iter().for_each(|ty| {
                    functions.function(ty.expect("a type index"));
                }),
                Payload::CodeSectionEntry(body) => {
                    code.raw(body.as_bytes());
                }
                _ => (),
            }
        }
    }
    let mut twice = Encoder::new();
    for payload in &payloads {
        let Some((id, range)) = payload.as_section() else { continue };
        let data = &module[range.start as usize..range.end as usize];
        match payload {
            Payload::FunctionSection(_) => twice.section(&functions),
            Payload::CodeSectionStart { .. } => twice.section(&code),
            _ => twice.section(&RawSection { id, data }),
        };
    }
    twice.finish()
}

/// Row 9.
pub fn installation(counter: &[u8]) -> Vec<Row> {
    let module = doubled(counter);
    let megabytes = module.len() as f64 / 1e6;
    let store = bare_store();
    let (mut installs, mut bare, mut loads, mut compilations) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let mut subnet = Subnet::new();
        installs.push(cpu_of(|| {
            subnet.install(1_000, &module);
        }));
        bare.push(cpu_of(|| drop(Module::new(&store, &module).expect("compiles"))));
        subnet.install(1_001, &module);
        let folder = tempfile::tempdir().expect("a folder");
        let engine = || Engine::new(Some(folder.path().into()));
        engine().check(&module).expect("a module");
        let again = engine();
        loads.push(cpu_of(|| drop(again.check(&module).expect("a module"))) / megabytes * 1e3);
        compilations.push((subnet.engine.compilations() + again.compilations()) as f64);
    }
    let (installs, bare) = (Spread::of(installs), Spread::of(bare));
    let (loads, compilations) = (Spread::of(loads), Spread::of(compilations));
    let ratio = |seconds: f64| seconds / bare.median;
    vec![
        Row {
            number: "9",
            what: format!("install of {megabytes:.2} MB, CPU / bare compile of the engine (IC 777 ms)"),
            figure: format!("{:.0} ms", installs.median * 1e3),
            baseline: format!("{:.0} ms", bare.median * 1e3),
            ratio: Spread {
                median: ratio(installs.median),
                least: ratio(installs.least),
                greatest: ratio(installs.greatest),
            },
            target: 1.25,
        },
        Row {
            number: "9",
            what: "load from the cache, CPU ms a MB of module (IC 9.2)".into(),
            figure: format!("{:.2} ms/MB", loads.median),
            baseline: "–".into(),
            ratio: loads,
            target: 2.0,
        },
        Row {
            number: "9",
            what: "compilations: two canisters, and the same code from the cache".into(),
            figure: format!("{:.0}", compilations.median),
            baseline: "1".into(),
            ratio: compilations,
            target: 1.0,
        },
    ]
}
