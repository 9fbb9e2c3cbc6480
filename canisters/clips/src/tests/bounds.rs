//! What one person, or a full canister, cannot do; and what everybody still can.

use super::*;

fn too_many() -> Refusal {
    Refusal::TooMany(String::new())
}

fn new_comment(clip: ClipId, text: &str, order: Order) -> NewComment {
    NewComment { clip, text: text.into(), order }
}

fn new_message(to: UserId, order: Order) -> NewMessage {
    NewMessage { to, text: "hello".into(), order }
}

#[test]
fn an_order_for_one_thing_answers_no_call_for_another() {
    let mut app = app();
    let (_, bob) = (join(&mut app, 1), join(&mut app, 2));
    let clip = publish(&mut app, 2, "x");
    // the number that her own video will have
    let order = ok(app.clip(by(1), clip)).video + 1;
    let comment = ok(app.comment(by(1), new_comment(clip, "words", order)));
    let message = ok(app.send_message(by(1), new_message(bob, order)));
    assert_eq!(ok(app.tip(by(1), NewTip { clip, points: 7, order })).tips, 7);
    let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(1_000, 2));
    assert_eq!(video, order);
    let own = ok(app.publish(by(1), new_clip(video, "mine")));
    assert_eq!(
        (own.caption.as_str(), message.text.as_str(), comment.text.as_str()),
        ("mine", "hello", "words")
    );
    // and yet each is done once
    assert_eq!(ok(app.comment(by(1), new_comment(clip, "words", order))), comment);
    assert_eq!(ok(app.send_message(by(1), new_message(bob, order))), message);
    assert_eq!(ok(app.tip(by(1), NewTip { clip, points: 7, order })).tips, 7);
    assert_eq!(ok(app.publish(by(1), new_clip(video, "mine"))).id, own.id);
}

#[test]
fn a_full_app_takes_nothing_in_and_lets_moderators_decide() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    (3..=5).for_each(|person| {
        join(&mut app, person);
    });
    ok(app.set_role(by(9), true, bob, Role::Moderator));
    let (clip, other) = (publish(&mut app, 1, "x"), publish(&mut app, 3, "y"));
    let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(1_000, 2));
    app.room = 0;
    let new = NewProfile { name: "late".into(), display: "Late".into(), bio: String::new() };
    refused(app.create_profile(by(9), new), too_many());
    let edit = ProfileEdit { display: "More".into(), bio: String::new(), picture: None };
    refused(app.edit_profile(by(1), edit), too_many());
    refused(app.begin_upload(by(1), NewUpload { kind: MediaKind::Mp4, bytes: 9 }), too_many());
    refused(app.publish(by(1), new_clip(video, "more")), too_many());
    refused(app.comment(by(2), new_comment(clip, "more", 8)), too_many());
    refused(app.send_message(by(1), new_message(bob, 8)), too_many());
    refused(app.like(by(3), clip, true), too_many());
    refused(app.superlike(by(3), clip), too_many());
    refused(app.bookmark(by(3), clip, true), too_many());
    refused(app.follow(by(3), ann, true), too_many());
    ok(app.viewed(by(3), clip));
    assert_eq!(ok(app.clip(by(3), clip)).views, 0);
    [4, 5].into_iter().for_each(|person| {
        let target = Target::Clip(clip);
        ok(app.report(by(person), NewReport { target, reason: Reason::Spam, note: "look".into() }));
    });
    let case = ok(app.queue(by(2), None, 10)).cases[0].id;
    assert_eq!(ok(app.vote(by(2), case, Verdict::Remove)).state, CaseState::Removed);
    ok(app.delete_clip(by(3), other));
    ok(app.cancel_upload(by(1), video));
    ok(app.block(by(1), bob, true));
}

