//! Identity: how people sign in to apps, without passwords. What Internet Identity is to the Internet Computer.
//!
//! # What it keeps
//! 1. A person's identity (an anchor) is a number and some devices: passkeys, browsers' keys, a recovery phrase. The
//!    replicas check the signatures of devices, WebAuthn's too, on every request; so who calls *is* a device
//!    ([`devices`]).
//! 2. Every app knows the person by a principal of its own, which does not change when devices do, and which nobody can
//!    connect with that of another app ([`origin`]). Two apps that compare what they are given can learn that two of
//!    their people signed in within the same minute, as they can from their own clocks, and about how many did.
//! 3. Apps get delegations, signed by this canister with certified data ([`delegation`], [`signatures`]).
//! 4. Making identities costs work, and more when many do ([`registration`]); a device that is not yet trusted joins
//!    by a code ([`pairing`]).
//!    What nobody would be answered is not let in, so that strangers' calls cost nothing ([`inspect`]).
//! 5. All state is in stable memory ([`memory`]), prepared signatures too; an upgrade has nothing to save.
//! 6. No method awaits another call. The secret is drawn once by a timer; before that, everything that needs it is
//!    refused with `not_ready`.
//!
//! # What an operator of a replica can see
//! The secret is in the state, which replicas hold: who reads a replica's disk can connect the principals of one person,
//! and learns which devices an identity has. They cannot sign for anybody: that takes a device, or a quorum.

pub mod book;
pub mod delegation;
pub mod devices;
pub mod inspect;
pub mod interface;
pub mod keys;
pub mod limits;
pub mod memory;
pub mod origin;
pub mod pairing;
pub mod registration;
pub mod signatures;
mod stored;
pub mod web;

#[cfg(test)]
mod tests;

use book::{Book, Call};
use candid::Principal;
use ic_cdk::{init, inspect_message, post_upgrade, query, update};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_stable_structures::DefaultMemoryImpl;
use interface::*;
use serde_bytes::ByteBuf;
use std::cell::RefCell;
use std::time::Duration;
use web::Site;

/// When the secret is asked for again, if that failed.
const DRAW_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often expired signatures are taken away, if nothing else does.
const PRUNE_EVERY: Duration = Duration::from_nanos(limits::SIGNATURE_LASTS + limits::SECOND);

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../identity.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../identity.did");

thread_local! {
    static BOOK: RefCell<Book<DefaultMemoryImpl>> =
        RefCell::new(Book::open(DefaultMemoryImpl::default(), ic_cdk::api::canister_self()));
    static SITE: RefCell<Option<Site>> = const { RefCell::new(None) };
}

fn read<T>(f: impl FnOnce(&Book<DefaultMemoryImpl>) -> T) -> T {
    BOOK.with_borrow(f)
}

fn change<T>(f: impl FnOnce(&mut Book<DefaultMemoryImpl>) -> T) -> T {
    BOOK.with_borrow_mut(f)
}

fn call() -> Call {
    Call { caller: ic_cdk::api::msg_caller(), now: ic_cdk::api::time() }
}

/// Certifies the page and the signatures that there are now.
fn certify() {
    let signatures = read(|book| book.signatures.digest());
    if let Some(root) = SITE.with_borrow(|site| site.as_ref().map(|site| site.root(signatures))) {
        ic_cdk::api::certified_data_set(root);
    }
}

/// Takes expired signatures away. The timer goes on whatever becomes of one stroke.
async fn prune() {
    if !read(|book| book.signatures.is_empty()) {
        change(|book| book.signatures.prune(ic_cdk::api::time(), limits::PRUNED_BY_TIMER));
        certify();
    }
}

async fn random() -> Result<origin::Salt, String> {
    let asked = ic_cdk::call::Call::bounded_wait(Principal::management_canister(), "raw_rand").await;
    let bytes: ByteBuf = asked.map_err(|it| it.to_string())?.candid().map_err(|it| it.to_string())?;
    origin::Salt::try_from(bytes.as_slice()).map_err(|_| format!("{} random bytes", bytes.len()))
}

/// Draws the secret; whoever comes second changes nothing.
async fn draw() {
    if read(Book::is_ready) {
        return;
    }
    ic_cdk_timers::set_timer(DRAW_AGAIN_AFTER, draw());
    match random().await {
        Ok(salt) => change(|book| book.set_salt(salt)),
        Err(reason) => ic_cdk::api::debug_print(format!("no secret yet: {reason}")),
    }
}

fn begin(args: Option<InitArgs>) {
    let configured = change(|book| book.configure(args.unwrap_or_default()));
    configured.unwrap_or_else(|refusal| ic_cdk::trap(format!("{refusal:?}")));
    let id = ic_cdk::api::canister_self().to_text();
    let site = read(|book| Site::new(&id, &ic_cdk::api::root_key(), book.gateways()));
    let site = site.unwrap_or_else(|error| ic_cdk::trap(format!("the page cannot be certified: {error}")));
    SITE.set(Some(site));
    certify();
    ic_cdk_timers::set_timer_interval(PRUNE_EVERY, prune);
    ic_cdk_timers::set_timer(Duration::ZERO, draw());
}

#[init]
fn init(args: Option<InitArgs>) {
    begin(args);
}

