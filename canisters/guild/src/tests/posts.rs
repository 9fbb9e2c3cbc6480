//! Posts, reactions, comments, pictures of posts.

use super::*;

fn ids(app: &TestApp, call: Call, list: PostList) -> Vec<PostId> {
    ok(app.posts(call, &list, None, 50)).posts.iter().map(|it| it.id).collect()
}

fn new_comment(post: PostId, text: &str, order: u64) -> NewComment {
    NewComment { post, text: text.into(), order }
}

#[test]
fn a_post_is_published_once_and_seen_by_all() {
    let mut app = app();
    join(&mut app, 1);
    let new = || NewPost { text: " hello \n world ".into(), picture: None, order: 5 };
    refused(app.publish(nobody(), new()), Refusal::Anonymous);
    refused(app.publish(by(2), new()), Refusal::NoProfile);
    let post = ok(app.publish(by(1), new()));
    assert_eq!(ok(app.publish(by(1), new())), post);
    assert_eq!(post.text, "hello \n world");
    assert_eq!(ids(&app, nobody(), PostList::Everyone), [post.id]);
    refused(app.publish(by(1), NewPost { text: " ".into(), ..NewPost { order: 6, ..new() } }), invalid());
    let long = "x".repeat(POST_MAX + 1);
    refused(app.publish(by(1), NewPost { text: long, ..NewPost { order: 7, ..new() } }), invalid());
}

#[test]
fn the_network_feed_has_ones_own_and_connections_posts() {
    let mut app = app();
    (1..=3).for_each(|person| {
        join(&mut app, person);
    });
    let posts: Vec<PostId> = (1..=3).map(|person| publish(&mut app, person, "words")).collect();
    befriend(&mut app, 1, 2);
    assert_eq!(ids(&app, by(1), PostList::Network), [posts[1], posts[0]]);
    assert_eq!(ids(&app, by(3), PostList::Network), [posts[2]]);
    assert_eq!(ids(&app, by(3), PostList::Everyone), [posts[2], posts[1], posts[0]]);
    refused(app.posts(nobody(), &PostList::Network, None, 5), Refusal::Anonymous);
    let author = ok(app.post(by(1), posts[2])).author.id;
    assert_eq!(ids(&app, nobody(), PostList::Of(author)), [posts[2]]);
}

#[test]
fn the_networks_posts_are_found_however_many_others_publish() {
    let mut app = app();
    (1..=3).for_each(|person| {
        join(&mut app, person);
    });
    befriend(&mut app, 1, 2);
    let (old, own) = (publish(&mut app, 2, "words"), publish(&mut app, 1, "words"));
    for order in 0..SCAN_MAX as u64 + 10 {
        ok(app.publish(by(3), NewPost { text: "x".into(), picture: None, order }));
    }
    let new = publish(&mut app, 2, "words");
    assert_eq!(ids(&app, by(1), PostList::Network), [new, own, old]);
}

#[test]
fn who_knows_few_and_who_knows_many_get_the_same_feed() {
    let mut app = app();
    (1..=3).for_each(|person| {
        join(&mut app, person);
    });
    befriend(&mut app, 1, 2);
    let posts: Vec<PostId> = (0..9).map(|it| publish(&mut app, 1 + it % 3, "words")).collect();
    let mut near: Vec<PostId> =
        posts.iter().copied().enumerate().filter(|it| it.0 % 3 < 2).map(|it| it.1).collect();
    near.reverse();
    let pages = |app: &TestApp| {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = ok(app.posts(by(1), &PostList::Network, before, 2));
            seen.extend(page.posts.iter().map(|it| it.id));
            before = page.next;
            if before.is_none() {
                return seen;
            }
        }
    };
    assert_eq!(pages(&app), near);
    app.change_user(1, |user| user.connections = MERGED_MAX + 1);
    assert_eq!(pages(&app), near);
}

