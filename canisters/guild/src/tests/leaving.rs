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
        ("comment", 2),
        ("endorsement", 1),
        ("job", 1),
        ("message", PAGE_MAX + 5),
        ("post", 1),
        ("profile", 1),
        ("reaction", 2),
        ("tie", 2),
        ("viewed", 1),
    ];
    let told = kinds.remove("notification");
    assert!(told.is_some_and(|it| it >= 4), "{told:?}");
    assert_eq!(kinds, expected.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect());
    refused(app.export_data(nobody(), None), Refusal::NoProfile);
    let end = ExportCursor { part: 200, after: 0 };
    assert_eq!(ok(app.export_data(by(1), Some(end))).next, None);
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
fn nothing_of_who_left_is_kept() {
    let mut app = busy();
    ok(app.delete_me(by(1)));
    for _ in 0..4 {
        for wish in app.unsettled() {
            app.settle(wish.number, Outcome::Done, NOW);
        }
        app.sweep(NOW);
    }
    assert!(!app.is_sweeping());
    let Totals { users, posts, jobs, connections, picture_bytes, pending, leaving } = app.totals();
    assert_eq!((users, posts, jobs, connections, picture_bytes, pending, leaving), (2, 1, 1, 0, 0, 0, 0));
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
