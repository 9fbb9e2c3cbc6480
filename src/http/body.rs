//! Reading a request's body: bounded, in time, within the budget of all bodies.

use super::Server;
use super::reply::Refusal;
use crate::types::limits::HTTP_BODY_BYTES_MAX;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

/// Refuses a body by its head: its type, its coding, its declared length.
pub(super) fn check_head(headers: &HeaderMap, body: &Incoming) -> Result<(), Refusal> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/cbor") {
        let reason = "unsupported content-type; requests are application/cbor";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let coding = headers.get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        let reason = "unsupported content-encoding; send the body as it is";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    if body.size_hint().lower() > HTTP_BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    Ok(())
}

fn too_large() -> Refusal {
    let reason = format!("body too large; at most {HTTP_BODY_BYTES_MAX} bytes are allowed");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, reason)
}

impl Server {
    /// The whole body.
    pub(super) async fn read_body(&self, body: Incoming) -> Result<Bytes, Refusal> {
        let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
        timeout(self.config.body_deadline, self.collect(body)).await.map_err(late)?
    }

    async fn collect(&self, mut body: Incoming) -> Result<Bytes, Refusal> {
        let mut bytes = BytesMut::new();
        let mut reserved: Option<SemaphorePermit<'_>> = None;
        while let Some(frame) = body.frame().await {
            let broken = |error: hyper::Error| Refusal::bad(format!("the body broke off: {error}"));
            let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
            if bytes.len() + data.len() > HTTP_BODY_BYTES_MAX {
                return Err(too_large());
            }
            let permit =
                u32::try_from(data.len()).ok().and_then(|size| self.body_budget.try_acquire_many(size).ok());
            let permit = permit.ok_or_else(|| Refusal::busy("too many requests are being read"))?;
            match &mut reserved {
                Some(reserved) => reserved.merge(permit),
                None => reserved = Some(permit),
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    }
}
