//! Uploads and ranges.

use super::*;
use crate::media::ladder::{BLOCK, Range, STEP, answering, ranges};
use site::answer::Answer;

fn put(app: &mut TestApp, person: u8, upload: MediaId, index: u32, bytes: &[u8]) -> Result<Upload, Refusal> {
    app.put_chunk(by(person), &Chunk { upload, index, bytes: ByteBuf::from(bytes.to_vec()) })
}

#[test]
fn chunks_may_come_in_any_order_and_twice() {
    let mut app = app();
    join(&mut app, 1);
    let bytes = video_bytes(SOME_BYTES, 5);
    let begin = NewUpload { kind: MediaKind::Mp4, bytes: bytes.len() as u64 };
    let upload = ok(app.begin_upload(by(1), begin));
    assert_eq!(upload.missing, [0, 1, 2]);
    let part = |index: u32| {
        &bytes[index as usize * CHUNK as usize..bytes.len().min((index as usize + 1) * CHUNK as usize)]
    };
    assert_eq!(ok(put(&mut app, 1, upload.id, 2, part(2))).missing, [0, 1]);
    assert_eq!(ok(put(&mut app, 1, upload.id, 2, part(2))).missing, [0, 1]);
    // the upload is found again after a pause
    assert_eq!(ok(app.uploads(by(1)))[0].missing, [0, 1]);
    refused(app.publish(by(1), new_clip(upload.id, "early")), invalid());
    assert_eq!(ok(put(&mut app, 1, upload.id, 0, part(0))).missing, [1]);
    assert_eq!(ok(put(&mut app, 1, upload.id, 1, part(1))).missing, [0; 0]);
    ok(app.publish(by(1), new_clip(upload.id, "done")));
    let mut whole = Vec::new();
    while whole.len() < bytes.len() {
        let range = format!("bytes={}-", whole.len());
        let answer = app.media.answer(upload.id, Some(&range)).map(|(answer, _)| answer);
        whole.extend(answer.expect("a range").body);
    }
    assert!(whole == bytes);
}

#[test]
fn uploads_are_refused_that_break_a_rule() {
    let mut app = app();
    join(&mut app, 1);
    join(&mut app, 2);
    let begin = |kind, bytes| NewUpload { kind, bytes };
    refused(app.begin_upload(by(1), begin(MediaKind::Mp4, 0)), invalid());
    refused(app.begin_upload(by(1), begin(MediaKind::Mp4, VIDEO_BYTES_MAX + 1)), invalid());
    refused(app.begin_upload(by(1), begin(MediaKind::Jpeg, IMAGE_BYTES_MAX + 1)), invalid());
    let upload = ok(app.begin_upload(by(1), begin(MediaKind::Mp4, 100))).id;
    refused(put(&mut app, 2, upload, 0, &video_bytes(100, 1)), Refusal::NotAllowed);
    refused(put(&mut app, 1, upload, 1, &video_bytes(100, 1)), invalid());
    refused(put(&mut app, 1, upload, 0, &video_bytes(99, 1)), invalid());
    refused(put(&mut app, 1, upload, 0, &[0; 100]), invalid());
    refused(put(&mut app, 1, 77, 0, &[0; 100]), Refusal::NotFound);
    for _ in 1..UPLOADS_PER_USER {
        ok(app.begin_upload(by(1), begin(MediaKind::Mp4, 100)));
    }
    refused(app.begin_upload(by(1), begin(MediaKind::Mp4, 100)), Refusal::TooMany(String::new()));
    ok(app.cancel_upload(by(1), upload));
    ok(app.begin_upload(by(1), begin(MediaKind::Mp4, 100)));
}

#[test]
fn forgotten_uploads_give_their_space_back() {
    let mut app = app();
    join(&mut app, 1);
    let bytes = video_bytes(1_000_000, 3);
    let begin = NewUpload { kind: MediaKind::Mp4, bytes: 1_000_000 };
    let first = ok(app.begin_upload(by(1), begin)).id;
    ok(put(&mut app, 1, first, 0, &bytes));
    assert_eq!(app.totals().media_bytes, 16 * SLOT);
    let second = ok(app.begin_upload(at(1, NOW + UPLOAD_LIFE + 1), begin)).id;
    assert_eq!(app.totals().media_bytes, 0);
    assert_eq!(ok(app.uploads(by(1))).iter().map(|it| it.id).collect::<Vec<_>>(), [second]);
}

const SLOT: u64 = 64 * 1024;

#[test]
fn who_only_announces_takes_no_space_from_others() {
    let mut app = app();
    let whole = NewUpload { kind: MediaKind::Mp4, bytes: VIDEO_BYTES_MAX };
    let crowd = BYTES_MAX / VIDEO_BYTES_MAX / UPLOADS_PER_USER as u64 + 2;
    for person in 1..=u8::try_from(crowd).expect("few") {
        join(&mut app, person);
        for _ in 0..UPLOADS_PER_USER {
            ok(app.begin_upload(by(person), whole));
        }
    }
    assert_eq!(app.totals().media_bytes, 0);
    join(&mut app, 200);
    publish(&mut app, 200, "mine");
}

#[test]
fn a_small_file_counts_as_the_slot_that_it_takes() {
    let mut app = app();
    join(&mut app, 1);
    let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(9, 1));
    let clip = ok(app.publish(by(1), new_clip(video, "x"))).id;
    assert_eq!(app.totals().media_bytes, SLOT);
    ok(app.delete_clip(by(1), clip));
    assert_eq!(app.totals().media_bytes, 0);
}

