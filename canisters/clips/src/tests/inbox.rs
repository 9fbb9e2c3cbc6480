//! Notifications, messages, and that an upgrade keeps all.

use super::*;

fn new_message(to: UserId, text: &str, order: u64) -> NewMessage {
    NewMessage { to, text: text.into(), order }
}

#[test]
fn messages_arrive_once_and_in_order() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
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
fn a_conversation_keeps_its_last_messages() {
    let mut app = app();
    let (_, bob) = (join(&mut app, 1), join(&mut app, 2));
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
    let clip = publish(&mut app, 1, "x");
    ok(app.like(by(2), clip, true));
    ok(app.like(by(1), clip, true));
    ok(app.follow(by(2), ann, true));
    let page = ok(app.notifications(by(1), None, 10)).notifications;
    assert_eq!(page.iter().map(|it| it.news).collect::<Vec<_>>(), [News::Followed, News::Liked(clip)]);
    assert!(page.iter().all(|it| it.unread && it.from.as_ref().is_some_and(|card| card.id == bob)));
    ok(app.read_notifications(by(1), page[0].id));
    assert_eq!(app.me(by(1)).map(|me| me.unread_notifications), Some(0));
    // a number from the future does not hide what will come
    ok(app.read_notifications(by(1), u64::MAX));
    ok(app.bookmark(by(2), clip, true));
    ok(app.superlike(by(2), clip));
    assert_eq!(app.me(by(1)).map(|me| me.unread_notifications), Some(1));
}

#[test]
fn old_notifications_make_room() {
    let mut app = app();
    let (ann, _) = (join(&mut app, 1), join(&mut app, 2));
    ok(app.follow(by(2), ann, true));
    for _ in 0..NOTIFICATIONS_PER_USER {
        let clip = publish(&mut app, 1, "x");
        ok(app.like(by(2), clip, true));
    }
    assert_eq!(app.me(by(1)).map(|me| u64::from(me.unread_notifications)), Some(NOTIFICATIONS_PER_USER));
    let page = ok(app.notifications(by(1), None, 50)).notifications;
    assert!(page.iter().all(|it| matches!(it.news, News::Liked(_))));
}

#[test]
fn who_does_and_undoes_something_drives_no_other_news_away() {
    let mut app = app();
    let (ann, _) = (join(&mut app, 1), join(&mut app, 2));
    join(&mut app, 3);
    let clip = publish(&mut app, 1, "x");
    ok(app.comment(by(3), NewComment { clip, text: "y".into(), order: 1 }));
    for _ in 0..=NOTIFICATIONS_PER_USER {
        ok(app.follow(by(2), ann, true));
        ok(app.follow(by(2), ann, false));
        ok(app.like(by(2), clip, true));
        ok(app.like(by(2), clip, false));
    }
    let told = ok(app.notifications(by(1), None, 50)).notifications;
    let news: Vec<News> = told.into_iter().map(|it| it.news).collect();
    assert_eq!(news, [News::Liked(clip), News::Followed, News::Commented(clip)]);
}

#[test]
fn many_accounts_close_nobody_to_messages() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    // an old friend, whom she answered
    ok(app.send_message(by(2), new_message(ann, "hello", 1)));
    ok(app.send_message(by(1), new_message(bob, "hello", 1)));
    let strangers: Vec<Call> = (1..THREADS_PER_USER).map(|it| stranger(&mut app, it)).collect();
    for call in &strangers {
        ok(app.send_message(*call, new_message(ann, "buy", 1)));
    }
    assert_eq!(ok(app.user(ann)).threads, THREADS_PER_USER);
    join(&mut app, 3);
    let friend = ok(app.send_message(by(3), new_message(ann, "it is me", 1)));
    assert_eq!((friend.text.as_str(), ok(app.user(ann)).threads), ("it is me", THREADS_PER_USER));
    assert_eq!(ok(app.messages(by(1), bob, None, 9)).messages.len(), 2);
    // the oldest that was never answered made room
    assert_eq!(ok(app.messages(strangers[0], ann, None, 9)).messages, []);
    assert_eq!(ok(app.messages(strangers[1], ann, None, 9)).messages.len(), 1);
    assert_eq!(app.me(by(1)).map(|it| it.unread_messages), Some(THREADS_PER_USER - 1));
}

#[test]
fn who_answers_has_read() {
    let mut app = app();
    let (ann, bob) = (join(&mut app, 1), join(&mut app, 2));
    ok(app.send_message(by(1), new_message(bob, "one", 1)));
    ok(app.send_message(by(2), new_message(ann, "two", 1)));
    assert_eq!(app.me(by(2)).map(|it| it.unread_messages), Some(0));
    ok(app.send_message(by(1), new_message(bob, "three", 2)));
    assert_eq!(app.me(by(2)).map(|it| it.unread_messages), Some(1));
}

#[test]
fn an_app_that_is_opened_again_knows_all_it_knew() {
    let memory = VectorMemory::default();
    let mut app = TestApp::open(memory.clone());
    let (ann, _) = (join(&mut app, 1), join(&mut app, 2));
    let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(SOME_BYTES, 9));
    let clip = ok(app.publish(by(1), new_clip(video, "hello #again"))).id;
    ok(app.like(by(2), clip, true));
    ok(app.comment(by(2), NewComment { clip, text: "hi".into(), order: 1 }));
    ok(app.send_message(by(2), new_message(ann, "hi", 2)));
    let snapshot = |app: &TestApp| {
        (
            app.me(by(1)),
            app.feed(by(2), Tab::ForYou, None, 10),
            app.comments(by(1), clip, None, 10),
            ok(app.conversations(by(1))),
            ok(app.search(by(1), "#again")),
            app.media.served().collect::<Vec<_>>(),
            app.media.answer(video, Some("bytes=1048576-")),
            app.first_page().to_vec(),
        )
    };
    let before = snapshot(&app);
    drop(app);
    assert_eq!(snapshot(&TestApp::open(memory)), before);
}
