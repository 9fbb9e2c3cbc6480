//! A pull parser: the caller says what must come next. Allocates only for bytes that are there.

use crate::encoding::{DecodeError, Fault};
use crate::types::Principal;
use crate::types::limits::CBOR_DEPTH_MAX;
use std::borrow::Cow;

/// What is left of one CBOR item, and the name of the field being read.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    field: &'static str,
    depth: usize,
}

/// Initial byte and argument of an item. `length` is `None` for indefinite lengths.
struct Head {
    major: u8,
    argument: Option<u64>,
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const NULL: u8 = 0xf6;
const BREAK: u8 = 0xff;

fn major_name(major: u8) -> &'static str {
    match major {
        0 => "unsigned integer",
        NEGATIVE => "negative integer",
        BYTES => "byte string",
        TEXT => "text",
        ARRAY => "array",
        MAP => "map",
        TAG => "tag",
        _ => "simple value or float",
    }
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; errors name `field` until a field inside is reached.
    pub fn new(bytes: &'a [u8], field: &'static str) -> Reader<'a> {
        Reader { rest: bytes, field, depth: 0 }
    }

    /// Names the field that errors are about from here on.
    pub fn at(&mut self, field: &'static str) -> &mut Self {
        self.field = field;
        self
    }

    /// An error about the current field.
    pub fn error(&self, fault: Fault) -> DecodeError {
        fault.at(self.field)
    }

    /// Skips the tag `tag` if it comes next.
    ///
    /// # Errors
    /// Any other tag.
    pub fn skip_tag(&mut self, tag: u64) -> Result<(), DecodeError> {
        if self.peek()? >> 5 != TAG {
            return Ok(());
        }
        match self.head()?.argument {
            Some(found) if found == tag => Ok(()),
            _ => Err(self.error(Fault::WrongType { expected: "tag 55799", found: "another tag" })),
        }
    }

    /// Everything must have been read.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(self.error(Fault::TrailingBytes(left))),
        }
    }

    /// Takes a `null`, if one comes next: an absent optional field.
    pub fn take_null(&mut self) -> Result<bool, DecodeError> {
        let null = self.peek()? == NULL;
        if null {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        Ok(null)
    }

    pub fn unsigned(&mut self) -> Result<u64, DecodeError> {
        let argument = self.expect(UNSIGNED)?;
        argument.ok_or_else(|| self.error(Fault::Reserved(0x1f)))
    }

    /// An integer of either sign.
    pub fn integer(&mut self) -> Result<i64, DecodeError> {
        let head = self.head()?;
        let number = head.argument.and_then(|argument| i64::try_from(argument).ok());
        match (head.major, number) {
            (UNSIGNED, Some(number)) => Ok(number),
            // CBOR's negative n stands for -1 - n.
            (NEGATIVE, Some(number)) => Ok(!number),
            (UNSIGNED | NEGATIVE, None) => Err(self.error(Fault::OutOfRange)),
            (found, _) => Err(self.error(Fault::WrongType { expected: "integer", found: major_name(found) })),
        }
    }

    /// Whether a text comes next.
    pub fn next_is_text(&self) -> bool {
        self.rest.first().is_some_and(|initial| initial >> 5 == TEXT)
    }

    /// Whether a byte string comes next.
    pub fn next_is_bytes(&self) -> bool {
        self.rest.first().is_some_and(|initial| initial >> 5 == BYTES)
    }

    /// Whether an array comes next.
    pub fn next_is_array(&self) -> bool {
        self.rest.first().is_some_and(|initial| initial >> 5 == ARRAY)
    }

    /// A byte string; borrowed unless it came in chunks.
    pub fn bytes(&mut self) -> Result<Cow<'a, [u8]>, DecodeError> {
        self.string(BYTES)
    }

    /// A text; borrowed unless it came in chunks. Each chunk is UTF-8 by itself (RFC 8949 §3.2.3).
    pub fn text(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        match self.string(TEXT)? {
            Cow::Borrowed(bytes) => {
                std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| self.error(Fault::NotUtf8))
            }
            Cow::Owned(bytes) => {
                String::from_utf8(bytes).map(Cow::Owned).map_err(|_| self.error(Fault::NotUtf8))
            }
        }
    }

    pub fn principal(&mut self) -> Result<Principal, DecodeError> {
        let bytes = self.bytes()?;
        Principal::try_from_slice(&bytes).map_err(|_| self.error(Fault::NotAPrincipal))
    }

    /// An array of at most `max` entries, each read by `entry`.
    pub fn array<T>(
        &mut self,
        max: usize,
        mut entry: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut entries = Vec::new();
        let field = self.field;
        self.collection(ARRAY, |reader| {
            if entries.len() == max {
                return Err(Fault::TooMany { max }.at(field));
            }
            entries.push(entry(reader)?);
            Ok(())
        })?;
        Ok(entries)
    }

    /// A map with text keys; `entry` reads the value of each, and refuses keys it does not know.
    pub fn map(
        &mut self,
        mut entry: impl FnMut(&mut Reader<'a>, &str) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let field = self.field;
        self.collection(MAP, |reader| {
            let key = reader.at(field).text()?;
            entry(reader, &key)
        })
    }

    /// A map of at most `max` entries with integer keys.
    pub fn integer_map(
        &mut self,
        max: usize,
        mut entry: impl FnMut(&mut Reader<'a>, i64) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let (field, mut count) = (self.field, 0);
        self.collection(MAP, |reader| {
            count += 1;
            if count > max {
                return Err(Fault::TooMany { max }.at(field));
            }
            let key = reader.at(field).integer()?;
            entry(reader, key)
        })
    }

    /// Reads entries until the declared count or the break, whichever the head announced.
    fn collection(
        &mut self,
        major: u8,
        mut entry: impl FnMut(&mut Reader<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let field = self.field;
        let mut left = self.expect(major)?;
        if self.depth == CBOR_DEPTH_MAX {
            return Err(self.error(Fault::TooDeep { max: CBOR_DEPTH_MAX }));
        }
        self.depth += 1;
        while self.at(field).more(&mut left)? {
            entry(self)?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// Whether another entry follows; takes the break of an indefinite collection.
    fn more(&mut self, left: &mut Option<u64>) -> Result<bool, DecodeError> {
        match left {
            Some(0) => Ok(false),
            Some(count) => {
                *count -= 1;
                Ok(true)
            }
            None => Ok(!self.take_break()?),
        }
    }

    fn take_break(&mut self) -> Result<bool, DecodeError> {
        let found = self.peek()? == BREAK;
        if found {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        Ok(found)
    }

    fn string(&mut self, major: u8) -> Result<Cow<'a, [u8]>, DecodeError> {
        if let Some(length) = self.expect(major)? {
            return self.take(length).map(Cow::Borrowed);
        }
        let mut chunks = Vec::new();
        while !self.take_break()? {
            let Some(length) = self.expect(major)? else {
                return Err(
                    self.error(Fault::WrongType { expected: "definite chunk", found: "indefinite chunk" })
                );
            };
            let chunk = self.take(length)?;
            if major == TEXT && std::str::from_utf8(chunk).is_err() {
                return Err(self.error(Fault::NotUtf8));
            }
            chunks.extend_from_slice(chunk);
        }
        Ok(Cow::Owned(chunks))
    }

    /// The argument of the next head, which must be of type `major`; `None` for an indefinite length.
    fn expect(&mut self, major: u8) -> Result<Option<u64>, DecodeError> {
        let head = self.head()?;
        if head.major == major {
            return Ok(head.argument);
        }
        Err(self.error(Fault::WrongType { expected: major_name(major), found: major_name(head.major) }))
    }

    fn head(&mut self) -> Result<Head, DecodeError> {
        let initial = self.peek()?;
        self.take(1)?;
        let width = match initial & 0x1f {
            small @ 0..=23 => {
                return Ok(Head { major: initial >> 5, argument: Some(u64::from(small)) });
            }
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            31 if matches!(initial >> 5, BYTES..=MAP) => {
                return Ok(Head { major: initial >> 5, argument: None });
            }
            _ => return Err(self.error(Fault::Reserved(initial))),
        };
        let bytes = self.take(width)?;
        let argument = bytes.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        Ok(Head { major: initial >> 5, argument: Some(argument) })
    }

    fn peek(&self) -> Result<u8, DecodeError> {
        self.rest.first().copied().ok_or_else(|| self.error(Fault::Truncated))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or_else(|| self.error(Fault::Truncated))?;
        self.rest = rest;
        Ok(taken)
    }
}
