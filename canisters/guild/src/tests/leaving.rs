//! Export my data, delete me.

use super::*;
use crate::app::Edge;
use std::collections::BTreeMap;

/// Somebody who did everything, and two others.
fn busy() -> TestApp {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    join(&mut app, 3);
    let skill = ok(app.edit_profile(by(1), edit())).skills[0].id;
    let of_bob = ok(app.edit_profile(by(2), edit())).skills[0].id;
    ok(app.set_picture(by(1), Some(png(500))));
    befriend(&mut app, 1, 2);
    ok(app.invite(by(3), ann, "hi"));
    ok(app.endorse(by(2), ann, skill, true));
    ok(app.endorse(by(1), bob, of_bob, true));
    let (own, other) = (publish(&mut app, 1, "mine"), publish(&mut app, 2, "his"));
    for (person, post) in [(1, other), (2, own), (1, own)] {
        ok(app.react(by(person), post, Some(Reaction::Like)));
        ok(app.comment(by(person), NewComment { post, text: "words".into(), order: 90 + post }));
    }
    for order in 0..PAGE_MAX as u64 + 5 {
        ok(app.send_message(by(1), NewMessage { to: bob, text: "hello".into(), order: 1_000 + order }));
    }
    let job = |order| NewJob {
        title: "Welder".into(),
        company: "Works".into(),
        place: String::new(),
        workplace: Workplace::OnSite,
        hours: Hours::Contract,
        text: "Weld.".into(),
        order,
    };
    let posted = ok(app.post_job(by(1), job(50))).id;
    let applied = ok(app.post_job(by(2), job(50))).id;
    ok(app.apply(by(2), NewApplication { job: posted, letter: String::new() }));
    ok(app.apply(by(1), NewApplication { job: applied, letter: "please".into() }));
    ok(app.view(by(2), ann));
    ok(app.view(by(1), bob));
    app
}

fn publish_ordered(app: &mut TestApp, person: u8, text: &str, order: u64) -> PostId {
    ok(app.publish(by(person), NewPost { text: text.into(), picture: None, order })).id
}

fn export(app: &TestApp, person: u8) -> Vec<serde_json::Value> {
    let (mut entries, mut cursor) = (Vec::new(), None);
    loop {
        let page = ok(app.export_data(by(person), cursor));
        entries.extend(page.entries.iter().map(|it| serde_json::from_str(it).expect("JSON")));
        cursor = page.next;
        if cursor.is_none() {
            return entries;
        }
    }
}

#[test]
fn an_export_has_everything_once() {
    let app = busy();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for entry in export(&app, 1) {
        *kinds.entry(entry["kind"].as_str().expect("a kind").to_owned()).or_default() += 1;
    }
    let expected = [
        ("application", 1),
        ("candidate", 1),
        ("comment", 2),
        ("endorsement", 1),
        ("endorser", 1),
        ("job", 1),
        ("message", PAGE_MAX + 5),
        ("post", 1),
        ("profile", 1),
        ("reaction", 2),
        ("tie", 2),
        ("viewed", 1),
        ("viewer", 1),
    ];
    let told = kinds.remove("notification");
    assert!(told.is_some_and(|it| it >= 4), "{told:?}");
    assert_eq!(kinds, expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect());
    refused(app.export_data(nobody(), None), Refusal::NoProfile);
    let end = ExportCursor { part: 200, after: 0 };
    assert_eq!(ok(app.export_data(by(1), Some(end))).next, None);
}

#[test]
fn an_export_says_what_the_app_shows() {
    let app = busy();
    let entries = export(&app, 1);
    let check = |kind: &str, field: &str, expected: serde_json::Value| {
        let is_so = |it: &serde_json::Value| it["kind"] == kind && it[field] == expected;
        assert!(entries.iter().any(is_so), "{kind} {field}");
    };
    check("tie", "note", "hi".into());
    check("endorser", "by", "user_2".into());
    check("endorser", "skill", "Statics".into());
    check("candidate", "by", "user_2".into());
    check("viewer", "by", "user_2".into());
    check("reaction", "reaction", "Like".into());
    // the note is told to the one who wrote it, too
    let notes: Vec<_> = export(&app, 3).into_iter().filter(|it| it["note"] == "hi").collect();
    assert_eq!(notes.len(), 1);
}

#[test]
fn a_viewer_who_is_not_named_is_not_named_in_an_export() {
    let mut app = app();
    let ann = join(&mut app, 1);
    join(&mut app, 2);
    ok(app.edit_profile(by(2), ProfileEdit { private_views: true, ..edit() }));
    ok(app.view(by(2), ann));
    let viewers: Vec<_> = export(&app, 1).into_iter().filter(|it| it["kind"] == "viewer").collect();
    assert_eq!(viewers.len(), 1);
    assert!(viewers[0]["by"].is_null());
}

