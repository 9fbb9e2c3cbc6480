//! Clips: short videos, their feed and their people. A sample app of Atoll, whole in one canister: data, media and the
//! front end, which the gateway serves from here, certified.
//!
//! # What it keeps
//! 1. All state is in stable memory ([`memory`]); an upgrade has nothing to save. Only the certified tree ([`site`]) is
//!    built again, from digests.
//! 2. Reading needs no account. Everything else needs a profile, and changes only what is the caller's ([`people`]);
//!    moderators decide together about what was reported ([`moderation`]), admins give roles.
//! 3. A call that comes twice is done once: likes, follows, bookmarks, reports and chunks by their nature, comments,
//!    messages and tips by an order that the caller chooses, publishing by the video.
//! 4. Who liked, bookmarked, blocked or reported is told to nobody else, but the maker of a clip is told by whom it is
//!    liked. Sums are public.
//! 5. Points are made by joining and by going viral; tips move them. `Totals::points` is their sum.
//! 6. Every list comes in pages, every text and every collection has a bound ([`limits`]); a call costs O(log n) and a
//!    bounded number of entries. A fifth of the memory is kept from what people write and upload, so that a full Clips
//!    is still moderated and cleared.
//! 7. No call awaits another: each is done whole or not at all.
//! 8. `/v/<number>` is a file of [`media`]; a video's ranges are answers of their own. `/first.json` has the clips that a
//!    visitor sees first, so that the first one plays before the app has asked the canister for anything; `/env.json` has
//!    what the page must know about where it is, and which canister signs people in.
//!
//! # Why one canister serves all
//! One installation and no upload step, so `make run` works on a fresh machine without Node; one origin for page, media
//! and calls, so the page's policy is `'self'` and nothing else.

mod api;
pub mod app;
mod clips;
mod comments;
mod feed;
mod inbox;
pub mod limits;
pub mod media;
pub mod memory;
mod moderation;
mod people;
mod records;
mod search;
mod stored;
pub mod text;
pub mod types;
mod upload;

#[cfg(test)]
mod tests;

use app::{App, Call};
use ic_cdk::{init, post_upgrade};
use ic_http_certification::{HttpRequest, HttpResponse};
use ic_stable_structures::DefaultMemoryImpl;
use site::files;
use site::site::{Asked, Proved, Site, asked};
use std::cell::RefCell;
use types::InitArgs;

include!(concat!(env!("OUT_DIR"), "/front_end.rs"));

#[cfg(target_family = "wasm")]
const INTERFACE: &[u8] = include_bytes!("../clips.did");

/// Public metadata `candid:service`, by which tools learn the interface.
#[cfg(target_family = "wasm")]
#[unsafe(link_section = "icp:public candid:service")]
#[used]
static SERVICE: [u8; INTERFACE.len()] = *include_bytes!("../clips.did");

thread_local! {
    static APP: RefCell<App<DefaultMemoryImpl>> = RefCell::new(App::open(DefaultMemoryImpl::default()));
    static SITE: RefCell<Site> = RefCell::new(files::site(FILES));
}

fn call() -> Call {
    Call { caller: ic_cdk::api::msg_caller(), now: ic_cdk::api::time() }
}

fn controls() -> bool {
    ic_cdk::api::is_controller(&ic_cdk::api::msg_caller())
}

fn read<T>(f: impl FnOnce(&App<DefaultMemoryImpl>) -> T) -> T {
    APP.with_borrow(f)
}

/// Changes the app, and certifies what changed of what is served.
fn change<T>(f: impl FnOnce(&mut App<DefaultMemoryImpl>) -> T) -> T {
    APP.with_borrow_mut(|app| {
        let page = app.first_page().to_vec();
        let answer = f(app);
        let files = app.media.changed();
        if !files.is_empty() || app.first_page() != page {
            SITE.with_borrow_mut(|site| {
                files.into_iter().for_each(|(id, digest)| site.put_media(id, digest));
                files::put_json(site, "first.json", app.first_page().to_vec());
                ic_cdk::api::certified_data_set(site.root_hash());
            });
        }
        answer
    })
}

/// Builds the certified tree.
fn certify() {
    let hex: String = ic_cdk::api::root_key().iter().map(|byte| format!("{byte:02x}")).collect();
    let id = ic_cdk::api::canister_self().to_text();
    let identity = read(App::identity).map(|it| it.to_text());
    let env = serde_json::json!({ "canister": id, "identity": identity, "root_key": hex }).to_string();
    SITE.with_borrow_mut(|site| {
        read(|app| {
            app.media.served().for_each(|(id, digest)| site.put_media(id, Some(digest)));
            files::put_json(site, "first.json", app.first_page().to_vec());
        });
        files::put_json(site, "env.json", env.into_bytes());
        ic_cdk::api::certified_data_set(site.root_hash());
    });
}

/// Controllers are admins; the argument may name another, and the canister that signs people in.
#[init]
fn init(args: Option<InitArgs>) {
    change(|app| app.configure(args.unwrap_or_default()));
    certify();
}

/// The state is where it was. What the argument does not say, or is not there to say, stays.
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

fn prove(path: &str, range: Option<&str>) -> Proved {
    SITE.with_borrow(|site| match asked(path) {
        Asked::Media(id) => match read(|app| app.media.answer(id, range)) {
            Some((answer, proof)) => site.prove_media(id, answer, proof),
            None => site.answer(path),
        },
        Asked::Other => site.answer(path),
    })
}

/// The certified answer to a request.
fn respond(request: &HttpRequest) -> HttpResponse<'static> {
    let range = request.headers().iter().find(|(name, _)| name.eq_ignore_ascii_case("range"));
    let range = range.map(|(_, value)| value.as_str());
    files::respond(request, ic_cdk::api::data_certificate(), |path| prove(path, range))
}

#[cfg(test)]
mod exported {
    //! The interface that this code has; the last module, so that all methods are known.

    use crate::types::*;
    use ic_http_certification::{HttpRequest, HttpResponse};
    use serde_bytes::ByteBuf;

    candid::export_service!();

    pub fn interface() -> String {
        __export_service()
    }
}
