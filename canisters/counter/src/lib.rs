//! A counter that anyone may raise, and the web page that shows it.
//!
//! The page and the value are certified responses: the gateway serves them only when a quorum of
//! the subnet's replicas signed the state that they come from. `POST /increment` is upgraded to an
//! update call. The value lives in the first eight bytes of stable memory and survives upgrades.

mod page;

use ic_cdk::{init, post_upgrade, query, update};
use ic_http_certification::{HttpRequest, HttpResponse, HttpUpdateRequest, HttpUpdateResponse};

const WASM_PAGES: u64 = 1;

const INTERFACE: &[u8] = include_bytes!("../counter.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../counter.did");

fn load() -> u64 {
    let mut bytes = [0; 8];
    ic_cdk::stable::stable_read(0, &mut bytes);
    u64::from_le_bytes(bytes)
}

fn store(value: u64) {
    ic_cdk::stable::stable_write(0, &value.to_le_bytes());
    page::certify(value);
}

fn raise() -> u64 {
    let value = load().wrapping_add(1);
    store(value);
    value
}

#[init]
fn init() {
    if ic_cdk::stable::stable_grow(WASM_PAGES).is_err() {
        ic_cdk::trap("no stable memory for the counter");
    }
    store(0);
}

#[post_upgrade]
fn post_upgrade() {
    page::certify(load());
}

#[update]
fn increment() -> u64 {
    raise()
}

#[query]
fn get() -> u64 {
    load()
}

#[query]
fn http_request(request: HttpRequest) -> HttpResponse<'static> {
    page::respond(&request, load())
}

#[update]
fn http_request_update(request: HttpUpdateRequest) -> HttpUpdateResponse<'static> {
    match (request.method().as_str(), request.get_path().as_deref()) {
        ("POST", Ok("/increment")) => page::value_after_update(raise()),
        _ => page::no_such_update(),
    }
}
