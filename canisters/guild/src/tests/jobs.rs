//! Jobs and applications.

use super::*;

fn new_job(title: &str, place: &str, order: u64) -> NewJob {
    NewJob {
        title: title.into(),
        company: "Bridge Works".into(),
        place: place.into(),
        workplace: Workplace::Hybrid,
        hours: Hours::FullTime,
        text: "Build bridges with us.".into(),
        order,
    }
}

fn apply(app: &mut TestApp, person: u8, job: JobId) -> Result<JobView, Refusal> {
    app.apply(by(person), NewApplication { job, letter: "I build.".into() })
}

fn titles(app: &TestApp, call: Call, list: JobList) -> Vec<String> {
    ok(app.list_jobs(call, &list, None, 50)).jobs.into_iter().map(|it| it.title).collect()
}

#[test]
fn a_job_is_posted_once_and_found_by_filters() {
    let mut app = app();
    join(&mut app, 1);
    let one = ok(app.post_job(by(1), new_job("Welder", "Oslo", 1)));
    assert_eq!(ok(app.post_job(by(1), new_job("Welder", "Oslo", 1))), one);
    ok(app.post_job(by(1), NewJob { workplace: Workplace::Remote, ..new_job("Planner", "Lisbon", 2) }));
    refused(app.post_job(by(1), new_job("", "Oslo", 3)), invalid());
    refused(app.post_job(by(2), new_job("x", "Oslo", 3)), Refusal::NoProfile);
    let open = |filter: JobFilter| titles(&app, nobody(), JobList::Open(filter));
    let all = JobFilter::default();
    assert_eq!(open(all.clone()), ["Planner", "Welder"]);
    assert_eq!(open(JobFilter { query: "weld bridge".into(), ..all.clone() }), ["Welder"]);
    assert_eq!(open(JobFilter { place: "lis".into(), ..all.clone() }), ["Planner"]);
    assert_eq!(open(JobFilter { workplace: Some(Workplace::Remote), ..all.clone() }), ["Planner"]);
    assert!(open(JobFilter { hours: Some(Hours::Contract), ..all }).is_empty());
}

#[test]
fn an_application_is_made_once_and_seen_by_two() {
    let mut app = app();
    let (_, bob) = (join(&mut app, 1), join(&mut app, 2));
    join(&mut app, 3);
    let job = ok(app.post_job(by(1), new_job("Welder", "Oslo", 1))).id;
    refused(apply(&mut app, 1, job), invalid());
    refused(apply(&mut app, 2, 99), Refusal::NotFound);
    for _ in 0..2 {
        let seen = ok(apply(&mut app, 2, job));
        assert_eq!((seen.applications, seen.mine), (1, Some(ApplicationState::Sent)));
    }
    assert_eq!(ok(app.job(by(3), job)).mine, None);
    refused(app.applications(by(2), job, None, 9), Refusal::NotAllowed);
    let page = ok(app.applications(by(1), job, None, 9)).applications;
    assert_eq!(
        page.iter().map(|it| (it.applicant.id, it.letter.as_str())).collect::<Vec<_>>(),
        [(bob, "I build.")]
    );
    refused(app.answer_application(by(3), job, bob, ApplicationState::Invited), Refusal::NotAllowed);
    refused(app.answer_application(by(1), job, 3, ApplicationState::Invited), Refusal::NotFound);
    for _ in 0..2 {
        ok(app.answer_application(by(1), job, bob, ApplicationState::Invited));
    }
    let told = ok(app.notifications(by(2), None, 9)).notifications;
    let news: Vec<News> = told.into_iter().map(|it| it.news).collect();
    assert_eq!(news, [News::Answered { job, state: ApplicationState::Invited }]);
    assert_eq!(titles(&app, by(2), JobList::Applied), ["Welder"]);
    ok(app.withdraw_application(by(2), job));
    ok(app.withdraw_application(by(2), job));
    assert_eq!((ok(app.job(by(2), job)).applications, titles(&app, by(2), JobList::Applied).len()), (0, 0));
}

#[test]
fn a_closed_job_takes_no_applications() {
    let mut app = app();
    (1..=2).for_each(|person| {
        join(&mut app, person);
    });
    let job = ok(app.post_job(by(1), new_job("Welder", "Oslo", 1))).id;
    refused(app.open_job(by(2), job, false), Refusal::NotAllowed);
    ok(app.open_job(by(1), job, false));
    refused(apply(&mut app, 2, job), invalid());
    assert!(titles(&app, nobody(), JobList::Open(JobFilter::default())).is_empty());
    assert_eq!(titles(&app, by(1), JobList::Posted), ["Welder"]);
    ok(app.open_job(by(1), job, true));
    ok(apply(&mut app, 2, job));
}

#[test]
fn an_application_lets_both_write_until_the_job_is_gone() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    let job = ok(app.post_job(by(1), new_job("Welder", "Oslo", 1))).id;
    let other = ok(app.post_job(by(1), new_job("Planner", "Oslo", 2))).id;
    let write = |app: &mut TestApp, person, to, order| {
        app.send_message(by(person), NewMessage { to, text: "hello".into(), order })
    };
    refused(write(&mut app, 1, bob, 5), Refusal::NotConnected);
    ok(apply(&mut app, 2, job));
    ok(apply(&mut app, 2, other));
    ok(write(&mut app, 1, bob, 6));
    ok(app.delete_job(by(1), job));
    ok(write(&mut app, 2, ann, 6));
    ok(app.delete_job(by(1), other));
    refused(write(&mut app, 2, ann, 7), Refusal::NotConnected);
    assert_eq!((ok(app.user(bob)).applications, ok(app.user(ann)).jobs), (0, 0));
}