#[test]
fn pages_of_posts_hold_every_post_once() {
    let mut app = app();
    join(&mut app, 1);
    let mut posts: Vec<PostId> = (0..7).map(|it| publish(&mut app, 1, &format!("post {it}"))).collect();
    posts.reverse();
    for list in [PostList::Everyone, PostList::Network, PostList::Of(1), PostList::Found("post".into())] {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let page = ok(app.posts(by(1), &list, before, 3));
            all.extend(page.posts.iter().map(|it| it.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(all, posts, "{list:?}");
    }
}

#[test]
fn a_reaction_counts_once_and_changes_its_kind() {
    let mut app = app();
    let (_, bob) = (join(&mut app, 1), join(&mut app, 2));
    let post = publish(&mut app, 1, "x");
    let mut react = |with| ok(app.react(by(2), post, with)).reactions;
    assert_eq!(react(Some(Reaction::Like)), [(Reaction::Like, 1)]);
    assert_eq!(react(Some(Reaction::Like)), [(Reaction::Like, 1)]);
    assert_eq!(react(Some(Reaction::Funny)), [(Reaction::Funny, 1)]);
    ok(app.react(by(1), post, Some(Reaction::Like)));
    assert_eq!(ok(app.post(by(2), post)).mine, Some(Reaction::Funny));
    let who: Vec<_> =
        app.reactions(nobody(), post, None, 9).iter().map(|(it, with)| (it.id, *with)).collect();
    assert_eq!(who, [(1, Reaction::Like), (bob, Reaction::Funny)]);
    assert_eq!(ok(app.react(by(2), post, None)).reactions, [(Reaction::Like, 1)]);
    assert_eq!(ok(app.react(by(1), post, None)).reactions, []);
    // told once, however often the mind changed
    assert_eq!(app.me(by(1)).map(|it| it.unread_notifications), Some(1));
    refused(app.react(by(2), 99, Some(Reaction::Like)), Refusal::NotFound);
}

#[test]
fn comments_are_written_once_and_removed_by_writer_or_author() {
    let mut app = app();
    (1..=3).for_each(|person| {
        join(&mut app, person);
    });
    let post = publish(&mut app, 1, "x");
    let first = ok(app.comment(by(2), new_comment(post, "one", 1)));
    assert_eq!(ok(app.comment(by(2), new_comment(post, "one", 1))), first);
    let second = ok(app.comment(by(3), new_comment(post, "two", 1)));
    let texts = |app: &TestApp| -> Vec<String> {
        app.comments(nobody(), post, None, 9).comments.into_iter().map(|it| it.text).collect()
    };
    assert_eq!((texts(&app), ok(app.post(by(1), post)).comments), (vec!["two".into(), "one".into()], 2));
    refused(app.delete_comment(by(3), post, first.id), Refusal::NotAllowed);
    ok(app.delete_comment(by(3), post, second.id));
    ok(app.delete_comment(by(1), post, first.id));
    refused(app.delete_comment(by(1), post, first.id), Refusal::NotFound);
    assert_eq!((texts(&app).len(), ok(app.post(by(1), post)).comments), (0, 0));
    refused(app.comment(by(2), new_comment(post, "", 2)), invalid());
}

#[test]
fn a_deleted_post_takes_all_below_it_along() {
    let mut app = app();
    (1..=2).for_each(|person| {
        join(&mut app, person);
    });
    let picture = NewPost { text: String::new(), picture: Some(png(100)), order: 1 };
    let post = ok(app.publish(by(1), picture));
    ok(app.react(by(2), post.id, Some(Reaction::Like)));
    // more than one call erases
    for order in 0..ERASED_AT_ONCE as u64 + 5 {
        ok(app.comment(by(2), new_comment(post.id, "x", order + 1)));
    }
    refused(app.delete_post(by(2), post.id), Refusal::NotAllowed);
    ok(app.delete_post(by(1), post.id));
    assert!(ids(&app, nobody(), PostList::Everyone).is_empty() && app.pictures.served().count() == 0);
    assert!(app.is_sweeping());
    app.sweep(NOW);
    assert!(!app.is_sweeping() && app.totals().picture_bytes == 0);
    let user = ok(app.user(2));
    assert_eq!((user.comments, user.reactions, ok(app.user(1)).posts), (0, 0, 0));
    refused(app.post(by(1), post.id), Refusal::NotFound);
}

#[test]
fn admins_take_away_what_must_not_be() {
    let mut app = app();
    join(&mut app, 1);
    let post = publish(&mut app, 1, "x");
    let comment = ok(app.comment(by(1), new_comment(post, "y", 1)));
    ok(app.delete_comment(controller(), post, comment.id));
    ok(app.delete_post(controller(), post));
}

#[test]
fn posts_are_found_by_their_words_until_they_are_gone() {
    let mut app = app();
    join(&mut app, 1);
    let (one, two) = (publish(&mut app, 1, "Stone bridges"), publish(&mut app, 1, "steel Bridge"));
    let found = |app: &TestApp, query: &str| ids(app, nobody(), PostList::Found(query.into()));
    assert_eq!(found(&app, "bridge"), [two, one]);
    assert_eq!(found(&app, "stone bri"), [one]);
    assert!(found(&app, "").is_empty());
    ok(app.delete_post(by(1), one));
    assert_eq!(found(&app, "bridge"), [two]);
}
