//! Which ranges of a video are certified.
//!
//! 1. A video is stored in chunks of [`CHUNK`]; each arrives in one call and is certified when it arrives.
//! 2. A range starts at every multiple of [`STEP`], because browsers seek in their cache's blocks, which are that large
//!    and want an answer that starts exactly where they asked.
//! 3. It ends with its chunk where it starts with it, otherwise with its [`BLOCK`]: a player that starts gets a whole
//!    chunk, one that seeks gets its first frame soon, and a byte is hashed five times, not thirty-two.
//! 4. The first two bytes are a range of their own, which some players ask for to learn whether ranges are served.
//! 5. A request that starts elsewhere is answered with the range that holds its first byte: its `Content-Range` says so.

/// Bytes of a chunk, as uploaded.
pub const CHUNK: u64 = 1024 * 1024;
/// Distance between the starts of ranges.
pub const STEP: u64 = 32 * 1024;
/// Where ranges that do not start a chunk end.
pub const BLOCK: u64 = 256 * 1024;
const PROBE: u64 = 2;

/// A range of bytes, without its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    pub start: u64,
    pub end: u64,
}

/// Where a certified range is: the chunk, and its number among the chunk's ranges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rung {
    pub chunk: u32,
    pub index: usize,
    pub range: Range,
}

/// How many chunks a file has.
pub fn chunks(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(CHUNK)).unwrap_or(u32::MAX)
}

/// The bytes of a chunk.
pub fn chunk(index: u32, bytes: u64) -> Range {
    let start = u64::from(index).saturating_mul(CHUNK).min(bytes);
    Range { start, end: start.saturating_add(CHUNK).min(bytes) }
}

fn rung(start: u64, bytes: u64) -> Range {
    let unit = if start.is_multiple_of(CHUNK) { CHUNK } else { BLOCK };
    Range { start, end: ((start / unit + 1) * unit).min(bytes) }
}

/// All ranges within a chunk, in order.
pub fn ranges(index: u32, bytes: u64) -> Vec<Range> {
    let whole = chunk(index, bytes);
    let steps = (whole.end - whole.start).div_ceil(STEP);
    let mut ranges: Vec<Range> = (0..steps).map(|step| rung(whole.start + step * STEP, bytes)).collect();
    if index == 0 && bytes > PROBE {
        ranges.push(Range { start: 0, end: PROBE });
    }
    ranges
}

/// The range that answers a request, which is the value of a `Range` header; none where it lies behind the end.
pub fn answering(request: Option<&str>, bytes: u64) -> Option<Rung> {
    let start = match request.and_then(|it| it.trim().strip_prefix("bytes=")) {
        None => 0,
        Some("0-1") if bytes > PROBE => {
            let index = ranges(0, bytes).len().checked_sub(1)?;
            return Some(Rung { chunk: 0, index, range: Range { start: 0, end: PROBE } });
        }
        // of several ranges the first; what cannot be read is no range
        Some(text) => match text.split(',').next().and_then(|it| it.trim().split_once('-')) {
            Some(("", last)) => bytes.saturating_sub(last.parse().unwrap_or(bytes)),
            Some((first, _)) => first.parse().unwrap_or(0),
            None => 0,
        },
    };
    if start >= bytes {
        return None;
    }
    let start = start / STEP * STEP;
    let chunk = u32::try_from(start / CHUNK).ok()?;
    let index = usize::try_from((start % CHUNK) / STEP).ok()?;
    Some(Rung { chunk, index, range: rung(start, bytes) })
}
