//! The certified responses: three files and the value as JSON. Everything else is a certified 404.

use ic_http_certification::utils::add_v2_certificate_header;
use ic_http_certification::{
    CERTIFICATE_EXPRESSION_HEADER_NAME, DefaultCelBuilder, DefaultResponseCertification,
    DefaultResponseOnlyCelExpression, HttpCertification, HttpCertificationPath, HttpCertificationTree,
    HttpCertificationTreeEntry, HttpRequest, HttpResponse, HttpUpdateResponse, StatusCode,
};
use std::cell::RefCell;

const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FILES: [(&str, &str, &str); 3] = [
    ("/", "text/html; charset=utf-8", include_str!("../web/index.html")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("../web/app.js")),
    ("/style.css", "text/css; charset=utf-8", include_str!("../web/style.css")),
];
const VALUE_PATH: &str = "/value";

thread_local! {
    static TREE: RefCell<HttpCertificationTree> = RefCell::default();
}

/// One certified response and where it stands in the tree.
struct Entry {
    path: HttpCertificationPath<'static>,
    response: HttpResponse<'static>,
    certification: HttpCertification,
}

impl Entry {
    fn tree_entry(&self) -> HttpCertificationTreeEntry<'_> {
        HttpCertificationTreeEntry::new(&self.path, self.certification)
    }
}

fn expression() -> DefaultResponseOnlyCelExpression<'static> {
    DefaultCelBuilder::response_only_certification()
        .with_response_certification(DefaultResponseCertification::response_header_exclusions(vec![]))
        .build()
}

fn headers(content_type: &str) -> Vec<(String, String)> {
    [
        ("content-type", content_type),
        ("cache-control", "no-cache"),
        ("content-security-policy", SECURITY_POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ]
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .into()
}

fn value_json(value: u64) -> Vec<u8> {
    format!("{{\"value\":\"{value}\"}}").into_bytes()
}

fn entry(
    path: HttpCertificationPath<'static>,
    status: StatusCode,
    content_type: &str,
    body: Vec<u8>,
) -> Entry {
    let expression = expression();
    let mut headers = headers(content_type);
    headers.push((CERTIFICATE_EXPRESSION_HEADER_NAME.to_string(), expression.to_string()));
    let response =
        HttpResponse::builder().with_status_code(status).with_headers(headers).with_body(body).build();
    let certification = HttpCertification::response_only(&expression, &response, None)
        .unwrap_or_else(|error| ic_cdk::trap(format!("cannot certify a response: {error}")));
    Entry { path, response, certification }
}

fn file_entry(index: usize) -> Entry {
    let (path, content_type, body) = FILES[index];
    entry(HttpCertificationPath::exact(path), StatusCode::OK, content_type, body.into())
}

fn value_entry(value: u64) -> Entry {
    let path = HttpCertificationPath::exact(VALUE_PATH);
    entry(path, StatusCode::OK, "application/json", value_json(value))
}

fn missing_entry() -> Entry {
    let path = HttpCertificationPath::wildcard("");
    entry(path, StatusCode::NOT_FOUND, "text/plain; charset=utf-8", b"There is no such page.".to_vec())
}

/// Makes the tree match `value` and certifies its root.
pub fn certify(value: u64) {
    TREE.with_borrow_mut(|tree| {
        if tree.root_hash() == HttpCertificationTree::default().root_hash() {
            (0..FILES.len()).for_each(|index| tree.insert(&file_entry(index).tree_entry()));
            tree.insert(&missing_entry().tree_entry());
        }
        tree.delete_by_path(&HttpCertificationPath::exact(VALUE_PATH));
        tree.insert(&value_entry(value).tree_entry());
        ic_cdk::api::certified_data_set(tree.root_hash());
    });
}

fn select(path: &str, value: u64) -> Entry {
    if path == VALUE_PATH {
        return value_entry(value);
    }
    match FILES.iter().position(|(name, _, _)| *name == path) {
        Some(index) => file_entry(index),
        None => missing_entry(),
    }
}

/// The response to a query: certified, or a request to upgrade to an update call.
pub fn respond(request: &HttpRequest, value: u64) -> HttpResponse<'static> {
    let Ok(path) = request.get_path() else {
        return HttpResponse::bad_request(b"The URL cannot be read.".to_vec(), headers("text/plain")).build();
    };
    if request.method().as_str() == "POST" {
        return HttpResponse::builder().with_upgrade(true).build();
    }
    let Entry { path: tree_path, mut response, certification } = select(&path, value);
    let Some(certificate) = ic_cdk::api::data_certificate() else {
        return HttpResponse::internal_server_error(
            b"No certificate: ask by a query call.".to_vec(),
            headers("text/plain"),
        )
        .build();
    };
    let witness = TREE
        .with_borrow(|tree| tree.witness(&HttpCertificationTreeEntry::new(&tree_path, certification), &path));
    match witness {
        Ok(witness) => {
            add_v2_certificate_header(&certificate, &mut response, &witness, &tree_path.to_expr_path());
            response
        }
        Err(error) => ic_cdk::trap(format!("no witness for {path}: {error}")),
    }
}

/// The value, as an answer to the update that raised it.
pub fn value_after_update(value: u64) -> HttpUpdateResponse<'static> {
    HttpResponse::ok(value_json(value), headers("application/json")).build_update()
}

/// The answer to an update that does not exist.
pub fn no_such_update() -> HttpUpdateResponse<'static> {
    HttpResponse::not_found(b"There is no such page.".to_vec(), headers("text/plain")).build_update()
}
