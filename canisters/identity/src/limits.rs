//! Bounds, and how long things last. Times are nanoseconds.

pub const SECOND: u64 = 1_000_000_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const DAY: u64 = 24 * 60 * MINUTE;

/// Anchors are counted from here, so that a number is not taken for a count of something else.
pub const FIRST_ANCHOR: u64 = 10_000;

/// Most anchors of one canister.
pub const MAX_ANCHORS: u64 = 10_000_000;

/// Where the canister is full, an identity that is so old and never signed in to an app makes room for a new one.
pub const UNUSED_LASTS: u64 = 30 * DAY;

/// How long after a recovery phrase was protected only it can change and remove itself: until then its owner notices one
/// that is not theirs.
pub const PROTECTION_AFTER: u64 = 7 * DAY;

/// Most devices of an anchor, a recovery phrase included.
pub const MAX_DEVICES: usize = 10;

/// Most bytes of a public key in DER: an RSA key of 4,096 bits in COSE fits.
pub const MAX_KEY_BYTES: usize = 700;

/// Most bytes of a credential's id (WebAuthn, level 2, section 4).
pub const MAX_CREDENTIAL_BYTES: usize = 1_023;

/// Most letters of a device's name.
pub const MAX_ALIAS: usize = 64;

/// Most bytes of an app's origin: its length is one byte in a seed.
pub const MAX_ORIGIN_BYTES: usize = 255;

/// Most bytes of a call's argument: the largest device fits, and a proof.
pub const MAX_ARGUMENT_BYTES: usize = 8_192;

/// What decoding an argument may cost before a call is let in, as candid counts.
pub const DECODING_QUOTA: usize = 200_000;

/// How long the window for a new device is open.
pub const PAIRING_LASTS: u64 = 15 * MINUTE;

/// How long a device that another one added may accept.
pub const INVITATION_LASTS: u64 = 15 * MINUTE;

/// Wrong codes that close the window.
pub const PAIRING_ATTEMPTS: u8 = 3;

/// How long an app's delegation is good if it does not say.
pub const DEFAULT_TTL: u64 = 30 * MINUTE;

/// The longest that it may be.
pub const MAX_TTL: u64 = 30 * DAY;

/// How long a prepared signature can be fetched.
pub const SIGNATURE_LASTS: u64 = MINUTE;

/// Most prepared signatures at a time.
pub const MAX_SIGNATURES: u64 = 50_000;

/// Most of them of one anchor.
pub const MAX_SIGNATURES_OF_ANCHOR: usize = 10;

/// Most expired signatures that one call takes away.
pub const PRUNED_PER_CALL: usize = 100;

/// Most that a timer takes away at a time.
pub const PRUNED_BY_TIMER: usize = 2_000;

/// A window in which registrations are counted.
pub const WINDOW: u64 = MINUTE;

/// Most registrations of a window, whatever is paid for them, and most that rules may allow at the usual price.
pub const MAX_PER_WINDOW: u32 = 10_000;

/// Most leading zero bits that are ever asked of a proof: a phone finds them while its owner waits.
pub const MAX_DIFFICULTY: u8 = 22;

/// By how many bits the difficulty rises at most from one minute to the next ones.
pub const MAX_RISE: u8 = 8;

/// Most further sources that the page may ask for alternative origins.
pub const MAX_GATEWAYS: usize = 8;
