//! `make bench`: the rows of PERFORMANCE.md that exist so far, measured now, as ratios within this run.
//!
//! Give row numbers as arguments to run only those: `cargo bench --profile release --bench table -- 6 7`.

mod engine;
mod faults;
mod install;
mod interface;
mod ledger;
#[path = "../../tests/network/mod.rs"]
mod network;
mod pages;
mod report;
mod rival;
mod subnet;

fn main() {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| arg.chars().all(|c| c.is_ascii_digit())).collect();
    let chosen = |row: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == row);
    let kernels = std::fs::read("canisters/dist/kernels.wasm").expect("run `make canisters` first");
    report::head();
    if chosen("1") || chosen("2") || chosen("3") {
        subnet::latency(4).iter().for_each(report::Row::print);
        subnet::latency(13).iter().for_each(report::Row::print);
    }
    if chosen("4") {
        subnet::updates().iter().for_each(report::Row::print);
    }
    if chosen("5") {
        faults::payload(4).print();
        faults::payload(13).print();
    }
    if chosen("6") {
        engine::kernels_metered(&kernels).iter().for_each(report::Row::print);
    }
    if chosen("7") {
        engine::empty_update().print();
    }
    if chosen("8") {
        interface::system_calls().iter().for_each(report::Row::print);
    }
    if chosen("9") {
        let counter = std::fs::read("canisters/dist/counter.wasm").expect("run `make canisters` first");
        install::installation(&counter).iter().for_each(report::Row::print);
    }
    if chosen("10") {
        subnet::queries().print();
    }
    if chosen("11") {
        pages::pages().iter().for_each(report::Row::print);
    }
    if chosen("12") {
        engine::idle_canisters().iter().for_each(report::Row::print);
    }
    if chosen("16") {
        faults::lost_disk().print();
    }
    if chosen("18") {
        faults::signature_checks(4).print();
        faults::signature_checks(13).print();
    }
    if chosen("19") {
        faults::one_faulty().iter().for_each(report::Row::print);
    }
    if chosen("21") {
        ledger::transfers().iter().for_each(report::Row::print);
    }
}
