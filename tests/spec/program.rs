//! Scripts for the probe as text.
//!
//! `'text'` and `0x0a` push bytes; `5` pushes a u64, `5u8`, `5u32` and `5u128` push that many bytes, all
//! little-endian; `{ … }` pushes a script; `$name` pushes a variable's bytes; `ic0.name` calls the System
//! API function with its arguments from the stack, as u64; every other word is an operation of
//! `canisters/probe/src/op.rs` ([`WORDS`]).

use crate::op;
use std::collections::BTreeMap;

/// What a case's texts may refer to.
pub type Variables = BTreeMap<String, Vec<u8>>;

/// The probe's operations by the names that cases use.
const WORDS: &[(&str, u8)] = &[
    ("drop", op::DROP),
    ("dup", op::DUP),
    ("concat", op::CONCAT),
    ("swap", op::SWAP),
    ("size", op::SIZE),
    ("fill", op::FILL),
    ("equal", op::EQUAL),
    ("less", op::LESS),
    ("argument", op::ARGUMENT),
    ("caller", op::CALLER),
    ("append", op::REPLY_APPEND),
    ("reply", op::REPLY),
    ("reject", op::REJECT),
    ("trap", op::TRAP),
    ("print", op::PRINT),
    ("reject_code", op::REJECT_CODE),
    ("reject_message", op::REJECT_MESSAGE),
    ("time", op::TIME),
    ("self", op::SELF),
    ("balance", op::BALANCE),
    ("available", op::CYCLES_AVAILABLE),
    ("accept", op::CYCLES_ACCEPT),
    ("refunded", op::CYCLES_REFUNDED),
    ("status", op::STATUS),
    ("version", op::VERSION),
    ("is_controller", op::IS_CONTROLLER),
    ("counter", op::PERFORMANCE_COUNTER),
    ("stable_size", op::STABLE_SIZE),
    ("stable_grow", op::STABLE_GROW),
    ("stable_write", op::STABLE_WRITE),
    ("stable_read", op::STABLE_READ),
    ("address", op::ADDRESS),
    ("peek", op::PEEK),
    ("allocate", op::ALLOCATE),
    ("call", op::CALL),
    ("call_with_cleanup", op::CALL_WITH_CLEANUP),
    ("callback", op::CALLBACK),
    ("certify", op::CERTIFIED_DATA_SET),
    ("certificate", op::DATA_CERTIFICATE),
    ("timer", op::GLOBAL_TIMER_SET),
    ("accept_message", op::ACCEPT_MESSAGE),
    ("global_set", op::GLOBAL_SET),
    ("global_get", op::GLOBAL_GET),
    ("global_append", op::GLOBAL_APPEND),
    ("keep", op::KEEP),
    ("put", op::PUT),
    ("get", op::GET),
    ("loop", op::LOOP),
    ("recurse", op::RECURSE),
    ("heap_grow", op::HEAP_GROW),
    ("unreachable", op::UNREACHABLE),
    ("heap_touch", op::HEAP_TOUCH),
    ("spin", op::SPIN),
    ("if", op::IF),
    ("repeat", op::REPEAT),
    ("assert", op::ASSERT),
];

macro_rules! names {
    ($($name:ident($($arg:ident: $ty:ident),*) $(-> $result:ident)?;)*) => {
        /// The System API's functions, numbered as the probe numbers them.
        pub const FUNCTIONS: &[Signature] = &[$(Signature {
            name: stringify!($name),
            params: &[$(stringify!($ty)),*],
            result: [$(stringify!($result),)? ""][0],
        }),*];
    };
}

/// A System API function's type; `ptr` is `I`, and no result is the empty word.
pub struct Signature {
    pub name: &'static str,
    pub params: &'static [&'static str],
    pub result: &'static str,
}

system_functions!(names);

