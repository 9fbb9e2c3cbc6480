//! Every bound of Clips, by name.

/// Bytes that one user may write in a day, each entry with what stands around it in indices and lists.
pub const WRITTEN_PER_DAY: u64 = 2 * 1024 * 1024;
pub const ENTRY_BYTES: u64 = 1024;
/// Bytes of a call's argument, besides a chunk of a file.
pub const ARGUMENT_BYTES_MAX: usize = 16 * 1024;

/// Letters of a user's name: `a`–`z`, `0`–`9`, `_`.
pub const NAME_MIN: usize = 2;
pub const NAME_MAX: usize = 24;
/// Characters of the name that people read.
pub const DISPLAY_MAX: usize = 40;
pub const BIO_MAX: usize = 200;
pub const CAPTION_MAX: usize = 300;
pub const COMMENT_MAX: usize = 500;
pub const MESSAGE_MAX: usize = 1_000;
/// Characters of what a reporter or a moderator adds.
pub const NOTE_MAX: usize = 300;
pub const QUERY_MAX: usize = 80;

/// Hashtags that a caption is filed under; further ones are only text.
pub const TAGS_MAX: usize = 8;
/// Bytes of a hashtag or of a word in the index; longer words are cut.
pub const WORD_MAX: usize = 24;
/// Words of one text in the index.
pub const WORDS_MAX: usize = 24;

/// Most entries of a page, whatever is asked for.
pub const PAGE_MAX: usize = 50;
/// Most people whose lists are merged for a feed. Of more, the newest of everybody are looked through, among which there
/// are enough of theirs.
pub const MERGED_MAX: u32 = 500;
/// Most entries looked at for one page; the page's cursor goes on where looking stopped.
pub const SCAN_MAX: usize = 1_000;
/// Most entries of each kind in a search's answer.
pub const SEARCH_MAX: usize = 20;
/// Most hashtags in the list of the busiest.
pub const TRENDS_MAX: usize = 20;

pub const USERS_MAX: u64 = 1_000_000;
pub const CLIPS_MAX: u64 = 200_000;
pub const CLIPS_PER_USER: u32 = 1_000;
pub const FOLLOWS_PER_USER: u32 = 5_000;
pub const BLOCKS_PER_USER: u32 = 1_000;
/// Likes, bookmarks and views of one user that are remembered; what is viewed beyond is not counted.
pub const LIKES_PER_USER: u32 = 50_000;
pub const BOOKMARKS_PER_USER: u32 = 10_000;
pub const VIEWS_PER_USER: u32 = 100_000;
/// Edges of clips that are gone, erased by a call that publishes or views another.
pub const STRAYS_PER_CALL: usize = 20;
pub const COMMENTS_PER_CLIP: u32 = 5_000;
pub const NOTIFICATIONS_PER_USER: u64 = 200;
pub const MESSAGES_PER_THREAD: u64 = 1_000;
pub const THREADS_PER_USER: u32 = 500;
/// Events of users, and those of moderators, admins and the rules, which users cannot drive out.
pub const EVENTS_MAX: u64 = 10_000;
pub const ACTS_MAX: u64 = 100_000;
/// Orders that a user's repeated call is recognised by.
pub const ORDERS_REMEMBERED: usize = 32;

/// Bytes of a video, of a poster, of a profile's picture.
pub const VIDEO_BYTES_MAX: u64 = 64 * 1024 * 1024;
pub const IMAGE_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of all media of one user, and of all users.
pub const BYTES_PER_USER: u64 = 2 * 1024 * 1024 * 1024;
pub const BYTES_MAX: u64 = 40 * 1024 * 1024 * 1024;
/// Files that are served: each is in the certified tree, which an upgrade builds again.
pub const FILES_MAX: u64 = 300_000;
/// Uploads that one user may leave unfinished.
pub const UPLOADS_PER_USER: usize = 6;
/// An upload not finished by then gives its space back.
pub const UPLOAD_LIFE: u64 = 24 * HOUR;
/// Forgotten uploads cleared away in one call.
pub const CLEARED_PER_CALL: usize = 4;

pub const DURATION_MAX_MS: u32 = 10 * 60 * 1_000;
pub const SIDE_MAX: u32 = 8_192;

pub const SECOND: u64 = 1_000_000_000;
pub const HOUR: u64 = 3_600 * SECOND;
pub const DAY: u64 = 24 * HOUR;

/// Superlikes that one user may give in [`SUPERLIKE_WINDOW`].
pub const SUPERLIKES_PER_WINDOW: usize = 10;
pub const SUPERLIKE_WINDOW: u64 = DAY;
/// Distinct super-likers that make a clip viral.
pub const VIRAL_SUPERLIKES: u32 = 5;
/// Points for the maker of a viral clip, and for each of its super-likers.
pub const VIRAL_REWARD: u64 = 100;
pub const VIRAL_THANKS: u64 = 10;
/// Points that a new profile starts with.
pub const WELCOME_POINTS: u64 = 50;
pub const TIP_MAX: u64 = 1_000;

/// Clips of followed people stand first in For You while they are this young.
pub const FRESH: u64 = 3 * DAY;
/// So much age weighs as much as twice the attention.
pub const HEAT_STEP_SECONDS: u64 = 6 * 3_600;

/// Distinct reports that hide a target until the moderators have decided.
pub const REPORTS_TO_HIDE: u32 = 2;
/// So many who like a clip outweigh one further report.
pub const LIKES_PER_REPORT: u32 = 100;
/// Reports that one user may make in [`REPORT_WINDOW`].
pub const REPORTS_PER_WINDOW: usize = 20;
pub const REPORT_WINDOW: u64 = DAY;
/// Equal votes that decide a case, or a majority of the moderators where there are fewer.
pub const VOTES_TO_DECIDE: u32 = 3;
pub const NOTES_PER_CASE: usize = 10;
pub const MODERATORS_MAX: u32 = 100;
