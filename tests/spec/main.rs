//! The conformance suite: what the IC interface specification 0.66 says, checked over HTTP against a running
//! subnet.
//!
//! One module a section of the spec, with tables of cases ([`case`]); [`system_api`] makes a case of every
//! System API function in every context. Cases are driven by the `probe` canister, whose scripts they write
//! as text ([`program`]), and by modules in text form. Every answer is verified: certificates, delegations,
//! signatures of nodes ([`client`]).
//!
//! By default a subnet of one node is started. Instead:
//! - `ATOLL_ENDPOINT=http://…` runs the same cases there (several, separated by commas, are nodes of one
//!   subnet);
//! - `ATOLL_CASES=words` runs only the cases whose names contain the words;
//! - `ATOLL_TIMES=1` prints how long each takes;
//! - `ATOLL_COVERAGE=write` writes `docs/COVERAGE.md` anew.

#[macro_use]
#[path = "../../canisters/probe/src/function.rs"]
mod function;
#[path = "../../canisters/probe/src/op.rs"]
mod op;

mod answer;
mod case;
mod client;
mod coverage;
mod interface;
mod program;
mod request;
mod runner;
mod section;
mod system_api;
mod webauthn;

#[path = "../network/mod.rs"]
mod network;

use case::Case;
use network::Network;
use runner::Subnet;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

/// Every case of the suite.
fn all() -> Vec<Case> {
    let tables = section::all().iter().flat_map(|section| section.cases.iter().copied());
    tables.chain(system_api::cells().into_iter().map(|cell| cell.case)).collect()
}

/// The same tenth of the cases every time.
fn is_of_the_tenth(case: &Case) -> bool {
    request::sha256(case.name.as_bytes())[0].is_multiple_of(10)
}

fn probe() -> Vec<u8> {
    network::module("probe")
}

fn selected(cases: Vec<Case>) -> Vec<Case> {
    match std::env::var("ATOLL_CASES") {
        Ok(words) => cases.into_iter().filter(|case| case.name.contains(&words)).collect(),
        Err(_) => cases,
    }
}

/// Runs `cases` and fails if one of them does.
fn check(urls: &[String], cases: Vec<Case>) {
    let started = Instant::now();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let verdicts = runtime.block_on(async {
        let subnet = Arc::new(Subnet::prepare(urls, probe()).await);
        subnet.run(&cases).await
    });
    let failed = |(case, verdict): (&Case, Result<(), String>)| {
        verdict.err().map(|why| format!("{}\n    {why}", case.name))
    };
    let failures: Vec<String> = cases.iter().zip(verdicts).filter_map(failed).collect();
    eprintln!("{} cases, {} failures, {:?}", cases.len(), failures.len(), started.elapsed());
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// The replicas themselves: the gateway answers for any of them.
fn urls(network: &Network) -> Vec<String> {
    network.replicas.iter().map(|replica| replica.api_url.clone()).collect()
}

fn endpoints() -> Option<Vec<String>> {
    let urls = std::env::var("ATOLL_ENDPOINT").ok()?;
    Some(urls.split(',').map(str::to_owned).collect())
}

#[test]
fn one_node_does_what_the_spec_says() {
    let cases = selected(all());
    match endpoints() {
        Some(urls) => check(&urls, cases),
        None => {
            let network = Network::with(&["--no-apps", "--nodes", "1"]);
            check(&urls(&network), cases);
        }
    }
}

#[test]
fn four_nodes_do_a_tenth_of_it() {
    if endpoints().is_some() {
        return;
    }
    let network = Network::with(&["--no-apps", "--nodes", "4"]);
    let cases = all().into_iter().filter(is_of_the_tenth).collect();
    check(&urls(&network), selected(cases));
}

#[test]
fn there_are_enough_cases_each_with_a_name_of_its_own() {
    let cases = all();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "a name stands twice");
    assert!(cases.len() >= 700, "{} cases", cases.len());
}
