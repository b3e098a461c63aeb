//! One command on its way: the future a caller holds.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use redis::{Cmd, Value};

use super::Link;
use super::queue::{Limits, Next, Outcome, Shape, Submitted};
use super::slots::SlotId;
use crate::error::{Error, ErrorKind};

/// What to send, and what to expect.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    payload: Payload<'a>,
    shape: Shape,
    limits: Limits,
    answered: bool,
}

#[derive(Clone)]
enum Payload<'a> {
    Command(&'a Cmd),
    Encoded(Cow<'a, [u8]>),
}

pub(crate) enum Reply {
    One(Value),
    Many(Vec<Value>),
    /// The commands of a transaction that the server did not queue, by their place, from 0.
    Aborted(Vec<(usize, Value)>),
}

impl<'a> Request<'a> {
    pub(crate) fn command(command: &'a Cmd, limits: Limits) -> Request<'a> {
        let payload = Payload::Command(command);
        Request {
            payload,
            shape: Shape::One,
            limits,
            answered: !command.is_no_response(),
        }
    }

    /// An encoded command.
    pub(crate) fn encoded(bytes: &'a [u8], limits: Limits) -> Request<'a> {
        let payload = Payload::Encoded(Cow::Borrowed(bytes));
        Request {
            payload,
            shape: Shape::One,
            limits,
            answered: true,
        }
    }

    /// Encoded commands, of whose replies the first `skip` are skipped and the next `count` kept.
    pub(crate) fn pipeline(
        bytes: Cow<'a, [u8]>,
        skip: usize,
        count: usize,
        limits: Limits,
    ) -> Request<'a> {
        let shape = Shape::Many { skip, count };
        Request {
            payload: Payload::Encoded(bytes),
            shape,
            limits,
            answered: true,
        }
    }

    fn encode(&self, buffer: &mut Vec<u8>) {
        match &self.payload {
            Payload::Command(command) => command.write_packed_command(buffer),
            Payload::Encoded(bytes) => buffer.extend_from_slice(bytes),
        }
    }
}

impl Link {
    /// Sends `request` and waits for its reply. Cancel safe: when the future is dropped, the reply is
    /// read and discarded in its turn.
    pub(crate) fn call<'a>(&'a self, request: Request<'a>) -> Call<'a> {
        Call {
            link: self,
            request,
            state: State::New,
        }
    }

    /// Carries out what the queue asks for, outside its lock.
    fn carry_out(&self, mut next: Next) {
        loop {
            next = match next {
                Next::Nothing => return,
                Next::Wake(waker) => return waker.wake(),
                Next::Start => return self.start(),
                Next::Write(buffer, socket) => {
                    // What cannot be written now, and any error, is for the driver to deal with.
                    let written = socket.try_write(&buffer).unwrap_or(0);
                    self.shared.lock().written(buffer, written)
                }
            }
        }
    }
}

/// A command on its way.
pub(crate) struct Call<'a> {
    link: &'a Link,
    request: Request<'a>,
    state: State,
}

enum State {
    New,
    /// Since when it waits counts towards its deadline.
    InLine(SlotId, Instant),
    Waiting(SlotId),
    Finished,
}

impl Call<'_> {
    fn submit(&mut self, admitted: bool, waker: &Waker) -> Poll<Result<Reply, Error>> {
        let Request {
            shape,
            limits,
            answered,
            ..
        } = self.request;
        let encode = |buffer: &mut Vec<u8>| self.request.encode(buffer);
        let waker = answered.then_some(waker);
        let submitted = self
            .link
            .shared
            .lock()
            .submit(encode, shape, limits, waker, admitted);
        self.state = State::Finished;
        match submitted {
            Submitted::Waiting(slot, next) => {
                self.state = State::Waiting(slot);
                self.link.carry_out(next);
                Poll::Pending
            }
            Submitted::InLine(slot, next) => {
                self.state = State::InLine(slot, Instant::now());
                self.link.carry_out(next);
                Poll::Pending
            }
            Submitted::Unanswered(next) => {
                self.link.carry_out(next);
                Poll::Ready(Ok(Reply::One(Value::Nil)))
            }
            Submitted::Refused(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Future for Call<'_> {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let slot = match self.state {
            State::New => return self.submit(false, cx.waker()),
            State::InLine(slot, _) | State::Waiting(slot) => slot,
            State::Finished => {
                let twice = "the command has been answered already";
                return Poll::Ready(Err(Error::new(ErrorKind::InvalidCommand, twice)));
            }
        };
        let outcome = self.link.shared.lock().take(slot, cx.waker());
        let Some(outcome) = outcome else {
            return Poll::Pending;
        };
        let state = std::mem::replace(&mut self.state, State::Finished);
        if let State::InLine(_, since) = state {
            let deadline = &mut self.request.limits.deadline;
            *deadline = deadline.saturating_sub(since.elapsed());
        }
        match outcome {
            Outcome::Admitted => self.submit(true, cx.waker()),
            Outcome::Reply(value) => Poll::Ready(Ok(Reply::One(value))),
            Outcome::Replies(values) => Poll::Ready(Ok(Reply::Many(values))),
            Outcome::Aborted(refused) => Poll::Ready(Ok(Reply::Aborted(refused))),
            Outcome::Failed(error) => Poll::Ready(Err(error)),
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let (slot, in_line) = match self.state {
            State::InLine(slot, _) => (slot, true),
            State::Waiting(slot) => (slot, false),
            State::New | State::Finished => return,
        };
        let wakers = self.link.shared.lock().abandon(slot, in_line);
        wakers.into_iter().for_each(Waker::wake);
    }
}
