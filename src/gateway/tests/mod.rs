//! The gateway as it serves, on real sockets, before replicas that a test scripts: their interface, certificates and
//! signatures are real (`http::tests::node`), their canister tells a site ([`site`]).

mod bounds;
mod candid_page;
mod flood;
mod lies;
mod pages;
mod secure;
mod site;

use self::site::{Teller, id};
use super::{Config, serve};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A gateway that runs until it is dropped.
struct Running {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// A gateway before these replicas, in this order.
async fn gateway(replicas: &[&Teller], change: impl FnOnce(&mut Config)) -> Running {
    let urls = replicas.iter().map(|teller| format!("http://{}", teller.node.address)).collect();
    let root_key = replicas.first().map(|teller| teller.node.root_key.clone());
    let mut config = Config { root_key, ..Config::new(urls) };
    change(&mut config);
    start(config).await
}

async fn start(config: Config) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        serve(listener, config, async move { drop(stopped.await) }).await.expect("serves");
    });
    Running { address, _stop: stop, served }
}

/// What a client gets. The body is an error where it was cut off.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Result<Bytes, String>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    fn body(&self) -> &[u8] {
        self.body.as_deref().expect("a whole body")
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.body()).into_owned()
    }
}

/// Asks as a browser does that has the host name from its user.
async fn ask(gateway: &Running, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask_from(Ipv4Addr::LOCALHOST, gateway, method, &format!("{}.localhost", id()), path, headers).await
}

async fn get(gateway: &Running, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(gateway, Method::GET, path, headers).await
}

async fn ask_from(
    client: Ipv4Addr,
    gateway: &Running,
    method: Method,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut connector = HttpConnector::new();
    connector.set_local_address(Some(IpAddr::V4(client)));
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let mut request = Request::builder().method(method).uri(format!("http://{}{path}", gateway.address));
    request = request.header("host", host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::<Bytes>::default()).expect("a request");
    let (head, body) = client.request(request).await.expect("an answer").into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).map_err(|error| error.to_string());
    Answer { status: head.status, headers: head.headers, body }
}

/// A number of the gateway's metrics.
async fn metric(gateway: &Running, line: &str) -> f64 {
    let text = ask_from(Ipv4Addr::LOCALHOST, gateway, Method::GET, "localhost", "/metrics", &[]).await.text();
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
    found.unwrap_or_default()
}
