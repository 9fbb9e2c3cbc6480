//! A notebook, written as Rust developers write canisters: ic-cdk with its timers and calls, a map in stable memory,
//! certified notes.
//!
//! A clock strikes every half second from installation on, also after upgrades. Notebooks send each other notes with
//! cycles, and read in each other by composite queries.

mod notes;

use candid::{CandidType, Principal};
use ic_cdk::call::{Call, Response};
use ic_cdk::{init, post_upgrade, query, update};
use std::fmt::Display;
use std::time::Duration;

const STRIKE: Duration = Duration::from_millis(500);

const INTERFACE: &[u8] = include_bytes!("../notebook.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../notebook.did");

#[derive(CandidType)]
struct Certified {
    note: Option<String>,
    certificate: Vec<u8>,
    witness: Vec<u8>,
}

#[derive(CandidType)]
struct Sent {
    accepted: u128,
    refunded: u128,
}

fn text(error: impl Display) -> String {
    error.to_string()
}

#[init]
fn init() {
    notes::certify();
    ic_cdk_timers::set_timer_interval(STRIKE, || async { notes::strike() });
}

/// What is in stable memory is still there; timers and certified data's tree are not.
#[post_upgrade]
fn post_upgrade() {
    init();
}

#[update]
fn write(key: String, note: String) -> Option<String> {
    notes::write(key, note)
}

#[query]
fn read(key: String) -> Option<String> {
    notes::read(&key)
}

#[query]
fn read_certified(key: String) -> Certified {
    let certificate = ic_cdk::api::data_certificate().unwrap_or_else(|| ic_cdk::trap("ask by a query call"));
    Certified { note: notes::read(&key), certificate, witness: notes::witness(&key) }
}

#[query(composite = true)]
async fn read_in(notebook: Principal, key: String) -> Result<Option<String>, String> {
    let answer: Response = Call::unbounded_wait(notebook, "read").with_arg(key).await.map_err(text)?;
    answer.candid().map_err(text)
}

#[update]
fn remind(delay_ms: u64, key: String, note: String) {
    ic_cdk_timers::set_timer(Duration::from_millis(delay_ms), async {
        notes::write(key, note);
    });
}

#[query]
fn strikes() -> u64 {
    notes::strikes()
}

#[update]
async fn roll() -> Result<Vec<u8>, String> {
    let call = Call::bounded_wait(Principal::management_canister(), "raw_rand");
    call.await.map_err(text)?.candid().map_err(text)
}

#[update]
async fn send(notebook: Principal, key: String, cycles: u128) -> Result<Sent, String> {
    let note = notes::read(&key).ok_or("there is no such note")?;
    let call = Call::bounded_wait(notebook, "receive").with_args(&(key, note)).with_cycles(cycles);
    let accepted = call.await.map_err(text)?.candid().map_err(text)?;
    Ok(Sent { accepted, refunded: ic_cdk::api::msg_cycles_refunded() })
}

#[update]
fn receive(key: String, note: String) -> u128 {
    notes::write(key, note);
    ic_cdk::api::msg_cycles_accept(ic_cdk::api::msg_cycles_available() / 2)
}
