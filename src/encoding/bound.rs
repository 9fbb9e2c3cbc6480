//! Counts repeated fields before anything is allocated for them: an empty entry costs its sender two
//! bytes and its receiver a hundred. Also refuses a message given twice where one belongs, which
//! protobuf would merge.

use super::{DecodeError, Fault};
use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};

/// How often a length-delimited field may occur in its message, and what may repeat inside; nothing
/// when `inside` is empty, as in plain bytes.
pub(super) struct Shape {
    pub tag: u32,
    pub field: &'static str,
    pub max: usize,
    pub inside: &'static [Shape],
}

/// Checks `message` against `shapes`. Fields that no shape names are left to the decoder: they are
/// scalars or messages of fixed size.
pub(super) fn check(mut message: &[u8], shapes: &'static [Shape]) -> Result<(), DecodeError> {
    let mut counts = vec![0usize; shapes.len()];
    while message.has_remaining() {
        let (tag, wire_type) = decode_key(&mut message).map_err(|error| malformed(&error))?;
        let value = take_value(&mut message, wire_type)?;
        for (shape, count) in shapes.iter().zip(&mut counts).filter(|(shape, _)| shape.tag == tag) {
            *count += 1;
            if *count > shape.max {
                return Err(Fault::TooMany { max: shape.max }.at(shape.field));
            }
            if !shape.inside.is_empty() {
                check(value, shape.inside)?;
            }
        }
    }
    Ok(())
}

/// Takes the value that follows a key; empty unless it is length-delimited.
fn take_value<'a>(message: &mut &'a [u8], wire_type: WireType) -> Result<&'a [u8], DecodeError> {
    let skip = match wire_type {
        WireType::Varint => {
            decode_varint(message).map_err(|error| malformed(&error))?;
            return Ok(&[]);
        }
        WireType::ThirtyTwoBit => 4,
        WireType::SixtyFourBit => 8,
        WireType::LengthDelimited => {
            let length = decode_varint(message).map_err(|error| malformed(&error))?;
            usize::try_from(length).map_err(|_| Fault::Truncated.at("protobuf"))?
        }
        WireType::StartGroup | WireType::EndGroup => {
            return Err(Fault::Protobuf("group".into()).at("protobuf"));
        }
    };
    let (value, rest) = message.split_at_checked(skip).ok_or(Fault::Truncated.at("protobuf"))?;
    *message = rest;
    Ok(if wire_type == WireType::LengthDelimited { value } else { &[] })
}

fn malformed(error: &prost::DecodeError) -> DecodeError {
    Fault::Protobuf(error.to_string()).at("protobuf")
}
