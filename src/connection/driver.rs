//! [`Driver`]: writes what callers have queued, reads replies, hands them out, and ends when the
//! connection does.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use redis::Value;
use tokio::task::JoinHandle;

use super::errors::{
    closed, connection_lost, connection_lost_after, ended_by_another, protocol_error,
};
use super::last_words::{about_connection, unasked};
use super::queue::KEPT_CAPACITY;
use super::state::State;
use super::timer::{Timer, reactor_turn};
use crate::connect::{Connected, Stream};
use crate::error::{Error, ErrorKind};
use crate::resp::{Decoded, Decoder};
use crate::runtime::Wakers;

/// Size of a read, and of the read buffer while replies are small, in bytes. 64 KiB were no faster, with
/// values of 100 bytes or of 16 KiB.
const READ_SIZE: usize = 16 * 1024;
/// The most that the read buffer grows at once beyond what has arrived, in bytes.
const MAX_GROWTH: usize = 1024 * 1024;

/// The most that is read at once before callers are told that they are late, and after a write has failed,
/// in bytes. It is more than a system keeps for a socket.
const MAX_LAST_READ: usize = 16 * 1024 * 1024;

/// The future of one connection. Its output is why it ended; by then the queue knows.
pub(super) struct Driver<'a> {
    state: &'a State,
    stream: Stream,
    decoder: Decoder,
    input: Vec<u8>,
    filled: usize,
    output: Vec<u8>,
    /// How much of `output` has been written, and where it starts in the stream of commands.
    written: usize,
    output_start: u64,
    flushing: bool,
    /// It has let other tasks queue more commands before it writes.
    yielded: bool,
    replies: Vec<Decoded>,
    /// Bytes of a reply that is not complete, and which the decoder has taken.
    begun: u64,
    wakers: Wakers,
    timer: Timer,
    /// The timer has rung, and the silence of the server is not judged yet.
    rang: bool,
    /// What the last reply has said about the whole connection.
    last_words: Option<String>,
    /// Why a write has failed, until what the server has said before is read.
    write_failure: Option<(io::Error, JoinHandle<()>)>,
    failure: Option<Error>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(state: &'a State, connected: Connected) -> Driver<'a> {
        let Connected { stream, mut input } = connected;
        let filled = input.len();
        input.resize(filled + READ_SIZE, 0);
        let mut wakers = Wakers::default();
        {
            let (mut queue, now) = (state.lock(), Instant::now());
            // Callers who are late already are told that nothing was sent.
            let _ = queue.expire(now, &mut wakers);
            queue.connected(now, stream.inline(), &mut wakers);
        }
        Driver {
            state,
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
            wakers,
            timer: Timer::new(),
            rang: false,
            last_words: None,
            write_failure: None,
            failure: None,
        }
    }

    /// Does what can be done without waiting; an error is the end of the connection.
    fn advance(&mut self, mut alarm_is_late: bool, cx: &mut Context<'_>) -> Result<(), Error> {
        loop {
            if self.write_failure.is_some() {
                return self.end_after_failed_write(cx);
            }
            let is_late = std::mem::take(&mut alarm_is_late);
            self.timer.set(self.state, is_late, &mut self.wakers);
            while self.timer.poll(cx).is_ready() {
                self.rang = true;
                self.expire(cx)?;
            }
            self.wakers.wake_all();
            if self.gather(cx) {
                return Ok(());
            }
            if let Err(error) = self.write(cx) {
                self.write_failure = Some((error, reactor_turn()));
                continue;
            }
            if self.read(cx)? {
                continue;
            }
            let mut queue = self.state.lock();
            // Judged after a read: what the server has said while this thread had no turn counts.
            if std::mem::take(&mut self.rang) && queue.is_silent(Instant::now()) {
                drop(queue);
                let silence = io::Error::new(io::ErrorKind::TimedOut, "the server has been silent");
                return Err(connection_lost(&self.state.peer, &silence));
            }
            if queue.is_leaving() && queue.has_left(Instant::now()) {
                drop(queue);
                let replica = io::Error::other("the role of the server has changed");
                return Err(connection_lost(&self.state.peer, &replica));
            }
            if queue.is_closed() {
                // By a caller that took the driver for awake and so did not wake it.
                return Err(closed());
            }
            alarm_is_late = queue.alarm_is_late();
            if alarm_is_late {
                continue;
            }
            let blocked = self.written < self.output.len();
            queue.set_blocked(blocked);
            if blocked || queue.is_writing() || queue.is_leaving() || !queue.has_unsent() {
                queue.driver_sleeps();
                self.yielded = false;
                return Ok(());
            }
        }
    }

    /// Tells callers that they are late, after a look for their replies.
    fn expire(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let now = Instant::now();
        self.read_all(cx)?;
        self.timer.expire(now, self.state, &mut self.wakers);
        Ok(())
    }

    /// Reads what is there, within bounds.
    fn read_all(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        // Tokio would end this after a share of the bytes, as if nothing more were there.
        let reads = tokio::task::unconstrained(poll_fn(|cx| {
            let mut reads = 0;
            while reads * READ_SIZE < MAX_LAST_READ && self.read(cx)? {
                reads += 1;
            }
            Poll::Ready(Ok(()))
        }));
        match pin!(reads).poll(cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// Ends the connection with why a write has failed. The server may have said why, and may have
    /// answered commands before: that is read first.
    fn end_after_failed_write(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let turn = self.write_failure.as_mut().map(|(_, turn)| Pin::new(turn));
        if turn.is_some_and(|turn| turn.poll(cx).is_pending()) {
            return Ok(());
        }
        let last = self.read_all(cx);
        match self.write_failure.take() {
            Some((cause, _)) => Err(self.lost(&cause)),
            None => last,
        }
    }

    /// The error of a connection that has ended.
    fn lost(&self, cause: &io::Error) -> Error {
        match &self.last_words {
            Some(words) => connection_lost_after(&self.state.peer, cause, words),
            None => connection_lost(&self.state.peer, cause),
        }
    }

    /// Takes what callers have queued, once the last write is done. Returns whether to let other
    /// tasks run first, so that one write carries the commands of all of them.
    fn gather(&mut self, cx: &mut Context<'_>) -> bool {
        if self.written < self.output.len() {
            return false;
        }
        let mut queue = self.state.lock();
        if !queue.has_unsent() || queue.is_writing() || queue.is_leaving() {
            return false;
        }
        if !self.yielded && queue.in_flight() > 1 {
            self.yielded = true;
            drop(queue);
            cx.waker().wake_by_ref();
            return true;
        }
        self.output.clear();
        self.output.shrink_to(KEPT_CAPACITY);
        self.written = 0;
        self.output_start = queue.take_unsent(&mut self.output);
        false
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.written < self.output.len() {
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

    /// Reads once and delivers what is complete. Returns whether anything was read.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        self.make_room();
        let read = match self.stream.poll_read(cx, &mut self.input[self.filled..]) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(0)) => {
                let end = io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed it");
                return Err(self.lost(&end));
            }
            Poll::Ready(Ok(read)) => read,
            Poll::Ready(Err(error)) => return Err(self.lost(&error)),
        };
        self.filled += read;
        let decoded = self.decode();
        let delivered = self.deliver();
        // What came before bytes that are not RESP is right.
        decoded?;
        delivered?;
        Ok(true)
    }

    fn deliver(&mut self) -> Result<(), Error> {
        // An error is rare: only then it is looked at twice.
        let last = match self.replies.last() {
            Some(Ok(last @ Value::ServerError(_))) => Some(last),
            _ => None,
        };
        let (words, unasked) = (last.and_then(about_connection), last.and_then(unasked));
        if !self.replies.is_empty() {
            self.last_words = words;
        }
        let begun = self.begun + self.filled as u64;
        let delivered = self
            .state
            .lock()
            .deliver(&mut self.replies, begun, &mut self.wakers);
        self.wakers.wake_all();
        delivered.map_err(|()| match unasked {
            Some(words) => {
                let end = io::Error::other("the server ends it");
                connection_lost_after(&self.state.peer, &end, &words)
            }
            None => protocol_error(&self.state.peer, "a reply without a command"),
        })
    }

    fn decode(&mut self) -> Result<(), Error> {
        let (mut at, mut end) = (0, 0);
        loop {
            let (length, reply) = self
                .decoder
                .decode(&self.input[at..self.filled])
                .map_err(|error| protocol_error(&self.state.peer, &error.to_string()))?;
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
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(())
    }

    /// Grows the input by what the reply at hand is known to need, little by little; shrinks it once
    /// a large one has passed.
    fn make_room(&mut self) {
        if self.filled == self.input.len() {
            let growth = self.decoder.missing().clamp(READ_SIZE, MAX_GROWTH);
            self.input.resize(self.filled + growth, 0);
        } else if self.filled == 0 && self.input.len() > KEPT_CAPACITY {
            self.input.truncate(READ_SIZE);
            self.input.shrink_to_fit();
        }
    }
}

impl Future for Driver<'_> {
    type Output = Error;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let this = &mut *self;
        let (is_closed, alarm_is_late) = {
            let mut queue = this.state.lock();
            queue.driver_runs(cx.waker());
            (queue.is_closed(), queue.alarm_is_late())
        };
        if is_closed {
            this.failure = Some(closed());
        }
        if this.failure.is_none() {
            match this.advance(alarm_is_late, cx) {
                Ok(()) => return Poll::Pending,
                Err(error) => this.failure = Some(error),
            }
        }
        let mut queue = this.state.lock();
        if queue.is_writing() {
            // A caller is in the middle of a write to this very socket.
            queue.await_writer();
            return Poll::Pending;
        }
        let Some(error) = this.failure.take() else {
            return Poll::Pending;
        };
        let (sent, rest) = if this.written < this.output.len() {
            (
                this.output_start + this.written as u64,
                &this.output[this.written..],
            )
        } else {
            (queue.taken(), &[][..])
        };
        let is_reply = error.kind() == ErrorKind::Protocol;
        let others = is_reply.then(|| ended_by_another(&this.state.peer));
        queue.lost(sent, rest, &error, others.as_ref(), &mut this.wakers);
        drop(queue);
        this.wakers.wake_all();
        Poll::Ready(error)
    }
}
