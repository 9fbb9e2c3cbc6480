//! ICRC-3: the log, and the certificate of its last block.

use crate::block::BLOCK_TYPES;
use crate::interface::*;
use crate::read;
use crate::value::leb128;
use cycles_interface::encode_hash_tree;
use ic_cdk::query;
use ic_certification::{HashTree, fork, label, leaf};
use serde_bytes::ByteBuf;

/// Most ranges in one request for blocks.
const MAX_RANGES: usize = 100;

/// The tree of ICRC-3 that certifies the last block; empty before the first one.
pub fn tip_tree() -> HashTree {
    read(|book| match (book.totals().tip, book.log_length().checked_sub(1)) {
        (Some(tip), Some(index)) => fork(
            label("last_block_hash", leaf(tip.to_vec())),
            label("last_block_index", leaf(leb128(&index.into()))),
        ),
        _ => ic_certification::empty(),
    })
}

#[query]
fn icrc3_get_archives(_args: GetArchivesArgs) -> Vec<Archive> {
    Vec::new()
}

#[query]
fn icrc3_get_tip_certificate() -> Option<DataCertificate> {
    let certificate = ic_cdk::api::data_certificate()?;
    read(|book| book.totals().tip)?;
    let hash_tree = ByteBuf::from(encode_hash_tree(&tip_tree()));
    Some(DataCertificate { certificate: ByteBuf::from(certificate), hash_tree })
}

#[query]
fn icrc3_get_blocks(args: Vec<GetBlocksRange>) -> GetBlocksResult {
    read(|book| {
        let max = book.settings().max_blocks_per_request as usize;
        let ids = args.into_iter().take(MAX_RANGES).flat_map(|GetBlocksRange { start, length }| {
            let start = u64::try_from(start.0).unwrap_or(u64::MAX);
            let end = start.saturating_add(u64::try_from(length.0).unwrap_or(u64::MAX));
            start..end.min(book.log_length())
        });
        let blocks = ids
            .take(max)
            .filter_map(|id| book.block(id).map(|it| BlockWithId { id: id.into(), block: it.to_value() }))
            .collect();
        GetBlocksResult { log_length: book.log_length().into(), blocks, archived_blocks: Vec::new() }
    })
}

#[query]
fn icrc3_supported_block_types() -> Vec<SupportedBlockType> {
    BLOCK_TYPES
        .map(|(block_type, url)| SupportedBlockType {
            block_type: block_type.to_owned(),
            url: url.to_owned(),
        })
        .to_vec()
}
