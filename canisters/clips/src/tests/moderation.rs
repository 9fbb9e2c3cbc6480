//! Reports, and the moderators' decision.

use super::*;

/// Ann (1) publishes; 2 and 3 report; 4, 5 and 6 are moderators.
fn scene() -> (TestApp, ClipId, MediaId) {
    let mut app = app();
    let users: Vec<UserId> = (1..=8).map(|person| join(&mut app, person)).collect();
    for moderator in &users[3..6] {
        ok(app.set_role(by(9), true, *moderator, Role::Moderator));
    }
    let clip = publish(&mut app, 1, "x");
    let video = ok(app.clip(by(1), clip)).video;
    (app, clip, video)
}

fn report(target: Target) -> NewReport {
    NewReport { target, reason: Reason::Spam, note: "look".into() }
}

#[test]
fn two_distinct_reports_hide_a_clip_and_its_video() {
    let (mut app, clip, video) = scene();
    for _ in 0..3 {
        ok(app.report(by(2), report(Target::Clip(clip))));
    }
    assert!(!ok(app.clip(by(1), clip)).hidden);
    ok(app.report(by(3), report(Target::Clip(clip))));
    refused(app.clip(nobody(), clip), Refusal::NotFound);
    refused(app.like(by(2), clip, true), Refusal::NotFound);
    assert_eq!(app.feed(by(2), Tab::ForYou, None, 10).clips, []);
    assert!(app.media.answer(video, None).is_none());
    assert_eq!(app.first_page(), b"[]");
    // its maker sees that it is hidden, moderators what it is
    assert!(ok(app.clip(by(1), clip)).hidden);
    assert_eq!(app.clip_list(by(1), ClipList::Of(1), None, 10).clips.len(), 1);
    assert_eq!(ok(app.evidence(by(4), clip, 0)).len(), 1_000);
    refused(app.evidence(by(2), clip, 0), Refusal::NotAllowed);
    assert_eq!(ok(app.notifications(by(1), None, 10)).notifications[0].news, News::Hidden(clip));
}

#[test]
fn a_majority_keeps_and_reports_do_not_hide_it_again() {
    let (mut app, clip, video) = scene();
    [2, 3].into_iter().for_each(|person| ok(app.report(by(person), report(Target::Clip(clip)))));
    let case = ok(app.queue(by(4), None, 10)).cases[0].clone();
    assert_eq!((case.reports, case.hidden, case.needed), (2, true, 2));
    refused(app.queue(by(2), None, 10), Refusal::NotAllowed);
    refused(app.vote(by(2), case.id, Verdict::Keep), Refusal::NotAllowed);
    ok(app.vote(by(4), case.id, Verdict::Remove));
    // a vote that is given twice counts once; it may be changed
    assert_eq!(ok(app.vote(by(4), case.id, Verdict::Remove)).remove, 1);
    let view = ok(app.vote(by(4), case.id, Verdict::Keep));
    assert_eq!((view.keep, view.remove, view.my_vote), (1, 0, Some(Verdict::Keep)));
    assert_eq!(ok(app.vote(by(5), case.id, Verdict::Keep)).state, CaseState::Kept);
    assert!(!ok(app.clip(nobody(), clip)).hidden);
    assert!(app.media.answer(video, None).is_some());
    assert_eq!(app.totals().open_cases, 0);
    [7, 8].into_iter().for_each(|person| ok(app.report(by(person), report(Target::Clip(clip)))));
    assert!(!ok(app.clip(nobody(), clip)).hidden);
    let again = ok(app.queue(by(4), None, 10)).cases[0].clone();
    assert_eq!((again.id, again.keep, again.my_vote), (case.id, 0, None));
}

