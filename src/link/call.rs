//! One command on its way: the future a caller holds.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use redis::Value;

use super::delivery::{MAX_WRITES, Refusal};
use super::queue::{Limits, Next, Outcome, Submitted};
use super::request::Request;
use super::slots::SlotId;
use super::{Link, wake};
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::url::ReadFrom;

pub(crate) enum Reply {
    One(Value),
    Many(Vec<Value>),
    /// The commands of a transaction that the server did not queue, by their place, from 0.
    Aborted(Vec<(usize, Value)>),
}

impl Link {
    /// Sends `request` and waits for its reply. Cancel safe: when the future is dropped, the reply is
    /// read and discarded in its turn.
    #[inline]
    pub(crate) fn call<'a>(&'a self, request: Request<'a>) -> Call<'a> {
        Call {
            link: self,
            request,
            started: None,
            writes: 0,
            lost: None,
            state: State::New,
        }
    }

    /// Carries out what the queue asks for, outside its lock.
    #[inline]
    fn carry_out(&self, mut next: Next) {
        loop {
            next = match next {
                Next::Start => return self.start(),
                // Both ways to the parent of a forked child.
                Next::Wake(_) | Next::Check if self.shared.is_forked() => {
                    self.shared.lock().disown()
                }
                Next::Write(buffer, socket) if self.shared.is_forked() => {
                    std::mem::forget(socket);
                    let mut queue = self.shared.lock();
                    let _ = queue.written(buffer, 0);
                    queue.disown()
                }
                Next::Nothing | Next::Check => return,
                Next::Wake(waker) => return waker.wake(),
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
    /// When it was submitted first: from then on its deadline counts.
    started: Option<Instant>,
    /// How often it may have been written.
    writes: u8,
    /// Why it is not known whether it has run.
    lost: Option<Error>,
    state: State,
}

enum State {
    New,
    InLine(SlotId),
    Waiting(SlotId),
    /// Refused so, and held until the server serves.
    Held(SlotId, Box<Reply>),
    Finished,
}

type Answer = Poll<Result<Reply, Error>>;

impl Call<'_> {
    /// Counts writes to other nodes, too.
    pub(crate) fn after_writes(mut self, writes: u8) -> Self {
        self.writes = writes;
        self
    }

    /// How often it has been written without an answer that its caller could use.
    pub(crate) fn writes(&self) -> u8 {
        self.writes
    }

    #[inline]
    fn submit(&mut self, admitted: bool, waker: &Waker) -> Answer {
        let request = &self.request;
        let limits = match self.started {
            None => request.limits,
            Some(_) => Limits {
                deadline: self.time_left(),
                ..request.limits
            },
        };
        let submitted = self.link.shared.lock().submit(
            |buffer| request.encode(buffer),
            request.shape,
            limits,
            request.answered.then_some(waker),
            admitted,
        );
        match submitted {
            Submitted::Waiting(slot, now, next) => {
                self.state = State::Waiting(slot);
                self.started.get_or_insert(now);
                self.link.carry_out(next);
                Poll::Pending
            }
            Submitted::InLine(slot, now, next) => {
                self.state = State::InLine(slot);
                self.started.get_or_insert(now);
                self.link.carry_out(next);
                Poll::Pending
            }
            Submitted::Unanswered(next) => {
                self.link.carry_out(next);
                Poll::Ready(Ok(Reply::One(Value::Nil)))
            }
            Submitted::Refused(error) => self.give_up(error),
        }
    }

    fn time_left(&self) -> Duration {
        let deadline = self.request.limits.deadline;
        self.started.map_or(deadline, |started| {
            deadline.saturating_sub(started.elapsed())
        })
    }

    /// Waits at the gate, where the answer proves that nothing has run.
    #[inline]
    fn answered(&mut self, reply: Reply, waker: &Waker) -> Answer {
        if reply.may_be_refusal() {
            self.refused(reply, waker)
        } else {
            Poll::Ready(Ok(reply))
        }
    }

    #[cold]
    fn refused(&mut self, reply: Reply, waker: &Waker) -> Answer {
        let config = self.link.config();
        if config.seeds().is_empty() && reply.is_moved() {
            return Poll::Ready(Err(node_of_a_cluster(config)));
        }
        match self.request.refusal(&reply) {
            // Where reads go to a replica, no other server would take a write either.
            Some(Refusal::ReadOnly) if config.read_from() != ReadFrom::Primary => {
                Poll::Ready(Ok(reply))
            }
            Some(refusal) => self.hold(refusal, reply, waker),
            None => Poll::Ready(Ok(reply)),
        }
    }

    #[cold]
    fn hold(&mut self, refusal: Refusal, reply: Reply, waker: &Waker) -> Answer {
        self.writes += 1;
        let left = self.time_left();
        if self.writes >= MAX_WRITES || left.is_zero() {
            return Poll::Ready(Ok(reply));
        }
        let held = self
            .link
            .shared
            .lock()
            .hold(refusal, left, self.request.limits, waker);
        match held {
            Ok((slot, next)) => {
                self.state = State::Held(slot, Box::new(reply));
                self.link.carry_out(next);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// Submits again what was written and lost, where that does no harm.
    #[cold]
    fn failed(&mut self, error: Error, waker: &Waker) -> Answer {
        self.writes += u8::from(error.may_have_run());
        let lost = matches!(
            error.kind(),
            ErrorKind::ConnectionLost | ErrorKind::Protocol
        );
        let again = lost
            && self.writes < MAX_WRITES
            && self.request.is_repeatable()
            && !self.time_left().is_zero()
            && self.link.shared.lock().may_resend();
        if again {
            self.lost = Some(error);
            self.submit(false, waker)
        } else {
            self.give_up(error)
        }
    }

    /// A later write that did not happen does not undo one that did.
    fn give_up(&mut self, error: Error) -> Answer {
        Poll::Ready(Err(error.after_loss(self.lost.take())))
    }
}

impl Reply {
    /// Whether it is worth a closer look.
    fn may_be_refusal(&self) -> bool {
        match self {
            Reply::One(value) => matches!(value, Value::ServerError(_)),
            Reply::Many(values) => matches!(values.first(), Some(Value::ServerError(_))),
            Reply::Aborted(_) => true,
        }
    }

    /// Whether a node of a cluster has sent the caller to another one.
    fn is_moved(&self) -> bool {
        let first = match self {
            Reply::One(value) => Some(value),
            Reply::Many(values) => values.first(),
            Reply::Aborted(refused) => refused.first().map(|(_, value)| value),
        };
        matches!(first, Some(Value::ServerError(error)) if error.code() == "MOVED")
    }
}

/// The report about a URL that takes a node of a cluster for a server of its own.
fn node_of_a_cluster(config: &Config) -> Error {
    let peer = config.peer();
    let scheme = if config.tls.is_some() {
        "rediss-cluster"
    } else {
        "redis-cluster"
    };
    // redis-rs shows one line of an error, so what to write stands in it.
    let message = format!(
        "`{peer}` is a node of a cluster, and another one has the key: the URL is `{scheme}://{peer}`"
    );
    Error::new(ErrorKind::InvalidUrl, message).with_help(format!("write `{scheme}://{peer}`"))
}

impl Future for Call<'_> {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Answer {
        let slot = match self.state {
            State::New => {
                self.state = State::Finished;
                return self.submit(false, cx.waker());
            }
            State::InLine(slot) | State::Waiting(slot) | State::Held(slot, _) => slot,
            State::Finished => {
                let twice = "the command has been answered already";
                return Poll::Ready(Err(Error::new(ErrorKind::InvalidCommand, twice)));
            }
        };
        let outcome = self.link.shared.lock().take(slot, cx.waker());
        let Some(outcome) = outcome else {
            return Poll::Pending;
        };
        let outcome = match outcome {
            Outcome::Reply(value) if !matches!(value, Value::ServerError(_)) => {
                self.state = State::Finished;
                return Poll::Ready(Ok(Reply::One(value)));
            }
            outcome => outcome,
        };
        match (outcome, std::mem::replace(&mut self.state, State::Finished)) {
            (Outcome::Reply(value), _) => self.answered(Reply::One(value), cx.waker()),
            (Outcome::Replies(values), _) => self.answered(Reply::Many(values), cx.waker()),
            (Outcome::Aborted(refused), _) => self.answered(Reply::Aborted(refused), cx.waker()),
            (Outcome::Failed(error), _) => self.failed(error, cx.waker()),
            (Outcome::Again, State::Held(_, reply)) if self.time_left().is_zero() => {
                Poll::Ready(Ok(*reply))
            }
            (Outcome::Admitted, _) => self.submit(true, cx.waker()),
            (Outcome::Again, _) => self.submit(false, cx.waker()),
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut queue = match self.state {
            State::New | State::Finished => return,
            _ => self.link.shared.lock(),
        };
        let wakers = match self.state {
            State::InLine(slot) => queue.leave_line(slot),
            State::Waiting(slot) => {
                queue.abandon(slot);
                return;
            }
            State::Held(slot, _) => {
                queue.leave_gate(slot);
                return;
            }
            State::New | State::Finished => return,
        };
        drop(queue);
        wake(wakers);
    }
}
