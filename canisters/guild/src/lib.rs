//! Guild: people, their work and their connections. A sample app of Atoll: data, pictures and the front end in one
//! canister, which the gateway serves from here, certified; connections in a second one, the graph.
//!
//! # What it keeps
//! 1. All state is in stable memory ([`memory`]); an upgrade has nothing to save. Only the certified tree is built
//!    again, from digests.
//! 2. Reading profiles, posts and jobs needs no account. Everything else needs a profile, and changes only what is the
//!    caller's.
//! 3. A call that comes twice is done once: reactions, ties and endorsements by their nature, posts, comments, messages
//!    and jobs by an order that the caller chooses, applications by the job.
//! 4. Nobody is connected who did not both want it; endorsements and messages need a connection (messages also an
//!    application between the two).
//! 5. Guild and its graph agree in the end, whatever traps, is lost or comes twice between them ([`ties`]).
//! 6. Messages, notifications, invitations, applications and who looked at a profile are told to nobody but those
//!    concerned. Who is connected with whom is public.
//! 7. What is a user's they can take with them ([`export`]) and have erased ([`leave`]).
//! 8. Every list comes in pages, every text and every collection has a bound ([`limits`]); a call looks at a bounded
//!    number of entries. What people write has a fifth of the memory less than there is, so that a full Guild still lets
//!    them leave and settles with its graph.
//!
//! # Why the graph is a canister of its own
//! To show how two canisters keep one truth. It also is how such an app grows: questions about the graph are asked by
//! composite queries, and cost Guild nothing.

mod api;
pub mod app;
mod comments;
mod export;
mod inbox;
mod jobs;
mod leave;
pub mod limits;
pub mod memory;
mod network;
mod people;
pub mod pictures;
mod posts;
mod records;
mod resume;
mod search;
mod stored;
pub mod text;
pub mod ties;
pub mod types;
mod views;

#[cfg(test)]
mod tests;

use app::{App, Call};
use guild_connections::{Change, Outcome};
use ic_cdk::call::Call as Message;
use ic_cdk::{init, post_upgrade};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_stable_structures::DefaultMemoryImpl;
use limits::{GRAPH_SECONDS, REPAIR_EVERY_SECONDS, REPAIRS_IN_A_ROW, SWEEPS_IN_A_ROW};
use site::files;
use site::site::{Asked, Proved, Site, asked};
use std::cell::RefCell;
use std::time::Duration;
use types::{InitArgs, Refusal};

include!(concat!(env!("OUT_DIR"), "/front_end.rs"));

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../guild.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../guild.did");

thread_local! {
    static APP: RefCell<App<DefaultMemoryImpl>> = RefCell::new(App::open(DefaultMemoryImpl::default()));
    static SITE: RefCell<Site> = RefCell::new(files::site(FILES));
}

fn call() -> Call {
    let caller = ic_cdk::api::msg_caller();
    Call { caller, now: ic_cdk::api::time(), controller: ic_cdk::api::is_controller(&caller) }
}

fn read<T>(f: impl FnOnce(&App<DefaultMemoryImpl>) -> T) -> T {
    APP.with_borrow(f)
}

/// Changes the app, and certifies what changed of what is served.
fn change<T>(f: impl FnOnce(&mut App<DefaultMemoryImpl>) -> T) -> T {
    APP.with_borrow_mut(|app| {
        let page = app.first_page().to_vec();
        let answer = f(app);
        let pictures = app.pictures.changed();
        if !pictures.is_empty() || app.first_page() != page {
            SITE.with_borrow_mut(|site| {
                pictures.into_iter().for_each(|(id, digest)| site.put_media(id, digest));
                files::put_json(site, "first.json", app.first_page().to_vec());
                ic_cdk::api::certified_data_set(site.root_hash());
            });
        }
        answer
    })
}

