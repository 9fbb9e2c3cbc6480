//! `fetch_canister_logs`.

use super::{Done, Failure, find};
use crate::encoding::management::{self as candid, CanisterLogRecord, LogFilter};
use crate::state::{LogRecord, ReplicatedState};
use crate::types::*;
use std::sync::Arc;

/// All lines that match: a log is never larger than a response may be (`limits::LOG_MEMORY_LIMIT_MAX`).
pub(super) fn fetch_canister_logs(
    state: &ReplicatedState,
    sender: &Principal,
    arg: &[u8],
) -> Result<Done, Failure> {
    let args: candid::FetchCanisterLogsArgs = candid::decode(arg)?;
    let (id, canister) = find(state, &args.canister_id)?;
    if !canister.is_controller(sender) && !canister.record.settings.log_visibility.allows(sender) {
        let message = format!(
            "Caller {sender} is not allowed to access the logs of canister {id}. Ask a controller to change log_visibility."
        );
        return Err(Reject::new(ErrorCode::CanisterRejectedMessage, message).into());
    }
    let wanted = |record: &&Arc<LogRecord>| match args.filter {
        None => true,
        Some(LogFilter::ByIndex(range)) => (range.start..range.end).contains(&record.index),
        Some(LogFilter::ByTime(range)) => (range.start..range.end).contains(&record.time.0),
    };
    let show = |record: &Arc<LogRecord>| CanisterLogRecord {
        idx: record.index,
        timestamp_nanos: record.time.0,
        content: record.content.clone(),
    };
    let canister_log_records = canister.log.iter().filter(wanted).map(show).collect();
    Done::reply(&candid::FetchCanisterLogsResult { canister_log_records })
}