/// The probe's bytes for a script's text.
pub fn assemble(text: &str, variables: &Variables) -> Vec<u8> {
    let mut open: Vec<Vec<u8>> = vec![Vec::new()];
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = next_word(rest);
        match word {
            "{" => open.push(Vec::new()),
            "}" => {
                let block = open.pop().expect("a block");
                push(open.last_mut().unwrap_or_else(|| panic!("one `}}` too many: {text}")), &block);
            }
            _ => emit(word, variables, open.last_mut().expect("a script")),
        }
        rest = after.trim_start();
    }
    let script = open.pop().expect("a script");
    assert!(open.is_empty(), "a `}}` is missing: {text}");
    script
}

/// The bytes that a text of literals alone stands for, one after the other.
pub fn literals(text: &str, variables: &Variables) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (word, after) = next_word(rest);
        let value = literal(word, variables);
        bytes.extend(value.unwrap_or_else(|| panic!("{word} is no literal: {text}")));
        rest = after.trim_start();
    }
    bytes
}

fn next_word(text: &str) -> (&str, &str) {
    let end = match text.strip_prefix('\'') {
        Some(quoted) => quoted.find('\'').unwrap_or_else(|| panic!("an open quotation: {text}")) + 2,
        None => text.find(char::is_whitespace).unwrap_or(text.len()),
    };
    text.split_at(end)
}

fn push(script: &mut Vec<u8>, bytes: &[u8]) {
    script.push(op::PUSH);
    script.extend(u32::try_from(bytes.len()).expect("a short literal").to_le_bytes());
    script.extend(bytes);
}

fn emit(word: &str, variables: &Variables, script: &mut Vec<u8>) {
    if let Some(bytes) = literal(word, variables) {
        return push(script, &bytes);
    }
    if let Some(function) = word.strip_prefix("ic0.") {
        let number = FUNCTIONS.iter().position(|known| known.name == function);
        let number = number.unwrap_or_else(|| panic!("no System API function {function}"));
        return script.extend([op::SYSTEM, u8::try_from(number).expect("few functions")]);
    }
    let code = WORDS.iter().find(|(name, _)| *name == word);
    script.push(code.unwrap_or_else(|| panic!("the probe does not know `{word}`")).1);
}

fn literal(word: &str, variables: &Variables) -> Option<Vec<u8>> {
    if let Some(quoted) = word.strip_prefix('\'') {
        return Some(quoted.trim_end_matches('\'').as_bytes().to_vec());
    }
    if let Some(name) = word.strip_prefix('$') {
        let value = variables.get(name);
        return Some(value.unwrap_or_else(|| panic!("no variable ${name}")).clone());
    }
    if let Some(digits) = word.strip_prefix("0x") {
        return Some(hex::decode(digits).unwrap_or_else(|_| panic!("{word} is not hexadecimal")));
    }
    if !word.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let (digits, ty) = word.split_once('u').unwrap_or((word, "64"));
    let number: u128 = digits.replace('_', "").parse().unwrap_or_else(|_| panic!("{word} is no number"));
    let bytes = ty.parse::<usize>().unwrap_or_else(|_| panic!("{word} has no type")) / 8;
    assert!(bytes == 16 || number < 1 << (8 * bytes), "{word} does not fit its type");
    Some(number.to_le_bytes()[..bytes].to_vec())
}

#[test]
fn scripts_are_text() {
    let variables = Variables::from([("x".to_owned(), vec![7])]);
    let script = assemble("'a b' { 1u8 drop } $x ic0.msg_reply", &variables);
    let expected = [
        &[op::PUSH, 3, 0, 0, 0, b'a', b' ', b'b'][..],
        &[op::PUSH, 7, 0, 0, 0, op::PUSH, 1, 0, 0, 0, 1, op::DROP],
        &[op::PUSH, 1, 0, 0, 0, 7, op::SYSTEM, 13],
    ];
    assert_eq!(script, expected.concat());
    assert_eq!(literals("'a' 1u32 0xff $x", &variables), [b'a', 1, 0, 0, 0, 0xff, 7]);
}
