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
