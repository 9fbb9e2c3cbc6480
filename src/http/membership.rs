//! `/atoll/v1/membership`: who the members are, and changes that their operators signed.

use super::Server;
use super::reply::{self, Refusal, Reply};
use crate::encoding::system::decode_change;
use crate::node::SubmitError;
use crate::types::{GenesisNode, NodeIndex};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};

/// What a change is sent as.
const CONTENT_TYPE: &str = "application/x-protobuf";

impl Server {
    /// JSON, from the newest certified state.
    pub(super) fn members(&self) -> Result<Reply, Refusal> {
        let members = self.handle.members().ok_or_else(|| Refusal::busy("no height is certified yet"))?;
        let nodes = |nodes: &[GenesisNode]| -> Vec<serde_json::Value> {
            let places = (0..=u16::MAX).map(NodeIndex);
            places.zip(nodes).map(|(place, node)| card(place, node)).collect()
        };
        let report = serde_json::json!({
            "chain": members.chain.to_string(),
            "height": members.height.0,
            "epoch": members.epoch.0,
            "epoch_length": members.epoch_length,
            "began_after": members.began_after.0,
            "dealing": members.dealing,
            "version": members.version,
            "members": nodes(&members.now),
            "next": nodes(&members.next),
        });
        Ok(reply::json(report.to_string()))
    }

    /// Takes a change, if it may be made now.
    pub(super) async fn change_members(&self, headers: &HeaderMap, body: Incoming) -> Result<Reply, Refusal> {
        let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if content_type != Some(CONTENT_TYPE) {
            let reason = format!("unsupported content-type; a change is {CONTENT_TYPE}");
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
        }
        let body = self.read_body(body).await?;
        let change = decode_change(body).map_err(|error| Refusal::bad(error.to_string()))?;
        match self.handle.change_members(change).await {
            Ok(Ok(())) => Ok(reply::text("taken\n")),
            Ok(Err(reason)) => Err(Refusal::new(StatusCode::CONFLICT, reason)),
            Err(SubmitError::PoolFull) => Err(Refusal::busy("too many requests are being read")),
            Err(SubmitError::Stopped) => Err(Refusal::busy("the replica is stopping")),
        }
    }
}

fn card(place: NodeIndex, node: &GenesisNode) -> serde_json::Value {
    serde_json::json!({
        "place": place.0,
        "name": node.name,
        "identity_key": node.identity_key,
        "address": node.address,
        "tls_key": node.tls_key,
        "encryption_key": node.encryption_key,
    })
}
