//! [`Transport`]: what it takes to drive one connection: its stream, its decoder and its buffers. The party
//! that has it drives ([`handover`](super::handover)).

use std::io;
use std::task::{Context, Poll};

use redis::Value;

use super::super::errors::{connection_lost, connection_lost_after, protocol_error};
use super::super::last_words::{about_connection, unasked};
use super::super::queue::KEPT_CAPACITY;
use super::load::Load;
use crate::connect::{Connected, Stream};
use crate::error::Error;
use crate::resp::{Decoded, Decoder, READ_SIZE, make_room};
use crate::runtime::Wakers;

/// What it takes to drive one connection.
#[derive(Debug)]
pub(in super::super) struct Transport {
    /// Which connection of the queue this is.
    pub(in super::super) number: u64,
    pub(in super::super) stream: Stream,
    decoder: Decoder,
    input: Vec<u8>,
    filled: usize,
    /// What was taken from the queue to be written.
    pub(in super::super) output: Vec<u8>,
    /// How much of `output` has been written, and where it starts in the stream of commands.
    pub(in super::super) written: usize,
    pub(in super::super) output_start: u64,
    flushing: bool,
    /// It has let other tasks queue more commands before it writes.
    pub(in super::super) yielded: bool,
    /// Replies that have been decoded and not been handed out.
    pub(in super::super) replies: Vec<Decoded>,
    /// Bytes of a reply that is not complete, and which the decoder has taken.
    begun: u64,
    pub(in super::super) wakers: Wakers,
    /// What the last reply has said about the whole connection.
    last_words: Option<String>,
    /// Why the socket has failed, until what the server has said before is read.
    pub(in super::super) socket_failure: Option<io::Error>,
    /// Why the connection has ended.
    pub(in super::super) failure: Option<Error>,
    pub(in super::super) load: Load,
}

impl Transport {
    /// The connection that is `number` for the queue.
    pub(in super::super) fn new(number: u64, connected: Connected) -> Transport {
        let Connected {
            stream, mut input, ..
        } = connected;
        let filled = input.len();
        input.resize(filled + READ_SIZE, 0);
        Transport {
            number,
            stream,
            decoder: Decoder::default(),
            input,
            filled,
            output: Vec::new(),
            written: 0,
            output_start: 0,
            flushing: false,
            yielded: false,
            replies: Vec::new(),
            begun: 0,
            wakers: Wakers::default(),
            last_words: None,
            socket_failure: None,
            failure: None,
            load: Load::new(),
        }
    }

    /// Returns whether the system has not taken all that was to be written.
    pub(in super::super) fn is_blocked(&self) -> bool {
        self.written < self.output.len()
    }

    /// Returns whether the system, or TLS, has not taken all that was to be written.
    pub(in super::super) fn has_to_write(&self) -> bool {
        self.is_blocked() || self.flushing
    }

    /// Empties the buffer of what has been written.
    pub(in super::super) fn clear_output(&mut self) {
        self.output.clear();
        self.output.shrink_to(KEPT_CAPACITY);
        self.written = 0;
    }

    /// The error of a connection to `peer` that has ended.
    pub(in super::super) fn lost(&self, peer: &str, cause: &io::Error) -> Error {
        match &self.last_words {
            Some(words) => connection_lost_after(peer, cause, words),
            None => connection_lost(peer, cause),
        }
    }

    /// Writes what the system takes of the output.
    pub(in super::super) fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.is_blocked() {
            match self.stream.poll_write(cx, &self.output[self.written..]) {
                Poll::Ready(Ok(written)) => {
                    self.written += written;
                    self.flushing = true;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
        }
        self.yielded = false;
        if self.flushing {
            match self.stream.poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flushing = false,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {}
            }
        }
        Ok(())
    }

    /// Reads once. Returns how many bytes, 0 if there are none yet.
    ///
    /// # Errors
    /// The connection to `peer` has ended.
    pub(in super::super) fn read(
        &mut self,
        peer: &str,
        cx: &mut Context<'_>,
    ) -> Result<usize, Error> {
        let missing = self.decoder.missing();
        make_room(&mut self.input, self.filled, missing, KEPT_CAPACITY);
        // A long string has a place of its own; then the input is empty.
        let (room, is_long) = match self.decoder.room() {
            Some(room) => (room, true),
            None => (&mut self.input[self.filled..], false),
        };
        match self.stream.poll_read(cx, room) {
            Poll::Pending => Ok(0),
            Poll::Ready(Ok(0)) => {
                let end = io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed it");
                Err(self.lost(peer, &end))
            }
            Poll::Ready(Ok(read)) => {
                if is_long {
                    self.decoder.read(read);
                    self.begun += read as u64;
                } else {
                    self.filled += read;
                }
                Ok(read)
            }
            Poll::Ready(Err(error)) => Err(self.lost(peer, &error)),
        }
    }

    /// Decodes the replies that are complete. Those before bytes that are not RESP are right.
    ///
    /// # Errors
    /// What `peer` has sent is not RESP.
    pub(in super::super) fn decode(&mut self, peer: &str) -> Result<(), Error> {
        let (mut at, mut end) = (0, 0);
        loop {
            let (length, reply) = self
                .decoder
                .decode(&self.input[at..self.filled])
                .map_err(|error| protocol_error(peer, &error.to_string()))?;
            at += length;
            match reply {
                // Nothing that we send subscribes to any.
                Some(Ok(Value::Push { .. })) => {}
                Some(reply) => self.replies.push(reply),
                None => break,
            }
            (end, self.begun) = (at, 0);
        }
        self.begun += (at - end) as u64;
        if at > 0 {
            self.input.copy_within(at..self.filled, 0);
            self.filled -= at;
        }
        Ok(())
    }

    /// Returns how many bytes have come of the reply that is not complete.
    pub(in super::super) fn begun(&self) -> u64 {
        self.begun + self.filled as u64
    }

    /// Keeps what the last of the decoded replies says about the whole connection. Returns what it says if
    /// no command waits for it.
    pub(in super::super) fn note_last_words(&mut self) -> Option<String> {
        // An error is rare: only then it is looked at twice.
        let last = match self.replies.last() {
            Some(Ok(last @ Value::ServerError(_))) => Some(last),
            _ => None,
        };
        let (words, unasked) = (last.and_then(about_connection), last.and_then(unasked));
        if !self.replies.is_empty() {
            self.last_words = words;
        }
        unasked
    }
}
