//! What a diverged replica leaves for its operator.

use super::NodeError;
use crate::types::{ChainId, Divergence, NodeIndex};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes `divergence-<height>.json` into `dir` and returns its path.
///
/// # Errors
/// The disk fails.
pub fn write_evidence(
    dir: &Path,
    chain: &ChainId,
    own: NodeIndex,
    divergence: &Divergence,
) -> Result<PathBuf, NodeError> {
    let path = dir.join(format!("divergence-{}.json", divergence.height));
    let evidence = serde_json::json!({
        "chain": chain.to_string(),
        "node": own.0,
        "height": divergence.height.0,
        "own_root": divergence.own.0.to_string(),
        "certified_height": divergence.certified.height.0,
        "certified_root": divergence.certified.root.0.to_string(),
        "certification_signature": hex::encode(divergence.certified.signature.0),
    });
    let write = || {
        let mut file = File::create(&path)?;
        writeln!(file, "{evidence:#}")?;
        file.sync_all()
    };
    write().map_err(NodeError::io(format!("writing {}", path.display())))?;
    Ok(path)
}
