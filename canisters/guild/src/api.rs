//! The entry points. Each passes caller and time on to the library, and nothing else; those that concern the graph write
//! down what it must know before they ask it.

use crate::types::*;
use crate::{ask, call, change, read, respond, tell};
use guild_connections::{Between, Change, PairPage, Suggestion};
use ic_cdk::{inspect_message, query, update};
use ic_http_certification::{HttpRequest, HttpResponse};

/// Every change needs a signature, and has a bounded argument: others are refused before they cost anything.
#[inspect_message]
fn inspect_message() {
    let (method, argument) = (ic_cdk::api::msg_method_name(), ic_cdk::api::msg_arg_data());
    if read(|app| app.admits(call(), &method, argument.len())) {
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

#[update]
fn set_picture(new: Option<NewPicture>) -> Result<Profile, Refusal> {
    change(|app| app.set_picture(call(), new))
}

#[query]
fn profile(name: String) -> Result<Profile, Refusal> {
    read(|app| app.profile_named(call(), &name))
}

#[query]
fn cards(ids: Vec<UserId>) -> Vec<Card> {
    read(|app| app.cards(call(), &ids))
}

#[query]
fn search_people(filter: PeopleFilter, after: Option<UserId>, limit: u32) -> Result<PeoplePage, Refusal> {
    read(|app| app.search_people(call(), &filter, after, limit))
}

#[update]
fn endorse(user: UserId, skill: SkillId, on: bool) -> Result<(), Refusal> {
    change(|app| app.endorse(call(), user, skill, on))
}

#[query]
fn endorsers(user: UserId, skill: SkillId) -> Vec<Card> {
    read(|app| app.endorsers(call(), user, skill))
}

#[update]
fn view(user: UserId) -> Result<(), Refusal> {
    change(|app| app.view(call(), user))
}

#[query]
fn views(before: Option<u64>, limit: u32) -> Result<ViewPage, Refusal> {
    read(|app| app.views(call(), before, limit))
}

// --- connections ---

/// Tells the graph what there is to tell, and says how the two stand then: not yet confirmed, if it did not answer.
async fn told(wish: Option<Change>, whom: UserId) -> Result<Tie, Refusal> {
    let call = call();
    if let Some(wish) = wish {
        tell(&[wish]).await;
    }
    Ok(read(|app| app.tie(app.viewer(call), whom)))
}

#[update]
async fn invite(user: UserId, note: String) -> Result<Tie, Refusal> {
    told(change(|app| app.invite(call(), user, &note))?, user).await
}

#[update]
async fn accept(user: UserId) -> Result<Tie, Refusal> {
    told(change(|app| app.accept(call(), user))?, user).await
}

#[update]
async fn disconnect(user: UserId) -> Result<Tie, Refusal> {
    told(change(|app| app.disconnect(call(), user))?, user).await
}

#[update]
fn withdraw(user: UserId) -> Result<(), Refusal> {
    change(|app| app.withdraw(call(), user))
}

#[query]
fn invitations(list: InvitationList, after: Option<UserId>, limit: u32) -> Result<InvitationPage, Refusal> {
    read(|app| app.invitations(call(), list, after, limit))
}

#[query]
fn connections(user: UserId, after: Option<UserId>, limit: u32) -> PeoplePage {
    read(|app| app.connections(call(), user, after, limit))
}

fn caller() -> Result<UserId, Refusal> {
    read(|app| app.viewer(call())).ok_or(Refusal::NoProfile)
}

#[query(composite = true)]
async fn network(user: UserId) -> Result<Network, Refusal> {
    let (call, id) = (call(), caller()?);
    let between: Between = ask("between", &(id, user)).await?;
    Ok(read(|app| app.network(call, &between)))
}

#[query(composite = true)]
async fn degrees(users: Vec<UserId>) -> Result<Vec<u8>, Refusal> {
    ask("degrees", &(caller()?, users)).await
}

#[query(composite = true)]
async fn suggestions(limit: u32) -> Result<Vec<Acquaintance>, Refusal> {
    let (call, id) = (call(), caller()?);
    // more than asked for, since some are known already
    let by_graph: Vec<Suggestion> = ask("suggestions", &(id, u32::MAX)).await.unwrap_or_default();
    Ok(read(|app| app.acquaintances(call, &by_graph, limit)))
}

// --- posts ---

#[update]
fn publish(new: NewPost) -> Result<PostView, Refusal> {
    change(|app| app.publish(call(), new))
}

#[update]
fn delete_post(id: PostId) -> Result<(), Refusal> {
    change(|app| app.delete_post(call(), id))
}

#[query]
fn post(id: PostId) -> Result<PostView, Refusal> {
    read(|app| app.post(call(), id))
}

#[query]
fn posts(list: PostList, before: Option<PostId>, limit: u32) -> Result<PostPage, Refusal> {
    read(|app| app.posts(call(), &list, before, limit))
}

#[update]
fn react(id: PostId, with: Option<Reaction>) -> Result<PostView, Refusal> {
    change(|app| app.react(call(), id, with))
}

#[query]
fn reactions(id: PostId, after: Option<UserId>, limit: u32) -> Vec<(Card, Reaction)> {
    read(|app| app.reactions(call(), id, after, limit))
}

#[update]
fn comment(new: NewComment) -> Result<CommentView, Refusal> {
    change(|app| app.comment(call(), new))
}

#[update]
fn delete_comment(post: PostId, id: CommentId) -> Result<(), Refusal> {
    change(|app| app.delete_comment(call(), post, id))
}

#[query]
fn comments(post: PostId, before: Option<CommentId>, limit: u32) -> CommentPage {
    read(|app| app.comments(call(), post, before, limit))
}

// --- jobs ---

#[update]
fn post_job(new: NewJob) -> Result<JobView, Refusal> {
    change(|app| app.post_job(call(), new))
}

#[update]
fn open_job(id: JobId, open: bool) -> Result<JobView, Refusal> {
    change(|app| app.open_job(call(), id, open))
}

#[update]
fn delete_job(id: JobId) -> Result<(), Refusal> {
    change(|app| app.delete_job(call(), id))
}

#[query]
fn job(id: JobId) -> Result<JobView, Refusal> {
    read(|app| app.job(call(), id))
}

#[query]
fn jobs(list: JobList, before: Option<JobId>, limit: u32) -> Result<JobPage, Refusal> {
    read(|app| app.list_jobs(call(), &list, before, limit))
}

#[update]
fn apply(new: NewApplication) -> Result<JobView, Refusal> {
    change(|app| app.apply(call(), new))
}

#[update]
fn withdraw_application(job: JobId) -> Result<(), Refusal> {
    change(|app| app.withdraw_application(call(), job))
}

#[query]
fn applications(job: JobId, after: Option<UserId>, limit: u32) -> Result<ApplicationPage, Refusal> {
    read(|app| app.applications(call(), job, after, limit))
}

#[update]
fn answer_application(job: JobId, applicant: UserId, state: ApplicationState) -> Result<(), Refusal> {
    change(|app| app.answer_application(call(), job, applicant, state))
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

// --- what is the user's ---

#[query]
fn export_data(cursor: Option<ExportCursor>) -> Result<ExportPage, Refusal> {
    read(|app| app.export_data(call(), cursor))
}

#[update]
fn delete_me() -> Result<(), Refusal> {
    change(|app| app.delete_me(call()))
}

// --- admins ---

#[update]
fn suspend(user: UserId, on: bool) -> Result<(), Refusal> {
    change(|app| app.suspend(call(), user, on))
}

#[update]
fn tell_again(after: Option<(UserId, UserId)>) -> Result<Option<(UserId, UserId)>, Refusal> {
    change(|app| app.tell_again(call(), after))
}

/// Asks before it writes anything; what changed meanwhile is looked at as it is then.
#[update]
async fn part_unknown(after: Option<(UserId, UserId)>) -> Result<Option<(UserId, UserId)>, Refusal> {
    let call = call();
    read(|app| app.admin(call))?;
    let page: PairPage = ask("pairs", &(after,)).await?;
    change(|app| app.part_unknown(call, &page))
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
