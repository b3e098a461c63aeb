//! [`Wire`]: the bytes of a connection with subscriptions.

use std::io;
use std::task::{Context, Poll};

use redis::Value;

use crate::connect::{Connected, Stream};
use crate::resp::{Decoder, READ_SIZE, make_room};

/// The most that the input keeps allocated between messages, in bytes.
const KEPT_CAPACITY: usize = 256 * 1024;

/// The bytes of a connection: what has to be written, and what was read and is not complete.
pub(super) struct Wire {
    stream: Stream,
    decoder: Decoder,
    input: Vec<u8>,
    filled: usize,
    pub(super) output: Vec<u8>,
    written: usize,
    is_flushed: bool,
    /// Nothing can be written any more.
    is_broken: bool,
}

impl Wire {
    pub(super) fn new(connected: Connected) -> Wire {
        let Connected {
            stream,
            mut input,
            greeting: _,
        } = connected;
        let filled = input.len();
        input.resize(filled + READ_SIZE, 0);
        Wire {
            stream,
            decoder: Decoder::default(),
            input,
            filled,
            output: Vec::new(),
            written: 0,
            is_flushed: true,
            is_broken: false,
        }
    }

    /// Writes what the system takes now. A connection that takes nothing any more has ended, which is left to
    /// [`poll_read`](Wire::poll_read) to tell: messages that came before its end are read first.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) {
        self.is_broken = self.is_broken || self.write(cx).is_err();
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.written < self.output.len() {
            match self.stream.poll_write(cx, &self.output[self.written..]) {
                Poll::Ready(written) => self.written += written?,
                Poll::Pending => return Ok(()),
            }
            self.is_flushed = false;
        }
        self.written = 0;
        self.output.clear();
        self.output.shrink_to(READ_SIZE);
        if !self.is_flushed
            && let Poll::Ready(flushed) = self.stream.poll_flush(cx)
        {
            flushed?;
            self.is_flushed = true;
        }
        Ok(())
    }

    /// Reads once.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let missing = self.decoder.missing();
        make_room(&mut self.input, self.filled, missing, KEPT_CAPACITY);
        match std::task::ready!(self.stream.poll_read(cx, &mut self.input[self.filled..]))? {
            0 => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the server closed it",
            ))),
            read => {
                self.filled += read;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Takes what is complete of what was read. After an error, what came before it is in `values`.
    pub(super) fn decode(&mut self, values: &mut Vec<Value>) -> Result<(), String> {
        let mut at = 0;
        let result = loop {
            match self.decoder.decode(&self.input[at..self.filled]) {
                Ok((length, value)) => {
                    at += length;
                    match value {
                        Some(Ok(Value::Push { kind, .. }))
                            if kind == redis::PushKind::Other(String::new()) =>
                        {
                            // What a decoder has skipped over.
                            break Err("a message beyond the limits of this client".to_owned());
                        }
                        Some(Ok(value)) => values.push(value),
                        Some(Err(limit)) => break Err(limit.to_string()),
                        None => break Ok(()),
                    }
                }
                Err(malformed) => break Err(malformed.to_string()),
            }
        };
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        result
    }
}
