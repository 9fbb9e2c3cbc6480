//! RELIABILITY.md H8: a replica that lies in every way there is. Nothing that it made up is ever served: with an honest
//! replica beside it, the page is the honest one; without, there is an error page that says why.

use super::site::{
    self, Certificate, Lie, Piece, PieceSin, Question, Reply, Site, Strategy, Teller, Token, base64, id,
};
use super::{Answer, gateway, get, metric};
use crate::types::*;
use blst::min_sig::SecretKey;
use hyper::StatusCode;
use serde_bytes::ByteBuf;
use std::sync::Arc;
use std::time::Duration;

/// Each class is tried so often, with other bytes bent each time.
const ROUNDS: u64 = 4;
/// What a lie has where it can choose freely.
const MARK: &[u8] = b"<script>lie</script>";

type Tamper = fn(&Site, &Question, Reply, u64) -> Lie;
type PieceTamper = fn(u64, Piece, u64) -> Piece;

enum Sin {
    Page(&'static str, Tamper),
    Piece(PieceTamper),
}

fn unbase64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(digit).collect();
    let group = |group: &[u8]| {
        let number =
            group.iter().fold(0u32, |sum, digit| sum << 6 | u32::from(*digit)) << (6 * (4 - group.len()));
        number.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

/// Bends a field of the certificate header; `None` leaves it out.
fn field(mut told: Reply, name: &str, bend: impl FnOnce(String) -> Option<String>) -> Lie {
    let header = told.header("ic-certificate");
    let mut bend = Some(bend);
    let fields = header.split(", ").filter_map(|field| {
        let (known, value) = field.split_once('=').expect("a field");
        let value = match bend.take_if(|_| known == name) {
            Some(bend) => bend(value.to_string())?,
            None => value.to_string(),
        };
        Some(format!("{known}={value}"))
    });
    *header = fields.collect::<Vec<_>>().join(", ");
    Lie::Told(told)
}

/// Bends the bytes of such a field.
fn bytes(told: Reply, name: &str, bend: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Lie {
    field(told, name, |value| Some(format!(":{}:", base64(&bend(unbase64(value.trim_matches(':')))))))
}

fn flip(mut bytes: Vec<u8>, round: u64) -> Vec<u8> {
    let at = (round as usize * 7_919 + bytes.len() / 2) % bytes.len();
    bytes[at] ^= 1 << (round % 8);
    bytes
}

fn under(site: &Site, question: &Question, bend: impl FnOnce(Certificate) -> Certificate) -> Lie {
    Lie::Told(site.answer(question, &bend(Certificate::of(site)).bytes()))
}

fn told(mut reply: Reply, bend: impl FnOnce(&mut Reply)) -> Lie {
    bend(&mut reply);
    Lie::Told(reply)
}

/// Another asset's answer, its proof included.
fn instead(site: &Site, question: &Question, name: &str) -> Lie {
    let url = if name == "*" { question.url.as_str() } else { name.split(' ').next().expect("a path") };
    Lie::Told(site.told(name, url, &Certificate::of(site).bytes()))
}

fn expression_path(labels: &[&str]) -> String {
    let labels: Vec<String> = labels.iter().map(|label| label.to_string()).collect();
    format!(":{}:", ic_http_certification::utils::cbor_encode_to_base64(&labels))
}

/// The part of `/video` that holds a byte, whatever was asked.
fn part(site: &Site, number: usize) -> Reply {
    site.told(&format!("/video {number}"), "/video", &Certificate::of(site).bytes())
}

fn later(question: &Question) -> bool {
    question.header("range").is_some_and(|range| range != "bytes=0-")
}

fn certificate_classes() -> Vec<(&'static str, Sin)> {
    use Sin::Page;
    vec![
        ("certificate stripped", Page("/", |_, _, it, _| told(it, |it| it.drop_header("ic-certificate")))),
        (
            "expression stripped",
            Page("/", |_, _, it, _| told(it, |it| it.drop_header("ic-certificateexpression"))),
        ),
        (
            "both stripped",
            Page("/", |_, _, it, _| {
                told(it, |it| {
                    it.drop_header("ic-certificate");
                    it.drop_header("ic-certificateexpression");
                    it.body = ByteBuf::from(MARK);
                })
            }),
        ),
        (
            "certificate header empty",
            Page("/", |_, _, it, _| told(it, |it| it.header("ic-certificate").clear())),
        ),
        (
            "certificate header cut",
            Page("/", |_, _, it, round| {
                told(it, |it| {
                    let header = it.header("ic-certificate");
                    header.truncate(header.len() / (2 + round as usize));
                })
            }),
        ),
        (
            "two certificate headers",
            Page("/", |site, _, it, _| {
                told(it, |it| {
                    let other = site
                        .told("/other", "/other", &Certificate::of(site).bytes())
                        .header("ic-certificate")
                        .clone();
                    it.headers.insert(0, ("ic-certificate".into(), other));
                })
            }),
        ),
        ("no field certificate", Page("/", |_, _, it, _| field(it, "certificate", |_| None))),
        ("no field tree", Page("/", |_, _, it, _| field(it, "tree", |_| None))),
        ("no field expr_path", Page("/", |_, _, it, _| field(it, "expr_path", |_| None))),
        ("no field version", Page("/", |_, _, it, _| field(it, "version", |_| None))),
        ("version 0", Page("/", |_, _, it, _| field(it, "version", |_| Some("0".into())))),
        (
            "version 1 of a proof of version 2",
            Page("/", |_, _, it, _| field(it, "version", |_| Some("1".into()))),
        ),
        ("version 3", Page("/", |_, _, it, _| field(it, "version", |_| Some("3".into())))),
        ("version beyond numbers", Page("/", |_, _, it, _| field(it, "version", |_| Some("9".repeat(40))))),
        (
            "certificate that is no base64",
            Page("/", |_, _, it, _| field(it, "certificate", |_| Some(":?!:".into()))),
        ),
        (
            "certificate that is no CBOR",
            Page("/", |_, _, it, _| bytes(it, "certificate", |_| b"nonsense".to_vec())),
        ),
        (
            "certificate cut",
            Page("/", |_, _, it, round| {
                bytes(it, "certificate", |bytes| bytes[..bytes.len() - 1 - round as usize * 40].to_vec())
            }),
        ),
        (
            "certificate with a bit flipped",
            Page("/", |_, _, it, round| bytes(it, "certificate", |it| flip(it, round))),
        ),
        (
            "certificate nested without end",
            Page("/", |_, _, it, _| bytes(it, "certificate", |_| vec![0x83; 100_000])),
        ),
        (
            "signature of another key",
            Page("/", |site, question, _, round| {
                under(site, question, |it| Certificate {
                    key: SecretKey::key_gen(&[round as u8; 32], &[]).expect("a key"),
                    ..it
                })
            }),
        ),
        (
            "stale certificate",
            Page("/", |site, question, _, round| {
                under(site, question, |it| it.aged(Duration::from_secs(310 + round * 100_000)))
            }),
        ),
        (
            "certificate of the future",
            Page("/", |site, question, _, round| {
                let time = std::time::SystemTime::now() + Duration::from_secs(310 + round * 100_000);
                under(site, question, |it| Certificate { time: Some(time), ..it })
            }),
        ),
        (
            "certificate without a time",
            Page("/", |site, question, _, _| under(site, question, |it| Certificate { time: None, ..it })),
        ),
        (
            "another canister's certificate",
            Page("/", |site, question, _, round| {
                under(site, question, |it| Certificate { canister: CanisterId(8 + round).principal(), ..it })
            }),
        ),
        (
            "certificate without data",
            Page("/", |site, question, _, _| under(site, question, |it| Certificate { data: None, ..it })),
        ),
        (
            "certificate of other data",
            Page("/", |site, question, _, round| {
                let data = flip(site.root(), round);
                under(site, question, |it| Certificate { data: Some(data), ..it })
            }),
        ),
        (
            "another site under this one's certificate",
            Page("/", |site, question, _, round| {
                let other = Site::new(2 + round as u8);
                Lie::Told(other.answer(question, &Certificate::of(site).bytes()))
            }),
        ),
        (
            "an older state with its stale certificate",
            Page("/", |_, question, _, _| {
                let old = Site::new(0);
                Lie::Told(old.answer(question, &Certificate::of(&old).aged(Duration::from_secs(600)).bytes()))
            }),
        ),
    ]
}

fn tree_classes() -> Vec<(&'static str, Sin)> {
    use Sin::Page;
    vec![
        ("tree with a bit flipped", Page("/", |_, _, it, round| bytes(it, "tree", |it| flip(it, round)))),
        (
            "tree cut",
            Page("/", |_, _, it, round| {
                bytes(it, "tree", |bytes| bytes[..bytes.len() - 1 - round as usize * 30].to_vec())
            }),
        ),
        ("tree that is no CBOR", Page("/", |_, _, it, _| bytes(it, "tree", |_| b"nonsense".to_vec()))),
        ("tree nested without end", Page("/", |_, _, it, _| bytes(it, "tree", |_| vec![0x83; 100_000]))),
        ("tree that is empty", Page("/", |_, _, it, _| bytes(it, "tree", |_| vec![0x81, 0x00]))),
        (
            "tree that is pruned to its root",
            Page("/", |site, _, it, _| {
                let root = [&[0x82, 0x04, 0x58, 0x20][..], &site.root()[..]].concat();
                bytes(it, "tree", |_| root)
            }),
        ),
        (
            "tree of another page",
            Page("/", |site, _, it, _| {
                let mut other = site.told("/other", "/other", &Certificate::of(site).bytes());
                let header = other.header("ic-certificate").clone();
                let tree = header
                    .split(", ")
                    .find_map(|field| field.strip_prefix("tree="))
                    .expect("a tree")
                    .to_string();
                field(it, "tree", |_| Some(tree))
            }),
        ),
        (
            "path of another page",
            Page("/", |_, _, it, _| {
                field(it, "expr_path", |_| Some(expression_path(&["http_expr", "other", "<$>"])))
            }),
        ),
        (
            "path of the fallback",
            Page("/", |_, _, it, _| {
                field(it, "expr_path", |_| Some(expression_path(&["http_expr", "", "<*>"])))
            }),
        ),
        (
            "path without an end",
            Page("/", |_, _, it, _| field(it, "expr_path", |_| Some(expression_path(&["http_expr", ""])))),
        ),
        (
            "path that is empty",
            Page("/", |_, _, it, _| field(it, "expr_path", |_| Some(expression_path(&[])))),
        ),
        (
            "path outside of expressions",
            Page("/", |_, _, it, _| {
                field(it, "expr_path", |_| Some(expression_path(&["http_assets", "", "<$>"])))
            }),
        ),
        ("path that is no CBOR", Page("/", |_, _, it, _| bytes(it, "expr_path", |_| b"nonsense".to_vec()))),
    ]
}

fn answer_classes() -> Vec<(&'static str, Sin)> {
    use Sin::Page;
    vec![
        (
            "body with a bit flipped",
            Page("/", |_, _, it, round| {
                told(it, |it| it.body = ByteBuf::from(flip(it.body.to_vec(), round)))
            }),
        ),
        ("body made up", Page("/", |_, _, it, _| told(it, |it| it.body = ByteBuf::from(MARK)))),
        ("body cut", Page("/", |_, _, it, round| told(it, |it| it.body.truncate(round as usize * 100)))),
        ("body continued", Page("/", |_, _, it, _| told(it, |it| it.body.extend_from_slice(MARK)))),
        (
            "body of another page",
            Page("/", |_, _, it, _| told(it, |it| it.body = ByteBuf::from(b"another page"))),
        ),
        (
            "a long body with its last bit flipped",
            Page("/large", |_, _, it, _| told(it, |it| *it.body.last_mut().expect("a body") ^= 1)),
        ),
        ("another page", Page("/", |site, question, _, _| instead(site, question, "/other"))),
        ("the page of another path", Page("/other", |site, question, _, _| instead(site, question, "/kept"))),
        ("absence of what is there", Page("/", |site, question, _, _| instead(site, question, "*"))),
        (
            "absence under a path that is there",
            Page("/other", |site, question, _, _| instead(site, question, "*")),
        ),
        (
            "presence of what is not there",
            Page("/nowhere", |site, question, _, _| instead(site, question, "/other")),
        ),
        ("status 404 of what is there", Page("/", |_, _, it, _| told(it, |it| it.status_code = 404))),
        (
            "status 200 of what is not there",
            Page("/nowhere", |_, _, it, _| told(it, |it| it.status_code = 200)),
        ),
        (
            "a redirection",
            Page("/", |_, _, it, _| {
                told(it, |it| {
                    it.status_code = 302;
                    it.add_header("location", "http://evil.test/");
                })
            }),
        ),
        (
            "a redirection to elsewhere",
            Page("/moved", |_, _, it, _| told(it, |it| *it.header("location") = "http://evil.test/".into())),
        ),
        (
            "a status that is none",
            Page("/", |_, _, it, round| {
                told(it, |it| it.status_code = [0, 99, 1_000, 65_535][round as usize])
            }),
        ),
        (
            "a header changed",
            Page("/", |_, _, it, _| told(it, |it| *it.header("content-type") = "text/plain".into())),
        ),
        ("a header left out", Page("/kept", |_, _, it, _| told(it, |it| it.drop_header("cache-control")))),
        (
            "a header put in",
            Page("/", |_, _, it, _| told(it, |it| it.add_header("content-encoding", "gzip"))),
        ),
        (
            "a header twice",
            Page("/", |_, _, it, _| told(it, |it| it.add_header("content-type", "text/plain"))),
        ),
        (
            "headers that nobody certified",
            Page("/", |_, _, it, _| {
                told(it, |it| {
                    it.add_header("x-lie", "lie");
                    it.add_header("set-cookie", "lie=1");
                    it.add_header("access-control-allow-origin", "http://evil.test");
                })
            }),
        ),
        (
            "an expression that certifies nothing",
            Page("/", |_, _, it, _| {
                told(it, |it| {
                    let skip = "default_certification(ValidationArgs{no_certification:Empty{}})";
                    *it.header("ic-certificateexpression") = skip.into();
                    it.body = ByteBuf::from(MARK);
                })
            }),
        ),
        (
            "an expression of fewer headers",
            Page("/", |_, _, it, _| {
                told(it, |it| {
                    let header = it.header("ic-certificateexpression");
                    *header = header.replace("\"content-type\",", "");
                })
            }),
        ),
        (
            "an expression that is nonsense",
            Page("/", |_, _, it, _| {
                told(it, |it| *it.header("ic-certificateexpression") = "(".repeat(10_000))
            }),
        ),
        (
            "two expressions",
            Page("/", |_, _, it, _| {
                told(it, |it| {
                    let skip = "default_certification(ValidationArgs{no_certification:Empty{}})";
                    it.headers.insert(0, ("ic-certificateexpression".into(), skip.into()));
                })
            }),
        ),
        (
            "version 1 of a canister that knows version 2",
            Page("/", |site, _, _, _| Lie::Told(site.told_old(&Certificate::of(site).bytes()))),
        ),
        (
            "version 1 with a redirection",
            Page("/", |site, _, _, _| {
                let mut old = site.told_old(&Certificate::of(site).bytes());
                (old.status_code, old.body) = (301, ByteBuf::from(site::index()));
                old.add_header("location", "http://evil.test/");
                Lie::Told(old)
            }),
        ),
        (
            "no HTTP response",
            Page("/", |_, _, _, round| {
                Lie::Bytes(
                    [&b""[..], b"DIDL", b"DIDL\x01\x6d\x7f\x01\x00\xff\xff\xff\xff\x0f", &[0xff; 1_000]]
                        [round as usize]
                        .to_vec(),
                )
            }),
        ),
        (
            "a refusal",
            Page("/", |_, _, _, round| {
                let codes = [
                    ErrorCode::CanisterNotFound,
                    ErrorCode::CanisterTrapped,
                    ErrorCode::CanisterFrozen,
                    ErrorCode::CanisterMethodNotFound,
                ];
                Lie::Refused(Reject::new(codes[round as usize], "lie"))
            }),
        ),
    ]
}

fn part_classes() -> Vec<(&'static str, Sin)> {
    use Sin::{Page, Piece as Stream};
    vec![
        ("a part for the whole", Page("/video", |_, _, it, _| told(it, |it| it.status_code = 200))),
        (
            "a part of what comes in none",
            Page("/", |_, _, it, _| {
                told(it, |it| {
                    it.status_code = 206;
                    it.add_header("content-range", "bytes 0-9/10");
                })
            }),
        ),
        (
            "a part that says it stands elsewhere",
            Page("/video", |_, _, it, _| {
                told(it, |it| {
                    *it.header("content-range") = format!("bytes 7-{}/{}", 6 + site::PART, site::VIDEO)
                })
            }),
        ),
        (
            "a part of a shorter whole",
            Page("/video", |_, _, it, _| {
                told(it, |it| {
                    *it.header("content-range") = format!("bytes 0-{}/{}", site::PART - 1, site::PART)
                })
            }),
        ),
        ("the first part again and again", Page("/video", |site, _, _, _| Lie::Told(part(site, 0)))),
        (
            "the last part at once",
            Page("/video", |site, question, it, _| match later(question) {
                true => Lie::Told(part(site, 3)),
                false => Lie::Told(it),
            }),
        ),
        (
            "a later part with a bit flipped",
            Page("/video", |_, question, it, round| match later(question) {
                true => told(it, |it| it.body = ByteBuf::from(flip(it.body.to_vec(), round))),
                false => Lie::Told(it),
            }),
        ),
        (
            "a later part of another version",
            Page("/video", |_, question, it, _| match later(question) {
                true => {
                    let other = Site::new(2);
                    Lie::Told(other.answer(question, &Certificate::of(&other).bytes()))
                }
                false => Lie::Told(it),
            }),
        ),
        (
            "a later part without a certificate",
            Page("/video", |_, question, it, _| match later(question) {
                true => told(it, |it| it.drop_header("ic-certificate")),
                false => Lie::Told(it),
            }),
        ),
        (
            "the whole of something else for a later part",
            Page("/video", |site, question, it, _| match later(question) {
                true => instead(site, question, "/other"),
                false => Lie::Told(it),
            }),
        ),
        (
            "a stream's piece with a bit flipped",
            Stream(|next, it, round| match next == 1 + 2 * round {
                true => Piece { body: ByteBuf::from(flip(it.body.to_vec(), round)), ..it },
                false => it,
            }),
        ),
        (
            "a stream's last piece made up",
            Stream(|_, it, _| match it.token {
                None => Piece { body: ByteBuf::from(MARK), token: None },
                Some(_) => it,
            }),
        ),
        (
            "a stream that ends too soon",
            Stream(|next, it, round| match next == 1 + round {
                true => Piece { token: None, ..it },
                false => it,
            }),
        ),
        (
            "a stream that leaves a piece out",
            Stream(|next, it, round| match next == 1 + round {
                true => Piece { token: Some(Token { next: next + 2 }), ..it },
                false => it,
            }),
        ),
        ("a stream that does not end", Stream(|_, it, _| Piece { token: Some(Token { next: 1 }), ..it })),
        (
            "a stream without bytes that does not end",
            Stream(|_, _, _| Piece { body: ByteBuf::new(), token: Some(Token { next: 1 }) }),
        ),
        (
            "a stream of another canister",
            Page("/stream", |_, _, it, _| {
                told(it, |it| {
                    let callback = site::More::new(CanisterId(8).principal(), "more".into());
                    it.streaming_strategy = Some(Strategy::Callback { callback, token: Token { next: 1 } });
                })
            }),
        ),
        (
            "a stream of what comes in none",
            Page("/", |_, _, it, _| {
                told(it, |it| {
                    let callback = site::More::new(id(), "more".into());
                    it.streaming_strategy = Some(Strategy::Callback { callback, token: Token { next: 8 } });
                })
            }),
        ),
    ]
}

fn classes() -> Vec<(&'static str, Sin)> {
    [certificate_classes(), tree_classes(), answer_classes(), part_classes()].into_iter().flatten().collect()
}

/// The honest answer itself, in all that a client sees of it.
fn is_honest(answer: &Answer, honest: &Answer) -> bool {
    let seen = |answer: &Answer| {
        let header = |name| answer.header(name).map(str::to_owned);
        (
            answer.status,
            answer.body.clone().ok(),
            header("content-type"),
            header("location"),
            header("x-lie"),
            header("set-cookie"),
        )
    };
    seen(answer) == seen(honest)
        && answer.body.is_ok()
        && answer.header("access-control-allow-origin") == Some("*")
}

/// An error page that says why, or a body that was cut off before what was made up.
fn is_refusal(answer: &Answer, honest: &Answer) -> bool {
    match &answer.body {
        Err(_) => answer.status == honest.status,
        Ok(body) => {
            let refused = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::BAD_GATEWAY, StatusCode::NOT_FOUND];
            answer.header("x-ic-error-cause").is_some()
                && refused.contains(&answer.status) | (answer.status.as_u16() == 451)
                && !body.windows(MARK.len()).any(|window| window == MARK)
        }
    }
}

fn commit(teller: &Teller, sin: &Sin, round: u64) {
    teller.repents();
    match *sin {
        Sin::Page(_, tamper) => {
            teller.sins(move |site, question, honest| tamper(site, question, honest, round));
        }
        Sin::Piece(tamper) => {
            let sin: PieceSin = Arc::new(move |next, piece| tamper(next, piece, round));
            *teller.piece_sin.lock().expect("not poisoned") = Some(sin);
        }
    }
}

async fn check(classes: Vec<(&'static str, Sin)>) {
    let (liar, honest) = (Teller::start(Some("1,2")).await, Teller::start(Some("1,2")).await);
    for (name, sin) in classes {
        let path = if let Sin::Page(path, _) = sin { path } else { "/stream" };
        let truth = get(&gateway(&[&honest], |_| ()).await, path, &[]).await;
        assert!(truth.body.is_ok(), "{name}: {truth:?}");
        let mut refused = 0;
        for round in 0..ROUNDS {
            commit(&liar, &sin, round);
            let alone = get(&gateway(&[&liar], |_| ()).await, path, &[]).await;
            let stood = is_refusal(&alone, &truth);
            refused += u64::from(stood);
            assert!(stood || is_honest(&alone, &truth), "{name}, round {round}, alone: {alone:?}");
            let asked = liar.asked();
            let both = gateway(&[&liar, &honest], |_| ()).await;
            let answer = get(&both, path, &[]).await;
            assert!(is_honest(&answer, &truth), "{name}, round {round}, beside an honest one: {answer:?}");
            assert!(liar.asked() > asked, "{name}: the liar was not asked");
        }
        assert!(refused > 0 || name == "headers that nobody certified", "{name} was never refused");
    }
}

#[test]
fn there_are_more_than_sixty_classes_of_lies() {
    let names: std::collections::BTreeSet<_> = classes().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), classes().len());
    assert!(names.len() >= 60, "{}", names.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lies_about_certificates_are_never_served() {
    check(certificate_classes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lies_about_what_is_where_are_never_served() {
    check(tree_classes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lies_about_pages_are_never_served() {
    check(answer_classes()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lies_about_parts_are_never_served() {
    check(part_classes()).await;
}

#[tokio::test]
async fn an_upgrade_that_its_canister_knows_nothing_of_hides_no_page() {
    let tellers = [Teller::start(Some("1,2")).await, Teller::start(Some("1,2")).await];
    let gateway = gateway(&[&tellers[0], &tellers[1]], |_| ()).await;
    // One of the two is asked first.
    for liar in &tellers {
        liar.sins(|_, _, it| told(it, |it| it.upgrade = Some(true)));
        let answer = get(&gateway, "/other", &[("cache-control", "no-cache")]).await;
        assert_eq!((answer.status, answer.body()), (StatusCode::OK, b"another page".as_slice()));
        liar.repents();
    }
}

#[tokio::test]
async fn two_liars_of_seven_replicas_refuse_no_page() {
    let mut tellers = Vec::new();
    for _ in 0..7 {
        tellers.push(Teller::start(Some("1,2")).await);
    }
    let replicas: Vec<&Teller> = tellers.iter().collect();
    let gateway = gateway(&replicas, |_| ()).await;
    // Wherever the gateway begins, once both are the first that it asks.
    for first in 0..7 {
        for liar in [first, (first + 1) % 7] {
            tellers[liar].sins(|_, _, _| Lie::Refused(Reject::new(ErrorCode::CanisterNotFound, "lie")));
        }
        let answer = get(&gateway, &format!("/other?{first}"), &[]).await;
        assert_eq!((answer.status, answer.body()), (StatusCode::OK, b"another page".as_slice()), "{first}");
        tellers.iter().for_each(Teller::repents);
    }
}

#[tokio::test]
async fn a_liar_is_put_aside_and_not_asked_again() {
    let (liar, honest) = (Teller::start(Some("1,2")).await, Teller::start(Some("1,2")).await);
    liar.sins(|_, _, it| told(it, |it| it.body = ByteBuf::from(MARK)));
    let gateway = gateway(&[&liar, &honest], |_| ()).await;
    for path in ["/", "/other", "/nowhere", "/large"] {
        assert_ne!(get(&gateway, path, &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    // Once more, to be sure.
    assert_eq!((liar.asked(), honest.asked()), (2, 4));
    assert_eq!(metric(&gateway, "replicas_aside").await, 1.0);
    let counted = format!("replica_unverified_total{{replica=\"{}\"}}", liar.node.address);
    assert_eq!(metric(&gateway, &counted).await, 1.0);
}

#[tokio::test]
async fn who_told_a_page_that_did_not_verify_and_then_one_that_does_is_not_put_aside() {
    let tellers = [Teller::start(Some("1,2")).await, Teller::start(Some("1,2")).await];
    let gateway = gateway(&[&tellers[0], &tellers[1]], |_| ()).await;
    for teller in &tellers {
        let first = std::sync::atomic::AtomicBool::new(true);
        teller.sins(move |_, _, it| match first.swap(false, std::sync::atomic::Ordering::SeqCst) {
            true => told(it, |it| it.body = ByteBuf::from(MARK)),
            false => Lie::Told(it),
        });
        assert_eq!(get(&gateway, "/other", &[("cache-control", "no-cache")]).await.body(), b"another page");
        teller.repents();
    }
    assert_eq!(metric(&gateway, "replicas_aside").await, 0.0);
}

#[tokio::test]
async fn a_part_of_a_newer_version_has_nobody_put_aside() {
    let tellers = [Teller::start(Some("1,2")).await, Teller::start(Some("1,2")).await];
    let gateway = gateway(&[&tellers[0], &tellers[1]], |_| ()).await;
    for teller in &tellers {
        teller.sins(|_, question, it| match later(question) {
            true => {
                let newer = Site::new(2);
                Lie::Told(newer.answer(question, &Certificate::of(&newer).bytes()))
            }
            false => Lie::Told(it),
        });
        let answer = get(&gateway, "/video", &[("cache-control", "no-cache")]).await;
        assert!(answer.body() == site::video());
        teller.repents();
    }
    assert_eq!(metric(&gateway, "replicas_aside").await, 0.0);
}

#[tokio::test]
async fn refusals_of_a_page_that_there_is_are_counted() {
    let tellers = [Teller::start(Some("1,2")).await, Teller::start(Some("1,2")).await];
    let gateway = gateway(&[&tellers[0], &tellers[1]], |_| ()).await;
    let mut counted = 0.0;
    for liar in &tellers {
        liar.sins(|_, _, _| Lie::Refused(Reject::new(ErrorCode::CanisterNotFound, "lie")));
        assert_eq!(get(&gateway, "/other", &[("cache-control", "no-cache")]).await.status, StatusCode::OK);
        liar.repents();
        let line = format!("replica_contradicted_total{{replica=\"{}\"}}", liar.node.address);
        counted += metric(&gateway, &line).await;
    }
    // One of the two was asked first.
    assert_eq!(counted, 1.0);
}

#[tokio::test]
async fn what_no_replica_proves_is_asked_of_few_and_not_again_at_once() {
    let mut tellers = Vec::new();
    for _ in 0..7 {
        tellers.push(Teller::start(Some("1,2")).await);
        tellers[tellers.len() - 1].sins(|_, _, it| told(it, |it| it.drop_header("ic-certificate")));
    }
    let gateway = gateway(&tellers.iter().collect::<Vec<_>>(), |_| ()).await;
    for _ in 0..3 {
        assert_eq!(get(&gateway, "/", &[]).await.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    // Two may be faulty, and one more may be late.
    assert_eq!(tellers.iter().map(Teller::asked).sum::<usize>(), 4);
}

/// Version 1 has the index wherever nothing else is: that nothing else is there has to be proved.
#[tokio::test]
async fn version_1_serves_the_index_only_where_nothing_else_is() {
    let teller = Teller::start(None).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    for (path, hides, served) in [
        ("/", false, true),
        ("/nowhere", false, true),
        ("/app.js", false, false),
        // Something before the index is hidden.
        ("/", true, false),
        ("/nowhere", true, true),
        ("/app.js", true, false),
    ] {
        teller.sins(move |site, _, _| {
            let certificate = Certificate::of(site).bytes();
            Lie::Told(if hides { site.told_old_hiding(&certificate) } else { site.told_old(&certificate) })
        });
        let answer = get(&gateway, path, &[("cache-control", "no-cache")]).await;
        let expected = if served { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        assert_eq!(answer.status, expected, "{path} {hides}: {answer:?}");
    }
}

#[tokio::test]
async fn nobody_is_put_aside_for_a_canister_that_certifies_nothing() {
    let (first, second) = (Teller::start(Some("1,2")).await, Teller::start(Some("1,2")).await);
    for teller in [&first, &second] {
        teller.sins(|_, _, it| told(it, |it| it.drop_header("ic-certificate")));
    }
    let gateway = gateway(&[&first, &second], |_| ()).await;
    let answer = get(&gateway, "/", &[]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("x-ic-error-cause"), Some("response_verification_error"));
    assert!(answer.text().contains("This answer could not be verified"), "{}", answer.text());
    assert_eq!(metric(&gateway, "replicas_aside").await, 0.0);
    // Who wants it unverified says so by the host name.
    let host = format!("{}.raw.localhost", id());
    let raw =
        super::ask_from(std::net::Ipv4Addr::LOCALHOST, &gateway, hyper::Method::GET, &host, "/", &[]).await;
    assert_eq!(raw.status, StatusCode::OK);
}
