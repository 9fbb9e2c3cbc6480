//! How RocksDB is set up: bounded memory (four replicas share one machine), one log for all families,
//! large values apart from keys.

use super::schema::{FAMILIES, Family};
use crate::state::Column;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, LogLevel, Options,
};

/// Blocks, pages and indices that are read often.
const CACHE_BYTES: usize = 64 << 20;
/// All memtables together; one that is full is written to a file of its own.
const MEMTABLES_BYTES: usize = 48 << 20;
const MEMTABLE_BYTES: usize = 16 << 20;
/// After this much log, the families that hold it back are flushed.
const LOG_BYTES_MAX: u64 = 64 << 20;
const BLOB_FILE_BYTES: u64 = 64 << 20;
/// Values at least this long live in blob files: compaction does not copy them.
const BLOB_BYTES_MIN: u64 = 1 << 10;
/// Blob files of the oldest quarter are collected; so dead pages take up at most about as much again.
const BLOB_AGE_CUTOFF: f64 = 0.25;
const OPEN_FILES_MAX: i32 = 512;
const BACKGROUND_JOBS_MAX: i32 = 2;
const BLOOM_BITS_PER_KEY: f64 = 10.0;

/// Options of the whole database.
pub(super) fn database() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // A torn end of the log is dropped, and damage before it refused (preface, rule 3).
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    options.set_db_write_buffer_size(MEMTABLES_BYTES);
    options.set_max_total_wal_size(LOG_BYTES_MAX);
    options.set_max_open_files(OPEN_FILES_MAX);
    options.set_max_background_jobs(BACKGROUND_JOBS_MAX);
    options.set_bytes_per_sync(1 << 20);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options
}

/// All families with their options, sharing one cache.
pub(super) fn families() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(CACHE_BYTES);
    let descriptor =
        |family: &Family| ColumnFamilyDescriptor::new(family.name(), family_options(*family, &cache));
    FAMILIES.iter().map(descriptor).collect()
}

fn family_options(family: Family, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    options.set_compression_type(DBCompressionType::Lz4);
    if has_large_values(family) {
        options.set_enable_blob_files(true);
        options.set_min_blob_size(BLOB_BYTES_MIN);
        options.set_blob_file_size(BLOB_FILE_BYTES);
        options.set_blob_compression_type(DBCompressionType::Lz4);
        options.set_enable_blob_gc(true);
        options.set_blob_gc_age_cutoff(BLOB_AGE_CUTOFF);
        options.set_blob_cache(cache);
    }
    options
}

fn has_large_values(family: Family) -> bool {
    match family {
        Family::Block => true,
        Family::State(column) => {
            matches!(column, Column::Page | Column::Module | Column::Chunk | Column::History)
        }
        _ => false,
    }
}
