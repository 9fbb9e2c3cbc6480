//! RELIABILITY.md H9: encodings, HEAD, ranges, tags, bodies in parts: whatever way a page is asked for, every byte of it
//! is verified; and whoever fails is stood in for.

use super::site::{self, Lie, Teller, index, large, packed, stream, video};
use super::{Answer, ask, ask_from, gateway, get, metric};
use hyper::{Method, StatusCode};
use std::net::Ipv4Addr;

fn page() -> Vec<u8> {
    [index(), b"<!-- 1 -->".to_vec()].concat()
}

fn check(answer: &Answer, status: u16, body: &[u8]) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert!(answer.body() == body, "{} bytes, not {}", answer.body().len(), body.len());
}

#[tokio::test]
async fn pages_of_every_kind_arrive_verified() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    check(&get(&gateway, "/", &[]).await, 200, &page());
    check(&get(&gateway, "/?query", &[]).await, 200, &page());
    check(&get(&gateway, "/nowhere/at/all", &[]).await, 404, b"<p>nothing here</p>");
    check(&get(&gateway, "/large", &[]).await, 200, &large());
    let moved = get(&gateway, "/moved", &[]).await;
    assert_eq!((moved.status.as_u16(), moved.header("location")), (301, Some("/other")));
    let plain = get(&gateway, "/", &[]).await;
    assert_eq!(plain.header("x-ic-canister-id"), Some(site::id().to_text().as_str()));
    assert_eq!(plain.header("content-type"), Some("text/html"));
    assert_eq!(plain.header("access-control-allow-origin"), Some("*"));
    assert_eq!(plain.header("strict-transport-security"), None);
}

/// DFINITY's gateway passes on what comes after the fourth part unverified.
#[tokio::test]
async fn a_stream_of_many_parts_arrives_whole_and_verified() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let answer = get(&gateway, "/stream", &[]).await;
    check(&answer, 200, &stream());
    assert_eq!(answer.header("content-length"), Some(site::STREAM.to_string().as_str()));
    let range = get(&gateway, "/stream", &[("range", "bytes=1000000-1000009")]).await;
    check(&range, 206, &stream()[1_000_000..1_000_010]);
}

#[tokio::test]
async fn an_asset_of_certified_parts_is_put_together() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let whole = get(&gateway, "/video", &[]).await;
    check(&whole, 200, &video());
    assert_eq!(whole.header("content-length"), Some(site::VIDEO.to_string().as_str()));
    assert_eq!((whole.header("content-range"), whole.header("etag")), (None, Some("\"video-1\"")));
    let head = ask(&gateway, Method::HEAD, "/video", &[]).await;
    check(&head, 200, b"");
    assert_eq!(head.header("content-length"), Some(site::VIDEO.to_string().as_str()));
}

#[tokio::test]
async fn a_client_gets_exactly_its_range_whatever_parts_there_are() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let (video, total, part) = (video(), site::VIDEO, site::PART);
    let last = total - 1;
    for (range, from, to) in [
        ("bytes=0-1".to_string(), 0, 2),
        ("bytes=0-".to_string(), 0, total),
        (format!("bytes={}-{}", part - 5, part + 4), part - 5, part + 5),
        (format!("bytes=7-{}", 2 * part + 1), 7, 2 * part + 2),
        (format!("bytes={part}-"), part, total),
        ("bytes=-10".to_string(), total - 10, total),
        (format!("bytes={last}-{}", last + 1_000), last, total),
    ] {
        let answer = get(&gateway, "/video", &[("range", &range)]).await;
        check(&answer, 206, &video[from..to]);
        let place = format!("bytes {from}-{}/{total}", to - 1);
        assert_eq!(answer.header("content-range"), Some(place.as_str()), "{range}");
    }
    let beyond = get(&gateway, "/other", &[("range", "bytes=500-")]).await;
    check(&beyond, 416, b"");
    assert_eq!(beyond.header("content-range"), Some("bytes */12"));
    check(&get(&gateway, "/other", &[("range", "bytes=2-4")]).await, 206, b"oth");
    check(&get(&gateway, "/other", &[("range", "bytes=0-1,3-4")]).await, 200, b"another page");
    let of_another = [("range", "bytes=0-1"), ("if-range", "\"video-0\"")];
    check(&get(&gateway, "/video", &of_another).await, 200, &video);
    let of_this = [("range", "bytes=0-1"), ("if-range", "\"video-1\"")];
    check(&get(&gateway, "/video", &of_this).await, 206, &video[..2]);
}