#[test]
fn no_more_files_are_served_than_an_upgrade_certifies() {
    let app = app();
    ok(app.media.check_room(FILES_MAX));
    refused(app.media.check_room(FILES_MAX + 1), Refusal::TooMany(String::new()));
}

#[test]
fn fifty_megabytes_go_up_with_a_pause_and_an_upgrade_and_come_down_certified() {
    let memory = VectorMemory::default();
    let mut app = TestApp::open(memory.clone());
    join(&mut app, 1);
    let bytes = video_bytes(50 * 1024 * 1024 + 777, 5);
    let size = bytes.len() as u64;
    let upload = ok(app.begin_upload(by(1), NewUpload { kind: MediaKind::Mp4, bytes: size }));
    let part = |index: u32| {
        let place = chunk(index, size);
        &bytes[place.start as usize..place.end as usize]
    };
    // every second one, then the canister is upgraded and the browser closed
    for index in upload.missing.iter().filter(|it| *it % 2 == 0) {
        ok(put(&mut app, 1, upload.id, *index, part(*index)));
    }
    drop(app);
    let mut app = TestApp::open(memory.clone());
    let left = ok(app.uploads(by(1))).remove(0);
    assert_eq!((left.id, left.missing.len()), (upload.id, 25));
    for index in &left.missing {
        ok(put(&mut app, 1, upload.id, *index, part(*index)));
    }
    ok(app.publish(at(1, NOW + HOUR), new_clip(upload.id, "long")));
    let app = TestApp::open(memory);
    let mut site = site::files::site(crate::FILES);
    app.media.served().for_each(|(id, digest)| site.put_media(id, Some(digest)));
    let mut at = 0;
    while at < bytes.len() {
        let (answer, proof) = app.media.answer(upload.id, Some(&format!("bytes={at}-"))).expect("a range");
        assert!(answer.body == bytes[at..at + answer.body.len()] && answer.status == 206);
        at += answer.body.len();
        let text = format!("bytes {}-{}/{size}", at - answer.body.len(), at - 1);
        assert!(answer.headers.contains(&("content-range".into(), text)));
        super::web::proves(&site, &site.prove_media(upload.id, answer, proof));
    }
}

#[test]
fn space_is_used_again() {
    let mut app = app();
    join(&mut app, 1);
    let mut check = |seed: u8| {
        let bytes = video_bytes(300_000, seed);
        let video = upload(&mut app, by(1), MediaKind::Mp4, &bytes);
        let clip = ok(app.publish(by(1), new_clip(video, "x"))).id;
        let body = app.media.answer(video, None).map(|(answer, _)| answer.body);
        assert!(body == Some(bytes));
        ok(app.delete_clip(by(1), clip));
        assert_eq!(app.totals().media_bytes, 0);
    };
    (0..5).for_each(&mut check);
}

#[test]
fn every_byte_can_be_asked_for_and_ranges_stay_small() {
    let bytes = CHUNK * 2 + 100_000;
    for start in (0..bytes).step_by(10_007).chain([0, STEP, BLOCK, CHUNK, CHUNK + STEP, bytes - 1]) {
        let rung = answering(Some(&format!("bytes={start}-")), bytes).expect("a range");
        let Range { start: from, end } = rung.range;
        assert!(from <= start && start < end && end - from <= CHUNK, "{start}: {from}..{end}");
        assert_eq!(ranges(rung.chunk, bytes)[rung.index], rung.range, "{start}");
        assert!(start % STEP != 0 || from == start, "{start}");
    }
}

#[test]
fn range_requests_are_read_as_browsers_write_them() {
    let check = |request: Option<&str>, expected: Option<(u64, u64)>| {
        let range = answering(request, 600_000).map(|it| (it.range.start, it.range.end));
        assert_eq!(range, expected, "{request:?}");
    };
    check(None, Some((0, 600_000)));
    check(Some("bytes=0-"), Some((0, 600_000)));
    check(Some("bytes=0-1"), Some((0, 2)));
    check(Some("bytes=32768-"), Some((32_768, 262_144)));
    check(Some("bytes=32769-40000"), Some((32_768, 262_144)));
    check(Some("bytes=-10"), Some((589_824, 600_000)));
    check(Some("bytes=0-10, 20-30"), Some((0, 600_000)));
    check(Some("bytes=600000-"), None);
    check(Some("bytes=99999999999999999999-"), Some((0, 600_000)));
    check(Some("pages=1"), Some((0, 600_000)));
}

#[test]
fn what_lies_behind_the_end_is_told_so() {
    let mut app = app();
    join(&mut app, 1);
    let video = upload(&mut app, by(1), MediaKind::Mp4, &video_bytes(1_000, 5));
    assert!(app.media.answer(video, None).is_none(), "not before it is published");
    ok(app.publish(by(1), new_clip(video, "x")));
    let answer = |range| app.media.answer(video, range).map(|(answer, _): (Answer, _)| answer);
    let behind = answer(Some("bytes=1000-")).expect("an answer");
    assert_eq!(behind.status, 416);
    assert!(behind.headers.contains(&("content-range".into(), "bytes */1000".into())));
    let first = answer(Some("bytes=0-")).expect("an answer");
    assert_eq!(first.status, 206);
    assert!(first.headers.contains(&("content-range".into(), "bytes 0-999/1000".into())));
}
