//! Profiles, following, blocking, roles.

use super::*;

#[test]
fn a_guest_makes_a_profile_and_nothing_else() {
    let mut app = app();
    refused(app.follow(by(1), 1, true), Refusal::NoProfile);
    refused(app.follow(nobody(), 1, true), Refusal::Anonymous);
    let new = NewProfile { name: "Ann_1".into(), display: " Ann ".into(), bio: String::new() };
    refused(app.create_profile(nobody(), new.clone()), Refusal::Anonymous);
    let profile = ok(app.create_profile(by(1), new.clone()));
    assert_eq!((profile.card.name.as_str(), profile.card.display.as_str()), ("ann_1", "Ann"));
    assert_eq!(app.me(by(1)).map(|me| me.points), Some(WELCOME_POINTS));
    // once more is the same call; another person does not get the name
    assert_eq!(ok(app.create_profile(by(1), new.clone())), profile);
    refused(app.create_profile(by(2), new), Refusal::Taken);
    assert_points(&app, 1..3);
}

#[test]
fn names_and_texts_have_rules() {
    let mut app = app();
    let mut check = |name: &str, display: &str, bio: &str| {
        let new = NewProfile { name: name.into(), display: display.into(), bio: bio.into() };
        refused(app.create_profile(by(1), new), invalid());
    };
    check("a", "A", "");
    check(&"a".repeat(NAME_MAX + 1), "A", "");
    check("a b", "A", "");
    check("ann", " ", "");
    check("ann", "A\u{7}", "");
    for hidden in ["A\nB", "Ann\u{202e}nnA", "A\u{200b}nn", "\u{feff}Ann", "A\u{2066}nn"] {
        check("ann", hidden, "");
    }
    check("ann", &"x".repeat(DISPLAY_MAX + 1), "");
    check("ann", "A", &"x".repeat(BIO_MAX + 1));
}

#[test]
fn following_counts_once_and_is_taken_back() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    for _ in 0..2 {
        ok(app.follow(by(1), bob, true));
    }
    assert_eq!(ok(app.profile_named(by(1), "USER_2")).card.followers, 1);
    assert!(ok(app.profile_named(by(1), "user_2")).card.following_them);
    let followers = app.people(by(2), PeopleList::Followers(bob), None, 10).people;
    assert_eq!(followers.iter().map(|it| it.id).collect::<Vec<_>>(), [ann]);
    for _ in 0..2 {
        ok(app.follow(by(1), bob, false));
    }
    let profile = ok(app.profile(by(1), bob));
    assert_eq!((profile.card.followers, profile.card.following_them), (0, false));
    refused(app.follow(by(1), ann, true), invalid());
    refused(app.follow(by(1), 99, true), Refusal::NotFound);
}

#[test]
fn who_is_blocked_follows_no_more_and_sees_nothing() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    ok(app.follow(by(1), bob, true));
    ok(app.follow(by(2), ann, true));
    let clip = publish(&mut app, 1, "hello");
    ok(app.block(by(1), bob, true));
    assert_eq!(ok(app.profile(by(1), bob)).card.followers, 0);
    assert_eq!(ok(app.profile(by(2), ann)).card.followers, 0);
    refused(app.follow(by(2), ann, true), Refusal::Blocked);
    refused(app.like(by(2), clip, true), Refusal::Blocked);
    refused(app.clip(by(2), clip), Refusal::NotFound);
    assert_eq!(app.feed(by(2), Tab::ForYou, None, 10).clips, []);
    refused(app.send_message(by(2), NewMessage { to: ann, text: "hi".into(), order: 1 }), Refusal::Blocked);
    assert_eq!(app.people(by(2), PeopleList::Blocked, None, 10).people, []);
    assert_eq!(app.people(by(1), PeopleList::Blocked, None, 10).people.len(), 1);
    ok(app.block(by(1), bob, false));
    ok(app.like(by(2), clip, true));
}

