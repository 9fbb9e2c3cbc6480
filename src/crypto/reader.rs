//! Reading fixed-length fields from bytes that nobody vouches for.

/// What is left to read.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    /// The next `length` bytes.
    pub fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    /// A big-endian count of two bytes, if it is at most `max`.
    pub fn count(&mut self, max: usize) -> Option<usize> {
        Some(usize::from(u16::from_be_bytes(self.array()?))).filter(|count| *count <= max)
    }

    /// Bytes after their length (four bytes, big-endian), if that is at most `max`.
    pub fn sized(&mut self, max: usize) -> Option<&'a [u8]> {
        let length = usize::try_from(u32::from_be_bytes(self.array()?)).ok()?;
        (length <= max).then(|| self.slice(length)).flatten()
    }

    /// `value`, if nothing is left to read.
    pub fn finish<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}
