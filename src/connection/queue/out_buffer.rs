//! [`OutBuffer`]: the bytes of commands on their way to the socket.

use std::ops::Range;

/// Capacity of a buffer that is kept when it was needed larger for a while, in bytes. With 64 KiB, 64
/// callers of 16 KiB each made every write allocate: a fifth less throughput.
pub(in super::super) const KEPT_CAPACITY: usize = 1024 * 1024;

/// The bytes of commands on their way to the socket.
///
/// Every byte has an offset in one endless stream. What lies before [`taken`](OutBuffer::taken) has
/// been handed to a write, what lies behind it is unsent.
#[derive(Debug, Default)]
pub(super) struct OutBuffer {
    unsent: Vec<u8>,
    /// An empty buffer to go on with while another one is being written.
    spare: Vec<u8>,
    taken: u64,
    writer: Writer,
    /// The driver has taken bytes that the socket has not accepted yet.
    blocked: bool,
}

/// The caller that writes to the socket itself, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Writer {
    #[default]
    None,
    Writing,
    /// The driver can do nothing before the caller is done.
    Awaited,
}

impl OutBuffer {
    /// Returns the offset up to which bytes have been handed to a write.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Returns the offset behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.taken + self.unsent.len() as u64
    }

    /// Returns how many bytes have not been handed to a write.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Appends what `write` writes, and returns where it stands in the stream.
    #[inline]
    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<u64> {
        let start = self.end();
        write(&mut self.unsent);
        start..self.end()
    }

    /// Swaps the unsent bytes for the empty `buffer`; returns where they start in the stream.
    pub(super) fn take(&mut self, buffer: &mut Vec<u8>) -> u64 {
        let start = self.taken;
        self.taken = self.end();
        std::mem::swap(&mut self.unsent, buffer);
        start
    }

    /// Returns whether a caller is writing to the socket.
    pub(super) fn is_writing(&self) -> bool {
        self.writer != Writer::None
    }

    /// The driver could not write all that it has taken, or could: no caller may write past it.
    pub(super) fn set_blocked(&mut self, blocked: bool) {
        self.blocked = blocked;
    }

    /// Returns whether the driver could not write all that it has taken.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Returns whether a caller may write to the socket itself.
    pub(super) fn is_free(&self) -> bool {
        self.writer == Writer::None && !self.blocked
    }

    /// Hands the unsent bytes to a caller that writes them itself, and then calls
    /// [`written`](OutBuffer::written).
    pub(super) fn take_to_write(&mut self) -> Vec<u8> {
        self.writer = Writer::Writing;
        self.taken = self.end();
        std::mem::replace(&mut self.unsent, std::mem::take(&mut self.spare))
    }

    /// The driver waits until the caller that writes is done.
    pub(super) fn await_writer(&mut self) {
        self.writer = Writer::Awaited;
    }

    /// A caller has written the first `written` bytes of `buffer`. Returns whether the driver waits for
    /// it; `None` if the connection that the bytes were for has ended meanwhile.
    pub(super) fn written(&mut self, mut buffer: Vec<u8>, written: usize) -> Option<bool> {
        let writer = std::mem::take(&mut self.writer);
        if writer == Writer::None {
            return None;
        }
        if written < buffer.len() {
            self.taken -= (buffer.len() - written) as u64;
            buffer.drain(..written);
            buffer.append(&mut self.unsent);
            std::mem::swap(&mut buffer, &mut self.unsent);
        }
        self.keep(buffer);
        Some(writer == Writer::Awaited)
    }

    fn keep(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= KEPT_CAPACITY && self.spare.capacity() < buffer.capacity() {
            buffer.clear();
            self.spare = buffer;
        }
    }

    /// The supervisor has ended: no write is under way any more.
    pub(super) fn forget_writer(&mut self) {
        self.writer = Writer::None;
    }

    /// Goes back to the stream offset `from`. `head` is what lies between it and the unsent bytes.
    /// Returns all bytes from there on; [`refill`](OutBuffer::refill) puts back those that are kept.
    pub(super) fn rewind(&mut self, from: u64, head: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(head.len() + self.unsent.len());
        bytes.extend_from_slice(head);
        bytes.append(&mut self.unsent);
        self.taken = from;
        bytes
    }

    pub(super) fn refill(&mut self, bytes: Vec<u8>) {
        self.unsent = bytes;
    }

    /// Drops the unsent bytes: their commands have failed.
    pub(super) fn discard(&mut self) {
        self.taken = self.end();
        self.unsent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(bytes: &[u8]) -> OutBuffer {
        let mut buffer = OutBuffer::default();
        buffer.append(|out| out.extend_from_slice(bytes));
        buffer
    }

    #[test]
    fn what_a_caller_could_not_write_stands_before_what_came_later() {
        let mut buffer = buffer(b"abcd");
        let taken = buffer.take_to_write();
        assert!(!buffer.is_free());
        assert_eq!(buffer.append(|out| out.extend(b"e")), 4..5);
        assert_eq!(buffer.written(taken, 3), Some(false));
        assert_eq!((buffer.taken(), buffer.unsent(), buffer.end()), (3, 2, 5));
        let mut rest = Vec::new();
        assert_eq!(buffer.take(&mut rest), 3);
        assert_eq!(rest, b"de");
    }

    #[test]
    fn the_memory_of_a_buffer_is_used_again_unless_it_is_large() {
        for (capacity, is_kept) in [
            (1_000, true),
            (KEPT_CAPACITY, true),
            (KEPT_CAPACITY + 1, false),
        ] {
            let mut buffer = OutBuffer::default();
            buffer.append(|out| *out = Vec::with_capacity(capacity));
            buffer.append(|out| out.push(b'a'));
            let taken = buffer.take_to_write();
            assert_eq!(buffer.written(taken, 1), Some(false));
            buffer.take_to_write();
            assert_eq!(buffer.unsent.capacity() >= capacity, is_kept, "{capacity}");
        }
    }

    #[test]
    fn a_caller_writes_only_past_nothing() {
        let mut buffer = buffer(b"ab");
        assert!(buffer.is_free());
        buffer.set_blocked(true);
        assert!(!buffer.is_free(), "the driver has to go on first");
        buffer.set_blocked(false);
        assert!(buffer.is_free());
    }

    #[test]
    fn a_write_for_a_connection_that_has_ended_counts_for_nothing() {
        let mut buffer = buffer(b"ab");
        let taken = buffer.take_to_write();
        buffer.forget_writer();
        assert_eq!(buffer.written(taken, 0), None);
        assert_eq!(buffer.taken(), 2);
    }
}