#[test]
fn a_majority_removes_for_good() {
    let (mut app, clip, _) = scene();
    ok(app.report(by(2), report(Target::Clip(clip))));
    let case = ok(app.queue(by(4), None, 10)).cases[0].id;
    ok(app.vote(by(4), case, Verdict::Remove));
    assert_eq!(ok(app.vote(by(6), case, Verdict::Remove)).state, CaseState::Removed);
    refused(app.clip(by(1), clip), Refusal::NotFound);
    assert_eq!(app.totals().media_bytes, 0);
    assert_eq!(ok(app.notifications(by(1), None, 10)).notifications[0].news, News::Removed(clip));
    let deeds: Vec<Deed> = ok(app.events(by(4), false, None, 2)).events.iter().map(|it| it.deed).collect();
    let last = Deed::Voted { case, verdict: Verdict::Remove };
    assert_eq!(deeds, [Deed::Decided { case, verdict: Verdict::Remove }, last]);
}

#[test]
fn comments_are_judged_the_same_way() {
    let (mut app, clip, _) = scene();
    let comment = ok(app.comment(by(7), NewComment { clip, text: "bad".into(), order: 1 })).id;
    let target = Target::Comment { clip, comment };
    [2, 3].into_iter().for_each(|person| ok(app.report(by(person), report(target))));
    assert_eq!(app.comments(nobody(), clip, None, 10).comments, []);
    let case = ok(app.queue(by(4), None, 10)).cases[0].clone();
    assert_eq!(case.comment.map(|it| it.text), Some("bad".into()));
    [4, 5].into_iter().for_each(|person| {
        ok(app.vote(by(person), case.id, Verdict::Remove));
    });
    assert_eq!(ok(app.clip(nobody(), clip)).comments, 0);
}

#[test]
fn a_user_reports_so_often_in_a_day() {
    let (mut app, _, _) = scene();
    let clips: Vec<ClipId> = (0..=REPORTS_PER_WINDOW).map(|_| publish(&mut app, 1, "x")).collect();
    let (last, first) = clips.split_last().expect("some");
    first.iter().for_each(|clip| ok(app.report(by(2), report(Target::Clip(*clip)))));
    refused(app.report(by(2), report(Target::Clip(*last))), Refusal::NotBefore(NOW + REPORT_WINDOW));
    // once more is the same call
    ok(app.report(by(2), report(Target::Clip(first[0]))));
    assert_eq!(app.totals().open_cases, REPORTS_PER_WINDOW as u64);
    ok(app.report(at(2, NOW + REPORT_WINDOW), report(Target::Clip(*last))));
}

#[test]
fn a_few_accounts_do_not_hide_what_many_like() {
    let (mut app, clip, _) = scene();
    let mut record = ok(app.clip_record(clip));
    record.likes = LIKES_PER_REPORT;
    app.put_clip(clip, record);
    [2, 3].into_iter().for_each(|person| ok(app.report(by(person), report(Target::Clip(clip)))));
    assert!(!ok(app.clip(nobody(), clip)).hidden);
    assert_eq!(app.totals().open_cases, 1);
    ok(app.report(by(7), report(Target::Clip(clip))));
    refused(app.clip(nobody(), clip), Refusal::NotFound);
}

#[test]
fn nobody_need_decide_about_what_its_maker_took_away() {
    let (mut app, clip, _) = scene();
    let comment = |app: &mut TestApp, order| {
        let comment = ok(app.comment(by(7), NewComment { clip, text: "bad".into(), order })).id;
        ok(app.report(by(2), report(Target::Comment { clip, comment })));
        comment
    };
    let (first, _) = (comment(&mut app, 1), comment(&mut app, 2));
    ok(app.report(by(2), report(Target::Clip(clip))));
    assert_eq!(app.totals().open_cases, 3);
    ok(app.delete_comment(by(7), clip, first));
    assert_eq!(app.totals().open_cases, 2);
    // the second goes with the clip
    ok(app.delete_clip(by(1), clip));
    assert_eq!((app.totals().open_cases, ok(app.queue(by(4), None, 10)).cases), (0, Vec::new()));
}

