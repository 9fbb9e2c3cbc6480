//! Every bound of Guild, by name.

/// Bytes that one user may write in a day, each entry with what stands around it in indices and lists.
pub const WRITTEN_PER_DAY: u64 = 2 * 1024 * 1024;
pub const ENTRY_BYTES: u64 = 1024;
/// Bytes of all that a profile says: a card is read with it, and a list has many cards.
pub const PROFILE_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a call's argument, besides a picture.
pub const ARGUMENT_BYTES_MAX: usize = 64 * 1024;

/// Letters of a user's name: `a`–`z`, `0`–`9`, `_`.
pub const NAME_MIN: usize = 2;
pub const NAME_MAX: usize = 24;
/// Characters of the name that people read.
pub const DISPLAY_MAX: usize = 60;
pub const HEADLINE_MAX: usize = 120;
/// Characters of a company, a place, a title, a school, a degree.
pub const LINE_MAX: usize = 80;
pub const ABOUT_MAX: usize = 2_000;
/// Characters of what is told about a place of work.
pub const STORY_MAX: usize = 1_000;
pub const SKILL_MAX: usize = 40;
pub const POST_MAX: usize = 3_000;
pub const COMMENT_MAX: usize = 1_000;
pub const MESSAGE_MAX: usize = 2_000;
/// Characters of the note with an invitation.
pub const NOTE_MAX: usize = 300;
/// Characters of the letter with an application.
pub const LETTER_MAX: usize = 2_000;
pub const JOB_MAX: usize = 5_000;
pub const QUERY_MAX: usize = 80;

pub const EXPERIENCE_PER_USER: usize = 20;
pub const EDUCATION_PER_USER: usize = 10;
pub const SKILLS_PER_USER: usize = 30;
pub const YEAR_MIN: u16 = 1900;
pub const YEAR_MAX: u16 = 2200;

/// Bytes of a word in the index; longer words are cut.
pub const WORD_MAX: usize = 24;
/// Words of one text in the index, and of a query.
pub const WORDS_MAX: usize = 120;
pub const QUERY_WORDS_MAX: usize = 12;

/// Most entries of a page, whatever is asked for.
pub const PAGE_MAX: usize = 50;
/// Most people whose lists are merged for a feed. Of more, the newest of everybody are looked through, among which there
/// are enough of theirs.
pub const MERGED_MAX: u32 = 500;
/// Most entries looked at for one page; the page's cursor goes on where looking stopped.
pub const SCAN_MAX: usize = 1_000;

pub const USERS_MAX: u64 = 1_000_000;
pub const POSTS_MAX: u64 = 5_000_000;
pub const POSTS_PER_USER: u32 = 2_000;
pub const COMMENTS_PER_POST: u32 = 5_000;
pub const COMMENTS_PER_USER: u32 = 50_000;
pub const REACTIONS_PER_USER: u32 = 100_000;
pub const JOBS_PER_USER: u32 = 200;
pub const APPLICATIONS_PER_JOB: u32 = 2_000;
pub const APPLICATIONS_PER_USER: u32 = 1_000;
/// Invitations without an answer that one user may have sent, and that are kept of those that they received.
pub const INVITATIONS_PER_USER: u32 = 500;
pub use guild_connections::CONNECTIONS_MAX;
pub const ENDORSEMENTS_PER_SKILL: u32 = 200;
pub const ENDORSEMENTS_PER_USER: u32 = 10_000;
pub const NOTIFICATIONS_PER_USER: u64 = 200;
pub const MESSAGES_PER_THREAD: u64 = 1_000;
pub const THREADS_PER_USER: u32 = 500;
/// Viewers of a profile that are remembered.
pub const VIEWS_PER_USER: u64 = 200;
/// Profiles that a viewer is remembered at.
pub const VIEWED_PER_USER: u32 = 2_000;
/// Orders that a user's repeated call is recognised by.
pub const ORDERS_REMEMBERED: usize = 32;

/// Bytes of a picture.
pub const PICTURE_BYTES_MAX: usize = 256 * 1024;
/// Bytes of all pictures of one user, and of all users.
pub const PICTURE_BYTES_PER_USER: u64 = 64 * 1024 * 1024;
pub const PICTURE_BYTES: u64 = 8 * 1024 * 1024 * 1024;
/// Pictures of all users: each is in the certified tree, which an upgrade builds again.
pub const PICTURES_MAX: u64 = 100_000;

pub const SECOND: u64 = 1_000_000_000;
pub const DAY: u64 = 24 * 3_600 * SECOND;
/// A viewer who comes again within this time is no further view.
pub const VIEW_WINDOW: u64 = DAY;

/// How often what the graph has not confirmed is told it again.
pub const REPAIR_EVERY_SECONDS: u64 = 10;
/// Most changes told at once, and how often in a row while the graph answers.
pub const REPAIR_AT_ONCE: usize = guild_connections::CHANGES_MAX;
pub const REPAIRS_IN_A_ROW: usize = 20;
/// Seconds after which an answer of the graph is not waited for.
pub const GRAPH_SECONDS: u32 = 60;
/// Most changes that wait for the graph.
pub const INTENTS_MAX: u64 = 100_000;
/// With so many, those who tell many changes wait: who leaves, and admins.
pub const INTENTS_OF_MANY: u64 = INTENTS_MAX / 2;
/// Records that one stroke of the timer erases of those who leave, and one call below a post that it erases. A word in
/// the index counts as one.
pub const ERASED_AT_ONCE: usize = 400;
/// Records of one who leaves that a stroke erases while many others wait.
pub const ERASED_IN_TURN: usize = 100;
/// Records of the caller's that the call erases by which they leave.
pub const ERASED_BY_CALL: usize = 50;
/// Strokes that erase, where there is something to be erased, for one of [`REPAIR_EVERY_SECONDS`].
pub const SWEEPS_IN_A_ROW: u64 = 5;
/// Ties told the graph again by one call of an admin.
pub const TOLD_AGAIN_AT_ONCE: usize = 500;
