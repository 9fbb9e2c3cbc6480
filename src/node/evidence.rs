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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BlsBytes, Certification, Digest, Height, StateRoot};

    #[test]
    fn the_evidence_names_both_roots_and_the_quorums_signature() {
        let dir = tempfile::tempdir().unwrap();
        let certified = Certification {
            height: Height(9),
            root: StateRoot(Digest([2; 32])),
            signature: BlsBytes([3; 48]),
        };
        let divergence = Divergence { height: Height(9), own: StateRoot(Digest([1; 32])), certified };
        let path = write_evidence(dir.path(), &Digest([4; 32]), NodeIndex(5), &divergence).unwrap();
        assert!(path.ends_with("divergence-9.json"));
        let evidence: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(evidence["node"], 5);
        assert_eq!(evidence["own_root"], "01".repeat(32));
        assert_eq!(evidence["certified_root"], "02".repeat(32));
        assert_eq!(evidence["certification_signature"], "03".repeat(48));
    }
}