#[test]
fn only_votes_of_those_count_who_are_moderators() {
    let (mut app, clip, _) = scene();
    ok(app.report(by(2), report(Target::Clip(clip))));
    let case = ok(app.queue(by(4), None, 10)).cases[0].id;
    ok(app.vote(by(4), case, Verdict::Remove));
    // four is one no more, and seven becomes one
    ok(app.set_role(by(9), true, 4, Role::User));
    ok(app.set_role(by(9), true, 7, Role::Moderator));
    let view = ok(app.vote(by(7), case, Verdict::Remove));
    assert_eq!((view.remove, view.state), (1, CaseState::Open));
    ok(app.suspend(by(9), true, 7, true));
    let view = ok(app.vote(by(5), case, Verdict::Remove));
    assert_eq!((view.remove, view.state), (1, CaseState::Open));
    assert_eq!(ok(app.vote(by(6), case, Verdict::Remove)).state, CaseState::Removed);
}

#[test]
fn a_case_is_decided_by_those_who_may_judge_it() {
    let (mut app, _, _) = scene();
    // of three moderators one made it, and one reported it
    let clip = publish(&mut app, 4, "x");
    ok(app.report(by(5), report(Target::Clip(clip))));
    let case = ok(app.queue(by(6), None, 10)).cases[0].clone();
    assert_eq!(case.needed, 1);
    assert_eq!(ok(app.vote(by(6), case.id, Verdict::Keep)).state, CaseState::Kept);
}

#[test]
fn what_is_said_below_a_clip_is_seen_where_the_clip_is() {
    let (mut app, clip, _) = scene();
    ok(app.comment(by(7), NewComment { clip, text: "words".into(), order: 1 }));
    let count = |app: &TestApp, call: Call| app.comments(call, clip, None, 10).comments.len();
    assert_eq!((count(&app, nobody()), count(&app, by(8))), (1, 1));
    ok(app.block(by(1), 8, true));
    assert_eq!((count(&app, nobody()), count(&app, by(8))), (1, 0));
    [2, 3].into_iter().for_each(|person| ok(app.report(by(person), report(Target::Clip(clip)))));
    let seen = [nobody(), by(2), by(1), by(4)].map(|call| count(&app, call));
    assert_eq!(seen, [0, 0, 1, 1]);
}

#[test]
fn nobody_hides_from_moderators_by_blocking_them() {
    let (mut app, clip, _) = scene();
    ok(app.report(by(2), report(Target::Clip(clip))));
    ok(app.block(by(1), 4, true));
    let case = ok(app.queue(by(4), None, 10)).cases[0].clone();
    assert_eq!(case.clip.map(|it| it.id), Some(clip));
    ok(app.block(by(1), 8, true));
    refused(app.clip(by(8), clip), Refusal::NotFound);
}

#[test]
fn users_do_not_drive_moderators_deeds_out_of_the_log() {
    let (mut app, clip, _) = scene();
    ok(app.report(by(2), report(Target::Clip(clip))));
    let case = ok(app.queue(by(4), None, 10)).cases[0].id;
    ok(app.vote(by(4), case, Verdict::Keep));
    for _ in 0..=EVENTS_MAX {
        app.log(Some(1), NOW, Deed::Deleted(1));
    }
    let (mut deeds, mut before) = (Vec::new(), None);
    loop {
        let page = ok(app.events(by(4), false, before, 50));
        deeds.extend(page.events.iter().map(|it| it.deed));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(deeds.iter().filter(|it| matches!(it, Deed::Deleted(_))).count() as u64, EVENTS_MAX);
    assert!(deeds.contains(&Deed::Voted { case, verdict: Verdict::Keep }));
    assert!(deeds.iter().any(|it| matches!(it, Deed::GaveRole { .. })));
}

#[test]
fn nobody_judges_their_own_matter() {
    let (mut app, clip, _) = scene();
    ok(app.report(by(4), report(Target::Clip(clip))));
    let case = ok(app.queue(by(4), None, 10)).cases[0].id;
    refused(app.vote(by(4), case, Verdict::Remove), invalid());
    refused(app.report(by(1), report(Target::Clip(clip))), invalid());
    let own = publish(&mut app, 5, "y");
    ok(app.report(by(2), report(Target::Clip(own))));
    let case = ok(app.queue(by(4), None, 10)).cases[1].id;
    refused(app.vote(by(5), case, Verdict::Keep), invalid());
}
