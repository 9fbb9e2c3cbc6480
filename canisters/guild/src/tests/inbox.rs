//! Notifications, messages, and that an upgrade keeps all.

use super::*;

fn new_message(to: UserId, text: &str, order: u64) -> NewMessage {
    NewMessage { to, text: text.into(), order }
}

#[test]
fn messages_arrive_once_and_in_order_among_connections() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    refused(app.send_message(by(1), new_message(bob, "one", 1)), Refusal::NotConnected);
    befriend(&mut app, 1, 2);
    let first = ok(app.send_message(by(1), new_message(bob, "one", 1)));
    assert_eq!(ok(app.send_message(by(1), new_message(bob, "one", 1))), first);
    ok(app.send_message(by(1), new_message(bob, "two", 2)));
    assert_eq!(app.me(by(2)).map(|me| me.unread_messages), Some(1));
    let threads = ok(app.conversations(by(2)));
    assert_eq!((threads.len(), threads[0].unread, threads[0].last.text.as_str()), (1, 2, "two"));
    let page = ok(app.messages(by(2), ann, None, 1));
    assert_eq!((page.messages[0].text.as_str(), page.messages[0].own), ("two", false));
    assert_eq!(ok(app.messages(by(2), ann, page.next, 5)).messages[0].text, "one");
    ok(app.read_messages(by(2), ann));
    assert_eq!(app.me(by(2)).map(|me| me.unread_messages), Some(0));
    refused(app.send_message(by(1), new_message(ann, "me", 3)), invalid());
}

#[test]
fn who_answers_has_read() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    befriend(&mut app, 1, 2);
    ok(app.send_message(by(1), new_message(bob, "one", 1)));
    ok(app.send_message(by(2), new_message(ann, "two", 1)));
    assert_eq!(app.me(by(2)).map(|it| it.unread_messages), Some(0));
    ok(app.send_message(by(1), new_message(bob, "three", 2)));
    assert_eq!(app.me(by(2)).map(|it| it.unread_messages), Some(1));
}

#[test]
fn who_parts_writes_no_more_and_reads_what_was() {
    let mut app = app();
    let (_, bob) = (join(&mut app, 1), join(&mut app, 2));
    befriend(&mut app, 1, 2);
    ok(app.send_message(by(1), new_message(bob, "one", 1)));
    ok(app.disconnect(by(1), bob));
    refused(app.send_message(by(1), new_message(bob, "two", 2)), Refusal::NotConnected);
    assert_eq!(ok(app.messages(by(1), bob, None, 9)).messages.len(), 1);
}

#[test]
fn a_conversation_keeps_its_last_messages() {
    let mut app = app();
    let (_, bob) = (join(&mut app, 1), join(&mut app, 2));
    befriend(&mut app, 1, 2);
    for order in 0..MESSAGES_PER_THREAD + 5 {
        ok(app.send_message(by(1), new_message(bob, "x", order + 1)));
    }
    let (mut count, mut before) = (0, None);
    loop {
        let page = ok(app.messages(by(1), bob, before, 50));
        count += page.messages.len() as u64;
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(count, MESSAGES_PER_THREAD);
}

#[test]
fn notifications_tell_who_did_what_and_are_read() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    let post = publish(&mut app, 1, "x");
    ok(app.react(by(2), post, Some(Reaction::Support)));
    ok(app.react(by(1), post, Some(Reaction::Like)));
    ok(app.invite(by(2), ann, ""));
    let page = ok(app.notifications(by(1), None, 10)).notifications;
    let reacted = News::Reacted { post, reaction: Reaction::Support };
    assert_eq!(page.iter().map(|it| it.news.clone()).collect::<Vec<_>>(), [News::Invited, reacted]);
    assert!(page.iter().all(|it| it.unread && it.from.as_ref().is_some_and(|card| card.id == bob)));
    ok(app.read_notifications(by(1), page[0].id));
    assert_eq!(app.me(by(1)).map(|me| me.unread_notifications), Some(0));
    // a number from the future does not hide what will come
    ok(app.read_notifications(by(1), u64::MAX));
    ok(app.comment(by(2), NewComment { post, text: "y".into(), order: 1 }));
    assert_eq!(app.me(by(1)).map(|me| me.unread_notifications), Some(1));
}

#[test]
fn old_notifications_make_room() {
    let mut app = app();
    let (ann, _) = (join(&mut app, 1), join(&mut app, 2));
    ok(app.invite(by(2), ann, ""));
    for nth in 0..NOTIFICATIONS_PER_USER {
        let post = publish(&mut app, 1, &format!("post {nth}"));
        ok(app.react(by(2), post, Some(Reaction::Like)));
    }
    assert_eq!(app.me(by(1)).map(|me| u64::from(me.unread_notifications)), Some(NOTIFICATIONS_PER_USER));
}

#[test]
fn who_does_and_undoes_something_drives_no_other_news_away() {
    let mut app = app();
    let (ann, _) = (join(&mut app, 1), join(&mut app, 2));
    join(&mut app, 3);
    let post = publish(&mut app, 1, "x");
    ok(app.comment(by(3), NewComment { post, text: "y".into(), order: 1 }));
    for _ in 0..=NOTIFICATIONS_PER_USER {
        ok(app.invite(by(2), ann, ""));
        ok(app.withdraw(by(2), ann));
        ok(app.react(by(2), post, Some(Reaction::Like)));
        ok(app.react(by(2), post, None));
    }
    let told = ok(app.notifications(by(1), None, 50)).notifications;
    let news: Vec<News> = told.into_iter().map(|it| it.news).collect();
    let reacted = News::Reacted { post, reaction: Reaction::Like };
    assert_eq!(news, [reacted, News::Invited, News::Commented(post)]);
}

#[test]
fn an_app_that_is_opened_again_knows_all_it_knew() {
    let memory = VectorMemory::default();
    let mut app = TestApp::open(memory.clone());
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    join(&mut app, 3);
    ok(app.edit_profile(by(1), edit()));
    ok(app.set_picture(by(1), Some(png(5_000))));
    befriend(&mut app, 1, 2);
    ok(app.invite(by(3), ann, "hi"));
    ok(app.accept(by(1), 3));
    let post = publish(&mut app, 1, "hello again");
    ok(app.react(by(2), post, Some(Reaction::Like)));
    ok(app.comment(by(2), NewComment { post, text: "hi".into(), order: 1 }));
    ok(app.send_message(by(2), new_message(ann, "hi", 2)));
    ok(app.view(by(2), ann));
    let snapshot = |app: &TestApp| {
        (
            app.me(by(1)),
            ok(app.posts(by(2), &PostList::Network, None, 10)),
            app.comments(by(1), post, None, 10),
            ok(app.conversations(by(1))),
            ok(app.posts(by(1), &PostList::Found("again".into()), None, 10)),
            (app.unsettled(), app.connections(by(1), bob, None, 10), ok(app.views(by(1), None, 10))),
            app.pictures.served().map(|(id, _)| app.pictures.answer(id)).collect::<Vec<_>>(),
            app.first_page().to_vec(),
            app.totals(),
        )
    };
    let before = snapshot(&app);
    drop(app);
    assert_eq!(snapshot(&TestApp::open(memory)), before);
}
