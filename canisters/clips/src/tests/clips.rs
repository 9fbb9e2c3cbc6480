//! Clips, the feed, likes, superlikes, tips, comments, search.

use super::*;

fn captions(page: &ClipPage) -> Vec<&str> {
    page.clips.iter().map(|clip| clip.caption.as_str()).collect()
}

#[test]
fn a_clip_is_published_once_and_deleted_by_its_maker() {
    let mut app = app();
    join(&mut app, 1);
    join(&mut app, 2);
    let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(5_000, 3));
    refused(app.publish(by(2), new_clip(video, "mine")), Refusal::NotAllowed);
    let clip = ok(app.publish(by(1), new_clip(video, "Sea #Waves #sea #waves")));
    assert_eq!(clip.tags, ["waves", "sea"]);
    assert_eq!(ok(app.publish(by(1), new_clip(video, "again"))).id, clip.id);
    assert_eq!(app.totals().clips, 1);
    ok(app.comment(by(2), NewComment { clip: clip.id, text: "nice".into(), order: 1 }));
    refused(app.delete_clip(by(2), clip.id), Refusal::NotAllowed);
    ok(app.delete_clip(by(1), clip.id));
    refused(app.clip(by(1), clip.id), Refusal::NotFound);
    assert!(app.media.answer(video, None).is_none());
    assert_eq!(app.totals().media_bytes, 0);
    assert_eq!(app.trends(), []);
    assert_eq!(app.comments(by(1), clip.id, None, 10).comments, []);
    assert_eq!(app.first_page(), b"[]");
}

#[test]
fn for_you_has_followed_people_first_and_then_all_others() {
    let mut app = app();
    join(&mut app, 1);
    let (bob, _) = (join(&mut app, 2), join(&mut app, 3));
    publish_at(&mut app, at(2, NOW), "b1");
    publish_at(&mut app, at(3, NOW + SECOND), "c1");
    publish_at(&mut app, at(2, NOW + 2 * SECOND), "b2");
    publish_at(&mut app, at(3, NOW + 3 * SECOND), "c2");
    ok(app.follow(by(1), bob, true));
    let later = at(1, NOW + HOUR);
    assert_eq!(captions(&app.feed(later, Tab::ForYou, None, 10)), ["b2", "b1", "c2", "c1"]);
    assert_eq!(captions(&app.feed(later, Tab::Following, None, 10)), ["b2", "b1"]);
    assert_eq!(captions(&app.feed(nobody(), Tab::ForYou, None, 10)), ["c2", "b2", "c1", "b1"]);
    assert_eq!(captions(&app.feed(nobody(), Tab::Following, None, 10)), Vec::<&str>::new());
    // old clips of followed people stand among the others
    assert_eq!(captions(&app.feed(at(1, NOW + 9 * DAY), Tab::ForYou, None, 10)), ["c2", "b2", "c1", "b1"]);
}

#[test]
fn pages_of_the_feed_have_every_clip_once() {
    let mut app = app();
    join(&mut app, 1);
    let bob = join(&mut app, 2);
    join(&mut app, 3);
    ok(app.follow(by(1), bob, true));
    let mut all: Vec<ClipId> = (0..9).map(|it| publish(&mut app, 2 + it % 2, "x")).collect();
    let (mut seen, mut after) = (Vec::new(), None);
    for _ in 0..20 {
        let page = app.feed(by(1), Tab::ForYou, after, 2);
        seen.extend(ids(&page));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(after, None);
    seen.sort_unstable();
    all.sort_unstable();
    assert_eq!(seen, all);
}

#[test]
fn the_clips_of_followed_people_are_found_however_many_others_publish() {
    let mut app = app();
    join(&mut app, 1);
    let (bob, cat) = (join(&mut app, 2), join(&mut app, 3));
    (4..=5).for_each(|person| {
        join(&mut app, person);
    });
    let mut of_theirs = vec![publish(&mut app, 2, "b1"), publish(&mut app, 3, "c1")];
    for _ in 0..SCAN_MAX / 2 + 10 {
        publish(&mut app, 4, "x");
        publish(&mut app, 5, "x");
    }
    of_theirs.extend([publish(&mut app, 3, "c2"), publish(&mut app, 2, "b2")]);
    of_theirs.reverse();
    ok(app.follow(by(1), bob, true));
    ok(app.follow(by(1), cat, true));
    assert_eq!(ids(&app.feed(by(1), Tab::Following, None, 10)), of_theirs);
    let first = app.feed(by(1), Tab::Following, None, 3);
    assert_eq!(ids(&first), of_theirs[..3]);
    assert_eq!(ids(&app.feed(by(1), Tab::Following, first.next, 3)), of_theirs[3..]);
}

#[test]
fn who_follows_few_and_who_follows_many_get_the_same_feed() {
    let mut app = app();
    let ann = join(&mut app, 1);
    let bob = join(&mut app, 2);
    join(&mut app, 3);
    let all: Vec<ClipId> = (0..9).map(|it| publish(&mut app, 2 + it % 2, "x")).collect();
    let mut of_bob: Vec<ClipId> = all.into_iter().step_by(2).collect();
    of_bob.reverse();
    ok(app.follow(by(1), bob, true));
    let pages = |app: &TestApp| {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = app.feed(by(1), Tab::Following, after, 2);
            seen.extend(ids(&page));
            after = page.next;
            if after.is_none() {
                return seen;
            }
        }
    };
    assert_eq!(pages(&app), of_bob);
    app.change_user(ann, |user| user.following = MERGED_MAX + 1);
    assert_eq!(pages(&app), of_bob);
}

