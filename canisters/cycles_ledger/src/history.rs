//! ICRC-3: the log, and the certificate of its last block.

use crate::block::BLOCK_TYPES;
use crate::read;
use ic_cdk::query;
use ic_certification::HashTree;
use icrc::history::{
    ArchiveRange, BlockWithId, DataCertificate, GetArchivesArgs, GetBlocksRequest, GetBlocksResult,
    SupportedBlockType,
};
use icrc::tree;
use serde_bytes::ByteBuf;

/// Most ranges in one request for blocks.
const MAX_RANGES: usize = 100;

/// The tree of ICRC-3 that certifies the last block; empty before the first one.
pub fn tip_tree() -> HashTree {
    read(|book| match (book.totals().tip, book.log_length().checked_sub(1)) {
        (Some(hash), Some(index)) => tree::tip(index, &hash),
        _ => ic_certification::empty(),
    })
}

#[query]
fn icrc3_get_archives(_args: GetArchivesArgs) -> Vec<ArchiveRange> {
    Vec::new()
}

#[query]
fn icrc3_get_tip_certificate() -> Option<DataCertificate> {
    let certificate = ic_cdk::api::data_certificate()?;
    read(|book| book.totals().tip)?;
    let hash_tree = ByteBuf::from(tree::encode_self_described(&tip_tree()));
    Some(DataCertificate { certificate: ByteBuf::from(certificate), hash_tree })
}

#[query]
fn icrc3_get_blocks(args: Vec<GetBlocksRequest>) -> GetBlocksResult {
    read(|book| {
        let max = book.settings().max_blocks_per_request as usize;
        let ids = args.iter().take(MAX_RANGES).flat_map(|request| {
            let wanted = request.range();
            wanted.start..wanted.end.min(book.log_length())
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
