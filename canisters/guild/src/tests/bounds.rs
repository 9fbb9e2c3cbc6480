//! What one person, or a full canister, cannot do; and what everybody still can.

use super::*;

fn new_message(to: UserId, text: &str, order: Order) -> NewMessage {
    NewMessage { to, text: text.into(), order }
}

fn new_job(order: Order) -> NewJob {
    NewJob {
        title: "Builder".into(),
        company: "Bridge Works".into(),
        place: String::new(),
        workplace: Workplace::OnSite,
        hours: Hours::FullTime,
        text: "Of bridges.".into(),
        order,
    }
}

fn new_post(text: &str, order: Order) -> NewPost {
    NewPost { text: text.into(), picture: None, order }
}

#[test]
fn an_order_for_one_thing_answers_no_call_for_another() {
    let mut app = app();
    let (_, bob) = (join(&mut app, 1), join(&mut app, 2));
    befriend(&mut app, 1, 2);
    let order = 7;
    let post = ok(app.publish(by(1), new_post("first", order)));
    let comment = ok(app.comment(by(1), NewComment { post: post.id, text: "below".into(), order }));
    let message = ok(app.send_message(by(1), new_message(bob, "hello", order)));
    let job = ok(app.post_job(by(1), new_job(order)));
    assert_eq!(
        (comment.text.as_str(), message.text.as_str(), job.title.as_str()),
        ("below", "hello", "Builder")
    );
    // and yet each is done once
    assert_eq!(ok(app.publish(by(1), new_post("first", order))).id, post.id);
    assert_eq!(ok(app.send_message(by(1), new_message(bob, "hello", order))), message);
    assert_eq!(ok(app.post_job(by(1), new_job(order))).id, job.id);
    assert_eq!((app.totals().posts, app.totals().jobs), (1, 1));
}

#[test]
fn many_accounts_close_nobody_to_invitations() {
    let mut app = app();
    let ann = join(&mut app, 1);
    let stranger = |app: &mut TestApp, it: u32| {
        let call =
            Call { caller: Principal::from_slice(&it.to_be_bytes()), now: NOW + u64::from(it), ..by(9) };
        let new = NewProfile { name: format!("n{it}"), display: "N".into(), headline: String::new() };
        ok(app.create_profile(call, new));
        ok(app.invite(call, ann, ""));
        call
    };
    let first = stranger(&mut app, 0);
    (1..INVITATIONS_PER_USER).for_each(|it| {
        stranger(&mut app, it);
    });
    join(&mut app, 2);
    ok(app.invite(at(2, NOW + DAY), ann, "an old friend"));
    assert_eq!(app.me(by(1)).map(|it| it.invitations), Some(INVITATIONS_PER_USER));
    assert_eq!(ok(app.profile_named(by(1), "user_2")).card.tie, Tie::Invites);
    // the oldest made room
    assert_eq!(ok(app.profile(first, ann)).card.tie, Tie::Stranger);
    assert_eq!(ok(app.user(2)).invitations_sent, 0);
}

#[test]
fn many_applicants_close_nobody_to_messages() {
    let mut app = app();
    let ann = join(&mut app, 1);
    let job = ok(app.post_job(by(1), new_job(1))).id;
    let applicant = |app: &mut TestApp, it: u32| {
        let call = Call { caller: Principal::from_slice(&it.to_be_bytes()), ..by(9) };
        let new = NewProfile { name: format!("n{it}"), display: "N".into(), headline: String::new() };
        let id = ok(app.create_profile(call, new)).card.id;
        ok(app.apply(call, NewApplication { job, letter: String::new() }));
        ok(app.send_message(call, new_message(ann, "take me", 1)));
        (call, id)
    };
    let (_, answered) = applicant(&mut app, 0);
    ok(app.send_message(by(1), new_message(answered, "when?", 1)));
    let (oldest, _) = applicant(&mut app, 1);
    (2..THREADS_PER_USER).for_each(|it| {
        applicant(&mut app, it);
    });
    assert_eq!(ok(app.user(ann)).threads, THREADS_PER_USER);
    let (last, _) = applicant(&mut app, THREADS_PER_USER);
    let count = |call: Call, with: UserId| ok(app.messages(call, with, None, 9)).messages.len();
    assert_eq!((count(last, ann), count(oldest, ann), count(by(1), answered)), (1, 0, 2));
    assert_eq!(ok(app.user(ann)).threads, THREADS_PER_USER);
}

