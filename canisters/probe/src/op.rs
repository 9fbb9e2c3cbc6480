//! Operation codes. `a b -> c` reads: takes `a` and `b` (`b` on top), leaves `c`.

/// Followed by a 4-byte length and that many bytes: `-> bytes`
pub const PUSH: u8 = 1;
/// `a ->`
pub const DROP: u8 = 2;
/// `a -> a a`
pub const DUP: u8 = 3;
/// `a b -> a·b`
pub const CONCAT: u8 = 4;
/// `a b -> b a`
pub const SWAP: u8 = 5;
/// `bytes -> length (u64)`
pub const SIZE: u8 = 6;
/// `byte (1 byte) count (u64) -> bytes`
pub const FILL: u8 = 7;
/// `a b -> 1 or 0 (u64)`: the same bytes
pub const EQUAL: u8 = 8;
/// `a b -> 1 or 0 (u64)`: `a` is less than `b`, as little-endian numbers of any size up to 16 bytes
pub const LESS: u8 = 9;

/// `-> argument`
pub const ARGUMENT: u8 = 10;
/// `-> principal of the caller`
pub const CALLER: u8 = 11;
/// `data ->` appends to the reply
pub const REPLY_APPEND: u8 = 12;
/// `->` sends the reply
pub const REPLY: u8 = 13;
/// `text ->`
pub const REJECT: u8 = 14;
/// `text ->`
pub const TRAP: u8 = 15;
/// `text ->`
pub const PRINT: u8 = 16;
/// `-> reject code (u32)`
pub const REJECT_CODE: u8 = 17;
/// `-> reject message`
pub const REJECT_MESSAGE: u8 = 18;

/// `-> nanoseconds (u64)`
pub const TIME: u8 = 20;
/// `-> own principal`
pub const SELF: u8 = 21;
/// `-> balance (u128)`
pub const BALANCE: u8 = 22;
/// `-> cycles (u128)`
pub const CYCLES_AVAILABLE: u8 = 23;
/// `cycles (u128) -> accepted (u128)`
pub const CYCLES_ACCEPT: u8 = 24;
/// `-> cycles (u128)`
pub const CYCLES_REFUNDED: u8 = 25;
/// `-> status (u32)`
pub const STATUS: u8 = 26;
/// `-> version (u64)`
pub const VERSION: u8 = 27;
/// `principal -> 0 or 1 (u32)`
pub const IS_CONTROLLER: u8 = 28;
/// `counter type (u32) -> value (u64)`
pub const PERFORMANCE_COUNTER: u8 = 29;

/// `-> size in 64 KiB pages (u64)`
pub const STABLE_SIZE: u8 = 30;
/// `pages (u64) -> old size (u64)`, all ones when refused
pub const STABLE_GROW: u8 = 31;
/// `offset (u64) data ->`
pub const STABLE_WRITE: u8 = 32;
/// `offset (u64) length (u64) -> data`
pub const STABLE_READ: u8 = 33;
/// `bytes -> address (u64) length (u64)`: where they stay for good
pub const ADDRESS: u8 = 34;
/// `address (u64) length (u64) -> bytes`
pub const PEEK: u8 = 35;
/// `length (u64) -> address (u64)` of so many zeros
pub const ALLOCATE: u8 = 36;

/// `callee method payload cycles(u128) on_reply on_reject -> error code (u32)`
pub const CALL: u8 = 40;
/// as `CALL`, with a cleanup script on top
pub const CALL_WITH_CLEANUP: u8 = 41;
/// `script -> function (u64) environment (u64)`: a callback that runs the script
pub const CALLBACK: u8 = 42;

/// `data ->`
pub const CERTIFIED_DATA_SET: u8 = 50;
/// `-> certificate`, empty where there is none
pub const DATA_CERTIFICATE: u8 = 51;
/// `nanoseconds (u64) -> old (u64)`
pub const GLOBAL_TIMER_SET: u8 = 52;
/// `->`
pub const ACCEPT_MESSAGE: u8 = 53;

/// `data ->` replaces the one string kept in the heap
pub const GLOBAL_SET: u8 = 60;
/// `-> data`
pub const GLOBAL_GET: u8 = 61;
/// `data ->`
pub const GLOBAL_APPEND: u8 = 62;
/// `slot (1 byte) script ->` keeps a script for an entry point
pub const KEEP: u8 = 63;
/// `key value ->` notes a string in the heap
pub const PUT: u8 = 64;
/// `key -> value`, empty if there is none
pub const GET: u8 = 65;

/// Never returns.
pub const LOOP: u8 = 70;
/// Calls itself without end.
pub const RECURSE: u8 = 71;
/// `pages (u64) -> old size (u64)`, all ones when refused: grows the heap
pub const HEAP_GROW: u8 = 72;
/// Executes `unreachable`.
pub const UNREACHABLE: u8 = 73;
/// `bytes (u64) ->` allocates that much and writes one byte to each 4 KiB page
pub const HEAP_TOUCH: u8 = 74;
/// `rounds (u64) -> sum (u64)` burns instructions
pub const SPIN: u8 = 75;

/// `condition (u64) script ->` runs the script on this stack unless the condition is zero
pub const IF: u8 = 80;
/// `count (u64) script ->` runs the script so often on this stack
pub const REPEAT: u8 = 81;
/// `a b ->` traps unless both are the same bytes
pub const ASSERT: u8 = 82;

/// Followed by the number of a System API function ([`crate::function`]): takes its arguments as u64, the
/// last on top, and leaves its result as u64.
pub const SYSTEM: u8 = 90;
