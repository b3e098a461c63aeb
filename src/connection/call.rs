//! [`Call`]: one command on its way, as its caller holds it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use redis::Value;

use super::connection_log::refused_for_a_while;
use super::driver::introduce;
use super::errors::{
    LENGTH_HELP, MAX_ARGUMENT, argument_too_long, beyond_limit, is_a_cluster_node,
};
use super::last_words::{about_connection, is_about_length};
use super::late::{About, Hindrance, Limit, refused};
use super::queue::{AfterUnlock, Outcome, Submitted, WaiterId};
use super::reply::{Reply, may_hold_error};
use super::request::Request;
use super::retry::MAX_WRITES;
use super::state::{Purpose, State};
use super::supervisor;
use super::timeouts::Timeouts;
use crate::error::{Error, ErrorKind};
use crate::observe::Event;
use crate::resp::{Redirect, Refusal};
use crate::runtime::Wakers;
use crate::url::ReadFrom;

/// One command, or pipeline, on its way.
pub(crate) struct Call<'a> {
    connection: &'a Arc<State>,
    request: Request<'a>,
    /// When it was submitted first: from then on its deadline counts.
    started: Option<Instant>,
    /// How often it may have been written without a reply that its caller could use.
    writes: u8,
    /// Why it is not known whether it has run.
    lost: Option<Error>,
    progress: Progress,
}

enum Progress {
    New,
    InLine(WaiterId),
    Waiting(WaiterId),
    /// The server refused it with this reply; it waits until the server serves.
    Parked(WaiterId, Box<Reply>),
    Finished,
}

type PollReply = Poll<Result<Reply, Error>>;

