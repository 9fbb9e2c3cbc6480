//! The Candid page: its own host name and nothing but its own files under it, whatever is asked there.

use super::site::{Teller, id};
use super::{Answer, Running, ask_from, gateway};
use hyper::Method;
use std::net::Ipv4Addr;

const PAGE: &str = "candid-page.localhost:8080";

async fn ask(gateway: &Running, method: Method, host: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask_from(Ipv4Addr::LOCALHOST, gateway, method, host, path, headers).await
}

async fn get(gateway: &Running, host: &str, path: &str) -> Answer {
    ask(gateway, Method::GET, host, path, &[]).await
}

#[tokio::test]
async fn the_gateways_own_name_leads_to_the_page_and_no_canisters_name_does() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let led = get(&gateway, "localhost:8080", &format!("/_/candid?id={}", id())).await;
    let expected = format!("//{PAGE}/?id={}", id());
    assert_eq!((led.status.as_u16(), led.header("location")), (302, Some(expected.as_str())));
    assert_eq!(led.header("cache-control"), Some("no-store"));
    let nameless = get(&gateway, "10.0.0.1:8080", "/_/candid").await;
    assert_eq!((nameless.status.as_u16(), nameless.header("location")), (404, None));
    let canisters = get(&gateway, &format!("{}.localhost", id()), "/_/candid").await;
    assert_eq!((canisters.status.as_u16(), canisters.body()), (404, b"<p>nothing here</p>".as_slice()));
    let named = get(&gateway, "localhost", &format!("/_/candid?canisterId={}", id())).await;
    assert_eq!(named.header("x-ic-canister-id"), Some(id().to_text().as_str()));
}

#[tokio::test]
async fn the_page_comes_with_what_protects_it_and_knows_the_subnets_key() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    for (path, kind) in [
        ("/?id=aaaaa-aa", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/env.json", "application/json"),
    ] {
        let answer = get(&gateway, PAGE, path).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some(kind)), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
    let environment: serde_json::Value =
        serde_json::from_slice(get(&gateway, PAGE, "/env.json").await.body()).expect("JSON");
    assert_eq!(environment["root_key"], hex::encode(&teller.node.root_key));
}

#[tokio::test]
async fn under_the_pages_name_no_canister_shows_anything() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let chosen = get(&gateway, PAGE, &format!("/?canisterId={}", id())).await;
    assert_eq!(chosen.header("x-ic-canister-id"), None);
    assert!(chosen.text().contains("<title>Candid</title>"), "{}", chosen.text());
    let elsewhere = get(&gateway, PAGE, &format!("/other?canisterId={}", id())).await;
    assert_eq!((elsewhere.status.as_u16(), elsewhere.header("x-ic-canister-id")), (404, None));
    let posted = ask(&gateway, Method::POST, PAGE, "/", &[]).await;
    assert_eq!((posted.status.as_u16(), posted.header("allow")), (405, Some("GET, HEAD")));
    // The page asks the replicas from there.
    assert_eq!(get(&gateway, PAGE, "/api/v2/status").await.status.as_u16(), 200);
}

#[tokio::test]
async fn the_pages_files_are_compressed_and_not_sent_twice() {
    let teller = Teller::start(Some("1,2")).await;
    let gateway = gateway(&[&teller], |_| ()).await;
    let plain = get(&gateway, PAGE, "/app.js").await;
    let packed = ask(&gateway, Method::GET, PAGE, "/app.js", &[("accept-encoding", "br, gzip;q=0.5")]).await;
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), (None, Some("gzip")));
    assert!(packed.body().len() < plain.body().len() / 2, "{} bytes", packed.body().len());
    let mut unpacked = Vec::new();
    std::io::copy(&mut flate2::read::GzDecoder::new(packed.body()), &mut unpacked).expect("gzip");
    assert!(unpacked == plain.body());
    let refused = ask(&gateway, Method::GET, PAGE, "/app.js", &[("accept-encoding", "gzip;q=0")]).await;
    assert_eq!(refused.header("content-encoding"), None);
    let tag = plain.header("etag").expect("a tag");
    for known in [tag, tag.trim_start_matches("W/"), "\"a\", *"] {
        let again = ask(&gateway, Method::GET, PAGE, "/app.js", &[("if-none-match", known)]).await;
        assert_eq!((again.status.as_u16(), again.body().len()), (304, 0), "{known}");
    }
    let other = ask(&gateway, Method::GET, PAGE, "/app.js", &[("if-none-match", "\"a\"")]).await;
    assert_eq!(other.status.as_u16(), 200);
    let head = ask(&gateway, Method::HEAD, PAGE, "/", &[]).await;
    assert_eq!((head.status.as_u16(), head.body().len()), (200, 0));
}
