//! Atoll's explorer: a certified web page about the subnet, and the numbers over time that it plots.
//!
//! # What it does
//! 1. It serves its page from certified responses only ([`site`]); `web/` holds the sources, and `npm run build`
//!    there makes the files that are compiled in. The page asks the other canisters itself, by queries.
//! 2. By a timer it samples supplies, consumption, what replicas did, and balances ([`sampler`]) into bounded
//!    series in stable memory ([`series`], [`epochs`], [`watch`]), and offers them page by page.
//! 3. It lists the subnet's canisters live ([`live`]).
//!
//! # What holds
//! 4. Nothing here can be changed by a call: there is no update method. All ids are arguments of installation.
//! 5. All state is in stable memory ([`memory`], [`store`]) but notes on who answered last; an upgrade has nothing to
//!    save, and goes on with the settings that it has unless it is given others.
//! 6. Whoever does not answer leaves a gap, never a wrong number.
//!
//! To see all canisters and their balances it must be an observer of the subnet (genesis, `observers`).

mod ask;
pub mod epochs;
pub mod interface;
mod live;
pub mod memory;
mod sampler;
pub mod series;
pub mod site;
pub mod store;
pub mod tally;
pub mod watch;

#[cfg(test)]
mod tests;

use candid::Nat;
use epochs::PAGE_EPOCHS_MAX;
use ic_cdk::{init, post_upgrade, query};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_stable_structures::DefaultMemoryImpl;
use interface::*;
use site::Site;
use std::cell::RefCell;
use std::time::Duration;
use store::Store;

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../explorer.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../explorer.did");

thread_local! {
    static STORE: RefCell<Store<DefaultMemoryImpl>> = RefCell::new(Store::open(DefaultMemoryImpl::default()));
    static SITE: RefCell<Option<Site>> = const { RefCell::new(None) };
}

fn read<T>(f: impl FnOnce(&Store<DefaultMemoryImpl>) -> T) -> T {
    STORE.with_borrow(f)
}

fn change<T>(f: impl FnOnce(&mut Store<DefaultMemoryImpl>) -> T) -> T {
    STORE.with_borrow_mut(f)
}

fn now() -> u64 {
    ic_cdk::api::time()
}

/// Numbers of more than 128 bits do not occur; one would be shown as the largest.
fn small(number: &Nat) -> u128 {
    u128::try_from(&number.0).unwrap_or(u128::MAX)
}

/// Certifies the page and starts the timer.
fn start() {
    let explorer = ic_cdk::api::canister_self().to_text();
    match Site::new(&explorer, &ic_cdk::api::root_key()) {
        Ok(site) => {
            ic_cdk::api::certified_data_set(site.root());
            SITE.set(Some(site));
        }
        Err(error) => ic_cdk::trap(format!("cannot certify the page: {error}")),
    }
    let seconds = read(|store| store.config().sample_seconds);
    ic_cdk_timers::set_timer(Duration::ZERO, sampler::tick());
    ic_cdk_timers::set_timer_interval_serial(Duration::from_secs(seconds), async || sampler::tick().await);
}

fn configure(args: InitArgs) {
    if let Err(error) = change(|store| store.configure(args)) {
        ic_cdk::trap(error);
    }
}

#[init]
fn init(args: InitArgs) {
    configure(args);
    start();
}

/// Goes on with the settings that there are, or with others.
#[post_upgrade]
fn post_upgrade() {
    let bytes = ic_cdk::api::msg_arg_data();
    if !bytes.is_empty() {
        match candid::decode_one::<Option<InitArgs>>(&bytes) {
            Ok(None) => {}
            Ok(Some(args)) => configure(args),
            Err(error) => ic_cdk::trap(format!("unreadable upgrade arguments: {error}")),
        }
    }
    start();
}

#[query]
fn get_configuration() -> Configuration {
    read(Store::configuration)
}

#[query]
fn get_points(args: GetPointsArgs) -> PointsResult {
    read(|store| store.points(&args))
}

#[query]
fn list_epochs(args: ListEpochsArgs) -> EpochsResult {
    match args.limit.min(PAGE_EPOCHS_MAX) {
        0 => Err(AskError::NoLimit),
        limit => Ok(read(|store| store.epochs.page(args.after_nanos, limit))),
    }
}

#[query]
fn list_sources() -> Vec<Source> {
    sampler::sources()
}

#[query(composite = true)]
async fn list_canisters(args: ListCanistersArgs) -> CanistersResult {
    live::list(args).await
}

#[query]
fn http_request(request: HttpRequest) -> HttpResponse<'static> {
    let certificate = ic_cdk::api::data_certificate();
    SITE.with_borrow(|site| match site {
        Some(site) => site.respond(&request, certificate.as_deref()),
        None => ic_cdk::trap("the page is not certified yet"),
    })
}

#[cfg(test)]
mod exported {
    //! The interface that this code has; the last module, so that all methods are known.

    use crate::interface::*;
    use ic_http_certification::{HttpRequest, HttpResponse};

    candid::export_service!();

    pub fn interface() -> String {
        __export_service()
    }
}