impl<'a> Call<'a> {
    #[inline]
    pub(super) fn new(connection: &'a Arc<State>, request: Request<'a>) -> Call<'a> {
        Call {
            connection,
            request,
            started: None,
            writes: 0,
            lost: None,
            progress: Progress::New,
        }
    }

    /// Counts the deadline from `start` on.
    pub(super) fn since(mut self, start: Instant) -> Call<'a> {
        self.started = Some(start);
        self
    }

    /// Counts writes to other nodes, too.
    pub(crate) fn after_writes(mut self, writes: u8) -> Call<'a> {
        self.writes = writes;
        self
    }

    /// Returns how often it may have been written without a reply that its caller could use.
    pub(crate) fn writes(&self) -> u8 {
        self.writes
    }

    /// Returns when it was submitted first: from then on its deadline counts.
    pub(crate) fn started(&self) -> Option<Instant> {
        self.started
    }

    /// Waits for the reply.
    pub(crate) async fn reply(&mut self) -> Result<Reply, Error> {
        poll_fn(|cx| self.poll_reply(cx)).await
    }

    #[inline]
    pub(crate) fn poll_reply(&mut self, cx: &mut Context<'_>) -> PollReply {
        let waiter = match self.progress {
            Progress::New => return self.submit(false, cx.waker()),
            Progress::InLine(waiter) | Progress::Waiting(waiter) | Progress::Parked(waiter, _) => {
                waiter
            }
            Progress::Finished => return Poll::Ready(Err(answered_twice())),
        };
        let outcome = self.connection.lock().take(waiter, cx.waker());
        match outcome {
            Err(_) => Poll::Pending,
            // Nearly every reply goes this way, so it is the shortest.
            Ok(Outcome::Reply(Reply::One(value))) if !may_hold_error(&value) => {
                self.progress = Progress::Finished;
                Poll::Ready(Ok(Reply::One(value)))
            }
            Ok(outcome) => self.go_on(outcome, cx),
        }
    }

    fn go_on(&mut self, outcome: Outcome, cx: &mut Context<'_>) -> PollReply {
        match (
            outcome,
            std::mem::replace(&mut self.progress, Progress::Finished),
        ) {
            (Outcome::Reply(reply), _) if reply.has_error() => self.refused(reply, cx.waker()),
            (Outcome::Reply(reply), _) => Poll::Ready(Ok(reply)),
            (Outcome::Failed(error), _) => self.failed(error, cx.waker()),
            (Outcome::CutOff(error), _) => {
                self.writes = MAX_WRITES;
                self.give_up(error)
            }
            (Outcome::Beyond(limit), _) => self.give_up(beyond_limit(&self.connection.peer, limit)),
            (Outcome::Late(late), _) => self.failed(late.into_error(self.about()), cx.waker()),
            (Outcome::Hindered(hindrance), _) => self.hindered(hindrance, cx.waker()),
            (Outcome::Retry, Progress::Parked(_, reply)) if self.time_left().is_zero() => {
                let limit = Limit::Deadline(self.request.options.timeouts.deadline);
                self.not_ready(&reply, Some(limit))
            }
            (Outcome::Admitted, _) => self.submit_again(true, cx.waker()),
            (Outcome::Retry, _) => self.submit_again(false, cx.waker()),
        }
    }

    #[cold]
    fn submit_again(&mut self, admitted: bool, waker: &Waker) -> PollReply {
        self.submit(admitted, waker)
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call takes a hundredth of a command"
    )]
    fn submit(&mut self, admitted: bool, waker: &Waker) -> PollReply {
        self.progress = Progress::Finished;
        let timeouts = match self.started {
            None => self.request.options.timeouts,
            Some(_) => self
                .request
                .options
                .timeouts
                .with_deadline(self.time_left()),
        };
        let fail_fast = self.request.options.fail_fast;
        let request = &mut self.request;
        let (expected, is_answered) = request.prepare();
        let submitted = self.connection.lock().submit(
            |buffer| request.encode(buffer),
            expected,
            timeouts,
            fail_fast,
            is_answered.then_some(waker),
            admitted,
        );
        let (progress, now, after) = match submitted {
            Submitted::Waiting(waiter, now, after) => (Progress::Waiting(waiter), now, after),
            Submitted::InLine(waiter, now, after) => (Progress::InLine(waiter), now, after),
            Submitted::Unanswered(after) => {
                carry_out(after, self.connection);
                return Poll::Ready(Ok(Reply::One(Value::Nil)));
            }
            Submitted::Refused(error) => return self.give_up(error),
            Submitted::Hindered(hindrance) => return self.hindered(hindrance, waker),
        };
        self.progress = progress;
        self.started.get_or_insert(now);
        carry_out(after, self.connection);
        Poll::Pending
    }

    fn time_left(&self) -> Duration {
        let deadline = self.request.options.timeouts.deadline;
        self.started.map_or(deadline, |started| {
            deadline.saturating_sub(started.elapsed())
        })
    }

    /// Waits until the server serves, where the reply proves that nothing has run.
    #[cold]
    fn refused(&mut self, reply: Reply, waker: &Waker) -> PollReply {
        let State { target, peer, .. } = &**self.connection;
        if let Some(words) = reply.first().and_then(about_connection)
            && is_about_length(&words)
        {
            return Poll::Ready(Err(argument_too_long(peer, &words)));
        }
        let client = target.client();
        let first = reply.first().and_then(Refusal::of);
        let is_moved = matches!(first, Some(Refusal::Redirect(Redirect::Moved { .. })));
        if is_moved && !target.is_cluster_node() && self.request.redirection_is_true(&reply) {
            let error = is_a_cluster_node(peer, client.tls().is_some());
            return Poll::Ready(Err(if self.request.has_not_run(&reply) {
                error
            } else {
                error.after_writing()
            }));
        }
        match self.request.refusal(&reply) {
            // Where reads go to a replica, no other server would take a write either.
            Some(Refusal::ReadOnly) if client.read_from() != ReadFrom::Primary => {
                Poll::Ready(Ok(reply))
            }
            Some(refusal) => self.park(refusal, reply, waker),
            None => {
                self.leave_replica(&reply);
                self.connection.leave_if_logged_out(&reply);
                Poll::Ready(Ok(reply))
            }
        }
    }

    /// Sees to it that a replica is left. That is another question than whether the command may be sent
    /// again: the reply of a script, or of a pipeline that has run in part, goes to its caller.
    fn leave_replica(&self, reply: &Reply) {
        let State { target, .. } = &**self.connection;
        let writes_here = target.client().read_from() == ReadFrom::Primary;
        if !writes_here || target.is_cluster_node() || !reply.is_by_a_replica() {
            return;
        }
        let timeouts = Timeouts::from(target.client());
        let after = match self.connection.purpose {
            Purpose::Shared => self.connection.lock().ask_role(timeouts),
            // A question would get into a transaction of the session.
            Purpose::Session => self.connection.lock().end(timeouts.response_timeout),
            // Its pool decides.
            Purpose::Blocking => return,
        };
        carry_out(after, self.connection);
    }

    fn park(&mut self, refusal: Refusal, reply: Reply, waker: &Waker) -> PollReply {
        self.writes += 1;
        if self.request.options.fail_fast {
            return self.not_ready(&reply, None);
        }
        let left = self.time_left();
        if self.writes >= MAX_WRITES || left.is_zero() {
            return Poll::Ready(Ok(reply));
        }
        let timeouts = Timeouts::from(self.connection.target.client());
        let parked = self.connection.lock().park(refusal, left, timeouts, waker);
        match parked {
            Ok((waiter, after)) => {
                self.connection.tally.count_again(Event::Parked);
                if self.connection.lock().is_told_not_ready() {
                    refused_for_a_while(&self.connection.peer, &reply);
                }
                self.progress = Progress::Parked(waiter, Box::new(reply));
                carry_out(after, self.connection);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// The server has refused it with `reply`, and was not ready within `limit`; at once without one.
    fn not_ready(&mut self, reply: &Reply, limit: Option<Limit>) -> PollReply {
        let has_not_run = self.request.has_not_run(reply);
        self.give_up(refused(self.about(), reply, has_not_run, limit))
    }

    /// Tells a caller that must not wait that it would have to.
    #[cold]
    fn hindered(&mut self, hindrance: Hindrance, waker: &Waker) -> PollReply {
        if self.connection.is_forked() {
            // It is about the connection of the parent.
            let after = self.connection.lock().disown();
            carry_out(after, self.connection);
            return self.submit_again(false, waker);
        }
        self.give_up(hindrance.into_error(&self.connection.peer))
    }

    fn about(&self) -> About<'_> {
        About {
            peer: &self.connection.peer,
            options: self.request.options,
            max_in_flight: self.connection.target.client().max_in_flight().get(),
        }
    }

    /// Submits again what was written and lost, where that does no harm.
    #[cold]
    fn failed(&mut self, mut error: Error, waker: &Waker) -> PollReply {
        if error.kind() == ErrorKind::ConnectionLost && self.request.max_argument() > MAX_ARGUMENT {
            // The server ends the connection, and what it says about it may be lost with it.
            error = error.with_help(LENGTH_HELP);
        }
        self.writes += u8::from(error.may_have_run());
        let again = error.kind() == ErrorKind::ConnectionLost
            && self.writes < MAX_WRITES
            && self.request.is_repeatable()
            && !self.time_left().is_zero()
            && self.connection.lock().may_resend();
        if again {
            self.connection.tally.count_again(Event::Resent);
            self.lost = Some(error);
            self.submit_again(false, waker)
        } else {
            self.give_up(error)
        }
    }

    /// A later write that did not happen does not undo one that did.
    fn give_up(&mut self, error: Error) -> PollReply {
        self.connection.tally.failed(&error);
        Poll::Ready(Err(error.after_loss(self.lost.take())))
    }
}

#[cold]
fn answered_twice() -> Error {
    let message = "the command has been answered already";
    Error::new(ErrorKind::InvalidCommand, message)
}

/// Does what the queue asks for, outside of its lock.
#[inline]
fn carry_out(after: AfterUnlock, connection: &Arc<State>) {
    match after {
        // With many callers this is the usual case, the driver is awake; there is nothing to drop.
        AfterUnlock::Nothing => std::mem::forget(after),
        after => carry_out_steps(after, connection),
    }
}

fn carry_out_steps(mut after: AfterUnlock, connection: &Arc<State>) {
    loop {
        after = match after {
            AfterUnlock::Introduce(first) => {
                carry_out(*first, connection);
                return introduce(connection);
            }
            AfterUnlock::WakeAfter(first, watcher) => {
                let is_forked = connection.is_forked();
                carry_out(*first, connection);
                if !is_forked {
                    watcher.wake();
                }
                return;
            }
            AfterUnlock::StartSupervisor => return supervisor::start(connection),
            // Both are about the parent of this process, if it is a forked child.
            AfterUnlock::Wake(_) | AfterUnlock::CheckProcess if connection.is_forked() => {
                connection.lock().disown()
            }
            AfterUnlock::Write(buffer, socket) if connection.is_forked() => {
                std::mem::forget(socket);
                let mut queue = connection.lock();
                // Nothing was written, and what follows is for the process of the child.
                let _ = queue.written(buffer, 0);
                queue.disown()
            }
            AfterUnlock::Nothing | AfterUnlock::CheckProcess => return,
            AfterUnlock::Wake(waker) => return waker.wake(),
            AfterUnlock::Write(buffer, socket) => {
                // The driver deals with what cannot be written now, and with any error.
                let written = socket.try_write(&buffer).unwrap_or(0);
                connection.lock().written(buffer, written)
            }
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if matches!(self.progress, Progress::New | Progress::Finished) {
            return;
        }
        let mut wakers = Wakers::default();
        let mut queue = self.connection.lock();
        let old = match self.progress {
            Progress::InLine(waiter) => queue.leave_line(waiter, &mut wakers),
            Progress::Waiting(waiter) => queue.abandon(waiter, &mut wakers),
            Progress::Parked(waiter, _) => queue.unpark(waiter),
            Progress::New | Progress::Finished => None,
        };
        drop(queue);
        drop(old);
        wakers.wake_all();
    }
}
