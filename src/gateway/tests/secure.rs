//! TLS: HTTP/2 and HTTP/1.1 by agreement, certificates of a development authority and from files, and clients that do
//! not come to an end with their handshake (RELIABILITY.md H4 in small).

use super::site::{Teller, id};
use super::{Running, gateway};
use crate::gateway::{Deadlines, Tls};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const PATIENCE: Duration = Duration::from_secs(60);

/// A client that trusts one authority, and speaks these protocols.
async fn trusting(authority: &Path, protocols: &[&[u8]]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let begun = std::time::Instant::now();
    // A gateway that has just begun makes it.
    let pem = loop {
        match std::fs::read(authority) {
            Ok(pem) if !pem.is_empty() => break pem,
            _ => assert!(begun.elapsed() < PATIENCE, "no authority"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    roots.add(CertificateDer::from_pem_slice(&pem).expect("a certificate")).expect("an authority");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

async fn connect(
    connector: &TlsConnector,
    gateway: &Running,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(gateway.address).await.expect("connects");
    let name = ServerName::try_from(name.to_string()).expect("a name");
    tokio::time::timeout(PATIENCE, connector.connect(name, tcp)).await.expect("in time")
}

async fn page(response: Response<Incoming>) -> (u16, Bytes, Option<String>) {
    let (head, body) = response.into_parts();
    let strict =
        head.headers.get("strict-transport-security").map(|it| it.to_str().expect("text").to_string());
    (head.status.as_u16(), body.collect().await.expect("a body").to_bytes(), strict)
}

async fn over_http2(stream: TlsStream<TcpStream>, host: &str, path: &str) -> (u16, Bytes, Option<String>) {
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    let request =
        Request::get(format!("https://{host}{path}")).body(Full::<Bytes>::default()).expect("a request");
    page(sender.send_request(request).await.expect("an answer")).await
}

async fn over_http1(stream: TlsStream<TcpStream>, host: &str, path: &str) -> (u16, Bytes, Option<String>) {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    tokio::spawn(connection);
    let request = Request::get(path).header("host", host).body(Full::<Bytes>::default()).expect("a request");
    page(sender.send_request(request).await.expect("an answer")).await
}

#[tokio::test]
async fn pages_come_over_tls_by_whatever_protocol_is_agreed_on() {
    let teller = Teller::start(Some("1,2")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let tls = Tls::Development { folder: folder.path().to_path_buf() };
    let gateway = gateway(&[&teller], |config| config.tls = Some(tls)).await;
    let host = format!("{}.localhost", id());
    let authority = folder.path().join("authority.pem");
    let stream =
        connect(&trusting(&authority, &[b"h2", b"http/1.1"]).await, &gateway, &host).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (status, body, strict) = over_http2(stream, &host, "/video").await;
    assert_eq!((status, strict), (200, None));
    assert!(body == super::site::video());
    let stream = connect(&trusting(&authority, &[b"http/1.1"]).await, &gateway, &host).await.expect("TLS");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(over_http1(stream, &host, "/other").await.1, "another page");
    // The authority signs for nobody else's names.
    assert!(connect(&trusting(&authority, &[]).await, &gateway, "example.org").await.is_err());
}

fn issue(folder: &Path, name: &str) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed([name.to_string()]).expect("a certificate");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).expect("written");
    made.cert.der().to_vec()
}

#[tokio::test]
async fn a_certificate_is_exchanged_without_a_restart() {
    let teller = Teller::start(Some("1,2")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
    let host = format!("{}.localhost", id());
    issue(folder.path(), &host);
    let tls = Tls::Files { chain: chain.clone(), key };
    let gateway = gateway(&[&teller], |config| config.tls = Some(tls)).await;
    let stream = connect(&trusting(&chain, &[b"h2"]).await, &gateway, &host).await.expect("TLS");
    let (status, body, strict) = over_http2(stream, &host, "/other").await;
    assert_eq!((status, &*body), (200, &b"another page"[..]));
    assert!(strict.is_some_and(|strict| strict.starts_with("max-age=31536000")));
    let second = issue(folder.path(), &host);
    let waiting = async {
        loop {
            if let Ok(stream) = connect(&trusting(&chain, &[b"h2"]).await, &gateway, &host).await {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let stream = tokio::time::timeout(PATIENCE, waiting).await.expect("the new certificate is served");
    let served = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|it| it.to_vec());
    assert_eq!(served, Some(second));
}

#[tokio::test]
async fn handshakes_that_do_not_end_are_given_up_and_garbage_at_once() {
    let teller = Teller::start(Some("1,2")).await;
    let folder = tempfile::tempdir().expect("a folder");
    let tls = Tls::Development { folder: folder.path().to_path_buf() };
    let gateway = gateway(&[&teller], |config| {
        config.tls = Some(tls);
        config.deadlines = Deadlines { handshake: Duration::from_millis(200), ..Deadlines::default() };
    })
    .await;
    // Nothing; the beginning of a hello; a hello in fragments that never end; plain HTTP; noise.
    let starts: [&[u8]; 5] = [
        b"",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"\x16\x03\x01\0\x01\x01",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &[0xff; 64],
    ];
    for start in starts {
        for _ in 0..20 {
            let mut stream = TcpStream::connect(gateway.address).await.expect("connects");
            stream.write_all(start).await.expect("writes");
            let mut rest = Vec::new();
            let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
            assert!(end.is_ok(), "{start:?} is not given up");
            assert!(rest.len() < 64, "{rest:?}");
        }
    }
    let host = format!("{}.localhost", id());
    let authority = folder.path().join("authority.pem");
    let stream = connect(&trusting(&authority, &[b"h2"]).await, &gateway, &host).await.expect("TLS");
    assert_eq!(over_http2(stream, &host, "/other").await.0, 200);
}
