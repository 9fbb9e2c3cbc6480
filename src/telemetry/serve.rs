//! A small HTTP server for operators: `GET` of a few pages.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;
/// From the first byte of a request to the end of its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection is closed after this long, whatever it does.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(300);
/// After an error of `accept` the loop rests this long.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// An answer.
pub struct Page {
    /// 200, or 503.
    pub ok: bool,
    pub content_type: &'static str,
    pub body: String,
}

/// The page of a path, or `None` for 404.
pub type Pages = Arc<dyn Fn(&str) -> Option<Page> + Send + Sync>;

/// Serves until dropped.
pub async fn serve(listener: TcpListener, pages: Pages) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((tcp, _)) => {
                let pages = pages.clone();
                tokio::spawn(async move {
                    let _place = place;
                    let _ = timeout(CONNECTION_TIMEOUT, talk(tcp, pages)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting an operator's connection failed");
                sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn talk(tcp: TcpStream, pages: Pages) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let response = respond(request.method(), request.uri().path(), &pages);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(tcp), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an operator's connection broke");
    }
}

fn respond(method: &Method, path: &str, pages: &Pages) -> Response<Full<Bytes>> {
    if method != Method::GET && method != Method::HEAD {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "GET only");
    }
    let Some(page) = pages(path) else {
        return plain(StatusCode::NOT_FOUND, "no such page");
    };
    let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, page.body);
    if page.ok {
        *response.status_mut() = StatusCode::OK;
    }
    let content_type = hyper::header::HeaderValue::from_static(page.content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text.into())));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn check(request: &str, status: &str, body: &str) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let answer = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let pages: Pages = Arc::new(|path| match path {
                "/good" => Some(Page { ok: true, content_type: "text/plain", body: "fine".into() }),
                "/bad" => Some(Page { ok: false, content_type: "text/plain", body: "ill".into() }),
                _ => None,
            });
            tokio::spawn(serve(listener, pages));
            let mut tcp = TcpStream::connect(address).await.unwrap();
            let request = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            tcp.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            tcp.read_to_string(&mut answer).await.unwrap();
            answer
        });
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.ends_with(body), "{answer}");
    }

    #[test]
    fn serves_pages_and_refuses_the_rest() {
        check("GET /good", "200", "fine");
        check("GET /bad", "503", "ill");
        check("GET /else", "404", "no such page");
        check("POST /good", "405", "GET only");
    }
}