#[test]
fn an_export_leaves_out_no_message_though_older_ones_are_forgotten_meanwhile() {
    let mut app = app();
    let ids: Vec<UserId> = (1..=3).map(|person| join(&mut app, person)).collect();
    befriend(&mut app, 1, 2);
    befriend(&mut app, 1, 3);
    let send = |app: &mut TestApp, to: UserId, nth: u64| {
        let new = NewMessage { to, text: format!("message {nth}"), order: nth };
        ok(app.send_message(by(1), new));
    };
    (0..MESSAGES_PER_THREAD).for_each(|nth| send(&mut app, ids[1 + (nth % 2) as usize], nth));
    let (mut texts, mut cursor) = (Vec::new(), None);
    loop {
        let page = ok(app.export_data(by(1), cursor));
        let entries = page.entries.iter().filter_map(|it| serde_json::from_str(it).ok());
        let messages = entries.filter(|it: &serde_json::Value| it["kind"] == "message");
        let before = texts.len();
        texts.extend(messages.map(|it| it["text"].to_string()));
        if before == 0 && !texts.is_empty() {
            // one conversation is full, and its oldest are forgotten
            let more = MESSAGES_PER_THREAD..MESSAGES_PER_THREAD * 3 / 2 + 20;
            more.for_each(|nth| send(&mut app, ids[1], nth));
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let expected = (0..MESSAGES_PER_THREAD * 3 / 2 + 20).map(|nth| format!("\"message {nth}\""));
    assert_eq!(texts, expected.collect::<Vec<_>>());
}

#[test]
fn who_leaves_is_seen_no_more_at_once() {
    let mut app = busy();
    ok(app.delete_me(by(1)));
    refused(app.delete_me(by(1)), Refusal::NoProfile);
    refused(app.profile_named(nobody(), "user_1"), Refusal::NotFound);
    assert!(app.cards(by(2), &[1]).is_empty() && app.me(by(1)).is_none());
    let found = PeopleFilter { query: "bridge".into(), ..PeopleFilter::default() };
    assert_eq!(ok(app.search_people(nobody(), &found, None, 9)).people.len(), 1);
    assert_eq!(ok(app.posts(nobody(), &PostList::Everyone, None, 9)).posts.len(), 1);
    let page = String::from_utf8_lossy(app.first_page()).into_owned();
    assert!(page.contains("his") && !page.contains("mine"));
    // the name is free, and whoever had it can come again as somebody new
    assert_ne!(join(&mut app, 1), 1);
}

#[test]
fn what_stands_below_a_post_and_its_pictures_go_with_its_author_at_once() {
    let mut app = app();
    join(&mut app, 1);
    join(&mut app, 2);
    let picture = |app: &mut TestApp, order| {
        let new = NewPost { text: String::new(), picture: Some(png(100)), order };
        ok(app.publish(by(1), new))
    };
    let first = picture(&mut app, 1);
    // more than the call by which one leaves erases
    for order in 0..ERASED_BY_CALL as u64 + 5 {
        picture(&mut app, order + 2);
    }
    ok(app.react(by(2), first.id, Some(Reaction::Like)));
    ok(app.comment(by(2), NewComment { post: first.id, text: "words".into(), order: 1 }));
    let shown = |app: &TestApp| {
        let comments = app.comments(by(2), first.id, None, 9).comments.len();
        let served = app.picture(first.picture.expect("a picture")).is_some();
        (comments, app.reactions(by(2), first.id, None, 9).len(), served)
    };
    assert_eq!(shown(&app), (1, 1, true));
    ok(app.delete_me(by(1)));
    assert!(app.is_sweeping() && app.totals().picture_bytes > 0);
    assert_eq!(shown(&app), (0, 0, false));
}

#[test]
fn who_has_much_to_be_erased_lets_others_leave_meanwhile() {
    let mut app = app();
    for person in 1..=3 {
        join(&mut app, person);
    }
    let most = POSTS_PER_USER;
    for order in 0..most {
        publish_ordered(&mut app, 1, "some words", order.into());
    }
    // his posts leave comments below them, which are erased by and by
    let posts: Vec<PostId> = (0..20).map(|it| publish_ordered(&mut app, 2, "below", 10 + it)).collect();
    for (index, post) in posts.iter().cycle().take(3 * ERASED_AT_ONCE).enumerate() {
        let new = NewComment { post: *post, text: "more".into(), order: index as u64 };
        ok(app.comment(by(3), new));
    }
    ok(app.delete_me(by(1)));
    ok(app.delete_me(by(2)));
    ok(app.delete_me(by(3)));
    let mut strokes = 0;
    while app.totals().leaving > 1 {
        app.sweep(NOW);
        strokes += 1;
    }
    // twenty posts, and three times what one stroke erases, at a quarter of a stroke each
    assert!((1..=13).contains(&strokes), "{strokes}");
    assert!(app.totals().posts > 0);
    while app.is_sweeping() {
        app.sweep(NOW);
        strokes += 1;
    }
    assert_eq!((app.totals().posts, app.comments.len(), app.words.len()), (0, 0, 0));
    assert!(strokes < 40, "{strokes}");
}

#[test]
fn the_first_page_fills_again_when_many_posts_of_one_who_left_are_erased() {
    let mut app = app();
    join(&mut app, 1);
    join(&mut app, 2);
    publish(&mut app, 2, "his");
    for order in 0..SCAN_MAX as u64 + 100 {
        publish_ordered(&mut app, 1, "mine", order);
    }
    ok(app.delete_me(by(1)));
    assert_eq!(app.first_page(), b"[]");
    while app.is_sweeping() {
        app.sweep(NOW);
    }
    assert!(String::from_utf8_lossy(app.first_page()).contains("his"));
}

#[test]
fn who_waits_for_the_graph_is_parted_from_everybody_once() {
    let mut app = app();
    let ids: Vec<UserId> = (1..=5).map(|person| join(&mut app, person)).collect();
    for other in 2..=4 {
        befriend(&mut app, 1, other);
    }
    ok(app.invite(by(5), ids[0], ""));
    ok(app.delete_me(by(1)));
    for _ in 0..3 {
        app.sweep(NOW);
    }
    let wishes = app.unsettled();
    assert_eq!((wishes.len(), app.totals().leaving), (3, 1));
    assert_eq!(ok(app.user(ids[4])).invitations_sent, 0);
    // the graph finds one too old, and confirms the others
    app.settle(wishes[0].number, Outcome::Older(1_000), NOW);
    for wish in &wishes[1..] {
        app.settle(wish.number, Outcome::Done, NOW);
    }
    app.sweep(NOW);
    assert_eq!((app.unsettled().len(), app.totals().leaving), (1, 1));
    app.settle(app.unsettled()[0].number, Outcome::Done, NOW);
    app.sweep(NOW);
    assert!(!app.is_sweeping());
}

#[test]
fn nothing_of_who_left_is_kept() {
    let mut app = busy();
    ok(app.delete_me(by(1)));
    // with more than one turn for the one who leaves
    for _ in 0..8 {
        for wish in app.unsettled() {
            app.settle(wish.number, Outcome::Done, NOW);
        }
        app.sweep(NOW);
    }
    assert!(!app.is_sweeping());
    let Totals { users, posts, jobs, connections, picture_bytes, pending, not_held, leaving } = app.totals();
    assert_eq!((users, posts, jobs, connections, picture_bytes), (2, 1, 1, 0, 0));
    assert_eq!((pending, not_held, leaving), (0, 0, 0));
    // no edge names them, nor does a record
    let names = |id: u64| id == 1 || id >> 32 == 1;
    // of these edges the second end is a person, of one a skill; of all but one the first is either
    let is_theirs = |(kind, from, to): &crate::app::EdgeKey| {
        let second = [1, 2, 3, 4, 7, 9, 13, 14].contains(kind) && *to == 1;
        (*kind != Edge::Reaction as u8 && names(*from))
            || second
            || (*kind == Edge::Endorsed as u8 && names(*to))
    };
    let left: Vec<_> = app.edges.iter().map(|it| *it.key()).filter(is_theirs).collect();
    assert_eq!(left, []);
    assert!(app.ties.is_empty() && app.letters.is_empty() && app.threads.is_empty() && app.views.is_empty());
    assert!(app.applications.is_empty() && app.comments.iter().all(|it| it.value().0.author != 1));
    // what others counted of them is counted no more
    let bob = ok(app.user(2));
    assert_eq!((bob.connections, bob.bonds, bob.threads, bob.viewed, bob.endorsed), (0, 0, 0, 0, 0));
    assert_eq!((bob.skills[0].endorsements, bob.applications, bob.unread_messages), (0, 0, 0));
    let post = ok(app.posts(nobody(), &PostList::Everyone, None, 9)).posts.remove(0);
    assert_eq!((post.comments, post.reactions.len()), (0, 0));
    assert_eq!(ok(app.user(3)).invitations_sent, 0);
}

#[test]
fn a_suspended_user_may_leave() {
    let mut app = app();
    let ann = join(&mut app, 1);
    ok(app.suspend(controller(), ann, true));
    ok(app.delete_me(by(1)));
    assert_eq!((app.totals().users, app.is_sweeping()), (0, false));
}
