//! Writes CBOR with definite lengths and shortest heads.

/// Bytes written so far. The caller announces counts and then writes that many entries.
#[derive(Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// Nothing written.
    pub fn new() -> Writer {
        Writer::default()
    }

    pub fn tag(&mut self, tag: u64) -> &mut Self {
        self.head(6, tag)
    }

    /// Announces a map of `entries` pairs.
    pub fn map(&mut self, entries: usize) -> &mut Self {
        self.head(5, entries as u64)
    }

    /// Announces an array of `entries`.
    pub fn array(&mut self, entries: usize) -> &mut Self {
        self.head(4, entries as u64)
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.head(2, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.head(3, text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub fn unsigned(&mut self, number: u64) -> &mut Self {
        self.head(0, number)
    }

    /// Everything written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn head(&mut self, major: u8, argument: u64) -> &mut Self {
        let bytes = argument.to_be_bytes();
        let (marker, width) = match argument {
            0..=23 => (argument as u8, 0),
            24..=0xff => (24, 1),
            0x100..=0xffff => (25, 2),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 8),
        };
        self.0.push(major << 5 | marker);
        self.0.extend_from_slice(&bytes[8 - width..]);
        self
    }
}
