//! `AUTH` in the order of the commands, by which a connection stays logged in.
//!
//! It has no caller whose time could be up, because it may have to wait behind a command that blocks.

use std::task::{Context, Poll};
use std::time::Instant;

use redis::Value;

use super::super::reply::{ExpectedReplies, Reply};
use super::super::timeouts::Timeouts;
use super::command_queue::{CommandQueue, Outcome};
use super::in_flight::{Caller, Entry};
use super::login::{Login, LoginAnswer, Progress};
use crate::runtime::{Wakers, later};

impl CommandQueue {
    /// Sends `auth`, an encoded `AUTH`, once nothing of the session is in its way.
    pub(in super::super) fn poll_log_in(
        &mut self,
        auth: &[u8],
        timeouts: Timeouts,
        wakers: &mut Wakers,
        cx: &Context<'_>,
    ) -> Poll<()> {
        let Login {
            is_in_transaction,
            is_by_caller,
            ..
        } = self.login;
        if is_in_transaction || is_by_caller || !self.is_up() || self.is_leaving() {
            self.login.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let now = Instant::now();
        let bytes = self.out.append(|out| out.extend_from_slice(auth));
        self.in_flight.push(Entry {
            caller: Caller::Login,
            bytes,
            expected: ExpectedReplies::One,
            submitted: now,
            timeouts,
            fail_fast: false,
        });
        self.login.progress = Progress::Sent;
        // A server that is silent to it is noticed by the clock of the I/O thread.
        self.alarm.ring_at(later(now, timeouts.response_timeout));
        self.wake_all_parties(wakers);
        Poll::Ready(())
    }

    /// Waits for the answer to `AUTH`.
    pub(in super::super) fn poll_logged_in(&mut self, cx: &Context<'_>) -> Poll<LoginAnswer> {
        match std::mem::take(&mut self.login.progress) {
            Progress::Answered(answer) => Poll::Ready(answer),
            Progress::Idle => Poll::Ready(LoginAnswer::Lost),
            Progress::Sent => {
                self.login.progress = Progress::Sent;
                self.login.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// `AUTH` has come to its end, with an answer or without.
    pub(super) fn logged_in(&mut self, outcome: &Outcome, wakers: &mut Wakers) {
        self.login.progress = Progress::Answered(answer_of(outcome));
        wakers.extend(self.login.waker.take());
    }

    /// The session of the caller is within a transaction from now on, or not any more.
    pub(in super::super) fn set_in_transaction(&mut self, is: bool, wakers: &mut Wakers) {
        self.login.is_in_transaction = is;
        wakers.extend(self.login.waker.take().filter(|_| !is));
    }

    /// The caller of the session has logged in itself: the connection is not logged in again.
    pub(in super::super) fn set_login_by_caller(&mut self) {
        self.login.is_by_caller = true;
    }

    pub(in super::super) fn is_login_by_caller(&self) -> bool {
        self.login.is_by_caller
    }
}

fn answer_of(outcome: &Outcome) -> LoginAnswer {
    match outcome {
        Outcome::Reply(Reply::One(Value::ServerError(error))) => {
            LoginAnswer::Refused(error.code().to_owned())
        }
        Outcome::Reply(_) => LoginAnswer::Accepted,
        _ => LoginAnswer::Lost,
    }
}