#[tokio::test]
async fn a_client_that_has_the_page_is_told_so() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    for path in ["/", "/large", "/video", "/stream"] {
        let tag = get(&gateway, path, &[]).await.header("etag").expect("a tag").to_string();
        let again = get(&gateway, path, &[("if-none-match", &tag)]).await;
        check(&again, 304, b"");
        assert_eq!(again.header("etag"), Some(tag.as_str()));
        let other = get(&gateway, path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(other.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn text_comes_compressed_to_who_takes_it_and_as_it_is_to_all_others() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let unpack = |body: &[u8]| {
        let mut unpacked = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(body), &mut unpacked).expect("gzip");
        unpacked
    };
    for accepted in ["gzip", "gzip, deflate, br, zstd", "br;q=0.1, gzip", "identity;q=0, gzip"] {
        let answer = get(&gateway, "/", &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{accepted}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert!(unpack(answer.body()) == page() && answer.body().len() < page().len() / 5);
        let tag = answer.header("etag").expect("a tag");
        assert!(tag.starts_with("W/"), "{tag}");
        let again = get(&gateway, "/", &[("accept-encoding", accepted), ("if-none-match", tag)]).await;
        check(&again, 304, b"");
        assert_eq!((again.header("etag"), again.header("vary")), (Some(tag), Some("Accept-Encoding")));
    }
    for accepted in ["br", "gzip;q=0, *", "identity", "deflate, br"] {
        check(&get(&gateway, "/", &[("accept-encoding", accepted)]).await, 200, &page());
    }
    // What the canister packed stays as it packed it.
    let answer = get(&gateway, "/packed", &[("accept-encoding", "gzip")]).await;
    check(&answer, 200, &packed());
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn the_head_of_a_page_is_the_pages_without_its_body() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    for path in ["/", "/large", "/stream", "/nowhere"] {
        let (whole, head) = (get(&gateway, path, &[]).await, ask(&gateway, Method::HEAD, path, &[]).await);
        check(&head, whole.status.as_u16(), b"");
        for name in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(name), whole.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn what_a_canister_wants_upgraded_comes_from_an_update_call_with_all_its_parts() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    check(&get(&gateway, "/update", &[]).await, 200, b"certified");
    assert_eq!(teller.updated.load(std::sync::atomic::Ordering::SeqCst), 1);
    let parts = [b"certified".as_slice(), &stream()[7 * site::STREAM_PART..]].concat();
    check(&get(&gateway, "/update-stream", &[]).await, 200, &parts);
}

#[tokio::test]
async fn an_update_call_is_executed_once_whatever_comes_of_it() {
    for (path, status, cause) in
        [("/update-trap", 502, "canister_error"), ("/update-nonsense", 504, "outcome_unknown")]
    {
        let tellers = [
            Teller::start(Some("1,2")).await,
            Teller::start(Some("1,2")).await,
            Teller::start(Some("1,2")).await,
        ];
        let gateway = gateway(&[&tellers[0], &tellers[1], &tellers[2]], |_| ()).await;
        let answer = get(&gateway, path, &[]).await;
        let found = (answer.status.as_u16(), answer.header("x-ic-error-cause"));
        assert_eq!(found, (status, Some(cause)), "{path}");
        let executed = tellers.iter().map(|teller| teller.updated.load(std::sync::atomic::Ordering::SeqCst));
        assert_eq!(executed.sum::<usize>(), 1, "{path}");
    }
}

#[tokio::test]
async fn a_range_of_another_version_makes_no_second_update_call() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let headers = [("range", "bytes=0-1"), ("if-range", "\"another\"")];
    check(&get(&gateway, "/update", &headers).await, 200, b"certified");
    assert_eq!(teller.updated.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn verified_pages_are_kept_as_long_as_their_canister_says() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let from = |answer: &Answer| answer.header("x-ic-cache-status").map(str::to_owned);
    let first = get(&gateway, "/kept", &[]).await;
    check(&first, 200, &page());
    assert_eq!((from(&first).as_deref(), teller.asked()), (Some("miss"), 1));
    for headers in
        [&[][..], &[("if-none-match", "\"x\"")], &[("user-agent", "another")], &[("range", "nonsense")]]
    {
        let again = get(&gateway, "/kept", headers).await;
        check(&again, 200, &page());
        assert_eq!((from(&again).as_deref(), teller.asked()), (Some("hit"), 1), "{headers:?}");
        assert!(again.header("age").is_some_and(|age| age.parse::<u64>().is_ok()), "{again:?}");
    }
    for (count, headers) in [
        ("cookie", "a=b"),
        ("authorization", "me"),
        ("cache-control", "no-cache"),
        ("cache-control", "max-age=0"),
        ("pragma", "no-cache"),
        ("accept-encoding", "br"),
    ]
    .into_iter()
    .enumerate()
    {
        let other = get(&gateway, "/kept", &[headers]).await;
        check(&other, 200, &page());
        assert_eq!((from(&other).as_deref(), teller.asked()), (Some("miss"), count + 2), "{headers:?}");
    }
    assert_eq!(metric(&gateway, "http_cache_total{status=\"hit\"}").await, 4.0);
    // What was verified once is served although its replica lies since.
    teller.sins(|_, _, mut told| {
        told.body[0] ^= 1;
        Lie::Told(told)
    });
    check(&get(&gateway, "/kept", &[]).await, 200, &page());
}

#[tokio::test]
async fn what_version_1_says_is_not_to_be_kept_is_not() {
    let teller = Teller::start(None).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    for (count, header) in ["no-store", "private", "max-age=0"].into_iter().enumerate() {
        teller.sins(move |site, _, _| {
            let mut told = site.told_old(&site::Certificate::of(site).bytes());
            told.add_header("cache-control", header);
            Lie::Told(told)
        });
        for again in 1..=2 {
            check(&get(&gateway, "/", &[]).await, 200, &index());
            assert_eq!(teller.asked(), 2 * count + again, "{header}");
        }
    }
}

#[tokio::test]
async fn a_client_that_wants_one_version_only_is_told_that_there_is_another() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let video = get(&gateway, "/video", &[("if-match", "\"video-1\""), ("range", "bytes=0-1")]).await;
    check(&video, 206, &site::video()[..2]);
    for path in ["/video", "/other"] {
        check(&get(&gateway, path, &[("if-match", "\"video-0\"")]).await, 412, b"");
    }
}

#[tokio::test]
async fn what_is_asked_for_unverified_comes_in_whatever_form_it_has() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    teller.sins(|_, _, mut told| {
        told.status_code = 206;
        *told.header("content-type") = "multipart/byteranges; boundary=x".into();
        Lie::Told(told)
    });
    let host = format!("{}.raw.localhost", site::id());
    let raw = ask_from(Ipv4Addr::LOCALHOST, &gateway, Method::GET, &host, "/other", &[]).await;
    check(&raw, 206, b"another page");
    assert_eq!(get(&gateway, "/other", &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_name_below_a_canisters_name_has_no_page() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let (id, other) = (site::id(), crate::types::CanisterId(8).principal());
    for (host, path) in [
        (format!("{id}.{other}.localhost"), "/other".to_string()),
        (format!("{id}.raw.{other}.localhost"), "/other".to_string()),
        (format!("www.{other}.localhost"), format!("/other?canisterId={id}")),
    ] {
        let answer = ask_from(Ipv4Addr::LOCALHOST, &gateway, Method::GET, &host, &path, &[]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{host}");
        assert!(answer.text().contains("No canister has this name"), "{host}");
    }
    assert_eq!(teller.asked(), 0);
    let chosen = format!("/other?canisterId={id}");
    let answer = ask_from(Ipv4Addr::LOCALHOST, &gateway, Method::GET, "localhost", &chosen, &[]).await;
    check(&answer, 200, b"another page");
}

#[tokio::test]
async fn the_ranges_of_a_page_that_is_kept_are_cut_out_of_it() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    for place in 0..20 {
        let answer = get(&gateway, "/kept", &[("range", &format!("bytes={place}-{}", place + 9))]).await;
        check(&answer, 206, &page()[place..place + 10]);
    }
    check(&get(&gateway, "/kept", &[]).await, 200, &page());
    assert_eq!(teller.asked(), 1);
}

#[tokio::test]
async fn a_canister_that_knows_version_1_alone_is_believed_its_bodies() {
    for versions in [None, Some("1"), Some("1,2"), Some("2")] {
        let teller = Teller::start(versions).await;
        teller.sins(|site, _, _| {
            let mut told = site.told_old(&site::Certificate::of(site).bytes());
            told.add_header("set-cookie", "a=b");
            told.add_header("cache-control", "max-age=31536000");
            Lie::Told(told)
        });
        let gateway = gateway(&[&teller], |_| ()).await;
        let answer = get(&gateway, "/", &[]).await;
        if versions.is_some_and(|versions| versions.contains('2')) {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{versions:?}");
            continue;
        }
        check(&answer, 200, &index());
        // Version 1 certifies no header.
        assert_eq!((answer.header("set-cookie"), answer.header("cache-control")), (None, None));
        assert_eq!(answer.header("content-type"), Some("text/html"));
    }
}

#[tokio::test]
async fn browsers_may_ask_from_anywhere_and_what_names_no_canister_is_told_where_to_go() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let preflight = [("origin", "http://a.test"), ("access-control-request-method", "GET")];
    let answer = ask(&gateway, Method::OPTIONS, "/", &preflight).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let lost = ask_from(Ipv4Addr::LOCALHOST, &gateway, Method::GET, "localhost", "/", &[]).await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    assert!(lost.text().contains("This is an Atoll gateway"));
}

#[tokio::test]
async fn a_preflight_is_the_canisters_to_answer_and_the_gateways_where_it_does_not() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let headers = [("origin", "https://a.example"), ("access-control-request-method", "PUT")];
    for _ in 0..2 {
        for (path, origin) in [("/other", "*"), ("/cors", "https://a.example"), ("/nothing", "*")] {
            let answer = ask(&gateway, Method::OPTIONS, path, &headers).await;
            let found = (answer.status.as_u16(), answer.header("access-control-allow-origin"));
            assert_eq!(found, (204, Some(origin)), "{path}");
        }
    }
    // What it does not answer it is not asked again.
    assert_eq!(teller.asked(), 4);
}

#[tokio::test]
async fn a_replica_that_is_gone_is_stood_in_for_also_in_the_middle_of_a_body() {
    let (mut first, second) = (Teller::start(Some("1,2")).await, Teller::start(Some("1,2")).await);
    let gateway = gateway(&[&first, &second], |_| ()).await;
    check(&get(&gateway, "/", &[]).await, 200, &page());
    // From the second part on, the first replica says nothing that can be read.
    first.sins(|_, question, told| match question.header("range") {
        Some(_) => Lie::Bytes(b"nothing".to_vec()),
        None => Lie::Told(told),
    });
    check(&get(&gateway, "/video", &[]).await, 200, &video());
    first.repents();
    first.node.stop();
    (&mut first.node.served).await.expect("stops");
    check(&get(&gateway, "/other", &[]).await, 200, b"another page");
    check(&get(&gateway, "/update", &[]).await, 200, b"certified");
    let passed =
        ask_from(Ipv4Addr::LOCALHOST, &gateway, Method::GET, "localhost", "/api/v2/status", &[]).await;
    assert_eq!(passed.status, StatusCode::OK);
}

#[tokio::test]
async fn when_no_replica_answers_the_page_says_so_and_when_to_come_back() {
    let mut teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    teller.node.stop();
    (&mut teller.node.served).await.expect("stops");
    let answer = get(&gateway, "/", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, Some("1")));
    assert!(answer.text().contains("The subnet does not answer"), "{}", answer.text());
}