/// Builds the certified tree, and sets the timers.
fn start() {
    let hex: String = ic_cdk::api::root_key().iter().map(|byte| format!("{byte:02x}")).collect();
    let id = ic_cdk::api::canister_self().to_text();
    let graph = read(App::graph).map(|it| it.to_text());
    let identity = read(App::identity).map(|it| it.to_text());
    let env = serde_json::json!({ "canister": id, "graph": graph, "identity": identity, "root_key": hex });
    SITE.with_borrow_mut(|site| {
        read(|app| {
            app.pictures.served().for_each(|(id, digest)| site.put_media(id, Some(digest)));
            files::put_json(site, "first.json", app.first_page().to_vec());
        });
        files::put_json(site, "env.json", env.to_string().into_bytes());
        ic_cdk::api::certified_data_set(site.root_hash());
    });
    let every = Duration::from_secs(REPAIR_EVERY_SECONDS);
    ic_cdk_timers::set_timer_interval(every, repair);
    ic_cdk_timers::set_timer_interval(every, sweep);
}

/// Controllers are admins; the argument may name another. Without a graph, accepted invitations wait for one.
#[init]
fn init(args: Option<InitArgs>) {
    change(|app| app.configure(args.unwrap_or_default()));
    start();
}

/// The state is where it was. What the argument does not say stays; no argument at all says nothing.
#[post_upgrade]
fn post_upgrade() {
    let bytes = ic_cdk::api::msg_arg_data();
    let args = match bytes.is_empty() {
        true => None,
        false => candid::decode_one::<Option<InitArgs>>(&bytes)
            .unwrap_or_else(|error| ic_cdk::trap(format!("unreadable upgrade arguments: {error}"))),
    };
    init(args);
}

/// Tells the graph again what it has not confirmed, while it answers.
async fn repair() {
    for _ in 0..REPAIRS_IN_A_ROW {
        let changes = read(App::unsettled);
        if changes.is_empty() || !tell(&changes).await {
            return;
        }
    }
}

/// Erases, and does so again a few times before the next stroke.
async fn sweep() {
    erase();
    if read(App::is_sweeping) {
        for nth in 1..SWEEPS_IN_A_ROW {
            let later = Duration::from_secs(nth * REPAIR_EVERY_SECONDS / SWEEPS_IN_A_ROW);
            ic_cdk_timers::set_timer(later, async { erase() });
        }
    }
}

fn erase() {
    if read(App::is_sweeping) {
        change(|app| app.sweep(ic_cdk::api::time()));
    }
}

/// Tells the graph changes that are written down, and settles what it answers. Where it does not answer, they stay
/// written down; whether it did.
async fn tell(changes: &[Change]) -> bool {
    let answer: Result<Result<Vec<Outcome>, guild_connections::Refusal>, Refusal> =
        ask("apply", &(changes,)).await;
    let Ok(Ok(outcomes)) = answer else { return false };
    change(|app| {
        for (one, outcome) in changes.iter().zip(outcomes) {
            app.settle(one.number, outcome, ic_cdk::api::time());
        }
    });
    true
}

/// Asks the graph. An answer that comes too late is none.
async fn ask<A: candid::utils::ArgumentEncoder, T>(method: &str, arguments: &A) -> Result<T, Refusal>
where
    T: candid::CandidType + serde::de::DeserializeOwned,
{
    let graph = read(App::graph).ok_or(Refusal::NoAnswer)?;
    let message = Message::bounded_wait(graph, method).change_timeout(GRAPH_SECONDS).with_args(arguments);
    let response = message.await.map_err(|_| Refusal::NoAnswer)?;
    response.candid().map_err(|_| Refusal::NoAnswer)
}

fn prove(path: &str) -> Proved {
    SITE.with_borrow(|site| match asked(path) {
        Asked::Media(id) => match read(|app| app.picture(id)) {
            Some((answer, proof)) => site.prove_media(id, answer, proof),
            None => site.answer(path),
        },
        Asked::Other => site.answer(path),
    })
}

fn respond(request: &HttpRequest) -> HttpResponse<'static> {
    files::respond(request, ic_cdk::api::data_certificate(), prove)
}

#[cfg(test)]
mod exported {
    //! The interface that this code has; the last module, so that all methods are known.

    use crate::types::*;
    use ic_http_certification::{HttpRequest, HttpResponse};

    candid::export_service!();

    pub fn interface() -> String {
        __export_service()
    }
}