/// What is named changes, the rest stays; no argument at all is none.
#[post_upgrade]
fn post_upgrade() {
    let bytes = ic_cdk::api::msg_arg_data();
    let args = match bytes.is_empty() {
        true => None,
        false => candid::decode_one::<Option<InitArgs>>(&bytes)
            .unwrap_or_else(|error| ic_cdk::trap(format!("unreadable upgrade arguments: {error}"))),
    };
    begin(args);
}

#[inspect_message]
fn inspect_message() {
    let (method, argument) = (ic_cdk::api::msg_method_name(), ic_cdk::api::msg_arg_data());
    if read(|book| book.admits(call(), &method, &argument)) {
        ic_cdk::api::accept_message();
    }
}

#[query]
fn registration_challenge() -> Result<Challenge, Refusal> {
    read(|book| book.challenge(ic_cdk::api::time()))
}

#[update]
fn register(device: DeviceData, proof: Proof) -> Result<UserNumber, Refusal> {
    change(|book| book.register(call(), device, &proof))
}

#[update]
fn add(user: UserNumber, device: DeviceData) -> Result<(), Refusal> {
    change(|book| book.add(call(), user, device))
}

#[update]
fn accept(user: UserNumber) -> Result<(), Refusal> {
    change(|book| book.accept(call(), user))
}

#[update]
fn update(user: UserNumber, key: ByteBuf, device: DeviceData) -> Result<(), Refusal> {
    change(|book| book.update(call(), user, &key, device))
}

#[update]
fn remove(user: UserNumber, key: ByteBuf) -> Result<(), Refusal> {
    change(|book| book.remove(call(), user, &key))
}

#[update]
fn forget_me(user: UserNumber) -> Result<(), Refusal> {
    change(|book| book.forget(call(), user))
}

#[query]
fn get_anchor_info(user: UserNumber) -> Result<IdentityAnchorInfo, Refusal> {
    read(|book| book.info(call(), user))
}

#[query]
fn my_anchor() -> Option<UserNumber> {
    read(|book| book.my_anchor(call()))
}

#[query]
fn lookup_device_key(credential_id: ByteBuf) -> Option<DeviceKeyWithAnchor> {
    read(|book| book.device_key(&credential_id))
}

#[update]
fn enter_device_registration_mode(user: UserNumber) -> Result<PairingOpened, Refusal> {
    change(|book| book.open_pairing(call(), user))
}

#[update]
fn exit_device_registration_mode(user: UserNumber) -> Result<(), Refusal> {
    change(|book| book.close_pairing(call(), user))
}

#[update]
fn add_tentative_device(
    user: UserNumber,
    secret: String,
    device: DeviceData,
) -> Result<TentativeDevice, Refusal> {
    change(|book| book.leave(call(), user, &secret, device))
}

#[update]
fn verify_tentative_device(user: UserNumber, code: String) -> Result<(), Refusal> {
    change(|book| book.confirm(call(), user, &code))
}

#[query]
fn get_principal(user: UserNumber, origin: String) -> Result<Principal, Refusal> {
    read(|book| book.principal(call(), user, &origin))
}

#[update]
fn prepare_delegation(
    user: UserNumber,
    origin: String,
    session_key: ByteBuf,
    max_time_to_live: Option<u64>,
) -> Result<PreparedDelegation, Refusal> {
    let prepared = change(|book| book.prepare(call(), user, &origin, &session_key, max_time_to_live));
    certify();
    prepared
}

#[query]
fn get_delegation(
    user: UserNumber,
    origin: String,
    session_key: ByteBuf,
    expiration: Timestamp,
) -> GetDelegationResponse {
    let proved = read(|book| book.prepared(call(), user, &origin, &session_key, expiration));
    let (Some(proved), Some(certificate)) = (proved, ic_cdk::api::data_certificate()) else {
        return GetDelegationResponse::NoSuchDelegation;
    };
    let tree = SITE.with_borrow(|site| site.as_ref().map(|site| site.beside(proved.witness)));
    match tree.and_then(|tree| delegation::encode_signature(&certificate, &tree).ok()) {
        Some(signature) => GetDelegationResponse::SignedDelegation(SignedDelegation {
            delegation: proved.delegation,
            signature: ByteBuf::from(signature),
        }),
        None => GetDelegationResponse::NoSuchDelegation,
    }
}

#[query]
fn stats() -> Stats {
    read(|book| book.stats(ic_cdk::api::time()))
}

#[query]
fn http_request(request: HttpRequest) -> HttpResponse<'static> {
    let certificate = ic_cdk::api::data_certificate();
    let signatures = read(|book| book.signatures.digest());
    SITE.with_borrow(|site| match site {
        Some(site) => site.respond(&request, certificate.as_deref(), signatures),
        None => ic_cdk::trap("the page is not certified yet"),
    })
}

#[cfg(test)]
mod exported {
    //! The interface that this code has; the last module, so that all methods are known.

    use crate::interface::*;
    use candid::Principal;
    use ic_http_certification::{HttpRequest, HttpResponse};
    use serde_bytes::ByteBuf;

    candid::export_service!();

    pub fn interface() -> String {
        __export_service()
    }
}