#[test]
fn a_day_has_so_many_bytes_and_the_next_day_as_many_again() {
    let mut app = app();
    join(&mut app, 1);
    let clip = publish(&mut app, 1, "x");
    let long = "x".repeat(COMMENT_MAX);
    let mut order = 0;
    let refusal = loop {
        order += 1;
        match app.comment(by(1), new_comment(clip, &long, order)) {
            Ok(_) => assert!(order <= WRITTEN_PER_DAY / long.len() as u64),
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, Refusal::TooMany(_)), "{refusal:?}");
    // a call that comes again is answered, and costs nothing
    ok(app.comment(by(1), new_comment(clip, &long, order - 1)));
    ok(app.comment(at(1, NOW + DAY), new_comment(clip, &long, order)));
}

#[test]
fn likes_bookmarks_and_views_that_are_remembered_are_bounded() {
    let mut app = app();
    let (_, bob) = (join(&mut app, 1), join(&mut app, 2));
    let (gone, clip) = (publish(&mut app, 1, "x"), publish(&mut app, 1, "y"));
    ok(app.like(by(2), gone, true));
    ok(app.bookmark(by(2), gone, true));
    ok(app.viewed(by(2), gone));
    let counts =
        |app: &TestApp| ok(app.user(bob)).liked + ok(app.user(bob)).bookmarked + ok(app.user(bob)).viewed;
    assert_eq!(counts(&app), 3);
    app.change_user(bob, |user| {
        (user.liked, user.bookmarked, user.viewed) = (LIKES_PER_USER, BOOKMARKS_PER_USER, VIEWS_PER_USER);
    });
    refused(app.like(by(2), clip, true), too_many());
    refused(app.bookmark(by(2), clip, true), too_many());
    ok(app.viewed(by(2), clip));
    assert_eq!(ok(app.clip(by(2), clip)).views, 0);
    // what one takes back makes room, also of a clip that is gone
    ok(app.delete_clip(by(1), gone));
    refused(app.like(by(2), gone, false), Refusal::NotFound);
    ok(app.bookmark(by(2), gone, false));
    ok(app.like(by(2), clip, true));
    ok(app.bookmark(by(2), clip, true));
}

#[test]
fn edges_of_clips_that_are_gone_are_erased_by_and_by() {
    let mut app = app();
    let crowd: u8 = 3 + STRAYS_PER_CALL as u8;
    (1..=crowd).for_each(|person| {
        join(&mut app, person);
    });
    let (gone, clip) = (publish(&mut app, 1, "x"), publish(&mut app, 1, "y"));
    (2..=crowd).for_each(|person| ok(app.viewed(by(person), gone)));
    ok(app.superlike(by(2), gone));
    ok(app.delete_clip(by(1), gone));
    let left = |app: &TestApp| {
        let edges = app.edges.iter().map(|it| *it.key());
        edges.filter(|(kind, from, _)| [8, 4].contains(kind) && *from == gone).count()
    };
    assert_eq!(left(&app), 3 + STRAYS_PER_CALL);
    ok(app.viewed(by(2), clip));
    assert_eq!((left(&app), app.strays.len()), (3, 1));
    ok(app.viewed(by(3), clip));
    assert_eq!((left(&app), app.strays.len()), (0, 0));
    assert_eq!((ok(app.user(2)).viewed, ok(app.user(u32::from(crowd))).viewed), (1, 0));
}

#[test]
fn what_is_too_long_or_not_signed_is_not_let_in() {
    let mut app = app();
    let ann = join(&mut app, 1);
    let check = |app: &TestApp, call: Call, controller: bool, method: &str, bytes: usize, expected: bool| {
        assert_eq!(app.admits(call, controller, method, bytes), expected, "{method} {bytes}");
    };
    check(&app, nobody(), false, "create_profile", 10, false);
    check(&app, by(9), false, "create_profile", 10, true);
    for (method, most) in
        [("comment", ARGUMENT_BYTES_MAX), ("put_chunk", ARGUMENT_BYTES_MAX + CHUNK as usize)]
    {
        check(&app, by(1), false, method, most, true);
        check(&app, by(1), false, method, most + 1, false);
    }
    ok(app.suspend(by(9), true, ann, true));
    check(&app, by(1), false, "put_chunk", 10, false);
    check(&app, by(9), true, "suspend", 10, true);
    app.configure(InitArgs { admin: Some(by(1).caller), identity: None });
    check(&app, by(1), false, "suspend", 10, true);
}