#[test]
fn a_full_guild_takes_nothing_in_and_lets_people_leave() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    join(&mut app, 3);
    befriend(&mut app, 1, 2);
    ok(app.invite(by(3), ann, ""));
    let post = publish(&mut app, 1, "words");
    let job = ok(app.post_job(by(1), new_job(1))).id;
    let skill = ok(app.edit_profile(by(2), edit())).skills[0].id;
    app.room = 0;
    let new = NewProfile { name: "late".into(), display: "Late".into(), headline: String::new() };
    refused(app.create_profile(by(9), new), too_many());
    refused(app.edit_profile(by(1), edit()), too_many());
    refused(app.set_picture(by(1), Some(png(100))), too_many());
    refused(app.publish(by(1), new_post("more", 8)), too_many());
    refused(app.comment(by(2), NewComment { post, text: "more".into(), order: 8 }), too_many());
    refused(app.react(by(2), post, Some(Reaction::Like)), too_many());
    refused(app.send_message(by(1), new_message(bob, "more", 8)), too_many());
    refused(app.post_job(by(1), new_job(8)), too_many());
    refused(app.apply(by(3), NewApplication { job, letter: "me".into() }), too_many());
    refused(app.invite(by(3), bob, ""), too_many());
    refused(app.endorse(by(1), bob, skill, true), too_many());
    // what the graph is told and says is taken in
    let wish = ok(app.accept(by(1), 3)).expect("a wish");
    app.settle(wish.number, Outcome::Done, NOW);
    assert_eq!(tie(&app, 1, 3), Tie::Connected);
    let wish = ok(app.disconnect(by(1), bob)).expect("a wish");
    app.settle(wish.number, Outcome::Done, NOW);
    ok(app.delete_post(by(1), post));
    ok(app.set_picture(by(1), None));
    ok(app.delete_me(by(1)));
    for wish in app.unsettled() {
        app.settle(wish.number, Outcome::Done, NOW);
    }
    app.sweep(NOW);
    assert!(!app.is_sweeping());
}

#[test]
fn a_day_has_so_many_bytes_and_the_next_day_as_many_again() {
    let mut app = app();
    join(&mut app, 1);
    let long = "x".repeat(POST_MAX);
    let mut order = 0;
    let refusal = loop {
        order += 1;
        match app.publish(by(1), new_post(&long, order)) {
            Ok(_) => assert!(order <= WRITTEN_PER_DAY / long.len() as u64),
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, Refusal::TooMany(_)), "{refusal:?}");
    let post = app.totals().posts;
    refused(app.comment(by(1), NewComment { post, text: long[..COMMENT_MAX].into(), order }), too_many());
    // a call that comes again is answered, and costs nothing
    ok(app.publish(by(1), new_post(&long, order - 1)));
    ok(app.publish(at(1, NOW + DAY), new_post(&long, order)));
}

#[test]
fn a_profile_has_so_many_bytes() {
    let mut app = app();
    join(&mut app, 1);
    let at = Month { year: 2010, month: 1 };
    let text = "x".repeat(STORY_MAX);
    let work = Experience {
        title: "Builder".into(),
        company: "Bridge Works".into(),
        place: String::new(),
        from: at,
        to: None,
        text,
    };
    let experience = |count: usize| ProfileEdit { experience: vec![work.clone(); count], ..edit() };
    ok(app.edit_profile(by(1), experience(10)));
    refused(app.edit_profile(by(1), experience(17)), too_many());
    assert_eq!(ok(app.profile_named(by(1), "user_1")).experience.len(), 10);
}

#[test]
fn a_connection_that_a_graph_put_back_has_no_room_for_stays_and_is_counted() {
    let mut app = app();
    let (_, bob) = (join(&mut app, 1), join(&mut app, 2));
    befriend(&mut app, 1, 2);
    assert_eq!(ok(app.tell_again(controller(), None)), None);
    let wish = app.unsettled()[0];
    app.settle(wish.number, Outcome::Full, NOW);
    let user = ok(app.user(bob));
    assert_eq!((tie(&app, 1, bob), user.connections, user.bonds), (Tie::Connected, 1, 1));
    assert_eq!((app.totals().not_held, app.totals().pending), (1, 0));
    ok(app.tell_again(controller(), None));
    app.settle(app.unsettled()[0].number, Outcome::Done, NOW);
    assert_eq!((app.totals().not_held, app.totals().connections), (0, 1));
}

#[test]
fn what_is_too_long_or_not_signed_is_not_let_in() {
    let mut app = app();
    let ann = join(&mut app, 1);
    let check = |app: &TestApp, call: Call, method: &str, bytes: usize, expected: bool| {
        assert_eq!(app.admits(call, method, bytes), expected, "{method} {bytes}");
    };
    check(&app, nobody(), "create_profile", 10, false);
    check(&app, by(9), "create_profile", 10, true);
    for (method, most) in [
        ("comment", ARGUMENT_BYTES_MAX),
        ("edit_profile", ARGUMENT_BYTES_MAX),
        ("publish", ARGUMENT_BYTES_MAX + PICTURE_BYTES_MAX),
        ("set_picture", ARGUMENT_BYTES_MAX + PICTURE_BYTES_MAX),
    ] {
        check(&app, by(1), method, most, true);
        check(&app, by(1), method, most + 1, false);
    }
    ok(app.suspend(controller(), ann, true));
    check(&app, by(1), "comment", 10, false);
    check(&app, by(1), "delete_me", 10, true);
    check(&app, controller(), "suspend", 10, true);
}

#[test]
fn no_name_holds_letters_that_cannot_be_seen() {
    let mut app = app();
    for hidden in ["Ann\u{202e}nnA", "A\u{200b}nn", "\u{feff}Ann", "A\u{2066}nn", "An\u{e0041}n"] {
        let new = NewProfile { name: "ann".into(), display: hidden.into(), headline: String::new() };
        refused(app.create_profile(by(1), new), invalid());
    }
    join(&mut app, 1);
    for name in ["Jürgen", "نیما\u{200c}ی", "👩\u{200d}💻"] {
        ok(app.edit_profile(by(1), ProfileEdit { display: name.into(), ..edit() }));
    }
}
