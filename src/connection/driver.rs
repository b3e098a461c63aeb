//! [`Driver`]: writes what callers have queued, reads replies, hands them out, and ends when the
//! connection does.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use redis::Value;

use super::errors::{closed, connection_lost, ended_by_another, protocol_error};
use super::queue::KEPT_CAPACITY;
use super::state::State;
use super::timer::Timer;
use crate::connect::{Connected, Stream};
use crate::error::{Error, ErrorKind};
use crate::resp::{Decoded, Decoder};
use crate::runtime::Wakers;

/// Size of a read, and of the read buffer while replies are small, in bytes. 64 KiB were no faster, with
/// values of 100 bytes or of 16 KiB.
const READ_SIZE: usize = 16 * 1024;
/// The most that the read buffer grows at once beyond what has arrived, in bytes.
const MAX_GROWTH: usize = 1024 * 1024;

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
    failure: Option<Error>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(state: &'a State, connected: Connected) -> Driver<'a> {
        let Connected { stream, mut input } = connected;
        let filled = input.len();
        input.resize(filled + READ_SIZE, 0);
        let mut wakers = Wakers::default();
        state
            .lock()
            .connected(Instant::now(), stream.inline(), &mut wakers);
        wakers.wake_all();
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
            timer: Timer::default(),
            failure: None,
        }
    }

    /// Does what can be done without waiting; an error is the end of the connection.
    fn advance(&mut self, mut alarm_is_late: bool, cx: &mut Context<'_>) -> Result<(), Error> {
        let mut rang = false;
        loop {
            rang |= self
                .timer
                .poll(self.state, alarm_is_late, cx, &mut self.wakers);
            self.wakers.wake_all();
            if self.gather(cx) {
                return Ok(());
            }
            self.write(cx)?;
            if self.read(cx)? {
                continue;
            }
            let mut queue = self.state.lock();
            // Judged after a read: what the server has said while this thread had no turn counts.
            if rang && queue.is_silent(Instant::now()) {
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

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while self.written < self.output.len() {
            match self.stream.poll_write(cx, &self.output[self.written..]) {
                Poll::Ready(Ok(written)) => {
                    self.written += written;
                    self.flushing = true;
                }
                Poll::Ready(Err(error)) => return Err(connection_lost(&self.state.peer, &error)),
                Poll::Pending => return Ok(()),
            }
        }
        self.yielded = false;
        if self.flushing {
            match self.stream.poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flushing = false,
                Poll::Ready(Err(error)) => return Err(connection_lost(&self.state.peer, &error)),
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
                return Err(connection_lost(&self.state.peer, &end));
            }
            Poll::Ready(Ok(read)) => read,
            Poll::Ready(Err(error)) => return Err(connection_lost(&self.state.peer, &error)),
        };
        self.filled += read;
        let decoded = self.decode();
        let begun = self.begun + self.filled as u64;
        // What came before bytes that are not RESP is right.
        let delivered = self
            .state
            .lock()
            .deliver(&mut self.replies, begun, &mut self.wakers);
        self.wakers.wake_all();
        decoded?;
        delivered.map_err(|()| protocol_error(&self.state.peer, "a reply without a command"))?;
        Ok(true)
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