#[test]
fn attention_lifts_a_clip() {
    let mut app = app();
    (1..=5).for_each(|person| {
        join(&mut app, person);
    });
    let old = publish_at(&mut app, at(1, NOW), "old");
    let new = publish_at(&mut app, at(1, NOW + HOUR), "new");
    assert_eq!(ids(&app.feed(nobody(), Tab::ForYou, None, 10)), [new, old]);
    ok(app.like(by(2), old, true));
    ok(app.comment(by(3), NewComment { clip: old, text: "!".into(), order: 1 }));
    assert_eq!(ids(&app.feed(nobody(), Tab::ForYou, None, 10)), [old, new]);
}

#[test]
fn a_like_counts_once_and_is_nobody_elses_business() {
    let mut app = app();
    join(&mut app, 1);
    join(&mut app, 2);
    let clip = publish(&mut app, 1, "x");
    assert_eq!(ok(app.like(by(2), clip, true)).likes, 1);
    assert_eq!(ok(app.like(by(2), clip, true)).likes, 1);
    assert!(!ok(app.clip(by(1), clip)).mine.liked);
    assert_eq!(ids(&app.clip_list(by(2), ClipList::Liked, None, 10)), [clip]);
    assert_eq!(ids(&app.clip_list(by(1), ClipList::Liked, None, 10)), [0; 0]);
    assert_eq!(ids(&app.clip_list(nobody(), ClipList::Liked, None, 10)), [0; 0]);
    let view = ok(app.like(by(2), clip, false));
    assert_eq!((view.likes, view.mine.liked), (0, false));
    ok(app.bookmark(by(2), clip, true));
    assert_eq!(ids(&app.clip_list(by(2), ClipList::Bookmarked, None, 10)), [clip]);
}

#[test]
fn superlikes_are_few_and_come_back_with_time() {
    let mut app = app();
    join(&mut app, 1);
    join(&mut app, 2);
    let clips: Vec<ClipId> = (0..=SUPERLIKES_PER_WINDOW).map(|_| publish(&mut app, 1, "x")).collect();
    refused(app.superlike(by(1), clips[0]), invalid());
    for (second, clip) in clips[..SUPERLIKES_PER_WINDOW].iter().enumerate() {
        let call = at(2, NOW + second as u64);
        assert_eq!(ok(app.superlike(call, *clip)).superlikes, 1);
        assert_eq!(ok(app.superlike(call, *clip)).superlikes, 1);
    }
    let last = clips[SUPERLIKES_PER_WINDOW];
    refused(app.superlike(at(2, NOW + HOUR), last), Refusal::NotBefore(NOW + SUPERLIKE_WINDOW));
    assert_eq!(app.me(at(2, NOW + HOUR)).map(|me| me.superlikes_left), Some(0));
    ok(app.superlike(at(2, NOW + SUPERLIKE_WINDOW), last));
}

#[test]
fn five_superlikes_make_a_clip_viral_once() {
    let mut app = app();
    (1..=8).for_each(|person| {
        join(&mut app, person);
    });
    let clip = publish(&mut app, 1, "x");
    for person in 2..=8 {
        let viral = ok(app.superlike(by(person), clip)).viral;
        assert_eq!(viral, u32::from(person) > VIRAL_SUPERLIKES);
    }
    let points = |person| app.me(by(person)).map(|me| me.points);
    assert_eq!(points(1), Some(WELCOME_POINTS + VIRAL_REWARD));
    assert_eq!(points(6), Some(WELCOME_POINTS + VIRAL_THANKS));
    assert_eq!(points(7), Some(WELCOME_POINTS));
    assert_points(&app, 1..9);
    let news = ok(app.notifications(by(2), None, 10)).notifications;
    assert_eq!(news[0].news, News::Viral { clip, points: VIRAL_THANKS });
}

#[test]
fn a_tip_moves_points_once() {
    let mut app = app();
    join(&mut app, 1);
    join(&mut app, 2);
    let clip = publish(&mut app, 1, "x");
    let tip = |points, order| NewTip { clip, points, order };
    for _ in 0..2 {
        assert_eq!(ok(app.tip(by(2), tip(30, 7))).tips, 30);
    }
    refused(app.tip(by(2), tip(30, 8)), Refusal::NoPoints(WELCOME_POINTS - 30));
    refused(app.tip(by(2), tip(0, 9)), invalid());
    refused(app.tip(by(1), tip(1, 9)), invalid());
    assert_eq!(app.me(by(1)).map(|me| me.points), Some(WELCOME_POINTS + 30));
    assert_points(&app, 1..3);
}

