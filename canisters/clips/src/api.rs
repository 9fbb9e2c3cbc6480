//! The entry points. Each passes caller and time on to the library, and nothing else.

use crate::types::*;
use crate::{call, change, controls, read, respond};
use ic_cdk::{inspect_message, query, update};
use ic_http_certification::{HttpRequest, HttpResponse};
use serde_bytes::ByteBuf;

/// Every change needs a signature, and has a bounded argument: others are refused before they cost anything.
#[inspect_message]
fn inspect_message() {
    let (method, argument) = (ic_cdk::api::msg_method_name(), ic_cdk::api::msg_arg_data());
    if read(|app| app.admits(call(), controls(), &method, argument.len())) {
        ic_cdk::api::accept_message();
    }
}

// --- people ---

#[query]
fn me() -> Option<Me> {
    read(|app| app.me(call()))
}

#[update]
fn create_profile(new: NewProfile) -> Result<Profile, Refusal> {
    change(|app| app.create_profile(call(), new))
}

#[update]
fn edit_profile(edit: ProfileEdit) -> Result<Profile, Refusal> {
    change(|app| app.edit_profile(call(), edit))
}

#[query]
fn profile(name: String) -> Result<Profile, Refusal> {
    read(|app| app.profile_named(call(), &name))
}

#[query]
fn people(list: PeopleList, after: Option<Cursor>, limit: u32) -> PeoplePage {
    read(|app| app.people(call(), list, after, limit))
}

#[update]
fn follow(user: UserId, on: bool) -> Result<(), Refusal> {
    change(|app| app.follow(call(), user, on))
}

#[update]
fn block(user: UserId, on: bool) -> Result<(), Refusal> {
    change(|app| app.block(call(), user, on))
}

// --- uploads ---

#[update]
fn begin_upload(new: NewUpload) -> Result<Upload, Refusal> {
    change(|app| app.begin_upload(call(), new))
}

#[update]
fn put_chunk(chunk: Chunk) -> Result<Upload, Refusal> {
    change(|app| app.put_chunk(call(), &chunk))
}

#[query]
fn uploads() -> Result<Vec<Upload>, Refusal> {
    read(|app| app.uploads(call()))
}

#[update]
fn cancel_upload(id: MediaId) -> Result<(), Refusal> {
    change(|app| app.cancel_upload(call(), id))
}

// --- clips ---

#[update]
fn publish(new: NewClip) -> Result<ClipView, Refusal> {
    change(|app| app.publish(call(), new))
}

#[update]
fn delete_clip(id: ClipId) -> Result<(), Refusal> {
    change(|app| app.delete_clip(call(), id))
}

#[query]
fn clip(id: ClipId) -> Result<ClipView, Refusal> {
    read(|app| app.clip(call(), id))
}

#[query]
fn feed(tab: Tab, after: Option<Cursor>, limit: u32) -> ClipPage {
    read(|app| app.feed(call(), tab, after, limit))
}

#[query]
fn clips(list: ClipList, after: Option<Cursor>, limit: u32) -> ClipPage {
    read(|app| app.clip_list(call(), list, after, limit))
}

#[update]
fn like(id: ClipId, on: bool) -> Result<ClipView, Refusal> {
    change(|app| app.like(call(), id, on))
}

#[update]
fn superlike(id: ClipId) -> Result<ClipView, Refusal> {
    change(|app| app.superlike(call(), id))
}

#[update]
fn bookmark(id: ClipId, on: bool) -> Result<(), Refusal> {
    change(|app| app.bookmark(call(), id, on))
}

#[update]
fn tip(new: NewTip) -> Result<ClipView, Refusal> {
    change(|app| app.tip(call(), new))
}

#[update]
fn viewed(id: ClipId) -> Result<(), Refusal> {
    change(|app| app.viewed(call(), id))
}

// --- comments, search ---

#[update]
fn comment(new: NewComment) -> Result<CommentView, Refusal> {
    change(|app| app.comment(call(), new))
}

#[update]
fn delete_comment(clip: ClipId, id: CommentId) -> Result<(), Refusal> {
    change(|app| app.delete_comment(call(), clip, id))
}

#[query]
fn comments(clip: ClipId, before: Option<CommentId>, limit: u32) -> CommentPage {
    read(|app| app.comments(call(), clip, before, limit))
}

#[query]
fn search(query: String) -> Result<Found, Refusal> {
    read(|app| app.search(call(), &query))
}

#[query]
fn trends() -> Vec<TagCount> {
    read(|app| app.trends())
}

// --- inbox ---

#[query]
fn notifications(before: Option<u64>, limit: u32) -> Result<NotificationPage, Refusal> {
    read(|app| app.notifications(call(), before, limit))
}

#[update]
fn read_notifications(up_to: u64) -> Result<(), Refusal> {
    change(|app| app.read_notifications(call(), up_to))
}

#[query]
fn conversations() -> Result<Vec<ThreadView>, Refusal> {
    read(|app| app.conversations(call()))
}

#[query]
fn messages(with: UserId, before: Option<u64>, limit: u32) -> Result<MessagePage, Refusal> {
    read(|app| app.messages(call(), with, before, limit))
}

#[update]
fn send_message(new: NewMessage) -> Result<Message, Refusal> {
    change(|app| app.send_message(call(), new))
}

#[update]
fn read_messages(with: UserId) -> Result<(), Refusal> {
    change(|app| app.read_messages(call(), with))
}

// --- moderation ---

#[update]
fn report(new: NewReport) -> Result<(), Refusal> {
    change(|app| app.report(call(), new))
}

#[query]
fn queue(after: Option<CaseId>, limit: u32) -> Result<CasePage, Refusal> {
    read(|app| app.queue(call(), after, limit))
}

#[query]
fn evidence(clip: ClipId, chunk: u32) -> Result<ByteBuf, Refusal> {
    read(|app| app.evidence(call(), clip, chunk))
}

#[update]
fn vote(id: CaseId, verdict: Verdict) -> Result<CaseView, Refusal> {
    change(|app| app.vote(call(), id, verdict))
}

#[update]
fn set_role(user: UserId, role: Role) -> Result<(), Refusal> {
    change(|app| app.set_role(call(), controls(), user, role))
}

#[update]
fn suspend(user: UserId, on: bool) -> Result<(), Refusal> {
    change(|app| app.suspend(call(), controls(), user, on))
}

#[query]
fn events(before: Option<u64>, limit: u32) -> Result<EventPage, Refusal> {
    read(|app| app.events(call(), controls(), before, limit))
}

#[query]
fn totals() -> Totals {
    read(|app| app.totals())
}

// --- the web ---

#[query]
fn http_request(request: HttpRequest) -> HttpResponse<'static> {
    respond(&request)
}
