//! Why bytes could not be read.

/// Bytes that are not what they should be. Wrong for ever: asking again does not help.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {fault}")]
pub struct DecodeError {
    /// The field, as the interface spec or `proto/` calls it.
    pub field: &'static str,
    pub fault: Fault,
}

/// What is wrong with a field.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    #[error("truncated")]
    Truncated,
    #[error("{0} trailing bytes")]
    TrailingBytes(usize),
    #[error("expected {expected}, found {found}")]
    WrongType { expected: &'static str, found: &'static str },
    #[error("missing")]
    Missing,
    #[error("given twice")]
    Duplicate,
    #[error("unknown field `{0}`")]
    UnknownField(String),
    #[error("unknown value `{0}`")]
    UnknownValue(String),
    #[error("not valid UTF-8")]
    NotUtf8,
    #[error("{have} bytes, expected {need}")]
    Length { have: usize, need: usize },
    #[error("more than {max} bytes")]
    TooLong { max: usize },
    #[error("more than {max} entries")]
    TooMany { max: usize },
    #[error("nested more than {max} deep")]
    TooDeep { max: usize },
    #[error("number out of range")]
    OutOfRange,
    #[error("reserved CBOR initial byte 0x{0:02x}")]
    Reserved(u8),
    #[error("not a principal")]
    NotAPrincipal,
    #[error("malformed protobuf: {0}")]
    Protobuf(String),
}

impl Fault {
    /// This fault in `field`.
    pub fn at(self, field: &'static str) -> DecodeError {
        DecodeError { field, fault: self }
    }
}