#[test]
fn views_count_each_user_once_and_not_the_maker() {
    let mut app = app();
    join(&mut app, 1);
    join(&mut app, 2);
    let clip = publish(&mut app, 1, "x");
    [1, 2, 2].into_iter().for_each(|person| ok(app.viewed(by(person), clip)));
    assert_eq!(ok(app.clip(nobody(), clip)).views, 1);
}

#[test]
fn comments_are_written_once_and_taken_away_by_their_writer_or_the_clips_maker() {
    let mut app = app();
    (1..=3).for_each(|person| {
        join(&mut app, person);
    });
    let clip = publish(&mut app, 1, "x");
    let new = |text: &str, order| NewComment { clip, text: text.into(), order };
    let first = ok(app.comment(by(2), new("<b>hi</b>", 1))).id;
    assert_eq!(ok(app.comment(by(2), new("<b>hi</b>", 1))).id, first);
    let second = ok(app.comment(by(3), new("yes", 1))).id;
    refused(app.comment(by(3), new("  ", 2)), invalid());
    refused(app.comment(by(3), new(&"x".repeat(COMMENT_MAX + 1), 2)), invalid());
    let page = app.comments(by(2), clip, None, 1);
    assert_eq!((page.comments[0].id, page.next), (second, Some(second)));
    assert_eq!(app.comments(by(2), clip, page.next, 1).comments[0].id, first);
    refused(app.delete_comment(by(3), clip, first), Refusal::NotAllowed);
    ok(app.delete_comment(by(2), clip, first));
    ok(app.delete_comment(by(1), clip, second));
    assert_eq!(ok(app.clip(nobody(), clip)).comments, 0);
}

#[test]
fn search_finds_names_words_and_hashtags_by_their_beginnings() {
    let mut app = app();
    (1..=12).for_each(|person| {
        join(&mut app, person);
    });
    let waves = publish(&mut app, 1, "Long waves at night #ocean");
    let wall = publish(&mut app, 2, "Painting a wall #oceanblue");
    let found = |query: &str| ok(app.search(nobody(), query));
    assert_eq!(found("wa").clips.iter().map(|it| it.id).collect::<Vec<_>>().len(), 2);
    assert_eq!(found("NIGHT wav").clips.iter().map(|it| it.id).collect::<Vec<_>>(), [waves]);
    assert_eq!(found("#oceanb").clips.iter().map(|it| it.id).collect::<Vec<_>>(), [wall]);
    assert_eq!(found("ocean").tags.len(), 2);
    assert_eq!(found("@user_1").people.len(), 4);
    assert!(found("@user_1").clips.is_empty());
    refused(app.search(nobody(), " "), invalid());
    assert_eq!(ids(&app.clip_list(nobody(), ClipList::Tagged("Ocean".into()), None, 10)), [waves]);
    assert_eq!(app.trends()[0], TagCount { tag: "ocean".into(), clips: 1 });
}

#[test]
fn the_busiest_hashtags_are_found_among_many() {
    let mut app = app();
    join(&mut app, 1);
    for clip in 0..SCAN_MAX / TAGS_MAX + 5 {
        let tags: Vec<String> = (0..TAGS_MAX).map(|it| format!("#a{clip}_{it}")).collect();
        publish(&mut app, 1, &tags.join(" "));
    }
    let clips: Vec<ClipId> =
        ["#zebra #yak", "#zebra", "#yak #zebra"].map(|it| publish(&mut app, 1, it)).into();
    let trend = |tag: &str, clips| TagCount { tag: tag.into(), clips };
    assert_eq!(app.trends()[..3], [trend("zebra", 3), trend("yak", 2), trend("a0_0", 1)]);
    assert_eq!(app.trends().len(), TRENDS_MAX);
    clips.into_iter().for_each(|clip| ok(app.delete_clip(by(1), clip)));
    assert_eq!(app.trends()[0], trend("a0_0", 1));
}

#[test]
fn lists_go_on_where_they_stopped() {
    let mut app = app();
    let ann = join(&mut app, 1);
    let all: Vec<ClipId> = (0..7).map(|_| publish(&mut app, 1, "#t")).collect();
    let check = |list: ClipList| {
        let (mut seen, mut after) = (Vec::new(), None);
        for _ in 0..10 {
            let page = app.clip_list(nobody(), list.clone(), after, 3);
            seen.extend(ids(&page));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        seen.reverse();
        assert_eq!(seen, all);
    };
    check(ClipList::Of(ann));
    check(ClipList::Tagged("t".into()));
}
