//! [`LongString`]: a string most of which has not arrived yet. What arrives is read straight into the value
//! that its caller gets.

use redis::Value;

use super::element::Malformed;

/// Room for one read, in bytes.
const READ_SIZE: usize = 256 * 1024;
/// The least that is allocated ahead of what has arrived, in bytes.
const MIN_AHEAD: usize = 1024 * 1024;

/// A string most of which has not arrived yet.
#[derive(Debug)]
pub(super) struct LongString {
    /// What has arrived, and room behind it.
    bytes: Vec<u8>,
    arrived: usize,
    /// Its length, with the CRLF behind it.
    end: usize,
}

impl LongString {
    pub(super) fn new(length: usize) -> LongString {
        LongString {
            bytes: Vec::new(),
            arrived: 0,
            end: length + 2,
        }
    }

    /// Takes from the front of `input` what belongs to it; returns how many bytes that is.
    pub(super) fn take(&mut self, input: &[u8]) -> usize {
        let taken = input.len().min(self.end - self.arrived);
        self.bytes.truncate(self.arrived);
        self.reserve(taken);
        self.bytes.extend_from_slice(&input[..taken]);
        self.arrived += taken;
        taken
    }

    /// Returns where to read to; [`read`](LongString::read) tells how much was.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let end = self.end.min(self.arrived + READ_SIZE);
        if self.bytes.len() < end {
            self.reserve(end - self.bytes.len());
            self.bytes.resize(end, 0);
        }
        &mut self.bytes[self.arrived..end]
    }

    pub(super) fn read(&mut self, bytes: usize) {
        self.arrived += bytes;
    }

    pub(super) fn is_complete(&self) -> bool {
        self.arrived == self.end
    }

    /// Returns how many bytes it takes in all.
    pub(super) fn length(&self) -> usize {
        self.end
    }

    /// Returns the value, once it is complete.
    pub(super) fn into_value(self) -> Result<Value, Malformed> {
        let mut bytes = self.bytes;
        if !bytes.ends_with(b"\r\n") {
            return Err(Malformed("a string that does not end in CRLF"));
        }
        bytes.truncate(self.end - 2);
        Ok(Value::BulkString(bytes))
    }

    /// Returns how many bytes of memory it holds.
    #[cfg(test)]
    pub(super) fn allocated(&self) -> usize {
        self.bytes.capacity()
    }

    /// Makes room for `more` bytes, and at once for as much as has arrived, but not beyond its end: what is
    /// copied to a larger place is in proportion to what has arrived, and so is what a hostile length takes.
    fn reserve(&mut self, more: usize) {
        let length = self.bytes.len();
        if self.bytes.capacity() - length < more {
            let ahead = more.max(self.arrived).max(MIN_AHEAD);
            self.bytes.reserve_exact(ahead.min(self.end - length));
        }
    }
}