#[test]
fn only_admins_give_roles_and_suspend() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    refused(app.set_role(by(1), false, bob, Role::Moderator), Refusal::NotAllowed);
    ok(app.set_role(by(9), true, ann, Role::Admin));
    ok(app.set_role(by(1), false, bob, Role::Moderator));
    refused(app.suspend(by(2), false, ann, true), Refusal::NotAllowed);
    ok(app.suspend(by(1), false, bob, true));
    refused(app.follow(by(2), ann, true), Refusal::Suspended);
    let events = ok(app.events(by(1), false, None, 10)).events;
    assert!(matches!(events[0].deed, Deed::Suspended { suspended: true, .. }));
    refused(app.events(by(2), false, None, 10), Refusal::Suspended);
    ok(app.suspend(by(1), false, bob, false));
    assert_eq!(ok(app.events(by(2), false, None, 2)).events.len(), 2);
}

#[test]
fn what_an_upgrade_does_not_say_stays() {
    let mut app = app();
    let ann = join(&mut app, 1);
    let (admin, identity) = (by(7).caller, by(8).caller);
    app.configure(InitArgs { admin: Some(admin), identity: Some(identity) });
    app.configure(InitArgs::default());
    assert_eq!(app.identity(), Some(identity));
    ok(app.set_role(by(7), false, ann, Role::Moderator));
    app.configure(InitArgs { admin: None, identity: Some(admin) });
    assert_eq!(app.identity(), Some(admin));
    ok(app.set_role(by(7), false, ann, Role::User));
}

#[test]
fn an_admin_who_is_named_needs_no_profile() {
    let mut app = app();
    let ann = join(&mut app, 1);
    app.configure(InitArgs { admin: Some(by(7).caller), identity: None });
    ok(app.set_role(by(7), false, ann, Role::Moderator));
}

#[test]
fn of_a_suspended_user_others_see_the_handle_alone() {
    let mut app = app();
    let (ann, _) = (join(&mut app, 1), join(&mut app, 2));
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 100]].concat();
    let picture = upload(&mut app, by(1), MediaKind::Png, &png);
    let edit = ProfileEdit { display: "Bad Words".into(), bio: "worse".into(), picture: Some(picture) };
    ok(app.edit_profile(by(1), edit));
    publish(&mut app, 1, "x");
    ok(app.suspend(by(9), true, ann, true));
    let seen = |call: Call| {
        let profile = ok(app.profile_named(call, "user_1"));
        (profile.card.display, profile.bio, profile.card.picture)
    };
    assert_eq!(seen(by(2)), ("user_1".into(), String::new(), None));
    assert_eq!(seen(by(1)), ("Bad Words".into(), "worse".into(), Some(picture)));
    assert!(app.media.answer(picture, None).is_none());
    assert!(!String::from_utf8_lossy(app.first_page()).contains("Bad Words"));
    ok(app.suspend(by(9), true, ann, false));
    assert!(app.media.answer(picture, None).is_some());
    assert!(String::from_utf8_lossy(app.first_page()).contains("Bad Words"));
}

#[test]
fn a_profile_is_edited_and_keeps_one_picture() {
    let mut app = app();
    join(&mut app, 1);
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 100]].concat();
    let (first, second) =
        (upload(&mut app, by(1), MediaKind::Png, &png), upload(&mut app, by(1), MediaKind::Png, &png));
    let edit = |picture| ProfileEdit { display: "Anna Lind".into(), bio: "Hello".into(), picture };
    assert_eq!(ok(app.edit_profile(by(1), edit(Some(first)))).card.picture, Some(first));
    assert_eq!(ok(app.edit_profile(by(1), edit(Some(second)))).card.picture, Some(second));
    assert_eq!(ok(app.edit_profile(by(1), edit(None))).card.picture, Some(second));
    assert!(app.media.answer(first, None).is_none());
    assert!(app.media.answer(second, None).is_some());
    assert_eq!(ok(app.search(by(1), "lind")).people.len(), 1);
    assert_eq!(ok(app.search(by(1), "user 1")).people.len(), 0);
}
