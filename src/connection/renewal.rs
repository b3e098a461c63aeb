//! A connection stays logged in while its credentials are renewed.

use std::future::{pending, poll_fn};
use std::sync::Arc;

use redis::Value;

use super::multiplexed::MultiplexedConnection;
use super::queue::LoginAnswer;
use super::reply::Reply;
use super::request::Request;
use super::state::State;
use super::timeouts::Timeouts;
use crate::connect::LoggedIn;
use crate::error::Error;
use crate::login::Issued;
use crate::resp::encode;
use crate::runtime::Wakers;

impl State {
    /// Logs in again, on the connection that has just been made, whenever there are newer credentials than
    /// those that it has `logged_in` with. Does not end.
    pub(super) async fn stay_logged_in(&self, logged_in: Option<LoggedIn>) {
        let Some(mut renewal) = logged_in.and_then(LoggedIn::renewal) else {
            return pending().await;
        };
        let limit = self.target.client().connect_timeout();
        loop {
            let issued = renewal.due(limit).await;
            renewal.sent(Arc::clone(&issued));
            match self.log_in(&issued).await {
                LoginAnswer::Accepted => renewal.accepted(),
                LoginAnswer::Refused(code) => renewal.refused(&self.peer, &code),
                // The next connection logs in by itself.
                LoginAnswer::Lost => return pending().await,
            }
        }
    }

    /// Ends the connection, once what is in flight has been answered, if `reply` says that it is not logged in
    /// any more: the next one is, with the credentials of then.
    pub(super) fn leave_if_logged_out(&self, reply: &Reply) {
        let is_logged_out = matches!(
            reply.first(),
            Some(Value::ServerError(error)) if error.code() == "NOAUTH"
        );
        let client = self.target.client();
        if !is_logged_out || client.credentials().as_changing().is_none() {
            return;
        }
        let mut wakers = Wakers::default();
        let mut queue = self.lock();
        if !queue.is_login_by_caller() {
            queue.leave(client.response_timeout());
            queue.wake_all_parties(&mut wakers);
        }
        drop(queue);
        wakers.wake_all();
    }

    /// Sends `AUTH`, behind the commands that are in flight, and waits for the answer.
    async fn log_in(&self, issued: &Issued) -> LoginAnswer {
        let mut bytes = Vec::new();
        encode(&issued.auth(!self.target.is_oldest()), &mut bytes);
        let timeouts = Timeouts::from(self.target.client());
        let mut wakers = Wakers::default();
        poll_fn(|cx| self.lock().poll_log_in(&bytes, timeouts, &mut wakers, cx)).await;
        wakers.wake_all();
        poll_fn(|cx| self.lock().poll_logged_in(cx)).await
    }
}

impl MultiplexedConnection {
    /// Sends commands of the caller who has the session for itself, and waits for their replies. Nothing comes
    /// between the commands of its transaction, and what it logs in with stays.
    pub(crate) async fn call_in_session(&self, request: Request<'_>) -> Result<Reply, Error> {
        if self.target().client().credentials().as_changing().is_none() {
            return self.call(request).reply().await;
        }
        let change = LoginChange::of(&request);
        if change.is_by_caller {
            self.state().lock().set_login_by_caller();
        }
        if change.transaction == Some(true) {
            self.set_in_transaction(true);
        }
        let reply = self.call(request).reply().await;
        if change.transaction == Some(false) {
            self.set_in_transaction(false);
        }
        reply
    }

    fn set_in_transaction(&self, is: bool) {
        let mut wakers = Wakers::default();
        self.state().lock().set_in_transaction(is, &mut wakers);
        wakers.wake_all();
    }
}

/// What commands of a session's caller make of its login.
#[derive(Debug, Default)]
struct LoginChange {
    /// Whether a transaction has begun, or ended.
    transaction: Option<bool>,
    is_by_caller: bool,
}

impl LoginChange {
    fn of(request: &Request<'_>) -> LoginChange {
        let mut change = LoginChange::default();
        request.for_each_command(|command| {
            let Some((name, arguments)) = command.split_first() else {
                return;
            };
            let has_auth = || arguments.iter().any(|it| it.eq_ignore_ascii_case(b"AUTH"));
            match name.to_ascii_uppercase().as_slice() {
                b"MULTI" => change.transaction = Some(true),
                b"EXEC" | b"DISCARD" => change.transaction = Some(false),
                b"RESET" => (change.transaction, change.is_by_caller) = (Some(false), true),
                b"AUTH" => change.is_by_caller = true,
                b"HELLO" => change.is_by_caller |= has_auth(),
                _ => {}
            }
        });
        change
    }
}
